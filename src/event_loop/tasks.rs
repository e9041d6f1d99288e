//! The life of a future in its loop: made, stepped, ended, let go.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::context::Locals;
use super::core::{Core, LastStep, State};
use super::ready::Entry;
use super::report::{Report, ReportKind};
use super::resources::Touch;
use super::step;
use super::table::{
    Body, DoneCallback, DoneCallbacks, End, Flags, Key, Kind, Rare, Slot, State as Progress,
    Waiting,
};
use super::waker::{self, MAX_SLOTS, Word};
use crate::chance::mix;
use crate::error::{Cancelled, TaskError};
use crate::panics;
use crate::trace::EventKind;

pub(crate) type BoxedBody = Pin<Box<dyn Body>>;

/// What a step within another one interrupts.
struct Outer {
    current: Option<u32>,
    raising: Option<Cancelled>,
    delivering: Option<Cancelled>,
    depth: u32,
    made_in_step: u32,
    site: LastStep,
    locals: Locals,
    touches: Option<Vec<Touch>>,
}

impl Core {
    /// Makes a future that is completed by hand, or by others.
    pub(crate) fn add_promise(&self, kind: Kind, at: &'static Location<'static>) -> Key {
        let state = &mut *self.state.borrow_mut();
        let (path, hash) = state.path_and_hash();
        state.paths.hold(path);
        state.add(self.serial, kind, path, hash, at)
    }

    /// Makes a task; its first step is queued, or made at once if it is eager.
    pub(crate) fn spawn(
        &self,
        body: BoxedBody,
        at: &'static Location<'static>,
        eager: bool,
    ) -> Key {
        let eager = eager && self.running.get();
        let key = {
            let state = &mut *self.state.borrow_mut();
            let (parent, parent_hash) = state.path_and_hash();
            let (path, hash) = state.paths.add(parent, parent_hash);
            let key = state.add(self.serial, Kind::Task, path, hash, at);
            state.live_tasks += 1;
            state.fingerprint.add(hash ^ 1);
            let inherits = (!state.locals.is_empty()).then(|| state.locals.clone());
            let slot = &mut state.slots[key.slot as usize];
            slot.body = Some(body);
            if let Some(locals) = inherits {
                slot.rare().locals = locals;
            }
            if state.trace.is_some() {
                let name = state.name(key.slot);
                state.record(self.now(), || EventKind::Spawned(name));
            }
            if !eager {
                state.schedule(key.slot);
            }
            key
        };
        if eager {
            self.step_within(key.slot);
            self.state.borrow_mut().settle_in(key);
        }
        key
    }

    /// Makes a step within the one that is being made, for a task that starts eagerly.
    fn step_within(&self, slot: u32) {
        let marks = step::interrupt();
        let (body, outer) = {
            let state = &mut *self.state.borrow_mut();
            let outer = Outer {
                current: state.current.take(),
                raising: state.raising.take(),
                delivering: state.delivering.take(),
                depth: state.depth,
                made_in_step: state.made_in_step,
                site: state.site.clone(),
                locals: std::mem::take(&mut state.locals),
                touches: state.touches.as_mut().map(std::mem::take),
            };
            (state.begin_step(self, slot), outer)
        };
        if let Some(body) = body {
            self.step(slot, body);
        }
        step::resume(marks);
        let _inner = {
            let state = &mut *self.state.borrow_mut();
            state.current = outer.current;
            state.raising = outer.raising;
            state.delivering = outer.delivering;
            state.depth = outer.depth;
            state.made_in_step = outer.made_in_step;
            state.site = outer.site;
            state.touches = outer.touches;
            std::mem::replace(&mut state.locals, outer.locals)
        };
    }

