//! Cancel requests: where they go, and what they do there.
//!
//! A request to a task goes on to what the task waits for. If that takes it, nothing else happens
//! yet: the task will hear of it from there. If not, the task is marked, and the cancellation is
//! delivered at its next step instead of whatever it was waiting for.

use std::sync::Arc;
use std::task::{Context, Waker};

use super::core::{Core, State};
use super::resources::Access;
use super::step;
use super::table::{End, Flags, Key, Kind, On, State as Progress, WaiterState, Waiting};
use crate::error::Cancelled;
use crate::trace::EventKind;

type Message = Option<Arc<str>>;

impl Core {
    /// Asks a future to stop. Says whether it took the request: a future that is done does not.
    pub(crate) fn cancel(&self, key: Key, message: Message) -> bool {
        let takes = self.state.borrow_mut().takes_cancel(key);
        if takes {
            self.send_cancel(key, message);
        }
        takes
    }

    fn send_cancel(&self, key: Key, message: Message) {
        {
            let state = &mut *self.state.borrow_mut();
            let hash = state.slots[key.slot as usize].path_hash;
            state.fingerprint.add(hash ^ 0xCA);
            if state.has_events() {
                let name = state.name(key.slot);
                state.record(self.now(), || EventKind::Cancelled(name));
            }
        }
        // Requests travel along chains of awaiting tasks, which may be long: so no recursion.
        let mut work = vec![key];
        let mut budget = self.state.borrow().slots.len() + 1;
        while let Some(key) = work.pop() {
            budget = budget.saturating_sub(1);
            let (ends, foreign) = {
                let state = &mut *self.state.borrow_mut();
                match state.slot(key).map(|slot| slot.kind) {
                    Some(Kind::Task | Kind::Thread) => {
                        let foreign = state.cancel_task(key.slot, &message, budget, &mut work);
                        (false, foreign)
                    }
                    Some(Kind::Gather) => {
                        state.cancel_gather(key.slot, &mut work);
                        (false, None)
                    }
                    Some(Kind::Promise) => (!state.slots[key.slot as usize].is_done(), None),
                    None => (false, None),
                }
            };
            if let Some(waker) = foreign {
                waker.wake();
            }
            if ends {
                self.finish(key.slot, End::Cancelled(None, message.clone()), None);
            }
        }
    }

    /// Passes on the request that a task got while it made the step that has just suspended it.
    #[cold]
    pub(crate) fn cancel_at_suspension(&self, slot: u32) {
        let (forwarded, message) = self.state.borrow_mut().cancel_at_suspension(slot);
        match forwarded {
            Forwarded::To(target) => {
                self.cancel(target, message);
            }
            Forwarded::Here(Some(foreign)) => foreign.wake(),
            Forwarded::Here(None) | Forwarded::Late | Forwarded::No => {}
        }
    }

    /// Cancels what a scope of a task encloses. If that is all that the task waits for, this is a
    /// cancel request to the task as any other; if the scope stands beside other futures, the
    /// request is kept for the scope's next turn. Returns a waker to be woken for that.
    #[must_use]
    pub(crate) fn cancel_within(&self, task: Key, target: &mut Target) -> Option<Waker> {
        let whole = {
            let state = &mut *self.state.borrow_mut();
            state.link_request(task);
            let slot = state.slot(task).filter(|slot| !slot.is_done())?;
            let same = slot.waiting == target.waiting && slot.waiting.one().is_some();
            let whole = same || slot.flags.any(Flags::MUST_CANCEL);
            if !whole {
                slot.cancelling += 1;
            }
            whole
        };
        if whole {
            self.send_cancel(task, None);
            return None;
        }
        target.pending = true;
        target.waker.take()
    }

    /// Begins a turn of a scope: says what the task waits for from here on, and has a kept request
    /// delivered within.
    pub(crate) fn begin_scope(&self, target: &mut Target) -> Scope {
        let state = &mut *self.state.borrow_mut();
        let pending = std::mem::take(&mut target.pending);
        let outer = state.current.map_or(Waiting::UNKNOWN, |slot| {
            let waiting = &mut state.slots[slot as usize].waiting;
            std::mem::replace(waiting, Waiting::UNKNOWN)
        });
        let targeted = pending && !step::is_delivering();
        if targeted {
            state.deliver(Cancelled::new());
        }
        Scope { outer, targeted }
    }

