//! Many runs of one program: campaigns, shrinking, regressions, exhaustive search.
//!
//! A run is one way in which a program can go. [`check`](crate::check()) looks for the one that
//! goes wrong and shows it in its shortest form; an [`Explorer`] is the same with settings:
//!
//! - [`Explorer::explore`] is a **campaign**: a seed a run, on all cores, until one fails, next to
//!   nothing new is to be expected, or there have been enough. Its [`Report`] depends on the seeds
//!   alone. Some of the runs are made twice, which finds programs that depend on something else.
//! - [`Explorer::shrink`] takes the plan of a run that fails and leaves out all decisions that do
//!   not matter. [`Why`] then names the two events whose order does.
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

mod campaign;
mod check;
mod cost;
mod coverage;
mod environment;
mod exhaustive;
mod explorer;
mod finding;
mod message;
#[cfg(feature = "proptest")]
pub(crate) mod probe;
mod program;
mod regression;
mod report;
mod shrink;
mod shrunk;
mod stopwatch;
mod table;
mod why;
mod words;

pub use check::check;
pub use coverage::Coverage;
pub use exhaustive::Exhaustion;
pub use explorer::Explorer;
pub use finding::Finding;
#[cfg(feature = "cli")]
pub(crate) use message::{Saved, message};
pub use regression::{Case, ParseRegressionsError, Regressions, Replayed, Verdict};
pub use report::{Ended, Report};
pub use shrunk::{Shrunk, Slip, Threshold};
pub use why::{CriticalPair, Why};
