//! Making threads, and waiting for them to end.

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use super::block::{block_on, point};
use super::current::Thread;
use super::fiber::{Fiber, STACK_SIZE};
use super::local;
use crate::event_loop::core::{self, Core};
use crate::event_loop::ended;
use crate::event_loop::table::Key;
use crate::task::Task;

/// Makes a thread, with a name or a stack of another size: `std`'s builder.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let worker = thread::Builder::new().name("worker").spawn(|| {
///     assert_eq!(thread::current().name(), Some("worker"));
/// });
/// worker.unwrap().await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes no thread before `spawn`"]
pub struct Builder {
    name: Option<Arc<str>>,
    stack_size: Option<usize>,
}

impl Builder {
    /// Begins with a thread that has no name and a stack of the usual size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the thread: reports and traces will use the name instead of its path.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the size of the thread's stack, in bytes: two mebibytes, unless it is set. Pages that
    /// are not used cost nothing. A thread that needs more ends the process, as `std`'s do.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Makes the thread.
    ///
    /// # Errors
    ///
    /// None yet; `std` has them, and so will a run that is short of threads.
    ///
    /// # Panics
    ///
    /// Outside a run, or if the loop is closed.
    #[track_caller]
    pub fn spawn<F, T>(self, function: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(self.spawn_on(&open_loop(), function, Location::caller()))
    }

    pub(super) fn spawn_on<T: 'static>(
        self,
        core: &Core,
        function: impl FnOnce() -> T + 'static,
        at: &'static Location<'static>,
    ) -> JoinHandle<T> {
        let function = move || {
            let value = function();
            local::end_of_thread();
            value
        };
        let body = Box::pin(Fiber::New {
            function,
            size: self.stack_size.unwrap_or(STACK_SIZE),
            locals: local::Locals::default(),
        });
        let key = core.add_thread(body, self.name.clone(), at);
        core.schedule_thread(key);
        JoinHandle {
            task: Task::from_key(key),
            thread: Thread::new(key, self.name),
        }
    }
}

/// Makes the first thread of a run.
pub(crate) fn spawn_main<T: 'static>(
    core: &Core,
    function: impl FnOnce() -> T + 'static,
    at: &'static Location<'static>,
) -> Task<T> {
    Builder::new().spawn_on(core, function, at).task
}

#[track_caller]
pub(super) fn open_loop() -> std::rc::Rc<Core> {
    let core = core::current();
    assert!(
        !core.closed.get(),
        "the loop is closed: no thread can be made on it"
    );
    core
}

/// Makes a simulated thread: `std`'s `spawn`.
///
/// The thread can block, and be interrupted before everything it does that others could see. It
/// runs whether or not anyone waits for it; one that is left when the run is over is cut off where
/// it stands, as the end of a process does it.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let answer = thread::spawn(|| {
///     let half = thread::spawn(|| 21);
///     half.join().unwrap() * 2
/// });
/// assert_eq!(answer.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn spawn<F, T>(function: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn_on(&open_loop(), function, Location::caller())
}

/// What a thread that has ended gave: its value, or the payload of its panic.
///
/// ```
/// use simrun::thread;
///
/// # simrun::Sim::new().run_thread(|| {
/// let result: thread::Result<()> = thread::spawn(|| panic!("oops")).join();
/// assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"oops"));
/// # }).unwrap();
/// ```
pub type Result<T> = std::thread::Result<T>;

/// The handle of a thread: threads [join](Self::join) it, tasks await it.
///
/// Dropping the handle detaches the thread. If a detached thread panics, the run fails.
///
/// ```
/// use simrun::thread::{self, JoinHandle};
///
/// # simrun::run(async {
/// let from_task: JoinHandle<u32> = thread::spawn(|| 42);
/// assert_eq!(from_task.await.unwrap(), 42);
/// let from_thread = thread::spawn(|| thread::spawn(|| panic!("oops")).join().is_err());
/// assert!(from_thread.await.unwrap());
/// # });
/// ```
#[must_use = "a thread runs without its handle, but nobody sees its result"]
pub struct JoinHandle<T> {
    task: Task<T>,
    thread: Thread,
}

impl<T: 'static> JoinHandle<T> {
    /// Blocks until the thread has ended.
    ///
    /// # Errors
    ///
    /// If the thread panicked, the payload of that.
    ///
    /// # Panics
    ///
    /// In a task: await the handle there.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        point();
        let waited = block_on(ended(self.key(), Location::caller()), "joining a thread");
        let result = waited.ok().and_then(|()| self.task.settle());
        match result {
            Some(result) => result.map_err(crate::TaskError::into_payload),
            None => Err(Box::new("the thread was cut off")),
        }
    }
}

impl<T> JoinHandle<T> {
    pub(super) fn key(&self) -> Key {
        self.task.key()
    }

    /// Returns the thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Says whether the thread has ended.
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        point();
        self.task.is_done()
    }
}

impl<T: 'static> IntoFuture for JoinHandle<T> {
    type Output = std::result::Result<T, crate::TaskError>;
    type IntoFuture = Task<T>;

    /// Waits for the thread in a task. Cancelling the one who waits does not stop the thread.
    fn into_future(self) -> Task<T> {
        self.task
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", &self.thread)
            .finish()
    }
}
