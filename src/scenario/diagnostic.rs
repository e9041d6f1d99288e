//! What is wrong with a scenario file, and where.

use super::source::Span;

/// One mistake, or one thing that looks like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// A stable name such as `S014`, which the documentation explains.
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    /// One sentence without a full stop; names stand in backticks.
    pub(crate) message: String,
    /// The place, and a few words that stand below it.
    pub(crate) at: Span,
    pub(crate) label: String,
    /// Other places that explain it: where a thing is declared.
    pub(crate) related: Vec<(Span, String)>,
    pub(crate) notes: Vec<String>,
    /// What would be right: text to put in the place of other text.
    pub(crate) suggestion: Option<Suggestion>,
}

impl Diagnostic {
    pub(crate) fn new(
        code: &'static str,
        severity: Severity,
        at: Span,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            at,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            suggestion: None,
        }
    }

    /// Says what stands below the place.
    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Adds another place that explains it.
    pub(crate) fn related(&mut self, at: Span, label: impl Into<String>) -> &mut Self {
        self.related.push((at, label.into()));
        self
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what would be right.
    pub(crate) fn suggest(
        &mut self,
        message: impl Into<String>,
        at: Span,
        replacement: impl Into<String>,
    ) -> &mut Self {
        self.suggestion = Some(Suggestion {
            message: message.into(),
            at,
            replacement: replacement.into(),
        });
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub(crate) message: String,
    pub(crate) at: Span,
    pub(crate) replacement: String,
}
