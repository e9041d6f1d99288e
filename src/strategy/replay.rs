//! What a plan says, and first in, first out where it says nothing.

use crate::event_loop::{Choose, Turn};

pub(super) struct Replay;

impl Choose for Replay {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        turn.planned().unwrap_or(0)
    }
}
