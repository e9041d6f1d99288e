//! Queues: from those who make to those who take.

mod error;
mod order;
mod waits;

use std::fmt;
use std::panic::Location;

pub use error::{QueueEmpty, QueueFull, ShutDown, TooManyDone};
pub use order::{Fifo, Lifo, Order, Smallest};
pub use waits::{Get, Join, Put};

use super::home::{Home, Waiters};
use crate::event_loop::core::Core;
use crate::event_loop::table::WaiterKey;
use crate::event_loop::{Access, Wait};

/// A queue that gives out last what was put in first: see [`OrderedQueue`].
///
/// ```
/// use simrun::sync::LifoQueue;
///
/// # simrun::run(async {
/// let stack = LifoQueue::unbounded();
/// stack.put_nowait(1).unwrap();
/// stack.put_nowait(2).unwrap();
/// assert_eq!(stack.get().await.unwrap(), 2);
/// # });
/// ```
pub type LifoQueue<T> = OrderedQueue<Lifo<T>>;

/// A queue that gives out the smallest first, and equal ones in the order in which they came: see
/// [`OrderedQueue`].
///
/// ```
/// use simrun::sync::PriorityQueue;
///
/// # simrun::run(async {
/// let queue = PriorityQueue::unbounded();
/// queue.put_nowait(3).unwrap();
/// queue.put_nowait(1).unwrap();
/// assert_eq!(queue.get().await.unwrap(), 1);
/// # });
/// ```
pub type PriorityQueue<T> = OrderedQueue<Smallest<T>>;

/// A queue between tasks, first in, first out, with or without a bound: see [`OrderedQueue`] for
/// what it can do.
///
/// ```
/// use simrun::sync::Queue;
///
/// # simrun::run(async {
/// let queue = Queue::unbounded();
/// queue.put("first").await.unwrap();
/// queue.put("second").await.unwrap();
/// assert_eq!(queue.get().await.unwrap(), "first");
/// # });
/// ```
pub type Queue<T> = OrderedQueue<Fifo<T>>;

/// A queue between tasks, with or without a bound: a [`Queue`], [`LifoQueue`] or [`PriorityQueue`],
/// as the order of its items is.
///
/// Putting waits while the queue is full, getting while it is empty. Being woken is a hint, not a
/// promise: if another task took the item first, the woken one goes to the end of the line. No item
/// is lost when a task is cancelled.
///
/// Each item that was put counts as unfinished until someone says [`task_done`](Self::task_done)
/// for it; [`join`](Self::join) waits until none is.
///
/// ```
/// use simrun::sync::Queue;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let queue = Arc::new(Queue::bounded(1));
/// let producer = task::spawn({
///     let queue = queue.clone();
///     async move {
///         for n in 0..3 {
///             queue.put(n).await.unwrap();
///         }
///         queue.shut_down();
///     }
/// });
/// let mut sum = 0;
/// while let Ok(n) = queue.get().await {
///     sum += n;
/// }
/// assert_eq!(sum, 3);
/// producer.await.unwrap();
/// # });
/// ```
pub struct OrderedQueue<O: Order> {
    home: Home<State<O>>,
}

#[derive(Debug)]
struct State<O> {
    items: O,
    capacity: Option<usize>,
    getters: Waiters,
    putters: Waiters,
    joiners: Waiters,
    unfinished: usize,
    shut_down: bool,
}

impl<O: Order> State<O> {
    fn is_full(&self) -> bool {
        self.capacity
            .is_some_and(|capacity| self.items.count() >= capacity)
    }

    fn is_empty(&self) -> bool {
        self.items.count() == 0
    }

    /// Puts an item in, and takes the getter to wake out of the line.
    fn put(&mut self, core: &Core, item: O::Item) -> Result<Option<WaiterKey>, QueueFull<O::Item>> {
        if self.shut_down || self.is_full() {
            return Err(QueueFull {
                item,
                shut_down: self.shut_down,
            });
        }
        self.items.put(item);
        self.unfinished += 1;
        Ok(self.getters.pop_waiting(core))
    }

    /// Takes an item out, and the putter to wake out of the line.
    fn get(&mut self, core: &Core) -> Result<(O::Item, Option<WaiterKey>), QueueEmpty> {
        let item = self.items.take().ok_or(QueueEmpty {
            shut_down: self.shut_down,
        })?;
        Ok((item, self.putters.pop_waiting(core)))
    }
}

fn wake(core: &Core, waiter: Option<WaiterKey>) {
    if let Some(waiter) = waiter {
        core.wake(waiter);
    }
}

impl<O: Order> OrderedQueue<O> {
    /// Makes a queue without a bound: putting never waits.
    #[track_caller]
    pub fn unbounded() -> Self {
        Self::with_capacity(None, Location::caller())
    }

