//! Timers: deadlines in virtual time.
//!
//! Equal deadlines fire in the order they were set, so a run does not depend on how a heap breaks
//! ties; but alarms come before all others, as asyncio's loop selects before it looks at timers. A
//! cancelled timer stays until it surfaces, or until such timers are the majority.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Below this many timers it is not worth while to look for cancelled ones.
const COMPACT_ABOVE: usize = 100;

/// A timer, in one word: when it was set, as compared with others, and whom it is for. Timers are
/// numbered by the waiters and callbacks they are made for, which are numbered as they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer(u64);

/// Whom a timer is for: the waiter, callback or alarm in a slot, of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Waiter(u32, u32),
    Callback(u32, u32),
    Alarm(u32, u32),
}

impl Timer {
    /// Enough for as many timers at once as there can be tasks.
    const SLOT_BITS: u32 = 24;
    const CALLBACK: u64 = 1 << Self::SLOT_BITS;
    const ALARM: u64 = 2 << Self::SLOT_BITS;
    /// The order takes 35 bits: a run would have to set timers for hours to use them up, and then
    /// only ties between old and new timers would be broken the wrong way.
    pub(crate) const BITS: u32 = 62;
    /// Whatever is not an alarm comes after those that are due at the same moment.
    const AFTER_ALARMS: u64 = 1 << (Self::BITS - 1);
    const ORDER_SHIFT: u32 = Self::SLOT_BITS + 2;

    pub(crate) fn for_waiter(slot: u32, generation: u64) -> Self {
        Self(Self::new(slot, generation).0 | Self::AFTER_ALARMS)
    }

    pub(crate) fn for_callback(slot: u32, generation: u64) -> Self {
        Self(Self::new(slot, generation).0 | Self::CALLBACK | Self::AFTER_ALARMS)
    }

    pub(crate) fn for_alarm(slot: u32, generation: u64) -> Self {
        Self(Self::new(slot, generation).0 | Self::ALARM)
    }

    fn new(slot: u32, generation: u64) -> Self {
        assert!(
            slot >> Self::SLOT_BITS == 0,
            "more than 16 million timers are set in one run"
        );
        let order = generation << Self::ORDER_SHIFT;
        Self((order | u64::from(slot)) & (Self::AFTER_ALARMS - 1))
    }

    fn is_alarm(self) -> bool {
        self.0 & Self::AFTER_ALARMS == 0
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
        if self.0 & (Self::CALLBACK | Self::ALARM) == 0 {
            Target::Waiter(slot, generation)
        } else if self.0 & Self::CALLBACK != 0 {
            Target::Callback(slot, generation)
        } else {
            Target::Alarm(slot, generation)
        }
    }
}

/// As long as there are no more than this many, a heap of them is as fast as anything.
const FEW: usize = 64;

/// The pending timers of a loop: a heap for the first few, and a radix heap for the many, which
/// needs no comparisons and touches each timer only a few times on its way up.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Deadlines above the timers' own words, so that one comparison of numbers orders them.
    heap: BinaryHeap<Reverse<u128>>,
    radix: Radix,
    cancelled: usize,
}

/// A radix heap. A timer lies in the bucket of the highest bit in which its deadline differs from
/// `last`, the first deadline there is. Timers of one deadline are in one bucket at any time, and
/// each was put behind those of its kind before it, so they stay in order.
#[derive(Debug, Default)]
struct Radix {
    last: u64,
    len: usize,
    /// The timers whose deadline is `last`: alarms, and those that come after them.
    alarms: VecDeque<Timer>,
    first: VecDeque<Timer>,
    /// The others, by bit; empty until there are many.
    buckets: Vec<Vec<(u64, Timer)>>,
}

impl Radix {
    fn push(&mut self, at: u64, timer: Timer) {
        debug_assert!(at >= self.last);
        self.len += 1;
        self.place(at, timer);
    }

    fn place(&mut self, at: u64, timer: Timer) {
        let difference = at ^ self.last;
        if difference == 0 {
            let kind = if timer.is_alarm() {
                &mut self.alarms
            } else {
                &mut self.first
            };
            return kind.push_back(timer);
        }
        if self.buckets.is_empty() {
            self.buckets.resize_with(u64::BITS as usize, Vec::new);
        }
        let bucket = &mut self.buckets[difference.ilog2() as usize];
        if bucket.len() == bucket.capacity() {
            // An eighth more at a time: millions of timers should not cost twice their size.
            bucket.reserve_exact((bucket.len() / 8).max(4));
        }
        bucket.push((at, timer));
    }

    /// Returns the first deadline and its first timer.
    fn first(&mut self) -> Option<(u64, Timer)> {
        if self.alarms.is_empty() && self.first.is_empty() && self.len > 0 {
            let lowest = self.buckets.iter().position(|bucket| !bucket.is_empty())?;
            let timers = std::mem::take(&mut self.buckets[lowest]);
            self.last = timers.iter().map(|(at, _)| *at).min()?;
            for (at, timer) in timers {
                self.place(at, timer);
            }
        }
        let first = self.alarms.front().or(self.first.front());
        first.map(|timer| (self.last, *timer))
    }

    fn pop(&mut self) {
        if self
            .alarms
            .pop_front()
            .or_else(|| self.first.pop_front())
            .is_some()
        {
            self.len -= 1;
        }
    }

