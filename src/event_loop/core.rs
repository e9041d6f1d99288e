//! The state of one loop, and how the rest of the crate reaches it.
//!
//! A loop is confined to its thread. Handles, wakers and futures hold numbers into its tables, and
//! find it through a thread-local when they are used: that is why all of them are `Send`. Nothing
//! of the program's own (futures, values, callbacks, foreign wakers) is ever run or dropped while
//! the state is borrowed, for it may use the loop again.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Waker;

use slab::Slab;

use super::alarms::{Alarmed, Alarms};
use super::callbacks::Callback;
use super::choose::Choose;
use super::context::Locals;
use super::handoffs::Handoffs;
use super::hosts::Hosts;
use super::limits::{Limits, Stopwatch};
use super::moves::{self, Moves};
use super::paths::Paths;
use super::profile::Profile;
use super::ready::{Entry, Ready};
use super::report::{Handler, Report};
use super::resources::{Access, Resource, Touch};
use super::step;
use super::table::{Flags, Key, Kind, Slot, Waiter};
use super::tasks::BoxedBody;
use super::timers::Timers;
use super::waker::Word;
use crate::assure::{Failure, Properties};
use crate::chance::{Chance, ROOT_HASH, SiteKey, TaskPath};
use crate::error::Cancelled;
use crate::time::Instant;
use crate::trace::{Event, EventKind, Fingerprint, Trace, is_anyone_listening, tell};

thread_local! {
    /// The loop of this thread. [`Entered`] takes out what it has put in, so nothing is left to be
    /// dropped when the thread ends, and a thread-local without a destructor is cheaper to reach.
    static CURRENT: RefCell<ManuallyDrop<Option<Rc<Core>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

static NEXT_SERIAL: AtomicU32 = AtomicU32::new(1);

/// One loop.
pub(crate) struct Core {
    pub(crate) serial: u32,
    pub(crate) now: Cell<u64>,
    pub(crate) running: Cell<bool>,
    pub(crate) closed: Cell<bool>,
    pub(crate) eager: Cell<bool>,
    pub(crate) debug: Cell<bool>,
    /// Something is to be looked at after every step.
    pub(crate) has_invariants: Cell<bool>,
    pub(crate) limits: Limits,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) state: RefCell<State>,
    /// The subscriber that writes what the program tells `tracing` into the trace.
    #[cfg(feature = "tracing")]
    recorder: Option<tracing::Dispatch>,
}

/// What the loop keeps in its tables.
pub(crate) struct State {
    pub(crate) ready: Ready,
    pub(crate) timers: Timers,
    pub(crate) slots: Slab<Slot>,
    pub(crate) waiters: Slab<Waiter>,
    pub(crate) callbacks: Slab<Callback>,
    pub(crate) alarms: Alarms,
    /// Who is told of alarms.
    pub(super) alarmed: Option<Rc<dyn Alarmed>>,
    pub(crate) resources: Slab<Resource>,
    pub(crate) paths: Paths,
    pub(super) hosts: Hosts,

    /// The task whose step is being made.
    pub(crate) current: Option<u32>,
    /// The path on whose behalf a callback runs: that of whoever queued it.
    pub(crate) caller: u32,
    /// The cancellation on its way up through the current step.
    pub(crate) raising: Option<Cancelled>,
    /// The cancellation that is to be raised in the current step.
    pub(crate) delivering: Option<Cancelled>,
    /// How many cancellable regions enclose the code that is running.
    pub(crate) depth: u32,
    pub(crate) locals: Locals,
    /// The values in force outside the step that is being made.
    pub(crate) base_locals: Locals,
    /// The body of a task that was stopped before it began.
    pub(crate) refused: Option<(u32, BoxedBody)>,

    pub(crate) chance: Chance,
    pub(crate) chooser: Option<Box<dyn Choose>>,
    pub(crate) keeps_order: bool,
    /// The strategy may let time pass although someone is ready.
    pub(crate) may_wait: bool,
    /// A task may have to be cancelled at an await, by plan.
    pub(crate) may_cancel: bool,
    pub(crate) touches: Option<Vec<Touch>>,
    pub(crate) profile: Option<Profile>,
    /// What is kept of the moves, if anyone wants to know.
    pub(crate) moves: Option<Box<Moves>>,
    /// The hash of their order, in a run so long that the rest is not looked at.
    pub(super) order_before: Option<u64>,
    /// Kept beside the order of the moves.
    pub(crate) handoffs: Option<Box<Handoffs>>,
    /// The strategy does not want to know how the run ends.
    pub(crate) is_given_up: bool,
    /// Where the next scheduling decision is taken: after whose step, and what came since.
    pub(crate) site: LastStep,

