//! What is done on the side, and the run must not notice: the program's own code that writes its
//! values down for a record, which is not there when nothing is recorded.
//!
//! What such code reads is not counted. A resource that it is the first to use is named by its next
//! user.

#[cfg(feature = "tracing")]
use super::core::Core;

/// What the run has not noticed.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    is_now: bool,
    /// The resources that were used on the side alone.
    nameless: Vec<u32>,
}

impl Unheard {
    /// Takes note of a resource that is used for the first time.
    pub(super) fn add(&mut self, slot: u32) {
        if self.is_now {
            self.nameless.push(slot);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.nameless.retain(|nameless| *nameless != slot);
    }

    /// Says whether a resource that is used now is to be named now.
    pub(super) fn take(&mut self, slot: u32) -> bool {
        let is_new = !self.is_now && self.nameless.contains(&slot);
        if is_new {
            self.remove(slot);
        }
        is_new
    }
}

#[cfg(feature = "tracing")]
impl Core {
    /// Does something that leaves no trace in the run.
    pub(super) fn unheard(&self, act: impl FnOnce()) {
        let (fingerprint, made_in_step, events, touches, moves) = {
            let state = &mut *self.state.borrow_mut();
            state.unheard.get_or_insert_default().is_now = true;
            let events = state.trace.as_ref().map_or(0, |trace| trace.events().len());
            let touches = state.touches.as_ref().map_or(0, Vec::len);
            let moves = state.moves.as_ref().map(|moves| moves.mark());
            (
                state.fingerprint,
                state.made_in_step,
                events,
                touches,
                moves,
            )
        };
        act();
        let state = &mut *self.state.borrow_mut();
        state.fingerprint = fingerprint;
        state.made_in_step = made_in_step;
        if let Some(unheard) = &mut state.unheard {
            unheard.is_now = false;
        }
        if let Some(trace) = &mut state.trace {
            trace.truncate(events);
        }
        if let Some(all) = &mut state.touches {
            all.truncate(touches);
        }
        if let (Some(all), Some(mark)) = (&mut state.moves, &moves) {
            all.back_to(mark);
        }
    }
}
