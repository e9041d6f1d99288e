//! `simrun replay PLAN [FILE]`: cases that were kept are run again, and what has become of them.

mod line;

use std::io;
use std::path::PathBuf;

pub(super) use line::{line, of_profile, of_seed, program, quote};

use super::arguments::{ObjectFormat, ReplayArguments, ShowName};
use super::objects::ReplayedObject;
use super::run::choice;
use super::session::Session;
use super::{exit_code, input, kept};
use crate::explore::{Explorer, Regressions, Replayed, Verdict};
use crate::report::{Format, Human, Json, Subject, Verbosity};
use crate::scenario::machine;
use crate::scenario::record::RunOptions;
use crate::{Sim, Strategy};

/// Replays the cases of a file.
pub(super) fn replay(arguments: &ReplayArguments, session: &mut Session<'_>) -> io::Result<()> {
    let manner = arguments.manner;
    let Some((regressions, file)) = opened(arguments, session) else {
        session.count(exit_code::USAGE);
        return Ok(());
    };
    let opened = session.open(&file, manner);
    let Some(model) = &opened.model else {
        return Ok(());
    };
    let default = match arguments.format {
        ObjectFormat::Human => ShowName::Log,
        ObjectFormat::Json => ShowName::All,
    };
    let choice = choice(&arguments.events, default);
    let programs = session.programs.clone();
    let program = |sim: &Sim| machine::run_under(sim, model, &programs);
    let paint = session.outside.paint_stdout(manner.color);
    let mut format: Box<dyn Format> = match arguments.format {
        ObjectFormat::Human => Box::new(Human::new(paint, Verbosity::Normal)),
        ObjectFormat::Json => Box::new(Json),
    };
    for case in regressions.cases() {
        let options = RunOptions {
            seed: Some(case.seed()),
            strategy: Some(Strategy::replay(case.plan().clone())),
            show: choice.show,
            ..RunOptions::default()
        };
        let explorer = Explorer::new().sim(machine::sim(model, &options, &programs));
        let replayed = explorer.replay_case(&program, case);
        session.count(code(&replayed));
        if manner.quiet && code(&replayed) == exit_code::PASSED {
            continue;
        }
        let record = machine::run(model, &programs, &options);
        let subject = Subject {
            name: &model.name,
            source: &model.source,
            record: &record,
            choice: &choice,
            replay: None,
        };
        let out = &mut *session.outside.stdout;
        format.run(subject, out)?;
        match arguments.format {
            ObjectFormat::Human => writeln!(out, "\n{replayed}")?,
            ObjectFormat::Json => {
                serde_json::to_writer(&mut *out, &ReplayedObject::new(&replayed))?;
                writeln!(out)?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

/// Reads the file, and finds the scenario that it is of.
fn opened(
    arguments: &ReplayArguments,
    session: &mut Session<'_>,
) -> Option<(Regressions, PathBuf)> {
    let (plan, colour) = (&arguments.plan, arguments.manner.color);
    let name = input::name(plan);
    let regressions = match Regressions::read_plan(plan) {
        Ok(regressions) => regressions,
        Err(error) => {
            let reason = input::reason(&error);
            session.complain(colour, format_args!("cannot read `{name}`: {reason}"));
            return None;
        }
    };
    let named = regressions.scenario();
    let named = named.map(|scenario| kept::scenario_of(plan, scenario));
    let Some(file) = arguments.file.clone().or(named) else {
        session.complain(
            colour,
            format_args!(
                "`{name}` names no scenario: say which, as in `simrun replay {name} FILE`"
            ),
        );
        return None;
    };
    Some((regressions, file))
}

fn code(replayed: &Replayed) -> u8 {
    match replayed.verdict() {
        Verdict::Fails | Verdict::FailsOtherwise(_) => exit_code::FAILED,
        Verdict::Passes | Verdict::PassesAnother => exit_code::PASSED,
        Verdict::Diverged(_) => exit_code::UNDECIDED,
    }
}
