//! Looking at a loop that stands still: every blocked task, for reports and dumps.

use super::core::{Core, State};
use super::table::{Kind, On, Waiting};
use crate::assure::{Blocked, Deadlock};
use crate::error::place;
use crate::time::Instant;

impl Core {
    /// Describes every task that is not done, in the order in which they were spawned.
    pub(crate) fn blocked(&self) -> Deadlock {
        let state = self.state.borrow();
        let mut tasks: Vec<(u64, u32)> = state
            .slots
            .iter()
            .filter(|(_, slot)| slot.kind == Kind::Task && !slot.is_done())
            .map(|(index, slot)| (slot.id, index as u32))
            .collect();
        tasks.sort_unstable();
        let blocked = tasks
            .into_iter()
            .map(|(_, slot)| state.blocked(slot))
            .collect();
        Deadlock { blocked }
    }
}

impl State {
    fn blocked(&self, slot: u32) -> Blocked {
        let entry = &self.slots[slot as usize];
        let waiter = match entry.waiting {
            Waiting::One(waiter) => self.waiters.get(waiter as usize),
            Waiting::Unknown | Waiting::Many => None,
        };
        let waits = match (waiter, entry.waiting) {
            _ if entry.scheduled => "for its turn".to_owned(),
            (Some(waiter), _) => self.describe(waiter.on),
            (None, Waiting::Many) => "for one of several things".to_owned(),
            (None, _) => "for something outside the loop".to_owned(),
        };
        Blocked {
            task: self.name(slot),
            waits,
            held_by: waiter
                .map(|waiter| self.holders(waiter.on))
                .unwrap_or_default(),
            since: Instant::from_nanos(waiter.map_or(0, |waiter| waiter.since)),
            spawned_at: place(entry.spawned),
            waits_at: waiter.map(|waiter| place(waiter.at)),
        }
    }

    fn holders(&self, on: On) -> Vec<String> {
        match on {
            On::Resource(slot) => {
                let holders = self
                    .resources
                    .get(slot as usize)
                    .map(|resource| &resource.holders);
                holders
                    .into_iter()
                    .flatten()
                    .map(|(id, slot)| match self.slots.get(*slot as usize) {
                        Some(entry) if entry.id == *id => self.name(*slot),
                        _ => "a task that has ended".to_owned(),
                    })
                    .collect()
            }
            On::Future(slot, id) => {
                let found = self.slots.get(slot as usize);
                let found = found.filter(|found| found.id as u32 == id && found.kind == Kind::Task);
                found.map(|_| self.name(slot)).into_iter().collect()
            }
            On::Timer | On::Other(_) => Vec::new(),
        }
    }
}
