//! Running a loop from outside, and shutting it down.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use super::core::{self, Core, ShutdownHook};
use super::limits::Halt;
use super::paths::ROOT;
use super::report::{Report, ReportKind};
use super::table::{Flags, Key, Kind, State as Progress};
use crate::assure::{Failure, FailureKind};
use crate::panics::Inside;
use crate::sim::Sim;
use crate::task::{Task, spawn_on};
use crate::time::Instant;

/// An event loop that is run by hand: asyncio's loop object, for those who need more than
/// [`Sim::run`]. A loop that is dropped is closed first.
///
/// ```
/// use simrun::event_loop::EventLoop;
/// use simrun::time;
///
/// let event_loop = EventLoop::new();
/// let answer = event_loop.run_until_complete(async {
///     time::sleep(time::secs(1)).await;
///     42
/// });
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// assert_eq!(event_loop.time().since_start(), time::secs(1));
/// event_loop.close();
/// ```
pub struct EventLoop {
    core: Rc<Core>,
}

/// Runs an async function when the loop shuts down, after its tasks have been cancelled and have
/// ended: the place to close what outlives tasks. Hooks run in the order in which they were added.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// simrun::event_loop::on_shutdown(|| async { simrun::log!("the pool is closed") });
/// # });
/// ```
#[track_caller]
pub fn on_shutdown<F: Future<Output = ()> + 'static>(hook: impl FnOnce() -> F + 'static) {
    let hook: ShutdownHook = Box::new(move || Box::pin(hook()));
    let core = core::current();
    let state = &mut *core.state.borrow_mut();
    state.link(|_| super::moves::HOOKS, super::resources::Access::Write);
    state.hooks.push(hook);
}

impl EventLoop {
    /// Makes a loop that runs everything in asyncio's order.
    pub fn new() -> Self {
        Self::with(&Sim::new())
    }

    /// Makes a loop with the seed, strategy and limits of `sim`.
    pub fn with(sim: &Sim) -> Self {
        Self { core: sim.core() }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Calls `act` with this loop as the current one, so that tasks can be spawned and handles
    /// used while it is not running.
    pub fn within<R>(&self, act: impl FnOnce() -> R) -> R {
        let _entered = self.core.enter();
        act()
    }

    /// Spawns `main` as a task and runs the loop until it is done.
    ///
    /// The outer result tells how the loop fared: it fails if the loop cannot go on (deadlock,
    /// livelock, a limit), and then the task is still there and the loop can be run again. The
    /// inner result is the task's.
    ///
    /// # Panics
    ///
    /// If the loop is closed, or a loop is running on this thread.
    #[track_caller]
    pub fn run_until_complete<F>(
        &self,
        main: F,
    ) -> Result<Result<F::Output, crate::TaskError>, Failure>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let at = Location::caller();
        let task: Task<F::Output> = self.within(|| spawn_on(&self.core, main, at, false));
        self.run_until_done(&task)?;
        let result = self.within(move || task.settle());
        Ok(result.expect("the task is done"))
    }

    /// Runs the loop until a task is done.
    ///
    /// # Panics
    ///
    /// If the loop is closed, a loop is running on this thread, or the task is another loop's.
    #[track_caller]
    pub fn run_until_done<T>(&self, task: &Task<T>) -> Result<(), Failure> {
        self.run_until(task.key())
    }

    #[track_caller]
    fn run_until(&self, key: Key) -> Result<(), Failure> {
        assert!(
            key.serial == self.core.serial,
            "this task belongs to another loop"
        );
        let stop = || super::stop();
        let callback = self.within(|| self.core.add_done_callback(key, Box::new(stop)));
        let result = self.run_forever();
        let done = self.core.is_done(key);
        if result.is_err() || !done {
            self.within(|| {
                if !self.core.remove_done_callback(key, callback) {
                    // It is queued, and would stop the next run.
                    self.core.cancel_callback(callback);
                }
            });
        }
        if result.is_ok() && !done {
            let message = "the loop was stopped before its task was done";
            return Err(Failure::new(FailureKind::Error, message, self.time()));
        }
        result
    }

