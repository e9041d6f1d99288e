//! `simrun shrink FILE --seed N`: the shortest run that fails as this one does.

use std::io;

use serde::Serialize;

use super::arguments::{ObjectFormat, ShrinkArguments};
use super::objects::ShortestObject;
use super::session::Session;
use super::{exit_code, kept, replay};
use crate::Sim;
use crate::explore::{Explorer, Finding, Saved, message_of_run};
use crate::report;
use crate::scenario::machine;
use crate::scenario::model::Model;
use crate::scenario::record::RunOptions;

/// Shrinks the plan of a run.
pub(super) fn shrink(arguments: &ShrinkArguments, session: &mut Session<'_>) -> io::Result<()> {
    let opened = session.open(&arguments.file, arguments.manner);
    let Some(model) = &opened.model else {
        return Ok(());
    };
    let programs = session.programs.clone();
    let program = |sim: &Sim| machine::run_under(sim, model, &programs);
    let options = RunOptions {
        seed: arguments.seed,
        strategy: arguments.strategy.clone(),
        ..RunOptions::default()
    };
    let sim = machine::sim(model, &options, &programs);
    let mut explorer = Explorer::new().sim(sim.clone());
    if let Some(replays) = arguments.replays {
        explorer = explorer.replays(replays);
    }
    let Some(finding) = explorer.shrink_run(&program, &sim) else {
        return passed(arguments, &sim, model, session);
    };
    session.count(exit_code::FAILED);
    let saved = match &arguments.output {
        Some(path) => kept::write((&explorer, &program), &finding, path, &arguments.file),
        None => Saved::Not,
    };
    if let Saved::Printed(path, _) = &saved {
        let reason = format_args!("cannot write `{}`", path.display());
        session.complain(arguments.manner.color, reason);
        session.count(exit_code::USAGE);
    }
    let line = replay_line(arguments, &finding, &saved, session);
    let out = &mut *session.outside.stdout;
    match arguments.format {
        ObjectFormat::Human => {
            let told = message_of_run(&finding, &line, saved);
            writeln!(out, "{}\n\n{told}", model.name)
        }
        ObjectFormat::Json => {
            let object = ShrinkObject::failed(&finding, &line, model);
            serde_json::to_writer(&mut *out, &object)?;
            writeln!(out)
        }
    }
}

/// Says that there is nothing to shrink.
fn passed(
    arguments: &ShrinkArguments,
    sim: &Sim,
    model: &Model,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let (seed, strategy) = (sim.seed, sim.strategy.to_string());
    let out = &mut *session.outside.stdout;
    match arguments.format {
        ObjectFormat::Human if arguments.manner.quiet => Ok(()),
        ObjectFormat::Human => {
            writeln!(
                out,
                "{}\n\nthe run of seed {seed} ({strategy}) passes: there is nothing to shrink",
                model.name
            )
        }
        ObjectFormat::Json => {
            let object = ShrinkObject::passed(seed, &strategy, model);
            serde_json::to_writer(&mut *out, &object)?;
            writeln!(out)
        }
    }
}

/// Returns the command that shows the failure again.
fn replay_line(
    arguments: &ShrinkArguments,
    finding: &Finding,
    saved: &Saved<'_>,
    session: &Session<'_>,
) -> String {
    let command = session.outside.arguments.first().map(AsRef::as_ref);
    let command = replay::program(command);
    if let Saved::Plan(path) = saved {
        let path = path.display().to_string();
        return format!("{command} replay {}", replay::quote(&path));
    }
    let (seed, strategy) = (finding.seed(), finding.strategy());
    replay::of_seed(&command, seed, Some(strategy), &arguments.file)
}

#[derive(Serialize)]
struct ShrinkObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    seed: u64,
    strategy: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortest: Option<ShortestObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<&'a str>,
}

#[derive(Serialize)]
struct FailureObject<'a> {
    kind: &'static str,
    key: String,
    message: &'a str,
}

impl<'a> ShrinkObject<'a> {
    fn passed(seed: u64, strategy: &'a str, model: &'a Model) -> Self {
        Self {
            format: report::FORMAT,
            r#type: "shrink",
            scenario: &model.name,
            file: &model.source.name,
            seed,
            strategy,
            outcome: "passed",
            failure: None,
            shortest: None,
            replay: None,
        }
    }

    fn failed(finding: &'a Finding, replay: &'a str, model: &'a Model) -> Self {
        Self {
            outcome: "failed",
            failure: Some(FailureObject {
                kind: finding.failure().kind().word(),
                key: finding.key().to_string(),
                message: finding.failure().message(),
            }),
            shortest: finding.shrunk().map(ShortestObject::new),
            replay: Some(replay),
            ..Self::passed(finding.seed(), finding.strategy(), model)
        }
    }
}
