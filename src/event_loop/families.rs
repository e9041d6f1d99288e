//! Families: tasks and threads that live and die together, such as those of a process.
//!
//! A family has a head, and everything that the head and its descendants make belongs to it,
//! unless that is the head of a family itself. The loop does not cancel it when it shuts down: a
//! family ends when its head does with all that is left, or when it is killed.

use std::panic::Location;
use std::sync::Arc;

use super::core::{Core, State};
use super::table::{End, Flags, Key, Kind};
use super::tasks::BoxedBody;

impl Core {
    /// Makes a task that heads a family.
    pub(crate) fn spawn_head(
        &self,
        body: BoxedBody,
        name: Arc<str>,
        at: &'static Location<'static>,
    ) -> Key {
        let state = &mut *self.state.borrow_mut();
        let key = state.spawn(self, Kind::Task, Some(name), at);
        let slot = &mut state.slots[key.slot as usize];
        slot.body = Some(body);
        let path = slot.path;
        state.paths.make_head(path);
        // The family may outlive its head.
        state.paths.hold(path);
        state.schedule(key.slot);
        key
    }

    /// Returns the family of whoever is running: the path node of its head.
    pub(crate) fn family(&self) -> Family {
        let state = self.state.borrow();
        Family(state.paths.head(state.path()))
    }

    /// Returns the family that a living task heads.
    pub(crate) fn family_of(&self, head: Key) -> Option<Family> {
        let state = &mut *self.state.borrow_mut();
        let path = state.slot(head)?.path;
        Some(Family(state.paths.head(path)))
    }

    /// Kills what is left of a family, in the order in which it was made: futures are dropped,
    /// threads cut off, callbacks forgotten. Not for the family's own steps to call.
    pub(crate) fn kill_family(&self, family: Family) {
        loop {
            let members = self.state.borrow().members(self.serial, family);
            if members.is_empty() {
                break;
            }
            for key in members {
                let body = self.take_unfinished_body(key);
                if let Some(slot) = self.state.borrow_mut().slot(key) {
                    slot.flags.set(Flags::RETRIEVED);
                }
                drop(body.and_then(super::tasks::drop_body));
                // A destructor may have ended it.
                if !self.is_done(key) {
                    self.finish(key.slot, End::Cancelled(None, None), None);
                }
            }
        }
        let callbacks = self
            .state
            .borrow_mut()
            .callbacks_of_family(self.serial, family);
        callbacks
            .into_iter()
            .for_each(|key| self.cancel_callback(key));
    }

    /// Forgets a family of which nothing is left.
    pub(crate) fn forget_family(&self, family: Family) {
        self.state.borrow_mut().paths.release(family.0);
    }
}

/// Names a family, as long as nobody has forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family(u32);

impl State {
    /// Returns the tasks and threads of a family that have not ended, oldest first.
    fn members(&self, serial: u32, family: Family) -> Vec<Key> {
        let live = self.slots.iter().filter(|(_, slot)| {
            slot.kind.is_driven() && !slot.is_done() && self.paths.head(slot.path) == family.0
        });
        let key = |(index, slot): (usize, &super::table::Slot)| Key {
            serial,
            slot: index as u32,
            id: slot.id,
        };
        let mut members: Vec<Key> = live.map(key).collect();
        members.sort_unstable_by_key(|key| key.id);
        members
    }

    fn callbacks_of_family(&self, serial: u32, family: Family) -> Vec<super::CallbackKey> {
        let callbacks = self.callbacks.iter();
        let own = callbacks.filter(|(_, callback)| {
            callback.subject.is_none() && self.paths.head(callback.path) == family.0
        });
        own.map(|(slot, callback)| super::CallbackKey {
            serial,
            slot: slot as u32,
            generation: callback.generation,
        })
        .collect()
    }
}
