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
use super::profile::{Ahead, Failed};
use super::program::{Program, aside};
use super::report::{Ended, Report};
use super::stopwatch::Stopwatch;
use super::tally::Tally;
use crate::assure::{Failure, FailureKind};
use crate::chance::mix;
use crate::sim::Sim;
use crate::strategy::Strategy;

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
    pub(crate) failure: Option<Failure>,
}

/// A campaign that is under way.
pub(crate) struct Campaign<'a> {
    pub(super) explorer: &'a Explorer,
    pub(super) program: &'a Program<'a>,
    ahead: Ahead,
}

impl<'a> Campaign<'a> {
    pub(crate) fn new(explorer: &'a Explorer, program: &'a Program<'a>) -> Self {
        let ahead = Ahead::default();
        Self {
            explorer,
            program,
            ahead,
        }
    }

    /// Runs the campaign, without shrinking what it finds.
    pub(super) fn run(&self) -> Report {
        let explorer = self.explorer;
        let watch = Stopwatch::start(explorer.time);
        let pace = Pace::new(explorer, &watch);
        let mut tally = Tally::default();
        let last = explorer.runs.unwrap_or(u64::MAX);
        let mut batch = FIRST_BATCH;
        let ended = loop {
            let done = tally.coverage().runs();
            let end = last.min(done.saturating_add(batch));
            let ran = self.run_batch(done..end, tally.coverage().handed(), &pace);
            let is_cut = (ran.len() as u64) < end - done;
            for ran in ran {
                tally.add(ran);
            }
            pace.has_seen(tally.coverage().distinct());
            let has_failed = tally.has_failed() || !self.profile_failures().is_empty();
            if has_failed && !explorer.keeps_going {
                break Ended::Failed;
            }
            if end == last && !is_cut {
                break Ended::AllRuns;
            }
            if is_cut || watch.is_over() {
                break Ended::OutOfTime;
            }
            if explorer.stops_when_saturated && tally.coverage().is_saturated() {
                break Ended::Saturated;
            }
            batch = MAX_BATCH.min(tally.coverage().runs());
        };
        tally.end(self, ended, self.profile_failures(), self.profile_runs())
    }

    /// Makes the runs of some seeds, whatever comes of them, and hands them on in this order.
    pub(crate) fn make(&self, seeds: &[u64], mut each: impl FnMut(Ran)) {
        let pace = Pace::new(self.explorer, &Stopwatch::start(None));
        let mut handed = BTreeSet::new();
        for seeds in seeds.chunks(MAX_BATCH as usize) {
            let numbers = 0..seeds.len() as u64;
            let of_number = |number: u64| seeds[number as usize];
            for ran in self.run_numbers(numbers, &of_number, &handed, &pace) {
                handed.extend(ran.handoffs.iter().copied());
                each(ran);
            }
        }
    }

    /// Says what runs that were made before, in the order of their seeds, add up to.
    pub(crate) fn add_up(
        &self,
        runs: impl IntoIterator<Item = Ran>,
        failures: &[Failed],
        profile_runs: u64,
    ) -> Report {
        let mut tally = Tally::default();
        for ran in runs {
            tally.add(ran);
        }
        tally.end(self, Ended::AllRuns, failures, profile_runs)
    }

    /// Returns the runs for the profile that have failed.
    pub(crate) fn profile_failures(&self) -> &[Failed] {
        let profiled = self.ahead.profiled();
        let profiled = profiled.filter(|_| !self.explorer.is_replay);
        profiled.map_or(&[], |profiled| &profiled.failures)
    }

    /// Returns how many runs for the profile there were.
    pub(crate) fn profile_runs(&self) -> u64 {
        self.ahead.profiled().map_or(0, |profiled| profiled.runs)
    }

    /// Returns the simulation of a seed. Seed 0 goes in asyncio's order.
    pub(super) fn sim_of(&self, seed: u64) -> Sim {
        let strategy = (self.explorer.strategy)(seed);
        let strategy = self
            .ahead
            .inform(strategy, self.program, &self.explorer.sim);
        let strategy = match seed {
            0 => Strategy::fifo(),
            _ => strategy.of_seed(seed),
        };
        self.explorer.sim.clone().seed(seed).strategy(strategy)
    }

    /// Runs a batch, and returns the runs in order.
    fn run_batch(&self, numbers: Range<u64>, handed: &BTreeSet<u64>, pace: &Pace) -> Vec<Ran> {
        let of_number = |number| self.explorer.seed_of(number);
        self.run_numbers(numbers, &of_number, handed, pace)
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
                let one = self.run_one(seed_of(number), handed);
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

    fn run_one(&self, seed: u64, handed: &BTreeSet<u64>) -> Ran {
        let sim = self.sim_of(seed);
        let run = (self.program)(&sim.clone().hash_trace(true));
        let mut failure = run.failure().cloned();
        let ended_by_itself = failure.as_ref().is_none_or(is_the_runs_own);
        if is_checked(seed)
            && ended_by_itself
            && (self.program)(&sim).fingerprint() != run.fingerprint()
        {
            failure = Some(nondeterminism(&sim, self.program));
        }
        let is_new = |handoff: &u64| !handed.contains(handoff);
        Ran {
            seed,
            strategy: run.strategy().to_string(),
            fingerprint: run.fingerprint(),
            trace: run.trace_hash().unwrap_or(run.fingerprint()),
            steps: run.steps(),
            handoffs: run.handoffs().iter().copied().filter(is_new).collect(),
            failure,
        }
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
        FailureKind::WallClock | FailureKind::Nondeterminism
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

impl Tally {
    /// Looks again at what has failed, and closes the book.
    fn end(
        self,
        campaign: &Campaign<'_>,
        ended: Ended,
        failures: &[Failed],
        profile_runs: u64,
    ) -> Report {
        let (mut report, groups) = self.close(failures);
        report.ended = ended;
        report.first_seed = campaign.explorer.first_seed;
        report.profile_runs = profile_runs;
        let look = |group: super::tally::Group| aside(|| group.look_again(campaign));
        report.findings = groups.into_iter().map(look).collect();
        report
    }
}
