//! What the tables of a file declare: everything that steps, checks and times can name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::codes;
use super::lex;
use super::problems::{Problems, shown};
use super::text::Text;
use super::verbs;
use crate::scenario::model::{ObjectEntry, ObjectKind};
use crate::scenario::source::Span;
use crate::scenario::tree::{Const, HostIndex};

/// What the tables of a file declare.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    pub(super) objects: Vec<ObjectEntry>,
    pub(super) shared: Vec<(Arc<str>, Const)>,
    pub(super) context: Vec<(Arc<str>, Const)>,
    /// Names of hosts, those that are counted spread out, and where they are declared.
    pub(super) hosts: Vec<(Arc<str>, Span)>,
    /// What a host's name stands for: itself, or all that are counted under it.
    pub(super) groups: BTreeMap<Arc<str>, Vec<HostIndex>>,
    pub(super) bodies: Vec<Signature<'a>>,
    /// Where each body stands.
    pub(super) places: BTreeMap<Arc<str>, u16>,
    pub(super) functions: Vec<&'static str>,
    /// Objects and variables by name.
    globals: BTreeMap<Arc<str>, (Global, Span)>,
    /// A declaration could not be read, so a name that is unknown may be declared there.
    pub(super) incomplete: bool,
}

/// The head of a task or program.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) name: Arc<str>,
    pub(super) span: Span,
    pub(super) is_program: bool,
    pub(super) parameters: Vec<(Arc<str>, Span)>,
    /// Its steps, if they are a string.
    pub(super) text: Option<Text<'a>>,
}

/// What a name that all tasks know stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    Object(u16),
    Shared(u16),
    Context(u16),
}

/// Words with a meaning of their own wherever a name may stand.
const RESERVED: &[&str] = &[
    "and",
    "as",
    "break",
    "by",
    "cancelling",
    "clock",
    "continue",
    "else",
    "every",
    "expect",
    "false",
    "finally",
    "for",
    "group",
    "if",
    "in",
    "keep_errors",
    "list_files",
    "loop",
    "main",
    "none",
    "not",
    "now",
    "on",
    "or",
    "pending",
    "raise",
    "repeat",
    "retry",
    "return",
    "self",
    "stderr",
    "stdin",
    "stdout",
    "sync_files",
    "true",
    "try",
    "uncancel",
    "until",
    "while",
    "with",
    "within",
    "yield",
];

/// Words with a meaning of their own beside the names of hosts.
const RESERVED_FOR_HOSTS: &[&str] = &["after", "default", "for"];

/// More than this of one kind cannot be numbered.
pub(super) const MOST_NAMES: usize = u16::MAX as usize;

/// What kind of thing is to be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declares {
    Task,
    Host,
    /// Objects, shared and context variables, parameters and locals.
    Other,
}

/// Says whether a word can be declared as a name, and reports if it cannot.
pub(super) fn check_name(
    word: &str,
    at: Span,
    declares: Declares,
    problems: &mut Problems,
) -> bool {
    let is_head = |c: char| c.is_alphabetic() || c == '_';
    let is_inner = |c: char| lex::is_inner(c) || (c == '-' && declares == Declares::Host);
    let well_formed = word.len() <= lex::LONGEST_WORD
        && word.starts_with(is_head)
        && word.chars().all(is_inner)
        && !word.ends_with('-')
        && !word.contains("--");
    if !well_formed {
        let message = format!("`{}` is not a name", shown(word));
        let problem = problems.error(codes::RESERVED, at, message);
        problem.note(match declares {
            Declares::Host => {
                "a host's name is letters, digits, `_` and, within it, `-`; it begins with a letter"
            }
            _ => "a name is letters, digits and `_`, and begins with a letter",
        });
        return false;
    }
    let is_main = word == "main" && declares == Declares::Task;
    // Hosts stand where no value can.
    let reserved = match declares {
        Declares::Host => RESERVED_FOR_HOSTS,
        _ => RESERVED,
    };
    if reserved.contains(&word) && !is_main {
        let message = format!("`{word}` cannot be a name: the language uses the word");
        problems
            .error(codes::RESERVED, at, message)
            .label("a reserved word");
        return false;
    }
    if declares == Declares::Task && !is_main {
        // A verb may: nothing else has a parenthesis directly behind it.
        if let Some(usage) = verbs::function(word) {
            let message = format!("`{word}` cannot be a task's name: it is a function");
            let problem = problems.error(codes::RESERVED, at, message);
            problem
                .label("a function")
                .note(format!("usage: `{usage}`"));
            return false;
        }
    }
    true
}

impl Names<'_> {
    pub(super) fn global(&self, name: &str) -> Option<Global> {
        self.globals.get(name).map(|(global, _)| *global)
    }

    /// Returns where an object or variable is declared.
    pub(super) fn declared_at(&self, name: &str) -> Option<Span> {
        self.globals.get(name).map(|(_, at)| *at)
    }

    pub(super) fn globals(&self) -> impl Iterator<Item = &str> {
        self.globals.keys().map(|name| &**name)
    }

    /// Returns what a name is, with its article.
    pub(super) fn what(&self, global: Global) -> &'static str {
        match global {
            Global::Shared(_) => "a shared variable",
            Global::Context(_) => "a context variable",
            Global::Object(index) => object_kind(self.objects[usize::from(index)].kind),
        }
    }

    /// Adds a name that all tasks know, unless there is one already.
    pub(super) fn add_global(
        &mut self,
        name: &Arc<str>,
        global: Global,
        at: Span,
        problems: &mut Problems,
    ) -> bool {
        if let Some((other, before)) = self.globals.get(&**name) {
            let what = match other {
                Global::Shared(_) => "a shared variable".to_owned(),
                Global::Context(_) => "a context variable".to_owned(),
                Global::Object(index) => match self.objects.get(usize::from(*index)) {
                    Some(object) => object_kind(object.kind).to_owned(),
                    None => "an object".to_owned(),
                },
            };
            let message = format!("`{name}` is declared twice");
            let problem = problems.error(codes::DUPLICATE, at, message);
            problem.label("declared again");
            problem.related(*before, format!("{what} already"));
            return false;
        }
        self.globals.insert(name.clone(), (global, at));
        true
    }

    pub(super) fn body(&self, name: &str) -> Option<(u16, &Signature<'_>)> {
        let place = *self.places.get(name)?;
        Some((place, self.bodies.get(usize::from(place))?))
    }

    pub(super) fn function(&self, name: &str) -> Option<u16> {
        let at = self
            .functions
            .iter()
            .position(|function| *function == name)?;
        u16::try_from(at).ok()
    }
}

/// Returns what an object is called in messages.
pub(super) fn object_kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Queue(..) => "a queue",
        ObjectKind::Lock => "a lock",
        ObjectKind::Event => "an event",
        ObjectKind::Condition => "a condition",
        ObjectKind::Future => "a future",
        ObjectKind::Semaphore { .. } => "a semaphore",
        ObjectKind::Barrier(_) => "a barrier",
        ObjectKind::Pool(_) => "a pool",
    }
}
