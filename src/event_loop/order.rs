//! The partial order of a run: which steps came before which others *and* could have mattered to
//! them. Two interleavings with the same order are one and the same for the program.
//!
//! A step depends on the one before it in its task, on the last write to what it reads, on the
//! reads since then of what it writes, and on the end of what it awaits. Its hash is taken over
//! those of the steps that it depends on; the hash of the order is their sum, so it does not matter
//! which of two independent steps was made first.

use super::resources::{Access, Touch};
use crate::chance::mix;

/// The order of a run so far.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The last step of each task.
    last: Table<u64>,
    resources: Table<Seen>,
    /// By whose step each promise was completed.
    promises: Table<u64>,
    /// What the step that is being made depends on, apart from what it touches.
    depends: u64,
    /// The promises that it has completed.
    completed: Vec<u64>,
    at: u64,
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
    /// Takes note that something which is no step, such as a draw, had this result.
    pub(super) fn tell(&mut self, word: u64) {
        self.depends = mix(self.depends, word);
    }

    /// Takes note that the step has found a task done.
    pub(super) fn follow_task(&mut self, task: u64) {
        let last = *self.last.entry(task);
        self.tell(last);
    }

    /// Takes note that the step has found a promise completed.
    pub(super) fn follow_promise(&mut self, promise: u64) {
        let completed = *self.promises.entry(spread(promise));
        self.tell(completed);
    }

    /// Takes note that the step has completed a promise.
    pub(super) fn complete(&mut self, promise: u64) {
        self.completed.push(promise);
    }

    /// Takes note of the virtual time at which the next step is made.
    pub(super) fn begin(&mut self, at: u64) {
        self.at = at;
    }

    /// Adds a step, with what it has touched.
    pub(super) fn add(&mut self, task: u64, touches: &[Touch]) {
        let depends = std::mem::take(&mut self.depends);
        let last = self.last.entry(task);
        let mut hash = mix(mix(mix(task, *last), depends), self.at);
        for touch in touches {
            let seen = self.resources.entry(touch.resource);
            hash = mix(hash, seen.write);
            if touch.access == Access::Write {
                hash = mix(hash, seen.reads);
            }
        }
        hash = spread(hash);
        *last = hash;
        for touch in touches {
            let seen = self.resources.entry(touch.resource);
            match touch.access {
                Access::Read => seen.reads = seen.reads.wrapping_add(hash),
                Access::Write => {
                    let (write, reads) = (hash, 0);
                    *seen = Seen { write, reads };
                }
            }
        }
        for promise in self.completed.drain(..) {
            *self.promises.entry(spread(promise)) = hash;
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
