//! Waiters: what a suspended step waits on.
//!
//! A waiter is completed or cancelled before the task it belongs to makes its next step, and
//! everyone who looks at it in between sees that: a lock's release skips a waiter that has been
//! cancelled, although its task has not heard of it yet. That is what asyncio's futures do, and
//! the fairness rules of the primitives rest on it.

use std::panic::Location;
use std::task::{Context, Poll, Waker};

use super::core::{self, Core};
use super::moves::FOREIGN;
use super::resources::Access;
use super::step;
use super::table::{DoneCallback, Key, On, State as Progress, Waiter, WaiterKey, WaiterState};
use super::timers::{Target, Timer};
use crate::error::{Cancelled, TaskError};

impl Core {
    /// Completes a waiter and queues its task. Says whether it was still waiting.
    pub(crate) fn wake_waiter(&self, slot: u32, generation: u32) -> bool {
        let (woken, foreign) = {
            let state = &mut *self.state.borrow_mut();
            state.link_wake(generation);
            let waiter = state.waiters.get(slot as usize);
            if waiter.is_none_or(|waiter| waiter.generation != generation) {
                return false;
            }
            state.wake_slot(slot)
        };
        if let Some(waker) = foreign {
            waker.wake();
        }
        woken
    }

    /// Completes a waiter of one of the crate's primitives.
    pub(crate) fn wake(&self, key: WaiterKey) -> bool {
        self.wake_waiter(key.slot, key.generation)
    }

    /// Returns how far a waiter has come; one that is gone was cancelled.
    pub(crate) fn waiter_state(&self, key: WaiterKey) -> WaiterState {
        let state = &mut *self.state.borrow_mut();
        state.link_waiter(key.generation, Access::Read);
        let waiter = state.waiters.get(key.slot as usize);
        let waiter = waiter.filter(|waiter| waiter.generation == key.generation);
        waiter.map_or(WaiterState::Cancelled, |waiter| waiter.state)
    }

    /// Says whether a future is done; one that is gone was.
    pub(crate) fn is_done(&self, key: Key) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.slot(key).is_none_or(|slot| slot.is_done())
    }

    pub(crate) fn is_waiting(&self, key: WaiterKey) -> bool {
        self.waiter_state(key) == WaiterState::Pending
    }
}

/// One wait of a leaf future: from the moment it suspends to the moment it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    key: Option<WaiterKey>,
}

/// What became of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It has not begun.
    Not,
    /// It goes on, or a cancellation is on its way: return `Pending`.
    Still,
    /// It was completed.
    Over,
}

impl Wait {
    pub(crate) const fn new() -> Self {
        Self { key: None }
    }

    pub(crate) fn key(&self) -> Option<WaiterKey> {
        self.key
    }

    /// Begins to wait.
    pub(crate) fn start(
        &mut self,
        core: &Core,
        cx: &Context<'_>,
        on: On,
        at: &'static Location<'static>,
    ) -> WaiterKey {
        // A foreign waker may do anything when it is cloned: so before the state is borrowed.
        let waker = cx.waker().clone();
        self.start_in(&mut core.state.borrow_mut(), core, waker, on, at)
    }

    /// Begins to wait, for the first time or after another wait that is over: then its waiter is
    /// made anew in the same place.
    #[inline]
    pub(crate) fn start_again(
        &mut self,
        core: &Core,
        cx: &Context<'_>,
        on: On,
        at: &'static Location<'static>,
    ) -> WaiterKey {
        let Some(over) = self.key else {
            return self.start(core, cx, on, at);
        };
        let waker = cx.waker().clone();
        let state = &mut *core.state.borrow_mut();
        state.link_wait(over);
        let waiter = state.make_waiter(core, waker, on, at);
        let generation = waiter.generation;
        let before = std::mem::replace(&mut state.waiters[over.slot as usize], waiter);
        debug_assert!(
            before.waker.is_none(),
            "whoever was woken has no waker any more"
        );
        state.begin_wait(core, over.slot, on);
        *self.key.insert(WaiterKey { generation, ..over })
    }

    /// Begins to wait, for those who have borrowed the state.
    pub(crate) fn start_in(
        &mut self,
        state: &mut core::State,
        core: &Core,
        waker: Waker,
        on: On,
        at: &'static Location<'static>,
    ) -> WaiterKey {
        let key = state.add_waiter(core, waker, on, at);
        self.key = Some(key);
        key
    }

    /// Begins to wait for a moment in time.
    pub(crate) fn start_timer(
        &mut self,
        core: &Core,
        cx: &Context<'_>,
        at: u64,
        place: &'static Location<'static>,
    ) {
        let waker = cx.waker().clone();
        let state = &mut *core.state.borrow_mut();
        let key = state.add_waiter(core, waker, On::Timer, place);
        state
            .timers
            .set(at, Timer::for_waiter(key.slot, state.generation));
        self.key = Some(key);
    }