    /// Ends a turn of a scope.
    pub(crate) fn end_scope(&self, scope: Scope, target: &mut Target, cx: &Context<'_>) {
        {
            let state = &mut *self.state.borrow_mut();
            if scope.targeted {
                state.take_delivery();
            }
            if let Some(slot) = state.current {
                let waiting = &mut state.slots[slot as usize].waiting;
                target.waiting = *waiting;
                *waiting = scope.outer.and(*waiting);
            }
        }
        if target
            .waker
            .as_ref()
            .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            target.waker = Some(cx.waker().clone());
        }
    }

    /// Orders a task to stop: its future is dropped at its next turn. Nobody can order a thread to,
    /// and what makes no steps is cancelled.
    pub(crate) fn abort(&self, key: Key) {
        {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state.slot(key).filter(|slot| !slot.is_done()) else {
                return;
            };
            match slot.kind {
                Kind::Task => {
                    slot.flags.set(Flags::ABORTED);
                    state.link_task(key.slot);
                    return state.schedule(key.slot);
                }
                Kind::Thread => return,
                Kind::Promise | Kind::Gather => {}
            }
        }
        self.cancel(key, None);
    }

    /// Takes one cancel request of the current task back; returns how many are left.
    pub(crate) fn uncancel(&self, key: Key) -> u32 {
        let state = &mut *self.state.borrow_mut();
        state.link_request(key);
        let Some(slot) = state.slot(key) else {
            return 0;
        };
        slot.cancelling = slot.cancelling.saturating_sub(1);
        let left = slot.cancelling;
        if left == 0 {
            slot.flags.clear(Flags::MUST_CANCEL);
            if state.current == Some(key.slot) {
                state.take_delivery();
            }
        }
        left
    }
}

impl State {
    /// Takes note that a task is asked to stop, or no longer.
    fn link_request(&mut self, key: Key) {
        if self.unseen_slot(key).is_some() {
            self.link_task(key.slot);
        }
    }

    /// Says whether a cancel request would have any effect.
    fn takes_cancel(&mut self, key: Key) -> bool {
        let mut work = vec![key];
        while let Some(key) = work.pop() {
            let Some(slot) = self.slot(key) else { continue };
            match slot.kind {
                _ if slot.is_done() => {}
                // Timeouts within it cancel what it awaits, but nobody can stop it.
                Kind::Thread => {}
                Kind::Task | Kind::Promise => return true,
                Kind::Gather => {
                    work.extend(slot.rare.iter().flat_map(|rare| &rare.children));
                }
            }
        }
        false
    }

    fn cancel_gather(&mut self, slot: u32, work: &mut Vec<Key>) {
        let rare = self.slots[slot as usize].rare();
        rare.cancel_requested = true;
        let children = rare.children.clone();
        let taking = children
            .into_iter()
            .rev()
            .filter(|child| self.takes_cancel(*child));
        work.extend(taking.collect::<Vec<_>>());
    }

    fn cancel_task(
        &mut self,
        slot: u32,
        message: &Message,
        budget: usize,
        work: &mut Vec<Key>,
    ) -> Option<Waker> {
        self.link_task(slot);
        let entry = &mut self.slots[slot as usize];
        entry.cancelling += 1;
        let waiting = entry.waiting;
        let polling = entry.flags.any(Flags::POLLING);
        let mut will_wake = polling;
        // A chain longer than there are tasks is a ring: here the request ends.
        if !polling && budget > 0 {
            match self.forward_cancel(waiting, slot, message) {
                Forwarded::No => {}
                Forwarded::Late => will_wake = true,
                Forwarded::Here(foreign) => return foreign,
                Forwarded::To(target) => {
                    work.push(target);
                    return None;
                }
            }
        }
        let entry = &mut self.slots[slot as usize];
        entry.flags.set(Flags::MUST_CANCEL);
        if message.is_some() || entry.rare.is_some() {
            entry.rare().cancel_message.clone_from(message);
        }
        if !will_wake {
            self.schedule(slot);
        }
        None
    }

    /// Passes a request on to what the task waits for.
    fn forward_cancel(&mut self, waiting: Waiting, slot: u32, message: &Message) -> Forwarded {
        let Some(waiting) = waiting.one() else {
            return Forwarded::No;
        };
        let Some(waiter) = self.waiters.get(waiting as usize) else {
            return Forwarded::No;
        };
        if waiter.state != WaiterState::Pending {
            return Forwarded::No;
        }
        // Only what the task itself waits for: a future that is shared, or driven by another one
        // within the task, has a waker of its own.
        let owner = waiter.waker.as_ref().and_then(super::waker::word);
        if owner.is_none_or(|owner| owner.slot() != slot) {
            return Forwarded::No;
        }
        let awaited = match waiter.on() {
            On::Future(target, id) => {
                let found = self.slots.get(target as usize);
                let Some(found) = found.filter(|slot| slot.id as u32 == id) else {
                    return Forwarded::No;
                };
                (found.kind != Kind::Thread).then_some((target, found))
            }
            _ => None,
        };
        if let Some((target, found)) = awaited {
            let target = Key {
                serial: 0,
                slot: target,
                id: found.id,
            };
            if !self.takes_cancel(target) {
                return Forwarded::Late;
            }
            self.waiters[waiting as usize].forwarded = true;
            return Forwarded::To(target);
        }
        let generation = self.waiters[waiting as usize].generation;
        self.link_waiter(generation, Access::Write);
        let waiter = &mut self.waiters[waiting as usize];
        waiter.state = WaiterState::Cancelled;
        let waker = waiter.waker.take();
        if message.is_some() || self.slots[slot as usize].rare.is_some() {
            self.slots[slot as usize]
                .rare()
                .waiter_message
                .clone_from(message);
        }
        Forwarded::Here(self.wake(waker))
    }

