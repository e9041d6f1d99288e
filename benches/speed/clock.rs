//! Real time, in rounds that take turns.

use std::time::{Duration, Instant};

/// How much is done to learn a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Enough that two measurements agree within a few per cent on a machine that is not too busy.
    Full,
    /// Enough to see that something is twice as slow.
    Quick,
}

impl Effort {
    /// Returns how many rounds each side gets: odd, so that one of them is the median.
    fn rounds(self) -> usize {
        match self {
            Self::Full => 11,
            Self::Quick => 5,
        }
    }

    /// Returns what is left of an amount of work.
    pub(crate) fn of(self, operations: u64) -> u64 {
        match self {
            Self::Full => operations,
            Self::Quick => operations / 10,
        }
    }
}

/// What one operation costs on each side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) simrun: f64,
    pub(crate) peer: f64,
}

impl Cost {
    pub(crate) fn ratio(self) -> f64 {
        self.simrun / self.peer
    }
}

/// Lets both sides do so many operations, in turns, and returns the median nanoseconds of one.
/// The first round of each warms up and does not count.
pub(crate) fn take_turns(effort: Effort, operations: u64, simrun: fn(u64), peer: fn(u64)) -> Cost {
    let round = |_| (time(|| simrun(operations)), time(|| peer(operations)));
    let rounds = (0..=effort.rounds()).map(round).skip(1);
    let (simrun, peer): (Vec<_>, Vec<_>) = rounds.unzip();
    Cost {
        simrun: per_operation(median(simrun), operations),
        peer: per_operation(median(peer), operations),
    }
}

/// Returns how long `work` takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Returns the one in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the nanoseconds of one operation.
pub(crate) fn per_operation(time: Duration, operations: u64) -> f64 {
    time.as_nanos() as f64 / operations as f64
}
