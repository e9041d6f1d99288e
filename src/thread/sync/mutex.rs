//! Mutexes: one thread at a time, in no fair order.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use super::line::{Books, Due, Lines, Until, look};
use super::poison::is_panicking;
use crate::event_loop::Access;
use crate::sync::home::{Home, Waiters};
use crate::thread::{block_for, point};

/// A value that one thread at a time can get at: `std`'s `Mutex`.
///
/// A mutex that is unlocked is free, and whoever comes first gets it: one who waits, or one who has
/// just come. The thread can be interrupted before it locks and before it unlocks.
///
/// ```
/// use simrun::thread::{self, sync::Mutex};
///
/// # simrun::Sim::new().run_thread(|| {
/// let count = Mutex::new(0).named("count");
/// thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| *count.lock().unwrap() += 1);
///     }
/// });
/// assert_eq!(count.into_inner().unwrap(), 3);
/// # }).unwrap();
/// ```
pub struct Mutex<T: ?Sized> {
    home: Home<State>,
    /// Locked by whoever has locked the state, and never waited for.
    value: std::sync::Mutex<T>,
}

#[derive(Debug)]
struct State {
    locked: bool,
    poisoned: bool,
    line: Waiters,
}

impl State {
    /// Locks, if nobody has. Says whether the mutex is poisoned.
    fn take(&mut self, books: Books<'_>) -> Option<bool> {
        if self.locked {
            return None;
        }
        self.locked = true;
        books.hold();
        Some(self.poisoned)
    }
}

impl Lines for State {
    fn due(&self, books: Books<'_>) -> Due {
        if self.locked {
            return Due::default();
        }
        books.one(&self.line)
    }
}

impl<T> Mutex<T> {
    /// Makes a mutex that nobody has locked.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let state = State {
            locked: false,
            poisoned: false,
            line: Waiters::new(),
        };
        Self {
            home: Home::new("mutex", Location::caller(), state),
            value: std::sync::Mutex::new(value),
        }
    }

    /// Gives the mutex a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Takes the value out.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; the error has the value.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned_now();
        let value = self
            .value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        poison_if(poisoned, value)
    }
}

/// Gives a value as the error that it is if it comes out of something poisoned.
pub(super) fn poison_if<G>(poisoned: bool, value: G) -> LockResult<G> {
    if poisoned {
        return Err(PoisonError::new(value));
    }
    Ok(value)
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex; blocks while someone else has locked it.
    ///
    /// # Errors
    ///
    /// If a thread has panicked that had locked it: it is poisoned. The error has the guard.
    ///
    /// # Panics
    ///
    /// In a task, if someone has locked it.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        point();
        self.lock_at(Location::caller())
    }

    /// Locks at a point that has been passed already.
    #[track_caller]
    pub(super) fn lock_at(&self, at: &'static Location<'static>) -> LockResult<MutexGuard<'_, T>> {
        let take = |books: Books<'_>, state: &mut State| state.take(books);
        if let Some(poisoned) = look(&self.home, Access::Write, take) {
            return poison_if(poisoned, self.guard());
        }
        let taken = Until::new(&self.home, Access::Write, |state| &mut state.line, take, at);
        let poisoned = block_for(taken, "locking a mutex");
        poison_if(poisoned, self.guard())
    }

    /// Locks the mutex if nobody has.
    ///
    /// # Errors
    ///
    /// If someone has, or if the mutex is poisoned.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        point();
        match look(&self.home, Access::Write, |books, state| state.take(books)) {
            None => Err(TryLockError::WouldBlock),
            Some(poisoned) => Ok(poison_if(poisoned, self.guard())?),
        }
    }

    fn guard(&self) -> MutexGuard<'_, T> {
        let value = match self.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("nobody else has locked the state"),
        };
        let held = Held {
            mutex: self,
            value: Some(value),
            panicking: is_panicking(),
        };
        MutexGuard { held }
    }

    /// Says whether a thread has panicked that had locked the mutex.
    #[track_caller]
    pub fn is_poisoned(&self) -> bool {
        point();
        look(&self.home, Access::Read, |_, state| state.poisoned)
    }

    fn is_poisoned_now(&self) -> bool {
        self.home.with(|state| state.poisoned)
    }

    /// Makes the mutex good again.
    #[track_caller]
    pub fn clear_poison(&self) {
        point();
        look(&self.home, Access::Write, |_, state| state.poisoned = false);
    }

    /// Returns the value, which nobody else can get at.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned_now();
        let value = self.value.get_mut();
        poison_if(poisoned, value.unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Mutex");
        match self.value.try_lock() {
            Ok(value) => text.field("data", &&*value),
            Err(TryLockError::Poisoned(poisoned)) => text.field("data", &&**poisoned.get_ref()),
            Err(TryLockError::WouldBlock) => text.field("data", &format_args!("<locked>")),
        };
        text.field("poisoned", &self.is_poisoned_now());
        text.finish_non_exhaustive()
    }
}

/// Holds a [`Mutex`] locked and gives access to its value; dropping it unlocks the mutex.
///
/// ```
/// use simrun::thread::sync::{Mutex, MutexGuard};
///
/// # simrun::Sim::new().run_thread(|| {
/// let word = Mutex::new(String::new());
/// let mut guard: MutexGuard<'_, String> = word.lock().unwrap();
/// guard.push_str("done");
/// assert!(word.try_lock().is_err());
/// # }).unwrap();
/// ```
#[must_use = "the mutex is unlocked when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    held: Held<'a, T>,
}

/// The locked mutex, apart from its guard: a thread that is cut off at the point before it unlocks
/// unlocks all the same.
struct Held<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    value: Option<std::sync::MutexGuard<'a, T>>,
    /// The thread was panicking when it locked: then it poisons nothing.
    panicking: bool,
}

impl<T: ?Sized> Held<'_, T> {
    /// Unlocks, unless that was done.
    fn release(&mut self) {
        if self.value.take().is_none() {
            return;
        }
        let poisons = !self.panicking && is_panicking();
        let due = look(&self.mutex.home, Access::Write, |books, state| {
            state.locked = false;
            state.poisoned |= poisons;
            books.let_go();
            state.due(books)
        });
        due.wake();
    }
}

impl<T: ?Sized> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.release();
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Unlocks without a point, and says which mutex it was.
    pub(super) fn unlock(mut self) -> &'a Mutex<T> {
        self.held.release();
        self.held.mutex
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.held.value.is_some() {
            point();
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let value = self.held.value.as_ref();
        value.expect("a guard has the value as long as it lives")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let value = self.held.value.as_mut();
        value.expect("a guard has the value as long as it lives")
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
