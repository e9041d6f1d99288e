//! Threads beside the loop: when they go, and what becomes of them.
//!
//! A thread is an entry of the loop's table as a task is, and its steps are made like a task's.
//! But it can be interrupted wherever it does something that others could see, so a step of it
//! ends at every such *point*, and whoever may go is a candidate there. By default the thread goes
//! on, and then its stack is not left.

use std::panic::Location;
use std::sync::Arc;

use super::choose::sleeper;
use super::core::{Core, State};
use super::limits::Halt;
use super::paths::ROOT;
use super::ready::Entry;
use super::step;
use super::table::{End, Flags, Key, Kind, On};
use super::tasks::BoxedBody;
use super::timers::{Target, Timer};
use crate::chance::mix;
use crate::error::Cancelled;
use crate::time::Instant;
use crate::trace::EventKind;

/// A cancellation that a blocking call does not hear of: the step's marks, what is being raised and
/// what is to be delivered.
pub(crate) type Hidden = Option<(u8, Option<Cancelled>, Option<Cancelled>)>;

impl Core {
    /// Begins an iteration of a loop that has threads: what they can do comes first.
    #[cold]
    pub(super) fn begin_gap(&self, state: &mut State) -> Result<(), Halt> {
        loop {
            let held_back = !state.ready.open_lane().due().is_empty();
            let is_busy = held_back || !state.ready.is_empty();
            let Some(timer) = self.take_due(state, is_busy)? else {
                break;
            };
            if !state.wake_sleeping_thread(timer, self.now()) {
                state.ready.open_lane().hold_back(Entry::timer(timer));
            }
        }
        if state.ready.open_lane().begin_gap() {
            // More than none: the gap's end says how many.
            state.iteration = 1;
            return Ok(());
        }
        state.ready.end_gap();
        if state.ready.is_empty() && !state.stopping {
            return Err(Halt::Idle);
        }
        state.iteration = state.ready.len();
        Ok(())
    }

    /// Makes a thread, which begins when someone lets it.
    pub(crate) fn add_thread(
        &self,
        body: BoxedBody,
        name: Option<Arc<str>>,
        at: &'static Location<'static>,
    ) -> Key {
        let state = &mut *self.state.borrow_mut();
        let key = state.spawn(self, Kind::Thread, name, at);
        state.slots[key.slot as usize].body = Some(body);
        state.use_beyond("threads");
        key
    }

    /// Lets a thread begin.
    pub(crate) fn schedule_thread(&self, thread: Key) {
        self.state.borrow_mut().schedule(thread.slot);
    }

    /// Lets a thread begin that nobody has a handle of, and that may have stood in line for that.
    pub(crate) fn start_thread(&self, thread: Key, name: Option<Arc<str>>) {
        self.leave_line(thread);
        {
            let state = &mut *self.state.borrow_mut();
            state.slots[thread.slot as usize].rare().name = name;
            state.schedule(thread.slot);
        }
        self.let_go_of(thread);
    }

    /// Has a thread that has not begun stand in line for a resource, as reports will say.
    pub(crate) fn line_up(&self, thread: Key, on: On, at: &'static Location<'static>) {
        let state = &mut *self.state.borrow_mut();
        state.line_up(self, thread.slot, on, at);
    }

    fn leave_line(&self, thread: Key) {
        let state = &mut *self.state.borrow_mut();
        let slot = state.slot(thread);
        let waiter = slot.and_then(|slot| slot.waiting.one());
        waiter.and_then(|waiter| state.waiters.try_remove(waiter as usize));
    }

    /// Ends a thread that has not begun and never will.
    pub(crate) fn discard_thread(&self, thread: Key) {
        self.leave_line(thread);
        self.cut_off(thread);
        self.let_go_of(thread);
    }

    /// Takes note of where the value of a future will come from, for reports.
    pub(crate) fn set_source(&self, future: Key, source: Key) {
        if let Some(slot) = self.state.borrow_mut().slot(future) {
            slot.rare().children.push(source);
        }
    }

