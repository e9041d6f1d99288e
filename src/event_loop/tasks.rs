//! The life of a future in its loop: made, ended, let go.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;

use super::core::{Core, State};
use super::report::{Report, ReportKind};
use super::resources::Access;
use super::table::{
    Body, DoneCallback, DoneCallbacks, End, Flags, Key, Kind, Rare, Slot, State as Progress,
    Waiting,
};
use super::waker::MAX_SLOTS;
use crate::error::TaskError;
use crate::panics;
use crate::trace::{EventKind, Left};

pub(crate) type BoxedBody = Pin<Box<dyn Body>>;

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
            let key = state.spawn(self, Kind::Task, None, at);
            let inherits = (!state.locals.is_empty()).then(|| state.locals.clone());
            let slot = &mut state.slots[key.slot as usize];
            slot.body = Some(body);
            if let Some(locals) = inherits {
                slot.rare().locals = locals;
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
        self.state.borrow().has_events()
    }

    /// Does what the end of a future leaves to be done when the state is no longer borrowed.
    pub(super) fn follow(&self, finished: Finished) {
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
        state.link_future(key.slot, Access::Write);
        let slot = state
            .slot(key)
            .expect("a done-callback is added through a live handle");
        slot.holds += 1;
        if slot.is_done() {
            state.callbacks[callback.slot as usize].queued = true;
            state.queue_callback(callback.slot);
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
            state.link_future(key.slot, Access::Write);
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
                && (slot.is_done() || !slot.kind.is_driven())
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
            Kind::Thread => "nobody joined a thread that panicked",
            Kind::Promise | Kind::Gather => "the error of a promise was never retrieved",
        };
        let error = rare.and_then(|rare| rare.error);
        let (kind, now) = (ReportKind::NeverRetrieved, self.now());
        self.report(Report::new(kind, message, error, Some(name), now));
    }

    /// Drops the body of a task or thread that has not ended. What goes wrong then is reported, but
    /// not of one that is killed.
    pub(super) fn drop_unfinished(&self, key: Key, body: BoxedBody) {
        if self.closed.get() {
            let name = self.state.borrow().name(key.slot);
            self.drop_reporting("a future", Some(name), body);
        } else {
            drop_body(body);
        }
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
                Some(slot) if slot.state == Progress::Value => {
                    let body = slot.body.take();
                    state.link_future(key.slot, Access::Write);
                    body
                }
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
        let last_hook = self.state.borrow_mut().last_hook.take();
        self.drop_reporting("a shutdown hook", None, last_hook);
        let extensions = self.take_extensions();
        self.drop_reporting("what the run has kept", None, extensions);
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
pub(super) struct Finished {
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

    /// Adds a task or thread, a child of whoever is running.
    pub(super) fn spawn(
        &mut self,
        core: &Core,
        kind: Kind,
        name: Option<Arc<str>>,
        at: &'static Location<'static>,
    ) -> Key {
        let (parent, parent_hash) = self.path_and_hash();
        let (path, hash) = self.paths.add(parent, parent_hash);
        let key = self.add(core.serial, kind, path, hash, at);
        self.live_tasks += 1;
        self.fingerprint.add(hash ^ 1);
        if name.is_some() {
            self.slots[key.slot as usize].rare().name = name;
        }
        if self.has_events() {
            let name = self.name(key.slot);
            self.record(core.now(), || EventKind::Spawned(name));
            self.note_wake(key.slot);
        }
        key
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
        let slot = slot as u32;
        let key = Key { serial, slot, id };
        if let Some(moves) = &mut self.moves {
            let look = match kind {
                Kind::Gather => Access::Write,
                _ => Access::Read,
            };
            moves.name_future(key, kind.is_driven().then_some(path_hash), look);
        }
        key
    }

    pub(super) fn finish(
        &mut self,
        slot: u32,
        end: End,
        body: Option<BoxedBody>,
        how: Option<String>,
        now: crate::time::Instant,
    ) -> Finished {
        if let Some(how) = how.filter(|_| self.slots[slot as usize].kind.is_driven()) {
            let current = self.current.replace(slot);
            self.record(now, || EventKind::Ended(how));
            self.current = current;
        }
        let is_gathered =
            self.slots[slot as usize].kind == Kind::Gather && matches!(end, End::Value);
        if !is_gathered {
            self.link_future(slot, Access::Write);
        }
        let entry = &mut self.slots[slot as usize];
        if entry.kind.is_driven() {
            self.live_tasks -= 1;
            let how = match &end {
                End::Value => 2,
                End::Failed(_) => 5,
                End::Cancelled(..) => 6,
            };
            self.fingerprint.add(entry.path_hash ^ how);
        }
        entry.body = body;
        if let Some(trace) = &mut self.trace {
            trace.causes.leave(Left::Done(entry.id));
        }
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
                    self.queue_callback(callback);
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
pub(super) fn describe(end: &End) -> String {
    match end {
        End::Value => "with a value".to_owned(),
        End::Cancelled(..) => "cancelled".to_owned(),
        End::Failed(error) => catch_unwind(AssertUnwindSafe(|| format!("with an error: {error}")))
            .unwrap_or_else(|_| "with an error that panics when it is shown".to_owned()),
    }
}

/// Drops a body; if that panics, the panic is how the task ends.
pub(super) fn drop_body(body: BoxedBody) -> Option<TaskError> {
    let payload = catch_unwind(AssertUnwindSafe(move || drop(body))).err()?;
    Some(TaskError::panicked(payload, panics::take_location()))
}
