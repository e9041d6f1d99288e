//! Pools: a number of simulated workers, and jobs that wait for one of them.
//!
//! Every job is a thread of its own to the loop, a child of whoever submitted it, so that it has
//! the same name in every schedule. What makes it a pool is that only so many of them run at once,
//! and that jobs which run on the same worker share its thread-locals.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::block::{block_on, point};
use super::current::current;
use super::fiber::{self, CutOff, Fiber, STACK_SIZE};
use super::local::Locals;
use super::pending::Pending;
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{End, Key};
use crate::event_loop::{Access, Wait, Waited};
use crate::panics;
use crate::sync::home::{Home, Waiters};
use crate::task::Given;

/// An executor with a number of simulated workers: asyncio's `ThreadPoolExecutor`. Jobs begin in
/// the order in which they were submitted, as workers become free.
///
/// Clones are the same pool. Dropping the last one lets the jobs run on.
///
/// ```
/// use simrun::thread::{self, ThreadPool};
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// let pool = ThreadPool::new(2);
/// let jobs: Vec<_> = (0..4)
///     .map(|_| thread::run_in_executor(&pool, || thread::sleep(secs(1))))
///     .collect();
/// simrun::gather(jobs).await.unwrap();
/// assert_eq!(now().since_start(), secs(2));
/// # });
/// ```
#[derive(Clone)]
pub struct ThreadPool {
    home: Arc<Home<Jobs>>,
    name: Arc<str>,
}

#[derive(Debug)]
struct Jobs {
    idle: BTreeSet<u32>,
    workers: u32,
    /// The workers of the jobs that have begun, by the number of their thread.
    running: BTreeMap<u64, u32>,
    queue: VecDeque<Job>,
    closed: bool,
    /// Those who wait for the jobs to end.
    joiners: Waiters,
}

/// A job that waits for a worker.
#[derive(Clone, Copy, Debug)]
struct Job {
    thread: Key,
    /// Where its result goes.
    place: Key,
}

/// The thread-locals of workers, by pool and number.
#[derive(Default)]
struct LocalsOfWorkers(RefCell<BTreeMap<(u32, u32), Locals>>);

impl ThreadPool {
    /// Makes a pool.
    ///
    /// # Panics
    ///
    /// If it is to have no workers.
    #[track_caller]
    pub fn new(workers: u32) -> Self {
        assert!(workers > 0, "a pool without workers would never do a job");
        let jobs = Jobs {
            idle: (0..workers).collect(),
            workers,
            running: BTreeMap::new(),
            queue: VecDeque::new(),
            closed: false,
            joiners: Waiters::new(),
        };
        Self {
            home: Arc::new(Home::born("pool", Location::caller(), jobs)),
            name: "pool".into(),
        }
    }