    /// Makes the step of a task that has begun one.
    #[inline]
    pub(crate) fn step(&self, slot: u32, mut body: BoxedBody) {
        let waker = waker::waker(step::word());
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(&mut cx)));
        // Dropping it would do nothing, by way of a table of functions.
        std::mem::forget(waker);
        let suspended = matches!(polled, Ok(Poll::Pending)) && !step::is_cancelled();
        if !suspended {
            return self.end_task(slot, polled, body);
        }
        let must_cancel = {
            let state = &mut *self.state.borrow_mut();
            let entry = &mut state.slots[slot as usize];
            entry.body = Some(body);
            let must_cancel = entry.flags.any(Flags::MUST_CANCEL);
            state.suspend_step(slot);
            must_cancel
        };
        if must_cancel {
            self.cancel_at_suspension(slot);
        }
    }

    /// Ends the last step of a task: it has returned or panicked, or a cancellation has gone up
    /// through it without being received.
    fn end_task(
        &self,
        slot: u32,
        polled: std::thread::Result<Poll<Result<(), TaskError>>>,
        body: BoxedBody,
    ) {
        if matches!(polled, Ok(Poll::Ready(Ok(())))) && !step::is_cancelled() {
            let mut state = self.state.borrow_mut();
            if !state.slots[slot as usize].flags.any(Flags::MUST_CANCEL) {
                state.end_step(slot);
                let how = state.trace.is_some().then(|| describe(&End::Value));
                let finished = state.finish(slot, End::Value, Some(body), how, self.now());
                drop(state);
                return self.follow(finished);
            }
        }
        let raised = self.state.borrow_mut().take_cancelled();
        let drop_body = |body| drop_body(body).map(End::Failed);
        let end = match polled {
            Ok(Poll::Pending) => drop_body(body).unwrap_or(End::Cancelled(raised, None)),
            Ok(Poll::Ready(Ok(()))) => {
                // Asked to stop, it returned without suspending: it is cancelled, its value lost.
                let unheard = self.state.borrow_mut().slots[slot as usize].take_cancel();
                let message = raised.map(Cancelled::into_message).or(unheard).flatten();
                drop_body(body).unwrap_or(End::Cancelled(None, message))
            }
            Ok(Poll::Ready(Err(error))) => drop_body(body).unwrap_or_else(|| End::from(error)),
            Err(payload) => {
                let error = TaskError::panicked(payload, panics::take_location());
                drop_body(body);
                End::Failed(error)
            }
        };
        self.state.borrow_mut().end_step(slot);
        self.finish(slot, end, None);
    }

    /// Ends a task that was asked to stop before it began, or ordered to: it is not polled.
    #[cold]
    pub(crate) fn refuse(&self, slot: u32, body: BoxedBody) {
        let cancelled = self.state.borrow_mut().take_cancelled();
        let end = drop_body(body).map_or(End::Cancelled(cancelled, None), End::Failed);
        self.state.borrow_mut().end_step(slot);
        self.finish(slot, end, None);
    }

    /// Ends a future and queues its done-callbacks, in the order in which they were added.
    pub(crate) fn finish(&self, slot: u32, end: End, body: Option<BoxedBody>) {
        let how = self.is_recording().then(|| describe(&end));
        let finished = {
            let state = &mut *self.state.borrow_mut();
            state.finish(slot, end, body, how, self.now())
        };
        self.follow(finished);
    }

    fn is_recording(&self) -> bool {
        self.state.borrow().trace.is_some()
    }

    /// Does what the end of a future leaves to be done when the state is no longer borrowed.
    fn follow(&self, finished: Finished) {
        finished.foreign.into_iter().for_each(Waker::wake);
        if let Some(freed) = finished.freed {
            self.bury(freed);
        }
    }

    /// Adds a done-callback; if the future is done, it is queued at once.
    pub(crate) fn add_done_callback(
        &self,
        key: Key,
        call: Box<dyn FnOnce()>,
    ) -> super::callbacks::CallbackKey {
        let state = &mut *self.state.borrow_mut();
        let callback = state.add_callback(self.serial, call, Some(key));
        let slot = state
            .slot(key)
            .expect("a done-callback is added through a live handle");
        slot.holds += 1;
        if slot.is_done() {
            state.callbacks[callback.slot as usize].queued = true;
            state.ready.push(Entry::callback(callback.slot));
        } else {
            slot.callbacks.push(DoneCallback::Call(callback.slot));
        }
        callback
    }

    /// Takes a done-callback back; says whether it had not been queued yet.
    pub(crate) fn remove_done_callback(
        &self,
        key: Key,
        callback: super::callbacks::CallbackKey,
    ) -> bool {
        let removed = {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state.slot(key) else {
                return false;
            };
            let known = slot.callbacks.remove(DoneCallback::Call(callback.slot));
            let known = known && state.callback(callback.slot, callback.generation).is_some();
            known.then(|| state.remove_callback(callback.slot))
        };
        if removed.is_some() {
            self.let_go_of(key);
        }
        removed.is_some()
    }

    /// Lets go of a future: when nobody needs it any more and it is done, its slot is freed.
    pub(crate) fn let_go_of(&self, key: Key) {
        let freed = {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state.slot(key) else { return };
            slot.holds -= 1;
            let idle = slot.holds == 0
                && (slot.is_done() || slot.kind != Kind::Task)
                && !slot.flags.any(Flags::POLLING);
            if !idle {
                return;
            }
            state.free(key.slot)
        };
        self.bury(freed);
    }

    /// Drops what was in a slot. An error that nobody has seen is reported.
    fn bury(&self, freed: Freed) {
        let Freed { body, rare, unseen } = freed;
        if let Some(body) = body {
            self.drop_reporting("a value", None, body);
        }
        let Some((name, kind)) = unseen else { return };
        let message = match kind {
            Kind::Task => "the error of a task was never retrieved",
            Kind::Promise | Kind::Gather => "the error of a promise was never retrieved",
        };
        let error = rare.and_then(|rare| rare.error);
        let (kind, now) = (ReportKind::NeverRetrieved, self.now());
        self.report(Report::new(kind, message, error, Some(name), now));
    }

    /// Drops what is the program's own; a panic in that is reported.
    fn drop_reporting<T>(&self, what: &str, name: Option<String>, value: T) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
            let error = TaskError::panicked(payload, panics::take_location());
            let message = format!("{what} panicked while it was dropped");
            let kind = ReportKind::Drop;
            self.report(Report::new(kind, message, Some(error), name, self.now()));
        }
    }

    /// Takes the body of a future that is done, with the value in it, or how else it ended.
    ///
    /// # Panics
    ///
    /// If the value has been taken.
    #[inline]
    #[track_caller]
    pub(crate) fn take_value(&self, key: Key) -> Option<Result<BoxedBody, TaskError>> {
        let body = {
            let state = &mut *self.state.borrow_mut();
            match state.slot(key) {
                Some(slot) if slot.state == Progress::Value => slot.body.take(),
                _ => return state.outcome(key).and_then(Result::err).map(Err),
            }
        };
        Some(Ok(body.expect(
            "the value of a task can be taken only once: await `&task` for a copy",
        )))
    }

    /// Frees everything: futures are dropped in the order in which they were made.
    pub(crate) fn drop_all(&self) {
        let mut slots: Vec<(u64, u32)> = {
            let state = &mut *self.state.borrow_mut();
            state.ready.clear();
            state.timers.clear();
            state
                .slots
                .iter()
                .map(|(slot, entry)| (entry.id, slot as u32))
                .collect()
        };
        slots.sort_unstable();
        for (id, slot) in slots {
            let (body, callbacks, name) = {
                let state = &mut *self.state.borrow_mut();
                let entry = state.slots.get_mut(slot as usize);
                let Some(entry) = entry.filter(|entry| entry.id == id) else {
                    continue;
                };
                let (body, callbacks) = (entry.body.take(), std::mem::take(&mut entry.callbacks));
                (body, callbacks, state.name(slot))
            };
            drop(callbacks);
            self.drop_reporting("a future", Some(name), body);
        }
        let hooks = std::mem::take(&mut self.state.borrow_mut().hooks);
        self.drop_reporting("a shutdown hook", None, hooks);
        let callbacks = std::mem::take(&mut self.state.borrow_mut().callbacks);
        for (_, callback) in callbacks {
            self.drop_reporting("a callback", None, callback);
        }
        self.report_unseen();
        let state = &mut *self.state.borrow_mut();
        state.ready.clear();
        state.timers.clear();
    }

    /// Reports the errors that nobody has seen of futures whose handles outlive the loop.
    fn report_unseen(&self) {
        let unseen: Vec<(Option<TaskError>, String)> = {
            let state = &mut *self.state.borrow_mut();
            let failed =
                |slot: &Slot| slot.state == Progress::Failed && !slot.flags.any(Flags::RETRIEVED);
            let slots = state.slots.iter().filter(|(_, slot)| failed(slot));
            let slots: Vec<u32> = slots.map(|(index, _)| index as u32).collect();
            let see = |slot: u32| {
                let name = state.name(slot);
                let entry = &mut state.slots[slot as usize];
                entry.flags.set(Flags::RETRIEVED);
                (entry.rare().error.clone(), name)
            };
            slots.into_iter().map(see).collect()
        };
        for (error, name) in unseen {
            let message = "the error of a task was never retrieved";
            let (kind, now) = (ReportKind::NeverRetrieved, self.now());
            self.report(Report::new(kind, message, error, Some(name), now));
        }
    }
}

