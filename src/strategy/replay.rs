//! What a plan says, and first in, first out where it says nothing.

use crate::event_loop::{Choose, Turn};

/// Follows the plan of its run.
pub(super) struct Replay {
    /// The plan lets time pass somewhere.
    pub(super) waits: bool,
}

impl Choose for Replay {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        turn.planned().unwrap_or(0)
    }

    fn may_wait(&self) -> bool {
        self.waits
    }

    fn waits(&mut self, turn: &mut Turn<'_>) -> bool {
        turn.is_time_planned()
    }
}
