//! `simrun explore FILE..`: many runs of each scenario, and the shortest of those that fail.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::arguments::{CampaignFormat, ExploreArguments, Isolate, IsolationArguments};
use super::children::Children;
use super::exit_code;
use super::progress::CampaignLine;
use super::session::Session;
use super::shard::{self, Header};
use super::told::{Telling, code};
use super::work::Work;
use super::{kept, replay};
use crate::explore::{Campaign, ForProfile, Local, Look, Runner, Saved, Summary};
use crate::scenario::model::Model;
use crate::{Sim, Strategy};

/// The strategy of a file that asks for every order of a small scenario.
const EXHAUSTIVE: &str = "exhaustive";

/// Explores scenarios and reports what was found.
pub(super) fn explore(arguments: &ExploreArguments, session: &mut Session<'_>) -> io::Result<()> {
    for file in &arguments.files {
        let opened = session.open(file, arguments.manner);
        let Some(model) = &opened.model else { continue };
        if is_exhaustive(arguments, model) {
            exhaust(arguments, model, file, session)?;
            continue;
        }
        let work = Work {
            model: model.clone(),
            programs: session.programs.clone(),
            strategies: strategies(arguments, model),
            is_steady: arguments.format == CampaignFormat::Json,
        };
        match &arguments.into {
            Some(folder) => write_shard(arguments, &work, folder, session)?,
            None => run(arguments, &work, file, session)?,
        }
    }
    Ok(())
}

/// Makes the runs and tells what came of them.
fn run(
    arguments: &ExploreArguments,
    work: &Work,
    file: &Path,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let line = shows_progress(arguments, session).then(CampaignLine::default);
    let mut explorer = given(arguments, work);
    if let Some(line) = &line {
        explorer = explorer.progress(line.listener());
    }
    let began = crate::event_loop::real_time();
    let Some(isolation) = isolation(&arguments.isolation, work, session) else {
        return Ok(());
    };
    let program = replay::program(session.outside.arguments.first().map(AsRef::as_ref));
    let telling = Telling {
        format: arguments.format,
        program: &program,
        file,
    };
    let (text, code, runs) = match isolation {
        None => {
            let program = |sim: &Sim| work.run(sim);
            let local = Local::new(&explorer, &program);
            local.prepare(work.strategies.clone());
            let kept = kept::read(file, arguments.manner, session);
            let cases = kept::replay(&explorer, &program, kept.as_ref());
            let report = match cases.is_passed() {
                true => {
                    let summary = Campaign::new(&explorer, &local).run();
                    local.report(summary, |_| Look::Closely).after(cases)
                }
                false => cases,
            };
            drop(line);
            let is_ci = session.outside.is_ci();
            let kept = kept.filter(|_| !arguments.no_save);
            let saved = kept::save((&explorer, &program), &report, kept.as_ref(), file, is_ci);
            let text = telling.text(&report, &work.model, saved);
            (text, code(&report), report.runs())
        }
        Some(children) => {
            let summary = Campaign::new(&explorer, &children).run();
            drop(line);
            let runs = summary.runs();
            let (text, code) = children.tell(&summary, telling)?;
            (text, code, runs)
        }
    };
    conclude(&text, code, arguments.manner.quiet, session)?;
    // How long it took differs from time to time, so it is no part of the result.
    let took = crate::event_loop::real_time() - began;
    session
        .outside
        .say(format_args!("{runs} runs in {took:.1?}"));
    Ok(())
}

/// Writes the text of a campaign, unless nobody wants to read of what has passed.
pub(super) fn conclude(
    text: &str,
    code: u8,
    quiet: bool,
    session: &mut Session<'_>,
) -> io::Result<()> {
    session.count(code);
    if !(quiet && code == exit_code::PASSED) {
        session.outside.stdout.write_all(text.as_bytes())?;
    }
    session.outside.stdout.flush()
}

/// Looks at what has failed, and returns what there is to say.
pub(super) fn tell(
    local: &Local<'_>,
    summary: Summary,
    work: &Work,
    telling: Telling<'_>,
) -> (String, u8) {
    let report = local.report(summary, |_| Look::Closely);
    (
        telling.text(&report, &work.model, Saved::Not),
        code(&report),
    )
}

