//! Many runs of one program: campaigns, shrinking, regressions, exhaustive search.
//!
//! A run is one way in which a program can go. [`check`](crate::check()) looks for the one that
//! goes wrong and shows it in its shortest form; an [`Explorer`] is the same with settings:
//!
//! - [`Explorer::explore`] is a **campaign**: a seed a run, on all cores, until one fails, next to
//!   nothing new is to be expected, or there have been enough. Its [`Report`] depends on the seeds
//!   alone. Some of the runs are made twice, which finds programs that depend on something else.
//!   What must be so [sometimes](crate::sometimes!) is counted over all of them.
//! - [`Explorer::shrink`] takes the plan of a run that fails and leaves out all decisions that do
//!   not matter. [`Why`] then names the two events whose order does, the decisions that may go any
//!   way but the usual, and the step after which the failure is inevitable.
//! - [`Explorer::check`] adds what a test needs: it replays the [`Regressions`] that earlier checks
//!   have kept, keeps what it finds, and panics with a text that says it all.
//! - [`Explorer::exhaust`] runs every interleaving of a small program, and can say that there are
//!   no others.
//!
//! ```
//! use simrun::explore::Explorer;
//! use simrun::sync::Tracked;
//! use simrun::{spawn, task};
//! use std::sync::Arc;
//!
//! /// One deposit checks the balance before the other, and may come after it.
//! async fn deposits() {
//!     let balance = Arc::new(Tracked::new(0));
//!     let deposit = |sum, delay| {
//!         let balance = balance.clone();
//!         spawn(async move {
//!             for _ in 0..delay {
//!                 task::yield_now().await;
//!             }
//!             let before = balance.read(|balance| *balance);
//!             task::yield_now().await;
//!             balance.write(|balance| *balance = before + sum);
//!         })
//!     };
//!     let (one, other) = (deposit(1, 0), deposit(2, 2));
//!     one.await.unwrap();
//!     other.await.unwrap();
//!     assert_eq!(balance.read(|balance| *balance), 3, "a deposit is lost");
//! }
//!
//! let report = Explorer::new().explore(deposits);
//! let shrunk = report.findings()[0].shrunk().unwrap();
//! assert!(shrunk.plan().len() <= 2);
//! ```

//! # The environment
//!
//! A [`check`](crate::check()) looks for what it is to do into the environment, and nothing else
//! does but the `main` that [`#[simrun::main]`](crate::main) makes, which knows those marked with a
//! star. No run sees any of it.
//!
//! | variable | |
//! |---|---|
//! | `SIMRUN_SEED=17` * | runs this seed alone |
//! | `SIMRUN_STRATEGY=surw` * | the name of the [strategy](crate::Strategy), of all seeds but 0 |
//! | `SIMRUN_RUNS=10000` | makes so many runs |
//! | `SIMRUN_JOBS=1` | makes so many at a time |
//! | `SIMRUN_PLAN=plan.txt` | runs the plan, or the regressions, in this file alone |
//! | `SIMRUN_SHOW=all` * | prints a run on stderr, event by event |
//! | `CI=true` | writes no regressions, and prints all that is needed to replay what fails |
//!
//! The run that `SIMRUN_SHOW` prints is the one that is replayed, or else the shortest that fails.
//! Its value says which events: `log` what is logged and traced, `tasks` who begins and ends,
//! `steps` the rest, `all`, or several of them with commas.
//!
//! A value that is not understood fails the check, for to ignore it would be to run something else.
//! Any other variable that begins with `SIMRUN_` is warned of once, with the one that was meant.

mod campaign;
mod check;
mod cost;
mod coverage;
mod environment;
mod exhaustive;
mod explorer;
mod finding;
mod local;
mod message;
mod pace;
mod past;
#[cfg(feature = "proptest")]
pub(crate) mod probe;
mod profile;
mod program;
mod regression;
mod report;
mod show;
mod shrink;
mod shrunk;
mod sighting;
mod stopwatch;
mod stream;
mod table;
mod tally;
mod trials;
mod watchdog;
mod why;
#[cfg(feature = "cli")]
mod wire;
mod words;

#[cfg(feature = "cli")]
pub(crate) use campaign::{Campaign, ForProfile, Ran, Runner};
pub use check::check;
pub use coverage::Coverage;
pub(crate) use environment::Environment;
pub use exhaustive::Exhaustion;
pub use explorer::Explorer;
pub use finding::Finding;
#[cfg(feature = "cli")]
pub(crate) use local::{Local, Look};
#[cfg(feature = "cli")]
pub(crate) use message::{Saved, message, message_of_run};
pub use pace::Progress;
#[cfg(feature = "cli")]
pub(crate) use profile::{Failed, inform, is_for_profile};
#[cfg(feature = "cli")]
pub(crate) use program::Program;
pub use regression::{Case, ParseRegressionsError, Regressions, Replayed, Verdict};
pub use report::{Ended, Report};
pub use shrunk::{Shrunk, Slip, Threshold};
pub use sighting::Sighting;
#[cfg(feature = "cli")]
pub(crate) use tally::{Summary, add_up};
pub use why::{CriticalPair, Why};
#[cfg(feature = "cli")]
pub(crate) use wire::{ProfileLine, RanLine, SummaryLine};