/// What is left to be done when a future has ended: wakers that are not the loop's own, and what
/// was in the slot, if nobody needs it.
struct Finished {
    foreign: Vec<Waker>,
    freed: Option<Freed>,
}

/// What was in a slot that was freed, to be dropped when the state is no longer borrowed.
struct Freed {
    body: Option<BoxedBody>,
    rare: Option<Box<Rare>>,
    /// The name and kind of a future whose error nobody has seen.
    unseen: Option<(String, Kind)>,
}

impl State {
    /// Frees a slot.
    #[inline]
    fn free(&mut self, slot: u32) -> Freed {
        let entry = &self.slots[slot as usize];
        let unseen = entry.state == Progress::Failed && !entry.flags.any(Flags::RETRIEVED);
        let unseen = unseen.then(|| (self.name(slot), entry.kind));
        let entry = self.slots.remove(slot as usize);
        self.paths.release(entry.path);
        Freed {
            body: entry.body,
            rare: entry.rare,
            unseen,
        }
    }

    fn add(
        &mut self,
        serial: u32,
        kind: Kind,
        path: u32,
        path_hash: u64,
        spawned: &'static Location<'static>,
    ) -> Key {
        let id = self.next_id;
        self.next_id += 1;
        assert!(
            self.slots.len() < MAX_SLOTS,
            "more than {MAX_SLOTS} tasks and promises are alive in one run"
        );
        if self.slots.len() == self.slots.capacity() {
            // An eighth more at a time: a million tasks should not cost twice their size.
            self.slots.reserve_exact((self.slots.len() / 8).max(8));
        }
        let slot = self.slots.insert(Slot {
            id,
            body: None,
            callbacks: DoneCallbacks::default(),
            path_hash,
            path,
            steps: 0,
            cancelling: 0,
            holds: 1,
            waiting: Waiting::UNKNOWN,
            spawned,
            rare: None,
            kind,
            state: Progress::Pending,
            flags: Flags::default(),
        });
        Key {
            serial,
            slot: slot as u32,
            id,
        }
    }

