//! Semaphores: so many at a time.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::home::{Home, Waiters};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, Wait, Waited};

/// A number of permits, handed out in the order in which tasks ask.
///
/// A permit that is released belongs to the first in line from that moment on, so nobody can
/// overtake it.
///
/// ```
/// use simrun::sync::Semaphore;
///
/// # simrun::run(async {
/// let connections = Semaphore::new(2);
/// let first = connections.acquire().await;
/// let second = connections.acquire().await;
/// assert!(connections.is_locked());
/// drop(first);
/// assert!(!connections.is_locked());
/// # });
/// ```
pub struct Semaphore {
    home: Home<State>,
}

#[derive(Debug)]
struct State {
    permits: usize,
    waiters: Waiters,
}

impl Semaphore {
    /// Makes a semaphore with so many permits.
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        let state = State {
            permits,
            waiters: Waiters::new(),
        };
        Self {
            home: Home::born("semaphore", Location::caller(), state),
        }
    }

    /// Gives the semaphore a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Returns how many permits nobody has.
    #[track_caller]
    pub fn permits(&self) -> usize {
        self.home.enter(Access::Read);
        self.home.with(|state| state.permits)
    }

    /// Says whether one would have to wait for a permit.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        let (core, _) = self.home.enter(Access::Read);
        self.would_wait(&core)
    }

    fn would_wait(&self, core: &Core) -> bool {
        self.home
            .with(|state| state.permits == 0 || state.waiters.any_live(core))
    }

    /// Waits for a permit and takes it.
    #[track_caller]
    pub fn acquire(&self) -> AcquirePermit<'_> {
        AcquirePermit {
            semaphore: self,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }

    /// Takes a permit if one need not wait for it.
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let (core, _) = self.home.enter(Access::Write);
        self.take(&core)
    }

    fn take(&self, core: &Core) -> Option<Permit<'_>> {
        if self.would_wait(core) {
            return None;
        }
        self.home.with(|state| state.permits -= 1);
        Some(self.hold())
    }

    fn hold(&self) -> Permit<'_> {
        let (core, key) = self.home.enter(Access::Write);
        core.hold(key);
        Permit { semaphore: self }
    }

    /// Adds a permit: one whose guard was [forgotten](Permit::forget), or a new one.
    ///
    /// ```
    /// use simrun::sync::Semaphore;
    ///
    /// # simrun::run(async {
    /// let tickets = Semaphore::new(0);
    /// tickets.release();
    /// assert_eq!(tickets.permits(), 1, "there may be more than at first");
    /// # });
    /// ```
    #[track_caller]
    pub fn release(&self) {
        let (core, key) = self.home.enter(Access::Write);
        core.let_go(key);
        self.home.with(|state| state.permits += 1);
        self.wake_next(&core);
    }

    /// Hands a permit to the first in line who has neither been woken nor cancelled.
    fn wake_next(&self, core: &Core) -> bool {
        let next = self.home.with(|state| {
            let next = state.waiters.waiting(core);
            state.permits -= usize::from(next.is_some());
            next
        });
        next.is_some_and(|next| core.wake(next))
    }

    /// Hands out what there is: those who came after one who left may be served now.
    fn wake_all_served(&self, core: &Core) {
        while self.home.with(|state| state.permits > 0) && self.wake_next(core) {}
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permits = self.home.with(|state| state.permits);
        f.debug_struct("Semaphore")
            .field("permits", &permits)
            .finish_non_exhaustive()
    }
}

