//! Many runs on all cores, and what they add up to.
//!
//! The runs are numbered. Threads take the next number until a batch is done; then the runs are
//! counted in the order of their numbers, and only then is it decided whether to go on. So neither
//! the number of threads nor the order in which runs end can be seen in the result. Real time can
//! end a batch early: numbers are taken in order, so what was run is a prefix all the same.
//!
//! What a run leaves behind is a plain value, which can be written down. To count such values is
//! all that there is to a report, so it does not matter in which process the runs were made.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Explorer;
use super::pace::Pace;
use super::profile::Failed;
use super::program::Program;
use super::report::Ended;
use super::stopwatch::Stopwatch;
use super::tally::{Summary, Tally};
use crate::assure::{Failure, FailureKey, FailureKind, Property};
use crate::chance::mix;
use crate::sim::Sim;

/// The first batch: so few that a program which always fails is told at once.
const FIRST_BATCH: u64 = 16;

/// The largest: so many that threads seldom wait for each other.
const MAX_BATCH: u64 = 1_024;

/// One seed in so many is run twice.
const CHECK_ONE_IN: u64 = 32;

/// What is kept of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) seed: u64,
    pub(crate) strategy: String,
    pub(crate) fingerprint: u64,
    /// The number of its trace, or else its fingerprint.
    pub(crate) trace: u64,
    pub(crate) steps: u64,
    /// The hand-offs that no batch before has seen.
    pub(crate) handoffs: Vec<u64>,
    pub(crate) properties: Vec<Property>,
    pub(crate) failure: Option<(FailureKey, Failure)>,
}

/// Whoever makes the runs: this process, or others.
pub(crate) trait Runner: Sync {
    /// Makes the run of a seed. Hand-offs that are among `handed` need not be told again.
    fn run(&self, seed: u64, handed: &BTreeSet<u64>) -> Ran;

    /// Returns what the runs for the profile have come to, if there was any need for them.
    fn profiled(&self) -> ForProfile;
}

/// How many runs for the profile there were, and those that have failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForProfile {
    pub(crate) runs: u64,
    pub(crate) failures: Vec<Failed>,
}

/// A campaign that is under way.
pub(crate) struct Campaign<'a> {
    explorer: &'a Explorer,
    runner: &'a dyn Runner,
}

impl<'a> Campaign<'a> {
    pub(crate) fn new(explorer: &'a Explorer, runner: &'a dyn Runner) -> Self {
        Self { explorer, runner }
    }

    /// Makes the runs, and says what they add up to.
    pub(crate) fn run(&self) -> Summary {
        let explorer = self.explorer;
        let watch = Stopwatch::start(explorer.time);
        let pace = Pace::new(explorer, &watch);
        let mut tally = Tally::of(explorer);
        let last = explorer.runs.unwrap_or(u64::MAX);
        let mut batch = FIRST_BATCH;
        let ended = loop {
            let done = tally.coverage().runs();
            let end = last.min(done.saturating_add(batch));
            let seed_of = |number| explorer.seed_of(number);
            let ran = self.run_numbers(done..end, &seed_of, tally.coverage().handed(), &pace);
            let is_cut = (ran.len() as u64) < end - done;
            for ran in ran {
                tally.add(ran);
            }
            pace.has_seen(tally.coverage().distinct());
            let has_failed = tally.has_failed() || !self.profiled().failures.is_empty();
            if has_failed && !explorer.keeps_going {
                break Ended::Failed;
            }
            if end == last && !is_cut {
                break Ended::AllRuns;
            }
            if is_cut || watch.is_over() {
                break Ended::OutOfTime;
            }
            if explorer.stops_when_saturated && tally.is_saturated() {
                break Ended::Saturated;
            }
            batch = MAX_BATCH.min(tally.coverage().runs());
        };
        tally.close(explorer.first_seed, ended, &self.profiled())
    }

    /// Makes the runs of some seeds, whatever comes of them, and hands them on in this order.
    pub(crate) fn make<E>(
        &self,
        seeds: impl IntoIterator<Item = u64>,
        mut each: impl FnMut(Ran) -> Result<(), E>,
    ) -> Result<(), E> {
        let pace = Pace::new(self.explorer, &Stopwatch::start(None));
        let mut handed = BTreeSet::new();
        let mut seeds = seeds.into_iter();
        loop {
            let batch: Vec<u64> = seeds.by_ref().take(MAX_BATCH as usize).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let seed_of = |number: u64| batch[number as usize];
            let numbers = 0..batch.len() as u64;
            for mut ran in self.run_numbers(numbers, &seed_of, &handed, &pace) {
                ran.handoffs.retain(|handoff| handed.insert(*handoff));
                each(ran)?;
            }
        }
    }

    /// Returns what the runs for the profile have come to, unless only the seeds count.
    pub(crate) fn profiled(&self) -> ForProfile {
        match self.explorer.is_replay {
            true => ForProfile::default(),
            false => self.runner.profiled(),
        }
    }

    /// Makes runs on as many threads as there are jobs.
    fn run_numbers(
        &self,
        numbers: Range<u64>,
        seed_of: &(dyn Fn(u64) -> u64 + Sync),
        handed: &BTreeSet<u64>,
        pace: &Pace,
    ) -> Vec<Ran> {
        let next = AtomicU64::new(numbers.start);
        let work = || {
            let mut ran = Vec::new();
            // The first run of a campaign is made however short the time is.
            while next.load(Ordering::Relaxed) == 0 || !pace.is_over() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    break;
                }
                let one = self.runner.run(seed_of(number), handed);
                pace.has_run(one.failure.is_some());
                ran.push(one);
            }
            ran
        };
        let jobs = (self.explorer.threads() as u64).min(numbers.end - numbers.start);
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
}

/// Says whether a seed is run twice, to see that nothing differs.
pub(super) fn is_checked(seed: u64) -> bool {
    mix(mix(0, seed), CHECK_ONE_IN) >> 32 & (CHECK_ONE_IN - 1) == 0
}

/// Says whether a failure comes from the program and the plan alone.
pub(super) fn is_the_runs_own(failure: &Failure) -> bool {
    !matches!(
        failure.kind(),
        FailureKind::WallClock
            | FailureKind::Nondeterminism
            | FailureKind::Crashed
            | FailureKind::Hung
    )
}

/// Tells where two runs of one seed differ.
pub(super) fn nondeterminism(sim: &Sim, program: &Program<'_>) -> Failure {
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
