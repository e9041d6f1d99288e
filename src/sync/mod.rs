//! Tier 6, tools for tasks that share: queues, locks, events, conditions, semaphores, barriers.
//!
//! Their rules of fairness are asyncio's. They can be made anywhere, even in a `static`, but each
//! belongs to the run in which it is first used.

mod barrier;
mod condition;
mod event;
pub(crate) mod home;
mod lock;
mod queue;
mod semaphore;
mod tracked;

pub use barrier::{Barrier, BrokenBarrier};
pub use condition::{Condition, ConditionGuard};
pub use event::{Event, EventWait};
pub use lock::{Acquire, Lock, LockGuard, NotLocked};
pub use queue::{
    Fifo, Get, Join, Lifo, LifoQueue, Order, OrderedQueue, PriorityQueue, Put, Queue, QueueEmpty,
    QueueFull, ShutDown, Smallest, TooManyDone,
};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Permit, ReleasedTooOften, Semaphore};
pub use tracked::Tracked;
