//! The ways from the loop to threads, and back: asyncio's `run_in_executor` and `to_thread`,
//! `call_soon_threadsafe` and `run_coroutine_threadsafe`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::block::point;
use super::pending::{Pending, chain};
use super::pool::ThreadPool;
use super::spawn::{Builder, open_loop};
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Handle, Report, ReportKind, call_soon};
use crate::task::{self, Task};
use crate::time;

/// How many workers the default executor has: what asyncio's has on a machine of four processors.
/// The real machine's must not reach a run.
const DEFAULT_WORKERS: u32 = 8;

/// How long a run that is over waits for the jobs of its default executor, as asyncio does.
const JOIN_LIMIT: Duration = Duration::from_secs(300);

/// The run's default executor.
#[derive(Default)]
struct DefaultExecutor {
    pool: RefCell<Option<ThreadPool>>,
    shut_down: Cell<bool>,
}

impl DefaultExecutor {
    /// Returns the default executor, which is made when it is first needed.
    fn get(&self, core: &Core) -> ThreadPool {
        if let Some(pool) = &*self.pool.borrow() {
            return pool.clone();
        }
        let pool = ThreadPool::new(DEFAULT_WORKERS).named("executor");
        self.set(core, pool.clone());
        pool
    }

    fn set(&self, core: &Core, pool: ThreadPool) {
        if self.shut_down.get() {
            pool.shut_down();
        }
        let _old = self.pool.replace(Some(pool));
        core.state.borrow_mut().last_hook =
            Some(Box::new(|| Box::pin(shutdown_default_executor(JOIN_LIMIT))));
    }
}

/// Makes a pool the one that jobs without an executor of their own are done in.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::thread::{self, ThreadPool};
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// thread::set_default_executor(ThreadPool::new(1));
/// let naps = [0, 1].map(|_| thread::run_in_executor(None, || thread::sleep(secs(1))));
/// simrun::gather(naps).await.unwrap();
/// assert_eq!(now().since_start(), secs(2), "one after the other");
/// # });
/// ```
#[track_caller]
pub fn set_default_executor(pool: ThreadPool) {
    let core = core::current();
    core.extension::<DefaultExecutor>().set(&core, pool);
}

/// Shuts the default executor down and waits for its jobs, but not longer than the limit. A run
/// does this in the end, when its tasks have ended, with a limit of five minutes.
///
/// Jobs that are left when the time is up are reported, and go on.
///
/// ```
/// use simrun::thread;
/// use simrun::time::secs;
///
/// # simrun::run(async {
/// let job = thread::run_in_executor(None, || thread::sleep(secs(1)));
/// thread::shutdown_default_executor(secs(60)).await;
/// assert!(job.await.is_ok(), "what was begun is done");
/// assert!(thread::to_thread(|| ()).await.is_err(), "but nothing more");
/// # });
/// ```
pub async fn shutdown_default_executor(limit: impl Into<Option<Duration>>) {
    let limit = limit.into();
    let core = core::current();
    let executor = core.extension::<DefaultExecutor>();
    executor.shut_down.set(true);
    let Some(pool) = executor.pool.borrow().clone() else {
        return;
    };
    // As asyncio does it: a thread waits, and tells the loop.
    let ended = crate::Promise::new();
    {
        let (ended, pool) = (ended.clone(), pool.clone());
        let wait = move || {
            pool.shut_down_and_wait();
            call_soon_threadsafe(move || {
                let _ = ended.set(());
            });
        };
        let thread = Builder::new().name("executor-shutdown");
        drop(thread.spawn_on(&core, wait, Location::caller()));
    }
    if time::timeout(limit, async { ended.await }).await.is_err() {
        let message = format!("jobs of {pool:?} have not ended in time");
        let report = Report::new(ReportKind::Unfinished, message, None, None, core.now());
        core.report(report);
    }
}

/// Has a job done in an executor, the default one if it is `None`, and returns the future of its
/// result: asyncio's `run_in_executor`.
///
/// Cancelling the future cancels a job that has not begun. One that has goes on, and its result is
/// discarded.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::{thread, time};
///
/// # simrun::run(async {
/// let job = thread::run_in_executor(None, || {
///     thread::sleep(time::secs(1));
///     "done"
/// });
/// assert_eq!(job.await.unwrap(), "done");
/// # });
/// ```
#[track_caller]
pub fn run_in_executor<'a, F, T>(executor: impl Into<Option<&'a ThreadPool>>, job: F) -> Task<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run(executor.into(), move || Ok(job()), Location::caller())
}