/// Returns what makes the runs in processes of their own, if they are to be made so. Without a
/// result that cannot be done, and it has been said why.
pub(super) fn isolation(
    arguments: &IsolationArguments,
    work: &Work,
    session: &mut Session<'_>,
) -> Option<Option<Children>> {
    let executable = session.outside.executable.clone();
    let wanted = match arguments.isolate {
        Isolate::Never => false,
        Isolate::Always => true,
        Isolate::Auto => executable.is_some() && work.has_foreign_code(),
    };
    if !wanted {
        return Some(None);
    }
    let children = match executable {
        Some(executable) => Children::start(executable, work, arguments.run_timeout),
        None => Err(io::Error::other("this process cannot be started again")),
    };
    match children {
        Ok(children) => Some(Some(children)),
        Err(error) => {
            let what = format_args!("cannot make runs in processes of their own: {error}");
            session.complain(super::outside::Colour::Auto, what);
            session.count(exit_code::USAGE);
            None
        }
    }
}

/// Makes the runs of a shard and writes them down.
fn write_shard(
    arguments: &ExploreArguments,
    work: &Work,
    folder: &Path,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let explorer = given(arguments, work);
    let header = Header::new(
        work,
        explorer.all_seeds(),
        arguments.shard.unwrap_or_default(),
    );
    let Some(isolation) = isolation(&arguments.isolation, work, session) else {
        return Ok(());
    };
    let made = |runner: &dyn Runner| -> io::Result<(u64, std::path::PathBuf)> {
        let mut file = shard::Writer::create(folder, &header)?;
        let campaign = Campaign::new(&explorer, runner);
        let (first, step, runs) = header.own_seeds();
        let seed_of = |number| first + number * step;
        campaign.make(&seed_of, runs, |ran| file.add(&ran))?;
        let profiled: ForProfile = runner.profiled();
        file.end(&profiled)
    };
    let written = match isolation {
        Some(children) => made(&children),
        None => {
            let program = |sim: &Sim| work.run(sim);
            let local = Local::new(&explorer, &program);
            local.prepare(work.strategies.clone());
            made(&local)
        }
    };
    match written {
        Ok((runs, path)) => session
            .outside
            .say(format_args!("{runs} runs are in {}", path.display())),
        Err(error) => {
            let folder = folder.display();
            let what = format_args!("cannot write a shard to {folder}: {error}");
            session.complain(arguments.manner.color, what);
            session.count(exit_code::USAGE);
        }
    }
    Ok(())
}

/// Makes a run for every order, and says how many have failed.
fn exhaust(
    arguments: &ExploreArguments,
    model: &Arc<Model>,
    file: &Path,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let work = Work {
        model: model.clone(),
        programs: session.programs.clone(),
        strategies: vec![Strategy::fifo()],
        is_steady: arguments.format == CampaignFormat::Json,
    };
    let program = |sim: &Sim| work.run(sim);
    let exhaustion = given(arguments, &work).exhaust_program(&program);
    session.count(match exhaustion.failed() {
        0 if exhaustion.is_complete() => exit_code::PASSED,
        0 => exit_code::UNDECIDED,
        _ => exit_code::FAILED,
    });
    let program = replay::program(session.outside.arguments.first().map(AsRef::as_ref));
    let telling = Telling {
        format: arguments.format,
        program: &program,
        file,
    };
    let text = telling.exhausted(&exhaustion, model);
    session.outside.stdout.write_all(text.as_bytes())
}

/// Makes the campaign that the command line asks for, or else the file.
fn given(arguments: &ExploreArguments, work: &Work) -> crate::explore::Explorer {
    let mut explorer = work.explorer();
    let asked = arguments.seeds.clone();
    if let Some(seeds) = asked.or_else(|| work.model.explore.seeds.clone()) {
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

fn shows_progress(arguments: &ExploreArguments, session: &Session<'_>) -> bool {
    arguments.progress || (session.outside.stderr_is_terminal && !arguments.manner.quiet)
}
