//! What happened: the events of a run, their fingerprint and their text.
//!
//! A [recorded](crate::Sim::record) run has a [`Trace`], whose text is fit for a snapshot; a
//! [`View`] shows the part of it that a test is about.
//!
//! # What the program tells `tracing`
//!
//! With the feature `tracing`, the events and spans of the program and its libraries are in the
//! traces of recorded runs, and so in what a failing check shows: nothing has to be installed. They
//! are kept up to the level `INFO`, or [another](crate::Sim::tracing).
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use simrun::{Sim, spawn, task};
//!
//! #[tracing::instrument]
//! async fn serve(request: u32) {
//!     task::yield_now().await;
//!     tracing::info!(bytes = 12, "answered");
//! }
//!
//! let run = Sim::new().record(true).run(|| async {
//!     let (one, two) = (spawn(serve(1)), spawn(serve(2)));
//!     one.await.unwrap();
//!     two.await.unwrap();
//! });
//! assert_eq!(
//!     run.trace().only(["traces", "opens"]).to_string(),
//!     "\
//! 0ns           main/1       opens serve{request=1}
//! 0ns           main/2       opens serve{request=2}
//! 0ns           main/1       traces INFO serve{request=1}: answered bytes=12
//! 0ns           main/2       traces INFO serve{request=2}: answered bytes=12
//! ",
//! );
//! # }
//! ```
//!
//! A subscriber of the program's own still is told everything. What is told is no part of the run:
//! it is not in the fingerprint, and runs that differ in nothing else are the same. A span belongs
//! to the task that has entered it, also if its guard is held, by mistake, while the task is
//! suspended: what other tasks tell meanwhile is not in that span.
//!
//! # What this crate tells `tracing`
//!
//! | target | level | |
//! |---|---|---|
//! | `simrun::log` | `INFO` | what [`log!`](crate::log!) writes |
//! | `simrun::report` | `ERROR`, `WARN` | what goes wrong where nobody awaits it |
//! | `simrun::net` | `WARN` | what is sent after it was closed |
//! | `simrun::debug` | `WARN` | what [debug mode](crate::Sim::debug) finds |
//! | `simrun::task` | `DEBUG` | tasks and processes that begin, are cancelled and end |
//! | `simrun::step` | `TRACE` | steps, what they touch and wait for, callbacks, timers |
//!
//! All have a field `at`, the virtual time; the last two also `task`. Whether anyone listens to
//! those two is asked when a run begins, so they cost nothing if nobody does. They are told from
//! within the loop: a subscriber that gets them must not use it.
//!
//! `VirtualTime`, of the feature `tracing`, has a subscriber of `tracing_subscriber` write virtual
//! time.

mod causes;
mod event;
mod fingerprint;
mod listeners;
mod recorded;
#[cfg(test)]
mod tests;
mod view;
#[cfg(feature = "tracing")]
mod virtual_time;

pub(crate) use causes::Left;
pub use event::{Event, EventKind};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use listeners::{is_anyone_listening, tell};
pub use recorded::{FORMAT, Trace};
pub use view::View;
#[cfg(feature = "tracing")]
pub use virtual_time::{NoTime, VirtualTime};
