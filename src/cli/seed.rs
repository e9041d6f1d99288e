//! Seeds on the command line.

use std::str::FromStr;

/// A seed that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seed {
    Number(u64),
    Random,
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "random" {
            return Ok(Self::Random);
        }
        let number = text.parse().map(Self::Number);
        number.map_err(|_| format!("a seed is a number up to {}, or `random`", u64::MAX))
    }
}

/// Draws a seed, short enough to be typed.
///
/// This is the only place that asks the operating system for randomness: what is drawn here names
/// the run and is printed, and the run itself depends on nothing else.
#[expect(
    clippy::disallowed_types,
    reason = "the seed of a run comes from outside it"
)]
pub(super) fn draw() -> u64 {
    use std::hash::{BuildHasher, RandomState};

    RandomState::new().hash_one(0) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_numbers_or_drawn() {
        assert_eq!("42".parse(), Ok(Seed::Number(42)));
        assert_eq!(u64::MAX.to_string().parse(), Ok(Seed::Number(u64::MAX)));
        assert_eq!("random".parse(), Ok(Seed::Random));
        for wrong in ["", "-1", "18446744073709551616", "0x7", "Random", "1.0"] {
            assert!(wrong.parse::<Seed>().is_err(), "{wrong}");
        }
        let drawn = draw();
        assert!(drawn <= u64::from(u32::MAX));
        assert!((0..8).any(|_| draw() != drawn));
    }
}
