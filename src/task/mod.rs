//! Tiers 1 and 4, tasks: futures that the loop drives, and everything one can do with them.
//!
//! | asyncio | here |
//! |---|---|
//! | `create_task`, `eager_task_factory` | [`spawn`], [`try_spawn`], [`spawn_eager`] |
//! | `gather(..)` | [`gather`] |
//! | `gather(.., return_exceptions=True)` | [`gather_keeping_errors`] |
//! | `TaskGroup` | [`group`], [`try_group`] |
//! | `wait`, `as_completed`, `shield` | [`wait`], [`as_completed`], [`shield`] |
//! | `wait_for`, `timeout` | they are in [`time`](crate::time) |
//! | `task.cancel()`, `uncancel()`, `cancelling()` | [`TaskRef`] has them |
//! | `except CancelledError:` | [`cancellable`] |
//! | `sleep(0)` | [`yield_now`] |
//! | `current_task`, `all_tasks` | [`current`], [`all_tasks`] |
//! | `ContextVar` | [`task_local!`](crate::task_local) |
//!
//! As in asyncio and in tokio, a future does nothing until it is awaited, and a task runs by
//! itself. The first step of a task comes when its creator suspends. A task that is spawned with
//! [`spawn`] fails only if it panics; [`try_spawn`] makes one that fails with its `Err`.
//!
//! # Which one to wait with
//!
//! - [`gather`] for all results in order, or the first failure. The others run on then.
//! - [`group`] if nothing may be left running: at the first failure the others are cancelled, and
//!   the group is over when all have ended.
//! - [`as_completed`] for each result when it comes, [`wait`] for some of them without taking any,
//!   [`select!`](crate::select) for the first of several futures, which drops the others.
//!
//! ```
//! use simrun::time::{now, secs, sleep};
//! use simrun::{gather, task};
//!
//! # simrun::run(async {
//! let work = |seconds: u64| async move {
//!     sleep(secs(seconds)).await;
//!     if seconds == 1 { Err("out of paper") } else { Ok(()) }
//! };
//! let both = gather([task::try_spawn(work(1)), task::try_spawn(work(5))]);
//! assert!(both.await.is_err());
//! assert_eq!(task::all_tasks().len(), 2, "the slow one runs on");
//!
//! let both = task::group(|group| async move {
//!     group.try_spawn(work(1)).detach();
//!     group.try_spawn(work(5)).detach();
//! });
//! assert_eq!(both.await.unwrap_err().errors().len(), 1);
//! assert_eq!(now().since_start(), secs(2), "the slow one was cancelled");
//! # });
//! ```
//!
//! # Cancelling
//!
//! [`cancel`](TaskRef::cancel) is a request. It goes down to what the task waits for, so whoever
//! awaits a task and is cancelled cancels that task too, unless it is [shielded](shield). Then it
//! goes up through the task: the innermost [`cancellable`] region receives it, and the task goes on
//! behind that region. What it may do there:
//!
//! - clean up, with further awaits, and [pass it on](crate::Cancelled::raise);
//! - return, so that the task has a value and is not cancelled;
//! - swallow it and go on. The one who asked finds that out by awaiting the task.
//!
//! A task without a region is dropped where it stands. A request that comes before the task's first
//! step ends it before it has begun. A second request is delivered like the first: a clean-up that
//! must not be broken off belongs into a task of its own, behind a [`shield`].
//! [`abort`](TaskRef::abort) is tokio's order, and no region hears of it.
//!
//! # What goes wrong
//!
//! - **A handle that is dropped** detaches its task, which runs on; a failure that nobody has
//!   looked at then fails the run. A run cancels the tasks that are left when its first one ends.
//! - **`select!` drops** what has not come first. If that was a task's handle, the task runs on; if
//!   it was a future that had taken something, that is lost. The tools of [`sync`](crate::sync)
//!   take nothing before they are ready.
//! - **A task that never awaits** keeps the loop: virtual time does not move, and no timeout can
//!   fire.

mod as_completed;
mod body;
mod ending;
mod gather;
mod group;
mod handle;
mod region;
mod shield;
mod spawn;
mod wait;
mod yield_now;

pub use as_completed::{AsCompleted, as_completed};
pub(crate) use body::{Fallible, Given, Plain};
pub use ending::Ending;
pub use gather::{
    Collection, Gather, GatherKeepingErrors, GatherSet, Gatherable, Tuple, gather,
    gather_keeping_errors,
};
pub use group::{GroupError, GroupScope, Infallible, TaskGroup, group, try_group};
pub(crate) use handle::private::Sealed;
pub(crate) use handle::settle;
pub use handle::{Join, Raise, Task, TaskRef, Waitable, all_tasks, current, dump, try_current};
pub(crate) use region::poll_region;
pub use region::{Cancellable, cancellable};
pub use shield::{Shield, shield};
pub use spawn::{spawn, spawn_eager, try_spawn};
pub(crate) use spawn::{spawn_on, try_spawn_on};
pub use wait::{Until, WaitFor, wait};
pub use yield_now::{Yield, yield_now};

pub use crate::event_loop::TaskLocal;
