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
//! A program that has no tasks at all is run with [`Sim::run_thread`](crate::Sim::run_thread).
//!
//! # Threads and the loop
//!
//! | asyncio | here |
//! |---|---|
//! | `to_thread` | [`to_thread`]: task-locals go along |
//! | `run_in_executor`, `set_default_executor` | [`run_in_executor`], [`set_default_executor`] |
//! | `ThreadPoolExecutor` | [`ThreadPool`] |
//! | `concurrent.futures.Future` | [`Pending`] |
//! | `call_soon_threadsafe` | [`call_soon_threadsafe`] |
//! | `run_coroutine_threadsafe` | [`run_coroutine_threadsafe`] |
//!
//! In asyncio's order, a thread that is ready goes in the gap between two iterations of the loop,
//! where asyncio's loop waits for the operating system. Virtual time stands still while a thread
//! can go on. A task that would block is a mistake, which panics: [`to_thread`] is the way.
//!
//! # What goes wrong
//!
//! **An update is lost** when a thread reads, another one writes, and the first writes what it had
//! read. Some seeds do just that:
//!
//! ```
//! use simrun::thread::{self, sync::atomic::{AtomicU32, Ordering}};
//! use simrun::{Sim, Strategy};
//! use std::sync::Arc;
//!
//! let is_lost = |seed| {
//!     let sim = Sim::new().seed(seed).strategy(Strategy::random());
//!     let run = sim.run_thread(|| {
//!         let hits = Arc::new(AtomicU32::new(0));
//!         let threads = [(), ()].map(|()| {
//!             let hits = hits.clone();
//!             thread::spawn(move || {
//!                 let before = hits.load(Ordering::SeqCst);
//!                 hits.store(before + 1, Ordering::SeqCst);
//!             })
//!         });
//!         threads.map(|thread| thread.join().unwrap());
//!         hits.load(Ordering::SeqCst)
//!     });
//!     run.unwrap() == 1
//! };
//! assert!((0..100).any(is_lost) && !(0..100).all(is_lost));
//! ```
//!
//! - **Nothing stops a thread.** A task that is cancelled while it awaits a job stops waiting; a
//!   job that has begun goes on, and its result is discarded. One that has not begun never will.
//! - **Locks in two orders**, a thread that waits for the loop while the loop waits for it: the run
//!   ends as a deadlock, and its report names tasks and threads alike.
//! - **When a run is over**, threads that are left are cut off where they stand: they unwind, and
//!   run their destructors. The jobs of the default executor are waited for.
//! - **`std`'s own threads and locks** are unknown to the run. A real mutex that a simulated thread
//!   holds while another one wants it hangs the process.

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
