//! Barriers: threads that go on together.

use std::fmt;
use std::panic::Location;

use super::line::{Books, Due, Lines, Until, look};
use crate::event_loop::Access;
use crate::sync::home::{Home, Waiters};
use crate::thread::{block_on, point};

/// A place that a number of threads pass together, time and again: `std`'s `Barrier`.
///
/// ```
/// use simrun::thread::{self, sync::Barrier};
///
/// # simrun::Sim::new().run_thread(|| {
/// let barrier = Barrier::new(3).named("start");
/// let leaders = thread::scope(|scope| {
///     let runners = [(); 3].map(|()| scope.spawn(|| barrier.wait().is_leader()));
///     runners.map(|runner| runner.join().unwrap())
/// });
/// assert_eq!(leaders.iter().filter(|leads| **leads).count(), 1);
/// # }).unwrap();
/// ```
pub struct Barrier {
    home: Home<State>,
    threads: usize,
}

#[derive(Debug)]
struct State {
    /// How many have come since the barrier last opened.
    count: usize,
    /// How often it has opened.
    opened: u64,
    line: Waiters,
}

impl Lines for State {
    fn due(&self, _: Books<'_>) -> Due {
        // Those who leave take nothing with them that others wait for.
        Due::default()
    }
}

impl Barrier {
    /// Makes a barrier that opens for so many threads at a time.
    #[track_caller]
    pub const fn new(threads: usize) -> Self {
        let state = State {
            count: 0,
            opened: 0,
            line: Waiters::new(),
        };
        Self {
            home: Home::new("barrier", Location::caller(), state),
            threads,
        }
    }

    /// Gives the barrier a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Blocks until all are there. The last to come is the leader, and does not block.
    ///
    /// # Panics
    ///
    /// In a task, unless it is the last to come.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        point();
        let (opened, all) = look(&self.home, Access::Write, |_, state| {
            state.count += 1;
            if state.count < self.threads {
                return (state.opened, None);
            }
            state.count = 0;
            state.opened += 1;
            (state.opened, Some(Due::from(state.line.iter())))
        });
        if let Some(all) = all {
            all.wake();
            return BarrierWaitResult(true);
        }
        let is_open = |_: Books<'_>, state: &mut State| (state.opened != opened).then_some(());
        let wait = Until::new(
            &self.home,
            Access::Read,
            |state| &mut state.line,
            is_open,
            Location::caller(),
        );
        // A thread that is cut off passes alone.
        let _ = block_on(wait, "waiting at a barrier");
        BarrierWaitResult(false)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

/// Says whether a thread was the last to come to a [`Barrier`].
///
/// ```
/// use simrun::thread::sync::{Barrier, BarrierWaitResult};
///
/// # simrun::Sim::new().run_thread(|| {
/// let alone: BarrierWaitResult = Barrier::new(1).wait();
/// assert!(alone.is_leader());
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Says whether this thread is the one in all that was the last to come.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}
