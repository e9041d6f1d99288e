//! Who is told of footprints: the strategy, and the profile that is being made.

use super::choose::EntityId;
use super::core::{Core, State};
use super::resources::{Access, normalize};
use super::table::Key;
use crate::chance::mix;
use crate::trace::Left;

impl Core {
    /// Takes note that something was touched that is in no footprint.
    pub(crate) fn touch_unseen(&self, resource: u64, access: Access) {
        if let Some(trace) = &mut self.state.borrow_mut().trace {
            let writes = access == Access::Write;
            trace.causes.meet(resource, writes);
            trace.causes.part(resource, writes);
        }
    }
}

impl Core {
    /// Takes note that the run has failed in what happens now.
    #[cfg(feature = "cli")]
    pub(crate) fn note_failure(&self) {
        if let Some(trace) = &mut self.state.borrow_mut().trace {
            trace.causes.fail();
        }
    }
}

impl State {
    /// Tells of the step that the task in `slot` has made.
    pub(super) fn observe(&mut self, slot: u32) {
        let Some(touches) = &mut self.touches else {
            return;
        };
        normalize(touches);
        let entry = &self.slots[slot as usize];
        let hash = entry.path_hash;
        if let Some(chooser) = &mut self.chooser {
            chooser.observe(EntityId::task(hash), touches);
        }
        if let Some(profile) = &mut self.profile {
            profile.add(hash, || self.paths.path(entry.path), touches);
        }
        if let Some(handoffs) = &mut self.handoffs {
            handoffs.add(hash, touches);
        }
        touches.clear();
    }

    /// Tells of what a callback on behalf of a path has done, if it has done anything.
    #[inline]
    pub(super) fn observe_callback(&mut self, path: u64) {
        if self.touches.is_some() {
            self.observe_watched_callback(path);
        }
    }

    #[cold]
    fn observe_watched_callback(&mut self, path: u64) {
        let Some(touches) = &mut self.touches else {
            return;
        };
        normalize(touches);
        let entity = EntityId::callback(path);
        if let Some(chooser) = &mut self.chooser
            && !touches.is_empty()
        {
            chooser.observe(entity, touches);
        }
        if let Some(handoffs) = &mut self.handoffs {
            handoffs.add(entity.get(), touches);
        }
        touches.clear();
    }

    /// Takes note that a task was made or woken.
    #[cold]
    pub(super) fn note_wake(&mut self, slot: u32) {
        if let Some(trace) = &mut self.trace {
            trace.causes.wake(self.slots[slot as usize].id);
        }
    }

    /// Leaves something for later, which then depends on what happens now.
    #[inline]
    pub(super) fn leave(&mut self, left: Left) {
        if let Some(trace) = &mut self.trace {
            trace.causes.leave(left);
        }
    }

    /// Begins the turn of a callback, which may be about the end of a future.
    #[cold]
    pub(super) fn begin_call(&mut self, generation: u32, subject: Option<Key>) {
        if let Some(trace) = &mut self.trace {
            trace.causes.begin_left(Left::Callback(generation));
            if let Some(subject) = subject {
                trace.causes.find(Left::Done(subject.id));
            }
        }
    }

    /// Takes note of the result of a draw.
    pub(crate) fn take_note_of_draw(&mut self, word: u64) {
        self.fingerprint.add(word);
        if let Some(moves) = &mut self.moves {
            moves.tell(mix(0xD4A3, word));
        }
    }
}
