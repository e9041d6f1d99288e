//! `simrun FILE..`: scenarios are run and reported on.

use std::io;
use std::sync::Arc;

use super::arguments::{
    EventArguments, FormatName, Manner, RunArguments, SHOW_ALL, ShowName, show,
};
use super::seed::{self, Seed};
use super::session::Session;
use super::{determinism, exit_code, progress, replay};
use crate::report::{Choice, Format, Github, Human, Json, Junit, Lines, Subject, Verbosity};
use crate::scenario::machine;
use crate::scenario::model::Model;
use crate::scenario::record::{Record, RunOptions, Verdict};

/// Runs scenarios and reports on them.
pub(super) fn run(arguments: &RunArguments, session: &mut Session<'_>) -> io::Result<()> {
    let manner = arguments.manner;
    let Some(seed) = chosen_seed(arguments, session) else {
        return Ok(());
    };
    // A machine can leave out what it does not want; a person would have to read it.
    let default = match arguments.format {
        FormatName::Json | FormatName::Jsonl => ShowName::All,
        _ => ShowName::Log,
    };
    let choice = choice(&arguments.events, default);
    let limits = &arguments.limits;
    let options = RunOptions {
        seed,
        strategy: limits.strategy.clone(),
        until: limits.until,
        max_steps: limits.max_steps,
        wall_clock: limits.wall_clock,
        show: choice.show,
        progress: None,
    };
    let mut format = format(arguments.format, session, manner);
    for file in &arguments.files {
        let opened = session.open(file, manner);
        let Some(model) = &opened.model else {
            format.looked(opened.looked(), session.outside.stdout)?;
            continue;
        };
        let record = run_model(model, &options, arguments, session);
        session.count(code(&record));
        if arguments.check_determinism && !is_nondeterministic(&record) && !manner.quiet {
            let limit = if determinism::is_cut_short(&record) {
                ", as far as the limit on real time let them go"
            } else {
                ""
            };
            session.outside.say(format_args!(
                "two runs of seed {} are the same, event by event{limit}",
                record.seed
            ));
        }
        if is_left_out(arguments, &record) {
            continue;
        }
        let command = session.outside.arguments.first();
        let replay = replay::line(command.map(AsRef::as_ref), arguments, record.seed, file);
        let subject = Subject {
            name: &model.name,
            source: &model.source,
            record: &record,
            choice: &choice,
            replay: Some(&replay),
        };
        format.run(subject, session.outside.stdout)?;
        session.outside.stdout.flush()?;
    }
    format.end(session.outside.stdout)
}

/// Returns the seed of the command line or of the environment, drawn if that is what they say.
/// Without a result, there was something else in the environment.
fn chosen_seed(arguments: &RunArguments, session: &mut Session<'_>) -> Option<Option<u64>> {
    let colour = arguments.manner.color;
    let variable = || (session.outside.variable)("SIMRUN_SEED").filter(|value| !value.is_empty());
    let seed = match (arguments.seed, variable()) {
        (Some(seed), _) => Some(seed),
        (None, None) => None,
        (None, Some(value)) => {
            let value = value.to_string_lossy();
            match value.parse() {
                Ok(seed) => Some(seed),
                Err(error) => {
                    session.complain(colour, format_args!("SIMRUN_SEED is `{value}`: {error}"));
                    session.count(exit_code::USAGE);
                    return None;
                }
            }
        }
    };
    Some(seed.map(|seed| match seed {
        Seed::Number(seed) => seed,
        Seed::Random => {
            let seed = seed::draw();
            session.outside.say(format_args!("seed {seed} was drawn"));
            seed
        }
    }))
}

/// Returns which events are shown.
pub(super) fn choice(events: &EventArguments, default: ShowName) -> Choice {
    let patterns = |texts: &[String]| texts.iter().cloned().map(Into::into).collect();
    Choice {
        show: show(&events.show, default),
        only: patterns(&events.only),
        without: patterns(&events.without),
    }
}

/// Makes what writes a format.
pub(super) fn format(name: FormatName, session: &Session<'_>, manner: Manner) -> Box<dyn Format> {
    let paint = session.outside.paint_stdout(manner.color);
    let verbosity = if manner.quiet {
        Verbosity::Quiet
    } else {
        Verbosity::Normal
    };
    match name {
        FormatName::Human => Box::new(Human::new(paint, verbosity)),
        FormatName::Json => Box::new(Json),
        FormatName::Jsonl => Box::new(Lines),
        FormatName::Junit => Box::new(Junit::default()),
        FormatName::Github => Box::new(Github { verbosity }),
    }
}

/// Runs a scenario once, or twice to see that nothing differs.
fn run_model(
    model: &Arc<Model>,
    options: &RunOptions,
    arguments: &RunArguments,
    session: &Session<'_>,
) -> Record {
    let is_watched = session.outside.stderr_is_terminal && !arguments.manner.quiet;
    let line = is_watched.then(progress::Line::default);
    let mut options = options.clone();
    options.progress = line.as_ref().map(progress::Line::progress);
    if !arguments.check_determinism {
        return machine::run(model, &session.programs, &options);
    }
    options.show = SHOW_ALL;
    let once = || machine::run(model, &session.programs, &options);
    let (first, second) = (once(), once());
    determinism::compare(first, &second, &model.source)
}

/// Says whether nobody wants to read of a run. JUnit's reports have totals, so those are complete.
fn is_left_out(arguments: &RunArguments, record: &Record) -> bool {
    let passed = matches!(record.verdict, Verdict::Passed);
    arguments.manner.quiet && passed && arguments.format != FormatName::Junit
}

fn is_nondeterministic(record: &Record) -> bool {
    matches!(&record.verdict, Verdict::Failed(problem) if problem.kind == determinism::KIND)
}

fn code(record: &Record) -> u8 {
    match record.verdict {
        Verdict::Passed => exit_code::PASSED,
        Verdict::Failed(_) if is_nondeterministic(record) => exit_code::NONDETERMINISTIC,
        Verdict::Failed(_) => exit_code::FAILED,
        Verdict::Undecided(_) => exit_code::UNDECIDED,
    }
}
