//! In which order a queue gives its items out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// In which order a queue gives its items out: the store behind it.
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
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out.
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

/// Smallest first; equal ones in the order in which they came.
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