/// Waiting for a permit: what [`Semaphore::acquire`] returns.
///
/// Dropping it leaves the line; a permit that it had been given goes to the next.
///
/// ```
/// use simrun::sync::Semaphore;
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let seats = Semaphore::new(1);
/// let taken = seats.acquire().await;
/// assert!(timeout(secs(1), seats.acquire()).await.is_err());
/// drop(taken);
/// assert_eq!(seats.permits(), 1);
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct AcquirePermit<'a> {
    semaphore: &'a Semaphore,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<'a> Future for AcquirePermit<'a> {
    type Output = Permit<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let semaphore = this.semaphore;
        match this.wait.key() {
            None => {
                let (core, key) = semaphore.home.enter(Access::Write);
                if let Some(permit) = semaphore.take(&core) {
                    return Poll::Ready(permit);
                }
                let waiter = this.wait.start(&core, cx, key.on(), this.at);
                semaphore.home.with(|state| state.waiters.push(waiter));
                Poll::Pending
            }
            Some(waiter) => {
                let core = core::own(waiter.serial, "semaphore");
                if this.wait.poll(&core, cx) != Waited::Over {
                    return Poll::Pending;
                }
                this.wait.stop();
                semaphore.home.with(|state| state.waiters.remove(waiter));
                semaphore.wake_all_served(&core);
                Poll::Ready(semaphore.hold())
            }
        }
    }
}

impl Drop for AcquirePermit<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.wait.key() else {
            return;
        };
        let core = core::try_own(waiter.serial);
        let woken = core.as_ref().is_some_and(|core| self.wait.is_woken(core));
        self.wait.stop();
        self.semaphore.home.leave(Access::Write, |state| {
            state.waiters.remove(waiter);
            // The permit was handed to it already: it goes back.
            state.permits += usize::from(woken);
        });
        if let Some(core) = core {
            self.semaphore.wake_all_served(&core);
        }
    }
}

/// Holds a permit of a [`Semaphore`]; dropping it releases the permit.
///
/// ```
/// use simrun::sync::Semaphore;
///
/// # simrun::run(async {
/// let seats = Semaphore::new(2);
/// drop(seats.acquire().await);
/// assert_eq!(seats.permits(), 2);
/// seats.acquire().await.forget();
/// assert_eq!(seats.permits(), 1, "it is not coming back by itself");
/// # });
/// ```
#[derive(Debug)]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
}

impl Permit<'_> {
    /// Keeps the permit for ever, or until [`Semaphore::release`].
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if core::try_current().is_some() {
            self.semaphore.release();
        } else {
            self.semaphore.home.with(|state| state.permits += 1);
        }
    }
}

/// A [`Semaphore`] whose permits cannot become more than there were at first.
///
/// ```
/// use simrun::sync::BoundedSemaphore;
///
/// # simrun::run(async {
/// let seats = BoundedSemaphore::new(1);
/// seats.acquire().await.forget();
/// assert!(seats.release().is_ok());
/// assert!(seats.release().is_err());
/// # });
/// ```
#[derive(Debug)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: usize,
}

impl BoundedSemaphore {
    /// Makes a semaphore with so many permits, and never more.
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self {
            semaphore: Semaphore::new(permits),
            bound: permits,
        }
    }

    /// Gives the semaphore a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self {
            semaphore: self.semaphore.named(name),
            ..self
        }
    }

    /// Returns how many permits nobody has.
    #[track_caller]
    pub fn permits(&self) -> usize {
        self.semaphore.permits()
    }

    /// Says whether one would have to wait for a permit.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.semaphore.is_locked()
    }

    /// Waits for a permit and takes it.
    #[track_caller]
    pub fn acquire(&self) -> AcquirePermit<'_> {
        self.semaphore.acquire()
    }

    /// Takes a permit if one need not wait for it.
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.semaphore.try_acquire()
    }

    /// Gives back a permit whose guard was [forgotten](Permit::forget).
    ///
    /// # Errors
    ///
    /// If nobody has a permit.
    #[track_caller]
    pub fn release(&self) -> Result<(), ReleasedTooOften> {
        if self.semaphore.permits() >= self.bound {
            return Err(ReleasedTooOften(()));
        }
        self.semaphore.release();
        Ok(())
    }
}

/// A bounded semaphore was released more often than it was acquired.
///
/// ```
/// use simrun::sync::BoundedSemaphore;
///
/// # simrun::run(async {
/// let seats = BoundedSemaphore::new(2);
/// assert!(seats.release().is_err(), "nobody has a seat");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedTooOften(());

impl fmt::Display for ReleasedTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore was released more often than it was acquired")
    }
}

impl Error for ReleasedTooOften {}
