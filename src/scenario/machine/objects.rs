//! The objects that the tasks of a scenario share.

use std::cmp::Ordering;

use crate::Promise;
use crate::scenario::model::{ObjectEntry, ObjectKind, QueueOrder};
use crate::scenario::tree::ErrorName;
use crate::scenario::value::{Error, Value};
use crate::sync::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Lock, Order, OrderedQueue,
    PriorityQueue, Queue as Fifo, Semaphore,
};
use crate::thread::ThreadPool;

/// An object of a scenario.
pub(crate) enum Object {
    Lockable(Lockable),
    Event(Event),
    Queue(Queue),
    Barrier(Barrier),
    Future(Promise<Value>),
    Pool(ThreadPool),
}

/// What can be acquired and released.
pub(crate) enum Lockable {
    Lock(Lock),
    Condition(Condition),
    Semaphore(Semaphore),
    Bounded(BoundedSemaphore),
}

/// A queue in one of the three orders.
pub(crate) enum Queue {
    Fifo(Fifo<Value>),
    Lifo(LifoQueue<Value>),
    Smallest(PriorityQueue<Ranked>),
}

/// A value in a queue that gives out the smallest first. Values that cannot be compared are equal.
#[derive(Debug)]
pub(crate) struct Ranked(Value);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(&other.0).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

impl Object {
    /// Makes an object. It needs a loop, for futures belong to one.
    pub(super) fn new(entry: &ObjectEntry) -> Self {
        let name = entry.name.to_string();
        match entry.kind {
            ObjectKind::Lock => Self::Lockable(Lockable::Lock(Lock::new(()).named(name))),
            ObjectKind::Condition => {
                Self::Lockable(Lockable::Condition(Condition::new(()).named(name)))
            }
            ObjectKind::Semaphore {
                permits,
                bounded: false,
            } => Self::Lockable(Lockable::Semaphore(Semaphore::new(permits).named(name))),
            ObjectKind::Semaphore {
                permits,
                bounded: true,
            } => Self::Lockable(Lockable::Bounded(
                BoundedSemaphore::new(permits).named(name),
            )),
            ObjectKind::Event => Self::Event(Event::new().named(name)),
            ObjectKind::Queue(capacity, order) => Self::Queue(match order {
                QueueOrder::Fifo => Queue::Fifo(sized(capacity).named(name)),
                QueueOrder::Lifo => Queue::Lifo(sized(capacity).named(name)),
                QueueOrder::Priority => Queue::Smallest(sized(capacity).named(name)),
            }),
            ObjectKind::Barrier(parties) => Self::Barrier(Barrier::new(parties).named(name)),
            ObjectKind::Future => Self::Future(Promise::new()),
            ObjectKind::Pool(threads) => Self::Pool(ThreadPool::new(threads).named(name)),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Lockable(Lockable::Lock(_)) => "a lock",
            Self::Lockable(Lockable::Condition(_)) => "a condition",
            Self::Lockable(Lockable::Semaphore(_) | Lockable::Bounded(_)) => "a semaphore",
            Self::Event(_) => "an event",
            Self::Queue(_) => "a queue",
            Self::Barrier(_) => "a barrier",
            Self::Future(_) => "a future",
            Self::Pool(_) => "a pool",
        }
    }
}

fn sized<O: Order>(capacity: Option<usize>) -> OrderedQueue<O> {
    match capacity {
        None | Some(0) => OrderedQueue::unbounded(),
        Some(capacity) => OrderedQueue::bounded(capacity),
    }
}

impl Lockable {
    /// Acquires it, to be released by anyone.
    pub(super) async fn acquire(&self) {
        match self {
            Self::Lock(lock) => lock.acquire().await.forget(),
            Self::Condition(condition) => condition.acquire().await.forget(),
            Self::Semaphore(semaphore) => semaphore.acquire().await.forget(),
            Self::Bounded(semaphore) => semaphore.acquire().await.forget(),
        }
    }