    /// Gives the pool a name for reports and traces. Its threads are called after it, with the
    /// worker's number.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self.home.rename(&*self.name);
        self
    }

    /// Returns how many workers there are.
    pub fn workers(&self) -> u32 {
        self.home.with(|jobs| jobs.workers)
    }

    /// Submits a job.
    ///
    /// If the pool is [shut down](Self::shut_down), the result is a [`PoolShutDown`].
    ///
    /// # Panics
    ///
    /// Outside a run.
    ///
    /// ```
    /// use simrun::thread::ThreadPool;
    ///
    /// # simrun::Sim::new().run_thread(|| {
    /// let pool = ThreadPool::new(1);
    /// assert_eq!(pool.submit(|| 6 * 7).result().unwrap(), 42);
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn submit<F, T>(&self, job: F) -> Pending<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit_at(move || Ok(job()), Location::caller())
    }

    /// Submits a job whose `Err` is its failure.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn try_submit<F, T, E>(&self, job: F) -> Pending<T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.submit_at(move || job().map_err(TaskError::new), Location::caller())
    }

    pub(super) fn submit_at<T: 'static>(
        &self,
        job: impl FnOnce() -> Result<T, TaskError> + 'static,
        at: &'static Location<'static>,
    ) -> Pending<T> {
        point();
        let core = core::current();
        let pending = Pending::new(&core, at);
        if self.home.with(|jobs| jobs.closed) {
            let error = TaskError::new(PoolShutDown(()));
            core.finish(pending.key().slot, End::Failed(error), None);
            return pending;
        }
        let place = pending.key();
        core.hold_task(place);
        let pool = self.clone();
        let function = move || pool.work(place, job);
        let body = Box::pin(Fiber::New {
            function,
            size: STACK_SIZE,
            locals: Locals::default(),
        });
        let thread = core.add_thread(body, None, at);
        core.set_source(place, thread);
        let job = Job { thread, place };
        self.home.visit(Access::Write, |core, key, jobs| {
            match jobs.idle.pop_first() {
                Some(worker) => self.start(core, jobs, job, worker),
                None => {
                    core.line_up(thread, key.on(), at);
                    jobs.queue.push_back(job);
                }
            }
        });
        pending
    }

    /// Lets a job begin.
    fn start(&self, core: &Core, jobs: &mut Jobs, job: Job, worker: u32) {
        jobs.running.insert(job.thread.id, worker);
        let name = format!("{}-{worker}", self.name);
        core.start_thread(job.thread, Some(name.into()));
    }

    /// Does a job, on its own thread.
    fn work<T: 'static>(&self, place: Key, job: impl FnOnce() -> Result<T, TaskError>) {
        let thread = current().id().number();
        let (core, worker, pool) = self.home.visit(Access::Write, |core, key, jobs| {
            core.hold(key);
            (core.clone(), jobs.running.get(&thread).copied(), key.slot)
        });
        let worker = worker.expect("a job begins on a worker");
        let locals = {
            let workers = core.extension::<LocalsOfWorkers>();
            workers.of(pool, worker)
        };
        let result = {
            let own = fiber::current().map(|link| link.locals.clone());
            let _exchanged = own.as_ref().map(|own| own.exchange(&locals));
            catch_unwind(AssertUnwindSafe(job))
        };
        let (end, body) = match result {
            Err(payload) if payload.is::<CutOff>() => resume_unwind(payload),
            Err(payload) => {
                let error = TaskError::panicked(payload, panics::take_location());
                (End::Failed(error), None)
            }
            Ok(Err(error)) => (End::from(error), None),
            Ok(Ok(value)) => (End::Value, Some(Box::pin(Given(Some(value))) as _)),
        };
        point();
        if !core.is_done(place) {
            core.finish(place.slot, end, body);
        }
        core.let_go_of(place);
        self.go_on(thread, worker);
    }

    /// Gives a worker that has ended a job the next one.
    fn go_on(&self, thread: u64, worker: u32) {
        let done = |core: &Core, job: &Job| core.is_done(job.place);
        let (core, cancelled, joiners) = self.home.visit(Access::Write, |core, key, jobs| {
            core.let_go(key);
            jobs.running.remove(&thread);
            let waiting = jobs.queue.iter().position(|job| !done(core, job));
            let waiting = waiting.unwrap_or(jobs.queue.len());
            let cancelled: Vec<Job> = jobs.queue.drain(..waiting).collect();
            match jobs.queue.pop_front() {
                Some(job) => self.start(core, jobs, job, worker),
                None => {
                    jobs.idle.insert(worker);
                }
            }
            let joiners = if jobs.running.is_empty() {
                jobs.joiners.all()
            } else {
                Vec::new()
            };
            (core.clone(), cancelled, joiners)
        });
        for job in cancelled {
            core.discard_thread(job.thread);
        }
        for joiner in joiners {
            core.wake(joiner);
        }
    }

    /// Takes no more jobs. Those that were submitted are done, unless they are
    /// [cancelled](Self::cancel_queued): asyncio's `shutdown(wait=False)`.
    #[track_caller]
    pub fn shut_down(&self) {
        point();
        self.home
            .visit(Access::Write, |_, _, jobs| jobs.closed = true);
    }

    /// Cancels the jobs that have not begun.
    ///
    /// ```
    /// use simrun::thread::{self, ThreadPool};
    /// use simrun::time::secs;
    ///
    /// # simrun::run(async {
    /// let pool = ThreadPool::new(1);
    /// let begun = pool.submit(|| thread::sleep(secs(1)));
    /// let queued = pool.submit(|| ());
    /// pool.cancel_queued();
    /// assert!(queued.await.unwrap_err().is_cancelled());
    /// assert!(begun.await.is_ok());
    /// # });
    /// ```
    #[track_caller]
    pub fn cancel_queued(&self) {
        point();
        let (core, queue) = self.home.visit(Access::Write, |core, _, jobs| {
            (core.clone(), std::mem::take(&mut jobs.queue))
        });
        for job in queue {
            core.cancel(job.place, None);
            core.discard_thread(job.thread);
        }
    }

    /// Waits until no job is left: for tasks.
    #[track_caller]
    pub fn join(&self) -> JoinPool<'_> {
        JoinPool {
            pool: self,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }

    /// Takes no more jobs and blocks until none is left: asyncio's `shutdown(wait=True)`, for
    /// threads.
    ///
    /// # Panics
    ///
    /// In a task, if a job is left: [`join`](Self::join) is for tasks.
    #[track_caller]
    pub fn shut_down_and_wait(&self) {
        self.shut_down();
        // One that is cut off leaves the jobs to themselves.
        let _ = block_on(self.join(), "waiting for a pool");
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (workers, running, queued) = self
            .home
            .with(|jobs| (jobs.workers, jobs.running.len(), jobs.queue.len()));
        f.debug_struct("ThreadPool")
            .field("name", &self.name)
            .field("workers", &workers)
            .field("running", &running)
            .field("queued", &queued)
            .finish()
    }
}

