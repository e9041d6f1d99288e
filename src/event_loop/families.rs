//! Families: tasks and threads that live and die together, such as those of a process.
//!
//! A family has a head, and everything that the head and its descendants make belongs to it,
//! unless that is the head of a family itself. The loop does not cancel it when it shuts down: a
//! family ends when its head does with all that is left, or when it is killed.

use std::panic::Location;
use std::sync::Arc;

use super::callbacks::{Callback, CallbackKey};
use super::core::{Core, State};
use super::paths::ROOT;
use super::table::{Key, Kind};
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
        // What destructors make belongs to the family, and is killed with it.
        let caller = std::mem::replace(&mut self.state.borrow_mut().caller, family.0);
        loop {
            let members = self.state.borrow().members(self.serial, family);
            if members.is_empty() {
                break;
            }
            for key in members {
                self.cut_off(key);
            }
        }
        let callbacks = self.state.borrow().callbacks_of_family(self.serial, family);
        for (key, subject) in callbacks {
            let waits = subject.is_some_and(|subject| self.remove_done_callback(subject, key));
            if !waits {
                self.cancel_callback(key);
            }
        }
        self.state.borrow_mut().caller = caller;
    }

    /// Acts as the loop itself: what is queued in there belongs to no family.
    pub(crate) fn as_loop<R>(&self, act: impl FnOnce() -> R) -> R {
        let (current, caller, locals) = {
            let state = &mut *self.state.borrow_mut();
            let caller = std::mem::replace(&mut state.caller, ROOT);
            (
                state.current.take(),
                caller,
                std::mem::take(&mut state.locals),
            )
        };
        let acted = act();
        let state = &mut *self.state.borrow_mut();
        state.current = current;
        state.caller = caller;
        state.locals = locals;
        acted
    }

    /// Forgets a family of which nothing is left.
    pub(crate) fn forget_family(&self, family: Family) {
        self.state.borrow_mut().paths.release(family.0);
    }
}

/// Names a family, as long as nobody has forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Family(u32);

impl Family {
    pub(super) fn of(head: u32) -> Self {
        Self(head)
    }

    /// Returns the path node of its head.
    pub(super) fn node(self) -> u32 {
        self.0
    }

    /// Says whether it is what belongs to the loop itself.
    pub(crate) fn is_of_the_loop(self) -> bool {
        self.0 == ROOT
    }
}

impl State {
    /// Returns the tasks and threads of a family that have not ended, oldest first.
    pub(super) fn members(&self, serial: u32, family: Family) -> Vec<Key> {
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

    /// Returns the callbacks of a family that have not been called, oldest first, and the futures
    /// whose end they wait for.
    fn callbacks_of_family(&self, serial: u32, family: Family) -> Vec<(CallbackKey, Option<Key>)> {
        let callbacks = self.callbacks.iter();
        let own = callbacks.filter(|(_, callback)| self.paths.head(callback.path) == family.0);
        let key = |(slot, callback): (usize, &Callback)| {
            let key = CallbackKey {
                serial,
                slot: slot as u32,
                generation: callback.generation,
            };
            (key, callback.subject)
        };
        let mut own: Vec<_> = own.map(key).collect();
        own.sort_unstable_by_key(|(key, _)| key.generation);
        own
    }
}
