//! Runs that are made in this process.

use std::sync::OnceLock;

use super::Explorer;
use super::campaign::{ForProfile, Ran, Runner, is_checked, is_the_runs_own, nondeterminism};
use super::finding::Finding;
use super::profile::{self, Ahead};
use super::program::{Program, aside};
use super::report::Report;
use super::tally::{Group, Summary};
use crate::assure::FailureKind;
use crate::sim::Sim;
use crate::strategy::Strategy;

/// Makes the runs of a program in this process.
pub(crate) struct Local<'a> {
    explorer: &'a Explorer,
    program: &'a Program<'a>,
    ahead: Ahead,
    /// What the runs for the profile have come to, if the campaign has begun with them.
    made: OnceLock<ForProfile>,
}

/// How to look at what has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Look {
    /// Make the run again, and shrink it.
    Closely,
    /// Make the run again, and shrink it, but try nothing that differs from it at random.
    #[cfg_attr(
        not(feature = "cli"),
        expect(dead_code, reason = "for runs that may not end")
    )]
    Briefly,
    /// Make the run again.
    #[cfg_attr(
        not(any(feature = "cli", feature = "proptest")),
        expect(dead_code, reason = "for whoever does not shrink at once")
    )]
    Again,
    /// Believe what is said of it.
    Never,
}

impl<'a> Local<'a> {
    pub(crate) fn new(explorer: &'a Explorer, program: &'a Program<'a>) -> Self {
        let ahead = Ahead::default();
        Self {
            explorer,
            program,
            ahead,
            made: OnceLock::new(),
        }
    }

    /// Makes the profile without those of its runs that are known not to come back.
    #[cfg(feature = "cli")]
    pub(crate) fn spare(mut self, seeds: Vec<u64>) -> Self {
        self.ahead = Ahead::sparing(seeds);
        self
    }

    /// Returns the simulation of a seed. Seed 0 goes in asyncio's order.
    pub(super) fn sim_of(&self, seed: u64) -> Sim {
        let sim = &self.explorer.sim;
        let strategy = (self.explorer.strategy)(seed);
        let strategy = self.ahead.inform(strategy, self.program, sim);
        let strategy = match seed {
            0 => Strategy::fifo(),
            _ => strategy.of_seed(seed),
        };
        sim.clone().seed(seed).strategy(strategy)
    }

    /// Begins with the profile, if one of the strategies wants it. One that is only found to be
    /// needed later is made then, but nothing is told of it: it may be for a run that does not
    /// count.
    pub(crate) fn prepare(&self, strategies: impl IntoIterator<Item = Strategy>) {
        for strategy in strategies {
            self.ahead
                .inform(strategy, self.program, &self.explorer.sim);
        }
        if let Some(made) = self.ahead.profiled() {
            let _ = self.made.set(made.clone());
        }
    }

    /// Looks at what has failed, as closely as `look` says of each by its number.
    pub(crate) fn report(&self, summary: Summary, mut look: impl FnMut(usize) -> Look) -> Report {
        let Summary { mut report, groups } = summary;
        for (number, group) in groups.into_iter().enumerate() {
            let look = match group.is_ended() {
                true => Look::Never,
                false => look(number),
            };
            let mut finding = match look {
                Look::Never => group.into_finding(),
                _ => aside(|| self.look_again(group)),
            };
            let (explorer, plan) = (self.explorer, &finding.plan);
            finding.shrunk = match look {
                _ if !is_the_runs_own(&finding.failure) => None,
                Look::Closely => explorer.shrink_program(self.program, plan),
                Look::Briefly => explorer.shrink_without_trials(self.program, plan),
                Look::Again | Look::Never => None,
            };
            report.findings.push(finding);
        }
        report
    }

    /// Makes the run with the lowest seed again, for its plan and to see that it fails again.
    fn look_again(&self, group: Group) -> Finding {
        let sim = match group.is_for_profile {
            true => profile::sim_of(&self.explorer.sim, group.seed),
            false => self.sim_of(group.seed),
        };
        let sim = sim.write_plan(true);
        let run = (self.program)(&sim);
        let is_same = run.fingerprint() == group.fingerprint;
        let is_own = is_the_runs_own(&group.failure);
        let mut finding = group.into_finding();
        finding.plan = run.plan().clone();
        match (is_own, is_same, run.failure()) {
            (true, true, Some(failure)) => finding.failure = failure.clone(),
            (true, ..) => finding.failure = nondeterminism(&sim, self.program),
            (false, ..) => {}
        }
        finding
    }
}

impl Runner for Local<'_> {
    fn run(&self, seed: u64) -> Ran {
        let sim = self.sim_of(seed);
        let run = (self.program)(&sim.clone().hash_trace(true));
        let mut failure = run.failure().cloned();
        let ended_by_itself = failure.as_ref().is_none_or(is_the_runs_own);
        let is_checked = self.explorer.checks_all || is_checked(seed);
        if is_checked && ended_by_itself && (self.program)(&sim).fingerprint() != run.fingerprint()
        {
            failure = Some(nondeterminism(&sim, self.program));
        }
        Ran {
            seed,
            strategy: run.strategy().to_string(),
            fingerprint: run.fingerprint(),
            trace: run.trace_hash().unwrap_or(run.fingerprint()),
            steps: run.steps(),
            handoffs: run.handoffs().to_vec(),
            properties: run.properties().to_vec(),
            failure: failure.map(|failure| (failure.key(), failure)),
        }
    }

    fn profiled(&self) -> ForProfile {
        self.made.get().cloned().unwrap_or_default()
    }
}

impl Group {
    /// Says whether it is the run that has ended its process, so that it had better not be made
    /// again.
    fn is_ended(&self) -> bool {
        matches!(
            self.failure.kind(),
            FailureKind::Crashed | FailureKind::Hung
        )
    }
}
