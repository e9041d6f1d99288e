//! What the runs of a campaign have covered, and how likely it is that the next one shows
//! something new.
//!
//! Good and Turing: the share of runs whose behaviour was seen exactly once estimates the
//! probability that the next run behaves as none has before. When it is small the campaign goes on
//! in vain.

use std::collections::{BTreeMap, BTreeSet};

/// Below this the next run is not worth its time: one in a thousand would be new.
const ENOUGH: f64 = 1e-3;

/// Before so many runs the estimate means little: a program with a rare branch looks exhausted.
pub(super) const MIN_RUNS: u64 = 256;

/// How often each behaviour was seen, by the number of its [trace](crate::Run::trace_hash): orders
/// of steps that do not depend on each other are one behaviour.
///
/// ```
/// use simrun::chance;
/// use simrun::explore::Explorer;
///
/// let explorer = Explorer::new().runs(100).make_all_runs();
/// let report = explorer.explore(|| async { assert!(chance::below("number", 10) < 10) });
/// let coverage = report.coverage();
/// // Each number is a behaviour, and none has come up only once.
/// assert_eq!((coverage.runs(), coverage.distinct(), coverage.singletons()), (100, 10, 0));
/// assert_eq!(coverage.probability_of_new(), 0.0);
/// // Whoever has seen a hundred runs pass knows that fewer than 3 % fail.
/// assert_eq!(coverage.residual(), 0.03);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: Counts,
    seen: BTreeMap<u64, Seen>,
    handed: BTreeSet<u64>,
}

/// What is left of it when the runs are all made.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Counts {
    runs: u64,
    distinct: u64,
    singletons: u64,
    handoffs: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    times: u64,
    /// The number of the run that showed it first, from 1.
    first: u64,
}

impl Coverage {
    /// Counts a run.
    pub(super) fn add(&mut self, trace: u64, handoffs: &[u64]) {
        let counts = &mut self.counts;
        counts.runs += 1;
        let first = counts.runs;
        let seen = self.seen.entry(trace);
        let seen = seen.or_insert(Seen { times: 0, first });
        seen.times += 1;
        match seen.times {
            1 => {
                counts.distinct += 1;
                counts.singletons += 1;
            }
            2 => counts.singletons -= 1,
            _ => {}
        }
        self.handed.extend(handoffs);
        counts.handoffs = self.handed.len() as u64;
    }

    /// Returns what reports say of it.
    #[cfg(feature = "cli")]
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes one that is only reported on.
    #[cfg(feature = "cli")]
    pub(super) fn of_counts(counts: Counts) -> Self {
        Self {
            counts,
            ..Self::default()
        }
    }

    /// Returns how many runs were counted.
    pub fn runs(&self) -> u64 {
        self.counts.runs
    }

    /// Returns how many different traces there were.
    pub fn distinct(&self) -> u64 {
        self.counts.distinct
    }

    /// Returns how many of them came up once.
    pub fn singletons(&self) -> u64 {
        self.counts.singletons
    }

    /// Returns how many different [hand-offs](crate::Run::handoffs) there were.
    pub fn handoffs(&self) -> u64 {
        self.counts.handoffs
    }

    /// Returns the highest probability of a failure that so many runs without one leave open, with
    /// 95 % certainty: the rule of three.
    pub fn residual(&self) -> f64 {
        match self.counts.runs {
            0 => 1.0,
            runs => (3.0 / runs as f64).min(1.0),
        }
    }

    /// Estimates the probability that the next run is a new one: 1 before the first.
    pub fn probability_of_new(&self) -> f64 {
        match self.counts.runs {
            0 => 1.0,
            runs => self.singletons() as f64 / runs as f64,
        }
    }

    /// Says whether going on is no longer worth it: next to nothing is expected to be new, and next
    /// to nothing was in the last half of the runs.
    pub(super) fn is_saturated(&self) -> bool {
        if self.counts.runs < MIN_RUNS || self.probability_of_new() >= ENOUGH {
            return false;
        }
        let half = self.counts.runs / 2;
        let late = self.seen.values().filter(|seen| seen.first > half).count() as f64;
        late < ENOUGH * (self.counts.runs - half) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(traces: impl IntoIterator<Item = u64>) -> Coverage {
        let mut coverage = Coverage::default();
        let traces = traces.into_iter();
        traces.for_each(|trace| coverage.add(trace, &[trace % 2]));
        coverage
    }

    #[test]
    fn the_share_of_singletons_estimates_what_is_new() {
        let coverage = of([1, 2, 2, 3]);
        assert_eq!((coverage.distinct(), coverage.singletons()), (3, 2));
        assert_eq!(coverage.handoffs(), 2);
        assert_eq!(coverage.probability_of_new(), 0.5);
    }

    #[test]
    fn a_campaign_is_saturated_when_the_last_half_brought_nothing() {
        assert!(of((0..256).map(|run| run % 7)).is_saturated());
        assert!(
            !of((0..255).map(|run| run % 7)).is_saturated(),
            "too few runs"
        );
        assert!(
            !of((0..256).map(|run| run / 2)).is_saturated(),
            "new until the end"
        );
        assert!(!of(0..4_096).is_saturated());
    }
}
