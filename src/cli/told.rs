//! What is told of a campaign: to people, and as JSON.

use std::path::Path;

use serde::Serialize;

use super::arguments::CampaignFormat;
use super::objects::{ReplayedObject, ShortestObject, lines};
use super::{exit_code, kept, replay};
use crate::explore::{
    Exhaustion, Finding, Report, Saved, Sighting, is_for_profile, message, message_of_run,
};
use crate::scenario::model::Model;

/// How a campaign is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    pub(super) format: CampaignFormat,
    /// What the command is called.
    pub(super) program: &'a str,
    pub(super) file: &'a Path,
}

impl Telling<'_> {
    /// Returns the text of a report.
    pub(super) fn text(self, report: &Report, model: &Model, saved: Saved<'_>) -> String {
        match self.format {
            CampaignFormat::Human => {
                let told = match report.findings() {
                    [] => format!("{report}{}", unmet(report)),
                    [first, ..] => {
                        let told = message(report, first, &self.replay(report, first), saved);
                        format!("{told}\n")
                    }
                };
                format!("{}\n\n{told}", model.name)
            }
            CampaignFormat::Json => {
                let object =
                    CampaignObject::new(report, model, &|finding| self.replay(report, finding));
                let text = serde_json::to_string(&object);
                text.expect("numbers and texts are JSON") + "\n"
            }
        }
    }

    /// Returns the text of a search through all that a scenario can do.
    pub(super) fn exhausted(self, exhaustion: &Exhaustion, model: &Model) -> String {
        let file = replay::quote(&self.file.display().to_string());
        let replay = format!("{} explore --exhaustive {file}", self.program);
        match self.format {
            CampaignFormat::Human => {
                let mut text = format!("{}\n\n{exhaustion}\n", model.name);
                for finding in exhaustion.findings() {
                    let told = message_of_run(finding, &replay, Saved::Not);
                    text.push_str(&format!("\n{told}\n"));
                }
                text
            }
            CampaignFormat::Json => {
                let findings = exhaustion.findings().iter();
                let object = ExhaustionObject {
                    format: 1,
                    r#type: "exhaustive",
                    scenario: &model.name,
                    file: &model.source.name,
                    runs: exhaustion.runs(),
                    failed: exhaustion.failed(),
                    complete: exhaustion.is_complete(),
                    reduced: exhaustion.is_reduced(),
                    not_reduced: exhaustion.not_reduced(),
                    failures: findings
                        .map(|finding| FindingObject::new(finding, replay.clone()))
                        .collect(),
                };
                serde_json::to_string(&object).expect("numbers and texts are JSON") + "\n"
            }
        }
    }

    /// Returns the command that makes the run of a finding again.
    fn replay(self, report: &Report, finding: &Finding) -> String {
        if report.runs() == 0 {
            return kept::replay_line(self.program, self.file);
        }
        let seed = finding.seed();
        let strategy = match (seed, finding.strategy()) {
            (_, strategy) if is_for_profile(strategy) => {
                return replay::of_profile(self.program, self.file);
            }
            (0, _) => None,
            (_, strategy) => Some(strategy),
        };
        replay::of_seed(self.program, seed, strategy, self.file)
    }
}

/// Says of what it would be that the campaign has not decided.
fn unmet(report: &Report) -> String {
    if !is_undecided(report) {
        return String::new();
    }
    let mut text =
        "\nno run has failed, but this was never so, and should be sometimes:\n".to_owned();
    for sighting in report.unmet() {
        let property = sighting.property();
        text.push_str(&format!(
            "  {}  at {}\n",
            property.name(),
            property.location()
        ));
    }
    text
}

/// Says whether there were many runs, and something that must be so sometimes was not.
fn is_undecided(report: &Report) -> bool {
    report.is_telling() && report.unmet().next().is_some()
}

/// Returns the exit code of a campaign.
pub(super) fn code(report: &Report) -> u8 {
    match report.is_passed() {
        true if is_undecided(report) => exit_code::UNDECIDED,
        true => exit_code::PASSED,
        false => exit_code::FAILED,
    }
}

#[derive(Serialize)]
struct CampaignObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    runs: u64,
    failed: u64,
    /// How many different traces there were, and how many of them once.
    distinct: u64,
    seen_once: u64,
    handoffs: u64,
    /// The highest probability of another failure that is left open, with 95 % certainty.
    residual: f64,
    /// What was seen of what the program says of itself.
    properties: Vec<PropertyObject<'a>>,
    ended: String,
    regressions: Vec<ReplayedObject<'a>>,
    failures: Vec<FindingObject<'a>>,
}

#[derive(Serialize)]
struct PropertyObject<'a> {
    kind: &'static str,
    name: &'a str,
    location: &'a str,
    runs: u64,
    hits: u64,
    holds: u64,
    evaluations: u64,
}

impl<'a> PropertyObject<'a> {
    fn new(sighting: &'a Sighting) -> Self {
        let property = sighting.property();
        Self {
            kind: property.kind().word(),
            name: property.name(),
            location: property.location(),
            runs: sighting.runs(),
            hits: sighting.hits(),
            holds: property.holds(),
            evaluations: property.evaluations(),
        }
    }
}

#[derive(Serialize)]
struct FindingObject<'a> {
    kind: &'static str,
    key: String,
    message: &'a str,
    seed: u64,
    strategy: &'a str,
    /// How many runs failed so.
    count: u64,
    /// That of the run.
    fingerprint: String,
    plan: Vec<String>,
    shortest: Option<ShortestObject>,
    replay: String,
}

impl<'a> FindingObject<'a> {
    fn new(finding: &'a Finding, replay: String) -> Self {
        Self {
            kind: finding.failure().kind().word(),
            key: finding.key().to_string(),
            message: finding.failure().message(),
            seed: finding.seed(),
            strategy: finding.strategy(),
            count: finding.count(),
            fingerprint: format!("{:016x}", finding.fingerprint()),
            plan: lines(finding.plan()),
            shortest: finding.shrunk().map(ShortestObject::new),
            replay,
        }
    }
}

#[derive(Serialize)]
struct ExhaustionObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    runs: u64,
    failed: u64,
    complete: bool,
    /// One run of each trace was made, not one of each interleaving.
    reduced: bool,
    /// Why it was not, although nobody asked for all of them.
    not_reduced: Option<&'a str>,
    failures: Vec<FindingObject<'a>>,
}

impl<'a> CampaignObject<'a> {
    fn new(report: &'a Report, model: &'a Model, replay: &dyn Fn(&Finding) -> String) -> Self {
        let coverage = report.coverage();
        let findings = report.findings().iter();
        Self {
            format: 1,
            r#type: "campaign",
            scenario: &model.name,
            file: &model.source.name,
            runs: report.runs(),
            failed: report.failed(),
            distinct: coverage.distinct(),
            seen_once: coverage.singletons(),
            handoffs: coverage.handoffs(),
            residual: coverage.residual(),
            properties: report
                .properties()
                .iter()
                .map(PropertyObject::new)
                .collect(),
            ended: report.ended().to_string(),
            regressions: report
                .regressions()
                .iter()
                .map(ReplayedObject::new)
                .collect(),
            failures: findings
                .map(|finding| FindingObject::new(finding, replay(finding)))
                .collect(),
        }
    }
}