    /// Looks how the wait stands, on behalf of the step that is being made. Once its cancellation
    /// was raised, it raises that again.
    pub(crate) fn poll(&mut self, core: &Core, cx: &Context<'_>) -> Waited {
        let Some(key) = self.key else {
            return Waited::Not;
        };
        {
            let state = &mut *core.state.borrow_mut();
            state.link_wait(key);
            let waiter = &mut state.waiters[key.slot as usize];
            match waiter.state {
                WaiterState::Woken => {
                    return if state.raise_delivery() {
                        Waited::Still
                    } else {
                        Waited::Over
                    };
                }
                WaiterState::Cancelled | WaiterState::Raised => {
                    waiter.state = WaiterState::Raised;
                    let current = state.current.map(|slot| &mut state.slots[slot as usize]);
                    let rare = current.and_then(|slot| slot.rare.as_mut());
                    let message = rare.and_then(|rare| rare.waiter_message.take());
                    // One step raises one cancellation, and this one came first.
                    state.take_delivery();
                    state.raise(Cancelled::from_message(message));
                    return Waited::Still;
                }
                WaiterState::Pending => {
                    let same = waiter
                        .waker
                        .as_ref()
                        .is_some_and(|own| own.will_wake(cx.waker()));
                    state.suspend(key.slot);
                    if state.raise_delivery() || same {
                        return Waited::Still;
                    }
                }
            }
        }
        let waker = Some(cx.waker().clone());
        let _old_waker = {
            let waiter = &mut core.state.borrow_mut().waiters[key.slot as usize];
            std::mem::replace(&mut waiter.waker, waker)
        };
        Waited::Still
    }

    /// Looks whether a wait that has begun is over: completed, or its cancellation was raised and
    /// received. Then it can [start again](Self::start_again).
    pub(crate) fn poll_over(&mut self, core: &Core, cx: &Context<'_>) -> Poll<()> {
        let Some(key) = self.key else {
            return Poll::Ready(());
        };
        match core.waiter_state(key) {
            WaiterState::Woken if !step::is_delivering() => Poll::Ready(()),
            WaiterState::Raised => {
                self.stop();
                Poll::Ready(())
            }
            _ => {
                let waited = self.poll(core, cx);
                debug_assert_eq!(waited, Waited::Still, "what else there is ends the wait");
                Poll::Pending
            }
        }
    }

    /// Forgets a wait whose cancellation was raised and received: its future may begin again.
    pub(crate) fn renew(&mut self, core: &Core) {
        if self.is_raised(core) {
            self.stop();
        }
    }

    /// Says whether its cancellation was raised: if it is looked at again, that was received.
    pub(crate) fn is_raised(&self, core: &Core) -> bool {
        self.key
            .is_some_and(|key| core.waiter_state(key) == WaiterState::Raised)
    }

    /// Says whether the wait was completed, seen or not.
    pub(crate) fn is_woken(&self, core: &Core) -> bool {
        self.key
            .is_some_and(|key| core.waiter_state(key) == WaiterState::Woken)
    }

    /// Ends the wait.
    pub(crate) fn stop(&mut self) {
        let Some(key) = self.key.take() else { return };
        if let Some(core) = core::try_own(key.serial) {
            let _waker = core.state.borrow_mut().remove_waiter(key);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.stop();
    }
}

impl core::State {
    /// Makes a waiter for the step that is being made.
    #[inline]
    fn add_waiter(
        &mut self,
        core: &Core,
        waker: Waker,
        on: On,
        at: &'static Location<'static>,
    ) -> WaiterKey {
        if self.waiters.len() == self.waiters.capacity() {
            self.waiters.reserve_exact((self.waiters.len() / 8).max(8));
        }
        let waiter = self.make_waiter(core, waker, on, at);
        let generation = waiter.generation;
        let slot = self.waiters.insert(waiter) as u32;
        self.begin_wait(core, slot, on);
        WaiterKey {
            serial: core.serial,
            slot,
            generation,
        }
    }

    #[inline]
    fn make_waiter(
        &mut self,
        core: &Core,
        waker: Waker,
        on: On,
        at: &'static Location<'static>,
    ) -> Waiter {
        self.generation += 1;
        Waiter::new(self.generation as u32, on, waker, at, core.now.get())
    }

