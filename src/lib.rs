//! Deterministic simulation for async Rust.
//!
//! simrun runs async programs on one thread, on a virtual clock, under a seeded scheduler, so that
//! one number, the seed, names one exact run. Its model is Python's asyncio, with that exact
//! behaviour: the same order of steps, the same latencies, the same rules of cancellation.

pub mod assure;
pub mod chance;
mod error;
pub mod event_loop;
mod future;
mod panics;
mod select;
mod sim;
pub mod strategy;
pub mod sync;
pub mod task;
pub mod time;
pub mod trace;

pub use error::{Cancelled, TaskError};
pub use future::{DoneHandle, InvalidState, Promise};
pub use sim::{Run, Sim, run};
pub use strategy::Strategy;
pub use task::{gather, spawn};

#[doc(hidden)]
pub mod private {
    //! What the macros need.
    pub use crate::select::{Branch, order};

    /// Writes a line into the trace.
    #[track_caller]
    pub fn log(text: std::fmt::Arguments<'_>) {
        crate::event_loop::core::current().log(text.to_string());
    }
}

/// Writes a line of one's own into the run's trace and fingerprint.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// simrun::log!("{} is the answer", 42);
/// # });
/// ```
#[macro_export]
macro_rules! log {
    ($($text:tt)*) => {
        $crate::private::log(::std::format_args!($($text)*))
    };
}
