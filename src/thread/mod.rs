//! Tier 5: threads and executors, in virtual time.
//!
//! A simulated thread runs blocking code on a stack of its own. To the loop it is one more thing
//! that can go next, beside tasks, and so the interleavings of threads with each other and with
//! tasks are part of the run: under a strategy they are chosen, from a plan they are replayed.
//!
//! [`spawn`], [`scope`], [`park`], [`sleep`] and the rest are those of `std::thread`, and
//! [`thread::sync`](sync) has what `std::sync` has, so code that is generic over neither can be
//! tested by changing its imports. A thread can be interrupted before each of these operations,
//! and before no other: code between two of them runs as one.
//!
//! ```
//! use simrun::thread::{self, sync::Mutex};
//! use std::sync::Arc;
//!
//! # simrun::run(async {
//! let total = Arc::new(Mutex::new(0));
//! let adders: Vec<_> = (1..=4)
//!     .map(|number| {
//!         let total = total.clone();
//!         thread::spawn(move || *total.lock().unwrap() += number)
//!     })
//!     .collect();
//! for adder in adders {
//!     adder.await.unwrap();
//! }
//! assert_eq!(*total.lock().unwrap(), 10);
//! # });
//! ```
//!
//! # Threads and the loop
//!
//! In asyncio's order, a thread that is ready goes in the gap between two iterations of the loop,
//! where asyncio's loop waits for the operating system. Virtual time stands still while a thread
//! can go on. A task that would block is a mistake, which panics: [`to_thread`] is the way.

mod block;
mod current;
mod executor;
mod fiber;
mod local;
mod pending;
mod pool;
mod scope;
mod spawn;
pub mod sync;

pub(crate) use block::{CutShort, block_for, block_on, is_cut_off, point};
pub use current::{
    Thread, ThreadId, current, may_block, panicking, park, park_timeout, sleep, yield_now,
};
#[cfg(feature = "cli")]
pub(crate) use executor::run as run_job;
pub use executor::{
    call_soon_threadsafe, run_coroutine_threadsafe, run_in_executor, set_default_executor,
    shutdown_default_executor, to_thread, try_run_coroutine_threadsafe, try_run_in_executor,
    try_to_thread,
};
pub use local::LocalKey;
pub use pending::Pending;
pub use pool::{JoinPool, PoolShutDown, ThreadPool};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub(crate) use spawn::spawn_main;
pub use spawn::{Builder, JoinHandle, Result, spawn};
