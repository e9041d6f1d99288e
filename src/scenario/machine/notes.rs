//! What is written down while a scenario runs: its events, and what its checks count.

use std::cell::RefCell;
use std::sync::Arc;

use super::thing::TaskInfo;
use crate::event_loop;
use crate::scenario::model::Model;
use crate::scenario::record::{Event, Show, What};
use crate::scenario::source::Span;
use crate::scenario::tree::{Act, Awaitable, Counter, Expr, ExprKind, FaultKind};

/// The events of a run so far, and the counters of its checks.
pub(super) struct Notes {
    show: Show,
    model: Arc<Model>,
    pub(super) events: RefCell<Vec<Event>>,
    counts: RefCell<Vec<u64>>,
}

/// What can be counted, as it happens.
#[derive(Clone, Copy)]
pub(super) enum Counted<'a> {
    Step(&'a Act),
    Logged(&'a str),
    Spawned(&'a TaskInfo),
    Returned(&'a TaskInfo),
    Failed(&'a TaskInfo),
    Cancelled(&'a TaskInfo),
    /// By its word.
    Fault(&'a str),
}

impl Notes {
    pub(super) fn new(show: Show, model: &Arc<Model>) -> Self {
        Self {
            show,
            model: model.clone(),
            events: RefCell::default(),
            counts: RefCell::new(vec![0; model.counters.len()]),
        }
    }

    pub(super) fn show(&self) -> Show {
        self.show
    }

    /// Writes an event down, if events of its kind are kept.
    pub(super) fn note(
        &self,
        task: &TaskInfo,
        body: Option<&Arc<str>>,
        span: Option<Span>,
        what: impl FnOnce() -> What,
    ) {
        if self.show == Show::default() {
            return;
        }
        let what = what();
        if !self.show.includes(&what) {
            return;
        }
        self.events.borrow_mut().push(Event {
            at: event_loop::time(),
            host: task.host.clone(),
            task: task.name.clone(),
            body: body.cloned(),
            span,
            what,
        });
    }

    pub(super) fn count(&self, counter: u16) -> i64 {
        let count = self.counts.borrow()[usize::from(counter)];
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// Counts what has happened, where a check asks for it.
    pub(super) fn counted(&self, counted: Counted<'_>) {
        let counters = &self.model.counters;
        for (counter, count) in counters.iter().zip(&mut *self.counts.borrow_mut()) {
            *count += u64::from(counts(counter, counted));
        }
    }
}

fn counts(counter: &Counter, counted: Counted<'_>) -> bool {
    let is = |name: &Arc<str>, info: &TaskInfo| {
        let base = info.name.split('#').next().unwrap_or_default();
        *name == info.name || **name == *base || *name == info.body
    };
    match (counter, counted) {
        (Counter::Step { verb, object }, Counted::Step(act)) => {
            *verb == act.verb() && object.is_none_or(|object| act.object() == Some(object))
        }
        (Counter::Logged(word), Counted::Logged(text)) => {
            let rest = text.strip_prefix(&**word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }
        (Counter::Spawned(name), Counted::Spawned(info))
        | (Counter::Returned(name), Counted::Returned(info))
        | (Counter::Failed(name), Counted::Failed(info))
        | (Counter::Cancelled(name), Counted::Cancelled(info)) => is(name, info),
        (Counter::Fault(word), Counted::Fault(fault)) => **word == *fault,
        _ => false,
    }
}

impl Act {
    /// Returns what the step is about: the first thing that it names.
    fn subject(&self) -> Option<&Expr> {
        Some(match self {
            Self::Put { queue, .. } | Self::PutNow { queue, .. } | Self::ShutDown { queue, .. } => {
                queue
            }
            Self::Get(expr)
            | Self::GetNow(expr)
            | Self::Join(expr)
            | Self::Done(expr)
            | Self::Acquire(expr)
            | Self::Release(expr)
            | Self::Clear(expr)
            | Self::NotifyAll(expr)
            | Self::Reset(expr)
            | Self::Abort(expr)
            | Self::Await(Awaitable::Value(expr)) => expr,
            Self::With { object, .. } => object,
            Self::Notify { condition, .. } | Self::WaitUntil { condition, .. } => condition,
            Self::Set { what, .. } | Self::Cancel { what, .. } => what,
            Self::FailFuture { future, .. } => future,
            Self::Wait { what, .. } => match &**what {
                [what] => what,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Returns the object of the scenario that the step is about, as an index.
    pub(super) fn object(&self) -> Option<u16> {
        match self.subject()?.kind {
            ExprKind::Object(index) => Some(index),
            _ => None,
        }
    }
}

impl FaultKind {
    /// Returns the word for it in a scenario.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Hold(_) => "hold",
            Self::Heal(_) => "heal",
            Self::Slow(..) => "slow",
            Self::Drop(..) => "drop",
            Self::Duplicate(..) => "duplicate",
            Self::Clear(_) => "clear",
            Self::Crash(_) => "crash",
            Self::Stop(_) => "stop",
            Self::Restart { .. } => "restart",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Skew { .. } => "skew",
        }
    }
}
