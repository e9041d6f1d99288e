//! The portfolio: every seed names a strategy, so that many seeds are many strategies.
//!
//! No strategy finds everything, and which one finds a bug is not known before. The shares are
//! those with which a suite of small concurrent bugs was found soonest.

use super::Kind;
use crate::chance::mix;

/// Which share of all seeds each strategy has, in hundredths.
const SHARES: [(u64, Kind); 5] = [
    (40, Kind::Surw),
    (20, Kind::Pos),
    (15, Kind::Pct(None)),
    (15, Kind::Starve),
    (10, Kind::Random),
];

/// Returns the strategy of a seed. Seed 0 is asyncio's order.
pub(super) fn of_seed(seed: u64) -> Kind {
    if seed == 0 {
        return Kind::Fifo;
    }
    let hash = mix(mix(seed, 0x9027), 0xF011);
    let mut drawn = ((u128::from(hash ^ hash >> 32) * 100) >> 64) as u64;
    for (share, kind) in SHARES {
        match drawn.checked_sub(share) {
            Some(rest) => drawn = rest,
            None => return kind,
        }
    }
    Kind::Random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_its_share_of_the_seeds() {
        const SEEDS: u64 = 100_000;
        for (share, kind) in SHARES {
            let text = kind.to_string();
            let seeds = (1..=SEEDS).filter(|seed| of_seed(*seed).to_string() == text);
            let percent = seeds.count() as f64 * 100.0 / SEEDS as f64;
            assert!((percent - share as f64).abs() < 0.5, "{text}: {percent} %");
        }
        assert_eq!(of_seed(0).to_string(), "fifo");
    }
}
