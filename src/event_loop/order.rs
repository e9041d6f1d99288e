//! The partial order of a run: which steps came before which others *and* could have mattered to
//! them. Two interleavings with the same order are one and the same for the program.
//!
//! A [move](super::moves) depends on the last write to what it reads, and on the reads since then
//! of what it writes; among that are its own actor, whom it has woken and what it awaits. Its hash
//! is taken over those of the moves that it depends on; the hash of the order is their sum, so it
//! does not matter which of two independent moves was made first.

use super::moves::Move;
use super::resources::Access;
use crate::chance::mix;

/// The order of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Order {
    resources: Table<Seen>,
    sum: u64,
}

/// Who has touched something.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    write: u64,
    /// The sum of the reads since then.
    reads: u64,
}

impl Order {
    /// Adds a move that was made at a moment in virtual time, with what it has been told.
    pub(super) fn add(&mut self, made: &Move, at: u64, told: u64) {
        let mut hash = mix(mix(made.actor, told), at);
        for touch in &made.touches {
            let seen = self.resources.entry(touch.resource);
            hash = mix(hash, seen.write ^ touch.resource);
            if touch.access == Access::Write {
                hash = mix(hash, seen.reads);
            }
        }
        if made.stops {
            hash = mix(hash, self.sum);
        }
        hash = spread(hash);
        for touch in &made.touches {
            let seen = self.resources.entry(touch.resource);
            match touch.access {
                Access::Read => seen.reads = seen.reads.wrapping_add(hash),
                Access::Write => {
                    let (write, reads) = (hash, 0);
                    *seen = Seen { write, reads };
                }
            }
        }
        self.sum = self.sum.wrapping_add(hash);
    }

    /// Returns the hash of the order so far.
    pub(crate) fn hash(&self) -> u64 {
        spread(self.sum)
    }
}

/// A table from numbers that are hashes already to values.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// A key of 0 says that the place is free.
    places: Vec<(u64, T)>,
    used: usize,
}

/// The size of the smallest table that holds anything.
const FEW: usize = 16;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            used: 0,
        }
    }
}

impl<T: Copy + Default> Table<T> {
    /// Returns the value of a key: the default, if it is new.
    pub(super) fn entry(&mut self, key: u64) -> &mut T {
        let key = key.max(1);
        if self.used * 2 >= self.places.len() {
            self.grow();
        }
        let mask = self.places.len() - 1;
        // The low bits of a product know only the low bits of its factors.
        let mut place = (key >> 32) as usize & mask;
        while self.places[place].0 != key {
            if self.places[place].0 == 0 {
                self.places[place].0 = key;
                self.used += 1;
                break;
            }
            place = (place + 1) & mask;
        }
        &mut self.places[place].1
    }

    #[cold]
    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(FEW);
        let old = std::mem::replace(&mut self.places, vec![(0, T::default()); places]);
        self.used = 0;
        for (key, value) in old.into_iter().filter(|(key, _)| *key != 0) {
            *self.entry(key) = value;
        }
    }
}

/// Spreads the bits of a hash, so that sums of them do not cancel out.
fn spread(mut word: u64) -> u64 {
    word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    word = (word ^ (word >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word ^ (word >> 32)
}
