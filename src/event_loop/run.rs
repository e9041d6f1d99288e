//! The loop itself: iterations, as asyncio's `_run_once` makes them.
//!
//! At the start of an iteration, if nothing is ready, virtual time moves to the first deadline;
//! due timers join the ready queue; then exactly as many entries run as are ready now. With a
//! strategy other than first-in-first-out the entries are chosen, but they are counted alike, so
//! that the empty plan is asyncio's order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::choose::sleeper;
use super::core::Core;
use super::limits::Halt;
use super::ready::{Entry, Kind};
use super::report::{Report, ReportKind};
use super::table::Key;
use super::tasks::BoxedBody;
use super::timers::{Target, Timer};
use crate::chance::{ROOT_HASH, mix};
use crate::error::TaskError;
use crate::panics;
use crate::trace::{EventKind, Left};

/// What an iteration does next.
enum Next {
    Step(u32, BoxedBody),
    Refuse(u32, BoxedBody),
    /// The task or thread was killed while it stood in the queue, which has kept it until now.
    LetGo(Key),
    Fire(Timer),
    Call(u32),
}

impl Core {
    /// Runs until `stop` is called, or nothing can happen any more, or a limit is reached.
    pub(crate) fn run_until_stopped(&self) -> Result<(), Halt> {
        loop {
            if let Some(result) = self.run_iteration() {
                return result;
            }
        }
    }

    fn run_iteration(&self) -> Option<Result<(), Halt>> {
        {
            let state = &mut *self.state.borrow_mut();
            // Time does not move after a violation.
            if state.check_at == 0
                && let Some(halt) = self.check_limits(state)
            {
                return Some(Err(halt));
            }
            // An iteration that a limit cut short is carried on.
            if state.iteration == 0
                && let Err(halt) = self.begin_iteration(state)
            {
                return Some(Err(halt));
            }
        }
        loop {
            let next = {
                let state = &mut *self.state.borrow_mut();
                if state.iteration == 0 {
                    break;
                }
                if state.steps >= state.check_at
                    && let Some(halt) = self.check_limits(state)
                {
                    return Some(Err(halt));
                }
                state.iteration -= 1;
                state.steps += 1;
                if let Some(moves) = &mut state.moves {
                    moves.end();
                    if moves.is_long() {
                        state.leave_moves();
                    }
                }
                let mut picked = state.pick(self);
                if state.hosts.paused > 0
                    && let Some(entry) = picked
                {
                    picked = state.keep_if_paused(entry);
                    if picked.is_none() {
                        continue;
                    }
                }
                if state.moves.is_some()
                    && let Some(entry) = picked
                {
                    state.begin_move(entry, self.now.get());
                }
                match picked.map(Entry::kind) {
                    Some(Kind::Task(slot)) => match state.begin_step(self, slot) {
                        Some(body) => Next::Step(slot, body),
                        None => match state.refused.take() {
                            Some((slot, body)) => Next::Refuse(slot, body),
                            None => {
                                // Whoever goes next is decided at a site of its own.
                                state.site.since += 1;
                                Next::LetGo(state.key(self.serial, slot))
                            }
                        },
                    },
                    Some(Kind::Timer(timer)) => Next::Fire(timer),
                    Some(Kind::Callback(slot)) => Next::Call(slot),
                    None => {
                        state.iteration = 0;
                        break;
                    }
                }
            };
            // It may be gone after its step.
            let task = match &next {
                Next::Step(slot, _) if self.has_invariants.get() => {
                    Some(self.state.borrow().name(*slot))
                }
                _ => None,
            };
            match next {
                Next::Step(slot, body) if self.debug.get() => self.step_timed(slot, body),
                Next::Step(slot, body) => self.step(slot, body),
                Next::Refuse(slot, body) => self.refuse(slot, body),
                Next::LetGo(killed) => self.let_go_of(killed),
                Next::Fire(timer) => self.fire(timer),
                Next::Call(slot) => self.call(slot),
            }
            if self.has_invariants.get() {
                self.look_at_invariants(task.as_deref());
            }
        }
        let state = &mut *self.state.borrow_mut();
        if state.stopping {
            self.end_moves(state);
        }
        std::mem::take(&mut state.stopping).then_some(Ok(()))
    }

    fn begin_iteration(&self, state: &mut super::core::State) -> Result<(), Halt> {
        if state.ready.lane().is_some() {
            return self.begin_gap(state);
        }
        let before = self.now.get();
        while let Some(timer) = self.take_due(state, !state.ready.is_empty())? {
            state.queue_timer(timer);
            if self.now.get() == before
                && let Some(moves) = &mut state.moves
            {
                // It was due already, and has waited for an iteration to begin.
                moves.count();
            }
        }
        if state.ready.is_empty() && !state.stopping {
            return Err(Halt::Idle);
        }
        state.iteration = state.ready.len();
        Ok(())
    }

    /// Takes the first timer that is due. If there is nothing else to do, time moves until one is.
    #[inline]
    pub(super) fn take_due(
        &self,
        state: &mut super::core::State,
        is_busy: bool,
    ) -> Result<Option<Timer>, Halt> {
        while let Some((at, timer)) = state.timers.first() {
            if !state.is_live(timer) {
                state.timers.pop_cancelled(timer);
                continue;
            }
            if at > self.now.get() {
                if is_busy || state.stopping {
                    break;
                }
                self.move_time(state, at)?;
            }
            state.timers.pop(timer);
            return Ok(Some(timer));
        }
        Ok(None)
    }