    /// How many resources were first used since the last step began, and how many were made.
    pub(crate) made_in_step: u32,
    pub(crate) born_in_step: u32,
    pub(crate) next_id: u64,
    /// How many waiters and callbacks were made.
    pub(crate) generation: u64,
    /// How many entries the current iteration still has to run.
    pub(crate) iteration: usize,
    pub(crate) stopping: bool,
    pub(crate) steps: u64,
    /// The step count at which the limits are looked at again.
    pub(crate) check_at: u64,
    /// The step count at which virtual time last moved.
    pub(crate) moved_at: u64,

    pub(crate) fingerprint: Fingerprint,
    pub(crate) trace: Option<Trace>,
    pub(crate) properties: Properties,
    /// Someone listens, through `tracing`.
    pub(crate) is_heard: bool,
    /// What was done that the run must not notice, if anything was.
    pub(super) unheard: Option<Box<super::unheard::Unheard>>,
    pub(crate) handler: Option<Handler>,
    pub(crate) reports: Vec<Report>,
    /// How often was drawn, by path and label: under the site of the first such draw. Kept when a
    /// task ends, for its callbacks may still draw.
    pub(crate) draws: BTreeMap<SiteKey, u32>,
    pub(crate) live_tasks: usize,
    pub(crate) hooks: Vec<ShutdownHook>,
    /// What is run after all other hooks.
    pub(crate) last_hook: Option<ShutdownHook>,
    /// What the floors above keep for the time of the run, each type once.
    extensions: Vec<Rc<dyn Any>>,
    pub(crate) woken_from_outside: bool,
    /// Steps have more to do than to run: someone writes a plan or a trace, wants footprints, or
    /// uses task-locals.
    pub(crate) is_watched: bool,
}

/// What a loop keeps of what happens in it, beyond the fingerprint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// The events.
    pub(crate) record: bool,
    /// How much of what the program tells `tracing` is among them.
    #[cfg(feature = "tracing")]
    pub(crate) detail: super::told::Detail,
    /// What each task's steps touch.
    pub(crate) profile: bool,
    /// The partial order of the moves, and who hands what to whom.
    pub(crate) order: bool,
    /// The moves themselves.
    pub(crate) moves: bool,
}

/// What is to be run when the loop shuts down.
pub(crate) type ShutdownHook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>>>;

/// The last step a task made, which names the scheduling decisions that follow it.
#[derive(Clone, Debug)]
pub(crate) struct LastStep {
    pub(crate) hash: u64,
    pub(crate) step: u32,
    pub(crate) since: u32,
    /// Spelled out only while a plan is written.
    pub(crate) path: Option<TaskPath>,
}

impl LastStep {
    /// Names the decisions that come before the first step: they follow the loop itself.
    fn none() -> Self {
        Self {
            hash: ROOT_HASH,
            step: 0,
            since: 0,
            path: None,
        }
    }
}

