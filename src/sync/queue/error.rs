//! What can go wrong with a queue.

use std::error::Error;
use std::fmt;

/// The queue had no room for an item, or is shut down.
///
/// ```
/// use simrun::sync::Queue;
///
/// # simrun::run(async {
/// let queue = Queue::bounded(1);
/// queue.put_nowait("first").unwrap();
/// let full = queue.put_nowait("second").unwrap_err();
/// assert!(!full.is_shut_down());
/// assert_eq!(full.into_item(), "second");
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueFull<T> {
    pub(super) item: T,
    pub(super) shut_down: bool,
}

impl<T> QueueFull<T> {
    /// Takes the item back.
    pub fn into_item(self) -> T {
        self.item
    }

    /// Says whether the queue is shut down, and will never have room.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down
    }
}

impl<T> fmt::Display for QueueFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.shut_down {
            "the queue is shut down"
        } else {
            "the queue is full"
        })
    }
}

impl<T> fmt::Debug for QueueFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFull")
            .field("shut_down", &self.shut_down)
            .finish_non_exhaustive()
    }
}

impl<T> Error for QueueFull<T> {}

/// The queue had no item, and if it is shut down will never have one.
///
/// ```
/// use simrun::sync::Queue;
///
/// # simrun::run(async {
/// let queue = Queue::<u32>::unbounded();
/// assert!(!queue.get_nowait().unwrap_err().is_shut_down());
/// queue.shut_down();
/// assert!(queue.get().await.unwrap_err().is_shut_down());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueEmpty {
    pub(super) shut_down: bool,
}

impl QueueEmpty {
    /// Says whether the queue is shut down, and will never have an item.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down
    }
}

impl fmt::Display for QueueEmpty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.shut_down {
            "the queue is shut down"
        } else {
            "the queue is empty"
        })
    }
}

impl Error for QueueEmpty {}

/// The queue is shut down and lets nothing more in.
///
/// ```
/// use simrun::sync::Queue;
///
/// # simrun::run(async {
/// let queue = Queue::unbounded();
/// queue.shut_down();
/// let refused = queue.put("late").await.unwrap_err();
/// assert_eq!(refused.into_item(), "late");
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShutDown<T> {
    pub(super) item: T,
}

impl<T> ShutDown<T> {
    /// Takes the item back.
    pub fn into_item(self) -> T {
        self.item
    }
}

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is shut down")
    }
}

impl<T> fmt::Debug for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutDown").finish_non_exhaustive()
    }
}

impl<T> Error for ShutDown<T> {}

/// More items were said to be dealt with than were put into the queue.
///
/// ```
/// use simrun::sync::Queue;
///
/// # simrun::run(async {
/// let queue = Queue::unbounded();
/// queue.put(1).await.unwrap();
/// queue.get().await.unwrap();
/// assert!(queue.task_done().is_ok());
/// assert!(queue.task_done().is_err());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDone(pub(super) ());

impl fmt::Display for TooManyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more items were said to be dealt with than were put into the queue")
    }
}

impl Error for TooManyDone {}
