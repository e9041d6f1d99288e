//! Many runs on all cores, and what they add up to.
//!
//! The runs are numbered. Threads take the next number until a batch is done; then the runs are
//! counted in the order of their numbers, and only then is it decided whether to go on. So neither
//! the number of threads nor the order in which runs end can be seen in the result. Real time can
//! end a batch early: numbers are taken in order, so what was run is a prefix all the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::finding::Finding;
use super::program::{Program, aside};
use super::report::{Ended, Report};
use super::stopwatch::Stopwatch;
use super::{Coverage, Explorer};
use crate::assure::{Failure, FailureKey, FailureKind};
use crate::chance::mix;
use crate::sim::Sim;

/// The first batch: so few that a program which always fails is told at once.
const FIRST_BATCH: u64 = 16;

/// The largest: so many that threads seldom wait for each other.
const MAX_BATCH: u64 = 1_024;

/// One seed in so many is run twice.
const CHECK_ONE_IN: u64 = 32;

/// What is kept of a run.
struct Ran {
    seed: u64,
    strategy: String,
    fingerprint: u64,
    steps: u64,
    is_checked: bool,
    failure: Option<Failure>,
}

/// Runs the campaign, without shrinking what it finds.
pub(super) fn run(explorer: &Explorer, program: &Program<'_>) -> Report {
    let watch = Stopwatch::start(explorer.time);
    let mut report = Report::default();
    let mut groups = BTreeMap::new();
    let last = explorer.runs.unwrap_or(u64::MAX);
    let mut batch = FIRST_BATCH;
    report.ended = loop {
        let done = report.coverage.runs();
        let end = last.min(done.saturating_add(batch));
        let ran = run_batch(explorer, program, done..end, &watch);
        let is_cut = (ran.len() as u64) < end - done;
        for ran in ran {
            count(&mut report, &mut groups, ran);
        }
        if !groups.is_empty() && !explorer.keeps_going {
            break Ended::Failed;
        }
        if end == last && !is_cut {
            break Ended::AllRuns;
        }
        if is_cut || watch.is_over() {
            break Ended::OutOfTime;
        }
        if explorer.stops_when_saturated && report.coverage.is_saturated() {
            break Ended::Saturated;
        }
        batch = MAX_BATCH.min(report.coverage.runs());
    };
    report.first_seed = explorer.first_seed;
    report.findings = groups
        .into_values()
        .map(|group| aside(|| group.look_again(explorer, program)))
        .collect();
    report.findings.sort_by_key(|finding| finding.seed);
    report
}

/// Runs a batch on as many threads as there are jobs, and returns the runs in order.
fn run_batch(
    explorer: &Explorer,
    program: &Program<'_>,
    numbers: std::ops::Range<u64>,
    watch: &Stopwatch,
) -> Vec<Ran> {
    let next = AtomicU64::new(numbers.start);
    let work = || {
        let mut ran = Vec::new();
        // The first run of a campaign is made however short the time is.
        while next.load(Ordering::Relaxed) == 0 || !watch.is_over() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                break;
            }
            ran.push(run_one(explorer, program, explorer.seed_of(number)));
        }
        ran
    };
    let jobs = (explorer.threads() as u64).min(numbers.end - numbers.start);
    let mut ran: Vec<Ran> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<Ran>>| match worker.join() {
            Ok(ran) => ran,
            Err(payload) => std::panic::resume_unwind(payload),
        };
        workers.into_iter().flat_map(join).collect()
    });
    ran.sort_by_key(|ran| ran.seed);
    ran
}

fn run_one(explorer: &Explorer, program: &Program<'_>, seed: u64) -> Ran {
    let sim = explorer.sim_of(seed);
    let run = program(&sim);
    let mut failure = run.failure().cloned();
    let is_drawn = mix(mix(0, seed), CHECK_ONE_IN) >> 32 & (CHECK_ONE_IN - 1) == 0;
    let is_checked = is_drawn || explorer.checks_all;
    let ended_by_itself = failure.as_ref().is_none_or(is_the_runs_own);
    if is_checked && ended_by_itself && program(&sim).fingerprint() != run.fingerprint() {
        failure = Some(nondeterminism(&sim, program));
    }
    Ran {
        seed,
        strategy: run.strategy().to_string(),
        fingerprint: run.fingerprint(),
        steps: run.steps(),
        is_checked,
        failure,
    }
}

/// Says whether a failure comes from the program and the plan alone.
pub(crate) fn is_the_runs_own(failure: &Failure) -> bool {
    !matches!(
        failure.kind(),
        FailureKind::WallClock | FailureKind::Nondeterminism
    )
}

/// Tells where two runs of one seed differ.
fn nondeterminism(sim: &Sim, program: &Program<'_>) -> Failure {
    let sim = sim.clone().record(true);
    let (first, second) = (program(&sim), program(&sim));
    Sim::compare(&first, &second).unwrap_or_else(|| {
        let message = format!(
            "two runs of seed {} differed, and two more did not",
            first.seed()
        );
        Failure::new(FailureKind::Nondeterminism, message, first.now())
    })
}

/// The failures of one key.
struct Group {
    seed: u64,
    failure: Failure,
    fingerprint: u64,
    count: u64,
}

fn count(report: &mut Report, groups: &mut BTreeMap<FailureKey, Group>, ran: Ran) {
    report.coverage.add(ran.fingerprint);
    report.steps += ran.steps;
    report.checked += u64::from(ran.is_checked);
    *report.strategies.entry(ran.strategy).or_insert(0) += 1;
    let Some(failure) = ran.failure else {
        return;
    };
    report.failed += 1;
    let group = groups.entry(failure.key()).or_insert(Group {
        seed: ran.seed,
        failure,
        fingerprint: ran.fingerprint,
        count: 0,
    });
    group.count += 1;
}

impl Group {
    /// Runs the lowest seed again, for its plan and to see that it fails again.
    fn look_again(self, explorer: &Explorer, program: &Program<'_>) -> Finding {
        let sim = explorer.sim_of(self.seed).write_plan(true);
        let run = program(&sim);
        let is_own = is_the_runs_own(&self.failure);
        let failure = match is_own && run.fingerprint() != self.fingerprint {
            true => nondeterminism(&sim, program),
            false => self.failure,
        };
        Finding {
            failure,
            seed: self.seed,
            strategy: run.strategy().to_string(),
            plan: run.plan().clone(),
            fingerprint: self.fingerprint,
            count: self.count,
            shrunk: None,
        }
    }
}

impl Coverage {
    /// Returns the highest probability of a failure that so many runs without one leave open, with
    /// 95 % certainty: the rule of three.
    pub fn residual(&self) -> f64 {
        match self.runs() {
            0 => 1.0,
            runs => (3.0 / runs as f64).min(1.0),
        }
    }
}
