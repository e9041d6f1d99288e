//! A step: the task's body is taken out of the table, polled, and put back or ended.
//!
//! This is the hottest code there is. What only few steps need (a cancellation to deliver, someone
//! who watches) is behind one test each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use super::context::Locals;
use super::core::{Core, LastStep, State};
use super::resources::Touch;
use super::step;
use super::table::{End, Flags, Kind, Slot, Waiting};
use super::tasks::{BoxedBody, describe, drop_body};
use super::waker::{self, Word};
use crate::chance::mix;
use crate::error::{Cancelled, TaskError};
use crate::panics;
use crate::trace::EventKind;

/// What a step within another one interrupts.
struct Outer {
    current: Option<u32>,
    raising: Option<Cancelled>,
    delivering: Option<Cancelled>,
    depth: u32,
    made_in_step: u32,
    born_in_step: u32,
    site: LastStep,
    locals: Locals,
    base_locals: Locals,
    touches: Option<Vec<Touch>>,
}

impl Core {
    /// Makes a step within the one that is being made, for a task that starts eagerly.
    pub(super) fn step_within(&self, slot: u32) {
        let marks = step::interrupt();
        let (body, outer) = {
            let state = &mut *self.state.borrow_mut();
            let outer = Outer {
                current: state.current.take(),
                raising: state.raising.take(),
                delivering: state.delivering.take(),
                depth: state.depth,
                made_in_step: state.made_in_step,
                born_in_step: state.born_in_step,
                site: state.site.clone(),
                locals: std::mem::take(&mut state.locals),
                base_locals: std::mem::take(&mut state.base_locals),
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
            state.born_in_step = outer.born_in_step;
            state.site = outer.site;
            state.touches = outer.touches;
            state.base_locals = outer.base_locals;
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
        let (must_cancel, planned) = {
            let state = &mut *self.state.borrow_mut();
            let entry = &mut state.slots[slot as usize];
            entry.body = Some(body);
            let must_cancel = entry.flags.any(Flags::MUST_CANCEL);
            state.suspend_step(slot);
            let planned = state.may_cancel && state.decide_cancel(slot);
            (must_cancel, planned.then(|| state.key(self.serial, slot)))
        };
        if must_cancel {
            self.cancel_at_suspension(slot);
        }
        if let Some(task) = planned {
            self.cancel(task, None);
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
                let how = state.has_events().then(|| describe(&End::Value));
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
}

impl State {
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
        self.born_in_step = 0;
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
            let message = entry.cancel_message();
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
        if let Some(trace) = &mut self.trace {
            trace.causes.begin_step(self.slots[slot as usize].id);
        }
        self.record(core.now(), || EventKind::Stepped);
        // It may be a step within another one.
        self.link_task(slot);
        if let Some(profile) = &mut self.profile
            && !self.ready.has_no_candidate()
        {
            profile.add_choice();
        }
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
        if woken || entry.flags.any(Flags::WOKEN.or(Flags::INTERRUPTED)) {
            if entry.kind == Kind::Thread {
                return self.requeue_thread(slot);
            }
            entry.flags.clear(Flags::WOKEN);
            entry.flags.set(Flags::SCHEDULED);
            let actor = entry.path_hash;
            if let Some(moves) = &mut self.moves {
                moves.rouse(actor);
            }
            self.queue_task(slot);
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
        self.chance.end_step();
        let base = std::mem::take(&mut self.base_locals);
        let locals = std::mem::replace(&mut self.locals, base);
        if !locals.is_empty() {
            self.slots[slot as usize].rare().locals = locals;
        }
        self.observe(slot);
    }

    /// Decides whether a task is cancelled at the await that has just suspended it.
    #[cold]
    fn decide_cancel(&mut self, slot: u32) -> bool {
        let entry = &self.slots[slot as usize];
        let path = || self.paths.path(entry.path);
        self.chance
            .decide_cancel(entry.path_hash, entry.steps, path)
    }
}

impl Slot {
    /// Takes the cancellation that was to be delivered at the next suspension.
    fn take_cancel(&mut self) -> Option<Option<std::sync::Arc<str>>> {
        let unheard = self.flags.any(Flags::MUST_CANCEL);
        self.flags.clear(Flags::MUST_CANCEL);
        unheard.then(|| self.cancel_message())
    }
}
