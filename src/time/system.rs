//! The wall clock of a run: virtual time with a date.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use super::Instant;
use crate::event_loop::core;

/// The date on which every run begins: 2026-01-01T00:00:00Z, in seconds since the Unix epoch. It
/// is in the past of every run and in the validity of today's certificates.
const START: u64 = 1_767_225_600;

/// Returns the date and time in the run: what the clock shows of the host that the code runs on.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::time::{secs, sleep, system_time};
///
/// # simrun::run(async {
/// let before = system_time();
/// sleep(secs(60)).await;
/// assert_eq!(system_time().duration_since(before), Some(secs(60)));
/// # });
/// ```
#[track_caller]
pub fn system_time() -> SystemTime {
    let core = core::current();
    let start = i128::from(START) * 1_000_000_000;
    let since_epoch = start + core.clock().shows(core.now.get());
    let since_epoch = u64::try_from(since_epoch.max(0)).unwrap_or(u64::MAX);
    SystemTime {
        since_epoch: Duration::from_nanos(since_epoch),
    }
}

/// A date and time in a run.
///
/// Every run begins on the same date, so what is printed with it is the same in every run.
///
/// ```
/// use simrun::time::{Instant, SystemTime, secs, system_time};
///
/// # simrun::run(async {
/// let start = system_time();
/// assert_eq!(start.to_string(), "1767225600.000000000"); // 2026-01-01T00:00:00Z
/// assert_eq!((start + secs(1)).to_instant(), Some(Instant::ZERO + secs(1)));
/// assert_eq!(SystemTime::UNIX_EPOCH.to_instant(), None, "that is before the run");
/// let std: std::time::SystemTime = start.into();
/// assert_eq!(std, std::time::UNIX_EPOCH + secs(1_767_225_600));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemTime {
    since_epoch: Duration,
}

impl SystemTime {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self {
        since_epoch: Duration::ZERO,
    };

    /// Returns the time since `earlier`, or `None` if that is later.
    pub fn duration_since(self, earlier: Self) -> Option<Duration> {
        self.since_epoch.checked_sub(earlier.since_epoch)
    }

    /// Returns the moment of the run at which it is this date, if it is not before the run.
    pub fn to_instant(self) -> Option<Instant> {
        let since_start = self.since_epoch.checked_sub(Duration::from_secs(START))?;
        Some(Instant::ZERO + since_start)
    }
}

impl From<SystemTime> for std::time::SystemTime {
    fn from(time: SystemTime) -> Self {
        Self::UNIX_EPOCH + time.since_epoch
    }
}

impl Add<Duration> for SystemTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self {
            since_epoch: self.since_epoch.saturating_add(duration),
        }
    }
}

impl Sub<Duration> for SystemTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self {
            since_epoch: self.since_epoch.saturating_sub(duration),
        }
    }
}

impl fmt::Display for SystemTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}",
            self.since_epoch.as_secs(),
            self.since_epoch.subsec_nanos()
        )
    }
}
