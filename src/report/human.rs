//! The report for people: what happened, what was checked, and what came of it.

use std::io::{self, Write};

use super::paint::printable;
use super::{BAD, BOLD, DIM, Format, GOOD, Looked, Paint, Subject, WARN, failure, line, who};
use crate::scenario::record::{Checked, Event, Verdict, What};

/// Names get at least so much room, and beyond the most they push the rest of the line.
const NAME_WIDTH: std::ops::RangeInclusive<usize> = 12..=32;

/// The report for people.
pub(crate) struct Human {
    pub(crate) paint: Paint,
    pub(crate) verbosity: Verbosity,
    is_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Nothing but failures.
    Quiet,
    Normal,
}

impl Human {
    pub(crate) fn new(paint: Paint, verbosity: Verbosity) -> Self {
        Self {
            paint,
            verbosity,
            is_first: true,
        }
    }

    /// Returns a report without colours, fit for a file.
    pub(crate) fn text(subject: Subject<'_>) -> String {
        let mut text = Vec::new();
        let mut human = Self::new(Paint::Plain, Verbosity::Normal);
        // A vector takes everything.
        let _ = human.run(subject, &mut text);
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    fn events(&self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        let names = subject.events().map(name_width).max().unwrap_or_default();
        let width = names.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end());
        let mut shown = 0;
        for event in subject.events() {
            let line = line(event, subject.source, width);
            writeln!(out, "{}", self.tint(event, &line))?;
            shown += 1;
        }
        let hidden = subject.record.events.len() - shown;
        let has_patterns = !subject.choice.only.is_empty() || !subject.choice.without.is_empty();
        if hidden > 0 && has_patterns {
            let note = format_args!("... {hidden} other events");
            writeln!(out, "{}", self.paint.on(DIM, note))?;
            shown += 1;
        }
        if shown > 0 { writeln!(out) } else { Ok(()) }
    }

    fn tint(&self, event: &Event, line: &str) -> String {
        match event.what {
            What::Fault(_) => self.paint.on(WARN, line),
            What::Failed(_) | What::Reported(..) | What::MainFailed(_) | What::Stuck(_) => {
                self.paint.on(BAD, line)
            }
            What::Logged(_) => line.to_owned(),
            _ => self.paint.on(DIM, line),
        }
    }

    fn checks(&self, checks: &[Checked], out: &mut dyn Write) -> io::Result<()> {
        for check in checks {
            let (word, style) = match check.held {
                Some(true) => ("held", GOOD),
                Some(false) => ("FAILED", BAD),
                None => ("not decided", WARN),
            };
            let word = self.paint.on(style, format_args!("{word:<11}"));
            writeln!(out, "  {word}  {}", one_line(&check.name))?;
        }
        if checks.is_empty() {
            Ok(())
        } else {
            writeln!(out)
        }
    }

    fn verdict(&self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (word, style) = match subject.record.verdict {
            Verdict::Passed => ("passed", GOOD),
            Verdict::Failed(_) => ("FAILED", BAD),
            Verdict::Undecided(_) => ("not decided", WARN),
        };
        let word = self.paint.on(style, word);
        writeln!(out, "{word}: {}", subject.summary())
    }
}

impl Format for Human {
    fn run(&mut self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        let problem = subject.problem();
        let is_quiet = self.verbosity == Verbosity::Quiet;
        if is_quiet && problem.is_none() {
            return Ok(());
        }
        if !std::mem::take(&mut self.is_first) {
            writeln!(out)?;
        }
        writeln!(out, "{}", self.paint.on(BOLD, one_line(subject.name)))?;
        if !is_quiet {
            writeln!(out)?;
            self.events(subject, out)?;
            self.checks(&subject.record.checks, out)?;
        }
        self.verdict(subject, out)?;
        if let Some(problem) = problem {
            let text = failure::text(subject, problem, self.paint);
            writeln!(out, "\n{text}")?;
            if let Some(replay) = subject.replay {
                writeln!(out, "\n{} {replay}", self.paint.on(BOLD, "replay:"))?;
            }
        }
        Ok(())
    }

    /// People are told of mistakes on the other stream.
    fn looked(&mut self, looked: Looked<'_>, out: &mut dyn Write) -> io::Result<()> {
        if looked.is_sound() && self.verbosity == Verbosity::Normal {
            let word = self.paint.on(GOOD, "sound");
            writeln!(out, "{word}  {}", looked.file)?;
        }
        Ok(())
    }
}

/// Returns what is to be one line as one line.
fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

fn name_width(event: &Event) -> usize {
    who(event.host.as_deref(), &event.task).chars().count()
}
