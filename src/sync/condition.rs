//! Conditions: waiting, under a lock, until something under that lock has changed.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::home::{Home, Waiters};
use super::lock::{Acquire, Lock, NotLocked};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, Wait, Waited};
use crate::task::cancellable;

/// A condition and its lock, around a value.
///
/// A waiting task gives the lock up and has it back when the wait is over, even if it was
/// cancelled in between. A notification that reaches a task which is being cancelled goes on to
/// the next.
///
/// ```
/// use simrun::sync::Condition;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let jobs = Arc::new(Condition::new(Vec::new()));
/// let worker = task::spawn({
///     let jobs = jobs.clone();
///     async move {
///         let mut jobs = jobs.lock().await;
///         jobs.wait_for(|jobs| !jobs.is_empty()).await;
///         jobs.pop()
///     }
/// });
/// task::yield_now().await;
/// let mut guard = jobs.lock().await;
/// guard.push("paint");
/// guard.notify(1);
/// drop(guard);
/// assert_eq!(worker.await.unwrap(), Some("paint"));
/// # });
/// ```
pub struct Condition<T = ()> {
    lock: Lock<T>,
    home: Home<Waiters>,
}

impl<T> Condition<T> {
    /// Makes a condition, and the lock for it.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self::of_kind("condition", "lock of condition", value, Location::caller())
    }

    pub(super) fn of_kind(
        kind: &'static str,
        lock_kind: &'static str,
        value: T,
        made: &'static Location<'static>,
    ) -> Self {
        Self {
            lock: Lock::of_kind(lock_kind, value, made),
            home: Home::born(kind, made, Waiters::new()),
        }
    }

    /// Gives the condition a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.home.rename(name.clone());
        Self {
            lock: self.lock.named(name),
            home: self.home,
        }
    }

    /// Waits for the lock and takes it.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = ConditionGuard<'_, T>> + use<'_, T> {
        let acquire = self.lock.acquire();
        async move {
            acquire.await.forget();
            ConditionGuard {
                condition: self,
                value: self.lock.take_value(),
            }
        }
    }

    /// Waits for the lock and takes it, as [`Lock::acquire`] does: for those who do without a
    /// [`ConditionGuard`].
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_, T> {
        self.lock.acquire()
    }

    /// Releases the lock, if its guard was forgotten.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn release(&self) -> Result<(), NotLocked> {
        self.lock.release()
    }

    /// Says whether someone holds the lock.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    /// Gives the lock up, waits for a notification, and takes the lock again.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<(), NotLocked>> + use<'_, T> {
        let at = Location::caller();
        async move { self.wait_with(None, at).await }
    }

    /// Waits until `predicate` is true; it is looked at under the lock, at first and after each
    /// notification.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn wait_for<P: FnMut() -> bool>(
        &self,
        mut predicate: P,
    ) -> impl Future<Output = Result<(), NotLocked>> + use<'_, T, P> {
        let at = Location::caller();
        async move {
            while !predicate() {
                self.wait_with(None, at).await?;
            }
            Ok(())
        }
    }

    /// Wakes the first `count` of those who wait.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn notify(&self, count: usize) -> Result<(), NotLocked> {
        if !self.lock.is_locked() {
            return Err(NotLocked(()));
        }
        self.wake(count);
        Ok(())
    }

    /// Wakes everyone who waits.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn notify_all(&self) -> Result<(), NotLocked> {
        self.notify(usize::MAX)
    }

    #[track_caller]
    pub(super) fn wake(&self, count: usize) {
        let (core, _) = self.home.enter(Access::Write);
        let waiters = self.home.with(|waiters| waiters.all());
        let waiting = waiters
            .into_iter()
            .filter(|waiter| core.is_waiting(*waiter));
        for waiter in waiting.take(count) {
            core.wake(waiter);
        }
    }

    /// Waits for a notification. The value of the guard, if there is one, is put back while the
    /// lock is given up.
    async fn wait_with(
        &self,
        guard: Option<&mut Option<T>>,
        at: &'static Location<'static>,
    ) -> Result<(), NotLocked> {
        if !self.lock.is_locked() {
            return Err(NotLocked(()));
        }
        let leaving = PassOn {
            condition: self,
            armed: true,
        };
        let guard = match guard {
            Some(value) => {
                self.lock.put_back(value.take());
                Some(value)
            }
            None => {
                self.lock.release()?;
                None
            }
        };
        let notified = Notified {
            home: &self.home,
            wait: Wait::new(),
            at,
        };
        let mut cancelled = cancellable(notified).await.err();
        // The lock is taken again, whatever has happened, and however often the task is cancelled
        // while it waits for that.
        loop {
            match cancellable(self.lock.acquire_at(at)).await {
                Ok(acquired) => break acquired.forget(),
                Err(again) => cancelled = Some(again),
            }
        }
        if let Some(value) = guard {
            *value = self.lock.take_value();
        }
        match cancelled {
            None => {
                leaving.disarm();
                Ok(())
            }
            Some(cancelled) => {
                drop(leaving);
                cancelled.raise().await
            }
        }
    }
}

