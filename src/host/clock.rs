//! Clocks that differ from each other.

use std::time::Duration;

use crate::event_loop::Clock;

/// How a host's clock differs from the time of the run, which no host can see.
///
/// ```
/// use simrun::host::{self, Skew};
/// use simrun::time::{self, secs};
///
/// # simrun::run(async {
/// let before = time::system_time();
/// let fast = host::start("fast", move || async move {
///     time::sleep(secs(10)).await;
///     let passed = time::system_time().duration_since(before).unwrap();
///     assert_eq!(passed, secs(3_600) + secs(10));
/// });
/// fast.set_skew(Skew::ahead(secs(3_600)));
/// fast.join().await.unwrap();
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew(pub(super) Clock);

impl Skew {
    /// Makes a clock that does not differ.
    pub fn none() -> Self {
        Self::default()
    }

    /// Makes a clock that is ahead.
    pub fn ahead(by: Duration) -> Self {
        let ahead = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        Self(Clock { ahead, gains: 0 })
    }

    /// Makes a clock that is behind.
    pub fn behind(by: Duration) -> Self {
        let ahead = Self::ahead(by).0.ahead;
        let (ahead, gains) = (-ahead, 0);
        Self(Clock { ahead, gains })
    }

    /// Sets how many millionths of a second the clock gains in a second, or loses. Timers of the
    /// host fire early or late by as much: they measure with its clock.
    pub fn drift(mut self, parts_per_million: i32) -> Self {
        self.0.gains = i64::from(parts_per_million) * 1_000;
        self
    }
}
