//! Callbacks: what the program, or the crate itself, has queued to be called.

use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::context::Locals;
use super::core::{self, Core, State};
use super::resources::Access;
use super::table::Key;
use super::timers::Timer;
use crate::time::Instant;
use crate::trace::Left;

/// A function waiting to be called.
pub(crate) struct Callback {
    pub(crate) generation: u32,
    /// `None` once it was called or cancelled.
    pub(crate) call: Option<Box<dyn FnOnce()>>,
    /// The future whose end it waits for, which is kept until then.
    pub(crate) subject: Option<Key>,
    pub(crate) locals: Locals,
    pub(crate) path: u32,
    /// Hash of the path, which with the generation names the callback in the fingerprint.
    pub(crate) path_hash: u64,
    /// A timer, not a place in the queue, will bring it up.
    pub(crate) timed: bool,
    /// It stands in the ready queue, which will give the slot back.
    pub(crate) queued: bool,
}

/// Names one callback of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallbackKey {
    pub(crate) serial: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Core {
    /// Queues `call`.
    pub(crate) fn call_soon(&self, call: Box<dyn FnOnce()>) -> CallbackKey {
        let state = &mut *self.state.borrow_mut();
        let key = state.add_callback(self.serial, call, None);
        state.callbacks[key.slot as usize].queued = true;
        state.queue_callback(key.slot);
        key
    }

    /// Sets a timer for `call`.
    pub(crate) fn call_at(&self, at: u64, call: Box<dyn FnOnce()>) -> CallbackKey {
        let state = &mut *self.state.borrow_mut();
        let key = state.add_callback(self.serial, call, None);
        state.callbacks[key.slot as usize].timed = true;
        state
            .timers
            .set(at, Timer::for_callback(key.slot, state.generation));
        key
    }

    /// Cancels a callback that has not been called yet.
    pub(crate) fn cancel_callback(&self, key: CallbackKey) {
        self.state.borrow_mut().link_callback(key, Access::Write);
        self.retire_callback(key);
    }

    /// Cancels a callback on behalf of several who could all do that: it does not matter who does.
    pub(crate) fn retire_callback(&self, key: CallbackKey) {
        let (_call, _locals) = {
            let state = &mut *self.state.borrow_mut();
            state.link_callback(key, Access::Read);
            let Some(callback) = state.callback(key.slot, key.generation) else {
                return;
            };
            if callback.queued {
                // It keeps its place in the queue, where it will do nothing.
                (callback.call.take(), Locals::default())
            } else {
                if callback.timed {
                    state.timers.cancel();
                }
                let callback = state.remove_callback(key.slot);
                state.sweep_timers();
                (callback.call, callback.locals)
            }
        };
    }

    pub(crate) fn is_callback_pending(&self, key: CallbackKey) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.link_callback(key, Access::Read);
        state
            .callback(key.slot, key.generation)
            .is_some_and(|callback| callback.call.is_some())
    }
}

impl State {
    /// Stores a callback with the context of the moment.
    pub(crate) fn add_callback(
        &mut self,
        serial: u32,
        call: Box<dyn FnOnce()>,
        subject: Option<Key>,
    ) -> CallbackKey {
        self.generation += 1;
        let generation = self.generation as u32;
        self.leave(Left::Callback(generation));
        let (path, path_hash) = self.path_and_hash();
        let locals = self.locals.clone();
        self.paths.hold(path);
        let call = Some(call);
        let (timed, queued) = (false, false);
        let callback = Callback {
            generation,
            call,
            subject,
            locals,
            path,
            path_hash,
            timed,
            queued,
        };
        let slot = self.callbacks.insert(callback) as u32;
        if let Some(moves) = &mut self.moves {
            moves.name_callback(generation);
        }
        CallbackKey {
            serial,
            slot,
            generation,
        }
    }

    pub(crate) fn callback(&mut self, slot: u32, generation: u32) -> Option<&mut Callback> {
        let callback = self.callbacks.get_mut(slot as usize);
        callback.filter(|callback| callback.generation == generation)
    }

    pub(crate) fn remove_callback(&mut self, slot: u32) -> Callback {
        let callback = self.callbacks.remove(slot as usize);
        self.paths.release(callback.path);
        callback
    }
}

/// A callback that was queued or set: with it, the callback can be cancelled.
///
/// Dropping the handle does not cancel anything.
///
/// ```
/// use simrun::event_loop;
///
/// # simrun::run(async {
/// let handle = event_loop::call_soon(|| unreachable!("it was cancelled"));
/// handle.cancel();
/// assert!(handle.is_cancelled());
/// # });
/// ```
#[derive(Debug)]
pub struct Handle {
    key: CallbackKey,
    when: Option<Instant>,
    cancelled: AtomicBool,
}

impl Handle {
    fn new(key: CallbackKey, when: Option<Instant>) -> Self {
        Self {
            key,
            when,
            cancelled: AtomicBool::new(false),
        }
    }

    /// Cancels the callback. Does nothing if it has been called, or cancelled before.
    #[track_caller]
    pub fn cancel(&self) {
        let core = core::own(self.key.serial, "callback handle");
        if core.is_callback_pending(self.key) {
            core.cancel_callback(self.key);
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Says whether [`cancel`](Self::cancel) kept the callback from being called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Returns when the callback is due, if a time was given.
    pub fn when(&self) -> Option<Instant> {
        self.when
    }
}

/// Queues a callback behind everything that is ready now.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::{event_loop, task};
///
/// # simrun::run(async {
/// event_loop::call_soon(|| simrun::log!("called"));
/// task::yield_now().await;
/// # });
/// ```
#[track_caller]
pub fn call_soon(callback: impl FnOnce() + 'static) -> Handle {
    let core = open_loop();
    Handle::new(core.call_soon(Box::new(callback)), None)
}

/// Calls back after a delay. A delay of zero still goes through the timers, so it comes after
/// everything that is ready now.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::{event_loop, time};
///
/// # simrun::run(async {
/// event_loop::call_later(time::secs(1), || simrun::log!("a second has passed"));
/// time::sleep(time::secs(2)).await;
/// # });
/// ```
#[track_caller]
pub fn call_later(delay: std::time::Duration, callback: impl FnOnce() + 'static) -> Handle {
    let core = open_loop();
    let when = core.now() + core.takes_duration(delay);
    Handle::new(
        core.call_at(when.as_nanos(), Box::new(callback)),
        Some(when),
    )
}

/// Calls back at a moment in virtual time; a moment that has passed is as good as now.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::{event_loop, time};
///
/// # simrun::run(async {
/// let handle = event_loop::call_at(time::now() + time::secs(1), || ());
/// assert_eq!(handle.when(), Some(time::now() + time::secs(1)));
/// # });
/// ```
#[track_caller]
pub fn call_at(when: Instant, callback: impl FnOnce() + 'static) -> Handle {
    let core = open_loop();
    Handle::new(
        core.call_at(when.as_nanos(), Box::new(callback)),
        Some(when),
    )
}

#[track_caller]
fn open_loop() -> Rc<Core> {
    let core = core::current();
    assert!(
        !core.closed.get(),
        "the loop is closed: nothing can be queued on it ({})",
        { crate::error::place(Location::caller()) }
    );
    core
}
