//! `simrun merge DIR..`: one report of a campaign whose runs were made in shards.
//!
//! It is the same, byte by byte, as that of one process which makes all runs: `simrun explore
//! --keep-going --format json`. Shards may come in any order and have seeds in common.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::arguments::MergeArguments;
use super::exit_code;
use super::explore::{conclude, isolation, tell};
use super::replay;
use super::session::Session;
use super::shard::{Header, Shard};
use super::told::Telling;
use super::work::Work;
use crate::Sim;
use crate::explore::{ForProfile, Local, ProfileLine, RanLine, add_up};
use crate::scenario::read::read;
use crate::scenario::source::Source;

/// So many ranges of missing seeds are named.
const MOST_NAMED: usize = 8;

/// What was read of all shards.
struct Merged {
    header: Header,
    seeds: Range<u64>,
    runs: BTreeMap<u64, RanLine>,
    profile: ProfileLine,
}

/// Why shards cannot be merged, and the exit code that goes with it.
struct Refusal(u8, String);

/// Merges shards and reports on them.
pub(super) fn merge(arguments: &MergeArguments, session: &mut Session<'_>) -> io::Result<()> {
    let merged = match Merged::read(arguments, session) {
        Ok(merged) => merged,
        Err(Refusal(code, reason)) => {
            session.complain(arguments.manner.color, reason);
            session.count(code);
            return Ok(());
        }
    };
    let Some(work) = work(&merged.header, session) else {
        let reason = "this command cannot read the scenario of the shards";
        session.complain(arguments.manner.color, reason);
        session.count(exit_code::USAGE);
        return Ok(());
    };
    let file = match merged.header.file.as_str() {
        "<stdin>" => "-",
        file => file,
    };
    let program = replay::program(session.outside.arguments.first().map(AsRef::as_ref));
    let telling = Telling {
        format: arguments.format,
        program: &program,
        file: Path::new(file),
    };
    let Some(isolation) = isolation(&arguments.isolation, &work, session) else {
        return Ok(());
    };
    let profiled = ForProfile::from(merged.profile);
    let runs = merged.runs.into_values().map(Into::into);
    let summary = add_up(merged.seeds.start, runs, &profiled);
    let (text, code) = match isolation {
        Some(children) => children.tell(&summary, telling)?,
        None => {
            let explorer = work.explorer();
            let program = |sim: &Sim| work.run(sim);
            let local = Local::new(&explorer, &program);
            tell(&local, summary, &work, telling)
        }
    };
    conclude(&text, code, arguments.manner.quiet, session)
}

/// Reads the scenario that stands in the shards.
fn work(header: &Header, session: &Session<'_>) -> Option<Work> {
    let source = Source::new(header.file.as_str(), header.text.as_str());
    let (model, _) = read(source, &session.programs);
    let names = header.strategies.iter();
    let strategies: Result<Vec<_>, _> = names.map(|name| name.parse()).collect();
    Some(Work {
        model: Arc::new(model?),
        programs: session.programs.clone(),
        strategies: strategies.ok()?,
        is_steady: true,
    })
}

impl Merged {
    fn read(arguments: &MergeArguments, session: &Session<'_>) -> Result<Self, Refusal> {
        let refuse = |reason| Refusal(exit_code::USAGE, reason);
        let mut merged: Option<Self> = None;
        for path in &arguments.paths {
            let files = Shard::find(path).map_err(|error| {
                let reason = super::input::reason(&error);
                refuse(format!("cannot read `{}`: {reason}", path.display()))
            })?;
            for file in files {
                let name = file.display();
                let shard = Shard::read(&file)
                    .map_err(|reason| refuse(format!("cannot read `{name}`: {reason}")))?;
                if shard.header.simrun != env!("CARGO_PKG_VERSION") {
                    let version = &shard.header.simrun;
                    let reason = format!("`{name}` is of simrun {version}, and this is another");
                    return Err(refuse(reason));
                }
                let names = session.programs.names();
                if !names.eq(shard.header.programs.iter().map(String::as_str)) {
                    let reason = "is of a command with other programs in Rust";
                    return Err(refuse(format!("`{name}` {reason}")));
                }
                match &mut merged {
                    None => merged = Some(Self::of(shard)),
                    Some(merged) => merged.add(shard, &name.to_string())?,
                }
            }
        }
        let merged = merged.ok_or_else(|| refuse("there are no shards to merge".to_owned()))?;
        match merged.missing() {
            Some(missing) => Err(refuse(missing)),
            None => Ok(merged),
        }
    }

    fn of(shard: Shard) -> Self {
        Self {
            seeds: shard.header.seeds.clone(),
            runs: shard.runs.into_iter().map(|ran| (ran.seed, ran)).collect(),
            profile: shard.profile,
            header: shard.header,
        }
    }

    fn add(&mut self, shard: Shard, name: &str) -> Result<(), Refusal> {
        if let Some(difference) = self.header.difference(&shard.header) {
            let reason = format!("`{name}` does not belong to the others: it is of {difference}");
            return Err(Refusal(exit_code::USAGE, reason));
        }
        let seeds = shard.header.seeds;
        self.seeds = self.seeds.start.min(seeds.start)..self.seeds.end.max(seeds.end);
        if shard.profile.runs > 0 && self.profile.runs > 0 && shard.profile != self.profile {
            return Err(differs("the runs for the profile", name));
        }
        if self.profile.runs == 0 {
            self.profile = shard.profile;
        }
        for ran in shard.runs {
            match self.runs.entry(ran.seed) {
                Entry::Vacant(entry) => _ = entry.insert(ran),
                Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    let mut again = ran;
                    // Which of them were new depends on what stands before in its shard.
                    known.handoffs.append(&mut again.handoffs);
                    if !known.is_same_run(&again) {
                        return Err(differs(&format!("the runs of seed {}", known.seed), name));
                    }
                }
            }
        }
        Ok(())
    }

    /// Says which seeds nobody has run.
    fn missing(&self) -> Option<String> {
        let mut missing: Vec<Range<u64>> = Vec::new();
        let mut next = self.seeds.start;
        for seed in self.runs.keys().copied().chain([self.seeds.end]) {
            if seed > next {
                missing.push(next..seed);
            }
            next = seed + 1;
        }
        let named: Vec<String> = missing
            .iter()
            .take(MOST_NAMED)
            .map(|seeds| format!("{}..{}", seeds.start, seeds.end))
            .collect();
        let more = match missing.len() > MOST_NAMED {
            true => ", and more",
            false => "",
        };
        let Range { start, end } = self.seeds;
        let named = named.join(", ");
        let text = format!("of the seeds {start}..{end} some are missing: {named}{more}");
        (!missing.is_empty()).then_some(text)
    }
}

fn differs(what: &str, name: &str) -> Refusal {
    let reason = format!(
        "{what} in `{name}` differ from those in another shard: something in them does not come \
         from the seed, or the programs in Rust are not the same"
    );
    Refusal(exit_code::NONDETERMINISTIC, reason)
}
