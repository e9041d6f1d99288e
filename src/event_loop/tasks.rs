//! The life of a future in its loop: made, stepped, ended, let go.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::context::Locals;
use super::core::{Core, State};
use super::panics;
use super::paths::ROOT;
use super::ready::Entry;
use super::report::{Report, ReportKind};
use super::table::{
    Body, DoneCallback, DoneCallbacks, End, Key, Kind, Slot, State as Progress, Waiting,
};
use super::waker::{self, MAX_SLOTS, Word};
use crate::chance::{ROOT_HASH, mix};
use crate::error::{Cancelled, TaskError};
use crate::trace::EventKind;

type BoxedBody = Pin<Box<dyn Body>>;

/// What a step interrupts, to be put back when it is over: steps nest, for an eager task makes
/// its first one within its creator's.
struct Outer {
    current: Option<u32>,
    path: u32,
    raising: Option<Cancelled>,
    depth: u32,
    locals: Locals,
}

/// A step that has begun: the body is out of the table, to be polled.
pub(crate) struct Begun {
    slot: u32,
    word: Word,
    body: BoxedBody,
    /// If there is a cancellation here, the body is dropped instead.
    refused: Option<Cancelled>,
}

impl Core {
    /// Makes a future that is completed by hand, or by others.
    pub(crate) fn add_promise(&self, kind: Kind, at: &'static Location<'static>) -> Key {
        let state = &mut *self.state.borrow_mut();
        let path = state.path;
        state.paths.hold(path);
        state.add(self.serial, kind, path, 0, at)
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
            let (path, hash) = match state.current {
                Some(slot) => {
                    let parent = &state.slots[slot as usize];
                    state.paths.add(parent.path, parent.path_hash)
                }
                None if state.path == ROOT => state.paths.add(ROOT, ROOT_HASH),
                None => {
                    let hash = state.paths.hash(state.path);
                    state.paths.add(state.path, hash)
                }
            };
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
        let (begun, outer) = {
            let state = &mut *self.state.borrow_mut();
            let outer = Outer {
                current: state.current,
                path: state.path,
                raising: state.raising.take(),
                depth: state.depth,
                locals: std::mem::take(&mut state.locals),
            };
            (state.begin_step(self, slot), outer)
        };
        if let Some(begun) = begun {
            self.step(begun);
        }
        let state = &mut *self.state.borrow_mut();
        state.current = outer.current;
        state.path = outer.path;
        state.raising = outer.raising;
        state.depth = outer.depth;
        state.locals = outer.locals;
    }

