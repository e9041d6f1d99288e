//! Locks for many who read or one who writes.
//!
//! Who wants to read waits while another waits to write, as with `std` on Linux. A program that
//! reads twice at once can hang there, and so it does here.

mod guards;

use std::fmt;
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

pub use guards::{RwLockReadGuard, RwLockWriteGuard};

use super::line::{Books, Due, Lines, Until, look};
use super::mutex::poison_if;
use crate::event_loop::Access;
use crate::sync::home::{Home, Waiters};
use crate::thread::{block_for, is_cut_off, point};

/// A value that many threads can read at a time, or one can change: `std`'s `RwLock`.
///
/// ```
/// use simrun::thread::sync::RwLock;
///
/// # simrun::Sim::new().run_thread(|| {
/// let prices = RwLock::new(vec![3, 5]).named("prices");
/// let (one, other) = (prices.read().unwrap(), prices.read().unwrap());
/// assert_eq!(one[0] + other[1], 8);
/// assert!(prices.try_write().is_err());
/// drop((one, other));
/// prices.write().unwrap().push(8);
/// # }).unwrap();
/// ```
pub struct RwLock<T: ?Sized> {
    home: Home<State>,
    /// Locked by those who have locked the state, and never waited for.
    value: std::sync::RwLock<T>,
}

#[derive(Debug)]
struct State {
    readers: usize,
    writing: bool,
    poisoned: bool,
    to_read: Waiters,
    to_write: Waiters,
}

impl State {
    /// Begins to read, if nobody writes or waits to. Says whether the lock is poisoned.
    fn take_to_read(&mut self, books: Books<'_>) -> Option<bool> {
        // A destructor of a thread that is cut off is not polite: a writer that is cut off as well
        // may wait until the destructor is over.
        let writer_waits = self.to_write.first().is_some() && !is_cut_off();
        if self.writing || writer_waits {
            return None;
        }
        self.readers += 1;
        books.hold();
        Some(self.poisoned)
    }

    /// Begins to write, if nobody reads or writes. Says whether the lock is poisoned.
    fn take_to_write(&mut self, books: Books<'_>) -> Option<bool> {
        if self.writing || self.readers > 0 {
            return None;
        }
        self.writing = true;
        books.hold();
        Some(self.poisoned)
    }
}

impl State {
    fn end_reading(&mut self, books: Books<'_>) {
        self.readers -= 1;
        books.let_go();
    }

    fn end_writing(&mut self, books: Books<'_>) {
        self.writing = false;
        books.let_go();
    }
}

impl Lines for State {
    fn due(&self, books: Books<'_>) -> Due {
        if self.writing {
            return Due::default();
        }
        let readers = || Due::from(self.to_read.iter());
        if self.to_write.first().is_none() {
            return readers();
        }
        if is_cut_off() {
            return books.one(&self.to_write).and(readers());
        }
        if self.readers > 0 {
            return Due::default();
        }
        books.one(&self.to_write)
    }
}

impl<T> RwLock<T> {
    /// Makes a lock that nobody has locked.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let state = State {
            readers: 0,
            writing: false,
            poisoned: false,
            to_read: Waiters::new(),
            to_write: Waiters::new(),
        };
        Self {
            home: Home::new("rwlock", Location::caller(), state),
            value: std::sync::RwLock::new(value),
        }
    }

    /// Gives the lock a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Takes the value out.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the error has the value.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned_now();
        let value = self
            .value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        poison_if(poisoned, value)
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks the value for reading; blocks while someone writes or waits to.
    ///
    /// # Errors
    ///
    /// If a thread has panicked that was writing: the lock is poisoned. The error has the guard.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        point();
        let take = |books: Books<'_>, state: &mut State| state.take_to_read(books);
        let at = Location::caller();
        let taken = Until::new(
            &self.home,
            Access::Read,
            |state| &mut state.to_read,
            take,
            at,
        );
        let poisoned = block_for(taken, "locking for reading");
        poison_if(poisoned, self.read_guard())
    }

    /// Locks the value for reading, if nobody writes or waits to.
    ///
    /// # Errors
    ///
    /// If someone does, or if the lock is poisoned.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        point();
        let take = |books: Books<'_>, state: &mut State| state.take_to_read(books);
        match look(&self.home, Access::Read, take) {
            None => Err(TryLockError::WouldBlock),
            Some(poisoned) => Ok(poison_if(poisoned, self.read_guard())?),
        }
    }

    /// Locks the value for writing; blocks while someone reads or writes.
    ///
    /// # Errors
    ///
    /// If a thread has panicked that was writing: the lock is poisoned. The error has the guard.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        point();
        let take = |books: Books<'_>, state: &mut State| state.take_to_write(books);
        let at = Location::caller();
        let taken = Until::new(
            &self.home,
            Access::Write,
            |state| &mut state.to_write,
            take,
            at,
        );
        let poisoned = block_for(taken, "locking for writing");
        poison_if(poisoned, self.write_guard())
    }

    /// Locks the value for writing, if nobody reads or writes.
    ///
    /// # Errors
    ///
    /// If someone does, or if the lock is poisoned.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        point();
        let take = |books: Books<'_>, state: &mut State| state.take_to_write(books);
        match look(&self.home, Access::Write, take) {
            None => Err(TryLockError::WouldBlock),
            Some(poisoned) => Ok(poison_if(poisoned, self.write_guard())?),
        }
    }

    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        let value = match self.value.try_read() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("nobody writes"),
        };
        RwLockReadGuard::new(&self.home, value)
    }

    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        let value = match self.value.try_write() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("nobody reads or writes"),
        };
        RwLockWriteGuard::new(&self.home, value)
    }

    /// Says whether a thread has panicked that was writing.
    #[track_caller]
    pub fn is_poisoned(&self) -> bool {
        point();
        look(&self.home, Access::Read, |_, state| state.poisoned)
    }

    fn is_poisoned_now(&self) -> bool {
        self.home.with(|state| state.poisoned)
    }

    /// Makes the lock good again.
    #[track_caller]
    pub fn clear_poison(&self) {
        point();
        look(&self.home, Access::Write, |_, state| state.poisoned = false);
    }

    /// Returns the value, which nobody else can get at.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned_now();
        let value = self.value.get_mut();
        poison_if(poisoned, value.unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("RwLock");
        match self.value.try_read() {
            Ok(value) => text.field("data", &&*value),
            Err(TryLockError::Poisoned(poisoned)) => text.field("data", &&**poisoned.get_ref()),
            Err(TryLockError::WouldBlock) => text.field("data", &format_args!("<locked>")),
        };
        text.field("poisoned", &self.is_poisoned_now());
        text.finish_non_exhaustive()
    }
}
