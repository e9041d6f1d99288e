//! What holds a lock for many who read or one who writes.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::State;
use crate::event_loop::Access;
use crate::sync::home::Home;
use crate::thread::point;
use crate::thread::sync::line::{Lines, look};
use crate::thread::sync::poison::is_panicking;

/// Holds a [`RwLock`](super::RwLock) locked for reading; dropping it unlocks it.
///
/// ```
/// use simrun::thread::sync::{RwLock, RwLockReadGuard};
///
/// # simrun::Sim::new().run_thread(|| {
/// let word = RwLock::new("word");
/// let guard: RwLockReadGuard<'_, &str> = word.read().unwrap();
/// assert_eq!(guard.len(), 4);
/// # }).unwrap();
/// ```
#[must_use = "the lock is unlocked when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    held: Reading<'a, T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    pub(super) fn new(home: &'a Home<State>, value: std::sync::RwLockReadGuard<'a, T>) -> Self {
        let value = Some(value);
        let held = Reading { value, home };
        Self { held }
    }
}

/// What a guard holds, apart from it: it is let go even if the thread is cut off before.
struct Reading<'a, T: ?Sized> {
    value: Option<std::sync::RwLockReadGuard<'a, T>>,
    home: &'a Home<State>,
}

impl<T: ?Sized> Drop for Reading<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        let due = look(self.home, Access::Read, |books, state| {
            state.end_reading(books);
            state.due(books)
        });
        due.wake();
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        point();
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let value = self.held.value.as_ref();
        value.expect("a guard has the value as long as it lives")
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Holds a [`RwLock`](super::RwLock) locked for writing; dropping it unlocks it.
///
/// ```
/// use simrun::thread::sync::{RwLock, RwLockWriteGuard};
///
/// # simrun::Sim::new().run_thread(|| {
/// let word = RwLock::new(String::from("wor"));
/// let mut guard: RwLockWriteGuard<'_, String> = word.write().unwrap();
/// guard.push('d');
/// # }).unwrap();
/// ```
#[must_use = "the lock is unlocked when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    held: Writing<'a, T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    pub(super) fn new(home: &'a Home<State>, value: std::sync::RwLockWriteGuard<'a, T>) -> Self {
        let held = Writing {
            value: Some(value),
            home,
            panicking: is_panicking(),
        };
        Self { held }
    }
}

/// What a guard holds, apart from it: it is let go even if the thread is cut off before.
struct Writing<'a, T: ?Sized> {
    value: Option<std::sync::RwLockWriteGuard<'a, T>>,
    home: &'a Home<State>,
    /// The thread was panicking when it locked: then it poisons nothing.
    panicking: bool,
}

impl<T: ?Sized> Drop for Writing<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        let poisons = !self.panicking && is_panicking();
        let due = look(self.home, Access::Write, |books, state| {
            state.poisoned |= poisons;
            state.end_writing(books);
            state.due(books)
        });
        due.wake();
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        point();
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let value = self.held.value.as_ref();
        value.expect("a guard has the value as long as it lives")
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let value = self.held.value.as_mut();
        value.expect("a guard has the value as long as it lives")
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