    /// Begins a step of the task in `slot`, unless the task is done, and gives the body to poll.
    #[inline]
    pub(crate) fn begin_step(&mut self, core: &Core, slot: u32) -> Option<BoxedBody> {
        let entry = &mut self.slots[slot as usize];
        let flags = entry.flags;
        entry.flags.clear(Flags::SCHEDULED);
        let body = entry.body.take()?;
        entry.flags = Flags::STARTED.or(Flags::POLLING);
        entry.waiting = Waiting::UNKNOWN;
        entry.steps = entry.steps.wrapping_add(1);
        self.current = Some(slot);
        self.depth = 0;
        self.site.hash = entry.path_hash;
        self.site.step = entry.steps;
        self.site.since = 0;
        self.made_in_step = 0;
        self.fingerprint.add(mix(entry.path_hash, core.now.get()));
        step::begin(Word::new(core.serial, slot, entry.id as u32));
        if self.is_watched || flags.any(Flags::MUST_CANCEL.or(Flags::ABORTED)) {
            return self.begin_special_step(core, slot, flags, body);
        }
        Some(body)
    }

    /// Does what only few steps need: a cancellation to deliver, someone who watches. A body that
    /// is not to be polled, because its task was asked to stop before it began or ordered to, is
    /// put aside to be dropped.
    #[cold]
    fn begin_special_step(
        &mut self,
        core: &Core,
        slot: u32,
        flags: Flags,
        body: BoxedBody,
    ) -> Option<BoxedBody> {
        let entry = &mut self.slots[slot as usize];
        if flags.any(Flags::MUST_CANCEL.or(Flags::ABORTED)) {
            let message = entry
                .rare
                .as_ref()
                .and_then(|rare| rare.cancel_message.clone());
            self.deliver(Cancelled::from_message(message));
        }
        let entry = &mut self.slots[slot as usize];
        let locals = entry
            .rare
            .as_mut()
            .map(|rare| std::mem::take(&mut rare.locals));
        self.base_locals = std::mem::replace(&mut self.locals, locals.unwrap_or_default());
        if self.chance.is_writing() {
            self.site.path = Some(self.paths.path(self.path()));
        }
        self.record(core.now(), || EventKind::Stepped);
        if flags.any(Flags::ABORTED) || (step::is_delivering() && !flags.any(Flags::STARTED)) {
            self.refused = Some((slot, body));
            return None;
        }
        Some(body)
    }

    /// Ends a step after which the task is suspended.
    #[inline]
    fn suspend_step(&mut self, slot: u32) {
        let woken = self.end_step(slot);
        let entry = &mut self.slots[slot as usize];
        if woken || entry.flags.any(Flags::WOKEN) {
            entry.flags.clear(Flags::WOKEN);
            entry.flags.set(Flags::SCHEDULED);
            self.ready.push(Entry::task(slot));
        }
    }

