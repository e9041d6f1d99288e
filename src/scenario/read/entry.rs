//! Entries of TOML tables, and what their values are.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::codes;
use super::lex;
use super::number::{self, Fault};
use super::problems::{Problems, closest, shown};
use super::text::Text;
use crate::scenario::source::Span;

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Text<'a>,
    pub(super) value: &'a DeValue<'a>,
    pub(super) at: Range<usize>,
    file: &'a str,
}

/// What people write instead of a key.
const SYNONYMS: [(&str, &str); 8] = [
    ("scheduler", "strategies"),
    ("schedulers", "strategies"),
    ("node", "host"),
    ("nodes", "host"),
    ("vars", "shared"),
    ("variables", "shared"),
    ("body", "task"),
    ("size", "capacity"),
];

/// Returns the entries of a table in the order of the file.
pub(super) fn entries<'a>(table: &'a DeTable<'a>, file: &'a str) -> Vec<Entry<'a>> {
    let mut entries: Vec<_> = table
        .iter()
        .filter_map(|(key, value)| {
            let key = Text::read(file, key.span())?;
            let (at, value) = (value.span(), value.get_ref());
            Some(Entry {
                key,
                value,
                at,
                file,
            })
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.whole.start);
    entries
}

/// Reports keys that mean nothing, with the one that may have been meant.
pub(super) fn check_keys(
    entries: &[Entry<'_>],
    table: &str,
    known: &[&str],
    problems: &mut Problems,
) {
    for entry in entries {
        let key = &*entry.key.content;
        if known.contains(&key) {
            continue;
        }
        let at = entry.key.whole;
        let message = match table {
            "" => format!("no table is called `{}`", shown(key)),
            table => format!("`{table}` has no key `{}`", shown(key)),
        };
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == key);
        let synonym = synonym
            .map(|(_, meant)| *meant)
            .filter(|meant| known.contains(meant));
        let near = synonym.or_else(|| closest(key, known.iter().copied()));
        let problem = problems.error(codes::KEY, at, message);
        problem.label(if table.is_empty() {
            "unknown table"
        } else {
            "unknown key"
        });
        match near {
            Some(near) => problem.suggest(format!("did you mean `{near}`?"), at, near),
            None => {
                let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
                problem.note(format!("there are {}", known.join(", ")))
            }
        };
    }
}

/// Returns the entry of a key.
pub(super) fn find<'e, 'a>(entries: &'e [Entry<'a>], key: &str) -> Option<&'e Entry<'a>> {
    entries.iter().find(|entry| entry.key.content == key)
}

/// Returns an integer, if it is not absurdly large.
pub(super) fn value_of(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Returns what a value is, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl<'a> Entry<'a> {
    /// Makes an entry of an item in a list, under the list's key.
    pub(super) fn item(&self, item: &'a Spanned<DeValue<'a>>) -> Self {
        let (value, at) = (item.get_ref(), item.span());
        Self {
            value,
            at,
            ..self.clone()
        }
    }

    pub(super) fn span(&self) -> Span {
        Span::new(self.at.start, self.at.end)
    }

    /// Reports a value that is something else than it should be.
    pub(super) fn mistyped(&self, wanted: &str, problems: &mut Problems) {
        let message = format!(
            "`{}` is {wanted}, and this is {}",
            shown(&self.key.content),
            kind(self.value)
        );
        problems
            .error(codes::TYPE, self.span(), message)
            .label(format!("not {wanted}"));
    }

    pub(super) fn text(&self, wanted: &str, problems: &mut Problems) -> Option<Text<'a>> {
        match self.value {
            // One that is not closed is TOML's to report.
            DeValue::String(_) => Text::read(self.file, self.at.clone()),
            _ => {
                self.mistyped(wanted, problems);
                None
            }
        }
    }

    pub(super) fn table(&self, problems: &mut Problems) -> Option<Vec<Entry<'a>>> {
        match self.value {
            DeValue::Table(table) => Some(entries(table, self.file)),
            _ => {
                self.mistyped("a table", problems);
                None
            }
        }
    }

    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.mistyped("`true` or `false`", problems);
                None
            }
        }
    }

    pub(super) fn integer(
        &self,
        allowed: RangeInclusive<i128>,
        problems: &mut Problems,
    ) -> Option<i128> {
        let DeValue::Integer(integer) = self.value else {
            self.mistyped("an integer", problems);
            return None;
        };
        let value = value_of(integer).filter(|value| allowed.contains(value));
        if value.is_none() {
            let message = format!(
                "`{}` is {}",
                shown(&self.key.content),
                shown(integer.as_str())
            );
            let problem = problems.error(codes::BOUNDS, self.span(), message);
            let least = *allowed.start();
            problem.label(match value_of(integer).is_some_and(|value| value < least) {
                true => format!("at least {least}"),
                false => format!("at most {}", allowed.end()),
            });
        }
        value
    }

    /// Reads a list of strings.
    pub(super) fn texts(&self, wanted: &str, problems: &mut Problems) -> Vec<Text<'a>> {
        let DeValue::Array(items) = self.value else {
            self.mistyped(wanted, problems);
            return Vec::new();
        };
        let items = items.iter().map(|item| self.item(item));
        items
            .filter_map(|item| item.text("a list of strings", problems))
            .collect()
    }

    pub(super) fn duration(&self, problems: &mut Problems) -> Option<Duration> {
        let text = self.quantity("a duration such as \"5ms\"", problems)?;
        read(&text, number::read_duration, problems)
    }

    pub(super) fn percent(&self, problems: &mut Problems) -> Option<f64> {
        let text = self.quantity("a percent such as \"5%\"", problems)?;
        match number::read_percent(&text.content) {
            Ok(percent) => Some(percent),
            Err(fault) => {
                let at = text.inner();
                let message = match fault {
                    Fault::TooLarge => format!("`{}` is more than all", text.content),
                    _ => format!("`{}` is no percent", shown(&text.content)),
                };
                let problem = problems.error(codes::NUMBER, at, message);
                problem
                    .label("not a percent")
                    .note("write \"5%\" or \"0.1%\"");
                None
            }
        }
    }

    /// Reads `5ms` or `5ms..20ms`.
    pub(super) fn durations(&self, problems: &mut Problems) -> Option<(Duration, Duration)> {
        let text = self.quantity("a range such as \"5ms..20ms\"", problems)?;
        read_durations(&text, problems)
    }

    /// Takes the string that a number with a unit stands in.
    pub(super) fn quantity(&self, wanted: &str, problems: &mut Problems) -> Option<Text<'a>> {
        if let DeValue::Integer(number) = self.value {
            let key = shown(&self.key.content);
            let message = format!("`{key}` is {wanted}, and this is a bare number");
            let problem = problems.error(codes::NUMBER, self.span(), message);
            problem.label(format!("`{}` has no unit", shown(number.as_str())));
            return None;
        }
        self.text(wanted, problems)
    }

    /// Takes one of some words.
    pub(super) fn choice(
        &self,
        words: &[&'static str],
        problems: &mut Problems,
    ) -> Option<&'static str> {
        let text = self.text("a string", problems)?;
        let found = words.iter().find(|word| **word == text.content);
        if found.is_none() {
            not_one_of(&text, words, &self.key.content, problems);
        }
        found.copied()
    }
}

