//! What is wrong with a file as TOML.
//!
//! A file that is no TOML is read as far as it goes, but much of what is missing or strange then
//! is so because of the first mistake. So only such mistakes are kept beside TOML's own that have
//! their reason where they stand.

use toml::de::DeValue;

use super::codes;
use super::entry::Entry;
use super::problems::Problems;
use super::text::{Text, quotes};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::source::{Source, Span};

/// Mistakes that have their reason where they stand.
const LOCAL: [&str; 11] = [
    codes::BODY,
    codes::STEP,
    codes::USAGE,
    codes::SYNTAX,
    codes::BRACE,
    codes::STRING,
    codes::NUMBER,
    codes::RANGE,
    codes::FLOW,
    codes::CHECK,
    codes::FORMAT,
];

/// Adds TOML's mistakes to those that were found, and removes what follows from them.
pub(super) fn with_mistakes(
    source: &Source,
    mistakes: &[toml::de::Error],
    tables: &[Entry<'_>],
    mut found: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    let file = &*source.text;
    let mut open = None;
    for table in tables {
        find_open(table, file, &mut open);
    }
    // What comes after a string without an end may be anything.
    let end = open.map_or(u32::MAX, |open| open.start);
    if let Some(open) = open {
        let mark = opening(source.slice(open));
        let message = match mark {
            "{" | "[" => format!("`{mark}` is not closed"),
            _ => "a string is not closed".to_owned(),
        };
        let at = Span::new(open.range().start, open.range().start + mark.len());
        let problem = problems.error(codes::TOML, at, message);
        problem.label(format!("this `{mark}` has no partner"));
    }
    let mut lines: Vec<_> = open.iter().map(|open| source.place(open.start).0).collect();
    for mistake in mistakes {
        let span = mistake.span().unwrap_or_default();
        let at = on_borders(file, span);
        let line = source.place(at.start).0;
        if at.start >= end || lines.contains(&line) {
            continue;
        }
        lines.push(line);
        report(&mut problems, source, at, mistake.message());
    }
    found.retain(|problem| {
        let line = source.place(problem.at.start).0;
        LOCAL.contains(&problem.code) && problem.at.start < end && !lines.contains(&line)
    });
    let mut list = problems.into_list();
    list.extend(found);
    list.sort_by_key(|problem| problem.at.start);
    list
}

/// Reports a mistake in TOML's words, or in better ones.
fn report(problems: &mut Problems, source: &Source, at: Span, message: &str) {
    let unquoted = message.starts_with("string values must be quoted");
    let text = source.slice(at);
    match text {
        "" if unquoted => {
            problems
                .error(codes::TOML, at, "a value is missing")
                .label("nothing follows");
        }
        _ if unquoted => {
            let message = "values other than numbers, `true` and `false` stand in quotes";
            let problem = problems.error(codes::TOML, at, message);
            problem.suggest("add them", at, format!("\"{text}\""));
        }
        _ => {
            problems.error(codes::TOML, at, message);
        }
    }
}

/// Finds the first value that is not closed.
fn find_open(entry: &Entry<'_>, file: &str, open: &mut Option<Span>) {
    let is_first = open.is_none_or(|open| entry.span() < open);
    if is_first && !is_closed(file, entry) {
        *open = Some(entry.span());
    }
    match entry.value {
        DeValue::Array(items) => {
            for item in items.iter() {
                find_open(&entry.item(item), file, open);
            }
        }
        DeValue::Table(table) => {
            for entry in super::entry::entries(table, file) {
                find_open(&entry, file, open);
            }
        }
        _ => {}
    }
}

/// Says whether a value ends where it should. One of steps whose quotes are missing ends with the
/// quotes with which the next begins.
fn is_closed(file: &str, entry: &Entry<'_>) -> bool {
    let raw = file.get(entry.at.clone()).unwrap_or_default();
    match entry.value {
        DeValue::String(_) => match Text::read(file, entry.at.clone()) {
            Some(text) => {
                let is_long = quotes(raw).1.len() == 3;
                !(is_long && text.content.trim_end_matches(' ').ends_with('='))
            }
            None => quotes(raw).1.is_empty(),
        },
        DeValue::Table(_) => !raw.starts_with('{') || raw.len() > 1 && raw.ends_with('}'),
        DeValue::Array(_) => !raw.starts_with('[') || raw.len() > 1 && raw.ends_with(']'),
        _ => true,
    }
}

/// Returns the sign with which a value begins.
fn opening(raw: &str) -> &str {
    match quotes(raw).1 {
        "" => &raw[..raw.chars().next().map_or(0, char::len_utf8)],
        mark => mark,
    }
}

/// Moves the ends of a span to borders of characters within the file.
fn on_borders(file: &str, span: std::ops::Range<usize>) -> Span {
    let mut start = span.start.min(file.len());
    while !file.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, file.len());
    while !file.is_char_boundary(end) {
        end += 1;
    }
    Span::new(start, end)
}
