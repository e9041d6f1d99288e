//! Looking at a loop that stands still: every blocked task, for reports and dumps.

use super::core::{Core, State};
use super::table::{Flags, On, Slot, WaiterState, Waiting};
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
            .filter(|(_, slot)| slot.kind.is_driven() && !slot.is_done())
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
        let waiter = entry
            .waiting
            .one()
            .and_then(|waiter| self.waiters.get(waiter as usize));
        let waits = match (waiter, entry.waiting) {
            _ if entry.flags.any(Flags::SCHEDULED) => "for its turn".to_owned(),
            (Some(waiter), _) => self.describe(waiter.on()),
            (None, Waiting::MANY) => "for one of several things".to_owned(),
            (None, _) => "for something outside the loop".to_owned(),
        };
        Blocked {
            task: self.name(slot),
            waits,
            held_by: waiter
                .map(|waiter| self.holders(waiter.on()))
                .unwrap_or_default(),
            given_to: waiter
                .map(|waiter| self.unpolled(waiter.on()))
                .unwrap_or_default(),
            awaits: waiter
                .map(|waiter| self.awaited(waiter.on()))
                .unwrap_or_default(),
            since: waiter.map(|waiter| Instant::from_nanos(waiter.since)),
            spawned_at: place(entry.spawned),
            waits_at: waiter.map(|waiter| place(waiter.at)),
        }
    }

    /// Names the tasks that hold a resource.
    fn holders(&self, on: On) -> Vec<String> {
        let On::Resource(slot) = on else {
            return Vec::new();
        };
        let holders = self
            .resources
            .get(slot as usize)
            .map(|resource| &resource.holders);
        let name = |holder: &(u64, u32)| match self.name_of(*holder) {
            Some(name) => name,
            None => "a task that has ended".to_owned(),
        };
        holders.into_iter().flatten().map(name).collect()
    }

    /// Tells the waits that have been given a resource and have not taken it.
    fn unpolled(&self, on: On) -> Vec<String> {
        let On::Resource(wanted) = on else {
            return Vec::new();
        };
        let given = self.waiters.iter().filter(|(_, waiter)| {
            let is_it = matches!(waiter.on(), On::Resource(slot) if slot == wanted);
            is_it && waiter.state == WaiterState::Woken
        });
        given.map(|(_, waiter)| place(waiter.at)).collect()
    }

    fn name_of(&self, (id, slot): (u64, u32)) -> Option<String> {
        let entry = self.slots.get(slot as usize)?;
        (entry.id == id).then(|| self.name(slot))
    }

    /// Names the tasks that have to end first.
    fn awaited(&self, on: On) -> Vec<String> {
        let (slot, id) = match on {
            On::Future(slot, id) => (slot, id),
            On::Resource(slot) => {
                let resource = self.resources.get(slot as usize);
                let task = resource.and_then(|resource| resource.stands_for);
                let name = task.and_then(|task| self.name_of(task));
                return name.into_iter().collect();
            }
            On::Timer | On::Tasks(_) => return Vec::new(),
        };
        match self
            .slots
            .get(slot as usize)
            .filter(|found| found.id as u32 == id)
        {
            Some(found) if found.kind.is_driven() => vec![self.name(slot)],
            Some(found) => self.unfinished_children(found),
            None => Vec::new(),
        }
    }

    /// Names the tasks that a gather still waits for.
    pub(crate) fn unfinished_children(&self, gather: &Slot) -> Vec<String> {
        let children = gather.rare.iter().flat_map(|rare| &rare.children);
        let unfinished = children.filter(|child| {
            let child = self
                .slots
                .get(child.slot as usize)
                .filter(|slot| slot.id == child.id);
            child.is_some_and(|slot| slot.kind.is_driven() && !slot.is_done())
        });
        unfinished.map(|child| self.name(child.slot)).collect()
    }
}