    /// Ends a step. Says whether the task has woken itself, which means nothing if it is done.
    #[inline]
    fn end_step(&mut self, slot: u32) -> bool {
        self.current = None;
        self.slots[slot as usize].flags.clear(Flags::POLLING);
        if self.is_watched {
            self.end_watched_step(slot);
        }
        step::end()
    }

    #[cold]
    fn end_watched_step(&mut self, slot: u32) {
        let base = std::mem::take(&mut self.base_locals);
        let locals = std::mem::replace(&mut self.locals, base);
        if !locals.is_empty() {
            self.slots[slot as usize].rare().locals = locals;
        }
        self.observe(slot);
    }

    fn finish(
        &mut self,
        slot: u32,
        end: End,
        body: Option<BoxedBody>,
        how: Option<String>,
        now: crate::time::Instant,
    ) -> Finished {
        if let Some(how) = how.filter(|_| self.slots[slot as usize].kind == Kind::Task) {
            let current = self.current.replace(slot);
            self.record(now, || EventKind::Ended(how));
            self.current = current;
        }
        let entry = &mut self.slots[slot as usize];
        if entry.kind == Kind::Task {
            self.live_tasks -= 1;
            let how = match &end {
                End::Value => 2,
                End::Failed(_) => 5,
                End::Cancelled(..) => 6,
            };
            self.fingerprint.add(entry.path_hash ^ how);
        }
        entry.body = body;
        match end {
            End::Value => entry.state = Progress::Value,
            End::Failed(error) => {
                entry.state = Progress::Failed;
                entry.rare().error = Some(error);
            }
            End::Cancelled(cancelled, message) => {
                entry.state = Progress::Cancelled;
                if cancelled.is_some() || message.is_some() || entry.rare.is_some() {
                    let rare = entry.rare();
                    rare.cancelled = cancelled;
                    rare.cancel_message = message;
                }
            }
        }
        let idle = entry.holds == 0;
        let callbacks = std::mem::take(&mut entry.callbacks);
        let mut foreign = Vec::new();
        callbacks.for_each(|callback| match callback {
            DoneCallback::Wake(waiter) => foreign.extend(self.wake_slot(waiter).1),
            DoneCallback::Call(callback) => {
                // After the loop was closed there are none left.
                if let Some(queued) = self.callbacks.get_mut(callback as usize) {
                    queued.queued = true;
                    self.ready.push(Entry::callback(callback));
                }
            }
        });
        let freed = idle.then(|| self.free(slot));
        Finished { foreign, freed }
    }

    /// Gives an eager task its place among the tasks: behind those that it has made.
    fn settle_in(&mut self, key: Key) {
        let place = self.next_id;
        let Some(slot) = self.slot(key).filter(|slot| !slot.is_done()) else {
            return;
        };
        slot.rare().place = Some(place);
        self.next_id += 1;
    }

    /// Tells the strategy what the step has touched.
    fn observe(&mut self, slot: u32) {
        if let (Some(chooser), Some(touches)) = (&mut self.chooser, &mut self.touches) {
            let entity = super::choose::EntityId::task(self.slots[slot as usize].path_hash);
            chooser.observe(entity, touches);
            touches.clear();
        }
    }
}

impl Slot {
    /// Takes the cancellation that was to be delivered at the next suspension.
    fn take_cancel(&mut self) -> Option<Option<std::sync::Arc<str>>> {
        let unheard = self.flags.any(Flags::MUST_CANCEL);
        self.flags.clear(Flags::MUST_CANCEL);
        unheard.then(|| {
            self.rare
                .as_ref()
                .and_then(|rare| rare.cancel_message.clone())
        })
    }
}

impl From<TaskError> for End {
    fn from(error: TaskError) -> Self {
        match error.cancelled() {
            Some(cancelled) => Self::Cancelled(Some(cancelled.clone()), None),
            None => Self::Failed(error),
        }
    }
}

/// Says how a future ends. An error's text is the program's own code, so this is not for where the
/// state is borrowed.
fn describe(end: &End) -> String {
    match end {
        End::Value => "with a value".to_owned(),
        End::Cancelled(..) => "cancelled".to_owned(),
        End::Failed(error) => catch_unwind(AssertUnwindSafe(|| format!("with an error: {error}")))
            .unwrap_or_else(|_| "with an error that panics when it is shown".to_owned()),
    }
}

/// Drops a body; if that panics, the panic is how the task ends.
fn drop_body(body: BoxedBody) -> Option<TaskError> {
    let payload = catch_unwind(AssertUnwindSafe(move || drop(body))).err()?;
    Some(TaskError::panicked(payload, panics::take_location()))
}