    /// Makes the step of a task that has begun one.
    #[inline]
    pub(crate) fn step(&self, begun: Begun) {
        let Begun {
            slot,
            word,
            mut body,
            refused,
        } = begun;
        if let Some(cancelled) = refused {
            // Asked to stop before it began, or ordered to: it is not polled any more.
            let panicked = drop_body(body);
            self.state.borrow_mut().end_step(slot);
            let end = panicked.unwrap_or(End::Cancelled(Some(cancelled), None));
            return self.finish(slot, end, None);
        }
        let waker = waker::waker(word);
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(&mut cx)));
        let suspended = matches!(polled, Ok(Poll::Pending));
        if !suspended {
            return self.end_polled(slot, polled, body);
        }
        let mut state = self.state.borrow_mut();
        if state.raising.is_some() {
            drop(state);
            return self.end_raised(slot, body);
        }
        state.end_step(slot);
        let entry = &mut state.slots[slot as usize];
        entry.body = Some(body);
        let must_cancel = entry.must_cancel;
        drop(state);
        if must_cancel {
            self.cancel_at_suspension(slot);
        }
    }

    /// Ends the step of a task that a cancellation has gone through without being received.
    #[cold]
    fn end_raised(&self, slot: u32, body: BoxedBody) {
        let cancelled = self.state.borrow_mut().raising.take();
        let panicked = drop_body(body);
        self.state.borrow_mut().end_step(slot);
        self.finish(
            slot,
            panicked.unwrap_or(End::Cancelled(cancelled, None)),
            None,
        );
    }

    /// Ends the last step of a task.
    fn end_polled(
        &self,
        slot: u32,
        polled: std::thread::Result<Poll<Result<(), TaskError>>>,
        body: BoxedBody,
    ) {
        let (end, body) = match polled {
            Ok(Poll::Pending | Poll::Ready(Ok(()))) => {
                // Asked to stop, it returned without suspending: it is cancelled, its value lost.
                let unheard = {
                    let state = &mut *self.state.borrow_mut();
                    let raised = state.raising.take().map(Cancelled::into_message);
                    raised.or(state.slots[slot as usize].take_cancel())
                };
                match unheard {
                    None => (End::Value, Some(body)),
                    Some(message) => {
                        let panicked = drop_body(body);
                        (panicked.unwrap_or(End::Cancelled(None, message)), None)
                    }
                }
            }
            Ok(Poll::Ready(Err(error))) => {
                let panicked = drop_body(body);
                (panicked.unwrap_or_else(|| End::from(error)), None)
            }
            Err(payload) => {
                let error = TaskError::panicked(payload, panics::take_location());
                let _ = drop_body(body);
                (End::Failed(error), None)
            }
        };
        self.state.borrow_mut().end_step(slot);
        self.finish(slot, end, body);
    }

    /// Ends a future and queues its done-callbacks, in the order in which they were added.
    pub(crate) fn finish(&self, slot: u32, end: End, body: Option<BoxedBody>) {
        let (callbacks, idle) = {
            let state = &mut *self.state.borrow_mut();
            state.finish(slot, end, body, self.now())
        };
        if let Some(callbacks) = callbacks {
            self.queue_done_callbacks(callbacks);
        }
        if idle {
            self.free(slot);
        }
    }

    fn queue_done_callbacks(&self, callbacks: DoneCallbacks) {
        for callback in callbacks.into_iter() {
            match callback {
                DoneCallback::Wake(waiter, generation) => {
                    self.wake_waiter(waiter, generation);
                }
                DoneCallback::Call(slot) => {
                    let state = &mut *self.state.borrow_mut();
                    state.callbacks[slot as usize].queued = true;
                    state.ready.push(Entry::Callback(slot));
                }
            }
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
            state.ready.push(Entry::Callback(callback.slot));
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
            known.then(|| state.remove_callback(callback.slot))
        };
        if removed.is_some() {
            self.let_go_of(key);
        }
        removed.is_some()
    }

    /// Lets go of a future: when nobody needs it any more and it is done, its slot is freed.
    pub(crate) fn let_go_of(&self, key: Key) {
        let idle = {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state.slot(key) else { return };
            slot.holds -= 1;
            slot.holds == 0 && (slot.is_done() || slot.kind != Kind::Task) && !slot.polling
        };
        if idle {
            self.free(key.slot);
        }
    }

    /// Frees a slot. An error that nobody has seen is reported.
    fn free(&self, slot: u32) {
        let (mut entry, name) = {
            let state = &mut *self.state.borrow_mut();
            let unseen = {
                let entry = &state.slots[slot as usize];
                entry.state == Progress::Failed && !entry.retrieved
            };
            let name = unseen.then(|| state.name(slot));
            let entry = state.slots.remove(slot as usize);
            state.paths.release(entry.path);
            (entry, name)
        };
        if let Some(body) = entry.body.take() {
            let _ = drop_body(body);
        }
        let error = entry.rare.and_then(|rare| rare.error);
        if let (Some(name), Some(error)) = (name, error) {
            let message = match entry.kind {
                Kind::Task => "the error of a task was never retrieved",
                _ => "the error of a promise was never retrieved",
            };
            let kind = ReportKind::NeverRetrieved;
            self.report(Report::new(
                kind,
                message,
                Some(error),
                Some(name),
                self.now(),
            ));
        }
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
            let body = {
                let state = &mut *self.state.borrow_mut();
                let entry = state
                    .slots
                    .get_mut(slot as usize)
                    .filter(|entry| entry.id == id);
                entry.and_then(|entry| entry.body.take())
            };
            if let Some(Err(payload)) =
                body.map(|body| catch_unwind(AssertUnwindSafe(move || drop(body))))
            {
                let error = TaskError::panicked(payload, panics::take_location());
                let name = self.state.borrow().name(slot);
                let message = "a future panicked while it was dropped";
                let kind = ReportKind::Drop;
                self.report(Report::new(
                    kind,
                    message,
                    Some(error),
                    Some(name),
                    self.now(),
                ));
            }
        }
        let hooks = std::mem::take(&mut self.state.borrow_mut().hooks);
        let _ = catch_unwind(AssertUnwindSafe(move || drop(hooks)));
        let callbacks = std::mem::take(&mut self.state.borrow_mut().callbacks);
        for (_, callback) in callbacks {
            let _ = catch_unwind(AssertUnwindSafe(move || drop(callback)));
        }
        let state = &mut *self.state.borrow_mut();
        state.ready.clear();
        state.timers.clear();
    }
}