    /// Runs the loop until [`stop`](super::stop) is called, or it cannot go on.
    ///
    /// # Panics
    ///
    /// If the loop is closed, or a loop is running on this thread.
    #[track_caller]
    pub fn run_forever(&self) -> Result<(), Failure> {
        assert!(
            !self.core.closed.get(),
            "the loop is closed: it cannot be run again"
        );
        let nested = core::try_current().is_some_and(|core| core.running.get());
        assert!(
            !nested,
            "a loop cannot be run inside a running loop: await the future instead"
        );
        let _entered = self.core.enter();
        let _inside = Inside::enter();
        let _running = Running::start(&self.core);
        self.core.start_stopwatch();
        if let Some(moves) = &mut self.core.state.borrow_mut().moves {
            moves.begin_epoch();
        }
        let result = self.core.run_until_stopped();
        if let Some(moves) = &mut self.core.state.borrow_mut().moves {
            moves.end();
        }
        result.map_err(|halt| {
            self.core.state.borrow_mut().stopping = false;
            self.failure(halt)
        })
    }

    /// Says whether the loop is running.
    pub fn is_running(&self) -> bool {
        self.core.running.get()
    }

    /// Says whether the loop is closed.
    pub fn is_closed(&self) -> bool {
        self.core.closed.get()
    }

    /// Returns the loop's time.
    pub fn time(&self) -> Instant {
        self.core.now()
    }

    /// Returns a number that two runs share if they did the same things in the same order.
    pub fn fingerprint(&self) -> u64 {
        self.core.state.borrow().fingerprint.finish()
    }

    /// Returns how many steps, callbacks and timers there were.
    pub fn steps(&self) -> u64 {
        self.core.state.borrow().steps
    }

    /// Cancels every task that is not done, in the order in which they were spawned, runs until
    /// all of them have ended, and reports those that ended with an error.
    ///
    /// # Errors
    ///
    /// If a task swallows its cancellation and the loop cannot go on, the failure names it.
    ///
    /// ```
    /// use simrun::event_loop::EventLoop;
    /// use simrun::{spawn, time};
    ///
    /// let event_loop = EventLoop::new();
    /// let left = event_loop.run_until_complete(async { spawn(time::sleep(time::secs(60))) });
    /// let left = left.unwrap().unwrap();
    /// event_loop.cancel_all().unwrap();
    /// assert!(event_loop.within(|| left.is_cancelled()));
    /// event_loop.close();
    /// ```
    #[track_caller]
    pub fn cancel_all(&self) -> Result<(), Failure> {
        let tasks = self.core.unfinished_tasks();
        if tasks.is_empty() {
            return Ok(());
        }
        let at = Location::caller();
        let outer = self.within(|| {
            let _inside = Inside::enter();
            for task in &tasks {
                self.core.hold_task(*task);
                self.core.cancel(*task, None);
            }
            let mut gather = self.core.gather(true);
            for task in &tasks {
                gather.add(*task);
            }
            gather.finish(at)
        });
        let result = self.run_until(outer);
        self.within(|| {
            for task in tasks {
                if result.is_ok() {
                    self.core.report_shutdown_error(task);
                }
                self.core.let_go_of(task);
            }
            self.core.let_go_of(outer);
        });
        result
    }

    /// Runs what was registered with [`on_shutdown`].
    ///
    /// # Errors
    ///
    /// If a hook cannot end.
    #[track_caller]
    pub fn run_shutdown_hooks(&self) -> Result<(), Failure> {
        if self.core.is_still() {
            return Ok(());
        }
        // Twice, as asyncio runs its loop once for generators and once for executors: tasks that
        // are left over from cancelling get the same number of iterations.
        self.run_until_complete(async {})?
            .map_err(|error| self.hook_failure(error))?;
        let hooks = std::mem::take(&mut self.core.state.borrow_mut().hooks);
        let last = self.core.state.borrow_mut().last_hook.take();
        let run_hooks = async move {
            for hook in hooks.into_iter().chain(last) {
                hook().await;
            }
        };
        self.run_until_complete(run_hooks)?
            .map_err(|error| self.hook_failure(error))
    }

    fn hook_failure(&self, error: crate::TaskError) -> Failure {
        Failure::of_error(error, "shutdown".to_owned(), self.time())
    }

    /// Closes the loop: what is queued is forgotten, and every future that is left is dropped, in
    /// the order in which they were made. Closing a closed loop does nothing.
    ///
    /// # Panics
    ///
    /// If the loop is running.
    #[track_caller]
    pub fn close(&self) {
        assert!(
            !self.core.running.get(),
            "a running loop cannot be closed: stop it first"
        );
        if self.core.closed.replace(true) {
            return;
        }
        self.within(|| {
            let _inside = Inside::enter();
            self.core.drop_all();
        });
    }

