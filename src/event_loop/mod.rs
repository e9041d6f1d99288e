//! Tier 2, the event loop: a clock, a ready queue, timers and callbacks, and the runner that
//! starts a loop, runs it and shuts it down.
//!
//! A loop runs in iterations, as asyncio's does. What is queued during one runs in the next;
//! virtual time moves only when nothing is ready. [`call_soon`], [`call_later`] and [`call_at`]
//! queue callbacks; tasks are queued by the futures they wait for.

mod alarms;
mod blocked;
mod callbacks;
mod cancel;
mod choose;
mod context;
pub(crate) mod core;
mod debug;
mod families;
mod gather;
mod hosts;
mod lane;
mod limits;
mod observing;
mod order;
mod paths;
mod profile;
mod ready;
mod report;
mod resources;
mod run;
mod runner;
pub(crate) mod step;
mod stepping;
pub(crate) mod table;
mod tasks;
mod threads;
mod timers;
mod waiters;
mod waker;
mod watchers;

pub(crate) use alarms::Alarmed;
pub(crate) use callbacks::CallbackKey;
pub use callbacks::{Handle, call_at, call_later, call_soon};
pub(crate) use cancel::Target;
pub use choose::{Candidate, Choose, EntityId, Turn};
pub use context::TaskLocal;
pub(crate) use debug::never_awaited;
pub(crate) use families::Family;
pub(crate) use hosts::Clock;
pub(crate) use limits::Limits;
pub(crate) use limits::real_time;
pub use profile::Profile;
pub use report::{Report, ReportKind, set_exception_handler};
pub use resources::{Access, Touch};
pub(crate) use resources::{Birth, ResourceKey};
pub use runner::{EventLoop, on_shutdown};
pub(crate) use tasks::BoxedBody;
pub(crate) use waiters::{Wait, Waited, ended, poll_done};
pub(crate) use watchers::Watcher;

use crate::time::Instant;

/// Returns the loop's time.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// assert_eq!(simrun::event_loop::time(), simrun::time::Instant::ZERO);
/// # });
/// ```
#[track_caller]
pub fn time() -> Instant {
    core::current().now()
}

/// Lets the current iteration finish and then makes [`EventLoop::run_forever`] return.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::event_loop::{self, EventLoop};
/// use simrun::time;
///
/// let event_loop = EventLoop::new();
/// event_loop.within(|| event_loop::call_later(time::secs(5), event_loop::stop));
/// event_loop.run_forever().unwrap();
/// assert_eq!(event_loop.time().since_start(), time::secs(5));
/// ```
#[track_caller]
pub fn stop() {
    core::current().stop();
}