    /// Makes a queue that holds no more than `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0: nothing could ever pass.
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue that holds nothing lets nothing pass: use capacity 1"
        );
        Self::with_capacity(Some(capacity), Location::caller())
    }

    fn with_capacity(capacity: Option<usize>, made: &'static Location<'static>) -> Self {
        let state = State {
            items: O::default(),
            capacity,
            getters: Waiters::new(),
            putters: Waiters::new(),
            joiners: Waiters::new(),
            unfinished: 0,
            shut_down: false,
        };
        Self {
            home: Home::born("queue", made, state),
        }
    }

    /// Gives the queue a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Returns how many items are in the queue.
    #[track_caller]
    pub fn len(&self) -> usize {
        self.home.enter(Access::Read);
        self.home.with(|state| state.items.count())
    }

    /// Says whether the queue is empty.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether putting would wait.
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.home.enter(Access::Read);
        self.home.with(|state| state.is_full())
    }

    /// Returns the bound, if there is one.
    pub fn capacity(&self) -> Option<usize> {
        self.home.with(|state| state.capacity)
    }

    /// Puts an item in, as soon as there is room.
    #[track_caller]
    pub fn put(&self, item: O::Item) -> Put<'_, O> {
        Put {
            queue: self,
            item: Some(item),
            wait: Wait::new(),
            at: Location::caller(),
        }
    }

    /// Puts an item in at once.
    ///
    /// # Errors
    ///
    /// If the queue is full or shut down; the error gives the item back.
    #[track_caller]
    pub fn put_nowait(&self, item: O::Item) -> Result<(), QueueFull<O::Item>> {
        let (core, getter) = self.home.visit(Access::Write, |core, _, state| {
            Ok((core.clone(), state.put(core, item)?))
        })?;
        wake(&core, getter);
        Ok(())
    }

    /// Takes the next item out, as soon as there is one.
    #[track_caller]
    pub fn get(&self) -> Get<'_, O> {
        Get {
            queue: self,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }

    /// Takes the next item out at once.
    ///
    /// # Errors
    ///
    /// If the queue is empty; the error tells whether it is also shut down.
    #[track_caller]
    pub fn get_nowait(&self) -> Result<O::Item, QueueEmpty> {
        let (core, (item, putter)) = self.home.visit(Access::Write, |core, _, state| {
            Ok((core.clone(), state.get(core)?))
        })?;
        wake(&core, putter);
        Ok(item)
    }

    /// Says that an item that was taken out is dealt with.
    ///
    /// # Errors
    ///
    /// If that was said for every item that was put in.
    #[track_caller]
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let (core, _) = self.home.enter(Access::Write);
        let left = self.home.with(|state| {
            state.unfinished = state.unfinished.checked_sub(1)?;
            Some(state.unfinished)
        });
        match left {
            None => Err(TooManyDone(())),
            Some(left) => {
                if left == 0 {
                    self.release_joiners(&core);
                }
                Ok(())
            }
        }
    }

    fn release_joiners(&self, core: &Core) {
        for waiter in self.home.with(|state| state.joiners.all()) {
            core.wake(waiter);
        }
    }

    /// Waits until every item that was put in has been [dealt with](Self::task_done).
    #[track_caller]
    pub fn join(&self) -> Join<'_, O> {
        Join {
            queue: self,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }

    /// Lets nothing more in. What is in the queue can still be taken out; then getting fails.
    /// Everyone who waits is woken to see for themselves.
    #[track_caller]
    pub fn shut_down(&self) {
        self.shut(|_| ());
    }

    /// Lets nothing more in and throws away what is there, which counts as dealt with.
    ///
    /// ```
    /// use simrun::sync::Queue;
    ///
    /// # simrun::run(async {
    /// let queue = Queue::unbounded();
    /// queue.put("never read").await.unwrap();
    /// queue.shut_down_now();
    /// assert!(queue.get().await.is_err());
    /// queue.join().await; // takes no time: what was thrown away is dealt with
    /// # });
    /// ```
    #[track_caller]
    pub fn shut_down_now(&self) {
        let items = self.shut(|state| {
            let items = std::mem::take(&mut state.items);
            state.unfinished = state.unfinished.saturating_sub(items.count());
            items
        });
        drop(items);
    }

    #[track_caller]
    fn shut<R>(&self, act: impl FnOnce(&mut State<O>) -> R) -> R {
        let (core, _) = self.home.enter(Access::Write);
        let (result, finished) = self.home.with(|state| {
            state.shut_down = true;
            let result = act(state);
            (result, state.unfinished == 0)
        });
        if finished {
            self.release_joiners(&core);
        }
        while let Some(getter) = self.home.with(|state| state.getters.pop()) {
            core.wake(getter);
        }
        while let Some(putter) = self.home.with(|state| state.putters.pop()) {
            core.wake(putter);
        }
        result
    }
}

impl<O: Order> fmt::Debug for OrderedQueue<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, capacity) = self
            .home
            .with(|state| (state.items.count(), state.capacity));
        f.debug_struct("Queue")
            .field("len", &len)
            .field("capacity", &capacity)
            .finish_non_exhaustive()
    }
}
