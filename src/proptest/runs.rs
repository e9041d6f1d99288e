//! The strategy of cases, and the tree in which they are made simpler.
//!
//! A smaller seed is an unrelated run, so seeds are never shrunk: as soon as a run has failed, its
//! seed is forgotten and its decisions are what the case holds. The tree asks the workload's own
//! tree for simpler workloads, and tells each case what is known, for the case to look whether it
//! still fails; what came of it stands where both can see it.

use std::fmt::Debug;
use std::sync::Arc;

use ::proptest::num;
use ::proptest::strategy::{NewTree, Strategy, ValueTree};
use ::proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::case::{Case, SEEDS_BITS, Shared, Task};
use super::steps::{Step, Steps};
use crate::chance::mix;
use crate::explore::probe::{Environment, is_the_runs_own};
use crate::explore::{Explorer, Finding};

/// So many seeds are tried with a workload, unless the explorer is set to another number: with the
/// 256 cases that proptest makes, four thousand runs.
pub(super) const RUNS: u64 = 16;

/// So many replays shrink one failure at most.
const REPLAYS: u64 = 2_000;

/// Generates workloads together with the runs that they are used in: a strategy for proptest.
///
/// Each value is a [`Case`], whose [`check`](Case::check) runs a program with the workload. A case
/// that fails is made simpler in this order: faults, lost packets and cancellations that are not
/// needed go first; then the workload is, as its own strategy says, as long as a run of the simpler
/// one fails in the same way, with no more faults; then switches between tasks, and what the
/// program draws. What is left is the workload and the decisions of one run.
///
/// `SIMRUN_RUNS` says how many runs there are of each workload, `SIMRUN_JOBS` how many at a time;
/// with `SIMRUN_SEED` all cases are the one whose run has that seed.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::proptest::runs;
/// use simrun::{gather, spawn, time};
///
/// let delays = prop::collection::vec(0..100_u64, 1..5);
/// proptest!(ProptestConfig::with_cases(20), |(case in runs(delays))| {
///     case.check(|delays| async move {
///         let sleep = |delay| spawn(time::sleep(time::millis(delay)));
///         gather(delays.into_iter().map(sleep)).await.unwrap();
///     })?;
/// });
/// ```
pub fn runs<S: Strategy>(workloads: S) -> Runs<S> {
    Runs {
        workloads,
        explorer: Arc::new(explorer()),
        environment: Environment::read(),
        shared: Shared::default(),
    }
}

/// Each workload is run so few times that a profile of it is not worth the runs it takes.
pub(super) fn explorer() -> Explorer {
    let explorer = Explorer::new().strategy(crate::Strategy::random());
    explorer.runs(RUNS).replays(REPLAYS)
}

/// A strategy of workloads and runs: see [`runs`].
///
/// ```
/// use proptest::prelude::*;
/// use simrun::explore::Explorer;
///
/// let cases = simrun::proptest::runs(1..100_u32).explorer(Explorer::new().runs(3));
/// proptest!(ProptestConfig::with_cases(10), |(case in cases)| {
///     case.check(|number| async move { assert!(number > 0) })?;
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Runs<S> {
    pub(super) workloads: S,
    pub(super) explorer: Arc<Explorer>,
    /// What is said of all cases from outside.
    pub(super) environment: Environment,
    pub(super) shared: Shared,
}

impl<S> Runs<S> {
    /// Sets how the runs of each workload are made: how many, under which strategy, with which
    /// limits. Its seeds and its folder do not count.
    ///
    /// ```
    /// use proptest::prelude::*;
    /// use simrun::Strategy;
    /// use simrun::explore::Explorer;
    ///
    /// let explorer = Explorer::new().runs(50).strategy(Strategy::pct());
    /// let cases = simrun::proptest::runs(any::<u8>()).explorer(explorer);
    /// # let _ = cases;
    /// ```
    pub fn explorer(mut self, explorer: Explorer) -> Self {
        self.explorer = Arc::new(explorer);
        self
    }
}

impl<S: Strategy> Runs<S> {
    /// Makes the tree of the workloads of a case: always the same one.
    pub(super) fn tree(&self, number: u32, runner: &TestRunner) -> NewTree<S> {
        let algorithm = RngAlgorithm::ChaCha;
        let words = (0..4).flat_map(|word| mix(u64::from(number), word).to_le_bytes());
        let seed: Vec<u8> = words.collect();
        let rng = TestRng::from_seed(algorithm, &seed);
        let mut own = TestRunner::new_with_rng(runner.config().clone(), rng);
        self.workloads.new_tree(&mut own)
    }
}