impl Core {
    pub(crate) fn new(
        chance: Chance,
        chooser: Option<Box<dyn Choose>>,
        limits: Limits,
        watch: Watch,
    ) -> Rc<Self> {
        let mut ready = Ready::default();
        if chance.is_writing()
            && chooser
                .as_ref()
                .is_some_and(|chooser| !chooser.keeps_order())
        {
            ready.remember_order();
        }
        let tells = chooser
            .as_ref()
            .is_some_and(|chooser| chooser.wants_footprints());
        let touches = (tells || watch.profile || watch.order).then(Vec::new);
        let moves = watch.order || watch.moves;
        let may_cancel = chance.may_cancel();
        let is_heard = is_anyone_listening();
        let has_events = watch.record || is_heard;
        let tells = touches.is_some() || moves;
        let is_watched = has_events || chance.is_writing() || tells || may_cancel;
        let state = State {
            ready,
            timers: Timers::default(),
            slots: Slab::new(),
            waiters: Slab::new(),
            callbacks: Slab::new(),
            alarms: Alarms::default(),
            alarmed: None,
            resources: Slab::new(),
            paths: Paths::new(),
            hosts: Hosts::default(),
            current: None,
            caller: super::paths::ROOT,
            raising: None,
            delivering: None,
            depth: 0,
            locals: Locals::default(),
            base_locals: Locals::default(),
            refused: None,
            touches,
            profile: watch.profile.then(Profile::default),
            moves: moves.then(|| Box::new(Moves::new(watch.moves, watch.order))),
            order_before: None,
            handoffs: watch.order.then(Box::default),
            is_given_up: false,
            may_wait: chooser.as_ref().is_some_and(|chooser| chooser.may_wait()),
            may_cancel,
            chance,
            keeps_order: chooser.as_ref().is_none_or(|chooser| chooser.keeps_order()),
            chooser,
            site: LastStep::none(),
            made_in_step: 0,
            born_in_step: 0,
            next_id: 1,
            generation: 0,
            iteration: 0,
            stopping: false,
            steps: 0,
            check_at: limits.first_check(),
            moved_at: 0,
            fingerprint: Fingerprint::new(),
            trace: watch.record.then(Trace::default),
            properties: Properties::default(),
            is_heard,
            unheard: None,
            handler: None,
            reports: Vec::new(),
            draws: BTreeMap::new(),
            live_tasks: 0,
            hooks: Vec::new(),
            last_hook: None,
            extensions: Vec::new(),
            woken_from_outside: false,
            is_watched,
        };
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed);
        Rc::new(Self {
            serial,
            now: Cell::new(0),
            running: Cell::new(false),
            closed: Cell::new(false),
            eager: Cell::new(false),
            debug: Cell::new(false),
            has_invariants: Cell::new(false),
            limits,
            stopwatch: Stopwatch::default(),
            state: RefCell::new(state),
            #[cfg(feature = "tracing")]
            recorder: (watch.record).then(|| super::told::recorder(serial, watch.detail)),
        })
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.now.get())
    }

    /// Begins to count real time, if there is a limit on it.
    pub(crate) fn start_stopwatch(&self) {
        if self.limits.wall.is_some() {
            self.stopwatch.elapsed();
        }
    }

    pub(crate) fn is_out_of_real_time(&self) -> bool {
        self.limits
            .wall
            .is_some_and(|limit| self.stopwatch.elapsed() > limit)
    }

    pub(crate) fn with_chance<R>(&self, act: impl FnOnce(&mut Chance) -> R) -> R {
        let state = &mut *self.state.borrow_mut();
        state.link(|_| moves::DRAWS, Access::Write);
        act(&mut state.chance)
    }

    pub(crate) fn with_locals<R>(&self, act: impl FnOnce(&mut Locals) -> R) -> R {
        let state = &mut *self.state.borrow_mut();
        state.is_watched = true;
        act(&mut state.locals)
    }

    /// Returns the task-locals in force here.
    pub(crate) fn task_locals(&self) -> Locals {
        self.state.borrow().locals.clone()
    }

    /// Puts others in force for what is running.
    pub(crate) fn set_task_locals(&self, locals: Locals) {
        if !locals.is_empty() {
            let _old = self.with_locals(|own| std::mem::replace(own, locals));
        }
    }

    /// Returns what a floor above keeps for the time of the run; it is made when it is first asked
    /// for.
    pub(crate) fn extension<T: Default + 'static>(&self) -> Rc<T> {
        let state = &mut *self.state.borrow_mut();
        state.use_beyond("the world of hosts, networks and faults");
        let extensions = &mut state.extensions;
        let found = extensions.iter().find(|kept| kept.is::<T>());
        let found = found.and_then(|kept| kept.clone().downcast().ok());
        found.unwrap_or_else(|| {
            let made = Rc::<T>::default();
            extensions.push(made.clone());
            made
        })
    }

    /// Takes all of that, to be dropped when the state is no longer borrowed.
    pub(crate) fn take_extensions(&self) -> impl Sized + use<> {
        let state = &mut *self.state.borrow_mut();
        // It is one of them.
        state.alarmed = None;
        std::mem::take(&mut state.extensions)
    }

    /// Counts a draw under `label`, of the current task or of a callback on its behalf; returns the
    /// task's path and how many came before.
    pub(crate) fn count_draw(&self, label: &str) -> (TaskPath, u32) {
        let state = &mut *self.state.borrow_mut();
        let path = state.paths.path(state.path());
        let nth = state.count(SiteKey::user(path.hash(), label, 0));
        (path, nth)
    }

    /// Counts an opportunity for something to go wrong, under the site of the first of them;
    /// returns how many came before.
    pub(crate) fn count_opportunity(&self, first: SiteKey) -> u32 {
        self.state.borrow_mut().count(first)
    }

    /// Returns the path on whose behalf code runs.
    pub(crate) fn current_path(&self) -> TaskPath {
        let state = self.state.borrow();
        state.paths.path(state.path())
    }

    /// Returns what the task that is running is called; while the loop itself is at work, none is.
    #[cfg(feature = "tracing")]
    pub(crate) fn who(&self) -> String {
        let state = self.state.try_borrow();
        state.map_or_else(|_| "loop".to_owned(), |state| state.who())
    }

    /// Writes a line of the program's own into the trace.
    pub(crate) fn log(&self, text: String) {
        tracing::info!(target: "simrun::log", at = %self.now(), "{text}");
        let state = &mut *self.state.borrow_mut();
        let hash = text
            .bytes()
            .fold(7, |hash, byte| crate::chance::mix(hash, u64::from(byte)));
        state.fingerprint.add(hash);
        state.record(self.now(), || EventKind::Logged(text));
    }

    /// Returns the failure of the first property that had to hold and did not.
    pub(crate) fn violation(&self) -> Option<Failure> {
        self.state.borrow().properties.violation.clone()
    }

    /// Makes this the thread's loop until the guard is dropped.
    #[track_caller]
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        let before = CURRENT.replace(ManuallyDrop::new(Some(self.clone())));
        let before = ManuallyDrop::into_inner(before);
        Entered {
            before,
            #[cfg(feature = "tracing")]
            _told: self.recorder.as_ref().map(tracing::dispatcher::set_default),
        }
    }
}

