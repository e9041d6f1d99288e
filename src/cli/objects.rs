//! What several subcommands write for machines.

use serde::Serialize;

use crate::chance::Plan;
use crate::explore::{Replayed, Shrunk, Verdict};
use crate::report;

/// The shortest run that fails in some way.
#[derive(Serialize)]
pub(super) struct ShortestObject {
    plan: Vec<String>,
    /// How many decisions there were before.
    before: usize,
    replays: u64,
    /// Whether the budget was used up.
    cut_short: bool,
    thresholds: Vec<ThresholdObject>,
    /// The sites at which any choice but the usual fails.
    irrelevant: Vec<String>,
    /// Whether every run fails so.
    inevitable: bool,
    /// The event from which on every run fails.
    inevitable_from: Option<String>,
    critical_pair: Option<PairObject>,
}

#[derive(Serialize)]
struct ThresholdObject {
    site: String,
    fails: u64,
    /// The length of time, if it is one.
    fails_ns: Option<u64>,
    /// Whether larger numbers fail as well.
    or_more: bool,
}

#[derive(Serialize)]
struct PairObject {
    site: String,
    first: String,
    second: String,
}

impl ShortestObject {
    pub(super) fn new(shrunk: &Shrunk) -> Self {
        let why = shrunk.why();
        let event = |turn: usize| why.told(turn);
        let thresholds = shrunk.thresholds().iter();
        Self {
            plan: lines(shrunk.plan()),
            before: shrunk.before(),
            replays: shrunk.replays(),
            cut_short: shrunk.is_cut_short(),
            thresholds: thresholds
                .map(|threshold| ThresholdObject {
                    site: threshold.site().to_string(),
                    fails: threshold.fails(),
                    fails_ns: threshold
                        .duration()
                        .and_then(|duration| u64::try_from(duration.as_nanos()).ok()),
                    or_more: threshold.is_sharp(),
                })
                .collect(),
            irrelevant: why.irrelevant().iter().map(ToString::to_string).collect(),
            inevitable: why.is_inevitable(),
            inevitable_from: why.inevitable_from().map(event),
            critical_pair: why.pair().map(|pair| PairObject {
                site: pair.site().to_string(),
                first: event(pair.first()),
                second: event(pair.second()),
            }),
        }
    }
}

/// A regression that was replayed.
#[derive(Serialize)]
pub(super) struct ReplayedObject<'a> {
    format: u32,
    r#type: &'static str,
    seed: u64,
    /// The key of the failure that it was kept for.
    failure: &'a str,
    plan: Vec<String>,
    verdict: &'static str,
    /// The key of the failure that it has now, if it is another one.
    fails_with: Option<&'a str>,
    /// Where the program has left the plan, if it passes.
    diverged_at: Option<&'a str>,
}

impl<'a> ReplayedObject<'a> {
    pub(super) fn new(replayed: &'a Replayed) -> Self {
        let case = replayed.case();
        let (mut fails_with, mut diverged_at) = (None, None);
        let verdict = match replayed.verdict() {
            Verdict::Fails => "fails",
            Verdict::FailsOtherwise(key) => {
                fails_with = Some(key.as_str());
                "fails-otherwise"
            }
            Verdict::Passes => "passes",
            Verdict::PassesAnother => "passes-changed",
            Verdict::Diverged(site) => {
                diverged_at = Some(site.as_str());
                "diverged"
            }
        };
        Self {
            format: report::FORMAT,
            r#type: "replay",
            seed: case.seed(),
            failure: case.failure(),
            plan: lines(case.plan()),
            verdict,
            fails_with,
            diverged_at,
        }
    }
}

/// Writes the decisions of a plan.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let decisions = plan.iter();
    decisions
        .map(|(site, choice)| format!("{site} -> {choice}"))
        .collect()
}
