//! Streams of random words, and the samplers over them.
//!
//! The words are ChaCha8's, which are the same in every release and on every platform. The
//! samplers are ours because those of `rand` may change their values between releases: the
//! vectors pinned in the tests are part of what a seed means.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of random words is used for. Each domain has a stream of its own, so a draw in
/// one never shifts another.
///
/// ```
/// use simrun::chance::{Domain, Stream};
///
/// let (mut user, mut net) = (Stream::new(7, Domain::User), Stream::new(7, Domain::Net));
/// assert_ne!(user.word(), net.word());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// Who goes next.
    Schedule,
    /// What the program draws for itself.
    User,
    /// What goes wrong.
    Fault,
    /// What happens to packets.
    Net,
}

impl Domain {
    pub(crate) const COUNT: usize = 4;

    /// ChaCha's stream number: part of what a seed means, so never renumbered.
    const fn stream(self) -> u64 {
        match self {
            Self::Schedule => 1,
            Self::User => 4,
            Self::Fault => 3,
            Self::Net => 2,
        }
    }
}

/// A reproducible stream of random words.
///
/// ```
/// use simrun::chance::{Domain, Stream};
///
/// let mut stream = Stream::new(42, Domain::User);
/// let roll = stream.below(6) + 1;
/// assert!((1..=6).contains(&roll));
/// assert_eq!(Stream::new(42, Domain::User).below(6) + 1, roll);
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    words: ChaCha8Rng,
}

impl Stream {
    /// Opens the stream that `seed` has for `domain`.
    pub fn new(seed: u64, domain: Domain) -> Self {
        let mut words = ChaCha8Rng::seed_from_u64(seed);
        words.set_stream(domain.stream());
        Self { words }
    }

    /// Draws the next word.
    pub fn word(&mut self) -> u64 {
        self.words.next_u64()
    }

    /// Draws a number from `0..bound`, each equally likely.
    ///
    /// # Panics
    ///
    /// If `bound` is 0, for there is no such number.
    #[track_caller]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0 to draw");
        // Lemire's method: the high half of word * bound, redrawn in the few cases that would
        // favour some results.
        let mut product = u128::from(self.word()) * u128::from(bound);
        if (product as u64) < bound {
            let unfair = bound.wrapping_neg() % bound;
            while (product as u64) < unfair {
                product = u128::from(self.word()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// Draws `true` with the given probability; at most 0 is never, at least 1 is always.
    pub fn chance(&mut self, probability: f64) -> bool {
        const SCALE: f64 = (1_u64 << 53) as f64;
        ((self.word() >> 11) as f64) < probability * SCALE
    }

    /// Draws a duration from `low..=high`, in whole nanoseconds, each equally likely.
    ///
    /// # Panics
    ///
    /// If `low` is longer than `high`, or `high` is longer than 584 years.
    #[track_caller]
    pub fn duration_between(&mut self, low: Duration, high: Duration) -> Duration {
        assert!(low <= high, "no duration lies between {low:?} and {high:?}");
        let span = u64::try_from((high - low).as_nanos()).expect("a span of at most 584 years");
        let extra = match span.checked_add(1) {
            Some(choices) => self.below(choices),
            None => self.word(),
        };
        low + Duration::from_nanos(extra)
    }

    /// Puts the items into a random order, each order equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, other as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_chacha8_and_never_change() {
        let mut stream = Stream::new(42, Domain::Schedule);
        let words: Vec<u64> = (0..4).map(|_| stream.word()).collect();
        assert_eq!(words, PINNED_WORDS);
    }

    #[test]
    fn samples_never_change() {
        let mut stream = Stream::new(7, Domain::User);
        let below: Vec<u64> = (0..8).map(|_| stream.below(10)).collect();
        assert_eq!(below, PINNED_BELOW);
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        stream.shuffle(&mut order);
        assert_eq!(order, PINNED_SHUFFLE);
        let nap = stream.duration_between(Duration::from_millis(5), Duration::from_millis(20));
        assert_eq!(nap.as_nanos(), PINNED_DURATION);
        let coins: String = (0..16)
            .map(|_| if stream.chance(0.5) { 'h' } else { 't' })
            .collect();
        assert_eq!(coins, PINNED_COINS);
    }

    #[test]
    fn below_is_fair_at_awkward_bounds() {
        let mut stream = Stream::new(1, Domain::User);
        let bound = 3 << 62;
        let high = (0..10_000)
            .filter(|_| stream.below(bound) >= bound / 3 * 2)
            .count();
        assert!(
            (3_133..3_533).contains(&high),
            "a third of the draws, not {high} of 10,000"
        );
    }

    #[test]
    fn chance_keeps_its_ends() {
        let mut stream = Stream::new(1, Domain::User);
        assert!((0..1_000).all(|_| stream.chance(1.0) && !stream.chance(0.0)));
    }

    const PINNED_WORDS: [u64; 4] = [
        13_222_472_167_927_179_408,
        3_078_952_320_862_533_021,
        8_898_984_633_443_201_687,
        15_610_855_884_041_310_734,
    ];
    const PINNED_BELOW: [u64; 8] = [9, 6, 4, 5, 8, 8, 6, 0];
    const PINNED_SHUFFLE: [u8; 8] = [7, 4, 5, 2, 6, 3, 1, 0];
    const PINNED_DURATION: u128 = 6_258_201;
    const PINNED_COINS: &str = "thtthttttthtthhh";
}