    /// Moves time to the next deadline although someone is ready, and brings up what is due then.
    #[cold]
    pub(super) fn pass_time(&self, state: &mut super::core::State) {
        let mut is_busy = false;
        // The deadline is within the limits, or the strategy would not have been asked.
        while let Ok(Some(timer)) = self.take_due(state, is_busy) {
            is_busy = true;
            if state.ready.lane().is_none() || !state.wake_sleeping_thread(timer, self.now()) {
                state.queue_timer(timer);
            }
        }
        state.site.since += 1;
    }

    /// Returns the next deadline, if time may move there.
    pub(super) fn next_deadline(&self, state: &mut super::core::State) -> Option<u64> {
        loop {
            let (at, timer) = state.timers.first()?;
            if state.is_live(timer) {
                let until = self
                    .limits
                    .until
                    .map_or(u128::MAX, |until| until.as_nanos());
                return (u128::from(at) <= until && !state.stopping).then_some(at);
            }
            state.timers.pop_cancelled(timer);
        }
    }

    fn move_time(&self, state: &mut super::core::State, at: u64) -> Result<(), Halt> {
        if let Some(until) = self.limits.until
            && u128::from(at) > until.as_nanos()
        {
            return Err(Halt::Until);
        }
        self.now.set(at);
        state.moved_at = state.steps;
        if let Some(moves) = &mut state.moves {
            moves.begin_epoch();
        }
        Ok(())
    }

    #[cold]
    fn check_limits(&self, state: &mut super::core::State) -> Option<Halt> {
        if state.is_given_up {
            return Some(Halt::Steps);
        }
        let next = self.limits.next_check(state.steps, state.moved_at);
        let was_called = std::mem::replace(&mut state.check_at, next) == 0;
        if was_called && state.properties.violation.is_some() {
            return Some(Halt::Violated);
        }
        if self.limits.steps.is_some_and(|limit| state.steps >= limit) {
            return Some(Halt::Steps);
        }
        if state.steps - state.moved_at >= self.limits.livelock {
            return Some(Halt::Livelock);
        }
        self.is_out_of_real_time().then_some(Halt::Wall)
    }

    fn fire(&self, timer: Timer) {
        {
            let state = &mut *self.state.borrow_mut();
            state.site.since += 1;
            let owner = match timer.target() {
                Target::Waiter(slot, generation) => {
                    sleeper(&state.slots, &state.waiters, slot, generation)
                }
                // They are named when they are called.
                Target::Callback(..) | Target::Alarm(..) => None,
            };
            let sleeper = owner.map(|task| task.id);
            let owner = owner.map_or(ROOT_HASH, |task| task.path_hash);
            state.fingerprint.add(mix(owner ^ 3, self.now.get()));
            if let Some(trace) = &mut state.trace {
                match timer.target() {
                    Target::Waiter(..) => trace.causes.begin_timer(sleeper),
                    Target::Callback(_, callback) => {
                        trace.causes.begin_left(Left::Callback(callback));
                    }
                    Target::Alarm(token, _) => trace.causes.begin_left(Left::Alarm(token)),
                }
            }
            if state.has_events() {
                state.record(self.now(), || EventKind::Fired);
                if let Target::Callback(_, callback) = timer.target() {
                    state.leave(Left::Callback(callback));
                }
            }
        }
        match timer.target() {
            Target::Waiter(slot, generation) => {
                self.wake_waiter(slot, generation);
            }
            Target::Callback(slot, generation) => {
                let state = self.state.borrow_mut().callback(slot, generation).is_some();
                if state {
                    self.call(slot);
                }
            }
            Target::Alarm(token, generation) => self.ring(token, generation),
        }
    }

    fn call(&self, slot: u32) {
        let (callback, outer) = {
            let state = &mut *self.state.borrow_mut();
            state.site.since += 1;
            let mut callback = state.callbacks.remove(slot as usize);
            if callback.call.is_some() {
                state.begin_call(callback.generation, callback.subject);
                let name = mix(callback.path_hash ^ 4, u64::from(callback.generation));
                state.fingerprint.add(mix(name, self.now.get()));
                if state.has_events() && callback.subject.is_none() {
                    state.record(self.now(), || EventKind::Called);
                }
            }
            let path = std::mem::replace(&mut state.caller, callback.path);
            let locals = std::mem::take(&mut callback.locals);
            let locals = std::mem::replace(&mut state.locals, locals);
            (callback, (path, locals))
        };
        if let Some(call) = callback.call
            && let Err(payload) = catch_unwind(AssertUnwindSafe(call))
        {
            let error = TaskError::panicked(payload, panics::take_location());
            let message = "a callback panicked";
            let kind = ReportKind::Callback;
            self.report(Report::new(kind, message, Some(error), None, self.now()));
        }
        let _locals = {
            let state = &mut *self.state.borrow_mut();
            if let Some(subject) = callback.subject {
                state.link_look(subject);
            }
            state.observe_callback(callback.path_hash);
            state.caller = outer.0;
            state.paths.release(callback.path);
            std::mem::replace(&mut state.locals, outer.1)
        };
        if let Some(subject) = callback.subject {
            self.let_go_of(subject);
        }
    }

    /// Lets the current iteration finish, and the loop stop after it.
    pub(crate) fn stop(&self) {
        let state = &mut *self.state.borrow_mut();
        state.stopping = true;
        if let Some(moves) = &mut state.moves {
            moves.stop();
        }
    }
}
