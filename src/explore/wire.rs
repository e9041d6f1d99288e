//! Runs and summaries as plain lines of JSON, so that other processes can make runs, and others
//! again report on them.
//!
//! A failure is written without what only a run of the program can know, such as who waits for
//! whom: whoever reports makes the run again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Coverage;
use super::campaign::{ForProfile, Ran};
use super::coverage::Counts;
use super::profile::Failed;
use super::report::{Ended, Report};
use super::sighting::Sighting;
use super::tally::{Group, Summary};
use crate::assure::{Failure, FailureKey, FailureKind, Property, PropertyKind};
use crate::time::Instant;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RanLine {
    pub(crate) seed: u64,
    pub(crate) strategy: String,
    fingerprint: u64,
    trace: u64,
    steps: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) handoffs: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<PropertyLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FailureLine {
    key: FailureKey,
    kind: FailureKind,
    message: String,
    at: u64,
    task: Option<String>,
    location: Option<String>,
}

/// What was seen of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PropertyLine {
    kind: PropertyKind,
    name: String,
    location: String,
    holds: u64,
    evaluations: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SightingLine {
    property: PropertyLine,
    runs: u64,
    hits: u64,
}

impl From<&Property> for PropertyLine {
    fn from(property: &Property) -> Self {
        Self {
            kind: property.kind(),
            name: property.name().to_owned(),
            location: property.location().to_owned(),
            holds: property.holds(),
            evaluations: property.evaluations(),
        }
    }
}

impl From<PropertyLine> for Property {
    fn from(line: PropertyLine) -> Self {
        let seen = (line.holds, line.evaluations);
        Self::of_counts((line.kind, &line.name), &line.location, seen)
    }
}

/// What the runs for the profile have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProfileLine {
    pub(crate) runs: u64,
    failures: Vec<FailedLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FailedLine {
    seed: u64,
    fingerprint: u64,
    failure: FailureLine,
}

/// What all runs add up to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SummaryLine {
    coverage: Counts,
    first_seed: u64,
    steps: u64,
    checked: u64,
    failed: u64,
    profile_runs: u64,
    profile_failed: u64,
    strategies: BTreeMap<String, u64>,
    properties: Vec<SightingLine>,
    ended: Ended,
    groups: Vec<GroupLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct GroupLine {
    seed: u64,
    strategy: String,
    is_for_profile: bool,
    failure: FailureLine,
    fingerprint: u64,
    count: u64,
}

impl From<&Ran> for RanLine {
    fn from(ran: &Ran) -> Self {
        let failure = ran.failure.as_ref();
        Self {
            seed: ran.seed,
            strategy: ran.strategy.clone(),
            fingerprint: ran.fingerprint,
            trace: ran.trace,
            steps: ran.steps,
            handoffs: ran.handoffs.clone(),
            properties: ran.properties.iter().map(Into::into).collect(),
            failure: failure.map(|(key, failure)| FailureLine::of(key.clone(), failure)),
        }
    }
}

impl RanLine {
    /// Says whether another line tells of the same run; which of its hand-offs are new depends on
    /// what was there before.
    pub(crate) fn is_same_run(&self, other: &Self) -> bool {
        let told = |line: &Self| Self {
            handoffs: Vec::new(),
            ..line.clone()
        };
        told(self) == told(other)
    }
}

impl From<RanLine> for Ran {
    fn from(line: RanLine) -> Self {
        Self {
            seed: line.seed,
            strategy: line.strategy,
            fingerprint: line.fingerprint,
            trace: line.trace,
            steps: line.steps,
            handoffs: line.handoffs,
            properties: line.properties.into_iter().map(Into::into).collect(),
            failure: line.failure.map(FailureLine::read),
        }
    }
}

impl FailureLine {
    fn of(key: FailureKey, failure: &Failure) -> Self {
        Self {
            key,
            kind: failure.kind(),
            message: failure.message().to_owned(),
            at: failure.at().as_nanos(),
            task: failure.task.clone(),
            location: failure.location.clone(),
        }
    }

    fn read(self) -> (FailureKey, Failure) {
        let mut failure = Failure::new(self.kind, self.message, Instant::from_nanos(self.at));
        failure.task = self.task;
        failure.location = self.location;
        (self.key, failure)
    }
}

impl From<&ForProfile> for ProfileLine {
    fn from(made: &ForProfile) -> Self {
        let failures = made.failures.iter().map(|failed| FailedLine {
            seed: failed.seed,
            fingerprint: failed.fingerprint,
            failure: FailureLine::of(failed.key.clone(), &failed.failure),
        });
        Self {
            runs: made.runs,
            failures: failures.collect(),
        }
    }
}

impl From<ProfileLine> for ForProfile {
    fn from(line: ProfileLine) -> Self {
        let failures = line.failures.into_iter().map(|line| {
            let (key, failure) = line.failure.read();
            Failed {
                seed: line.seed,
                key,
                failure,
                fingerprint: line.fingerprint,
            }
        });
        Self {
            runs: line.runs,
            failures: failures.collect(),
        }
    }
}

impl From<&Summary> for SummaryLine {
    fn from(summary: &Summary) -> Self {
        let Summary { report, groups } = summary;
        let groups = groups.iter().map(|group| GroupLine {
            seed: group.seed,
            strategy: group.strategy.clone(),
            is_for_profile: group.is_for_profile,
            failure: FailureLine::of(group.failure.key(), &group.failure),
            fingerprint: group.fingerprint,
            count: group.count,
        });
        let properties = report.properties.iter().map(|sighting| SightingLine {
            property: (&sighting.property).into(),
            runs: sighting.runs,
            hits: sighting.hits,
        });
        Self {
            coverage: report.coverage.counts(),
            first_seed: report.first_seed,
            steps: report.steps,
            checked: report.checked,
            failed: report.failed,
            profile_runs: report.profile_runs,
            profile_failed: report.profile_failed,
            strategies: report.strategies.clone(),
            properties: properties.collect(),
            ended: report.ended,
            groups: groups.collect(),
        }
    }
}

impl From<SummaryLine> for Summary {
    fn from(line: SummaryLine) -> Self {
        let groups = line.groups.into_iter().map(|line| Group {
            seed: line.seed,
            strategy: line.strategy,
            is_for_profile: line.is_for_profile,
            failure: line.failure.read().1,
            fingerprint: line.fingerprint,
            count: line.count,
        });
        let groups = groups.collect();
        let properties = line.properties.into_iter().map(|line| Sighting {
            property: line.property.into(),
            runs: line.runs,
            hits: line.hits,
        });
        let report = Report {
            coverage: Coverage::of_counts(line.coverage),
            first_seed: line.first_seed,
            steps: line.steps,
            checked: line.checked,
            failed: line.failed,
            profile_runs: line.profile_runs,
            profile_failed: line.profile_failed,
            strategies: line.strategies,
            properties: properties.collect(),
            ended: line.ended,
            ..Report::default()
        };
        Self { report, groups }
    }
}
