//! Why a run did not pass, shown where it is written.

use super::paint::printable;
use super::{BAD, BOLD, Subject, WARN, who};
use crate::report::Paint;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::record::{Problem, Verdict};
use crate::scenario::render::render;
use crate::scenario::source::Span;

/// Returns the report on a problem: the user's own words, the place in the file with the values
/// that did not fit, who and when, and what else there is to say.
pub(super) fn text(subject: Subject<'_>, problem: &Problem, paint: Paint) -> String {
    let severity = match subject.record.verdict {
        Verdict::Undecided(_) => Severity::Warning,
        _ => Severity::Error,
    };
    let message = printable(&problem.message);
    let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let mut text = match problem.span {
        Some(span) => {
            let diagnostic = diagnostic(problem, severity, title, span);
            let text = render(subject.source, &[diagnostic], paint.is_coloured());
            text.trim_end().to_owned()
        }
        None => {
            let (word, style) = match severity {
                Severity::Error => ("error", BAD),
                Severity::Warning => ("warning", WARN),
            };
            let head = paint.on(style, format_args!("{word}[{}]", headline(problem)));
            let title = paint.on(BOLD, format_args!(": {title}"));
            format!("{head}{title}\n  = {}", scene(problem))
        }
    };
    if !rest.trim().is_empty() {
        text.push_str("\n\n");
        text.push_str(rest.trim_end());
    }
    text
}

fn diagnostic(problem: &Problem, severity: Severity, title: &str, span: Span) -> Diagnostic {
    let values = problem.values.iter();
    let mut values = values.map(|(span, value)| (*span, printable(value).into_owned()));
    // The values say more than a line below the whole comparison would.
    let (at, label) = values.next().unwrap_or((span, String::new()));
    Diagnostic {
        code: headline(problem),
        severity,
        message: title.to_owned(),
        at,
        label,
        related: values.collect(),
        notes: vec![scene(problem)],
        suggestion: None,
    }
}

/// Returns the kind of a problem, as it stands behind the word `error`.
fn headline(problem: &Problem) -> &'static str {
    match problem.kind {
        "error" => "raised",
        kind => kind,
    }
}

/// Who, and when.
pub(super) fn scene(problem: &Problem) -> String {
    match &problem.task {
        Some(task) => format!(
            "in {}, {} into the run",
            who(problem.host.as_deref(), task),
            problem.at
        ),
        None => format!("{} into the run", problem.at),
    }
}
