//! Who is told of footprints: the strategy, and the profile that is being made.

use super::choose::EntityId;
use super::core::State;
use super::resources::normalize;
use crate::chance::mix;

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
        touches.clear();
    }

    /// Takes note of the result of a draw.
    pub(crate) fn take_note_of_draw(&mut self, word: u64) {
        self.fingerprint.add(word);
        if let Some(moves) = &mut self.moves {
            moves.tell(mix(0xD4A3, word));
        }
    }
}