impl LocalsOfWorkers {
    fn of(&self, pool: u32, worker: u32) -> Locals {
        let workers = &mut *self.0.borrow_mut();
        workers.entry((pool, worker)).or_default().clone()
    }
}

/// Waiting for the jobs of a pool to end: what [`ThreadPool::join`] returns.
///
/// ```
/// use simrun::thread::{self, ThreadPool};
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// let pool = ThreadPool::new(2);
/// let job = pool.submit(|| thread::sleep(secs(3)));
/// pool.shut_down();
/// pool.join().await;
/// assert_eq!(now().since_start(), secs(3));
/// # drop(job);
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct JoinPool<'a> {
    pool: &'a ThreadPool,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Future for JoinPool<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let join = self.get_mut();
        let home = &join.pool.home;
        if let Some(waiter) = join.wait.key() {
            let core = core::own(waiter.serial, "pool");
            if join.wait.poll(&core, cx) != Waited::Over {
                return Poll::Pending;
            }
            join.wait.stop();
            home.with(|jobs| jobs.joiners.remove(waiter));
        }
        let (core, key) = home.enter(Access::Read);
        if home.with(|jobs| jobs.running.is_empty()) {
            return Poll::Ready(());
        }
        let waiter = join.wait.start(&core, cx, key.on(), join.at);
        home.with(|jobs| jobs.joiners.push(waiter));
        Poll::Pending
    }
}

impl Drop for JoinPool<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            self.pool.home.with(|jobs| jobs.joiners.remove(waiter));
        }
    }
}

impl fmt::Debug for JoinPool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinPool").field(self.pool).finish()
    }
}

/// The pool takes no more jobs.
///
/// ```
/// use simrun::thread::{PoolShutDown, ThreadPool};
///
/// # simrun::run(async {
/// let pool = ThreadPool::new(1);
/// pool.shut_down();
/// let error = pool.submit(|| ()).await.unwrap_err();
/// assert!(error.downcast_ref::<PoolShutDown>().is_some());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShutDown(());

impl fmt::Display for PoolShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is shut down: it takes no more jobs")
    }
}

impl Error for PoolShutDown {}
