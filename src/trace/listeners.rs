//! The events of a run as events of `tracing`, for whoever listens there.
//!
//! It is asked once, when a run begins, whether anyone does. If nobody does, no event is made.

use tracing::Level;

use super::event::{Event, EventKind};

/// Says whether anyone listens to the events of runs.
pub(crate) fn is_anyone_listening() -> bool {
    tracing::enabled!(target: "simrun::task", Level::DEBUG)
        || tracing::enabled!(target: "simrun::step", Level::TRACE)
}

/// Tells of an event.
#[cold]
pub(crate) fn tell(event: &Event) {
    let Event { at, task, kind, .. } = event;
    let (word, detail) = (kind.word(), kind.detail());
    match kind {
        EventKind::Spawned(_)
        | EventKind::Ended(_)
        | EventKind::Cancelled(_)
        | EventKind::Process(_) => {
            tracing::debug!(target: "simrun::task", %at, %task, "{word} {detail}");
        }
        EventKind::Waits(_) | EventKind::Touched(_) => {
            tracing::trace!(target: "simrun::step", %at, %task, "{word} {detail}");
        }
        EventKind::Stepped | EventKind::Called | EventKind::Fired => {
            tracing::trace!(target: "simrun::step", %at, %task, "{word}");
        }
        // They are told where they happen.
        EventKind::Logged(_)
        | EventKind::Traced(_)
        | EventKind::Opened(_)
        | EventKind::Closed(_) => {}
    }
}
