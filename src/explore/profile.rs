//! The profile of a program: what is found out of it before the first run of a campaign.
//!
//! Strategies that plan ahead are told what a few runs have shown. Those runs are always the same:
//! one in asyncio's order and eight of `pct 1`, whatever the seeds, the shards and the jobs of the
//! campaign are. So whoever runs a seed alone computes the profile first, and makes the same run.

use std::sync::{Arc, OnceLock};

use super::campaign::{ForProfile, is_the_runs_own};
use super::program::{Program, aside};
use crate::assure::{Failure, FailureKey};
use crate::sim::Sim;
use crate::strategy::{Profile, Strategy};

/// How many runs of `pct 1` there are: they let a task go as far as it can, so a few show most.
const SEEDS: u64 = 8;

/// What the strategy of those is called, which is told nothing: `pct 1` by itself would be told
/// what they show.
const STRATEGY: &str = "pct 1, for the profile";

/// What the runs have shown, and what they have come to.
struct Profiled {
    profile: Arc<Profile>,
    made: ForProfile,
}

/// One of the runs that has failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) key: FailureKey,
    pub(crate) failure: Failure,
    pub(crate) fingerprint: u64,
}

/// The profile of one program, made when it is first asked for.
#[derive(Default)]
pub(super) struct Ahead {
    profiled: OnceLock<Profiled>,
    spared: Vec<u64>,
}

impl Ahead {
    /// Leaves out some of the runs.
    #[cfg(feature = "cli")]
    pub(super) fn sparing(spared: Vec<u64>) -> Self {
        Self {
            profiled: OnceLock::new(),
            spared,
        }
    }

    /// Tells the strategy what it wants to know.
    pub(super) fn inform(&self, strategy: Strategy, program: &Program<'_>, sim: &Sim) -> Strategy {
        if !strategy.wants_profile() {
            return strategy;
        }
        let make = || aside(|| profile(program, sim, &self.spared));
        let profiled = self.profiled.get_or_init(make);
        strategy.with_profile(profiled.profile.clone())
    }

    /// Returns what the runs have come to, if there was any need for them.
    pub(super) fn profiled(&self) -> Option<&ForProfile> {
        self.profiled.get().map(|profiled| &profiled.made)
    }
}

/// Tells the strategy of a single run what that of a campaign would be told.
#[cfg(feature = "cli")]
pub(crate) fn inform(strategy: Strategy, program: &Program<'_>, sim: &Sim) -> Strategy {
    Ahead::default().inform(strategy, program, sim)
}

/// Returns the simulation of one of the runs.
pub(super) fn sim_of(sim: &Sim, seed: u64) -> Sim {
    let strategy = match seed {
        0 => Strategy::fifo(),
        _ => Strategy::pct_with_depth(1),
    };
    sim.clone().seed(seed).strategy(strategy)
}

/// Returns what the strategy of one of the runs is called.
pub(super) fn strategy_of(seed: u64) -> String {
    match seed {
        0 => Strategy::fifo().to_string(),
        _ => STRATEGY.to_owned(),
    }
}

/// Says whether a strategy is that of the runs for the profile, so that no seed makes the run.
pub(crate) fn is_for_profile(strategy: &str) -> bool {
    strategy == STRATEGY
}

/// Makes the runs. What a run that fails has shown counts as well; only of one that real time has
/// ended it differs from machine to machine how far it came.
fn profile(program: &Program<'_>, sim: &Sim, spared: &[u64]) -> Profiled {
    let mut made = ForProfile {
        runs: SEEDS + 1,
        failures: Vec::new(),
    };
    let mut profile = Profile::default();
    for seed in (0..=SEEDS).filter(|seed| !spared.contains(seed)) {
        let run = program(&sim_of(sim, seed).profile(true));
        if let Some(failure) = run.failure() {
            made.failures.push(Failed {
                seed,
                key: failure.key(),
                failure: failure.clone(),
                fingerprint: run.fingerprint(),
            });
        }
        if let Some(shown) = run.profile()
            && run.failure().is_none_or(is_the_runs_own)
        {
            profile.merge(shown);
        }
    }
    let profile = Arc::new(profile);
    Profiled { profile, made }
}
