//! Tier 6, tools for tasks that share: queues, locks, events, conditions, semaphores, barriers.
//!
//! Their rules of fairness are asyncio's. They can be made anywhere, even in a `static`, but each
//! belongs to the run in which it is first used.
//!
//! | asyncio | here | |
//! |---|---|---|
//! | `Queue` | [`Queue`] | from those who make to those who take |
//! | `LifoQueue`, `PriorityQueue` | [`LifoQueue`], [`PriorityQueue`] | in another order |
//! | `Lock` | [`Lock`] | one at a time; it has the value that it guards |
//! | `Event` | [`Event`] | something has happened |
//! | `Condition` | [`Condition`] | something under a lock has changed |
//! | `Semaphore`, `BoundedSemaphore` | [`Semaphore`], [`BoundedSemaphore`] | so many at a time |
//! | `Barrier` | [`Barrier`] | all go on together |
//! | | [`Tracked`] | a shared value whose uses are part of the run |
//!
//! `async with lock` is a guard here, which releases when it is dropped. Whoever needs asyncio's
//! `acquire` and `release` apart from each other has the guard [forgotten](LockGuard::forget).
//!
//! # Workers on a queue
//!
//! The pattern of most programs: a bound holds those back who make too much, and shutting the queue
//! down sends the workers home.
//!
//! ```
//! use simrun::sync::Queue;
//! use simrun::{gather, spawn, time};
//! use std::sync::Arc;
//!
//! # simrun::run(async {
//! let jobs = Arc::new(Queue::bounded(2));
//! let workers: Vec<_> = (0..3)
//!     .map(|_| {
//!         let jobs = jobs.clone();
//!         spawn(async move {
//!             let mut done = 0;
//!             while let Ok(job) = jobs.get().await {
//!                 time::sleep(time::secs(job)).await;
//!                 done += 1;
//!             }
//!             done
//!         })
//!     })
//!     .collect();
//! for job in 1..=6 {
//!     jobs.put(job).await.unwrap();
//! }
//! jobs.shut_down();
//! assert_eq!(gather(workers).await.unwrap().iter().sum::<u32>(), 6);
//! # });
//! ```
//!
//! # What goes wrong
//!
//! **A wake-up is lost** when it is sent before anyone waits and nothing remembers it: looking,
//! suspending and waiting are three things, and something can happen between them. An [`Event`]
//! remembers that it is set; a [`Condition`] is looked at under its lock. Wait for the condition
//! itself, with [`wait_for`](ConditionGuard::wait_for), and never for a notification alone.
//!
//! **What was true is not true any more** after an `await`. Tasks cannot interrupt each other
//! between two awaits, so a counter needs no lock as long as nobody suspends while it is changed; a
//! guard held over an `await` is for the rest. [`Tracked`] tells strategies which steps to put
//! between.
//!
//! **A cancelled task** leaves the line, and what it had been given already goes to the next: no
//! item, permit or lock is lost. But what a task has *taken* is its own: a worker that is cancelled
//! after `get` has the item, and puts it back or not.
//!
//! ```
//! use simrun::sync::{Lock, Queue};
//! use simrun::task;
//! use std::sync::Arc;
//!
//! # simrun::run(async {
//! let (queue, lock) = (Arc::new(Queue::unbounded()), Arc::new(Lock::new(())));
//! let worker = task::spawn({
//!     let (queue, lock) = (queue.clone(), lock.clone());
//!     async move {
//!         let item = queue.get().await.unwrap();
//!         let Ok(_guard) = task::cancellable(lock.acquire()).await else {
//!             queue.put_nowait(item).unwrap(); // for someone else
//!             return;
//!         };
//!     }
//! });
//! let _held = lock.acquire().await;
//! queue.put("job").await.unwrap();
//! task::yield_now().await;
//! worker.cancel();
//! worker.await.unwrap();
//! assert_eq!(queue.len(), 1);
//! # });
//! ```
//!
//! **Two locks in two orders** are a deadlock in some interleaving. A run in which nobody can go on
//! ends as one and says who waits for what; a lock that has a [name](Lock::named) is called by it.

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
