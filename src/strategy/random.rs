//! Uniform choice among those who may go next. It needs no parameters and no knowledge of the
//! program, and every schedule has a chance.

use crate::event_loop::{Choose, Turn};

pub(super) struct Random;

impl Choose for Random {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let candidates = turn.candidates() as u64;
        turn.stream().below(candidates) as usize
    }

    fn keeps_order(&self) -> bool {
        false
    }
}
