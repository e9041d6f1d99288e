//! How fast a campaign goes: for those who wait for it, and no part of its result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Explorer;
use super::stopwatch::Stopwatch;

/// The least time between two calls of whoever wants to know: nobody reads faster.
const BETWEEN: Duration = Duration::from_millis(200);

/// Whoever wants to know.
pub(super) type Listener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far a campaign has come, in real time.
///
/// ```
/// use simrun::explore::Explorer;
///
/// let explorer = Explorer::new().progress(|progress| {
///     let (runs, speed) = (progress.runs(), progress.runs_per_second());
///     eprintln!("{runs} runs, {speed:.0} a second, {} failures", progress.failed());
/// });
/// explorer.explore(|| async {});
/// ```
#[derive(Clone, Debug)]
pub struct Progress {
    runs: u64,
    planned: Option<u64>,
    failed: u64,
    distinct: u64,
    took: Duration,
    limit: Option<Duration>,
}

impl Progress {
    /// Returns how many runs were made.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns how many runs are to be made, if that is what ends the campaign.
    pub fn planned(&self) -> Option<u64> {
        self.planned
    }

    /// Returns how many have failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns how many different traces there were, at the end of the last batch of runs.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// Returns how long it has taken.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Returns how many runs are made in a second.
    pub fn runs_per_second(&self) -> f64 {
        match self.took.as_secs_f64() {
            0.0 => 0.0,
            took => self.runs as f64 / took,
        }
    }

    /// Estimates how long it will take still, unless something ends it earlier: `None` if there is
    /// nothing to tell from.
    pub fn time_left(&self) -> Option<Duration> {
        if let Some(limit) = self.limit {
            return Some(limit.saturating_sub(self.took));
        }
        let left = self.planned?.saturating_sub(self.runs);
        let speed = self.runs_per_second();
        (speed > 0.0).then(|| Duration::from_secs_f64((left as f64 / speed).min(1e9)))
    }
}

/// What the threads of a campaign have in common.
pub(super) struct Pace {
    watch: Stopwatch,
    planned: Option<u64>,
    limit: Option<Duration>,
    listener: Option<Listener>,
    runs: AtomicU64,
    failed: AtomicU64,
    distinct: AtomicU64,
    /// When the listener is called next, in milliseconds.
    next: AtomicU64,
}

impl Pace {
    pub(super) fn new(explorer: &Explorer, watch: &Stopwatch) -> Self {
        Self {
            watch: *watch,
            planned: explorer.runs,
            limit: explorer.time,
            listener: explorer.listener.clone(),
            runs: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            distinct: AtomicU64::new(0),
            next: AtomicU64::new(millis(BETWEEN)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.watch.is_over()
    }

    /// Takes note of a batch.
    pub(super) fn has_seen(&self, distinct: u64) {
        self.distinct.store(distinct, Ordering::Relaxed);
    }

    /// Takes note of a run.
    pub(super) fn has_run(&self, failed: bool) {
        let Some(listener) = &self.listener else {
            return;
        };
        let runs = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let failed = u64::from(failed);
        let failed = self.failed.fetch_add(failed, Ordering::Relaxed) + failed;
        let took = self.watch.took();
        let (now, next) = (millis(took), self.next.load(Ordering::Relaxed));
        let then = now + millis(BETWEEN);
        let takes = || {
            let order = Ordering::Relaxed;
            let taken = self.next.compare_exchange(next, then, order, order);
            taken.is_ok()
        };
        if now >= next && takes() {
            listener(&Progress {
                runs,
                planned: self.planned,
                failed,
                distinct: self.distinct.load(Ordering::Relaxed),
                took,
                limit: self.limit,
            });
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