    /// Takes the reports that no exception handler has received.
    pub fn take_reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.core.state.borrow_mut().reports)
    }

    #[cold]
    fn failure(&self, halt: Halt) -> Failure {
        let now = self.time();
        if let Some(violation) = self.core.violation() {
            return violation;
        }
        let limits = &self.core.limits;
        if halt == Halt::Idle && self.core.was_woken_from_outside() {
            let message = "a task of this run was woken from another thread or another run: what \
                           it waits for is outside the simulation, so the run cannot be repeated";
            return Failure::new(FailureKind::Nondeterminism, message, now);
        }
        match halt {
            Halt::Idle => {
                let deadlock = self.core.blocked();
                let tasks = deadlock.blocked.len();
                let message = format!(
                    "nothing can happen any more, and {tasks} {} waiting",
                    if tasks == 1 { "task is" } else { "tasks are" }
                );
                let mut failure = Failure::new(FailureKind::Deadlock, message, now);
                failure.deadlock = Some(Box::new(deadlock));
                failure
            }
            Halt::Until => {
                let limit = limits.until.unwrap_or_default();
                let message = format!("the run is not over after {limit:?} of virtual time");
                Failure::new(FailureKind::VirtualTime, message, now)
            }
            Halt::Steps => {
                let limit = limits.steps.unwrap_or_default();
                let message = format!("the run is not over after {limit} steps");
                Failure::new(FailureKind::Steps, message, now)
            }
            Halt::Livelock => {
                let state = self.core.state.borrow();
                let busy = state
                    .current
                    .or_else(|| state.busiest())
                    .map(|slot| state.name(slot));
                let message = format!(
                    "{} steps were made and virtual time did not move",
                    state.steps - state.moved_at
                );
                let mut failure = Failure::new(FailureKind::Livelock, message, now);
                failure.task = busy;
                failure
            }
            Halt::Wall => {
                let limit = limits.wall.unwrap_or_default();
                let message = format!("the run is not over after {limit:?} of real time");
                Failure::new(FailureKind::WallClock, message, now)
            }
            Halt::Violated => unreachable!("a violation is kept with the properties"),
        }
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if !self.core.running.get() {
            self.close();
        }
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("time", &self.time())
            .field("running", &self.is_running())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Marks a loop as running.
struct Running<'a>(&'a Core);

impl<'a> Running<'a> {
    fn start(core: &'a Core) -> Self {
        core.running.set(true);
        Self(core)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.set(false);
    }
}

impl Core {
    /// Returns the loop's own tasks that are not done, in the order in which they were spawned. An
    /// eager task counts as spawned when its first step is over. Those of families are none of the
    /// loop's business.
    pub(crate) fn unfinished_tasks(&self) -> Vec<Key> {
        let state = self.state.borrow();
        let unfinished = state
            .slots
            .iter()
            .filter(|(_, slot)| slot.kind == Kind::Task && slot.state == Progress::Pending)
            .filter(|(_, slot)| state.paths.head(slot.path) == ROOT)
            .map(|(index, slot)| {
                let place = slot.rare.as_ref().and_then(|rare| rare.place);
                let key = Key {
                    serial: self.serial,
                    slot: index as u32,
                    id: slot.id,
                };
                (place.unwrap_or(slot.id), key)
            });
        let mut places: Vec<(u64, Key)> = unfinished.collect();
        places.sort_unstable();
        places.into_iter().map(|(_, key)| key).collect()
    }

    /// Says whether nothing would happen if the loop ran on for a moment.
    fn is_still(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        let due = state
            .timers
            .first()
            .is_some_and(|(at, _)| at <= self.now.get());
        let hooked = !state.hooks.is_empty() || state.last_hook.is_some();
        state.ready.is_empty() && state.live_tasks == 0 && !hooked && !due
    }

    /// Keeps a task although its handle may go.
    pub(crate) fn hold_task(&self, key: Key) {
        if let Some(slot) = self.state.borrow_mut().slot(key) {
            slot.holds += 1;
        }
    }

    fn report_shutdown_error(&self, key: Key) {
        let (error, name) = {
            let state = &mut *self.state.borrow_mut();
            let Some(slot) = state
                .slot(key)
                .filter(|slot| slot.state == Progress::Failed)
            else {
                return;
            };
            slot.flags.set(Flags::RETRIEVED);
            (slot.rare().error.clone(), state.name(key.slot))
        };
        let message = "a task failed while the loop was shutting down";
        self.report(Report::new(
            ReportKind::Shutdown,
            message,
            error,
            Some(name),
            self.now(),
        ));
    }
}

impl core::State {
    /// Returns the task that has made the most steps, of those that are not done.
    fn busiest(&self) -> Option<u32> {
        let live = self.slots.iter().filter(|(_, slot)| !slot.is_done());
        live.max_by_key(|(_, slot)| slot.steps)
            .map(|(index, _)| index as u32)
    }
}
