//! How often strategies find what is in the instances.

use std::sync::Arc;

use simrun::strategy::Profile;
use simrun::{Sim, Strategy};

use super::instance::Instance;

/// How many runs a trial has to find a bug in.
pub(crate) const SCHEDULES: u64 = 1_000;

/// The share of the trials that must find a bug.
const ENOUGH: f64 = 0.95;

/// What a bug costs that no run has found, in schedules.
const CAP: f64 = 1e6;

/// How many standard deviations a measured probability may be off.
const SIGMAS: f64 = 4.0;

/// What came of many runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) runs: u64,
    pub(crate) hits: u64,
    /// How many trials have found it, and how many there were.
    pub(crate) trials: (u64, u64),
}

impl Found {
    /// Returns the probability per run.
    pub(crate) fn probability(self) -> f64 {
        self.hits as f64 / self.runs as f64
    }

    /// Returns how many schedules it takes until the bug is found, on average.
    pub(crate) fn schedules(self) -> f64 {
        (1.0 / self.probability()).min(CAP)
    }

    /// Says whether nearly all trials have found it.
    pub(crate) fn is_found(self) -> bool {
        self.trials.0 as f64 >= self.trials.1 as f64 * ENOUGH
    }

    /// Says whether it is as often found as it should be.
    pub(crate) fn agrees_with(self, exact: f64) -> bool {
        let deviation = (exact * (1.0 - exact) / self.runs as f64).sqrt();
        (self.probability() - exact).abs() <= SIGMAS * deviation + 1.0 / self.runs as f64
    }
}

/// How many runs make a profile, beside one in asyncio's order.
const PROFILED: u64 = 8;

/// Returns what a few runs of an instance show of it.
pub(crate) fn profile(instance: &Instance) -> Arc<Profile> {
    let shown = |seed: u64, strategy: Strategy| {
        let sim = Sim::new().seed(seed).strategy(strategy).profile(true);
        instance
            .run(&sim)
            .profile()
            .expect("it was asked for")
            .clone()
    };
    let mut profile = (*shown(0, Strategy::fifo())).clone();
    for seed in 1..=PROFILED {
        profile.merge(&shown(seed, Strategy::pct_with_depth(1)));
    }
    Arc::new(profile)
}

/// Runs an instance so many times. Seed 0 is left out: the portfolio would have asyncio's order
/// there, which finds much of what is in here, and that is not what is measured.
pub(crate) fn measure(instance: &Instance, strategy: &Strategy, trials: u64) -> Found {
    measure_runs(instance, strategy, trials, SCHEDULES)
}

/// Runs it in trials of so many runs each.
pub(crate) fn measure_runs(
    instance: &Instance,
    strategy: &Strategy,
    trials: u64,
    schedules: u64,
) -> Found {
    let sim = Sim::new().strategy(strategy.clone().with_profile(profile(instance)));
    let mut found = Found {
        runs: trials * schedules,
        hits: 0,
        trials: (0, trials),
    };
    for trial in 0..trials {
        let seeds = trial * schedules + 1..=(trial + 1) * schedules;
        let finds = |seed: &u64| instance.is_found(&sim.clone().seed(*seed));
        let hits = seeds.filter(finds).count() as u64;
        found.hits += hits;
        found.trials.0 += u64::from(hits > 0);
    }
    found
}

/// Returns the geometric mean of how many schedules the bugs take.
pub(crate) fn geometric_mean(found: &[Found]) -> f64 {
    let logs = found.iter().map(|found| found.schedules().ln());
    (logs.sum::<f64>() / found.len() as f64).exp()
}
