//! What is known of the runs of a campaign so far: they are counted one by one, in the order of
//! their seeds.

use std::collections::BTreeMap;

use super::campaign::{ForProfile, Ran, is_checked};
use super::finding::Finding;
use super::profile;
use super::report::{Ended, Report};
use super::sighting::Sightings;
use super::{Coverage, Explorer};
use crate::assure::{Failure, FailureKey};
use crate::chance::Plan;

/// The runs so far.
#[derive(Default)]
pub(super) struct Tally {
    report: Report,
    sightings: Sightings,
    groups: BTreeMap<FailureKey, Group>,
    /// Every run is made twice.
    checks_all: bool,
}

/// What runs have come to, before anyone has looked at the failures again.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(super) report: Report,
    /// The lowest seeds first, and last what only the runs for the profile have shown.
    pub(super) groups: Vec<Group>,
}

/// The failures of one key, and the lowest seed that has failed so.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(super) seed: u64,
    pub(super) strategy: String,
    /// It is none of the campaign's runs that has failed, but one for the profile.
    pub(super) is_for_profile: bool,
    pub(super) failure: Failure,
    pub(super) fingerprint: u64,
    pub(super) count: u64,
}

impl Tally {
    pub(super) fn of(explorer: &Explorer) -> Self {
        let checks_all = explorer.checks_all;
        Self {
            checks_all,
            ..Self::default()
        }
    }

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
        self.sightings.add(&ran.properties);
        report.steps += ran.steps;
        report.checked += u64::from(self.checks_all || is_checked(ran.seed));
        match report.strategies.get_mut(&ran.strategy) {
            Some(count) => *count += 1,
            None => _ = report.strategies.insert(ran.strategy.clone(), 1),
        }
        let Some((key, failure)) = ran.failure else {
            return;
        };
        report.failed += 1;
        let group = self.groups.entry(key).or_insert(Group {
            seed: ran.seed,
            strategy: ran.strategy,
            is_for_profile: false,
            failure,
            fingerprint: ran.fingerprint,
            count: 0,
        });
        group.count += 1;
    }

    /// Closes the book.
    pub(super) fn close(mut self, first_seed: u64, ended: Ended, profiled: &ForProfile) -> Summary {
        for failed in &profiled.failures {
            let group = self.groups.entry(failed.key.clone()).or_insert(Group {
                seed: failed.seed,
                strategy: profile::strategy_of(failed.seed),
                is_for_profile: true,
                failure: failed.failure.clone(),
                fingerprint: failed.fingerprint,
                count: 0,
            });
            group.count += u64::from(group.is_for_profile);
        }
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by_key(|group| (group.is_for_profile, group.seed));
        let mut report = self.report;
        report.properties = self.sightings.finish(report.runs());
        report.first_seed = first_seed;
        report.ended = ended;
        report.profile_runs = profiled.runs;
        report.profile_failed = profiled.failures.len() as u64;
        Summary { report, groups }
    }

    /// Says whether going on is no longer worth it: nothing new is to be expected, and all that
    /// must be so sometimes was.
    pub(super) fn is_saturated(&self) -> bool {
        self.report.coverage.is_saturated() && self.sightings.are_met()
    }
}

/// Says what runs that were made elsewhere add up to, if they come in the order of their seeds.
#[cfg(feature = "cli")]
pub(crate) fn add_up(
    first_seed: u64,
    runs: impl IntoIterator<Item = Ran>,
    profiled: &ForProfile,
) -> Summary {
    let mut tally = Tally::default();
    for ran in runs {
        tally.add(ran);
    }
    tally.close(first_seed, Ended::AllRuns, profiled)
}

#[cfg(feature = "cli")]
impl Summary {
    /// Returns how many runs there were.
    pub(crate) fn runs(&self) -> u64 {
        self.report.runs()
    }
}

impl Group {
    /// Makes a finding of it that nobody has looked at again.
    pub(super) fn into_finding(self) -> Finding {
        Finding {
            failure: self.failure,
            seed: self.seed,
            strategy: self.strategy,
            plan: Plan::new(),
            fingerprint: self.fingerprint,
            count: self.count,
            shrunk: None,
        }
    }
}
