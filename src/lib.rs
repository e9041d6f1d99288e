//! Deterministic simulation for async Rust.
//!
//! simrun runs async programs on one thread, on a virtual clock, under a seeded strategy, so that
//! one number, the seed, names one exact run. Its model is Python's asyncio, with that exact
//! behaviour: the same order of steps, the same latencies, the same rules of cancellation.
//!
//! # Running a program
//!
//! [`run`] is asyncio's: it runs a program to its end, cancels what is left, and returns what the
//! program returns. Time is virtual, so nobody waits for it:
//!
//! ```
//! use simrun::{gather, spawn, time};
//!
//! let order = simrun::run(async {
//!     let slow = spawn(async {
//!         time::sleep(time::secs(3_600)).await;
//!         "slow"
//!     });
//!     let fast = spawn(async { "fast" });
//!     gather([slow, fast]).await.unwrap()
//! });
//! assert_eq!(order, ["slow", "fast"]);
//! ```
//!
//! [`Sim`] is the same with a seed, a [`Strategy`] and limits, and gives back the [`Run`]: how it
//! ended, at what virtual time, with which fingerprint.
//!
//! # Finding the run that fails
//!
//! Under [`Strategy::random`] every seed is another interleaving. A seed that fails will always
//! fail, alone and anywhere:
//!
//! ```
//! use simrun::sync::Event;
//! use simrun::{Sim, Strategy, spawn, task};
//! use std::sync::Arc;
//!
//! /// Waits for an event, unless it has happened. What if it happens in between?
//! async fn lost_wake_up() {
//!     let (ready, bell) = (Arc::new(Event::new()), Arc::new(Event::new()));
//!     let waiter = spawn({
//!         let (ready, bell) = (ready.clone(), bell.clone());
//!         async move {
//!             if !ready.is_set() {
//!                 task::yield_now().await;
//!                 bell.clear();
//!                 bell.wait().await;
//!             }
//!         }
//!     });
//!     spawn(async move {
//!         ready.set();
//!         bell.set();
//!     })
//!     .detach();
//!     waiter.await.unwrap();
//! }
//!
//! let run = |seed| Sim::new().seed(seed).strategy(Strategy::random()).run(lost_wake_up);
//! let failing = (0..100).find(|seed| run(*seed).failure().is_some()).unwrap();
//! assert!(run(failing).failure().unwrap().deadlock().is_some());
//! ```
//!
//! [`check`] does all of that in a test: it looks for a seed that fails, leaves out of its run what
//! does not matter, shows the rest, and replays it first the next time. [`explore`] has the parts.
//!
//! # Cancelling
//!
//! [`cancel`](task::TaskRef::cancel) is asyncio's request: it goes to what the task awaits and is
//! received by the innermost [`cancellable`](task::cancellable) region, which can clean up, pass
//! it on or swallow it. A task without a region is dropped where it stands. [`abort`] is tokio's
//! order: it asks nobody.
//!
//! [`abort`]: task::TaskRef::abort
//!
//! # What is deterministic
//!
//! Everything that goes through this crate. Randomness comes from [`chance`], time from [`time`].
//! `futures::join!`, channels, streams and `select_biased!` work as they are; `futures::select!`
//! and `tokio::select!` draw from generators that no seed controls, so use [`select!`] instead.
//! [`Sim::check_determinism`] runs a program twice and shows the first event that differs.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `cli`, on by default | the command `simrun`, scenario files, reports |
//! | `hyper` | `simrun::hyper`: HTTP over the simulated network |
//! | `insta` | `simrun::assert_snapshot!`: runs as [snapshots](snapshot) of insta's |
//! | `tracing` | what a program tells `tracing` is in the [traces](trace) of its runs |
//!
//! Without any of them, `default-features = false`, the library needs 25 other crates.

pub mod assure;
pub mod chance;
#[cfg(feature = "cli")]
pub mod cli;
mod error;
pub mod event_loop;
pub mod explore;
pub mod fault;
mod future;
pub mod host;
#[cfg(feature = "hyper")]
pub mod hyper;
pub mod net;
mod never;
mod panics;
pub mod process;
#[cfg(feature = "proptest")]
pub mod proptest;
#[cfg(feature = "cli")]
mod report;
#[cfg(feature = "cli")]
pub mod scenario;
mod select;
mod sim;
pub mod snapshot;
pub mod strategy;
pub mod sync;
pub mod task;
pub mod thread;
pub mod time;
pub mod trace;

pub use error::{Cancelled, TaskError};
pub use explore::check;
pub use future::{DoneHandle, InvalidState, Promise};
pub use sim::{Run, Sim, run};
pub use strategy::Strategy;
pub use task::{gather, spawn};

/// Makes a test of an async function: [`check`] under its name.
///
/// The test is run under a thousand seeds, unless it is told otherwise, and fails with the shortest
/// of the runs that fail. Seed 0 is asyncio's order. The function may return a `Result`, whose
/// error fails the run; `#[should_panic]`, `#[ignore]` and `#[rstest]` work as with any other test.
///
/// | setting | |
/// |---|---|
/// | `runs = 100` | how many seeds, from 0 on |
/// | `seed = 42`, `seeds = 0..500` | which seeds |
/// | `strategy = "surw"` | who goes next: a [`Strategy`] or its name |
/// | `until = Duration::from_secs(60)` | how much virtual time a run may take |
/// | `max_steps = 10_000` | how many steps |
/// | `check_determinism` | every run is made twice, and both must be the same |
/// | `regressions = "folder"`, `regressions = false` | where failures are kept; nowhere |
/// | `config = some_explorer()` | an [`Explorer`](explore::Explorer) to begin with |
/// | `crate = some::path` | what simrun is called here |
///
/// ```
/// use simrun::sync::Queue;
/// use simrun::{spawn, time};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// #[simrun::test(runs = 200, until = Duration::from_secs(3_600))]
/// async fn what_is_put_can_be_got() {
///     let queue = Arc::new(Queue::bounded(1));
///     let producer = spawn({
///         let queue = queue.clone();
///         async move {
///             time::sleep(time::secs(60)).await;
///             queue.put(42).await
///         }
///     });
///     assert_eq!(queue.get().await.unwrap(), 42);
///     producer.await.unwrap().unwrap();
/// }
/// ```
pub use simrun_macros::test;

/// Makes a program's `main` of an async function: [`run`] with settings.
///
/// It can be given a `seed`, a `strategy`, `until` and `max_steps`, as a [`test`](macro@test) can,
/// and `config`, a [`Sim`] to begin with. The program is run once, in asyncio's order unless there
/// is a strategy. It ends with what the function returns. `SIMRUN_SEED`, `SIMRUN_STRATEGY` and
/// `SIMRUN_SHOW` [in the environment](explore#the-environment) have the last word.
///
/// ```
/// #[simrun::main]
/// async fn main() {
///     simrun::time::sleep(simrun::time::secs(3_600)).await;
///     println!("an hour later");
/// }
/// ```
pub use simrun_macros::main;

#[doc(hidden)]
pub mod private;

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

/// The code in the README runs as a documentation test.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
