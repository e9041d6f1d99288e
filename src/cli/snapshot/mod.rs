//! `simrun snapshot PATH..`: runs are compared with what was kept of them.

mod file;
mod orphans;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::arguments::{ShowName, SnapshotArguments, show};
use super::replay::{program, quote};
use super::session::Session;
use super::{exit_code, input};
use crate::report::{BAD, Choice, GOOD, Human, Paint, Subject, WARN, diff::diff};
use crate::scenario::machine;
use crate::scenario::model::{Model, SnapshotTable};
use crate::scenario::record::RunOptions;

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Same,
    /// It was written for the first time.
    Written,
    Updated,
    Changed,
    Missing,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Written => "written",
            Self::Updated => "updated",
            Self::Changed => "CHANGED",
            Self::Missing => "MISSING",
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::Changed | Self::Missing)
    }
}

/// What is done about snapshots that are not as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// A new one is written, a changed one laid beside the old.
    Propose,
    /// All are written.
    Accept,
    /// Nothing is written.
    Compare,
}

/// Compares runs with their snapshots.
pub(super) fn snapshot(arguments: &SnapshotArguments, session: &mut Session<'_>) -> io::Result<()> {
    let colour = arguments.manner.color;
    let policy = match (arguments.update, session.outside.is_ci()) {
        (false, false) => Policy::Propose,
        (true, false) => Policy::Accept,
        (false, true) => Policy::Compare,
        (true, true) => {
            session.complain(
                colour,
                "where CI is set nothing is written: leave out `--update`",
            );
            session.count(exit_code::USAGE);
            return Ok(());
        }
    };
    let Some(scenarios) = scenarios(arguments, session) else {
        return Ok(());
    };
    let mut kept = BTreeSet::new();
    let mut work = Work {
        paint: session.outside.paint_stdout(colour),
        policy,
        arguments,
        session,
    };
    let mut fates = Vec::new();
    for (path, is_named) in &scenarios {
        work.scenario(path, *is_named, &mut kept, &mut fates)?;
    }
    let folders = arguments.paths.iter().filter(|path| path.is_dir());
    let folders: Vec<_> = folders.map(|path| plain(path)).collect();
    let is_whole = |folder: &Path| folders.iter().any(|whole| folder.starts_with(whole));
    let files = scenarios.iter().map(|(path, _)| path.as_path());
    for orphan in orphans::find(files, &kept, is_whole) {
        work.orphan(&orphan)?;
    }
    work.summary(&fates)
}

/// Returns the scenarios that were named, and those found in folders that were.
fn scenarios(
    arguments: &SnapshotArguments,
    session: &mut Session<'_>,
) -> Option<Vec<(PathBuf, bool)>> {
    let mut scenarios = Vec::new();
    for path in &arguments.paths {
        if !path.is_dir() {
            scenarios.push((plain(path).to_owned(), true));
            continue;
        }
        match input::search(path) {
            Ok(found) => scenarios.extend(found.iter().map(|path| (plain(path).to_owned(), false))),
            Err(error) => {
                let reason = input::reason(&error);
                let path = path.display();
                let what = format_args!("cannot search `{path}`: {reason}");
                session.complain(arguments.manner.color, what);
                session.count(exit_code::USAGE);
            }
        }
    }
    // A scenario may be named, and lie in a folder that is named as well.
    let mut seen = BTreeSet::new();
    scenarios.retain(|(path, _)| seen.insert(path.clone()));
    if scenarios.is_empty() {
        let what = "there is no scenario with a `[snapshot]` table";
        session.complain(arguments.manner.color, what);
        session.count(exit_code::USAGE);
        return None;
    }
    Some(scenarios)
}

/// Returns a path without `./`, which says nothing.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// A comparison under way.
struct Work<'a, 'b> {
    paint: Paint,
    policy: Policy,
    arguments: &'a SnapshotArguments,
    session: &'a mut Session<'b>,
}

impl Work<'_, '_> {
    fn scenario(
        &mut self,
        path: &Path,
        is_named: bool,
        kept: &mut BTreeSet<PathBuf>,
        fates: &mut Vec<Fate>,
    ) -> io::Result<()> {
        let colour = self.arguments.manner.color;
        // The name in a snapshot does not depend on where the command is called.
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let opened = self.session.open_as(path, name, self.arguments.manner);
        let Some(model) = &opened.model else {
            kept.insert(file::folder(path));
            return Ok(());
        };
        let Some(table) = &model.snapshot else {
            if is_named {
                let path = path.display();
                let what = format_args!("`{path}` has no `[snapshot]` table");
                self.session.warn(colour, what);
            }
            return Ok(());
        };
        for seed in &table.seeds {
            let text = self.text(model, table, *seed);
            let snapshot = file::path(path, *seed);
            let fate = self.settle(&snapshot, &model.source.name, *seed, &text)?;
            kept.insert(snapshot);
            fates.push(fate);
        }
        Ok(())
    }

