//! Barriers: tasks that go on together.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::condition::Condition;
use crate::event_loop::Hidden;

/// A point that a number of tasks pass together: each waits until all are there.
///
/// ```
/// use simrun::sync::Barrier;
/// use simrun::task::{self, gather};
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let barrier = Arc::new(Barrier::new(3));
/// let arrivals = (0..3).map(|_| {
///     let barrier = barrier.clone();
///     task::spawn(async move { barrier.wait().await.unwrap() })
/// });
/// let mut order = gather(arrivals).await.unwrap();
/// order.sort_unstable();
/// assert_eq!(order, [0, 1, 2]);
/// # });
/// ```
pub struct Barrier {
    condition: Condition,
    parties: usize,
    state: Mutex<State>,
    hidden: Hidden,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    /// How many tasks are inside.
    count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Tasks arrive and wait.
    Filling,
    /// All were there and are leaving; who comes now waits until they have left.
    Draining,
    /// It was reset, and those who were there are leaving with an error.
    Resetting,
    /// It was aborted: nobody can pass.
    Broken,
}

impl Barrier {
    /// Makes a barrier for so many tasks.
    ///
    /// # Panics
    ///
    /// If `parties` is 0.
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier needs at least one task");
        let state = State {
            phase: Phase::Filling,
            count: 0,
        };
        Self {
            condition: Condition::of_kind("barrier", "lock of barrier", (), Location::caller()),
            parties,
            state: Mutex::new(state),
            hidden: Hidden::now(),
        }
    }

    /// Gives the barrier a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self {
            condition: self.condition.named(name),
            ..self
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.hidden.touch();
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many tasks it takes to pass.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// Returns how many tasks are waiting for the others.
    pub fn waiting(&self) -> usize {
        let state = self.state();
        if state.phase == Phase::Filling {
            state.count
        } else {
            0
        }
    }

    /// Says whether the barrier was aborted.
    pub fn is_broken(&self) -> bool {
        self.state().phase == Phase::Broken
    }

    /// Waits until all are there. Returns how many were there before; the last to arrive, who
    /// does not wait, has the highest number.
    ///
    /// # Errors
    ///
    /// If the barrier is or becomes broken, or is reset while the task waits.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrier>> + use<'_> {
        let at = Location::caller();
        let lock = self.condition.lock();
        async move {
            let mut guard = lock.await;
            let can_enter = |phase| !matches!(phase, Phase::Draining | Phase::Resetting);
            let entered = guard.wait_for_at(|()| can_enter(self.state().phase), at);
            entered.await;
            if self.is_broken() {
                return Err(BrokenBarrier(()));
            }
            let index = self.state().count;
            let _inside = Inside::enter(self);
            if index + 1 == self.parties {
                self.state().phase = Phase::Draining;
                guard.notify_all();
                return Ok(index);
            }
            let left = guard.wait_for_at(|()| self.state().phase != Phase::Filling, at);
            left.await;
            match self.state().phase {
                Phase::Broken | Phase::Resetting => Err(BrokenBarrier(())),
                Phase::Filling | Phase::Draining => Ok(index),
            }
        }
    }

    /// Sends those who wait away with an error, and makes the barrier good for use again.
    ///
    /// ```
    /// use simrun::sync::Barrier;
    /// use simrun::task;
    /// use std::sync::Arc;
    ///
    /// # simrun::run(async {
    /// let barrier = Arc::new(Barrier::new(2));
    /// let wait = || {
    ///     let barrier = barrier.clone();
    ///     task::spawn(async move { barrier.wait().await })
    /// };
    /// let early = wait();
    /// task::yield_now().await;
    /// barrier.reset().await;
    /// assert!(early.await.unwrap().is_err());
    /// let both = task::gather([wait(), wait()]).await.unwrap();
    /// assert!(both.iter().all(Result::is_ok), "it is as good as new");
    /// # });
    /// ```
    #[track_caller]
    pub fn reset(&self) -> impl Future<Output = ()> + use<'_> {
        let lock = self.condition.lock();
        async move {
            let guard = lock.await;
            {
                let mut state = self.state();
                let inside = state.count > 0;
                state.phase = if inside {
                    Phase::Resetting
                } else {
                    Phase::Filling
                };
            }
            guard.notify_all();
        }
    }

    /// Sends those who wait, and those who come, away with an error, until the barrier is reset.
    #[track_caller]
    pub fn abort(&self) -> impl Future<Output = ()> + use<'_> {
        let lock = self.condition.lock();
        async move {
            let guard = lock.await;
            self.state().phase = Phase::Broken;
            guard.notify_all();
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = *self.state();
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("count", &state.count)
            .field("phase", &state.phase)
            .finish()
    }
}

/// A task inside the barrier: it leaves however its wait ends.
struct Inside<'a> {
    barrier: &'a Barrier,
}

impl<'a> Inside<'a> {
    fn enter(barrier: &'a Barrier) -> Self {
        barrier.state().count += 1;
        Self { barrier }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let last = {
            let mut state = self.barrier.state();
            state.count -= 1;
            if state.count == 0 && matches!(state.phase, Phase::Resetting | Phase::Draining) {
                state.phase = Phase::Filling;
            }
            state.count == 0
        };
        if last && crate::event_loop::core::try_current().is_some() {
            self.barrier.condition.wake(usize::MAX);
        }
    }
}

/// The barrier was aborted, or reset while the task waited.
///
/// ```
/// use simrun::sync::Barrier;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let barrier = Arc::new(Barrier::new(2));
/// let early = task::spawn({
///     let barrier = barrier.clone();
///     async move { barrier.wait().await }
/// });
/// task::yield_now().await;
/// barrier.abort().await;
/// assert!(early.await.unwrap().is_err());
/// assert!(barrier.wait().await.is_err(), "until someone resets it");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier(());

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier was aborted or reset")
    }
}

impl Error for BrokenBarrier {}