    /// Ends the step of the running thread at a point and begins its next one. Says whether the
    /// thread must suspend because it is another's turn. By default the thread goes on, unless it
    /// gives way.
    pub(crate) fn pass_point(&self, gives_way: bool) -> bool {
        let state = &mut *self.state.borrow_mut();
        let Some(slot) = state.current else {
            return false;
        };
        debug_assert_eq!(state.slots[slot as usize].kind, Kind::Thread);
        state.observe(slot);
        if let Some(moves) = &mut state.moves {
            moves.end();
        }
        let itself = Entry::thread(slot);
        let alone = state.ready.has_no_candidate();
        if alone && gives_way && state.is_timer_due(self.now.get()) {
            state.ready.open_lane().push_later(itself);
            state.slots[slot as usize].flags.set(Flags::INTERRUPTED);
            // Nothing is left of the iteration, so that the next one brings the timer up.
            state.iteration = 0;
            return true;
        }
        if (state.chooser.is_some() || gives_way) && !alone {
            let lane = state.ready.open_lane();
            if gives_way {
                lane.push_later(itself);
            } else {
                lane.interrupt(itself);
            }
            state.iteration -= 1;
            let next = state.pick_beside_threads(self).unwrap_or(itself);
            if next != itself {
                state.interrupt_for(slot, next);
                return true;
            }
        }
        if state.steps >= state.check_at {
            state.interrupt_for(slot, itself);
            return true;
        }
        state.begin_next_piece(slot, self.now.get());
        false
    }

    /// Begins a blocking call, which hears of no cancellation.
    pub(crate) fn begin_blocking(&self) -> Hidden {
        let marks = step::hide_cancelled();
        if marks == 0 {
            return None;
        }
        let state = &mut *self.state.borrow_mut();
        Some((marks, state.raising.take(), state.delivering.take()))
    }

    /// Ends a blocking call.
    pub(crate) fn end_blocking(&self, hidden: Hidden) {
        if let Some((marks, raising, delivering)) = hidden {
            step::show_cancelled(marks);
            let state = &mut *self.state.borrow_mut();
            state.raising = raising;
            state.delivering = delivering;
        }
    }

    /// Cuts a thread off where it stands, or drops a task, and ends it, unless it has ended. Says
    /// whether it has then: not if its step is being made, or if it is being cut off already.
    pub(crate) fn cut_off(&self, key: Key) -> bool {
        let body = {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state.slot(key).filter(|slot| !slot.is_done()) else {
                return true;
            };
            slot.flags.set(Flags::RETRIEVED);
            slot.body.take()
        };
        let Some(body) = body else { return false };
        self.drop_unfinished(key, body);
        // A destructor may have ended it.
        if !self.is_done(key) {
            if self.is_queued(key) {
                // Kept until its entry in the ready queue has come up.
                self.hold_task(key);
            }
            self.finish(key.slot, End::Cancelled(None, None), None);
        }
        true
    }

    fn is_queued(&self, key: Key) -> bool {
        let state = &mut *self.state.borrow_mut();
        let slot = state.slot(key);
        slot.is_some_and(|slot| slot.flags.any(Flags::SCHEDULED))
    }

    /// Cuts off another of those that are cut off with the one who asks: a thread, or if there is
    /// none a task, the oldest first. Says whether there was one.
    pub(crate) fn cut_off_another(&self) -> bool {
        let next = self.state.borrow().next_to_cut_off(self);
        next.is_some_and(|next| self.cut_off(next))
    }
}

