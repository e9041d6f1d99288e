//! All that a small program can do, and a certificate that nothing was left out.
//!
//! Two interleavings that differ only in the order of moves which have nothing to do with each
//! other are one *trace*, and it is enough to run one of them. [`traces`] does that; [`every`] runs
//! each interleaving, which is what remains where moves have to do with each other in ways that
//! footprints do not show.

mod causes;
mod doubt;
mod every;
mod traces;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::finding::Finding;
use super::program::Program;
use super::stopwatch::Stopwatch;
use super::words::{count, grouped};
use crate::assure::{Failure, FailureKey, FailureKind};
use crate::chance::Site;
use crate::sim::{Run, Sim};

/// What a search through all that a program can do has come to. Its text is its certificate.
///
/// What is searched are the decisions about who goes next. Interleavings that differ only in the
/// order of steps which touch nothing in common are the same *trace*, and of each trace one is run:
/// nothing that they could show is left out. What a program draws is drawn from the seed as ever; a
/// certificate says so where it happened.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::sync::Tracked;
/// use simrun::{spawn, task, time};
/// use std::sync::Arc;
///
/// /// Three tasks of three steps each, in the last of which they have something in common.
/// async fn three_tasks() {
///     let last = Arc::new(Tracked::new(0));
///     for number in 0..3 {
///         let last = last.clone();
///         let task = async move {
///             task::yield_now().await;
///             task::yield_now().await;
///             last.write(|last| *last = number);
///         };
///         spawn(task).detach();
///     }
///     time::sleep(time::secs(1)).await;
/// }
///
/// let all = Explorer::new().exhaust(three_tasks);
/// assert_eq!(all.to_string(), "0 failures in 6 of 6 traces, complete");
/// let all = Explorer::new().every_interleaving().runs(10_000).exhaust(three_tasks);
/// assert_eq!(all.to_string(), "0 failures in 1,680 of 1,680 interleavings, complete");
/// ```
///
/// # What tasks share
///
/// Which steps have to do with each other is known of everything in this crate: tasks, timers, and
/// what is in [`sync`](crate::sync), [`Tracked`](crate::sync::Tracked) values among that. It is not
/// known of a `Cell`, a `Mutex` of the standard library, or a static. So each trace is run a few
/// more times, with its independent steps in other orders, which must make no difference. If it
/// does, the search says where, and runs
/// [every interleaving](crate::explore::Explorer::every_interleaving) instead; it does so as well
/// for programs with threads, hosts or a network.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{spawn, task};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// let all = Explorer::new().exhaust(|| async {
///     let count = Rc::new(Cell::new(0));
///     let tasks = [(); 2].map(|()| {
///         let count = count.clone();
///         spawn(async move {
///             let seen = count.get();
///             task::yield_now().await;
///             count.set(seen + 1);
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(count.get(), 2, "an update is lost");
/// });
/// assert!(all.not_reduced().unwrap().contains("not tracked"));
/// assert!(all.failed() > 0 && all.is_complete());
/// ```
///
/// What makes no difference to how the run ends, and to what its steps touch, is not noticed:
/// shared state whose effects nobody checks. Nor is what shows only in an order that was not tried.
/// Where the state that is shared is worth a certificate, it is worth a `Tracked`.
#[derive(Clone, Debug, Default)]
pub struct Exhaustion {
    runs: u64,
    redundant: u64,
    failed: u64,
    is_complete: bool,
    is_reduced: bool,
    /// In how many epochs every interleaving was run.
    dense: usize,
    not_reduced: Option<String>,
    draws: bool,
    findings: Vec<Finding>,
}

impl Exhaustion {
    /// Returns how many traces were run, or how many interleavings if it is not
    /// [reduced](Self::is_reduced).
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns how many more runs were begun, and given up when it was clear that they were of a
    /// trace which had been run.
    pub fn redundant(&self) -> u64 {
        self.redundant
    }

    /// Returns how many of the runs failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Says whether there are no others.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Says whether one interleaving of each trace was run, and not every one.
    pub fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    /// Returns why every interleaving had to be run, if nobody had asked for that.
    pub fn not_reduced(&self) -> Option<&str> {
        self.not_reduced.as_deref()
    }

    /// Returns the failures, one for each key, with the plan of the first run that shows it.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(super) fn findings_mut(&mut self) -> &mut [Finding] {
        &mut self.findings
    }
}

impl fmt::Display for Exhaustion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = grouped(self.runs);
        let unit = match self.is_reduced {
            true => "traces",
            false => "interleavings",
        };
        write!(f, "{} in ", count(self.failed, "failure"))?;
        match self.is_complete {
            true => write!(f, "{runs} of {runs} {unit}, complete")?,
            false => write!(f, "the first {runs} {unit}, there are more")?,
        }
        if self.draws {
            f.write_str("; what is drawn was drawn from one seed")?;
        }
        match &self.not_reduced {
            Some(why) => write!(f, "; not reduced to traces: {why}"),
            None => Ok(()),
        }
    }
}

/// What is searched, and for how long.
pub(super) struct Search<'a> {
    pub(super) program: &'a Program<'a>,
    pub(super) sim: &'a Sim,
    pub(super) max_runs: u64,
    pub(super) time: Option<Duration>,
    /// Whether every interleaving is asked for.
    pub(super) every: bool,
}

impl Search<'_> {
    pub(super) fn run(&self) -> Exhaustion {
        let watch = Stopwatch::start(self.time);
        let not_reduced = match self.every {
            true => None,
            false => match traces::search(self, &watch) {
                Ok(all) => return all,
                Err(why) => Some(why),
            },
        };
        let all = every::search(self, &watch);
        Exhaustion { not_reduced, ..all }
    }
}

/// What has come of the runs so far.
#[derive(Default)]
struct Tally {
    all: Exhaustion,
    findings: BTreeMap<FailureKey, Finding>,
}

impl Tally {
    /// Counts a run, and the failure that it is said to have shown.
    fn add(&mut self, run: &Run<()>, failure: Option<&Failure>) {
        self.all.runs += 1;
        let mut sites = run.plan().iter();
        self.all.draws |= sites.any(|(site, _)| !matches!(site, Site::Schedule { .. }));
        let Some(failure) = failure else { return };
        self.all.failed += 1;
        let finding = self.findings.entry(failure.key());
        finding
            .and_modify(|finding| finding.count += 1)
            .or_insert_with(|| Finding::of(run, failure));
    }

    fn conclude(mut self) -> Exhaustion {
        self.all.findings = self.findings.into_values().collect();
        self.all
    }
}

/// Says that a search makes no sense: what it has seen on a path is not there any more.
fn nondeterminism(run: &Run<()>) -> Failure {
    let message = "the same decisions lead to different runs: look for something that the program \
                   depends on beside them, such as real time or a static";
    Failure::new(FailureKind::Nondeterminism, message, run.now())
}
