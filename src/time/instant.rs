//! Moments and lengths of virtual time.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment in virtual time, in whole nanoseconds since the run began.
///
/// ```
/// use simrun::time::{self, Instant, secs};
///
/// # simrun::run(async {
/// let start = time::now();
/// time::sleep(secs(3)).await;
/// assert_eq!(time::now() - start, secs(3));
/// assert_eq!(start, Instant::ZERO);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    nanos: u64,
}

impl Instant {
    /// The moment at which every run begins.
    pub const ZERO: Self = Self { nanos: 0 };

    /// Makes the moment that many nanoseconds into the run.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Returns how many nanoseconds into the run it is.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// Returns the time since the run began.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Virtual time ends after 584 years; a later moment is that moment.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self {
            nanos: self.nanos.saturating_add(nanos),
        }
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Nothing lies before the start of the run; an earlier moment is that moment.
    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self {
            nanos: self.nanos.saturating_sub(nanos),
        }
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.since_start(), f)
    }
}

/// Returns a duration of that many seconds.
///
/// ```
/// assert_eq!(simrun::time::secs(2), std::time::Duration::from_secs(2));
/// ```
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns a duration of that many milliseconds.
///
/// ```
/// assert_eq!(simrun::time::millis(250) * 4, simrun::time::secs(1));
/// ```
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns a duration of that many microseconds.
///
/// ```
/// assert_eq!(simrun::time::micros(500) * 2, simrun::time::millis(1));
/// ```
pub const fn micros(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

/// Returns a duration of that many nanoseconds.
///
/// ```
/// assert_eq!(simrun::time::nanos(1_000), simrun::time::micros(1));
/// ```
pub const fn nanos(nanoseconds: u64) -> Duration {
    Duration::from_nanos(nanoseconds)
}
