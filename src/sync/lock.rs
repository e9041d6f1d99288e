//! Locks: one task at a time, in the order in which they came.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::home::{Home, Waiters};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, Wait, Waited};

/// A lock for tasks, around a value. It is fair: who comes later waits behind those who wait.
///
/// The value lies in the guard while the lock is held. A task that is cancelled while it waits
/// leaves the line; one that was woken already hands the lock to the next.
///
/// ```
/// use simrun::sync::Lock;
/// use simrun::task::{self, gather};
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let balance = Arc::new(Lock::new(100));
/// let withdraw = |amount| {
///     let balance = balance.clone();
///     task::spawn(async move {
///         let mut balance = balance.acquire().await;
///         task::yield_now().await;
///         *balance -= amount;
///     })
/// };
/// gather([withdraw(30), withdraw(50)]).await.unwrap();
/// assert_eq!(*balance.acquire().await, 20);
/// # });
/// ```
pub struct Lock<T = ()> {
    home: Home<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    locked: bool,
    /// Absent while a guard has it.
    value: Option<T>,
    waiters: Waiters,
}

impl<T> Lock<T> {
    /// Makes a lock that nobody holds.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self::of_kind("lock", value, Location::caller())
    }

    pub(super) fn of_kind(kind: &'static str, value: T, made: &'static Location<'static>) -> Self {
        let state = State {
            locked: false,
            value: Some(value),
            waiters: Waiters::new(),
        };
        Self {
            home: Home::born(kind, made, state),
        }
    }

    /// Gives the lock a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Waits for the lock and takes it. If it is free and nobody waits, that takes no time.
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_, T> {
        self.acquire_at(Location::caller())
    }

    pub(super) fn acquire_at(&self, at: &'static Location<'static>) -> Acquire<'_, T> {
        Acquire {
            lock: self,
            wait: Wait::new(),
            at,
        }
    }

    /// Takes the lock if it is free and nobody waits.
    ///
    /// ```
    /// use simrun::sync::Lock;
    /// use simrun::{spawn, task};
    /// use std::sync::Arc;
    ///
    /// # simrun::run(async {
    /// let lock = Arc::new(Lock::new(()));
    /// let guard = lock.acquire().await;
    /// let other = lock.clone();
    /// let waiter = spawn(async move { drop(other.acquire().await) });
    /// task::yield_now().await;
    /// drop(guard);
    /// assert!(lock.try_acquire().is_none(), "it is free, but someone is in line");
    /// waiter.await.unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        let (core, _) = self.home.enter(Access::Write);
        self.take(&core)
    }

    fn take(&self, core: &Core) -> Option<LockGuard<'_, T>> {
        let taken = self.home.with(|state| {
            let free = !state.locked && !state.waiters.any_live(core);
            state.locked |= free;
            free
        });
        taken.then(|| self.hold())
    }

    /// Makes the guard of the task that has just locked.
    fn hold(&self) -> LockGuard<'_, T> {
        let (core, key) = self.home.enter(Access::Write);
        core.hold(key);
        LockGuard {
            lock: self,
            value: self.home.with(|state| state.value.take()),
        }
    }

    /// Says whether someone holds the lock.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        if core::try_current().is_some() {
            self.home.enter(Access::Read);
        }
        self.home.with(|state| state.locked)
    }

    /// Releases a lock whose guard was [forgotten](LockGuard::forget), and wakes the first who
    /// waits.
    ///
    /// # Errors
    ///
    /// If the lock is not held.
    #[track_caller]
    pub fn release(&self) -> Result<(), NotLocked> {
        let (core, key) = self.home.enter(Access::Write);
        if !self
            .home
            .with(|state| std::mem::replace(&mut state.locked, false))
        {
            return Err(NotLocked(()));
        }
        core.let_go(key);
        self.wake_first(&core);
        Ok(())
    }

    /// Wakes the first in line, unless it has been woken or cancelled.
    fn wake_first(&self, core: &Core) {
        if let Some(first) = self.home.with(|state| state.waiters.first()) {
            core.wake(first);
        }
    }
}