/// Has a job done whose `Err` is its failure. See [`run_in_executor`].
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::thread::{ThreadPool, try_run_in_executor};
///
/// # simrun::run(async {
/// let pool = ThreadPool::new(1);
/// let number = try_run_in_executor(&pool, || "4x2".parse::<u32>());
/// assert!(number.await.unwrap_err().to_string().contains("invalid digit"));
/// # });
/// ```
#[track_caller]
pub fn try_run_in_executor<'a, F, T, E>(
    executor: impl Into<Option<&'a ThreadPool>>,
    job: F,
) -> Task<T>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let job = move || job().map_err(TaskError::new);
    run(executor.into(), job, Location::caller())
}

/// Runs a job, whatever it has and gives, in a thread of a pool.
pub(crate) fn run<T: 'static>(
    executor: Option<&ThreadPool>,
    job: impl FnOnce() -> Result<T, TaskError> + 'static,
    at: &'static Location<'static>,
) -> Task<T> {
    let core = core::current();
    let pool = match executor {
        Some(pool) => pool.clone(),
        None => core.extension::<DefaultExecutor>().get(&core),
    };
    pool.submit_at(job, at).wrap(&core, at)
}

/// Has a job done in the default executor when it is awaited: asyncio's `to_thread`. The job sees
/// the task-locals of the task that asks for it.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let sum = thread::to_thread(|| (1..=10).sum::<u32>()).await.unwrap();
/// assert_eq!(sum, 55);
/// # });
/// ```
#[track_caller]
pub fn to_thread<F, T>(job: F) -> impl Future<Output = Result<T, TaskError>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    try_to_thread(move || Ok::<T, TaskError>(job()))
}

/// Has a job done whose `Err` is its failure. See [`to_thread`].
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::thread::try_to_thread;
///
/// # simrun::run(async {
/// assert_eq!(try_to_thread(|| "42".parse::<u32>()).await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn try_to_thread<F, T, E>(job: F) -> impl Future<Output = Result<T, TaskError>>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let at = Location::caller();
    async move {
        let core = core::current();
        let locals = core.task_locals();
        let job = move || {
            core::current().set_task_locals(locals);
            job().map_err(TaskError::new)
        };
        run(None, job, at).await
    }
}

/// Queues a callback from a thread: asyncio's `call_soon_threadsafe`.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::{Promise, thread};
///
/// # simrun::run(async {
/// let answer = Promise::new();
/// let thread = thread::spawn({
///     let answer = answer.clone();
///     move || {
///         thread::call_soon_threadsafe(move || answer.set(42).unwrap());
///     }
/// });
/// assert_eq!(answer.await.unwrap(), 42);
/// thread.await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn call_soon_threadsafe(callback: impl FnOnce() + Send + 'static) -> Handle {
    point();
    call_soon(callback)
}

/// Has the loop run a future as a task, from a thread that may wait for its result: asyncio's
/// `run_coroutine_threadsafe`.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::{thread, time};
///
/// # simrun::run(async {
/// let thread = thread::spawn(|| {
///     let pending = thread::run_coroutine_threadsafe(async {
///         time::sleep(time::secs(1)).await;
///         42
///     });
///     pending.result().unwrap()
/// });
/// assert_eq!(thread.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn run_coroutine_threadsafe<F>(future: F) -> Pending<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    hand_to_loop(move || task::spawn(future), Location::caller())
}

/// Has the loop run a future whose `Err` is its failure. See [`run_coroutine_threadsafe`].
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let thread = thread::spawn(|| {
///     let pending = thread::try_run_coroutine_threadsafe(async { Err::<(), _>("no such host") });
///     pending.result().unwrap_err().to_string()
/// });
/// assert_eq!(thread.await.unwrap(), "no such host");
/// # });
/// ```
#[track_caller]
pub fn try_run_coroutine_threadsafe<F, T, E>(future: F) -> Pending<T>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    hand_to_loop(move || task::try_spawn(future), Location::caller())
}

fn hand_to_loop<T: 'static>(
    spawn: impl FnOnce() -> Task<T> + 'static,
    at: &'static Location<'static>,
) -> Pending<T> {
    point();
    let core = open_loop();
    let pending = Pending::new(&core, at);
    let place = pending.key();
    core.hold_task(place);
    call_soon(move || {
        let core = core::current();
        let task = spawn();
        chain(&core, task.key(), place, |core, task| {
            core.cancel(task, None);
        });
        core.let_go_of(place);
    });
    pending
}
