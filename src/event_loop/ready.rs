//! The ready queue, and who may go next.
//!
//! Two kinds of entry wait their turn. A *free* one, a task's step or a timer, may be swapped with
//! other free ones or delayed. An *ordered* one, a callback, keeps its place: it runs after every
//! ordered one queued before it, and nothing queued after it overtakes it. So the candidates are
//! the oldest ordered entry and all free ones that were queued before it. Threads stand in a
//! [lane](super::lane) of their own, and all of them are candidates.

use std::collections::VecDeque;

use super::lane::Lane;
use super::timers::Timer;

/// Something that is ready to go, in one word: two bits for the kind, the rest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

/// What an [`Entry`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The task or thread in this slot of the table.
    Task(u32),
    /// A due timer.
    Timer(Timer),
    /// The callback in this slot.
    Callback(u32),
}

impl Entry {
    const SHIFT: u32 = Timer::BITS;
    const TIMER: u64 = 1 << Self::SHIFT;
    const CALLBACK: u64 = 2 << Self::SHIFT;
    const THREAD: u64 = 3 << Self::SHIFT;

    #[inline]
    pub(crate) fn task(slot: u32) -> Self {
        Self(u64::from(slot))
    }

    #[inline]
    pub(crate) fn thread(slot: u32) -> Self {
        Self(Self::THREAD | u64::from(slot))
    }

    #[inline]
    pub(crate) fn timer(timer: Timer) -> Self {
        Self(Self::TIMER | timer.bits())
    }

    #[inline]
    pub(crate) fn callback(slot: u32) -> Self {
        Self(Self::CALLBACK | u64::from(slot))
    }

    #[inline]
    fn is_ordered(self) -> bool {
        self.0 >> Self::SHIFT == Self::CALLBACK >> Self::SHIFT
    }

    #[inline]
    pub(crate) fn is_thread(self) -> bool {
        self.0 >> Self::SHIFT == Self::THREAD >> Self::SHIFT
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.0 >> Self::SHIFT {
            1 => Kind::Timer(Timer::from_bits(self.0 ^ Self::TIMER)),
            2 => Kind::Callback(self.0 as u32),
            _ => Kind::Task(self.0 as u32),
        }
    }
}

/// The queue. `open` holds the free candidates, oldest first as long as they are taken from the
/// front; `shut` begins with the oldest ordered entry and holds all that was queued after it.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    open: VecDeque<Entry>,
    shut: VecDeque<Entry>,
    /// The entries of `open` in the order in which they were queued, for a plan that is being
    /// written and must know which of them is the default.
    queued: Option<VecDeque<Entry>>,
    /// Where threads stand, from the first one on.
    lane: Option<Box<Lane>>,
}

impl Ready {
    /// Remembers from now on in which order the candidates were queued.
    pub(crate) fn remember_order(&mut self) {
        self.queued = Some(self.open.clone());
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.shut.is_empty() && !entry.is_ordered() {
            self.push_open(entry);
        } else {
            self.shut.push_back(entry);
        }
    }

    #[inline]
    fn push_open(&mut self, entry: Entry) {
        self.open.push_back(entry);
        if let Some(queued) = &mut self.queued {
            queued.push_back(entry);
        }
    }

    /// Returns the lane of the threads, if there ever was one.
    #[inline]
    pub(crate) fn lane(&mut self) -> Option<&mut Lane> {
        self.lane.as_deref_mut()
    }

    pub(crate) fn open_lane(&mut self) -> &mut Lane {
        self.lane.get_or_insert_default()
    }

    /// Says whether the lane has a say in who goes next.
    #[inline]
    pub(crate) fn is_lane_busy(&self) -> bool {
        self.lane.as_ref().is_some_and(|lane| lane.is_busy())
    }

