//! Shared state of the program's own, whose reads and writes are part of the run.

use std::fmt;
use std::panic::Location;

use super::home::Home;
use crate::event_loop::Access;

/// A value that tasks share, and that tells the run when it is read or written.
///
/// Strategies learn from it which steps matter to each other, and it is part of the fingerprint. It
/// is no lock: a task that reads, suspends and writes can be overtaken, as with any shared value.
///
/// ```
/// use simrun::sync::Tracked;
///
/// # simrun::run(async {
/// let counter = Tracked::new(0);
/// counter.write(|count| *count += 1);
/// assert_eq!(counter.read(|count| *count), 1);
/// # });
/// ```
pub struct Tracked<T> {
    home: Home<T>,
}

impl<T> Tracked<T> {
    /// Makes a tracked value.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self {
            home: Home::born("value", Location::caller(), value),
        }
    }

    /// Gives the value a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Reads the value.
    ///
    /// # Panics
    ///
    /// Outside a run, or if `act` uses the same value.
    #[track_caller]
    pub fn read<R>(&self, act: impl FnOnce(&T) -> R) -> R {
        self.home.visit(Access::Read, |_, _, value| act(value))
    }

    /// Changes the value.
    ///
    /// # Panics
    ///
    /// Outside a run, or if `act` uses the same value.
    #[track_caller]
    pub fn write<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        self.home.visit(Access::Write, |_, _, value| act(value))
    }
}

impl<T: Default> Default for Tracked<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Tracked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.home
            .with(|value| f.debug_tuple("Tracked").field(value).finish())
    }
}
