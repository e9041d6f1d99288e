//! Integers.

use std::fmt;
use std::panic::Location;

use super::{Ordering, visit};
use crate::event_loop::Access;
use crate::sync::home::Home;

macro_rules! integers {
    ($($name:ident of $number:ident),+) => {$(
        #[doc = concat!("A `", stringify!($number), "` that threads share: `std`'s `",
            stringify!($name), "`.")]
        ///
        /// ```
        #[doc = concat!("use simrun::thread::sync::atomic::{", stringify!($name), ", Ordering};")]
        ///
        /// # simrun::Sim::new().run_thread(|| {
        #[doc = concat!("let number = ", stringify!($name), "::new(40);")]
        /// assert_eq!(number.fetch_add(2, Ordering::Relaxed), 40);
        /// assert_eq!(number.load(Ordering::Relaxed), 42);
        /// # }).unwrap();
        /// ```
        pub struct $name {
            home: Home<()>,
            /// Changed by one thread at a time, at the point of its own that it has passed.
            value: std::sync::atomic::$name,
        }

        impl $name {
            /// Makes one with a value.
            #[track_caller]
            pub const fn new(value: $number) -> Self {
                Self {
                    home: Home::new("atomic", Location::caller(), ()),
                    value: std::sync::atomic::$name::new(value),
                }
            }

            /// Gives it a name for reports and traces.
            pub fn named(self, name: impl Into<String>) -> Self {
                self.home.rename(name);
                self
            }

            /// Returns the value.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $number {
                visit(&self.home, Access::Read);
                self.value.load(order)
            }

            /// Sets the value.
            #[track_caller]
            pub fn store(&self, value: $number, order: Ordering) {
                visit(&self.home, Access::Write);
                self.value.store(value, order);
            }

            /// Sets the value and returns the old one.
            #[track_caller]
            pub fn swap(&self, value: $number, order: Ordering) -> $number {
                visit(&self.home, Access::Write);
                self.value.swap(value, order)
            }

            /// Sets the value if it is `current`; returns the old one.
            ///
            /// # Errors
            ///
            /// If it is another: the error is that value.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                visit(&self.home, Access::Write);
                self.value.compare_exchange(current, new, success, failure)
            }

            /// Does as [`compare_exchange`](Self::compare_exchange): it does not fail spuriously.
            ///
            /// # Errors
            ///
            /// If the value is another: the error is that value.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.compare_exchange(current, new, success, failure)
            }

            /// Loads the value and exchanges it for what `update` makes of it, again and again
            /// until no other thread comes between. Returns the old value.
            ///
            /// # Errors
            ///
            /// If `update` gives nothing: the error is the value.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                mut update: impl FnMut($number) -> Option<$number>,
            ) -> Result<$number, $number> {
                let mut old = self.load(fetch_order);
                while let Some(new) = update(old) {
                    match self.compare_exchange(old, new, set_order, fetch_order) {
                        Ok(old) => return Ok(old),
                        Err(other) => old = other,
                    }
                }
                Err(old)
            }

            integers!(@fetch $name $number:
                fetch_add "Adds, wrapping around at the bounds.",
                fetch_sub "Subtracts, wrapping around at the bounds.",
                fetch_and "Keeps the bits that `value` has too.",
                fetch_nand "Keeps the bits that `value` has too, and turns all of them round.",
                fetch_or "Adds the bits that `value` has.",
                fetch_xor "Turns the bits round that `value` has.",
                fetch_max "Sets the value to `value` if that is more.",
                fetch_min "Sets the value to `value` if that is less.");

            /// Returns the value, which nobody else can get at.
            pub fn get_mut(&mut self) -> &mut $number {
                self.value.get_mut()
            }

            /// Takes the value out.
            pub fn into_inner(self) -> $number {
                self.value.into_inner()
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::new($number::default())
            }
        }

        impl From<$number> for $name {
            #[track_caller]
            fn from(value: $number) -> Self {
                Self::new(value)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.value.fmt(f)
            }
        }
    )+};
    (@fetch $name:ident $number:ident: $($fetch:ident $doc:literal),+) => {$(
        #[doc = $doc]
        /// Returns the old value.
        #[track_caller]
        pub fn $fetch(&self, value: $number, order: Ordering) -> $number {
            visit(&self.home, Access::Write);
            self.value.$fetch(value, order)
        }
    )+};
}

integers! {
    AtomicI8 of i8,
    AtomicI16 of i16,
    AtomicI32 of i32,
    AtomicI64 of i64,
    AtomicIsize of isize,
    AtomicU8 of u8,
    AtomicU16 of u16,
    AtomicU32 of u32,
    AtomicU64 of u64,
    AtomicUsize of usize
}
