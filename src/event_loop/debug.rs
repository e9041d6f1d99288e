//! Debug mode: warnings of steps that take long in real time, and of futures that were made and
//! never awaited. They go to `tracing` and have no influence on the run.

use std::panic::Location;
use std::time::Duration;

use super::core::{self, Core};
use super::limits::real_time;
use super::tasks::BoxedBody;
use crate::error::place;

/// How long a step may take before it is worth a warning: as in asyncio, a tenth of a second.
const SLOW: Duration = Duration::from_millis(100);

impl Core {
    /// Makes a step and warns if it was slow.
    #[cold]
    pub(crate) fn step_timed(&self, slot: u32, body: BoxedBody) {
        let name = self.state.borrow().name(slot);
        let began = real_time();
        self.step(slot, body);
        let took = real_time() - began;
        if took >= SLOW {
            tracing::warn!(
                target: "simrun::debug",
                at = %self.now(),
                "a step of task {name} took {took:?} of real time"
            );
        }
    }
}

/// Warns, in debug mode, that a future was dropped and had never been polled.
#[cold]
pub(crate) fn never_awaited(what: &str, made: &Location<'_>) {
    if let Some(core) = core::try_current().filter(|core| core.debug.get()) {
        let made = place(made);
        tracing::warn!(
            target: "simrun::debug",
            at = %core.now(),
            "{what} made at {made} was never awaited"
        );
    }
}
