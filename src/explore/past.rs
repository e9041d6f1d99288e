//! What a failure comes from: the events at which it shows, and all that they depend on.
//!
//! A panic shows at the end of its task, a deadlock where each of its tasks waits at last, a check
//! where it was looked at. A run that a limit has ended shows nothing in particular: then all of it
//! counts.

use std::collections::BTreeSet;

use crate::assure::{Deadlock, Failure};
use crate::trace::{Event, EventKind, Trace};

/// What a failure comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// The last event at which it shows.
    pub(super) end: Option<usize>,
    /// All events that it depends on: `None` if that is not known.
    pub(super) events: Option<BTreeSet<usize>>,
}

impl Past {
    /// Looks for it in the trace of a run that fails so.
    pub(super) fn of(failure: &Failure, trace: &Trace) -> Self {
        let shows = shows(failure, trace).filter(|shows| !shows.is_empty());
        Self {
            end: shows.as_ref().and_then(|shows| shows.iter().max().copied()),
            events: shows.map(|shows| trace.past(&shows)),
        }
    }

    /// Says whether the failure depends on an event, or that is not known.
    pub(super) fn has(&self, event: usize) -> bool {
        self.events
            .as_ref()
            .is_none_or(|events| events.contains(&event))
    }
}

/// Returns the events at which a failure shows.
fn shows(failure: &Failure, trace: &Trace) -> Option<Vec<usize>> {
    if let Some(deadlock) = failure.deadlock() {
        return waits(deadlock, trace.events());
    }
    if let Some(told) = trace.told_failure() {
        return Some(told);
    }
    let task = failure.task()?;
    let ends = |event: &Event| event.task == task && is_bad_end(event);
    trace.events().iter().rposition(ends).map(|end| vec![end])
}

/// Returns where each of the tasks of a deadlock waits at last.
fn waits(deadlock: &Deadlock, events: &[Event]) -> Option<Vec<usize>> {
    let blocked = deadlock.blocked();
    let names: BTreeSet<&str> = blocked.iter().map(|one| one.task.as_str()).collect();
    if names.len() < blocked.len() {
        // Events know tasks by their names alone.
        return None;
    }
    let waits = |event: &Event| matches!(event.kind, EventKind::Waits(_));
    let last = |name: &&str| {
        events
            .iter()
            .rposition(|event| event.task == **name && waits(event))
    };
    names.iter().map(last).collect()
}

/// Says whether a task has ended in another way than with a value.
pub(super) fn is_bad_end(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Ended(how) if how != "with a value")
}
