//! The objects that the tasks of a program share.

use simrun::Promise;
use simrun::sync::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Lock, Order, OrderedQueue,
    PriorityQueue, Queue as Fifo, Semaphore,
};

use super::program::Made;
use super::value::{Exc, Value};

/// An object of a program.
pub(super) enum Object {
    Lockable(Lockable),
    Event(Event),
    Queue(Queue),
    Barrier(Barrier),
    Future(Promise<Value>),
}

/// What can be acquired and released.
pub(super) enum Lockable {
    Lock(Lock),
    Condition(Condition),
    Semaphore(Semaphore),
    Bounded(BoundedSemaphore),
}

/// A queue in one of the three orders.
pub(super) enum Queue {
    Fifo(Fifo<i64>),
    Lifo(LifoQueue<i64>),
    Smallest(PriorityQueue<i64>),
}

impl Object {
    pub(super) fn new(Made(kind, size): &Made) -> Self {
        match kind.as_str() {
            "lock" => Self::Lockable(Lockable::Lock(Lock::new(()))),
            "cond" => Self::Lockable(Lockable::Condition(Condition::new(()))),
            "sem" => Self::Lockable(Lockable::Semaphore(Semaphore::new(*size))),
            "bsem" => Self::Lockable(Lockable::Bounded(BoundedSemaphore::new(*size))),
            "event" => Self::Event(Event::new()),
            "queue" => Self::Queue(Queue::Fifo(sized(*size))),
            "lifo" => Self::Queue(Queue::Lifo(sized(*size))),
            "prio" => Self::Queue(Queue::Smallest(sized(*size))),
            "barrier" => Self::Barrier(Barrier::new(*size)),
            "future" => Self::Future(Promise::new()),
            _ => panic!("there are no objects of kind {kind}"),
        }
    }
}

/// Makes a queue; in the language, a queue of size zero has no bound.
fn sized<O: Order>(size: usize) -> OrderedQueue<O> {
    match size {
        0 => OrderedQueue::unbounded(),
        size => OrderedQueue::bounded(size),
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

    pub(super) fn release(&self) -> Result<(), Exc> {
        match self {
            Self::Lock(lock) => lock.release().map_err(|_| Exc::Runtime),
            Self::Condition(condition) => condition.release().map_err(|_| Exc::Runtime),
            Self::Semaphore(semaphore) => {
                semaphore.release();
                Ok(())
            }
            Self::Bounded(semaphore) => semaphore.release().map_err(|_| Exc::Value),
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
    pub(super) async fn put(&self, item: i64) -> Result<(), Exc> {
        each!(self, queue => queue.put(item).await).map_err(|_| Exc::QueueShutDown)
    }

    pub(super) fn put_nowait(&self, item: i64) -> Result<(), Exc> {
        Ok(each!(self, queue => queue.put_nowait(item))?)
    }

    pub(super) async fn get(&self) -> Result<i64, Exc> {
        Ok(each!(self, queue => queue.get().await)?)
    }

    pub(super) fn get_nowait(&self) -> Result<i64, Exc> {
        Ok(each!(self, queue => queue.get_nowait())?)
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

    pub(super) fn task_done(&self) -> Result<(), Exc> {
        each!(self, queue => queue.task_done()).map_err(|_| Exc::Value)
    }

    pub(super) fn shut_down(&self, now: bool) {
        if now {
            each!(self, queue => queue.shut_down_now());
        } else {
            each!(self, queue => queue.shut_down());
        }
    }
}