    /// Takes note that the current step waits on a new waiter.
    #[inline]
    fn begin_wait(&mut self, core: &Core, slot: u32, on: On) {
        self.suspend(slot);
        if let Some(moves) = &mut self.moves {
            let waiter = &self.waiters[slot as usize];
            let word = waiter.waker.as_ref().and_then(super::waker::word);
            let task = word.and_then(|word| self.slots.get(word.slot() as usize));
            let wakes = task.map_or(0, |task| task.path_hash);
            moves.name_waiter(waiter.generation, wakes);
            if task.is_none() {
                moves.touch(FOREIGN, Access::Write);
            }
        }
        if self.is_watched {
            self.record_wait(core.now(), on);
        }
    }

    /// Makes a waiter for a thread that has not begun, and that nobody wakes through it.
    pub(super) fn line_up(
        &mut self,
        core: &Core,
        slot: u32,
        on: On,
        at: &'static Location<'static>,
    ) {
        self.generation += 1;
        let waker = Waker::noop().clone();
        let waiter = Waiter::new(self.generation as u32, on, waker, at, core.now.get());
        let waiter = self.waiters.insert(waiter);
        self.slots[slot as usize].waiting.add(waiter as u32);
    }

    /// Removes a waiter; gives back its waker, to be dropped when the state is no longer borrowed.
    fn remove_waiter(&mut self, key: WaiterKey) -> Option<Waker> {
        let waiter = self.waiters.get(key.slot as usize);
        if waiter.is_none_or(|waiter| waiter.generation != key.generation) {
            return None;
        }
        self.link_wait(key);
        let waiter = self.waiters.remove(key.slot as usize);
        if let Some(slot) = self.current {
            self.slots[slot as usize].waiting.remove(key.slot);
        }
        self.hand_back(&waiter);
        match waiter.on() {
            _ if waiter.state == WaiterState::Woken => {}
            On::Timer => {
                self.timers.cancel();
                self.sweep_timers();
            }
            On::Future(slot, id) => {
                let target = self.slots.get_mut(slot as usize);
                if let Some(target) = target.filter(|target| target.id as u32 == id) {
                    target.callbacks.remove(DoneCallback::Wake(key.slot));
                }
            }
            On::Resource(_) | On::Tasks(_) => {}
        }
        waiter.waker
    }

    /// Takes note that the request which was passed on has come back.
    fn mark_heard(&mut self, key: Option<WaiterKey>) {
        if let Some(waiter) = key.and_then(|key| self.waiters.get_mut(key.slot as usize)) {
            waiter.forwarded = false;
        }
    }

    /// A cancel request that went to a wait which is dropped before anyone has heard of it, is the
    /// task's again: it will be raised when the task next suspends.
    fn hand_back(&mut self, waiter: &Waiter) {
        let Some(slot) = self.current else { return };
        let target = match waiter.on() {
            On::Future(target, id) if waiter.forwarded => self
                .slots
                .get(target as usize)
                .filter(|target| target.id as u32 == id),
            _ => None,
        };
        let unheard = match waiter.state {
            WaiterState::Cancelled => true,
            WaiterState::Pending => waiter.forwarded,
            WaiterState::Woken => target.is_some_and(|target| target.state == Progress::Cancelled),
            WaiterState::Raised => false,
        };
        if unheard {
            let rare = self.slots[slot as usize].rare.as_mut();
            let message = rare.and_then(|rare| rare.waiter_message.take());
            self.deliver(Cancelled::from_message(message));
        }
    }

    /// Completes the waiter in a slot. Says whether it was still waiting; a foreign waker must be
    /// woken when the state is no longer borrowed.
    #[inline]
    pub(crate) fn wake_slot(&mut self, slot: u32) -> (bool, Option<Waker>) {
        let Some(waiter) = self.waiters.get(slot as usize) else {
            return (false, None);
        };
        let generation = waiter.generation;
        self.link_wake(generation);
        let waiter = &mut self.waiters[slot as usize];
        if waiter.state != WaiterState::Pending {
            return (false, None);
        }
        waiter.state = WaiterState::Woken;
        let waker = waiter.waker.take();
        (true, self.wake(waker))
    }

    /// Takes note that the current step waits on this waiter.
    fn suspend(&mut self, waiter: u32) {
        let Some(slot) = self.current else { return };
        self.slots[slot as usize].waiting.add(waiter);
    }

    fn record_wait(&mut self, now: crate::time::Instant, on: On) {
        if self.has_events() {
            let what = self.describe(on);
            self.record(now, || crate::trace::EventKind::Waits(what));
        }
    }

