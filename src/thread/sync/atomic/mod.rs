//! Values that threads change without a lock: `std::sync::atomic`.
//!
//! The thread can be interrupted before each operation, and everyone sees the operations in the one
//! order in which they were done, whatever [`Ordering`] they ask for: simrun does not simulate
//! memory that is weaker than that. An exchange that may fail spuriously never does.

mod bool;
mod integer;

pub use std::sync::atomic::{Ordering, compiler_fence};

pub use self::bool::AtomicBool;
pub use integer::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};

use crate::event_loop::Access;
use crate::sync::home::Home;
use crate::thread::point;
use crate::thread::sync::line::look;

/// Passes the point before an operation, and adds the operation to the step's footprint.
#[track_caller]
fn visit(home: &Home<()>, access: Access) {
    point();
    look(home, access, |_, ()| ());
}

/// Orders what stands around it, as everything is ordered here: it is a place at which the thread
/// can be interrupted, and nothing more.
///
/// ```
/// use simrun::thread::sync::atomic::{Ordering, fence};
///
/// # simrun::Sim::new().run_thread(|| {
/// fence(Ordering::SeqCst);
/// # }).unwrap();
/// ```
///
/// # Panics
///
/// If the ordering is relaxed.
#[track_caller]
pub fn fence(order: Ordering) {
    point();
    std::sync::atomic::fence(order);
}
