//! Ticks.

use std::time::Duration;

use super::{Instant, sleep_until};

/// Makes a clock that ticks at once and then every `period`.
///
/// # Panics
///
/// If the period is zero, or outside a run.
///
/// ```
/// use simrun::time::{interval, now, secs};
///
/// # simrun::run(async {
/// let mut ticks = interval(secs(10));
/// ticks.tick().await;
/// ticks.tick().await;
/// assert_eq!(now().since_start(), secs(10));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "a clock cannot tick every zero seconds");
    Interval {
        period,
        next: super::now(),
    }
}

/// A clock that ticks: what [`interval`] returns.
///
/// ```
/// use simrun::time::{interval, now, secs, sleep};
///
/// # simrun::run(async {
/// let mut ticks = interval(secs(10));
/// ticks.tick().await;
/// sleep(secs(25)).await;
/// assert_eq!(ticks.tick().await.since_start(), secs(10), "late, so at once");
/// assert_eq!(ticks.tick().await.since_start(), secs(20), "this one too");
/// assert_eq!(ticks.tick().await.since_start(), secs(30));
/// assert_eq!(now().since_start(), secs(30));
/// # });
/// ```
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    next: Instant,
}

impl Interval {
    /// Waits for the next tick and returns when it was due. A tick that is late comes at once, and
    /// those after it keep their times.
    pub async fn tick(&mut self) -> Instant {
        let due = self.next;
        if due > super::now() {
            sleep_until(due).await;
        }
        self.next = due + self.period;
        due
    }
}