impl<T: Default> Default for Condition<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

/// A wait that may have used up a notification without heeding it: another waiter gets one.
struct PassOn<'a, T> {
    condition: &'a Condition<T>,
    armed: bool,
}

impl<T> PassOn<'_, T> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl<T> Drop for PassOn<'_, T> {
    fn drop(&mut self) {
        if self.armed && core::try_current().is_some() {
            self.condition.wake(1);
        }
    }
}

/// Waiting for a notification.
struct Notified<'a> {
    home: &'a Home<Waiters>,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Notified<'_> {
    fn start(&mut self, core: &Core, cx: &Context<'_>, on: crate::event_loop::ResourceKey) {
        let waiter = self.wait.start(core, cx, on.on(), self.at);
        self.home.with(|waiters| waiters.push(waiter));
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(waiter) = this.wait.key() else {
            let (core, key) = this.home.enter(Access::Read);
            this.start(&core, cx, key);
            return Poll::Pending;
        };
        let core = core::own(waiter.serial, "condition");
        match this.wait.poll(&core, cx) {
            Waited::Over => Poll::Ready(()),
            Waited::Still | Waited::Not => Poll::Pending,
        }
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            self.home
                .leave(Access::Read, |waiters| waiters.remove(waiter));
        }
    }
}

/// Holds the lock of a [`Condition`] and its value; dropping it releases the lock.
///
/// ```
/// use simrun::sync::Condition;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let state = Arc::new(Condition::new("closed"));
/// let waiter = task::spawn({
///     let state = state.clone();
///     async move {
///         let mut guard = state.lock().await;
///         guard.wait().await;
///         *guard
///     }
/// });
/// task::yield_now().await;
/// let mut guard = state.lock().await; // free: the waiter has given it up
/// *guard = "open";
/// guard.notify_all();
/// drop(guard);
/// assert_eq!(waiter.await.unwrap(), "open");
/// # });
/// ```
pub struct ConditionGuard<'a, T> {
    condition: &'a Condition<T>,
    /// Absent while a wait has given the lock up.
    value: Option<T>,
}

impl<'c, T> ConditionGuard<'c, T> {
    /// Gives the lock up, waits for a notification, and takes the lock again.
    #[track_caller]
    pub fn wait(&mut self) -> impl Future<Output = ()> + use<'_, 'c, T> {
        let at = Location::caller();
        async move {
            let waited = self.condition.wait_with(Some(&mut self.value), at).await;
            waited.expect("the guard holds the lock");
        }
    }

    /// Waits until `predicate` is true of the value; it is looked at at first and after each
    /// notification.
    #[track_caller]
    pub fn wait_for<P: FnMut(&mut T) -> bool>(
        &mut self,
        predicate: P,
    ) -> impl Future<Output = ()> + use<'_, 'c, T, P> {
        self.wait_for_at(predicate, Location::caller())
    }

    pub(super) async fn wait_for_at<P: FnMut(&mut T) -> bool>(
        &mut self,
        mut predicate: P,
        at: &'static Location<'static>,
    ) {
        while !predicate(self) {
            let waited = self.condition.wait_with(Some(&mut self.value), at).await;
            waited.expect("the guard holds the lock");
        }
    }

    /// Wakes the first `count` of those who wait.
    #[track_caller]
    pub fn notify(&self, count: usize) {
        self.condition.wake(count);
    }

    /// Wakes everyone who waits.
    #[track_caller]
    pub fn notify_all(&self) {
        self.condition.wake(usize::MAX);
    }
}

impl<T> Deref for ConditionGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
            .as_ref()
            .expect("the lock was given up by a wait that was dropped")
    }
}

impl<T> DerefMut for ConditionGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
            .as_mut()
            .expect("the lock was given up by a wait that was dropped")
    }
}

impl<T> Drop for ConditionGuard<'_, T> {
    fn drop(&mut self) {
        self.condition.lock.put_back(self.value.take());
    }
}

impl<T: fmt::Debug> fmt::Debug for ConditionGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConditionGuard").field(&self.value).finish()
    }
}
