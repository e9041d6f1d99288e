//! One program of many: a quick look for a failure, and the same failure in a smaller program.
//!
//! Whoever generates programs asks of each whether it can fail, and of each smaller one whether it
//! still fails in the same way. A plan that fails for one need not fit the other, whose tasks may
//! have other numbers: so it is only the first thing that is tried, and seeds are the second.

pub(crate) use super::campaign::is_the_runs_own;
pub(crate) use super::check::{file_in, name_at};
pub(crate) use super::environment::Environment;
pub(crate) use super::message::{AGAIN, Saved, ending, head, tell_shortest};
pub(crate) use super::program::{Program, aside, program};

use super::campaign::Campaign;
use super::cost::strange;
use super::local::{Local, Look};
use super::program::repeats;
use super::regression::{Case, fingerprint};
use super::shrink::{Budget, roughly};
use super::{Explorer, Finding, Replayed, Report};
use crate::chance::Plan;

/// So many seeds of a smaller program are tried before it is believed that it passes.
const SEEDS: u64 = 64;

/// So many of them at a time.
const BATCH: u64 = 16;

/// Decisions that are left over make the next program no dearer than these runs would.
const ROUGH_REPLAYS: u64 = 200;

/// What was seen of one program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probed {
    /// How it fails, if it does.
    pub(crate) finding: Option<Finding>,
    /// How many runs it took, replays among them.
    pub(crate) runs: u64,
}

impl Explorer {
    /// Looks for a failure: in asyncio's order, and then under so many seeds as the explorer is set
    /// to, from the first on. What is found is shrunk as far as it costs little.
    pub(crate) fn probe(&self, program: &Program<'_>, first_seed: u64) -> Probed {
        let mut probed = Probed::default();
        if let Some(finding) = self.replayed(program, &Plan::new(), first_seed, &mut probed.runs) {
            probed.finding = Some(finding);
            return probed;
        }
        let runs = self.runs.unwrap_or(BATCH);
        let seeds = first_seed..first_seed.saturating_add(runs);
        let report = self.clone().seeds(seeds).look(program);
        probed.runs += report.runs();
        let finding = report.findings().first();
        probed.finding = finding.map(|finding| self.roughly(program, finding, &mut probed.runs));
        probed
    }

    /// Looks for a known failure in another program, which is one only if it needs no more that is
    /// strange: faults, lost packets, cancellations.
    pub(crate) fn probe_like(
        &self,
        program: &Program<'_>,
        known: &Finding,
        first_seed: u64,
    ) -> Probed {
        let mut probed = self.search_like(program, known, first_seed);
        if let Some(finding) = &mut probed.finding {
            (finding.seed, finding.strategy) = (known.seed, known.strategy.clone());
        }
        probed
    }

    fn search_like(&self, program: &Program<'_>, known: &Finding, first_seed: u64) -> Probed {
        let mut probed = Probed::default();
        let is_like = |finding: &Finding| {
            let is_same = finding.key() == known.key();
            is_same && strange(&finding.plan) <= strange(&known.plan)
        };
        for plan in [&known.plan, &Plan::new()] {
            let replayed = self.replayed(program, plan, known.seed, &mut probed.runs);
            if let Some(finding) = replayed.filter(is_like) {
                probed.finding = Some(finding);
                return probed;
            }
        }
        for batch in 0..SEEDS / BATCH {
            let first = first_seed.saturating_add(batch * BATCH);
            let explorer = self.clone().seeds(first..first.saturating_add(BATCH));
            let report = explorer.make_all_runs().look(program);
            probed.runs += report.runs();
            let mut same = report.findings().iter();
            let same = same.find(|finding| finding.key() == known.key());
            let rough = same.map(|finding| self.roughly(program, finding, &mut probed.runs));
            probed.finding = rough.filter(is_like);
            if probed.finding.is_some() {
                break;
            }
        }
        probed
    }

    /// Shrinks what was found as far as it goes, and finds out why it fails.
    pub(crate) fn finish(&self, program: &Program<'_>, finding: &Finding) -> Probed {
        let shrunk = match is_the_runs_own(&finding.failure) {
            true => self.shrink_program(program, &finding.plan),
            false => None,
        };
        let runs = shrunk.as_ref().map_or(0, super::Shrunk::replays);
        let plan = shrunk.as_ref().map_or(&finding.plan, |it| it.plan());
        let finding = Finding {
            plan: plan.clone(),
            shrunk,
            ..finding.clone()
        };
        Probed {
            finding: Some(finding),
            runs,
        }
    }

    /// Replays a case that was kept: how it fails, if it does, is shrunk as well.
    pub(crate) fn replay_kept(
        &self,
        program: &Program<'_>,
        case: &Case,
    ) -> (Replayed, Option<Finding>) {
        let (replayed, finding) = aside(|| case.replay(program, &self.sim));
        let finding = finding.and_then(|finding| self.finish(program, &finding).finding);
        (replayed, finding)
    }

    /// Writes down a finding.
    pub(crate) fn case_of(&self, program: &Program<'_>, finding: &Finding) -> Case {
        Case::of(finding, aside(|| fingerprint(program, &self.sim)))
    }

    /// Makes a campaign, without shrinking what it finds.
    fn look(&self, program: &Program<'_>) -> Report {
        let local = Local::new(self, program);
        let summary = Campaign::new(self, &local).run();
        local.report(summary, |_| Look::Again)
    }

    /// Replays a plan: how it fails, if it does.
    fn replayed(
        &self,
        program: &Program<'_>,
        plan: &Plan,
        seed: u64,
        runs: &mut u64,
    ) -> Option<Finding> {
        *runs += 1;
        let run = aside(|| program(&repeats(&self.sim, plan)));
        let finding = Finding {
            seed,
            strategy: match plan.is_empty() {
                true => "fifo".to_owned(),
                false => "replay".to_owned(),
            },
            ..Finding::of(&run, run.failure()?)
        };
        Some(self.roughly(program, &finding, runs))
    }

    fn roughly(&self, program: &Program<'_>, finding: &Finding, runs: &mut u64) -> Finding {
        let budget = Budget {
            replays: ROUGH_REPLAYS,
            time: None,
            has_trials: false,
        };
        let mut finding = finding.clone();
        if finding.plan.is_empty() || !is_the_runs_own(&finding.failure) {
            return finding;
        }
        let rough = aside(|| roughly(program, &self.sim, &finding.plan, budget));
        if let Some(rough) = rough {
            *runs += rough.replays;
            if rough.failure.key() == finding.key() {
                (finding.plan, finding.failure) = (rough.plan, rough.failure);
            }
        }
        finding
    }

    /// Takes what the environment says of a campaign's runs.
    pub(crate) fn told_by(mut self, environment: &Environment) -> Self {
        self.runs = environment.runs.or(self.runs);
        self.jobs = environment.jobs.or(self.jobs);
        self
    }
}
