//! Values that are made when they are first used.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::once::{Once, Poison};

/// A value that is made when it is first used: `std`'s `LazyLock`.
///
/// It belongs to the run that first uses it, so each run needs its own, made inside it.
///
/// ```
/// use simrun::thread::{self, sync::LazyLock};
///
/// # simrun::Sim::new().run_thread(|| {
/// let words = LazyLock::new(|| vec!["a", "b"]).named("words");
/// thread::scope(|scope| {
///     scope.spawn(|| assert_eq!(words.len(), 2));
///     scope.spawn(|| assert_eq!(words[1], "b"));
/// });
/// # }).unwrap();
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    value: std::sync::OnceLock<T>,
    init: Mutex<Option<F>>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Makes a value that is still to be made.
    #[track_caller]
    pub const fn new(init: F) -> Self {
        Self {
            once: Once::of_kind("lazy lock", Location::caller()),
            value: std::sync::OnceLock::new(),
            init: Mutex::new(Some(init)),
        }
    }

    /// Gives it a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.once.rename(name);
        self
    }

    /// Returns the value; makes it first, if nobody has. Blocks while someone else does.
    ///
    /// # Panics
    ///
    /// If the function that was to make it has panicked, or in a task if it would block.
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.once.call(Poison::Heeded, |_| {
            let init = this
                .init
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let init = init.expect("who was to make it was cut off");
            let _ = this.value.set(init());
        });
        this.value.get().expect("it has been made")
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => f.debug_tuple("LazyLock").field(value).finish(),
            None => f.write_str("LazyLock(<uninit>)"),
        }
    }
}