impl State {
    /// Returns who is to be cut off next: anyone if the loop is closed, and otherwise those of the
    /// family that is being killed.
    fn next_to_cut_off(&self, core: &Core) -> Option<Key> {
        let family = self.paths.head(self.path());
        let all = core.closed.get();
        if !all && (self.current.is_some() || family == ROOT) {
            return None;
        }
        let doomed = self.slots.iter().filter(|(_, slot)| {
            let stands = slot.kind.is_driven() && !slot.is_done() && slot.body.is_some();
            stands && (all || self.paths.head(slot.path) == family)
        });
        let next = doomed.min_by_key(|(_, slot)| (slot.kind != Kind::Thread, slot.id));
        next.map(|(slot, _)| self.key(core.serial, slot as u32))
    }

    /// Takes the next entry while threads stand in the lane. The caller has counted it as one of
    /// the iteration's; a thread is not.
    #[cold]
    pub(super) fn pick_beside_threads(&mut self, core: &Core) -> Option<Entry> {
        if let Some(chosen) = self.ready.lane().and_then(|lane| lane.take_chosen()) {
            return Some(chosen);
        }
        let entry = match &self.chooser {
            Some(_) if self.ready.candidates() >= 2 => self.choose(core),
            // There is one at most, so that nothing is swapped.
            Some(_) => self.ready.swap_take(0),
            None => self.ready.take(0),
        };
        if entry.is_some_and(Entry::is_thread) {
            self.iteration += 1;
        } else if self.ready.lane().is_some_and(|lane| lane.is_gap()) {
            self.ready.end_gap();
            self.iteration = self.ready.len();
        }
        entry
    }

    fn is_timer_due(&mut self, now: u64) -> bool {
        self.timers.first().is_some_and(|(at, _)| at <= now)
    }

    /// Queues a thread that gave way, unless it was interrupted and stands in the lane already.
    pub(super) fn requeue_thread(&mut self, slot: u32) {
        let flags = &mut self.slots[slot as usize].flags;
        let interrupted = flags.any(Flags::INTERRUPTED);
        flags.clear(Flags::WOKEN.or(Flags::INTERRUPTED));
        flags.set(Flags::SCHEDULED);
        if !interrupted {
            self.ready.open_lane().push_later(Entry::thread(slot));
        }
    }

    /// Has the running thread suspend for another's turn, or for the loop to look at its limits.
    fn interrupt_for(&mut self, slot: u32, next: Entry) {
        self.slots[slot as usize].flags.set(Flags::INTERRUPTED);
        self.ready.open_lane().choose(next);
        // Its turn was counted when it was chosen, and will be again.
        self.iteration += 1;
    }

    /// Begins the next step of a thread that goes on at a point.
    fn begin_next_piece(&mut self, slot: u32, now: u64) {
        self.steps += 1;
        let entry = &mut self.slots[slot as usize];
        entry.steps = entry.steps.wrapping_add(1);
        self.site.step = entry.steps;
        self.site.since = 0;
        self.made_in_step = 0;
        self.born_in_step = 0;
        let hash = mix(entry.path_hash, now);
        self.fingerprint.add(hash);
        if self.moves.is_some() {
            self.begin_move(Entry::thread(slot), now);
        }
    }

    /// Lets a thread go on whose timer this is; says whether it was a thread's.
    pub(super) fn wake_sleeping_thread(&mut self, timer: Timer, now: Instant) -> bool {
        let Target::Waiter(waiter, generation) = timer.target() else {
            return false;
        };
        let sleeper = sleeper(&self.slots, &self.waiters, waiter, generation);
        let Some(thread) = sleeper.filter(|slot| slot.kind == Kind::Thread) else {
            return false;
        };
        let (hash, id) = (mix(thread.path_hash ^ 3, now.as_nanos()), thread.id);
        if let Some(trace) = &mut self.trace {
            trace.causes.begin_timer(Some(id));
        }
        self.fingerprint.add(hash);
        self.record(now, || EventKind::Fired);
        // The waker is the thread's own, hence one of ours.
        let (_, foreign) = self.wake_slot(waiter);
        debug_assert!(foreign.is_none());
        true
    }
}
