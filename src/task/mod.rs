//! Tiers 1 and 4, tasks: futures that the loop drives, and everything one can do with them.

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
