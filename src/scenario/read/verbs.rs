//! What there is to say: every verb, how it is used, and what it is read into.
//!
//! Most verbs take values one after another and are read by their entry in the table. Those with
//! blocks or with a grammar of their own have an entry too, for messages and for completion.

use std::collections::VecDeque;
use std::sync::Arc;

use super::kinds::Kinds;
use super::parser::{How, poison};
use super::verb_table;
use crate::scenario::source::Span;
use crate::scenario::tree::{Act, Awaitable, Call, Callee, ErrorName, Expr};

/// A verb.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// Capitals stand for what is put in their place; what stands in brackets may be left out.
    pub(crate) usage: &'static str,
    pub(super) form: Form,
}

/// How a verb's step is read.
pub(super) enum Form {
    /// What it takes, in order, and what becomes of that.
    Plain(&'static [Slot], fn(&mut Taken) -> Act),
    /// By a function of its own.
    Special,
    /// As an entry of the timeline is.
    Fault,
}

/// What a verb takes at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    One(Kinds),
    /// One more, unless the step is over.
    Maybe(Kinds),
    /// As many as there are.
    Several(Kinds),
    /// A word and a value, or neither.
    Clause(&'static str, Kinds),
    /// A word, or nothing.
    Flag(&'static str),
    Call(How),
    Awaitable(How),
    /// As many as there are, but one at least.
    Awaitables,
    Error,
    /// A task's name, which takes one argument.
    Handler,
}

/// What was found in a verb's places.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) values: VecDeque<Option<Expr>>,
    pub(super) several: Vec<Expr>,
    pub(super) call: Option<Call>,
    pub(super) awaitables: VecDeque<Awaitable>,
    pub(super) flag: bool,
    pub(super) error: Option<ErrorName>,
    pub(super) handler: Option<Callee>,
}

impl Taken {
    /// Returns the next value.
    pub(super) fn value(&mut self) -> Expr {
        let value = self.values.pop_front().flatten();
        value.unwrap_or_else(|| poison(Span::default()))
    }

    /// Returns the next value if it is there.
    pub(super) fn maybe(&mut self) -> Option<Expr> {
        self.values.pop_front().flatten()
    }

    pub(super) fn call(&mut self) -> Call {
        self.call.take().unwrap_or(Call {
            span: Span::default(),
            callee: Callee::Body(u16::MAX),
            arguments: Vec::new(),
            names: Vec::new(),
        })
    }

    pub(super) fn awaitable(&mut self) -> Awaitable {
        let first = self.awaitables.pop_front();
        first.unwrap_or_else(|| Awaitable::Value(poison(Span::default())))
    }

    pub(super) fn awaitables(&mut self) -> Vec<Awaitable> {
        std::mem::take(&mut self.awaitables).into()
    }

    pub(super) fn error(&mut self) -> ErrorName {
        let own = || ErrorName::Own(Arc::from(""));
        self.error.take().unwrap_or_else(own)
    }

    pub(super) fn handler(&mut self) -> Callee {
        self.handler.take().unwrap_or(Callee::Body(u16::MAX))
    }
}

/// Returns a verb by its name.
pub(crate) fn find(name: &str) -> Option<&'static Verb> {
    all().find(|verb| verb.name == name)
}

/// Returns all verbs.
pub(crate) fn all() -> impl Iterator<Item = &'static Verb> {
    let tables = [verb_table::FLOW, verb_table::TASKS, verb_table::TOOLS];
    let others = [
        verb_table::PROCESSES,
        verb_table::NETWORK,
        verb_table::FILES,
    ];
    let faults = [verb_table::FAULTS];
    tables.into_iter().chain(others).chain(faults).flatten()
}

/// Functions of values, and how they are used.
const FUNCTIONS: &[(&str, &str)] = &[
    ("len", "len(LIST)"),
    ("state", "state(TASK)"),
    ("result", "result(TASK)"),
    ("locked", "locked(LOCK)"),
    ("size", "size(CONNECTION)"),
    ("permits", "permits(SEMAPHORE)"),
    ("waiting", "waiting(OBJECT)"),
    ("expired", "expired(TIMEOUT)"),
    ("is_set", "is_set(EVENT)"),
];

/// Functions that only checks have.
const PROBES: &[(&str, &str)] = &[
    ("count", "count(WHAT)"),
    ("open", "open(NAME)"),
    ("up", "up(HOST)"),
    ("clock", "clock(HOST)"),
];

/// Returns how a function is used.
pub(super) fn function(name: &str) -> Option<&'static str> {
    let mut all = FUNCTIONS.iter().chain(PROBES);
    all.find(|(function, _)| *function == name)
        .map(|(_, usage)| *usage)
}

pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().chain(PROBES).map(|(name, _)| *name)
}

pub(super) fn is_probe(name: &str) -> bool {
    PROBES.iter().any(|(probe, _)| *probe == name)
}