/// Reports a word that is none of those that are possible.
pub(super) fn not_one_of(
    text: &Text<'_>,
    words: &[&'static str],
    what: &str,
    problems: &mut Problems,
) {
    let at = text.inner();
    let word = shown(&text.content);
    let message = format!("`{word}` is not possible for `{}`", shown(what));
    let near = closest(&text.content, words.iter().copied());
    let problem = problems.error(codes::CHOICE, at, message);
    problem.label("unknown word");
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    problem.note(match words.len() {
        1 => format!("write {}", words[0]),
        _ => format!("possible are {}", words.join(", ")),
    });
    if let Some(near) = near {
        problem.suggest(format!("did you mean `{near}`?"), at, near);
    }
}

/// Reads a number with a unit, which is all there is in a text.
pub(super) fn read<T>(
    text: &Text<'_>,
    read: impl FnOnce(&str) -> Result<T, Fault>,
    problems: &mut Problems,
) -> Option<T> {
    let whole = 0..text.content.len();
    read_part(text, whole, read, problems)
}

pub(super) fn read_part<T>(
    text: &Text<'_>,
    part: Range<usize>,
    read: impl FnOnce(&str) -> Result<T, Fault>,
    problems: &mut Problems,
) -> Option<T> {
    let number = text.content.get(part.clone())?;
    match read(number) {
        Ok(value) => Some(value),
        Err(fault) => {
            let unit = number.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
            let unit = part.start + unit.unwrap_or(0)..part.end;
            lex::report(problems, &fault, number, text.span(part), text.span(unit));
            None
        }
    }
}

/// Reads `5ms` or `5ms..20ms`; a single duration is both ends.
pub(super) fn read_durations(
    text: &Text<'_>,
    problems: &mut Problems,
) -> Option<(Duration, Duration)> {
    let content = &*text.content;
    let Some(dots) = content.find("..") else {
        let one = read(text, number::read_duration, problems)?;
        return Some((one, one));
    };
    let least = read_part(text, 0..dots, number::read_duration, problems);
    let most = read_part(
        text,
        dots + 2..content.len(),
        number::read_duration,
        problems,
    );
    let (least, most) = (least?, most?);
    if least > most {
        let right = format!("{}..{}", &content[dots + 2..], &content[..dots]);
        let at = text.inner();
        let problem = problems.error(codes::RANGE, at, "a range ends before it begins");
        problem
            .label("the first end is the larger one")
            .suggest("turn it round", at, right);
        return None;
    }
    Some((least, most))
}

/// Reads `0..1000` as the numbers from the first to before the last.
pub(super) fn read_seeds(text: &Text<'_>, problems: &mut Problems) -> Option<Range<u64>> {
    let content = &*text.content;
    let at = text.inner();
    match number::seeds(content) {
        Some(range) if !range.is_empty() => Some(range),
        Some(_) => {
            let problem = problems.error(codes::RANGE, at, "there is no seed in this range");
            problem
                .label("empty")
                .note("the last number does not belong to it: `0..3` is 0, 1, 2");
            None
        }
        None => {
            let message = format!("`{}` is no range of seeds", shown(content));
            let problem = problems.error(codes::NUMBER, at, message);
            problem.label("not a range").note("write \"0..1000\"");
            None
        }
    }
}
