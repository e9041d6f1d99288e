//! Tier 2, the event loop: a clock, a ready queue, timers and callbacks, and the runner that
//! starts a loop, runs it and shuts it down.
//!
//! Few programs need it: [`run`](crate::run) and [`Sim`](crate::Sim) make a loop, and tasks are
//! queued by the futures they wait for. It is here for what asyncio's loop object is for.
//!
//! | asyncio | here |
//! |---|---|
//! | `asyncio.run`, `Runner` | [`run`](crate::run), [`Sim`](crate::Sim) |
//! | `run_until_complete`, `run_forever`, `close` | [`EventLoop`] |
//! | `stop` | [`stop`] |
//! | `call_soon`, `call_later`, `call_at` | [`call_soon`], [`call_later`], [`call_at`] |
//! | `Handle`, `TimerHandle` | [`Handle`] |
//! | `call_soon_threadsafe`, `run_in_executor` | they are in [`thread`](crate::thread) |
//! | `loop.time()` | [`time`] |
//! | `set_exception_handler` | [`set_exception_handler`], which gets a [`Report`] |
//! | `set_debug` | [`Sim::debug`](crate::Sim::debug) |
//! | `create_future` | [`Promise`](crate::Promise) |
//!
//! # An iteration
//!
//! A loop runs in iterations, as asyncio's does. What is queued during one runs in the next;
//! virtual time moves only when nothing is ready, and then to the first deadline. Timers that are
//! due join the queue behind what is there.
//!
//! ```
//! use simrun::event_loop::{call_later, call_soon};
//! use simrun::sync::Tracked;
//! use simrun::time::{millis, sleep};
//! use std::sync::Arc;
//!
//! # simrun::run(async {
//! let order = Arc::new(Tracked::new(Vec::new()));
//! let note = |word: &'static str| {
//!     let order = order.clone();
//!     move || order.write(|order| order.push(word))
//! };
//! call_later(millis(5), note("later"));
//! call_soon(note("soon"));
//! note("now")();
//! sleep(millis(5)).await;
//! assert_eq!(order.read(Vec::clone), ["now", "soon", "later"]);
//! # });
//! ```
//!
//! That is asyncio's order. A [strategy](crate::strategy) may choose otherwise: it is asked
//! whenever more than one could go, and [`Choose`] is what it answers by.
//!
//! # What goes wrong
//!
//! - **A callback belongs to no task.** It cannot await, [`task::current`](crate::task::current)
//!   panics in it, and no cancellation reaches it. It sees the task-locals of the moment it was
//!   queued.
//! - **A callback that panics** ends nothing: the loop goes on, the exception handler gets a
//!   [`Report`], and without a handler the run fails in the end. The same is true of a task's error
//!   at which nobody has looked.
//! - **What outlives all tasks** is closed in [`on_shutdown`]: when that runs, they have ended.
//! - **A loop that is run by hand** does not cancel what is left before [`EventLoop::cancel_all`].

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
mod handoffs;
mod hosts;
mod lane;
mod limits;
mod moves;
mod moving;
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
#[cfg(feature = "tracing")]
mod told;
mod unheard;
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
pub(crate) use moves::{Move, Shown};
pub(crate) use moving::Hidden;
#[cfg(feature = "cli")]
pub(crate) use moving::look_beyond;
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
