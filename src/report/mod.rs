//! Reports of runs: one file a format, all over the same [`Subject`].
//!
//! A format writes to whatever it is given and knows nothing of terminals, files and arguments, so
//! the tests hand it records that no run has made.

mod choice;
pub(crate) mod diff;
mod failure;
mod github;
mod human;
mod json;
mod junit;
mod paint;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, Write};

pub(crate) use choice::Choice;
pub(crate) use github::Github;
pub(crate) use human::{Human, Verbosity};
pub(crate) use json::{Json, Lines};
pub(crate) use junit::Junit;
pub(crate) use paint::{ADDED, BAD, BOLD, DIM, GOOD, Paint, REMOVED, WARN};
pub(crate) use words::{line, word};

use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::record::{Event, Problem, Record, Verdict};
use crate::scenario::source::{Source, Span};

/// The version of what machines read, which changes when something in it changes its meaning.
pub(crate) const FORMAT: u32 = 1;

/// The JSON Schema of what [`Json`] and [`Lines`] write.
pub(crate) const SCHEMA: &str = include_str!("record.schema.json");

/// A run to be reported on.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The scenario's sentence.
    pub(crate) name: &'a str,
    pub(crate) source: &'a Source,
    pub(crate) record: &'a Record,
    /// Which of its events are shown.
    pub(crate) choice: &'a Choice,
    /// The command that repeats the run, where it makes sense to say it.
    pub(crate) replay: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(crate) fn events(self) -> impl Iterator<Item = &'a Event> {
        let shown = move |event: &&Event| self.choice.takes(event);
        self.record.events.iter().filter(shown)
    }

    /// Returns why the run did not pass.
    fn problem(self) -> Option<&'a Problem> {
        match &self.record.verdict {
            Verdict::Passed => None,
            Verdict::Failed(problem) | Verdict::Undecided(problem) => Some(problem),
        }
    }

    /// Returns the verdict's name for machines.
    fn outcome(self) -> &'static str {
        match self.record.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Undecided(_) => "undecided",
        }
    }

    /// Returns what the run was, in words.
    fn summary(self) -> String {
        let record = self.record;
        format!(
            "seed {}, {}, {} of virtual time, {} {}, fingerprint {:016x}",
            record.seed,
            record.strategy,
            record.now,
            record.steps,
            if record.steps == 1 { "step" } else { "steps" },
            record.fingerprint
        )
    }
}

/// A file that was looked at but not run: it has mistakes, or cannot be read, or all is well and
/// nobody asked for a run.
#[derive(Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub(crate) file: &'a str,
    /// Why it cannot be read.
    pub(crate) unreadable: Option<&'a str>,
    pub(crate) source: Option<&'a Source>,
    pub(crate) diagnostics: &'a [Diagnostic],
}

impl Looked<'_> {
    /// Says whether it could be run.
    pub(crate) fn is_sound(self) -> bool {
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        self.unreadable.is_none() && !self.diagnostics.iter().any(is_error)
    }
}

/// A way to write reports.
pub(crate) trait Format {
    /// Writes about a run.
    fn run(&mut self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Writes about a file that was not run.
    fn looked(&mut self, looked: Looked<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Writes what comes after everything.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Where a span begins.
fn place(source: &Source, span: Span) -> (usize, usize) {
    source.place(span.start)
}

/// Returns who did it: the task, with its host if there are hosts.
fn who(host: Option<&str>, task: &str) -> String {
    host.map_or_else(|| task.to_owned(), |host| format!("{host}/{task}"))
}