impl State {
    fn count(&mut self, first: SiteKey) -> u32 {
        let nth = self.draws.entry(first).or_insert(0);
        *nth += 1;
        *nth - 1
    }

    pub(crate) fn record(&mut self, now: Instant, kind: impl FnOnce() -> EventKind) {
        if !self.has_events() {
            return;
        }
        let task = self.who();
        let host = self.current.and_then(|slot| self.host_name(slot));
        let number = self.current.map(|slot| self.slots[slot as usize].id);
        let event = Event {
            at: now,
            task,
            host,
            kind: kind(),
        };
        if self.is_heard {
            tell(&event);
        }
        if let Some(trace) = &mut self.trace {
            trace.push(event, number);
            self.chance.tell_moment(trace.events().len());
        }
    }

    /// Says whether anyone wants to know what happens.
    #[inline]
    pub(crate) fn has_events(&self) -> bool {
        self.trace.is_some() || self.is_heard
    }

    /// Returns what the task that is running is called.
    fn who(&self) -> String {
        self.current
            .map_or_else(|| "loop".to_owned(), |slot| self.name(slot))
    }

    /// Returns what a future is called: its given name, or its path.
    pub(crate) fn name(&self, slot: u32) -> String {
        let slot = &self.slots[slot as usize];
        let given = slot.rare.as_ref().and_then(|rare| rare.name.clone());
        if let Some(name) = self.name_on_host(slot.path, given.as_deref()) {
            return name;
        }
        match given {
            Some(name) => name.to_string(),
            None => self.paths.path(slot.path).to_string(),
        }
    }

    /// Returns the path on whose behalf code runs: the task's, or the callback's.
    pub(crate) fn path(&self) -> u32 {
        self.current
            .map_or(self.caller, |slot| self.slots[slot as usize].path)
    }

    /// Returns the path on whose behalf code runs, and its hash.
    pub(crate) fn path_and_hash(&self) -> (u32, u64) {
        match self.current {
            Some(slot) => {
                let slot = &self.slots[slot as usize];
                (slot.path, slot.path_hash)
            }
            None => (self.caller, self.paths.hash(self.caller)),
        }
    }

    /// Returns the key of the future in a slot.
    pub(crate) fn key(&self, serial: u32, slot: u32) -> Key {
        let id = self.slots[slot as usize].id;
        Key { serial, slot, id }
    }

    pub(crate) fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        self.link_look(key);
        self.unseen_slot(key)
    }

    /// Returns a future without taking note that it was looked at.
    pub(crate) fn unseen_slot(&mut self, key: Key) -> Option<&mut Slot> {
        self.slots
            .get_mut(key.slot as usize)
            .filter(|slot| slot.id == key.id)
    }
}

/// While it lives, a loop is the current one of its thread.
pub(crate) struct Entered {
    before: Option<Rc<Core>>,
    #[cfg(feature = "tracing")]
    _told: Option<tracing::dispatcher::DefaultGuard>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let _left = ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(before)));
    }
}

/// Returns the loop of this thread.
///
/// # Panics
///
/// If there is none.
#[track_caller]
pub(crate) fn current() -> Rc<Core> {
    match try_current() {
        Some(core) => core,
        None => panic!(
            "there is no simrun loop on this thread: call this from a task, or inside \
             `EventLoop::within`"
        ),
    }
}

/// Returns the loop of this thread, if there is one.
#[inline]
pub(crate) fn try_current() -> Option<Rc<Core>> {
    CURRENT
        .try_with(|current| (**current.borrow()).clone())
        .ok()
        .flatten()
}

