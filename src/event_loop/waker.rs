//! Wakers are numbers.
//!
//! A waker's data word is the loop's serial, the task's slot and the slot's generation. Cloning
//! and dropping one does nothing; waking looks the number up in the loop that runs on this
//! thread and queues the task. So a waker needs no allocation, no reference count and no lock,
//! and one that has outlived its task or its loop is merely a number that nobody knows.
//!
//! This is the only module of the crate with unsafe code.
#![expect(
    unsafe_code,
    reason = "a waker's table of functions is unsafe by its nature"
)]

use std::ptr::without_provenance;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::core;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("simrun's wakers are 64-bit numbers: it needs a target with 64-bit pointers");

/// Bits for the slot: 16 million tasks alive at once.
const SLOT_BITS: u32 = 24;
/// Bits for the generation: a stale waker is taken for a live one only if its slot was reused a
/// multiple of a million times in between, and then it causes one needless poll.
const GENERATION_BITS: u32 = 20;
/// Bits for the loop's serial, the rest of the word.
const SERIAL_BITS: u32 = 64 - SLOT_BITS - GENERATION_BITS;

/// The most tasks and promises that can be alive in one loop.
pub(crate) const MAX_SLOTS: usize = (1 << SLOT_BITS) - 1;

/// What a waker's data word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    /// No task's word: that of the last slot, which is never used.
    pub(crate) const NOBODY: Self = Self(u64::MAX);

    #[inline]
    pub(crate) fn new(serial: u32, slot: u32, generation: u32) -> Self {
        let serial = low_bits(u64::from(serial), SERIAL_BITS);
        let generation = low_bits(u64::from(generation), GENERATION_BITS);
        Self((serial << GENERATION_BITS | generation) << SLOT_BITS | u64::from(slot))
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        low_bits(self.0, SLOT_BITS) as u32
    }

    #[inline]
    pub(crate) fn is_generation(self, generation: u32) -> bool {
        low_bits(self.0 >> SLOT_BITS, GENERATION_BITS)
            == low_bits(u64::from(generation), GENERATION_BITS)
    }

    #[inline]
    pub(crate) fn is_serial(self, serial: u32) -> bool {
        self.0 >> (SLOT_BITS + GENERATION_BITS) == low_bits(u64::from(serial), SERIAL_BITS)
    }
}

#[inline]
const fn low_bits(word: u64, bits: u32) -> u64 {
    word & ((1 << bits) - 1)
}

/// Makes the waker that carries `word`.
#[inline]
pub(crate) fn waker(word: Word) -> Waker {
    // SAFETY: the functions of the table never follow the data pointer: they read it as a number,
    // so any pointer is valid for them, on any thread and for ever. Clone returns the same number
    // with the same table; wake and wake_by_ref only touch thread-local and lock-protected state;
    // drop does nothing. That is the contract of `RawWaker`.
    unsafe { Waker::new(without_provenance(word.0 as usize), &TABLE) }
}

/// Returns the word that a waker carries, or `None` if it is not one of ours.
#[inline]
pub(crate) fn word(waker: &Waker) -> Option<Word> {
    std::ptr::eq(waker.vtable(), &raw const TABLE).then(|| Word(waker.data().addr() as u64))
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop);

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &TABLE)
}

fn wake(data: *const ()) {
    core::wake(Word(data.addr() as u64));
}

fn drop(_: *const ()) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_what_went_in() {
        let word = Word::new(u32::MAX, MAX_SLOTS as u32 - 1, u32::MAX);
        assert_eq!(word.slot(), MAX_SLOTS as u32 - 1);
        assert!(word.is_generation(u32::MAX) && !word.is_generation(0));
        assert!(word.is_serial(u32::MAX) && !word.is_serial(0));
    }

    #[test]
    fn a_waker_can_be_cloned_woken_and_dropped_anywhere_and_long_after_its_loop() {
        // No loop of the tests beside this one has that serial.
        let waker = waker(Word::new(u32::MAX, 2, 3));
        let copies = vec![waker.clone(); 3];
        assert!(copies.iter().all(|copy| copy.will_wake(&waker)));
        std::thread::scope(|scope| {
            scope.spawn(|| copies.into_iter().for_each(Waker::wake));
        });
        waker.wake_by_ref();
        assert_eq!(word(&waker), Some(Word::new(u32::MAX, 2, 3)));
        assert_eq!(word(Waker::noop()), None);
    }
}