    /// Says in words what a waiter waits for.
    pub(crate) fn describe(&self, on: On) -> String {
        match on {
            On::Timer => "for a timer".to_owned(),
            On::Tasks(tasks) => format!("for {}", tasks.describe()),
            On::Resource(slot) => format!("for {}", self.resource_name(slot)),
            On::Future(slot, id) => {
                let found = self
                    .slots
                    .get(slot as usize)
                    .filter(|found| found.id as u32 == id);
                match found.map(|found| found.kind) {
                    None => "for a future that is gone".to_owned(),
                    Some(super::table::Kind::Task) => format!("for task {}", self.name(slot)),
                    Some(super::table::Kind::Thread) => format!("for thread {}", self.name(slot)),
                    Some(super::table::Kind::Promise) => {
                        let sources = self.unfinished_children(&self.slots[slot as usize]);
                        match &sources[..] {
                            [] => "for a promise".to_owned(),
                            sources => format!("for the result of {}", sources.join(" and ")),
                        }
                    }
                    Some(super::table::Kind::Gather) => {
                        let children = self.unfinished_children(&self.slots[slot as usize]);
                        format!("for a gather of {}", children.join(" and "))
                    }
                }
            }
        }
    }

    /// Drops cancelled timers once they are the majority.
    pub(crate) fn sweep_timers(&mut self) {
        if !self.timers.is_crowded() {
            return;
        }
        let mut timers = std::mem::take(&mut self.timers);
        timers.sweep(|timer| self.is_live(timer));
        self.timers = timers;
    }

    /// Says whether a timer is still for someone.
    pub(crate) fn is_live(&self, timer: Timer) -> bool {
        match timer.target() {
            Target::Waiter(slot, generation) => self
                .waiters
                .get(slot as usize)
                .is_some_and(|waiter| waiter.generation == generation),
            Target::Callback(slot, generation) => self
                .callbacks
                .get(slot as usize)
                .is_some_and(|callback| callback.generation == generation),
            Target::Alarm(token, generation) => self.alarms.is_set(token, generation),
        }
    }
}

impl WaiterKey {
    /// Completes the waiter, if its loop is the one of this thread.
    pub(crate) fn wake(self) {
        if let Some(core) = core::try_own(self.serial) {
            core.wake(self);
        }
    }
}

impl Key {
    /// What a waiter on this future waits for.
    pub(crate) fn on(self) -> On {
        On::Future(self.slot, self.id as u32)
    }
}

/// Waits until a future is done, on behalf of the step that is being made. If the task's own
/// cancel request has gone to that future and ended it, the cancellation comes back from there.
pub(crate) fn poll_done(
    wait: &mut Wait,
    core: &Core,
    key: Key,
    cx: &Context<'_>,
    at: &'static Location<'static>,
) -> Poll<()> {
    wait.renew(core);
    match wait.poll(core, cx) {
        Waited::Still => {
            if wait.is_woken(core) {
                // A cancellation hides the result, which counts as seen; but the cancellation of
                // the awaited future comes before the task's own.
                let state = &mut *core.state.borrow_mut();
                state.mark_heard(wait.key);
                let hidden = state.outcome(key).and_then(|outcome| outcome.err());
                if let Some(cancelled) = hidden.as_ref().and_then(|error| error.cancelled()) {
                    state.raise(cancelled.clone());
                }
            }
            Poll::Pending
        }
        Waited::Over => {
            let state = &mut *core.state.borrow_mut();
            let waiter = wait.key.map(|waiter| &state.waiters[waiter.slot as usize]);
            if waiter.is_some_and(|waiter| waiter.forwarded) {
                let cancelled = state.outcome(key).and_then(Result::err);
                if let Some(cancelled) = cancelled.as_ref().and_then(TaskError::cancelled) {
                    state.mark_heard(wait.key);
                    state.raise(cancelled.clone());
                    return Poll::Pending;
                }
            }
            // It was woken, so its waker is gone.
            if let Some(waiter) = wait.key.take() {
                state.remove_waiter(waiter);
            }
            state.link_look(key);
            Poll::Ready(())
        }
        Waited::Not => {
            {
                let state = &mut *core.state.borrow_mut();
                let itself = state.current == Some(key.slot);
                let Some(slot) = state.slot(key) else {
                    return Poll::Ready(());
                };
                if slot.is_done() {
                    state.link_look(key);
                    return Poll::Ready(());
                }
                assert!(
                    !itself,
                    "a task cannot await itself ({})",
                    crate::error::place(at)
                );
            }
            let waker = cx.waker().clone();
            let state = &mut *core.state.borrow_mut();
            let waiter = state.add_waiter(core, waker, key.on(), at);
            wait.key = Some(waiter);
            state.slots[key.slot as usize]
                .callbacks
                .push(DoneCallback::Wake(waiter.slot));
            Poll::Pending
        }
    }
}

/// Waits for a future or thread to end whose handle someone else holds.
pub(crate) async fn ended(key: Key, at: &'static Location<'static>) {
    let mut wait = Wait::new();
    std::future::poll_fn(|cx| poll_done(&mut wait, &core::current(), key, cx, at)).await;
}
