//! Deterministic simulation for async Rust.
//!
//! simrun runs async programs on one thread, on a virtual clock, under a seeded strategy, so that
//! one number, the seed, names one exact run. Its model is Python's asyncio, with that exact
//! behaviour: the same order of steps, the same latencies, the same rules of cancellation. Threads,
//! processes, hosts and the network between them are simulated as well, and so is what goes wrong
//! with them. A test makes a thousand runs where it made one, and the one that fails will always
//! fail.
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
//! ended, at what virtual time, with which fingerprint. [`#[simrun::main]`](macro@main) makes a
//! program of an async `main`.
//!
//! Whoever knows another runtime will find most things under their names:
//!
//! | tokio | asyncio | here |
//! |---|---|---|
//! | `#[tokio::main]`, `block_on` | `run` | [`run`], [`main`](macro@main), [`Sim`] |
//! | `#[tokio::test]` | | [`test`](macro@test), [`check`] |
//! | `spawn` | `create_task` | [`spawn`], [`task::try_spawn`] |
//! | `join!`, `try_join!` | `gather` | [`gather`]; `futures::join!` |
//! | `JoinSet` | `TaskGroup`, `as_completed` | [`task::group`], [`task::as_completed`] |
//! | `select!` | `wait` | [`select!`], [`task::wait`] |
//! | `JoinHandle::abort` | | [`abort`](task::TaskRef::abort) |
//! | | `Task.cancel` | [`cancel`](task::TaskRef::cancel), [`task::cancellable`] |
//! | `task_local!` | `ContextVar` | [`task_local!`] |
//! | `spawn_blocking` | `to_thread` | [`thread::to_thread`] |
//! | `oneshot` | `Future` | [`Promise`] |
//! | `time`, `sync`, `net`, `process` | the same | [`time`], [`sync`], [`net`], [`process`] |
//!
//! Tasks need not be `Send`. A task's result is a `Result`, for it may have been cancelled or have
//! panicked; dropping its handle lets it run on. A task whose `Err` is to count as a failure is
//! made with [`task::try_spawn`]. A failure at which nobody has looked fails the run.
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
//! A failure is a value that says what it was: a panic, an error, a [deadlock](assure::Deadlock)
//! with who waits for what and where, a limit. [`strategy`] tells which strategy finds what.
//!
//! # Testing
//!
//! [`#[simrun::test]`](macro@test) does all of that: it runs the test under a thousand seeds on all
//! cores, leaves out of the first run that fails what does not matter, shows the rest with the two
//! steps whose order decides, and keeps it in a file, to be run first the next time.
//!
//! ```
//! use simrun::{sync::Queue, spawn};
//! use std::sync::Arc;
//!
//! #[simrun::test(runs = 200)]
//! async fn nothing_is_lost() {
//!     let queue = Arc::new(Queue::bounded(1));
//!     let producers = [1, 2].map(|number| {
//!         let queue = queue.clone();
//!         spawn(async move { queue.put(number).await })
//!     });
//!     let sum = queue.get().await.unwrap() + queue.get().await.unwrap();
//!     assert_eq!(sum, 3);
//!     simrun::gather(producers).await.unwrap();
//! }
//! ```
//!
//! [`check`] is the same as a function, and [`explore`] has the parts: campaigns, shrinking, every
//! interleaving of a small program.
//!
//! # Cancelling
//!
//! [`cancel`](task::TaskRef::cancel) is asyncio's request: it goes to what the task awaits and is
//! received by the innermost [`cancellable`](task::cancellable) region, which can clean up, pass
//! it on or swallow it. A task without a region is dropped where it stands. [`abort`] is tokio's
//! order: it asks nobody.
//!
//! ```
//! use simrun::{spawn, task, time};
//!
//! # simrun::run(async {
//! let worker = spawn(async {
//!     let work = task::cancellable(time::sleep(time::secs(60)));
//!     if let Err(cancelled) = work.await {
//!         time::sleep(time::secs(1)).await; // clean up
//!         cancelled.raise().await
//!     }
//! });
//! task::yield_now().await;
//! worker.cancel_with("not needed any more");
//! let error = worker.await.unwrap_err();
//! assert_eq!(error.to_string(), "cancelled: not needed any more");
//! # });
//! ```
//!
//! Timeouts and groups cancel in the same way, and [`Strategy::cancel_sweep`] cancels each task at
//! each of its awaits, one a seed, to find what a cancellation leaves half done.
//!
//! [`abort`]: task::TaskRef::abort
//!
//! # Time
//!
//! [`time`] moves only when nothing is ready, and then to the next moment at which something is
//! due. Sleeping costs nothing, computing takes no time, and a timeout that is reached is reached
//! in every run of the seed.
//!
//! ```
//! use simrun::time::{now, secs, sleep, timeout};
//!
//! # simrun::run(async {
//! assert!(timeout(secs(5), sleep(secs(86_400))).await.is_err());
//! assert_eq!(now().since_start(), secs(5));
//! # });
//! ```
//!
//! # Tools
//!
//! [`sync`] has queues, locks, events, conditions, semaphores and barriers, with asyncio's
//! fairness. They tell the run who uses what; so do [`sync::Tracked`] values, and strategies learn
//! from that which steps are worth swapping. Channels and locks of `futures` work too, but
//! strategies do not see who uses them.
//!
//! # Threads and processes
//!
//! [`thread`] and [`thread::sync`] have what `std::thread` and `std::sync` have. A simulated thread
//! may block, and is one more thing that can go next: interrupted wherever others could see what it
//! does. [`process`] runs programs beside each other, with pipes and signals.
//!
//! ```
//! use simrun::thread::{self, sync::Mutex};
//! use std::sync::Arc;
//!
//! # simrun::run(async {
//! let total = Arc::new(Mutex::new(0));
//! let shared = total.clone();
//! thread::to_thread(move || *shared.lock().unwrap() += 1).await.unwrap();
//! assert_eq!(*total.lock().unwrap(), 1);
//! # });
//! ```
//!
//! # Hosts, the network, faults
//!
//! A [`host`] is a machine with tasks, sockets, a clock and a disk of its own. Links between hosts
//! delay, lose and reorder packets; over them there are TCP and UDP, and asyncio's streams and
//! protocols: [`net`]. Hosts crash and links are cut when the program says so, at times that are
//! known, or at random: [`fault`].
//!
//! ```
//! use simrun::net::{self, StreamReader, StreamWriter};
//! use simrun::time::{millis, secs, sleep, timeout};
//! use simrun::host;
//!
//! # simrun::run(async {
//! let server = host::start("server", || async {
//!     let greet = |_: StreamReader, writer: StreamWriter| async move {
//!         writer.write(b"hello\n");
//!         writer.close();
//!     };
//!     let server = net::start_server(greet, "0.0.0.0:80").await?;
//!     server.serve_forever().await.map(drop)
//! });
//! sleep(millis(1)).await;
//! let (mut reader, _writer) = net::open_connection("server:80").await.unwrap();
//! assert_eq!(reader.readline().await.unwrap(), b"hello\n");
//!
//! server.crash_silently();
//! assert!(timeout(secs(5), net::open_connection("server:80")).await.is_err());
//! # });
//! ```
//!
//! # What is deterministic
//!
//! Everything that goes through this crate. Randomness comes from [`chance`], time from [`time`].
//! `futures::join!`, channels, streams and `select_biased!` work as they are; `futures::select!`
//! and `tokio::select!` draw from generators that no seed controls, so use [`select!`] instead.
//!
//! What does not go through it is outside: the machine's clock, its threads and its files, the
//! order of a `HashMap`, `rand::rng()`, and statics that one run leaves changed for the next.
//! [`Sim::check_determinism`] runs a program twice and shows the first event that differs;
//! campaigns do so for some of their runs.
//!
//! A seed means the same run as long as the program and this crate stay as they are. What is to
//! last longer is a [`Plan`](chance::Plan): the decisions of a run that differ from asyncio's
//! defaults, as text, one a line. A plan that no longer fits says where.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `cli`, on by default | the command, scenario files: `simrun::cli`, `simrun::scenario` |
//! | `hyper` | the module `simrun::hyper`: HTTP over the simulated network |
//! | `insta` | `simrun::assert_snapshot!`: runs as [snapshots](snapshot) of insta's |
//! | `proptest` | the module `simrun::proptest`: workloads that shrink with their runs |
//! | `tracing` | what a program tells `tracing` is in the [traces](trace) of its runs |
//!
//! Tests in Rust need none of them: with `default-features = false` there are 25 other crates.
//!
//! # Where to go next
//!
//! | | |
//! |---|---|
//! | [`task`] | spawning, waiting, groups, cancelling |
//! | [`time`] | sleeping, timeouts, clocks |
//! | [`sync`] | queues, locks and the rest; how wake-ups are lost |
//! | [`thread`], [`process`] | blocking code, pools; subprocesses |
//! | [`net`], [`host`], [`fault`] | what distributed programs live in |
//! | [`event_loop`] | callbacks; loops that are run by hand |
//! | [`strategy`], [`chance`] | who goes next; decisions and plans |
//! | [`explore`], [`assure`], [`trace`] | many runs; what failed; what happened |
#![cfg_attr(
    feature = "hyper",
    doc = "| [`hyper`](mod@hyper) | HTTP over the simulated network |"
)]
#![cfg_attr(
    feature = "cli",
    doc = "| [`scenario`], [`cli`] | programs and faults in a file; the command |"
)]

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