    /// Runs a scenario and returns what is kept of the run.
    fn text(&self, model: &Arc<Model>, table: &SnapshotTable, seed: u64) -> String {
        let names = table.show.iter();
        let names: Vec<_> = names
            .filter_map(|name| ShowName::from_str(name, false).ok())
            .collect();
        let choice = Choice {
            show: show(&names, ShowName::Log),
            ..Choice::default()
        };
        let options = RunOptions {
            seed: Some(seed),
            show: choice.show,
            ..RunOptions::default()
        };
        let record = machine::run(model, &self.session.programs, &options);
        Human::text(Subject {
            name: &model.name,
            source: &model.source,
            record: &record,
            choice: &choice,
            replay: None,
        })
    }

    /// Compares a run with its snapshot, says what came of that, and writes what is to be written.
    fn settle(&mut self, path: &Path, source: &str, seed: u64, text: &str) -> io::Result<Fate> {
        let old = match fs::read(path) {
            Ok(bytes) => Some(file::contents(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.cannot("read", path, &error);
                return Ok(Fate::Missing);
            }
        };
        let new = file::write(source, seed, text);
        let fate = match (&old, self.policy) {
            (Some(old), _) if file::is_same(old, text) => Fate::Same,
            (Some(_), Policy::Accept) => Fate::Updated,
            (Some(_), _) => Fate::Changed,
            (None, Policy::Compare) => Fate::Missing,
            (None, _) => Fate::Written,
        };
        let proposal = file::proposal(path);
        match fate {
            Fate::Written | Fate::Updated => self.write(path, &new),
            Fate::Changed if self.policy == Policy::Propose => self.write(&proposal, &new),
            _ => {}
        }
        // What was proposed before is settled.
        if fate != Fate::Changed && self.policy != Policy::Compare {
            let _ = fs::remove_file(&proposal);
        }
        self.report(fate, path, old.as_deref().unwrap_or_default(), text)?;
        Ok(fate)
    }

    fn write(&mut self, path: &Path, contents: &str) {
        let folder = path.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, contents));
        if let Err(error) = written {
            self.cannot("write", path, &error);
        }
    }

    fn cannot(&mut self, act: &str, path: &Path, error: &io::Error) {
        let (path, reason) = (path.display(), input::reason(error));
        let what = format_args!("cannot {act} `{path}`: {reason}");
        self.session.complain(self.arguments.manner.color, what);
        self.session.count(exit_code::USAGE);
    }

    fn report(&mut self, fate: Fate, path: &Path, old: &str, new: &str) -> io::Result<()> {
        if fate.is_failure() {
            self.session.count(exit_code::FAILED);
        } else if self.arguments.manner.quiet {
            return Ok(());
        }
        let style = match fate {
            Fate::Same => GOOD,
            Fate::Written | Fate::Updated => WARN,
            Fate::Changed | Fate::Missing => BAD,
        };
        let word = self.paint.on(style, format_args!("{:<7}", fate.word()));
        let out = &mut *self.session.outside.stdout;
        writeln!(out, "{word}  {}", path.display())?;
        if fate == Fate::Changed {
            writeln!(out, "\n{}", diff(old, new, self.paint))?;
        }
        out.flush()
    }

    /// Says that nothing makes a snapshot any more, and removes it if that is wanted.
    fn orphan(&mut self, path: &Path) -> io::Result<()> {
        if self.policy == Policy::Accept {
            let removed = fs::remove_file(path);
            let word = self.paint.on(WARN, "removed");
            if removed.is_ok() && !self.arguments.manner.quiet {
                writeln!(self.session.outside.stdout, "{word}  {}", path.display())?;
            }
            return Ok(());
        }
        let path = path.display();
        let what = format_args!("nothing makes `{path}` any more: `--update` removes it");
        self.session.warn(self.arguments.manner.color, what);
        Ok(())
    }

    fn summary(&mut self, fates: &[Fate]) -> io::Result<()> {
        let failures = fates.iter().filter(|fate| fate.is_failure()).count();
        if self.arguments.manner.quiet && failures == 0 {
            return Ok(());
        }
        let counts = [
            Fate::Same,
            Fate::Written,
            Fate::Updated,
            Fate::Changed,
            Fate::Missing,
        ];
        let counts = counts.iter().filter_map(|fate| {
            let count = fates.iter().filter(|other| *other == fate).count();
            (count > 0).then(|| format!("{count} {}", fate.word().to_lowercase()))
        });
        let counts: Vec<_> = counts.collect();
        let (total, counts) = (fates.len(), counts.join(", "));
        let noun = if total == 1 { "snapshot" } else { "snapshots" };
        let name = program(self.session.outside.arguments.first().map(AsRef::as_ref));
        let out = &mut *self.session.outside.stdout;
        if total > 0 {
            writeln!(out, "{total} {noun}: {counts}")?;
        }
        if fates.contains(&Fate::Changed) {
            let paths = self.arguments.paths.iter();
            let paths: Vec<_> = paths.map(|path| quote(&path.to_string_lossy())).collect();
            let paths = paths.join(" ");
            writeln!(out, "accept: {name} snapshot --update {paths}")?;
        }
        Ok(())
    }
}
