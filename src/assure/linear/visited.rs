//! Where a search has been: a table of places, found by their hashes.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Which of the operations under way are placed: one bit a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Mask {
    first: u64,
    /// What does not fit, without zeros at the end.
    rest: Vec<u64>,
}

impl Mask {
    pub(super) fn has(&self, slot: usize) -> bool {
        let word = match slot / 64 {
            0 => self.first,
            word => self.rest.get(word - 1).copied().unwrap_or(0),
        };
        word >> (slot % 64) & 1 == 1
    }

    pub(super) fn set(&mut self, slot: usize) {
        let bit = 1 << (slot % 64);
        match slot / 64 {
            0 => self.first |= bit,
            word => {
                let words = self.rest.len().max(word);
                self.rest.resize(words, 0);
                self.rest[word - 1] |= bit;
            }
        }
    }

    pub(super) fn clear(&mut self, slot: usize) {
        let bit = 1 << (slot % 64);
        match slot / 64 {
            0 => self.first &= !bit,
            word => {
                if let Some(word) = self.rest.get_mut(word - 1) {
                    *word &= !bit;
                }
                while self.rest.last() == Some(&0) {
                    self.rest.pop();
                }
            }
        }
    }
}

/// A place in the search.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place<S> {
    /// How many returns are behind it.
    pub(super) returns: usize,
    pub(super) mask: Mask,
    pub(super) state: S,
}

/// Places, each with its hash, and where to find them.
pub(super) struct Visited<S> {
    places: Vec<(u64, Place<S>)>,
    /// Numbers of places, counted from one, at or after the slots that their hashes say.
    table: Vec<u32>,
}

/// How many slots there are at first.
const SLOTS: usize = 64;

impl<S: Clone + Eq + Hash> Visited<S> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            table: vec![0; SLOTS],
        }
    }

    /// Adds a place; says whether it is new.
    pub(super) fn insert(&mut self, place: &Place<S>) -> bool {
        // Its keys are always the same.
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        let hash = hasher.finish();
        let mut slot = self.slot(hash);
        while let Some(index) = self.table[slot].checked_sub(1) {
            let (known_hash, known) = &self.places[index as usize];
            if *known_hash == hash && known == place {
                return false;
            }
            slot = (slot + 1) % self.table.len();
        }
        self.places.push((hash, place.clone()));
        self.table[slot] = self.number();
        if self.places.len() * 2 > self.table.len() {
            self.grow();
        }
        true
    }

    fn slot(&self, hash: u64) -> usize {
        // The length is a power of two.
        hash as usize & (self.table.len() - 1)
    }

    fn number(&self) -> u32 {
        u32::try_from(self.places.len()).expect("a search makes fewer steps than that")
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 2];
        for (number, (hash, _)) in (1..).zip(&self.places) {
            let mut slot = self.slot(*hash);
            while self.table[slot] != 0 {
                slot = (slot + 1) % self.table.len();
            }
            self.table[slot] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mask, Place, Visited};

    #[test]
    fn a_mask_is_equal_to_another_with_the_same_bits() {
        let mut mask = Mask::default();
        for slot in [0, 63, 64, 200] {
            assert!(!mask.has(slot));
            mask.set(slot);
            assert!(mask.has(slot));
        }
        mask.clear(200);
        mask.clear(64);
        let mut other = Mask::default();
        other.set(63);
        other.set(0);
        assert_eq!(mask, other);
        other.clear(700);
        assert_eq!(mask, other);
    }

    #[test]
    fn a_place_is_new_once() {
        let mut visited = Visited::new();
        let mut places = Vec::new();
        for state in 0..100 {
            for slot in 0..5 {
                let mut mask = Mask::default();
                mask.set(slot * 30);
                places.push(Place {
                    returns: 3,
                    mask,
                    state,
                });
            }
        }
        assert!(places.iter().all(|place| visited.insert(place)));
        assert!(!places.iter().any(|place| visited.insert(place)));
    }
}