impl<S: Strategy<Value: Clone>> Strategy for Runs<S> {
    type Tree = RunTree<S::Tree>;
    type Value = Case<S::Value>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let number = match self.environment.seed {
            Some(seed) => number_of(seed),
            None => num::u32::ANY.new_tree(runner)?.current(),
        };
        let explorer = Explorer::clone(&self.explorer).told_by(&self.environment);
        Ok(RunTree {
            tree: self.tree(number, runner)?,
            number,
            steps: Steps::default(),
            best: None,
            phase: Phase::Workload,
            explorer: Arc::new(explorer),
            shared: Shared {
                runs: Arc::clone(&self.shared.runs),
                ..Shared::default()
            },
        })
    }
}

/// Returns the number of the case that a run with this seed belongs to.
fn number_of(seed: u64) -> u32 {
    let number = u32::try_from(seed >> SEEDS_BITS);
    number.unwrap_or_else(|_| panic!("SIMRUN_SEED is {seed}: no run of a case has such a seed"))
}

/// What is made simpler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Workload,
    Decisions,
    Nothing,
}

/// The simplest workload that fails, and how.
#[derive(Clone, Debug)]
struct Best<W> {
    workload: W,
    text: String,
    steps: Steps,
    finding: Finding,
}

/// A case that can be made simpler.
///
/// ```
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
/// use simrun::proptest::{Case, runs};
///
/// let mut tree = runs(0..100_u32).new_tree(&mut TestRunner::deterministic()).unwrap();
/// let fails = |case: Case<u32>| case.check(|number| async move { assert!(number < 20) }).is_err();
/// while if fails(tree.current()) { tree.simplify() } else { tree.complicate() } {}
/// assert_eq!(*tree.current().workload(), 20);
/// ```
#[derive(Debug)]
pub struct RunTree<T: ValueTree> {
    tree: T,
    number: u32,
    steps: Steps,
    best: Option<Best<T::Value>>,
    phase: Phase,
    explorer: Arc<Explorer>,
    shared: Shared,
}

impl<T: ValueTree<Value: Clone>> ValueTree for RunTree<T> {
    type Value = Case<T::Value>;

    fn current(&self) -> Case<T::Value> {
        let (workload, steps, task) = match (self.phase, &self.best) {
            (Phase::Workload, None) => (self.tree.current(), &self.steps, Task::Search),
            (Phase::Workload, Some(_)) => (self.tree.current(), &self.steps, Task::Like),
            (_, Some(best)) => (best.workload.clone(), &best.steps, Task::Finish),
            (_, None) => (self.tree.current(), &self.steps, Task::Search),
        };
        Case {
            workload,
            number: self.number,
            steps: steps.clone(),
            task,
            known: self
                .best
                .as_ref()
                .map(|best| Box::new(best.finding.clone())),
            explorer: Arc::clone(&self.explorer),
            shared: self.shared.clone(),
        }
    }

    fn simplify(&mut self) -> bool {
        self.keep_what_fails();
        self.phase == Phase::Workload && self.simpler_workload()
    }

    fn complicate(&mut self) -> bool {
        if self.phase != Phase::Workload {
            self.phase = Phase::Nothing;
            return false;
        }
        if !self.steps.take(Step::Complicate, &mut self.tree) {
            return self.turn_to_decisions();
        }
        // Back at the one that is known to fail, it need not be asked again.
        let text = format!("{:?}", self.tree.current());
        let is_known = self.best.as_ref().is_some_and(|best| best.text == text);
        !is_known || self.simpler_workload()
    }
}

impl<T: ValueTree<Value: Clone>> RunTree<T> {
    /// Takes what the last check has found.
    fn keep_what_fails(&mut self) {
        let found = self.shared.finding.lock();
        let Some(finding) = found.expect("nobody panics with it").take() else {
            return;
        };
        let is_own = is_the_runs_own(finding.failure());
        match (self.phase, &mut self.best) {
            (Phase::Workload, _) => {
                let workload = self.tree.current();
                self.best = Some(Best {
                    text: format!("{workload:?}"),
                    workload,
                    steps: self.steps.clone(),
                    finding,
                });
                // What depends on more than the case cannot be looked for in another one.
                if !is_own {
                    self.phase = Phase::Nothing;
                }
            }
            (_, Some(best)) => {
                best.finding = finding;
                self.phase = Phase::Nothing;
            }
            (_, None) => {}
        }
    }

    fn simpler_workload(&mut self) -> bool {
        self.steps.take(Step::Simplify, &mut self.tree) || self.turn_to_decisions()
    }

    fn turn_to_decisions(&mut self) -> bool {
        self.phase = match self.best {
            Some(_) => Phase::Decisions,
            None => Phase::Nothing,
        };
        self.phase == Phase::Decisions
    }
}
