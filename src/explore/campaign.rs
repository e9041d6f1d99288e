//! Many runs on all cores, and what they add up to.
//!
//! The runs are numbered. Threads make them, and they are counted in the order of their numbers.
//! Whether to go on is decided only when a batch of them has been counted; what was made of the
//! next batch by then is forgotten. So neither the number of threads nor the order in which runs
//! end can be seen in the result. Real time can end a batch early: what is counted is a prefix all
//! the same.
//!
//! What a run leaves behind is a plain value, which can be written down. To count such values is
//! all that there is to a report, so it does not matter in which process the runs were made.

use std::ops::ControlFlow;

use super::Explorer;
use super::pace::Pace;
use super::profile::Failed;
use super::program::Program;
use super::report::Ended;
use super::stopwatch::Stopwatch;
use super::stream::{Stream, Window};
use super::tally::{Summary, Tally};
use crate::assure::{Failure, FailureKey, FailureKind, Property};
use crate::chance::mix;
use crate::sim::Sim;

/// The first batch: so few that a program which always fails is told at once.
pub(super) const FIRST_BATCH: u64 = 16;

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
    /// The hand-offs that nobody before it has told of.
    pub(crate) handoffs: Vec<u64>,
    pub(crate) properties: Vec<Property>,
    pub(crate) failure: Option<(FailureKey, Failure)>,
}

/// Whoever makes the runs: this process, or others.
pub(crate) trait Runner: Sync {
    /// Makes the run of a seed.
    fn run(&self, seed: u64) -> Ran;

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
        let window = Window::new(2 * FIRST_BATCH);
        let last = explorer.runs.unwrap_or(u64::MAX);
        let mut tally = Tally::of(explorer);
        let mut ended = (last == 0).then_some(Ended::AllRuns);
        let mut end = last.min(FIRST_BATCH);
        self.stream(&pace, &window, &|number| explorer.seed_of(number), last)
            .run(|ran| {
                tally.add(ran);
                let done = tally.coverage().runs();
                if done < end {
                    return ControlFlow::Continue(());
                }
                pace.has_seen(tally.coverage().distinct());
                ended = self.ends(&tally, last, &watch);
                let batch = |done: u64| done.saturating_add(MAX_BATCH.min(done));
                end = last.min(batch(done));
                window.open_to(batch(end));
                match ended {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            });
        let cut = || match self.has_failed(&tally) {
            true => Ended::Failed,
            false => Ended::OutOfTime,
        };
        let ended = ended.unwrap_or_else(cut);
        tally.close(explorer.first_seed, ended, &self.profiled())
    }

    /// Says whether a campaign ends that has done so many batches, and why.
    fn ends(&self, tally: &Tally, last: u64, watch: &Stopwatch) -> Option<Ended> {
        if self.has_failed(tally) {
            Some(Ended::Failed)
        } else if tally.coverage().runs() == last {
            Some(Ended::AllRuns)
        } else if watch.is_over() {
            Some(Ended::OutOfTime)
        } else if self.explorer.stops_when_saturated && tally.is_saturated() {
            Some(Ended::Saturated)
        } else {
            None
        }
    }

    /// Says whether a failure was found, and one is enough.
    fn has_failed(&self, tally: &Tally) -> bool {
        let failed = tally.has_failed() || !self.profiled().failures.is_empty();
        failed && !self.explorer.keeps_going
    }

    /// Makes the runs of some seeds, whatever comes of them, and hands them on in this order.
    #[cfg(feature = "cli")]
    pub(crate) fn make<E>(
        &self,
        seed_of: &(dyn Fn(u64) -> u64 + Sync),
        runs: u64,
        mut each: impl FnMut(Ran) -> Result<(), E>,
    ) -> Result<(), E> {
        let pace = Pace::new(self.explorer, &Stopwatch::start(None));
        let window = Window::new(2 * MAX_BATCH);
        let mut handed = std::collections::BTreeSet::new();
        let (mut done, mut result) = (0, Ok(()));
        self.stream(&pace, &window, seed_of, runs).run(|mut ran| {
            done += 1;
            window.open_to(done + 2 * MAX_BATCH);
            ran.handoffs.retain(|handoff| handed.insert(*handoff));
            result = each(ran);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        result
    }

    /// Returns what the runs for the profile have come to, unless only the seeds count.
    pub(crate) fn profiled(&self) -> ForProfile {
        match self.explorer.is_replay {
            true => ForProfile::default(),
            false => self.runner.profiled(),
        }
    }

    fn stream<'b>(
        &'b self,
        pace: &'b Pace,
        window: &'b Window,
        seed_of: &'b (dyn Fn(u64) -> u64 + Sync),
        runs: u64,
    ) -> Stream<'b> {
        Stream {
            runner: self.runner,
            pace,
            window,
            seed_of,
            runs,
            jobs: self.explorer.threads() as u64,
        }
    }
}

/// Says whether a seed is run twice, to see that nothing differs.
pub(super) fn is_checked(seed: u64) -> bool {
    mix(mix(0, seed), CHECK_ONE_IN) >> 32 & (CHECK_ONE_IN - 1) == 0
}

/// Says whether a failure comes from the program and the plan alone.
pub(crate) fn is_the_runs_own(failure: &Failure) -> bool {
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
