//! Limits: nothing runs for ever.

use std::cell::Cell;
use std::time::Duration;

/// How many steps are made at one moment of virtual time before the run counts as livelocked.
/// A program that makes ten million steps without waiting for anything is not getting anywhere,
/// and at tens of nanoseconds a step it is found out within a second.
pub(crate) const LIVELOCK_STEPS: u64 = 10_000_000;

/// How often, in steps, the real clock is looked at: seldom enough to cost nothing.
const CLOCK_EVERY: u64 = 1 << 12;

/// What a run may use up.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) until: Option<Duration>,
    pub(crate) steps: Option<u64>,
    pub(crate) livelock: u64,
    pub(crate) wall: Option<Duration>,
}

/// Five minutes of real time: a run that takes longer has most likely gone astray.
const WALL: Duration = Duration::from_secs(300);

impl Default for Limits {
    fn default() -> Self {
        Self {
            until: None,
            steps: None,
            livelock: LIVELOCK_STEPS,
            wall: Some(WALL),
        }
    }
}

impl Limits {
    /// Returns the step count at which the limits are first looked at.
    pub(crate) fn first_check(&self) -> u64 {
        self.next_check(0, 0)
    }

    /// Returns the step count at which they are looked at again.
    pub(crate) fn next_check(&self, steps: u64, moved_at: u64) -> u64 {
        let clock = steps + CLOCK_EVERY;
        let livelock = moved_at.saturating_add(self.livelock);
        self.steps
            .unwrap_or(u64::MAX)
            .min(clock)
            .min(livelock.max(steps + 1))
    }
}

/// Why the loop stopped before it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Nothing is ready and no timer is set.
    Idle,
    /// Virtual time has reached its limit.
    Until,
    /// As many steps were made as are allowed.
    Steps,
    /// Too many steps were made while virtual time stood still.
    Livelock,
    /// Too much real time has passed.
    Wall,
    /// A property that must always hold did not.
    Violated,
}

/// The real time at which a loop was first run.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    started: Cell<Option<std::time::Instant>>,
}

impl Stopwatch {
    /// Returns the real time since the first call.
    pub(crate) fn elapsed(&self) -> Duration {
        let now = real_time();
        let started = self.started.get().unwrap_or(now);
        self.started.set(Some(started));
        now - started
    }
}

/// Looks at the real clock, on which nothing in a run may depend.
#[expect(
    clippy::disallowed_methods,
    reason = "limits and warnings about real time look at it"
)]
pub(crate) fn real_time() -> std::time::Instant {
    std::time::Instant::now()
}
