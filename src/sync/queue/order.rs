//! In which order a queue gives its items out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// In which order a queue gives its items out: the store behind it.
///
/// Write code that takes a queue of any kind with it:
///
/// ```
/// use simrun::sync::{LifoQueue, Order, OrderedQueue, Queue};
///
/// async fn first<O: Order<Item = u32>>(queue: OrderedQueue<O>) -> u32 {
///     for n in 1..=3 {
///         queue.put(n).await.unwrap();
///     }
///     queue.get().await.unwrap()
/// }
///
/// # simrun::run(async {
/// assert_eq!(first(Queue::unbounded()).await, 1);
/// assert_eq!(first(LifoQueue::unbounded()).await, 3);
/// # });
/// ```
pub trait Order: Default + private::Sealed {
    /// What it stores.
    type Item;

    #[doc(hidden)]
    fn put(&mut self, item: Self::Item);
    #[doc(hidden)]
    fn take(&mut self) -> Option<Self::Item>;
    #[doc(hidden)]
    fn count(&self) -> usize;
}

mod private {
    pub trait Sealed {}
}

/// First in, first out.
///
/// See [`Queue`](super::Queue).
///
/// ```
/// use simrun::sync::{Fifo, OrderedQueue, Queue};
///
/// let queue: Queue<u32> = OrderedQueue::<Fifo<u32>>::unbounded();
/// # drop(queue);
/// ```
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
///
/// See [`LifoQueue`](super::LifoQueue).
///
/// ```
/// use simrun::sync::{Lifo, LifoQueue, OrderedQueue};
///
/// let stack: LifoQueue<u32> = OrderedQueue::<Lifo<u32>>::unbounded();
/// # drop(stack);
/// ```
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

/// Smallest first; equal ones in the order in which they came.
///
/// See [`PriorityQueue`](super::PriorityQueue).
///
/// ```
/// use simrun::sync::PriorityQueue;
/// use std::cmp::Reverse;
///
/// # simrun::run(async {
/// let largest_first = PriorityQueue::unbounded();
/// for n in [1, 3, 2] {
///     largest_first.put(Reverse(n)).await.unwrap();
/// }
/// assert_eq!(largest_first.get().await.unwrap(), Reverse(3));
/// # });
/// ```
#[derive(Debug)]
pub struct Smallest<T: Ord> {
    heap: BinaryHeap<Reverse<(T, u64)>>,
    next: u64,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Default for Smallest<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }
}

impl<T> private::Sealed for Fifo<T> {}
impl<T> private::Sealed for Lifo<T> {}
impl<T: Ord> private::Sealed for Smallest<T> {}

impl<T> Order for Fifo<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T> Order for Lifo<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.0.push(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T: Ord> Order for Smallest<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.heap.push(Reverse((item, self.next)));
        self.next += 1;
    }

    fn take(&mut self) -> Option<T> {
        self.heap.pop().map(|Reverse((item, _))| item)
    }

    fn count(&self) -> usize {
        self.heap.len()
    }
}
