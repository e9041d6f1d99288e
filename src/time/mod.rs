//! Virtual time: sleeping, deadlines, ticks. It moves only when nothing is ready, and then to the
//! next moment at which something is due.

mod instant;
mod interval;
mod sleep;
mod system;
mod timeout;
mod wait_for;

pub use crate::error::Elapsed;
pub use instant::{Instant, micros, millis, nanos, secs};
pub use interval::{Interval, interval};
pub use sleep::{Sleep, sleep, sleep_until};
pub use system::{SystemTime, system_time};
pub use timeout::{Timeout, TimeoutScope, TimeoutStateError, timeout, timeout_at};
pub use wait_for::{WaitForTask, wait_for};

/// Returns the virtual time.
///
/// # Panics
///
/// Outside a run.
#[track_caller]
pub fn now() -> Instant {
    crate::event_loop::time()
}
