//! Annotations that GitHub's workflows show beside the line.

use std::io::{self, Write};

use super::failure::scene;
use super::{Format, Looked, Subject, place};
use crate::scenario::diagnostic::Severity;
use crate::scenario::record::Verdict;

/// Annotations that GitHub's workflows show beside the line, and a verdict a run.
///
/// Nothing else of a run is written: GitHub takes every line that begins with `::` for a command,
/// and what a program logs may begin like that.
pub(crate) struct Github {
    pub(crate) verbosity: super::Verbosity,
}

/// One annotation.
struct Annotation<'a> {
    level: &'static str,
    file: &'a str,
    place: Option<(usize, usize)>,
    title: &'a str,
    message: &'a str,
}

impl Annotation<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let place = self
            .place
            .map(|(line, column)| format!(",line={line},col={column}"));
        writeln!(
            out,
            "::{} file={}{},title={}::{}",
            self.level,
            property(self.file),
            place.unwrap_or_default(),
            property(self.title),
            data(self.message)
        )
    }
}

impl Format for Github {
    fn run(&mut self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (source, summary) = (subject.source, subject.summary());
        if let Some(problem) = subject.problem() {
            let level = match subject.record.verdict {
                Verdict::Undecided(_) => "warning",
                _ => "error",
            };
            let values = problem.values.iter();
            let values: String = values
                .map(|(span, value)| format!("\n{} is {value}", source.slice(*span)))
                .collect();
            let replay = subject.replay.map(|replay| format!("\nreplay: {replay}"));
            let message = format!(
                "{}{values}\n{}{}",
                problem.message,
                scene(problem),
                replay.unwrap_or_default()
            );
            let annotation = Annotation {
                level,
                file: &source.name,
                place: problem.span.map(|span| place(source, span)),
                title: &format!("{} (seed {})", subject.name, subject.record.seed),
                message: &message,
            };
            annotation.write(out)?;
        }
        if self.verbosity == super::Verbosity::Normal {
            writeln!(out, "{}: {}, {summary}", subject.outcome(), source.name)?;
        }
        Ok(())
    }

    fn looked(&mut self, looked: Looked<'_>, out: &mut dyn Write) -> io::Result<()> {
        let unreadable = looked.unreadable.map(|message| Annotation {
            level: "error",
            file: looked.file,
            place: None,
            title: "not a scenario",
            message,
        });
        let diagnostics = looked.diagnostics.iter().map(|diagnostic| Annotation {
            level: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            file: looked.file,
            place: looked.source.map(|source| place(source, diagnostic.at)),
            title: diagnostic.code,
            message: &diagnostic.message,
        });
        let mut annotations = unreadable.into_iter().chain(diagnostics);
        annotations.try_for_each(|annotation| annotation.write(out))
    }
}

/// Escapes what stands after `::`.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what stands after `title=`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped() {
        assert_eq!(data("50%\r\na: b, c"), "50%25%0D%0Aa: b, c");
        assert_eq!(property("50%\na: b, c"), "50%25%0Aa%3A b%2C c");
    }
}