impl State {
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
            waiting: Waiting::Unknown,
            spawned,
            rare: None,
            kind,
            state: Progress::Pending,
            scheduled: false,
            polling: false,
            started: false,
            must_cancel: false,
            aborted: false,
            retrieved: false,
        });
        Key {
            serial,
            slot: slot as u32,
            id,
        }
    }

    /// Begins a step of the task in `slot`, unless the task is done.
    #[inline]
    pub(crate) fn begin_step(&mut self, core: &Core, slot: u32) -> Option<Begun> {
        let entry = &mut self.slots[slot as usize];
        entry.scheduled = false;
        let body = entry.body.take()?;
        let word = Word::new(core.serial, slot, entry.id as u32);
        let mut refused = None;
        if entry.must_cancel || entry.aborted {
            let message = entry.take_cancel();
            let cancelled = Cancelled::from_message(message.clone().flatten());
            if !entry.started || entry.aborted {
                refused = Some(cancelled);
            } else {
                self.raising = message.map(|_| cancelled);
            }
        }
        if let Some(rare) = &mut entry.rare {
            self.locals = std::mem::take(&mut rare.locals);
        }
        entry.started = true;
        entry.polling = true;
        entry.waiting = Waiting::Unknown;
        entry.steps = entry.steps.wrapping_add(1);
        self.current = Some(slot);
        self.path = entry.path;
        self.depth = 0;
        self.site.hash = entry.path_hash;
        self.site.step = entry.steps;
        self.site.since = 0;
        self.fingerprint.add(mix(entry.path_hash, core.now.get()));
        if self.is_watched {
            self.watch_step(core);
        }
        Some(Begun {
            slot,
            word,
            body,
            refused,
        })
    }

    /// Does what a step costs only when someone writes a plan or a trace.
    #[cold]
    fn watch_step(&mut self, core: &Core) {
        if self.chance.is_writing() {
            self.site.path = Some(self.paths.path(self.path));
        }
        self.record(core.now(), || EventKind::Stepped);
    }

    #[inline]
    fn end_step(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.polling = false;
        if !self.locals.is_empty() {
            entry.rare().locals = std::mem::take(&mut self.locals);
        }
        if self.touches.is_some() {
            self.observe(slot);
        }
        self.current = None;
        self.path = ROOT;
    }

    fn finish(
        &mut self,
        slot: u32,
        end: End,
        body: Option<BoxedBody>,
        now: crate::time::Instant,
    ) -> (Option<DoneCallbacks>, bool) {
        if self.trace.is_some() && self.slots[slot as usize].kind == Kind::Task {
            let how = match &end {
                End::Value => "with a value".to_owned(),
                End::Failed(error) => format!("with an error: {error}"),
                End::Cancelled(..) => "cancelled".to_owned(),
            };
            let current = self.current.replace(slot);
            self.record(now, || EventKind::Ended(how));
            self.current = current;
        }
        let entry = &mut self.slots[slot as usize];
        if entry.kind == Kind::Task {
            self.live_tasks -= 1;
            self.fingerprint.add(entry.path_hash ^ 2);
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
        let callbacks = std::mem::take(&mut entry.callbacks);
        let callbacks = (!callbacks.is_empty()).then_some(callbacks);
        (callbacks, entry.holds == 0)
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
        std::mem::take(&mut self.must_cancel).then(|| {
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

/// Drops a body; if that panics, the panic is how the task ends.
fn drop_body(body: BoxedBody) -> Option<End> {
    let payload = catch_unwind(AssertUnwindSafe(move || drop(body))).err()?;
    Some(End::Failed(TaskError::panicked(
        payload,
        panics::take_location(),
    )))
}
