//! Timers: a heap of deadlines in virtual time.
//!
//! Equal deadlines fire in the order they were set, so a run does not depend on how the heap
//! breaks ties. A cancelled timer stays until it surfaces, or until such timers are the majority.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Below this many timers it is not worth while to look for cancelled ones.
const COMPACT_ABOVE: usize = 100;

/// A timer, in one word: when it was set, as compared with others, and whom it is for. Timers are
/// numbered by the waiters and callbacks they are made for, which are numbered as they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer(u64);

/// Whom a timer is for: the waiter or callback in a slot, of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Waiter(u32, u32),
    Callback(u32, u32),
}

impl Timer {
    /// Enough for as many timers at once as there can be tasks.
    const SLOT_BITS: u32 = 24;
    const CALLBACK: u64 = 1 << Self::SLOT_BITS;
    /// The order takes 37 bits: a run would have to set timers for hours to use them up, and then
    /// only ties between old and new timers would be broken the wrong way.
    pub(crate) const BITS: u32 = 62;
    const ORDER_SHIFT: u32 = Self::SLOT_BITS + 1;

    pub(crate) fn for_waiter(slot: u32, generation: u64) -> Self {
        Self::new(slot, generation)
    }

    pub(crate) fn for_callback(slot: u32, generation: u64) -> Self {
        Self(Self::new(slot, generation).0 | Self::CALLBACK)
    }

    fn new(slot: u32, generation: u64) -> Self {
        assert!(
            slot >> Self::SLOT_BITS == 0,
            "more than 16 million timers are set in one run"
        );
        let order = generation << Self::ORDER_SHIFT;
        Self((order | u64::from(slot)) & ((1 << Self::BITS) - 1))
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn target(self) -> Target {
        let slot = (self.0 & (Self::CALLBACK - 1)) as u32;
        let generation = (self.0 >> Self::ORDER_SHIFT) as u32;
        if self.0 & Self::CALLBACK == 0 {
            Target::Waiter(slot, generation)
        } else {
            Target::Callback(slot, generation)
        }
    }
}

/// The pending timers of a loop. Each is its deadline above its own word, so that one comparison
/// of numbers orders them.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<u128>>,
    cancelled: usize,
}

impl Timers {
    pub(crate) fn set(&mut self, at: u64, timer: Timer) {
        if self.heap.len() == self.heap.capacity() {
            // An eighth more at a time: millions of timers should not cost twice their size.
            self.heap.reserve_exact((self.heap.len() / 8).max(4));
        }
        self.heap
            .push(Reverse(u128::from(at) << 64 | u128::from(timer.0)));
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
    pub(crate) fn sweep(&mut self, is_live: impl Fn(Timer) -> bool) {
        self.heap
            .retain(|Reverse(timer)| is_live(Timer(*timer as u64)));
        self.cancelled = 0;
    }

    /// Returns the first deadline.
    pub(crate) fn first(&self) -> Option<(u64, Timer)> {
        self.heap
            .peek()
            .map(|Reverse(timer)| ((timer >> 64) as u64, Timer(*timer as u64)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_names_its_target_again() {
        let waiter = Timer::for_waiter(3, 1 << 33 | 7);
        assert_eq!(waiter.target(), Target::Waiter(3, 7));
        assert_eq!(Timer::from_bits(waiter.bits()), waiter);
        assert_eq!(Timer::for_callback(5, 8).target(), Target::Callback(5, 8));
    }

    #[test]
    fn equal_deadlines_fire_in_the_order_in_which_they_were_set() {
        let mut timers = Timers::default();
        for generation in 1..=8 {
            timers.set(10, Timer::for_callback(9 - generation as u32, generation));
        }
        timers.set(5, Timer::for_waiter(1, 9));
        let order: Vec<Target> = std::iter::from_fn(|| {
            let (_, timer) = timers.first()?;
            timers.pop();
            Some(timer.target())
        })
        .collect();
        assert_eq!(order[0], Target::Waiter(1, 9));
        let generations = (1..=8).map(|generation| Target::Callback(9 - generation, generation));
        assert!(order[1..].iter().copied().eq(generations));
    }
}
