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
