//! One number for a whole run: two runs with the same fingerprint did the same things in the
//! same order. It is kept even when nothing is recorded, so an event costs it two or three
//! instructions.

use crate::chance::mix;

/// A hash over the events of a run so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) const fn new() -> Self {
        Self(0x243F_6A88_85A3_08D3)
    }

    #[inline]
    pub(crate) fn add(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    /// Returns the number, its bits well spread.
    pub(crate) fn finish(self) -> u64 {
        let mut word = self.0;
        word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        word = (word ^ (word >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        word ^ (word >> 32)
    }
}
