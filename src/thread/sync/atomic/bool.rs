//! Flags.

use std::fmt;
use std::panic::Location;

use super::{Ordering, visit};
use crate::event_loop::Access;
use crate::sync::home::Home;

/// A flag that threads share: `std`'s `AtomicBool`.
///
/// ```
/// use simrun::thread::sync::atomic::{AtomicBool, Ordering};
///
/// # simrun::Sim::new().run_thread(|| {
/// let taken = AtomicBool::new(false);
/// assert!(!taken.swap(true, Ordering::Acquire));
/// assert!(taken.load(Ordering::Relaxed));
/// # }).unwrap();
/// ```
pub struct AtomicBool {
    home: Home<()>,
    /// Changed by one thread at a time, at the point of its own that it has passed.
    value: std::sync::atomic::AtomicBool,
}

impl AtomicBool {
    /// Makes one with a value.
    #[track_caller]
    pub const fn new(value: bool) -> Self {
        Self {
            home: Home::new("atomic", Location::caller(), ()),
            value: std::sync::atomic::AtomicBool::new(value),
        }
    }

    /// Gives it a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Returns the value.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> bool {
        visit(&self.home, Access::Read);
        self.value.load(order)
    }

    /// Sets the value.
    #[track_caller]
    pub fn store(&self, value: bool, order: Ordering) {
        visit(&self.home, Access::Write);
        self.value.store(value, order);
    }

    /// Sets the value and returns the old one.
    #[track_caller]
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        visit(&self.home, Access::Write);
        self.value.swap(value, order)
    }

    /// Sets the value if it is `current`; returns the old one.
    ///
    /// # Errors
    ///
    /// If it is the other: the error is that value.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        visit(&self.home, Access::Write);
        self.value.compare_exchange(current, new, success, failure)
    }

    /// Does as [`compare_exchange`](Self::compare_exchange): it does not fail spuriously.
    ///
    /// # Errors
    ///
    /// If the value is the other: the error is that value.
    #[track_caller]
    pub fn compare_exchange_weak(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        self.compare_exchange(current, new, success, failure)
    }

    /// Loads the value and exchanges it for what `update` makes of it, again and again until no
    /// other thread comes between. Returns the old value.
    ///
    /// # Errors
    ///
    /// If `update` gives nothing: the error is the value.
    #[track_caller]
    pub fn fetch_update(
        &self,
        set_order: Ordering,
        fetch_order: Ordering,
        mut update: impl FnMut(bool) -> Option<bool>,
    ) -> Result<bool, bool> {
        let mut old = self.load(fetch_order);
        while let Some(new) = update(old) {
            match self.compare_exchange(old, new, set_order, fetch_order) {
                Ok(old) => return Ok(old),
                Err(other) => old = other,
            }
        }
        Err(old)
    }

    /// Clears it unless `value` is set. Returns the old value.
    #[track_caller]
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        visit(&self.home, Access::Write);
        self.value.fetch_and(value, order)
    }

    /// Clears it if both it and `value` are set, and else sets it. Returns the old value.
    #[track_caller]
    pub fn fetch_nand(&self, value: bool, order: Ordering) -> bool {
        visit(&self.home, Access::Write);
        self.value.fetch_nand(value, order)
    }

    /// Sets it if `value` is set. Returns the old value.
    #[track_caller]
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        visit(&self.home, Access::Write);
        self.value.fetch_or(value, order)
    }

    /// Turns it round if `value` is set. Returns the old value.
    #[track_caller]
    pub fn fetch_xor(&self, value: bool, order: Ordering) -> bool {
        visit(&self.home, Access::Write);
        self.value.fetch_xor(value, order)
    }

    /// Turns it round. Returns the old value.
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.fetch_xor(true, order)
    }

    /// Returns the value, which nobody else can get at.
    pub fn get_mut(&mut self) -> &mut bool {
        self.value.get_mut()
    }

    /// Takes the value out.
    pub fn into_inner(self) -> bool {
        self.value.into_inner()
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> Self {
        Self::new(false)
    }
}

impl From<bool> for AtomicBool {
    #[track_caller]
    fn from(value: bool) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for AtomicBool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
