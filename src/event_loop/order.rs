//! The partial order of a run: which steps came before which others *and* could have mattered to
//! them. Two interleavings with the same order are one and the same for the program.
//!
//! A [move](super::moves) depends on the last write to what it reads, and on the reads since then
//! of what it writes; among that are its own actor, whom it has woken and what it awaits. Its hash
//! is taken over those of the moves that it depends on; the hash of the order is their sum, so it
//! does not matter which of two independent moves was made first. In which order a move has touched
//! what it has touched does not matter either, so that is a sum too, and need not be sorted.

use super::moves::Move;
use super::resources::{Access, Touch};
use crate::chance::mix;

/// The order of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Order {
    resources: Table<Seen>,
    sum: u64,
    /// How many moves were added.
    moves: u64,
    /// Where the resources are that the current move touches, each once.
    places: Vec<usize>,
}

/// Who has touched something.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    write: u64,
    /// The sum of the reads since then.
    reads: u64,
    /// Twice the number of the last move to touch it, and one more if that writes.
    last: u64,
}

impl Seen {
    #[inline]
    fn is_written(self) -> bool {
        self.last & 1 != 0
    }
}

impl Order {
    /// Adds a move that was made at a moment in virtual time, with what it has been told. What it
    /// has touched may be mentioned more than once, in any order.
    pub(super) fn add(&mut self, made: &Move, at: u64, told: u64) {
        self.moves += 1;
        self.find(&made.touches);
        let mut before = 0u64;
        for place in &self.places {
            let (resource, seen) = self.resources.at(*place);
            let mut one = mix(seen.write, *resource);
            if seen.is_written() {
                one = mix(one, seen.reads.wrapping_add(1));
            }
            before = before.wrapping_add(spread(one));
        }
        let mut hash = mix(mix(mix(made.actor, told), at), before);
        if made.stops {
            hash = mix(hash, self.sum);
        }
        hash = spread(hash);
        for place in &self.places {
            let (_, seen) = self.resources.at(*place);
            match seen.is_written() {
                false => seen.reads = seen.reads.wrapping_add(hash),
                true => (seen.write, seen.reads) = (hash, 0),
            }
        }
        self.sum = self.sum.wrapping_add(hash);
    }

    /// Finds each resource once, and whether it is written.
    fn find(&mut self, touches: &[Touch]) {
        self.places.clear();
        self.resources.reserve(touches.len());
        for touch in touches {
            let place = self.resources.place(touch.resource);
            let (_, seen) = self.resources.at(place);
            if seen.last >> 1 != self.moves {
                seen.last = self.moves << 1;
                self.places.push(place);
            }
            seen.last |= u64::from(touch.access == Access::Write);
        }
    }

    /// Returns how many moves were added.
    #[inline]
    pub(super) fn moves(&self) -> u64 {
        self.moves
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
const FEW: usize = 64;

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
        self.reserve(1);
        let place = self.place(key);
        &mut self.places[place].1
    }

    /// Makes room for so many new keys: until they are there, everything keeps its place.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if (self.used + more) * 2 > self.places.len() {
            self.grow(more);
        }
    }

    /// Returns where a key is, which has room if it is new.
    #[inline]
    fn place(&mut self, key: u64) -> usize {
        let key = key.max(1);
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
        place
    }

    /// Returns the keys in the order of their numbers.
    pub(super) fn into_keys(self) -> Vec<u64> {
        let keys = self.places.into_iter().map(|(key, _)| key);
        let mut keys: Vec<u64> = keys.filter(|key| *key != 0).collect();
        keys.sort_unstable();
        keys
    }

    #[inline]
    fn at(&mut self, place: usize) -> &mut (u64, T) {
        &mut self.places[place]
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let places = ((self.used + more) * 2).next_power_of_two().max(FEW);
        let old = std::mem::replace(&mut self.places, vec![(0, T::default()); places]);
        self.used = 0;
        for (key, value) in old.into_iter().filter(|(key, _)| *key != 0) {
            let place = self.place(key);
            self.places[place].1 = value;
        }
    }
}

/// Spreads the bits of a hash, so that sums of them do not cancel out.
fn spread(mut word: u64) -> u64 {
    word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    word = (word ^ (word >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word ^ (word >> 32)
}
