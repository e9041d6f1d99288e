//! Real time, which bounds a campaign and is never part of its result.

use std::time::Duration;

use crate::event_loop::real_time;

/// A moment of real time at which to stop, if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch {
    began: std::time::Instant,
    limit: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start(limit: Option<Duration>) -> Self {
        let began = real_time();
        Self { began, limit }
    }

    pub(super) fn took(&self) -> Duration {
        real_time() - self.began
    }

    pub(super) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.took() >= limit)
    }
}
