//! The lane of the threads.
//!
//! Threads run beside the loop, not in it: a step of theirs is no entry of an iteration. In
//! first-in-first-out order they go in the *gaps* between two iterations, where asyncio's loop
//! waits in `select` and hears of what threads have done; under any other strategy they may go
//! whenever something may. What a thread queues in a gap comes before the timers that are due in
//! it, as completions of threads come before timers in asyncio.

use std::collections::VecDeque;

use super::ready::Entry;

/// The threads that are ready, and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// The thread that was interrupted between two of its operations: by default it goes on.
    interrupted: Option<Entry>,
    ready: VecDeque<Entry>,
    /// Threads that have given way: in first-in-first-out order their turn is in the next gap.
    later: VecDeque<Entry>,
    /// Timers of the loop that are due in this gap.
    due: VecDeque<Entry>,
    /// Who goes next was decided where a thread was interrupted.
    chosen: Option<Entry>,
    gap: bool,
}

impl Lane {
    pub(super) fn push(&mut self, thread: Entry) {
        self.ready.push_back(thread);
    }

    pub(super) fn push_later(&mut self, thread: Entry) {
        self.later.push_back(thread);
    }

    /// Returns how many threads are ready.
    pub(super) fn threads(&self) -> usize {
        usize::from(self.interrupted.is_some()) + self.ready.len() + self.later.len()
    }

    /// Says whether nobody waits in it.
    pub(super) fn is_empty(&self) -> bool {
        self.threads() == 0 && self.due.is_empty()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.gap || self.chosen.is_some() || self.threads() > 0
    }

    pub(super) fn due(&self) -> &VecDeque<Entry> {
        &self.due
    }

    /// Holds back a timer that is due until the gap ends.
    pub(super) fn hold_back(&mut self, timer: Entry) {
        self.due.push_back(timer);
    }

    /// Begins a gap, if a thread is ready.
    pub(super) fn begin_gap(&mut self) -> bool {
        self.ready.append(&mut self.later);
        self.gap = self.threads() > 0;
        self.gap
    }

    pub(super) fn is_gap(&self) -> bool {
        self.gap
    }

    /// Ends a gap; gives what was held back.
    pub(super) fn end_gap(&mut self) -> VecDeque<Entry> {
        self.gap = false;
        std::mem::take(&mut self.due)
    }

    /// Goes through the threads that come before what the loop has queued.
    pub(super) fn first(&self) -> impl Iterator<Item = &Entry> {
        let ready = self.gap.then_some(&self.ready);
        self.interrupted.iter().chain(ready.into_iter().flatten())
    }

    /// Goes through the threads that come after it.
    pub(super) fn last(&self) -> impl Iterator<Item = &Entry> {
        let ready = (!self.gap).then_some(&self.ready);
        ready.into_iter().flatten().chain(&self.later)
    }

    /// Takes one of the first, or else gives how many of the others come before.
    pub(super) fn take_first(&mut self, mut index: usize) -> Result<Entry, usize> {
        if let Some(interrupted) = self.interrupted {
            if index == 0 {
                self.interrupted = None;
                return Ok(interrupted);
            }
            index -= 1;
        }
        if !self.gap {
            return Err(index);
        }
        take(&mut self.ready, index)
    }

    pub(super) fn take_due(&mut self, index: usize) -> Result<Entry, usize> {
        take(&mut self.due, index)
    }

    /// Takes one of the last, if there are as many.
    pub(super) fn take_last(&mut self, mut index: usize) -> Option<Entry> {
        if !self.gap {
            match take(&mut self.ready, index) {
                Ok(entry) => return Some(entry),
                Err(rest) => index = rest,
            }
        }
        self.later.remove(index)
    }

    /// Lets a thread stand by while it is decided who goes on at its point.
    pub(super) fn interrupt(&mut self, thread: Entry) {
        self.interrupted = Some(thread);
    }

    /// Keeps what was decided for the loop's next turn. A thread that was interrupted for another
    /// one waits as the first of all.
    pub(super) fn choose(&mut self, chosen: Entry) {
        self.chosen = Some(chosen);
        if let Some(interrupted) = self.interrupted.take() {
            self.ready.push_front(interrupted);
        }
    }

    pub(super) fn has_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    pub(super) fn take_chosen(&mut self) -> Option<Entry> {
        self.chosen.take()
    }
}

fn take(queue: &mut VecDeque<Entry>, index: usize) -> Result<Entry, usize> {
    if index == 0 {
        return queue.pop_front().ok_or(0);
    }
    match queue.remove(index) {
        Some(entry) => Ok(entry),
        None => Err(index - queue.len()),
    }
}