    pub(super) fn release(&self) -> Result<(), Error> {
        let misuse = || Error::with(ErrorName::Misuse, "it is not locked");
        match self {
            Self::Lock(lock) => lock.release().map_err(|_| misuse()),
            Self::Condition(condition) => condition.release().map_err(|_| misuse()),
            Self::Semaphore(semaphore) => {
                semaphore.release();
                Ok(())
            }
            Self::Bounded(semaphore) => {
                let released = semaphore.release();
                released.map_err(|_| Error::invalid("released too often"))
            }
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        match self {
            Self::Lock(lock) => lock.is_locked(),
            Self::Condition(condition) => condition.is_locked(),
            Self::Semaphore(semaphore) => semaphore.is_locked(),
            Self::Bounded(semaphore) => semaphore.is_locked(),
        }
    }

    /// Returns how many permits a semaphore has, or whether something else is free: 1 or 0.
    pub(super) fn permits(&self) -> usize {
        match self {
            Self::Semaphore(semaphore) => semaphore.permits(),
            Self::Bounded(semaphore) => semaphore.permits(),
            other => usize::from(!other.is_locked()),
        }
    }
}

/// Evaluates an expression with the queue, whichever it is.
macro_rules! each {
    ($self:ident, $queue:ident => $expression:expr) => {
        match $self {
            Queue::Fifo($queue) => $expression,
            Queue::Lifo($queue) => $expression,
            Queue::Smallest($queue) => $expression,
        }
    };
}

impl Queue {
    pub(super) async fn put(&self, item: Value) -> Result<(), Error> {
        let shut = |_| Error::new(ErrorName::ShutDown);
        match self {
            Self::Fifo(queue) => queue
                .put(item)
                .await
                .map_err(|error| shut(error.into_item())),
            Self::Lifo(queue) => queue
                .put(item)
                .await
                .map_err(|error| shut(error.into_item())),
            Self::Smallest(queue) => {
                let put = queue.put(Ranked(item)).await;
                put.map_err(|error| shut(error.into_item().0))
            }
        }
    }

    pub(super) fn put_now(&self, item: Value) -> Result<(), Error> {
        let shut = match self {
            Self::Fifo(queue) => queue.put_nowait(item).map_err(|error| error.is_shut_down()),
            Self::Lifo(queue) => queue.put_nowait(item).map_err(|error| error.is_shut_down()),
            Self::Smallest(queue) => {
                let put = queue.put_nowait(Ranked(item));
                put.map_err(|error| error.is_shut_down())
            }
        };
        shut.map_err(|shut| {
            Error::new(if shut {
                ErrorName::ShutDown
            } else {
                ErrorName::Full
            })
        })
    }

    pub(super) async fn get(&self) -> Result<Value, Error> {
        match self {
            Self::Fifo(queue) => Ok(queue.get().await?),
            Self::Lifo(queue) => Ok(queue.get().await?),
            Self::Smallest(queue) => Ok(queue.get().await?.0),
        }
    }

    pub(super) fn get_now(&self) -> Result<Value, Error> {
        match self {
            Self::Fifo(queue) => Ok(queue.get_nowait()?),
            Self::Lifo(queue) => Ok(queue.get_nowait()?),
            Self::Smallest(queue) => Ok(queue.get_nowait()?.0),
        }
    }

    pub(super) async fn join(&self) {
        each!(self, queue => queue.join().await);
    }

    pub(super) fn len(&self) -> usize {
        each!(self, queue => queue.len())
    }

    pub(super) fn is_full(&self) -> bool {
        each!(self, queue => queue.is_full())
    }

    pub(super) fn task_done(&self) -> Result<(), Error> {
        let done = each!(self, queue => queue.task_done());
        done.map_err(|_| Error::invalid("more items are done than were put"))
    }

    pub(super) fn shut_down(&self, now: bool) {
        if now {
            each!(self, queue => queue.shut_down_now());
        } else {
            each!(self, queue => queue.shut_down());
        }
    }
}

impl From<crate::sync::QueueEmpty> for Error {
    fn from(error: crate::sync::QueueEmpty) -> Self {
        Self::new(if error.is_shut_down() {
            ErrorName::ShutDown
        } else {
            ErrorName::Empty
        })
    }
}
