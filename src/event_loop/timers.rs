//! Timers: a heap of deadlines in virtual time.
//!
//! Equal deadlines fire in the order they were set, so a run does not depend on how the heap
//! breaks ties. A cancelled timer stays until it surfaces, or until such timers are the majority.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ready::TimerTarget;

/// Below this many timers it is not worth while to look for cancelled ones.
const COMPACT_ABOVE: usize = 100;

/// When a timer fires, which of the equal ones goes first, and whom it is for.
#[derive(Clone, Copy, Debug)]
struct Timer {
    at: u64,
    order: u64,
    target: TimerTarget,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The pending timers of a loop.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    set: u64,
    cancelled: usize,
}

impl Timers {
    pub(crate) fn set(&mut self, at: u64, target: TimerTarget) {
        if self.heap.len() == self.heap.capacity() {
            // A quarter more at a time: millions of timers should not cost twice their size.
            self.heap.reserve_exact((self.heap.len() / 4).max(4));
        }
        self.set += 1;
        self.heap.push(Reverse(Timer {
            at,
            order: self.set,
            target,
        }));
    }

    /// Takes note that a pending timer has become meaningless.
    pub(crate) fn cancel(&mut self) {
        self.cancelled += 1;
    }

    /// Says whether the cancelled timers should be swept out.
    pub(crate) fn is_crowded(&self) -> bool {
        self.heap.len() > COMPACT_ABOVE && self.cancelled * 2 > self.heap.len()
    }

    /// Drops every timer that is not for anyone any more.
    pub(crate) fn sweep(&mut self, is_live: impl Fn(TimerTarget) -> bool) {
        self.heap.retain(|Reverse(timer)| is_live(timer.target));
        self.cancelled = 0;
    }

    /// Returns the first deadline.
    pub(crate) fn first(&self) -> Option<(u64, TimerTarget)> {
        self.heap
            .peek()
            .map(|Reverse(timer)| (timer.at, timer.target))
    }

    /// Removes the timer with the first deadline.
    pub(crate) fn pop(&mut self) {
        self.heap.pop();
    }

    /// Removes the first timer, which was found to be cancelled.
    pub(crate) fn pop_cancelled(&mut self) {
        self.heap.pop();
        self.cancelled = self.cancelled.saturating_sub(1);
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
        self.cancelled = 0;
    }
}
