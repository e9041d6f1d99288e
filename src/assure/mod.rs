//! What counts as a failure, and how it is told.
//!
//! These are plain values: the loop makes them, tests and reports read them.

mod deadlock;
mod outcome;

pub use deadlock::{Blocked, Deadlock};
pub use outcome::{Failure, FailureKey, FailureKind, Outcome};
