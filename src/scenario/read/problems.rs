//! The list of mistakes as it grows.

use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::source::Span;

/// More mistakes than this are not listed: nobody reads them, and each costs a search for what may
/// have been meant.
const MOST: usize = 100;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Diagnostic>,
    /// Takes what does not fit.
    surplus: Option<Diagnostic>,
}

/// A step, an entry or an expression cannot be made sense of, and that has been said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip;

impl Problems {
    pub(super) fn error(
        &mut self,
        code: &'static str,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Diagnostic::new(code, Severity::Error, at, message))
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Diagnostic::new(code, Severity::Warning, at, message))
    }

    fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        if self.is_full() {
            return self.surplus.insert(diagnostic);
        }
        self.list.push(diagnostic);
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Says whether it is of no use to look on.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// Returns what was found, in the order of the file.
    pub(super) fn into_list(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        if let Some(surplus) = self.surplus {
            list.push(surplus);
        }
        list.sort_by_key(|problem| (problem.at.start, problem.severity, problem.at.end));
        list.dedup_by(|next, previous| next.at == previous.at && next.message == previous.message);
        list
    }
}

/// Returns a text as messages can hold it: on one line, and not too long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        match c {
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Returns the one of some names that was probably meant.
pub(super) fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer names are not compared: it takes time that grows with the square of their length.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let length = word.chars().count();
    if length < 2 {
        return None;
    }
    let allowed = (length / 3).max(1);
    let near = names.into_iter().filter(|name| name.len() <= LONGEST);
    let near = near.filter_map(|name| {
        let distance = strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase());
        (distance <= allowed && name != word).then_some((distance, name))
    });
    near.min().map(|(_, name)| name)
}
