//! Hand-offs: which task has touched what right after which other one had.
//!
//! A pair of touches is named by the resource, the two tasks, and whether each has read or written.
//! There are not many such pairs in a program, however many runs of it there are, so they show what
//! its runs have in common, where traces show in what they differ.

use super::order::Table;
use super::resources::Touch;
use crate::chance::mix;

/// The hand-offs of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Handoffs {
    /// Who has touched each resource last, and how.
    last: Table<(u64, u64)>,
    seen: Table<()>,
}

impl Handoffs {
    /// Adds a step, with what it has touched.
    pub(super) fn add(&mut self, task: u64, touches: &[Touch]) {
        for touch in touches {
            let site = mix(task, touch.access as u64);
            let last = self.last.entry(touch.resource);
            let (before, from) = std::mem::replace(last, (task, site));
            if before != task && from != 0 {
                self.seen.entry(mix(mix(touch.resource, from), site));
            }
        }
    }

    /// Returns the hand-offs in the order of their numbers, each once.
    pub(crate) fn finish(self) -> Vec<u64> {
        self.seen.into_keys()
    }
}