/// Returns the loop of this thread if it is the one with this serial.
#[inline]
pub(crate) fn try_own(serial: u32) -> Option<Rc<Core>> {
    try_current().filter(|core| core.serial == serial)
}

/// Returns the loop of this thread, to which `what` must belong.
///
/// # Panics
///
/// If it belongs to another run, or to none that is alive on this thread.
#[track_caller]
pub(crate) fn own(serial: u32, what: &str) -> Rc<Core> {
    let core = current();
    assert!(
        core.serial == serial,
        "this {what} belongs to another run: each run needs its own, made inside it"
    );
    core
}

/// Wakes from outside the loop's own thread or run, which its next idle moment will look at. A
/// run that hears of them is not deterministic.
static OUTSIDE: Mutex<Vec<Word>> = Mutex::new(Vec::new());
static OUTSIDE_COUNT: AtomicUsize = AtomicUsize::new(0);
/// Wakes of runs long ended may pile up here; more than this are not remembered.
const MAX_OUTSIDE: usize = 1_024;

/// Raises the cancellation that waits for a suspended future, if there is one, in the one that
/// asks.
#[inline]
pub(crate) fn raise_delivery() -> bool {
    step::is_delivering()
        && try_current().is_some_and(|core| core.state.borrow_mut().raise_delivery())
}

/// Wakes the task that a waker's word names.
#[inline]
pub(crate) fn wake(word: Word) {
    if step::wake_itself(word) {
        return;
    }
    let known = CURRENT.try_with(|current| match &**current.borrow() {
        Some(core) if word.is_serial(core.serial) => {
            core.schedule(word);
            true
        }
        _ => false,
    });
    if known != Ok(true) {
        wake_from_outside(word);
    }
}

#[cold]
fn wake_from_outside(word: Word) {
    let mut outside = OUTSIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if outside.len() == MAX_OUTSIDE {
        // Those who wait for the oldest have most likely ended.
        outside.remove(0);
    }
    outside.push(word);
    OUTSIDE_COUNT.store(outside.len(), Ordering::Release);
}

impl Core {
    /// Says whether one of this loop's wakers was used on another thread.
    pub(crate) fn was_woken_from_outside(&self) -> bool {
        if OUTSIDE_COUNT.load(Ordering::Acquire) > 0 {
            let mut outside = OUTSIDE.lock().unwrap_or_else(PoisonError::into_inner);
            let before = outside.len();
            outside.retain(|word| !word.is_serial(self.serial));
            OUTSIDE_COUNT.store(outside.len(), Ordering::Release);
            if outside.len() < before {
                self.state.borrow_mut().woken_from_outside = true;
            }
        }
        self.state.borrow().woken_from_outside
    }

    /// Queues a step of the task that `word` names, unless one is queued or it is done.
    #[inline]
    pub(crate) fn schedule(&self, word: Word) {
        let state = &mut *self.state.borrow_mut();
        let Some(slot) = state.slots.get(word.slot() as usize) else {
            return;
        };
        if word.is_generation(slot.id as u32) {
            state.schedule(word.slot());
        }
    }
}

impl State {
    /// Queues a step of a task, unless one is queued or it is done. If its step is being made, it
    /// is queued when that ends with the task suspended, so the ready queue knows no task that is
    /// done.
    #[inline]
    pub(crate) fn schedule(&mut self, slot: u32) {
        if self.is_watched {
            self.note_wake(slot);
        }
        let entry = &mut self.slots[slot as usize];
        if let Some(moves) = &mut self.moves {
            moves.rouse(entry.path_hash);
        }
        if entry.flags.any(Flags::POLLING) {
            entry.flags.set(Flags::WOKEN);
        } else if !entry.flags.any(Flags::SCHEDULED) && !entry.is_done() {
            entry.flags.set(Flags::SCHEDULED);
            if entry.kind == Kind::Thread {
                self.ready.open_lane().push(Entry::thread(slot));
            } else {
                self.queue_task(slot);
            }
        }
    }

    /// Queues the step that a waker of ours asks for; gives back a foreign waker, which must be
    /// woken when the state is no longer borrowed.
    #[inline]
    pub(crate) fn wake(&mut self, waker: Option<Waker>) -> Option<Waker> {
        let waker = waker?;
        let Some(word) = super::waker::word(&waker) else {
            self.link(|_| moves::FOREIGN, Access::Write);
            return Some(waker);
        };
        let slot = self.slots.get(word.slot() as usize);
        if slot.is_some_and(|slot| word.is_generation(slot.id as u32)) {
            self.schedule(word.slot());
        }
        None
    }
}
