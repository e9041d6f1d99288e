//! Properties: workloads that [proptest](https://docs.rs/proptest) generates, shrunk together with
//! the run that they fail in.
//!
//! proptest makes inputs, simrun makes schedules, faults and draws. A concurrent program goes wrong
//! for some inputs in some runs, and what one wants to read is the fewest operations *and* the
//! fewest decisions. To generate a seed and shrink it would not do: a smaller seed is an unrelated
//! run. So a case here is a workload with a **plan**: as soon as a run has failed, its seed is
//! forgotten, and what is left out of its decisions is left out of the case.
//!
//! # Checking a property
//!
//! [`check`](check()) takes a strategy of workloads and a program that is given one:
//!
//! ```
//! use proptest::prelude::*;
//! use simrun::sync::Lock;
//! use simrun::{spawn, task};
//! use std::sync::Arc;
//!
//! #[derive(Clone, Debug)]
//! struct Transfer {
//!     from: usize,
//!     to: usize,
//!     sum: i64,
//! }
//!
//! fn transfers() -> impl Strategy<Value = Vec<Transfer>> {
//!     let transfer = (0..3_usize, 0..3_usize, 1..100_i64);
//!     let transfer = transfer.prop_map(|(from, to, sum)| Transfer { from, to, sum });
//!     prop::collection::vec(transfer, 1..10)
//! }
//!
//! # let config = ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() };
//! # let properties = simrun::proptest::Properties::new().config(config);
//! // In a test: `simrun::proptest::check(transfers(), |transfers| ..)`.
//! properties.check(transfers(), |transfers| async move {
//!     let accounts = Arc::new(Lock::new([100_i64; 3]));
//!     let tasks = transfers.into_iter().map(|Transfer { from, to, sum }| {
//!         let accounts = accounts.clone();
//!         spawn(async move {
//!             let mut accounts = accounts.acquire().await;
//!             accounts[from] -= sum;
//!             task::yield_now().await;
//!             accounts[to] += sum;
//!         })
//!     });
//!     for task in tasks.collect::<Vec<_>>() {
//!         task.await.unwrap();
//!     }
//!     assert_eq!(accounts.acquire().await.iter().sum::<i64>(), 300, "money is nowhere");
//! });
//! ```
//!
//! Each of proptest's 256 cases is run in asyncio's order and under sixteen seeds, on all cores.
//! [`Properties`] is the same with settings. Within `proptest!`, and wherever else there are
//! strategies, [`runs`](runs()) makes the cases, and [`Case::check`] runs them.
//!
//! # What is made simpler, and in which order
//!
//! 1. The decisions of the run that has failed, by the cheap passes: faults first, then what
//!    happens to packets, then cancellations, and of switches and draws what is easily left out.
//! 2. The workload, as its own strategy simplifies it. The decisions need not fit a smaller one,
//!    whose tasks may have other numbers. So of each candidate it is looked whether it fails in the
//!    same way with those decisions, in asyncio's order, or under one of 64 seeds; and it is taken
//!    if it needs no more faults, lost packets and cancellations than the one before.
//! 3. The decisions again, by all passes, and why they matter: the two events whose order decides.
//!
//! A candidate that fails for one seed in a thousand may be missed, so the workload is the simplest
//! that was found, and mostly, but not surely, the simplest there is.
//!
//! # Regressions
//!
//! [`check`](check()) keeps what it finds in `proptest-regressions`, in a file with the test's
//! name, and that of its file in `tests`: the number of the workload, the steps in which it was
//! made simpler, its text, and the decisions. From these the very same run is made again, first of
//! all, the next time. If the strategy has been changed and makes another workload of the number,
//! the text shows it, and the check says so.
//!
//! `proptest!` keeps seeds of its own. With its usual settings it warns about files in `tests/`,
//! and may write outside the package; [`config`] and [`Persistence`] put them where they belong.
//!
//! On a machine that sets `CI` nothing is written, and what would be is printed.
//!
//! # Models
//!
//! A [`MachineTest`] generates operations in the states where they make sense, has one client or
//! several call them while [faults](crate::fault) happen, and compares what they are told with a
//! [model](crate::assure::Model).

mod case;
mod found;
mod machine;
mod persistence;
mod properties;
mod regression;
mod runs;
mod steps;
#[cfg(test)]
mod tests;

pub use case::Case;
pub use found::{Explored, Found};
pub use machine::{Call, CallTree, Calls, Machine, MachineTest, System};
pub use persistence::{Persistence, config};
pub use properties::{Properties, check};
pub use runs::{RunTree, Runs, runs};