impl<T: Default> Default for Lock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = self.home.with(|state| state.locked);
        f.debug_struct("Lock")
            .field("locked", &locked)
            .finish_non_exhaustive()
    }
}

/// Waiting for a lock: what [`Lock::acquire`] returns.
///
/// Dropping it leaves the line; if the lock had been handed to it, the next gets it.
///
/// ```
/// use simrun::sync::Lock;
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let lock = Lock::new(());
/// let guard = lock.acquire().await;
/// assert!(timeout(secs(1), lock.acquire()).await.is_err());
/// drop(guard);
/// assert!(lock.try_acquire().is_some(), "nobody is in line");
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<'a, T> {
    lock: &'a Lock<T>,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<'a, T> Future for Acquire<'a, T> {
    type Output = LockGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let lock = this.lock;
        match this.wait.key() {
            None => {
                let (core, key) = lock.home.enter(Access::Write);
                if let Some(guard) = lock.take(&core) {
                    return Poll::Ready(guard);
                }
                let waiter = this.wait.start(&core, cx, key.on(), this.at);
                lock.home.with(|state| state.waiters.push(waiter));
                Poll::Pending
            }
            Some(waiter) => {
                let core = core::own(waiter.serial, "lock");
                if this.wait.poll(&core, cx) != Waited::Over {
                    return Poll::Pending;
                }
                this.wait.stop();
                lock.home.with(|state| {
                    state.waiters.remove(waiter);
                    state.locked = true;
                });
                Poll::Ready(lock.hold())
            }
        }
    }
}

impl<T> Drop for Acquire<'_, T> {
    fn drop(&mut self) {
        let Some(waiter) = self.wait.key() else {
            return;
        };
        self.wait.stop();
        let locked = self.lock.home.leave(Access::Write, |state| {
            state.waiters.remove(waiter);
            state.locked
        });
        // It may have been woken: then the next in line must be.
        if let (false, Some(core)) = (locked, core::try_own(waiter.serial)) {
            self.lock.wake_first(&core);
        }
    }
}

impl<T> fmt::Debug for Acquire<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("lock", self.lock)
            .finish_non_exhaustive()
    }
}

/// Holds a [`Lock`] and its value; dropping it releases the lock.
///
/// A guard that is held across an `await` keeps the lock all that time.
///
/// ```
/// use simrun::sync::Lock;
///
/// # simrun::run(async {
/// let words = Lock::new(vec!["a"]);
/// let mut guard = words.acquire().await;
/// guard.push("b");
/// assert!(words.is_locked());
/// drop(guard);
/// assert_eq!(*words.acquire().await, ["a", "b"]);
/// # });
/// ```
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    value: Option<T>,
}

impl<T> LockGuard<'_, T> {
    /// Leaves the lock held without a guard; [`Lock::release`] releases it.
    pub fn forget(mut self) {
        let value = self.value.take();
        self.lock
            .home
            .leave(Access::Write, |state| state.value = value);
    }
}

impl<T> Lock<T> {
    /// Takes the value out, on behalf of a guard of another kind.
    pub(super) fn take_value(&self) -> Option<T> {
        self.home.with(|state| state.value.take())
    }

    /// Puts the value back and releases the lock, if a guard of another kind had it.
    pub(super) fn put_back(&self, value: Option<T>) {
        let Some(value) = value else { return };
        self.home.with(|state| state.value = Some(value));
        if core::try_current().is_some() {
            let _ = self.release();
        } else {
            self.home.with(|state| state.locked = false);
        }
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
            .as_ref()
            .expect("a guard has the value as long as it lives")
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
            .as_mut()
            .expect("a guard has the value as long as it lives")
    }
}

impl<T> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.put_back(self.value.take());
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.value).finish()
    }
}

/// The lock is not held by anyone.
///
/// ```
/// use simrun::sync::Lock;
///
/// # simrun::run(async {
/// let lock = Lock::new(());
/// lock.acquire().await.forget();
/// assert!(lock.release().is_ok());
/// assert!(lock.release().is_err(), "nobody holds it");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLocked(pub(super) ());

impl fmt::Display for NotLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is not held: acquire it first")
    }
}

impl Error for NotLocked {}