    /// A task was asked to stop while it ran, and has now suspended.
    fn cancel_at_suspension(&mut self, slot: u32) -> (Forwarded, Message) {
        let entry = &mut self.slots[slot as usize];
        let waiting = entry.waiting;
        let message = entry.cancel_message();
        let forwarded = self.forward_cancel(waiting, slot, &message);
        match forwarded {
            Forwarded::No => self.schedule(slot),
            Forwarded::Late => {}
            _ => self.slots[slot as usize].flags.clear(Flags::MUST_CANCEL),
        }
        (forwarded, message)
    }

    /// Lets a cancellation go up through the current step, to the innermost region.
    pub(crate) fn raise(&mut self, cancelled: Cancelled) {
        step::set_raising(true);
        self.raising = Some(cancelled);
    }

    /// Has a cancellation raised in the next suspended future that is polled in this step, or in
    /// the innermost region that suspends around a future from elsewhere.
    pub(crate) fn deliver(&mut self, cancelled: Cancelled) {
        step::set_delivering(true);
        self.delivering = Some(cancelled);
    }

    /// Takes the cancellation that waits to be raised, if there is one.
    #[inline]
    pub(crate) fn take_delivery(&mut self) -> Option<Cancelled> {
        if !step::is_delivering() {
            return None;
        }
        step::set_delivering(false);
        self.delivering.take()
    }

    /// Raises the cancellation that waits for it, if there is one, in the future that asks.
    #[inline]
    pub(crate) fn raise_delivery(&mut self) -> bool {
        match self.take_delivery() {
            Some(cancelled) => {
                self.raise(cancelled);
                true
            }
            None => false,
        }
    }

    /// Receives the cancellation that goes up through the current step, if there is one.
    #[inline]
    pub(crate) fn receive(&mut self) -> Option<Cancelled> {
        if !step::is_raising() {
            return None;
        }
        step::set_raising(false);
        self.raising.take()
    }

    /// Says whether the current task has been asked to stop and has not heard of it: it will end
    /// cancelled, whatever it returns.
    #[cfg(feature = "cli")]
    pub(crate) fn has_unheard_cancel(&self) -> bool {
        let current = self.current.and_then(|slot| self.slots.get(slot as usize));
        current.is_some_and(|slot| slot.flags.any(Flags::MUST_CANCEL))
    }

    /// Takes the cancellation that ends the current step, raised or not.
    pub(crate) fn take_cancelled(&mut self) -> Option<Cancelled> {
        let raised = self.receive();
        let delivery = self.take_delivery();
        raised.or(delivery)
    }

    /// Returns how a future ended, and marks its error as seen.
    pub(crate) fn outcome(&mut self, key: Key) -> Option<Result<(), crate::error::TaskError>> {
        let slot = self.slot(key)?;
        match slot.state {
            Progress::Pending => None,
            Progress::Value => Some(Ok(())),
            Progress::Failed => {
                slot.flags.set(Flags::RETRIEVED);
                let error = slot.rare().error.clone();
                Some(Err(error.unwrap_or_else(|| Cancelled::new().into())))
            }
            Progress::Cancelled => Some(Err(slot.make_cancelled().into())),
        }
    }
}

/// A piece of a task that cancels what it encloses, such as a timeout: what its cancelling side
/// knows of its last turn.
pub(crate) struct Target {
    waiting: Waiting,
    waker: Option<Waker>,
    /// The request waits for the scope's next turn.
    pending: bool,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            waiting: Waiting::UNKNOWN,
            waker: None,
            pending: false,
        }
    }
}

/// One turn of such a piece.
pub(crate) struct Scope {
    outer: Waiting,
    targeted: bool,
}

/// Where a cancel request has gone.
enum Forwarded {
    /// Nowhere: the task waits for nothing that could take it.
    No,
    /// Nowhere: the task waits for a gather of futures that are all done, which will wake it soon.
    Late,
    /// To the task's own waiter, which wakes it; a foreign waker is still to be woken.
    Here(Option<Waker>),
    /// To this future, which the task will hear from.
    To(Key),
}
