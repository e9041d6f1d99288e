//! What is known of the runs of a campaign so far: they are counted one by one, in the order of
//! their seeds.

use std::collections::BTreeMap;

use super::Coverage;
use super::campaign::{Campaign, Ran, is_checked, is_the_runs_own, nondeterminism};
use super::finding::Finding;
use super::profile::{self, Failed};
use super::report::Report;
use crate::assure::{Failure, FailureKey};

/// The runs so far.
#[derive(Default)]
pub(super) struct Tally {
    report: Report,
    groups: BTreeMap<FailureKey, Group>,
}

/// The failures of one key.
pub(super) struct Group {
    seed: u64,
    /// It is none of the campaign's runs that has failed, but one for the profile.
    is_for_profile: bool,
    failure: Failure,
    fingerprint: u64,
    count: u64,
}

impl Tally {
    pub(super) fn coverage(&self) -> &Coverage {
        &self.report.coverage
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Counts a run.
    pub(super) fn add(&mut self, ran: Ran) {
        let report = &mut self.report;
        report.coverage.add(ran.trace, &ran.handoffs);
        report.steps += ran.steps;
        report.checked += u64::from(is_checked(ran.seed));
        match report.strategies.get_mut(&ran.strategy) {
            Some(count) => *count += 1,
            None => _ = report.strategies.insert(ran.strategy, 1),
        }
        let Some(failure) = ran.failure else {
            return;
        };
        report.failed += 1;
        let group = self.groups.entry(failure.key()).or_insert(Group {
            seed: ran.seed,
            is_for_profile: false,
            failure,
            fingerprint: ran.fingerprint,
            count: 0,
        });
        group.count += 1;
    }

    /// Returns the report, and what has failed: the lowest seeds first, and last what only the runs
    /// for the profile have shown.
    pub(super) fn close(mut self, failures: &[Failed]) -> (Report, Vec<Group>) {
        for failed in failures {
            let group = self.groups.entry(failed.failure.key()).or_insert(Group {
                seed: failed.seed,
                is_for_profile: true,
                failure: failed.failure.clone(),
                fingerprint: failed.fingerprint,
                count: 0,
            });
            group.count += u64::from(group.is_for_profile);
        }
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by_key(|group| (group.is_for_profile, group.seed));
        self.report.profile_failed = failures.len() as u64;
        (self.report, groups)
    }
}

impl Group {
    /// Makes the run with the lowest seed again, for its plan and to see that it fails again.
    pub(super) fn look_again(self, campaign: &Campaign<'_>) -> Finding {
        let sim = match self.is_for_profile {
            true => profile::sim_of(&campaign.explorer.sim, self.seed),
            false => campaign.sim_of(self.seed),
        };
        let sim = sim.write_plan(true);
        let run = (campaign.program)(&sim);
        let is_own = is_the_runs_own(&self.failure);
        let failure = match is_own && run.fingerprint() != self.fingerprint {
            true => nondeterminism(&sim, campaign.program),
            false => self.failure,
        };
        let strategy = match self.is_for_profile {
            true => profile::strategy_of(self.seed),
            false => run.strategy().to_string(),
        };
        Finding {
            failure,
            seed: self.seed,
            strategy,
            plan: run.plan().clone(),
            fingerprint: self.fingerprint,
            count: self.count,
            shrunk: None,
        }
    }
}
