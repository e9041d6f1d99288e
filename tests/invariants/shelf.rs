//! A queue of one of the three kinds, and beside it what must be in it.

use std::cell::RefCell;

use simrun::sync::{LifoQueue, Order, OrderedQueue, PriorityQueue, Queue};

/// In which order a shelf gives its items out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Fifo,
    Lifo,
    Smallest,
}

/// An item: who made it, and how many the same had made before. The smallest is one that was made
/// early by one of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) number: u32,
    pub(super) producer: usize,
}

enum Real {
    Fifo(Queue<Item>),
    Lifo(LifoQueue<Item>),
    Smallest(PriorityQueue<Item>),
}

/// A queue and its model.
pub(super) struct Shelf {
    kind: Kind,
    real: Real,
    /// What was put in and not taken out, in the order in which it was put in.
    stored: RefCell<Vec<Item>>,
}

/// Evaluates an expression with the queue, whichever it is.
macro_rules! each {
    ($self:ident, $queue:ident => $expression:expr) => {
        match &$self.real {
            Real::Fifo($queue) => $expression,
            Real::Lifo($queue) => $expression,
            Real::Smallest($queue) => $expression,
        }
    };
}

fn sized<O: Order>(capacity: Option<usize>) -> OrderedQueue<O> {
    let queue = capacity.map_or_else(OrderedQueue::unbounded, OrderedQueue::bounded);
    queue.named("shelf")
}

impl Shelf {
    pub(super) fn new(kind: Kind, capacity: Option<usize>) -> Self {
        let real = match kind {
            Kind::Fifo => Real::Fifo(sized(capacity)),
            Kind::Lifo => Real::Lifo(sized(capacity)),
            Kind::Smallest => Real::Smallest(sized(capacity)),
        };
        Self {
            kind,
            real,
            stored: RefCell::default(),
        }
    }

    pub(super) async fn put(&self, item: Item) {
        let put = each!(self, queue => queue.put(item).await.is_ok());
        assert!(put, "the queue is never shut down");
    }

    /// Puts an item in if there is room.
    pub(super) fn put_now(&self, item: Item) -> bool {
        each!(self, queue => queue.put_nowait(item).is_ok())
    }

    pub(super) async fn get(&self) -> Item {
        let got = each!(self, queue => queue.get().await);
        got.expect("the queue is never shut down")
    }

    pub(super) fn get_now(&self) -> Option<Item> {
        each!(self, queue => queue.get_nowait().ok())
    }

    pub(super) fn len(&self) -> usize {
        each!(self, queue => queue.len())
    }

    pub(super) fn is_full(&self) -> bool {
        each!(self, queue => queue.is_full())
    }

    /// Writes down that an item has been put in.
    pub(super) fn note_put(&self, item: Item) {
        self.stored.borrow_mut().push(item);
    }

    /// Writes down that an item has been taken out, and says which one it should have been if it
    /// should have been another.
    pub(super) fn note_got(&self, item: Item) -> Result<(), Option<Item>> {
        let stored = &mut *self.stored.borrow_mut();
        let expected = match self.kind {
            Kind::Fifo => stored.first(),
            Kind::Lifo => stored.last(),
            Kind::Smallest => stored.iter().min(),
        };
        if expected != Some(&item) {
            return Err(expected.copied());
        }
        stored.retain(|other| *other != item);
        Ok(())
    }

    /// Returns how many items should be in the queue.
    pub(super) fn expected_len(&self) -> usize {
        self.stored.borrow().len()
    }
}
