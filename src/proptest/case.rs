//! A case: a workload, and what is known of the runs that it fails in.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::proptest::test_runner::{TestCaseError, TestCaseResult};

use super::steps::Steps;
use crate::chance::Plan;
use crate::explore::probe::{AGAIN, Probed, Program, head, name_at, program, tell_shortest};
use crate::explore::{Explorer, Finding};
use crate::task::Ending;

/// So many seeds belong to a case: its number is what is before them.
pub(super) const SEEDS_BITS: u32 = 16;

/// From this one of them on, they are for workloads that were made simpler.
const FOR_SIMPLER: u64 = 1 << (SEEDS_BITS - 1);

/// What is to be done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Look for a run that fails.
    Search,
    /// Look for one that fails as the known one does.
    Like,
    /// Shrink the known one as far as it goes.
    Finish,
}

/// What a case tells the tree that it comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    /// The failure that the last check has found.
    pub(super) finding: Arc<Mutex<Option<Finding>>>,
    /// How many runs there were so far, of all cases.
    pub(super) runs: Arc<AtomicU64>,
}

/// A workload and the decisions of a run, as one value: what [`runs`](super::runs()) generates.
///
/// Its text is the workload and, once it is known how a run fails, the decisions that make it.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::proptest::runs;
///
/// proptest!(ProptestConfig::with_cases(20), |(case in runs(1..100_u32))| {
///     prop_assert!((1..100).contains(case.workload()));
///     prop_assert!(case.plan().is_none(), "no run has failed yet");
///     case.check(|number| async move { assert!(number < 100) })?;
/// });
/// ```
pub struct Case<W> {
    pub(super) workload: W,
    pub(super) number: u32,
    pub(super) steps: Steps,
    pub(super) task: Task,
    pub(super) known: Option<Box<Finding>>,
    pub(super) explorer: Arc<Explorer>,
    pub(super) shared: Shared,
}

impl<W> Case<W> {
    /// Returns the workload.
    pub fn workload(&self) -> &W {
        &self.workload
    }

    /// Returns the decisions of a run that fails: none as long as none is known.
    pub fn plan(&self) -> Option<&Plan> {
        self.known.as_ref().map(|known| known.best_plan())
    }
}

impl<W: Clone + Sync> Case<W> {
    /// Runs a program with the workload: in asyncio's order, and under a few seeds. What fails is
    /// known from then on, so that the test's next cases are simpler ones, each with the decisions
    /// of a run that fails in the same way.
    ///
    /// # Errors
    ///
    /// If a run fails.
    #[track_caller]
    pub fn check<F, Fut>(&self, main: F) -> TestCaseResult
    where
        F: Fn(W) -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.check_at(&main, Location::caller())
    }

    pub(super) fn check_at<F, Fut>(
        &self,
        main: &F,
        at: &'static Location<'static>,
    ) -> TestCaseResult
    where
        F: Fn(W) -> Fut + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let probed = self.probe(&program(|| main(self.workload.clone()), at));
        self.shared.runs.fetch_add(probed.runs, Ordering::Relaxed);
        let told = probed.finding.as_ref();
        let told = told.map(|finding| tell(finding, &name_at(at)));
        let mut finding = self.shared.finding.lock().expect("nobody panics with it");
        *finding = probed.finding;
        told.map_or(Ok(()), |told| Err(TestCaseError::fail(told)))
    }

    fn probe(&self, program: &Program<'_>) -> Probed {
        let first = u64::from(self.number) << SEEDS_BITS;
        match (self.task, &self.known) {
            (Task::Like, Some(known)) => {
                self.explorer
                    .probe_like(program, known, first + FOR_SIMPLER)
            }
            (Task::Finish, Some(known)) => self.explorer.finish(program, known),
            _ => self.explorer.probe(program, first),
        }
    }
}

/// Tells of a failure: all that is known if it was shrunk, a few lines until then.
fn tell(finding: &Finding, name: &str) -> String {
    let again = finding.shrunk().map_or("", |_| AGAIN);
    let mut text = head(finding, Some(&format!("with the workload below{again}")));
    // Not the last line: proptest ends it with a full stop.
    let seed = finding.seed();
    text.push_str(&format!(
        "\nreplay   SIMRUN_SEED={seed} cargo test {name}\n"
    ));
    if let Some(shrunk) = finding.shrunk() {
        tell_shortest(&mut text, shrunk);
    }
    text
}

impl<W: fmt::Debug> fmt::Debug for Case<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.workload.fmt(f)?;
        let Some(plan) = self.plan() else {
            return Ok(());
        };
        if plan.is_empty() {
            return f.write_str("\nin asyncio's own order");
        }
        f.write_str("\ndecisions")?;
        let mut decisions = plan.iter();
        decisions.try_for_each(|(site, choice)| write!(f, "\n  {site} -> {choice}"))
    }
}
