//! Results that threads wait for: `concurrent.futures.Future`, and how such results cross over to
//! the loop and back.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::time::Duration;

use super::block::{CutShort, block_on, point};
use super::current::before;
use crate::error::{Elapsed, TaskError};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{End, Key, Kind, State};
use crate::task::Task;

/// A result that will come: of a job in a [pool](super::ThreadPool), or of a task that was handed
/// over to the loop with [`run_coroutine_threadsafe`](super::run_coroutine_threadsafe). Threads
/// wait for it with [`result`](Self::result); tasks await it.
///
/// ```
/// use simrun::thread::{self, ThreadPool};
/// use simrun::time::secs;
///
/// # simrun::Sim::new().run_thread(|| {
/// let pool = ThreadPool::new(1);
/// let mut slow = pool.submit(|| {
///     thread::sleep(secs(10));
///     "done"
/// });
/// let queued = pool.submit(|| unreachable!("it is cancelled first"));
/// assert!(slow.result_timeout(secs(1)).is_err(), "it goes on");
/// assert!(queued.cancel());
/// assert_eq!(slow.result().unwrap(), "done");
/// # }).unwrap();
/// ```
#[must_use = "what it stands for happens all the same, but nobody sees its result"]
pub struct Pending<T> {
    place: Task<T>,
}

impl<T: 'static> Pending<T> {
    pub(super) fn new(core: &Core, at: &'static Location<'static>) -> Self {
        let place = Task::from_key(core.add_promise(Kind::Promise, at));
        Self { place }
    }

    pub(super) fn key(&self) -> Key {
        self.place.key()
    }

    /// Makes a future of the loop that ends as this does, one turn later, and that takes this along
    /// if it is cancelled.
    pub(super) fn wrap(&self, core: &Core, at: &'static Location<'static>) -> Task<T> {
        let wrapped = core.add_promise(Kind::Promise, at);
        chain(core, self.key(), wrapped, |core, source| {
            core.cancel(source, None);
        });
        Task::from_key(wrapped)
    }

    /// Blocks until the result is there.
    ///
    /// # Errors
    ///
    /// If what it stands for failed, panicked or was cancelled.
    ///
    /// # Panics
    ///
    /// In a task, unless the result is there: await it.
    #[track_caller]
    pub fn result(self) -> Result<T, TaskError> {
        point();
        block_on(self.place, "waiting for a result").unwrap_or_else(|CutShort| Err(cut_off()))
    }

    /// Blocks until the result is there or the time is up. What it stands for goes on.
    ///
    /// # Errors
    ///
    /// If the time is up; with the result, if what it stands for gave none.
    #[track_caller]
    pub fn result_timeout(&mut self, limit: Duration) -> Result<Result<T, TaskError>, Elapsed> {
        point();
        let waited = block_on(before(limit, &mut self.place), "waiting for a result");
        let result = waited.unwrap_or_else(|CutShort| Some(Err(cut_off())));
        result.ok_or_else(Elapsed::new)
    }

    /// Cancels it: a job that has not begun never will, a task is asked to stop. Says whether it
    /// was pending.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        point();
        self.place.cancel()
    }

    /// Says whether there is a result, or it was cancelled.
    #[track_caller]
    pub fn is_done(&self) -> bool {
        point();
        self.place.is_done()
    }
}

fn cut_off() -> TaskError {
    TaskError::new("the thread was cut off")
}

impl<T: 'static> IntoFuture for Pending<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Task<T>;

    /// Waits for the result in a task: asyncio's `wrap_future`.
    #[track_caller]
    fn into_future(self) -> Task<T> {
        let core = core::own(self.key().serial, "result");
        self.wrap(&core, Location::caller())
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// Has `to` end as `from` does, and `from` hear of it when `to` is cancelled first. Each takes a
/// turn of the loop, as it does in asyncio.
pub(super) fn chain(core: &Core, from: Key, to: Key, cancel: impl FnOnce(&Core, Key) + 'static) {
    core.add_done_callback(
        to,
        Box::new(move || {
            let core = core::current();
            let state = |key| core.state.borrow_mut().slot(key).map(|slot| slot.state);
            if state(to) == Some(State::Cancelled) && state(from) == Some(State::Pending) {
                cancel(&core, from);
            }
        }),
    );
    core.hold_task(to);
    core.add_done_callback(
        from,
        Box::new(move || {
            let core = core::current();
            hand_over(&core, from, to);
            core.let_go_of(to);
        }),
    );
    core.set_source(to, from);
}

/// Ends a future as another one has ended, whose value goes with it.
fn hand_over(core: &Core, from: Key, to: Key) {
    if core.is_done(to) {
        return;
    }
    let (end, body) = match core.take_value(from) {
        Some(Ok(body)) => (End::Value, Some(body)),
        Some(Err(error)) => (End::from(error), None),
        None => return,
    };
    core.finish(to.slot, end, body);
}
