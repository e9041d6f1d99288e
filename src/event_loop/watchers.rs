//! Watchers: functions that are called whenever something outside the program is ready, as asyncio
//! calls those that were given to `add_reader`.
//!
//! A watcher runs in the context in which it was made, whoever has made its socket ready: a packet
//! is no message of its sender's task.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::CallbackKey;
use super::context::Locals;
use super::core::{self, Core};
use super::report::{Report, ReportKind};
use super::timers::Timer;
use crate::chance::mix;
use crate::error::TaskError;
use crate::panics;
use crate::trace::EventKind;

/// A function that is called again and again.
pub(crate) struct Watcher {
    serial: u32,
    /// Taken out when it is retired.
    call: RefCell<Option<Rc<dyn Fn()>>>,
    path: u32,
    /// Hash of the path and the number of the watcher, which name it in the fingerprint.
    name: u64,
    locals: Locals,
    /// Its place among the timers, if it is to be called.
    queued: Cell<Option<CallbackKey>>,
}

impl Core {
    /// Makes a watcher that is called in the context of the moment.
    pub(crate) fn add_watcher(&self, call: impl Fn() + 'static) -> Rc<Watcher> {
        let state = &mut *self.state.borrow_mut();
        state.generation += 1;
        let (path, path_hash) = state.path_and_hash();
        state.paths.hold(path);
        Rc::new(Watcher {
            serial: self.serial,
            call: RefCell::new(Some(Rc::new(call))),
            path,
            name: mix(path_hash ^ 9, state.generation),
            locals: state.locals.clone(),
            queued: Cell::new(None),
        })
    }

    /// Calls a watcher now, unless it will be called anyhow.
    pub(crate) fn call_watcher(&self, watcher: &Rc<Watcher>) {
        if watcher.queued.get().is_some() || watcher.is_retired() {
            return;
        }
        if self.state.borrow().hosts.paused > 0 {
            // Its own may be.
            return self.queue_watcher(watcher);
        }
        let outer = {
            let state = &mut *self.state.borrow_mut();
            let path = std::mem::replace(&mut state.caller, watcher.path);
            let locals = std::mem::replace(&mut state.locals, watcher.locals.clone());
            (path, locals)
        };
        self.run_watcher(watcher);
        let _locals = {
            let state = &mut *self.state.borrow_mut();
            state.caller = outer.0;
            std::mem::replace(&mut state.locals, outer.1)
        };
    }

    /// Has a watcher called in the next iteration, behind what is queued until then: there a loop
    /// finds what its selector has found.
    pub(crate) fn queue_watcher(&self, watcher: &Rc<Watcher>) {
        if watcher.queued.get().is_some() || watcher.is_retired() {
            return;
        }
        let weak = Rc::downgrade(watcher);
        let call = Box::new(move || {
            if let Some(watcher) = weak.upgrade() {
                watcher.queued.set(None);
                watcher.run();
            }
        });
        let state = &mut *self.state.borrow_mut();
        // On behalf of whoever watches, not of whoever has made it ready.
        let current = state.current.take();
        let caller = std::mem::replace(&mut state.caller, watcher.path);
        let locals = std::mem::replace(&mut state.locals, watcher.locals.clone());
        let key = state.add_callback(self.serial, call, None);
        (state.current, state.caller, state.locals) = (current, caller, locals);
        state.callbacks[key.slot as usize].timed = true;
        let timer = Timer::for_callback(key.slot, state.generation);
        state.timers.set(self.now.get(), timer);
        watcher.queued.set(Some(key));
    }

    fn run_watcher(&self, watcher: &Watcher) {
        {
            let state = &mut *self.state.borrow_mut();
            let hash = mix(watcher.name, self.now.get());
            state.fingerprint.add(hash);
            if state.has_events() {
                state.record(self.now(), || EventKind::Called);
            }
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| watcher.run())) {
            let error = TaskError::panicked(payload, panics::take_location());
            let (kind, message) = (ReportKind::Callback, "a callback panicked");
            self.report(Report::new(kind, message, Some(error), None, self.now()));
        }
    }

    /// Keeps something until it is given back with [`cancel_callback`](Self::cancel_callback), or
    /// the family of whoever is running is killed.
    pub(crate) fn keep(&self, kept: impl Sized + 'static) -> CallbackKey {
        let call = Box::new(move || drop(kept));
        let state = &mut *self.state.borrow_mut();
        state.add_callback(self.serial, call, None)
    }
}

impl Watcher {
    fn run(&self) {
        let call = self.call.borrow().clone();
        if let Some(call) = call {
            call();
        }
    }

    /// Takes back that it is to be called.
    pub(crate) fn take_back(&self) {
        if let (Some(key), Some(core)) = (self.queued.take(), core::try_own(self.serial)) {
            core.cancel_callback(key);
        }
    }

    /// Sees to it that it is never called again.
    pub(crate) fn retire(&self) {
        self.take_back();
        drop(self.call.take());
    }

    fn is_retired(&self) -> bool {
        self.call.borrow().is_none()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(core) = core::try_own(self.serial) {
            core.state.borrow_mut().paths.release(self.path);
        }
    }
}
