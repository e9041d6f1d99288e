//! Virtual time: sleeping, deadlines, ticks. It moves only when nothing is ready, and then to the
//! next moment at which something is due.
//!
//! So a program that sleeps for a day is over at once, computing takes no time at all, and two
//! sleeps that end at the same moment end in the order in which they were begun.
//!
//! | asyncio, tokio | here | |
//! |---|---|---|
//! | `loop.time()`, `Instant::now()` | [`now`] | since the run began |
//! | `time.time()`, `SystemTime::now()` | [`system_time`] | with a date |
//! | `sleep` | [`sleep`], [`sleep_until`] | |
//! | `timeout`, `timeout_at` | [`timeout`], [`timeout_at`], [`Timeout`] | a limit on code |
//! | `wait_for` | [`wait_for`] | a limit on a task |
//! | `tokio::time::interval` | [`interval`] | ticks |
//!
//! `call_later` and `call_at` are the loop's: see [`event_loop`](crate::event_loop).
//!
//! # Trying again
//!
//! ```
//! use simrun::time::{millis, now, secs, sleep, timeout};
//!
//! /// Answers when it is up, which takes 3 seconds.
//! async fn ask() {
//!     let up = secs(3).saturating_sub(now().since_start());
//!     sleep(up).await;
//! }
//!
//! # simrun::run(async {
//! let mut delay = millis(100);
//! while timeout(millis(500), ask()).await.is_err() {
//!     sleep(delay).await;
//!     delay *= 2;
//! }
//! assert!(now().since_start() >= secs(3));
//! # });
//! ```
//!
//! # Timeouts cancel
//!
//! A timeout does not drop the future: it cancels the task that runs it, as asyncio's does, and
//! turns the cancellation into [`Elapsed`] where it comes out. So a
//! [`cancellable`](crate::task::cancellable) region within can clean up, which takes as long as it
//! takes, and can swallow the cancellation; then there is a value and no [`Elapsed`]. What the
//! future has *spawned* is not cancelled by it, unless the future was awaiting it. If someone else
//! cancels the task in the same moment, theirs wins.
//!
//! ```
//! use simrun::task::cancellable;
//! use simrun::time::{now, secs, sleep, timeout};
//!
//! # simrun::run(async {
//! let tidy = async {
//!     if let Err(cancelled) = cancellable(sleep(secs(60))).await {
//!         sleep(secs(2)).await; // clean up
//!         cancelled.raise().await
//!     }
//! };
//! assert!(timeout(secs(1), tidy).await.is_err());
//! assert_eq!(now().since_start(), secs(3));
//! # });
//! ```
//!
//! # What goes wrong
//!
//! - **A deadline and an answer at the same moment**: either may go first, in another run the
//!   other. A program has to live with both; exploring its runs tries both.
//! - **A loop that waits for a moment without sleeping** never ends, since time stands still while
//!   anything is ready. A limit on [steps](crate::Sim::max_steps) finds that.
//! - **`std::time::Instant`** and tokio's clock know nothing of all this. Do not use them in a run.
//! - **On a host whose clock is [skewed](crate::host::Skew)**, [`system_time`] is ahead or behind;
//!   if the clock drifts, sleeps and timeouts are longer or shorter than they say.

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
///
/// ```
/// use simrun::time::{now, secs, sleep};
///
/// # simrun::run(async {
/// let before = now();
/// sleep(secs(3_600)).await;
/// assert_eq!(now() - before, secs(3_600));
/// # });
/// ```
#[track_caller]
pub fn now() -> Instant {
    crate::event_loop::time()
}
