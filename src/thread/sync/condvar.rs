//! Condition variables: waiting, with a mutex unlocked, until someone says that something has
//! changed.
//!
//! Which of those who wait is notified is nobody's promise: the first, in asyncio's order, and
//! under a strategy a decision of the run's, which its plan names.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::LockResult;
use std::task::{Context, Poll};
use std::time::Duration;

use super::line::{Books, Due, decide, look};
use super::mutex::{MutexGuard, poison_if};
use crate::event_loop::core;
use crate::event_loop::table::WaiterKey;
use crate::event_loop::{Access, Wait, Waited};
use crate::sync::home::{Home, Waiters};
use crate::thread::current::before;
use crate::thread::{block_on, point};
use crate::time::now;

/// Under which name the choice among those who wait stands in a plan.
const WHO: &str = "who is notified";

/// A condition variable: `std`'s `Condvar`.
///
/// Unlocking the mutex and beginning to wait are one act, so a notification that comes after it is
/// not missed; one that comes before it is, as always. No wait ends without a notification.
///
/// ```
/// use simrun::thread::{self, sync::{Condvar, Mutex}};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (ready, changed) = (Mutex::new(false), Condvar::new().named("changed"));
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let guard = ready.lock().unwrap();
///     let guard = changed.wait_while(guard, |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// # }).unwrap();
/// ```
pub struct Condvar {
    home: Home<Waiters>,
}

impl Condvar {
    /// Makes a condition variable for which nobody waits.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            home: Home::new("condvar", Location::caller(), Waiters::new()),
        }
    }

    /// Gives the condition variable a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is locked again.
    ///
    /// # Panics
    ///
    /// In a task.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        point();
        let at = Location::caller();
        let mutex = guard.unlock();
        // A thread that is cut off goes on as if it had been notified.
        let _ = block_on(self.notified(at), "waiting for a condition variable");
        mutex.lock_at(at)
    }

    /// Waits for notifications while the condition holds.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is locked again.
    ///
    /// # Panics
    ///
    /// In a task, if the condition holds.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Does as [`wait`](Self::wait), but waits for no longer than this.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is locked again.
    ///
    /// # Panics
    ///
    /// In a task.
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        point();
        let at = Location::caller();
        let mutex = guard.unlock();
        let notified = before(duration, self.notified(at));
        let notified = block_on(notified, "waiting for a condition variable");
        let result = WaitTimeoutResult(matches!(notified, Ok(None)));
        match mutex.lock_at(at) {
            Ok(guard) => Ok((guard, result)),
            Err(poisoned) => poison_if(true, (poisoned.into_inner(), result)),
        }
    }

    /// Does as [`wait_while`](Self::wait_while), but waits for no longer than this. The result says
    /// that the time was up if the condition still holds.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is locked again.
    ///
    /// # Panics
    ///
    /// In a task, if the condition holds.
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        duration: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let mut deadline = None;
        while condition(&mut *guard) {
            let deadline = *deadline.get_or_insert_with(|| now() + duration);
            let rest = deadline - now();
            if rest.is_zero() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_timeout(guard, rest)?.0;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// Notifies one of those who wait, if anyone does.
    #[track_caller]
    pub fn notify_one(&self) {
        point();
        self.notify();
    }

    fn notify(&self) {
        let waiting = look(&self.home, Access::Write, |books: Books<'_>, line| {
            books.waiting(line)
        });
        if let Some(chosen) = decide(&waiting, WHO) {
            chosen.wake();
        }
    }

    /// Notifies everyone who waits.
    #[track_caller]
    pub fn notify_all(&self) {
        point();
        let waiting = look(&self.home, Access::Write, |books: Books<'_>, line| {
            books.waiting(line)
        });
        Due::from(waiting).wake();
    }

    fn notified(&self, at: &'static Location<'static>) -> Notified<'_> {
        let (condvar, wait) = (self, Wait::new());
        Notified { condvar, wait, at }
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// Waiting to be notified.
struct Notified<'a> {
    condvar: &'a Condvar,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Notified<'_> {
    fn leave(&mut self, waiter: WaiterKey) {
        self.wait.stop();
        self.condvar.home.with(|line| line.remove(waiter));
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(waiter) = this.wait.key() else {
            let (core, key) = this.condvar.home.enter(Access::Write);
            let waiter = this.wait.start(&core, cx, key.on(), this.at);
            this.condvar.home.with(|line| line.push(waiter));
            return Poll::Pending;
        };
        let core = core::own(waiter.serial, "condvar");
        if this.wait.poll(&core, cx) != Waited::Over {
            return Poll::Pending;
        }
        this.leave(waiter);
        Poll::Ready(())
    }
}

impl Drop for Notified<'_> {
    /// A notification that was not heard goes to another.
    fn drop(&mut self) {
        let Some(waiter) = self.wait.key() else {
            return;
        };
        let core = core::try_own(waiter.serial);
        let notified = core.is_some_and(|core| self.wait.is_woken(&core));
        self.leave(waiter);
        if notified {
            self.condvar.notify();
        }
    }
}

/// Says whether a wait ended because the time was up.
///
/// ```
/// use simrun::thread::sync::{Condvar, Mutex, WaitTimeoutResult};
/// use simrun::time::{now, secs};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (mutex, never) = (Mutex::new(()), Condvar::new());
/// let waited = never.wait_timeout(mutex.lock().unwrap(), secs(2));
/// let result: WaitTimeoutResult = waited.unwrap().1;
/// assert!(result.timed_out());
/// assert_eq!(now().since_start(), secs(2));
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Says whether the time was up.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}