    fn retain(&mut self, is_live: impl Fn(Timer) -> bool) {
        self.alarms.retain(|timer| is_live(*timer));
        self.first.retain(|timer| is_live(*timer));
        for bucket in &mut self.buckets {
            bucket.retain(|(_, timer)| is_live(*timer));
        }
        let later: usize = self.buckets.iter().map(Vec::len).sum();
        self.len = self.alarms.len() + self.first.len() + later;
    }

    fn clear(&mut self) {
        self.retain(|_| false);
    }
}

impl Timers {
    pub(crate) fn set(&mut self, at: u64, timer: Timer) {
        if self.heap.len() < FEW || at < self.radix.last {
            self.heap.push(Reverse(key(at, timer)));
        } else {
            self.radix.push(at, timer);
        }
    }

    fn len(&self) -> usize {
        self.heap.len() + self.radix.len
    }

    /// Takes note that a pending timer has become meaningless.
    pub(crate) fn cancel(&mut self) {
        self.cancelled += 1;
    }

    /// Says whether the cancelled timers should be swept out.
    pub(crate) fn is_crowded(&self) -> bool {
        self.len() > COMPACT_ABOVE && self.cancelled * 2 > self.len()
    }

    /// Drops every timer that is not for anyone any more.
    pub(crate) fn sweep(&mut self, is_live: impl Fn(Timer) -> bool) {
        self.heap
            .retain(|Reverse(timer)| is_live(Timer(*timer as u64)));
        self.radix.retain(is_live);
        self.cancelled = 0;
    }

    /// Returns the first deadline, and the timer that was set first for it.
    #[inline]
    pub(crate) fn first(&mut self) -> Option<(u64, Timer)> {
        let few = self.heap.peek().map(|Reverse(key)| *key);
        if self.radix.len == 0 {
            return few.map(|key| ((key >> 64) as u64, Timer(key as u64)));
        }
        let many = self.radix.first().map(|(at, timer)| key(at, timer));
        let key = few.into_iter().chain(many).min()?;
        Some(((key >> 64) as u64, Timer(key as u64)))
    }

    /// Removes the timer that was found to be the first.
    pub(crate) fn pop(&mut self, first: Timer) {
        let few = self
            .heap
            .peek()
            .is_some_and(|Reverse(key)| *key as u64 == first.0);
        if few {
            self.heap.pop();
        } else {
            self.radix.pop();
        }
    }

    /// Removes the first timer, which was found to be cancelled.
    pub(crate) fn pop_cancelled(&mut self, first: Timer) {
        self.pop(first);
        self.cancelled = self.cancelled.saturating_sub(1);
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
        self.radix.clear();
        self.cancelled = 0;
    }
}

fn key(at: u64, timer: Timer) -> u128 {
    u128::from(at) << 64 | u128::from(timer.0)
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
        assert_eq!(Timer::for_alarm(6, 9).target(), Target::Alarm(6, 9));
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
            timers.pop(timer);
            Some(timer.target())
        })
        .collect();
        assert_eq!(order[0], Target::Waiter(1, 9));
        let generations = (1..=8).map(|generation| Target::Callback(9 - generation, generation));
        assert!(order[1..].iter().copied().eq(generations));
    }

    #[test]
    fn alarms_come_before_timers_of_the_same_moment_that_were_set_earlier() {
        let mut timers = Timers::default();
        for generation in 0..FEW as u64 * 2 {
            let set = [Timer::for_waiter, Timer::for_alarm][generation as usize % 2];
            timers.set(10, set(1, generation + 1));
        }
        let order: Vec<bool> = std::iter::from_fn(|| {
            let (_, timer) = timers.first()?;
            timers.pop(timer);
            Some(timer.is_alarm())
        })
        .collect();
        assert!(order.is_sorted_by_key(|is_alarm| !is_alarm), "{order:?}");
    }

    #[test]
    fn few_or_many_they_come_in_the_order_of_their_deadlines() {
        let mut stream = crate::chance::Stream::new(1, crate::chance::Domain::User);
        let (mut timers, mut model) = (Timers::default(), BinaryHeap::new());
        let (mut now, mut generation) = (0_u64, 0_u64);
        for _ in 0..20_000 {
            if stream.below(100) < 52 {
                generation += 1;
                // Mostly later, sometimes at the same moment, now and then in the past.
                let at = match stream.below(10) {
                    0 => now,
                    1 => now.saturating_sub(stream.below(50)),
                    2 => now + stream.below(1 << 40),
                    _ => now + stream.below(1_000),
                };
                let slot = stream.below(1_000) as u32;
                let timer = match stream.below(3) {
                    0 => Timer::for_alarm(slot, generation),
                    _ => Timer::for_waiter(slot, generation),
                };
                timers.set(at, timer);
                model.push(Reverse(key(at, timer)));
            } else {
                let expected = model.pop().map(|Reverse(key)| key);
                let first = timers.first();
                assert_eq!(first.map(|(at, timer)| key(at, timer)), expected);
                if let Some((at, timer)) = first {
                    timers.pop(timer);
                    now = now.max(at);
                }
            }
            if generation.is_multiple_of(4_096) {
                let is_live = |timer: Timer| !timer.0.is_multiple_of(3);
                timers.sweep(is_live);
                model.retain(|Reverse(key)| is_live(Timer(*key as u64)));
            }
            assert_eq!(timers.len(), model.len());
        }
        assert!(model.len() > 2 * FEW, "there were many");
    }
}
