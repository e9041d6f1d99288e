//! Partial order sampling: a random priority for every pending step, drawn anew when a step has
//! been made with which it races.
//!
//! Yuan, Yang and Gu, CAV 2018. Steps that do not matter to each other keep their priorities, so
//! the run wanders over partial orders instead of interleavings.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::forecast::{Forecast, race};
use crate::event_loop::{Choose, EntityId, Profile, Touch, Turn};

pub(super) struct Pos {
    forecast: Forecast,
    priorities: BTreeMap<u64, Pending>,
}

/// A step that could be made.
struct Pending {
    task: EntityId,
    /// None, if it is to be drawn.
    priority: Option<u64>,
}

impl Pos {
    pub(super) fn new(profile: Option<Arc<Profile>>) -> Self {
        Self {
            forecast: Forecast::new(profile),
            priorities: BTreeMap::new(),
        }
    }
}

impl Choose for Pos {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let (mut first, mut highest, mut whose) = (0, 0, 0);
        let mut unknown = Vec::new();
        for (index, candidate) in turn.iter().enumerate() {
            let moment = candidate.moment();
            let known = self.priorities.get(&moment);
            match known.and_then(|pending| pending.priority) {
                Some(priority) if priority >= highest => {
                    (first, highest, whose) = (index, priority, moment);
                }
                Some(_) => {}
                None => unknown.push((index, moment, candidate.task())),
            }
        }
        for (index, moment, task) in unknown {
            let priority = turn.stream().word();
            let pending = Pending {
                task,
                priority: Some(priority),
            };
            self.priorities.insert(moment, pending);
            if priority >= highest {
                (first, highest, whose) = (index, priority, moment);
            }
        }
        self.priorities.remove(&whose);
        first
    }

    fn keeps_order(&self) -> bool {
        false
    }

    fn wants_footprints(&self) -> bool {
        true
    }

    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        self.forecast.observe(entity, touches);
        self.priorities.remove(&entity.get());
        if touches.is_empty() {
            return;
        }
        for pending in self.priorities.values_mut() {
            if race(touches, self.forecast.next(pending.task)) {
                pending.priority = None;
            }
        }
    }
}
