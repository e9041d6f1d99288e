//! Every interleaving of a small program, by depth-first search over the decisions.
//!
//! A run follows the path of choices that it is given and takes the first candidate after its end.
//! The next path is the last one with its last choice that has a sibling moved on to it. Nothing is
//! left out, so the number of runs is the number of interleavings, which grows faster than
//! exponentially: three tasks of three steps have 1,680, three of six 17,153,136.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::finding::Finding;
use super::program::Program;
use super::stopwatch::Stopwatch;
use super::words::{count, grouped};
use crate::assure::{Failure, FailureKey, FailureKind};
use crate::chance::Site;
use crate::sim::{Run, Sim};
use crate::strategy::{Choose, Strategy, Turn};

/// What a search through all interleavings has come to. Its text is its certificate.
///
/// What is searched are the decisions about who goes next. What a program draws, and what happens
/// to packets, is drawn from the seed as ever; a certificate says so where it happened.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{spawn, task, time};
///
/// /// Three tasks of three steps each.
/// async fn three_tasks() {
///     for _ in 0..3 {
///         let task = async {
///             task::yield_now().await;
///             task::yield_now().await;
///         };
///         spawn(task).detach();
///     }
///     time::sleep(time::secs(1)).await;
/// }
///
/// let all = Explorer::new().runs(10_000).exhaust(three_tasks);
/// assert_eq!(all.to_string(), "0 failures in 1,680 of 1,680 interleavings, complete");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Exhaustion {
    runs: u64,
    failed: u64,
    is_complete: bool,
    draws: bool,
    findings: Vec<Finding>,
}

impl Exhaustion {
    /// Returns how many interleavings were run.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns how many of them failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Says whether there are no others.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the failures, one for each key, with the plan of the first run that shows it.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Display for Exhaustion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = grouped(self.runs);
        write!(f, "{} in ", count(self.failed, "failure"))?;
        match self.is_complete {
            true => write!(f, "{runs} of {runs} interleavings, complete")?,
            false => write!(f, "the first {runs} interleavings, there are more")?,
        }
        match self.draws {
            true => f.write_str("; what is drawn was drawn from one seed"),
            false => Ok(()),
        }
    }
}

/// One decision on the path of a run: which candidate was taken, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Branch {
    taken: usize,
    candidates: usize,
}

/// The path of the run that is made, shared with its chooser.
#[derive(Debug, Default)]
struct Path {
    branches: Vec<Branch>,
    /// A run that followed the path has found another number of candidates on it.
    is_left: bool,
}

struct Walk {
    path: Arc<Mutex<Path>>,
    depth: usize,
}

impl Choose for Walk {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let candidates = turn.candidates();
        let mut path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        let depth = self.depth;
        self.depth += 1;
        match path.branches.get(depth) {
            Some(branch) if branch.candidates == candidates => branch.taken,
            Some(_) => {
                path.is_left = true;
                0
            }
            None => {
                let taken = 0;
                path.branches.push(Branch { taken, candidates });
                taken
            }
        }
    }
}

pub(super) fn run(
    program: &Program<'_>,
    sim: &Sim,
    max_runs: u64,
    time: Option<Duration>,
) -> Exhaustion {
    let watch = Stopwatch::start(time);
    let path = Arc::new(Mutex::new(Path::default()));
    let shared = path.clone();
    let strategy = Strategy::custom("exhaustive", move |_| {
        let path = shared.clone();
        Box::new(Walk { path, depth: 0 })
    });
    let sim = sim.clone().strategy(strategy).write_plan(true);
    let mut all = Exhaustion::default();
    let mut findings: BTreeMap<FailureKey, Finding> = BTreeMap::new();
    while all.runs < max_runs && !watch.is_over() {
        let run = program(&sim);
        all.runs += 1;
        let mut sites = run.plan().iter();
        all.draws |= sites.any(|(site, _)| !matches!(site, Site::Schedule { .. }));
        let mut path = path.lock().unwrap_or_else(PoisonError::into_inner);
        let left = path.is_left.then(|| nondeterminism(&run));
        if let Some(failure) = left.as_ref().or(run.failure()) {
            all.failed += 1;
            let finding = findings.entry(failure.key()).or_insert_with(|| Finding {
                failure: failure.clone(),
                seed: run.seed(),
                strategy: run.strategy().to_string(),
                plan: run.plan().clone(),
                fingerprint: run.fingerprint(),
                count: 0,
                shrunk: None,
            });
            finding.count += 1;
        }
        if path.is_left {
            break;
        }
        if !move_on(&mut path.branches) {
            all.is_complete = true;
            break;
        }
    }
    all.findings = findings.into_values().collect();
    all
}

/// Says that a search makes no sense: what it has seen on a path is not there any more.
fn nondeterminism(run: &Run<()>) -> Failure {
    let message = "the same decisions lead to different runs: look for something that the program \
                   depends on beside them, such as real time or a static";
    Failure::new(FailureKind::Nondeterminism, message, run.now())
}

/// Moves a path on to the next: `false` if it was the last.
fn move_on(path: &mut Vec<Branch>) -> bool {
    while let Some(mut branch) = path.pop() {
        branch.taken += 1;
        if branch.taken < branch.candidates {
            path.push(branch);
            return true;
        }
    }
    false
}
