//! A process that makes runs for another one, which survives them.

use std::io::{self, BufRead, BufReader};
use std::sync::Arc;

use super::arguments::CampaignFormat;
use super::protocol::{Answer, Ask, Purpose, Tell};
use super::session::Session;
use super::told::{Telling, code};
use super::work::Work;
use crate::Sim;
use crate::explore::{Local, Look, Runner, Saved};
use crate::scenario::machine;
use crate::scenario::read::read;
use crate::scenario::source::Source;

/// Does what standard input asks for, until it ends.
pub(super) fn serve(session: &mut Session<'_>) -> io::Result<()> {
    let mut lines = BufReader::new(&mut *session.outside.stdin).lines();
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let purpose: Purpose = serde_json::from_str(&first?)?;
    let source = Source::new(purpose.file.as_str(), purpose.text.as_str());
    let (model, _) = read(source, &session.programs);
    let model = model.ok_or_else(|| io::Error::other("this is no scenario"))?;
    let names = purpose.strategies.iter();
    let strategies: Result<Vec<_>, _> = names.map(|name| name.parse()).collect();
    let work = Work {
        model: Arc::new(model),
        programs: session.programs.clone(),
        strategies: strategies.map_err(io::Error::other)?,
        is_steady: purpose.is_steady,
    };
    let sim = machine::sim_of(&work.model).wall_clock(purpose.limit);
    let explorer = work.explorer().sim(sim);
    let program = |sim: &Sim| {
        // Whoever does not listen any more has ended us, or will.
        let _ = Answer::Begins(sim.seed).write();
        work.run(sim)
    };
    let local = Local::new(&explorer, &program).spare(purpose.spared);
    for line in lines {
        let answer = match serde_json::from_str(&line?)? {
            Ask::Profile => {
                local.prepare(work.strategies.clone());
                Answer::Profiled((&local.profiled()).into())
            }
            Ask::Run(seed) => {
                let ran = std::thread::scope(|scope| {
                    let run = || local.run(seed);
                    scope.spawn(run).join()
                });
                let ran = ran.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
                Answer::Ran((&ran).into())
            }
            Ask::Tell(tell) => told(*tell, &local, &work),
        };
        answer.write()?;
    }
    Ok(())
}

fn told(tell: Tell, local: &Local<'_>, work: &Work) -> Answer {
    let looks = tell.looks;
    let report = local.report(tell.summary.into(), |number| {
        let _ = Answer::Looks(number).write();
        looks.get(&number).copied().unwrap_or(Look::Closely)
    });
    let telling = Telling {
        format: match tell.is_json {
            true => CampaignFormat::Json,
            false => CampaignFormat::Human,
        },
        program: &tell.program,
        file: &tell.file,
    };
    Answer::Told(
        telling.text(&report, &work.model, Saved::Not),
        code(&report),
    )
}
