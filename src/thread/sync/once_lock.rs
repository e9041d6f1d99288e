//! Values that are set once.

use std::fmt;
use std::panic::Location;

use super::once::{Once, Poison};
use crate::thread::point;

/// A value that is set once, by whoever comes first: `std`'s `OnceLock`.
///
/// ```
/// use simrun::thread::sync::OnceLock;
///
/// # simrun::Sim::new().run_thread(|| {
/// let answer = OnceLock::new().named("answer");
/// assert_eq!(answer.get(), None);
/// assert_eq!(answer.get_or_init(|| 42), &42);
/// assert_eq!(answer.set(43), Err(43));
/// # }).unwrap();
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// Makes a place for a value.
    #[track_caller]
    pub const fn new() -> Self {
        Self {
            once: Once::of_kind("once lock", Location::caller()),
            value: std::sync::OnceLock::new(),
        }
    }

    /// Gives it a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.once.rename(name);
        self
    }

    /// Returns the value, if it is set.
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        point();
        if self.once.is_done() {
            return self.value.get();
        }
        None
    }

    /// Returns the value, if it is set, which nobody else can get at.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value; blocks while someone else does.
    ///
    /// # Errors
    ///
    /// If it is set, the error is the value that came too late.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.once.call(Poison::Ignored, |_| {
            if let Some(value) = value.take() {
                self.keep(value);
            }
        });
        value.map_or(Ok(()), Err)
    }

    /// Returns the value; sets it first, if nobody has. Blocks while someone else does.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        self.once.call(Poison::Ignored, |_| self.keep(init()));
        self.value.get().expect("it has been set")
    }

    /// Blocks until the value is set.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.value.get().expect("it has been set")
    }

    fn keep(&self, value: T) {
        // One that was cut off before it could say so has set it as well.
        let _ = self.value.set(value);
    }

    /// Takes the value out.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, after which another can be set.
    pub fn take(&mut self) -> Option<T> {
        self.once.reset();
        self.value.take()
    }
}

impl<T> Default for OnceLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.get()
            .map_or_else(Self::new, |value| Self::from(value.clone()))
    }
}

impl<T> From<T> for OnceLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        let mut made = Self::new();
        made.once.finish();
        made.value = value.into();
        made
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.get() {
            Some(value) => f.debug_tuple("OnceLock").field(value).finish(),
            None => f.write_str("OnceLock(<uninit>)"),
        }
    }
}
