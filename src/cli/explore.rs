//! `simrun explore FILE..`: many runs of each scenario, and the shortest of those that fail.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::arguments::{CampaignFormat, ExploreArguments};
use super::exit_code;
use super::replay;
use super::session::Session;
use crate::chance::Plan;
use crate::explore::{Explorer, Finding, Report, Saved, message};
use crate::scenario::machine;
use crate::scenario::model::Model;
use crate::{Sim, Strategy};

/// The strategy of a file that asks for every order of a small scenario.
const EXHAUSTIVE: &str = "exhaustive";

/// Explores scenarios and reports what was found.
pub(super) fn explore(arguments: &ExploreArguments, session: &mut Session<'_>) -> io::Result<()> {
    for file in &arguments.files {
        let opened = session.open(file, arguments.manner);
        let Some(model) = &opened.model else { continue };
        let programs = session.programs.clone();
        let program = |sim: &Sim| machine::run_under(sim, model, &programs);
        if is_exhaustive(arguments, model) {
            let exhaustion = explorer(arguments, model).exhaust_program(&program);
            session.count(match exhaustion.failed() {
                0 if exhaustion.is_complete() => exit_code::PASSED,
                0 => exit_code::UNDECIDED,
                _ => exit_code::FAILED,
            });
            writeln!(session.outside.stdout, "{}\n\n{exhaustion}", model.name)?;
            continue;
        }
        let report = explorer(arguments, model).explore_program(&program);
        session.count(code(&report));
        if !(arguments.manner.quiet && report.is_passed()) {
            write(arguments, &report, model, file, session)?;
        }
        // How long it took differs from time to time, so it is no part of the result.
        let took = report.took();
        session
            .outside
            .say(format_args!("{} runs in {took:.1?}", report.runs()));
    }
    Ok(())
}

/// Makes the campaign that the command line asks for, or else the file.
fn explorer(arguments: &ExploreArguments, model: &Arc<Model>) -> Explorer {
    let sim = Sim::new()
        .until(model.run.until)
        .max_steps(model.run.max_steps);
    let mut explorer = Explorer::new().sim(sim).without_regressions();
    let strategies = strategies(arguments, model);
    explorer = explorer.strategy(move |seed| {
        let place = seed % strategies.len() as u64;
        strategies[place as usize].clone()
    });
    if let Some(seeds) = arguments
        .seeds
        .clone()
        .or_else(|| model.explore.seeds.clone())
    {
        explorer = explorer.seeds(seeds);
    }
    if let Some(runs) = arguments.runs {
        explorer = explorer.runs(runs);
    }
    if let Some(time) = arguments.time {
        explorer = explorer.for_time(time);
    }
    if let Some(jobs) = arguments.jobs {
        explorer = explorer.jobs(jobs);
    }
    if arguments.interleavings {
        explorer = explorer.every_interleaving();
    }
    if arguments.keep_going {
        explorer = explorer.keep_going().make_all_runs();
    }
    explorer
}

/// Returns the strategies that seeds take turns with: at least one.
fn strategies(arguments: &ExploreArguments, model: &Model) -> Vec<Strategy> {
    if let Some(strategy) = &arguments.strategy {
        return vec![strategy.clone()];
    }
    let named = model.explore.strategies.iter();
    let mut strategies: Vec<Strategy> = named.filter_map(|name| name.parse().ok()).collect();
    if strategies.is_empty() {
        strategies.push(Strategy::portfolio());
    }
    strategies
}

fn is_exhaustive(arguments: &ExploreArguments, model: &Model) -> bool {
    let asked = |name: &String| name == EXHAUSTIVE;
    arguments.exhaustive
        || arguments.interleavings
        || (arguments.strategy.is_none() && model.explore.strategies.iter().any(asked))
}

fn code(report: &Report) -> u8 {
    match report.is_passed() {
        true => exit_code::PASSED,
        false => exit_code::FAILED,
    }
}

fn write(
    arguments: &ExploreArguments,
    report: &Report,
    model: &Model,
    file: &Path,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let command = session.outside.arguments.first().cloned();
    let replay = |finding: &Finding| {
        let strategy = (finding.seed() != 0).then(|| finding.strategy().to_owned());
        replay::of_seed(
            command.as_deref(),
            finding.seed(),
            strategy.as_deref(),
            file,
        )
    };
    let out = &mut *session.outside.stdout;
    match arguments.format {
        CampaignFormat::Human => {
            writeln!(out, "{}\n", model.name)?;
            match report.findings() {
                [] => write!(out, "{report}")?,
                [first, ..] => {
                    let told = message(report, first, &replay(first), Saved::Not);
                    writeln!(out, "{told}")?;
                }
            }
        }
        CampaignFormat::Json => {
            let object = CampaignObject::new(report, model, &replay);
            serde_json::to_writer(&mut *out, &object)?;
            writeln!(out)?;
        }
    }
    out.flush()
}

#[derive(Serialize)]
struct CampaignObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    runs: u64,
    failed: u64,
    distinct: u64,
    seen_once: u64,
    /// The highest probability of a failure that is left open, with 95 % certainty.
    residual: Option<f64>,
    ended: String,
    failures: Vec<FindingObject<'a>>,
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
    plan: Vec<String>,
    shortest: Option<ShortestObject>,
    replay: String,
}

#[derive(Serialize)]
struct ShortestObject {
    plan: Vec<String>,
    replays: u64,
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
            residual: (report.failed() == 0).then(|| coverage.residual()),
            ended: report.ended().to_string(),
            failures: findings
                .map(|finding| FindingObject {
                    kind: finding.failure().kind().word(),
                    key: finding.key().to_string(),
                    message: finding.failure().message(),
                    seed: finding.seed(),
                    strategy: finding.strategy(),
                    count: finding.count(),
                    plan: lines(finding.plan()),
                    shortest: finding.shrunk().map(|shrunk| ShortestObject {
                        plan: lines(shrunk.plan()),
                        replays: shrunk.replays(),
                    }),
                    replay: replay(finding),
                })
                .collect(),
        }
    }
}

fn lines(plan: &Plan) -> Vec<String> {
    let decisions = plan.iter();
    decisions
        .map(|(site, choice)| format!("{site} -> {choice}"))
        .collect()
}
