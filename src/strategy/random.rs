//! Uniform choice among those who may go next. It needs no parameters and no knowledge of the
//! program, and every schedule has a chance.

use crate::event_loop::{Choose, Turn};

/// How many choices there are, beyond four times as many as are expected, before a strategy that
/// prefers some tasks chooses like this one: a task that polls for what another is to do must not
/// do so for ever.
const PATIENCE: u64 = 1_000;

pub(super) struct Random;

/// Chooses anyone.
#[inline]
pub(super) fn any(turn: &mut Turn<'_>) -> usize {
    let candidates = turn.candidates() as u64;
    turn.stream().below(candidates) as usize
}

/// Returns after how many choices a strategy must choose anyone, if so many are expected.
pub(super) fn patience(choices: u64) -> u64 {
    choices.saturating_mul(4).saturating_add(PATIENCE)
}

impl Choose for Random {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        any(turn)
    }

    fn keeps_order(&self) -> bool {
        false
    }
}