    /// Returns how many entries of the loop's own, other than threads, are queued.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.shut.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.is_lane_busy()
    }

    /// Returns how many threads are ready.
    pub(crate) fn threads(&self) -> usize {
        self.lane.as_deref().map_or(0, Lane::threads)
    }

    /// Says whether nobody could go but the one who is running.
    #[inline]
    pub(crate) fn has_no_candidate(&self) -> bool {
        let lane = self.lane.as_deref();
        self.open.is_empty() && self.shut.is_empty() && lane.is_none_or(Lane::is_empty)
    }

    /// Returns how many may go next.
    #[inline]
    pub(crate) fn candidates(&self) -> usize {
        let own = self.open.len() + usize::from(!self.shut.is_empty());
        match &self.lane {
            None => own,
            Some(lane) => own + self.candidates_in(lane),
        }
    }

    #[cold]
    fn candidates_in(&self, lane: &Lane) -> usize {
        lane.threads() + self.due(lane).len()
    }

    /// Returns the due timers that are candidates.
    fn due<'a>(&self, lane: &'a Lane) -> &'a VecDeque<Entry> {
        const NONE: &VecDeque<Entry> = &VecDeque::new();
        if self.shut.is_empty() {
            lane.due()
        } else {
            NONE
        }
    }

    pub(crate) fn candidate(&self, index: usize) -> Entry {
        if self.lane.is_some() {
            let mut candidates = self.walk(&self.open);
            candidates.nth(index).expect("the candidate is there")
        } else if index < self.open.len() {
            self.open[index]
        } else {
            self.shut[0]
        }
    }

    /// Goes through the candidates in the order of their indices.
    pub(crate) fn all(&self) -> impl Iterator<Item = Entry> {
        self.walk(&self.open)
    }

    /// Returns the candidates in the order in which they were queued; the first is the default.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Entry> {
        self.walk(self.queued.as_ref().unwrap_or(&self.open))
    }

    /// Goes through the candidates, the free ones of the loop in the order of `open`.
    fn walk<'a>(&'a self, open: &'a VecDeque<Entry>) -> impl Iterator<Item = Entry> {
        let lane = self.lane.as_deref();
        let first = lane.into_iter().flat_map(Lane::first);
        let due = lane.into_iter().flat_map(|lane| self.due(lane));
        let last = lane.into_iter().flat_map(Lane::last);
        let own = open.iter().chain(due).chain(self.shut.front());
        first.chain(own).chain(last).copied()
    }

    /// Takes the oldest entry, which is candidate 0 as long as no other was ever taken.
    #[inline]
    pub(crate) fn take_oldest(&mut self) -> Option<Entry> {
        match self.open.pop_front() {
            Some(entry) => {
                if let Some(queued) = &mut self.queued {
                    queued.pop_front();
                }
                Some(entry)
            }
            None => self.take_ordered(),
        }
    }

    #[cold]
    fn take_beside_threads(&mut self, index: usize, swaps: bool) -> Option<Entry> {
        match self.take_from_lane(index) {
            Ok(entry) => entry,
            Err(index) if swaps => self.swap_take_own(index),
            Err(index) => self.take_own(index),
        }
    }

    /// Takes the candidate at `index` and keeps the others in order: for those who never swap.
    pub(crate) fn take(&mut self, index: usize) -> Option<Entry> {
        if self.lane.is_some() {
            return self.take_beside_threads(index, false);
        }
        self.take_own(index)
    }

    fn take_own(&mut self, index: usize) -> Option<Entry> {
        if index < self.open.len() {
            self.open.remove(index)
        } else {
            self.take_ordered()
        }
    }

    /// Takes the candidate at `index`, in constant time, and moves the first into its place.
    #[inline]
    pub(crate) fn swap_take(&mut self, index: usize) -> Option<Entry> {
        if self.lane.is_some() {
            return self.take_beside_threads(index, true);
        }
        self.swap_take_own(index)
    }

    #[inline(always)]
    fn swap_take_own(&mut self, index: usize) -> Option<Entry> {
        if index >= self.open.len() {
            return self.take_ordered();
        }
        let entry = self.open.swap_remove_front(index)?;
        if let Some(queued) = &mut self.queued {
            let place = queued.iter().position(|other| *other == entry);
            place.and_then(|place| queued.remove(place));
        }
        Some(entry)
    }

    /// Takes a candidate that stands in the lane, or else gives its index among the others.
    fn take_from_lane(&mut self, index: usize) -> Result<Option<Entry>, usize> {
        let Some(lane) = &mut self.lane else {
            return Err(index);
        };
        let index = match lane.take_first(index) {
            Ok(entry) => return Ok(Some(entry)),
            Err(rest) => rest,
        };
        let Some(rest) = index.checked_sub(self.open.len()) else {
            return Err(index);
        };
        let rest = if self.shut.is_empty() {
            match lane.take_due(rest) {
                Ok(entry) => return Ok(Some(entry)),
                Err(rest) => rest,
            }
        } else if rest == 0 {
            return Err(index);
        } else {
            rest - 1
        };
        Ok(lane.take_last(rest))
    }

    fn take_ordered(&mut self) -> Option<Entry> {
        let entry = self.shut.pop_front()?;
        while let Some(next) = self.shut.front().copied() {
            if next.is_ordered() {
                break;
            }
            self.shut.pop_front();
            self.push_open(next);
        }
        Some(entry)
    }

    /// Ends the threads' time between two iterations, if it lasts: what was held back for it is
    /// queued.
    pub(crate) fn end_gap(&mut self) {
        let due = self.lane().map(Lane::end_gap);
        for entry in due.into_iter().flatten() {
            self.push(entry);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.shut.clear();
        self.lane = None;
        if let Some(queued) = &mut self.queued {
            queued.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(ready: &mut Ready) -> Vec<Entry> {
        std::iter::from_fn(|| ready.take_oldest()).collect()
    }

    #[test]
    fn the_oldest_first_is_first_in_first_out() {
        let entries = [
            Entry::task(0),
            Entry::callback(0),
            Entry::task(1),
            Entry::task(2),
            Entry::callback(1),
            Entry::callback(2),
            Entry::task(3),
        ];
        let mut ready = Ready::default();
        entries.into_iter().for_each(|entry| ready.push(entry));
        assert_eq!(ready.len(), 7);
        assert_eq!(drain(&mut ready), entries);
    }

    #[test]
    fn a_task_never_overtakes_a_callback_queued_before_it() {
        let mut ready = Ready::default();
        [
            Entry::task(0),
            Entry::task(1),
            Entry::callback(0),
            Entry::task(2),
            Entry::callback(1),
        ]
        .into_iter()
        .for_each(|entry| ready.push(entry));
        assert_eq!(ready.candidates(), 3);
        assert_eq!(ready.candidate(2), Entry::callback(0));
        assert_eq!(ready.take(2), Some(Entry::callback(0)));
        let open: Vec<Entry> = (0..ready.candidates())
            .map(|index| ready.candidate(index))
            .collect();
        assert_eq!(
            open,
            [
                Entry::task(0),
                Entry::task(1),
                Entry::task(2),
                Entry::callback(1)
            ]
        );
    }

    #[test]
    fn the_default_is_known_even_after_swaps() {
        let mut ready = Ready::default();
        (0..4).for_each(|slot| ready.push(Entry::task(slot)));
        ready.remember_order();
        assert_eq!(ready.swap_take(2), Some(Entry::task(2)));
        assert_eq!(ready.in_order().next(), Some(Entry::task(0)));
        assert_eq!(ready.swap_take(1), Some(Entry::task(0)));
        assert_eq!(ready.in_order().next(), Some(Entry::task(1)));
    }
}
