//! Handles: what one can do with a task from outside.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::Either;

use crate::chance::TaskPath;
use crate::error::{Cancelled, TaskError};
use crate::event_loop::core;
use crate::event_loop::table::{Body, Key, State};
use crate::event_loop::{Wait, poll_done};

/// A task, whatever its type: a number that names it, to look at it, cancel it or abort it.
///
/// A `TaskRef` keeps nothing alive. When its task is gone, it is a task that is done.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// let sleeper = task::spawn(time::sleep(time::secs(1)));
/// let task: task::TaskRef = *sleeper;
/// task::yield_now().await;
/// assert!(task.cancel());
/// assert!(sleeper.await.unwrap_err().is_cancelled());
/// assert!(!task.cancel(), "it is done");
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskRef {
    key: Key,
}

impl TaskRef {
    pub(crate) fn from_key(key: Key) -> Self {
        Self { key }
    }

    pub(crate) fn key(self) -> Key {
        self.key
    }

    #[track_caller]
    fn core(self) -> std::rc::Rc<core::Core> {
        core::own(self.key.serial, "task")
    }

    #[track_caller]
    fn state(self) -> Option<State> {
        self.core()
            .state
            .borrow_mut()
            .slot(self.key)
            .map(|slot| slot.state)
    }

    /// Returns the task's number: tasks and promises of a run are numbered as they are made.
    pub fn id(self) -> u64 {
        self.key.id
    }

    /// Returns the task's path, or `None` if the task is gone.
    #[track_caller]
    pub fn path(self) -> Option<TaskPath> {
        let core = self.core();
        let state = &mut *core.state.borrow_mut();
        let node = state.slot(self.key)?.path;
        Some(state.paths.path(node))
    }

    /// Asks the task to stop. Says whether it took the request: a task that is done does not.
    ///
    /// The request goes to what the task awaits, which is cancelled first and awaited; if that
    /// cannot take it, the cancellation is delivered when the task next suspends. It is received
    /// by the innermost [`cancellable`](super::cancellable) region, or ends the task.
    #[track_caller]
    pub fn cancel(self) -> bool {
        self.core().cancel(self.key, None)
    }

    /// Asks the task to stop, and says why.
    #[track_caller]
    pub fn cancel_with(self, message: impl Into<Arc<str>>) -> bool {
        self.core().cancel(self.key, Some(message.into()))
    }

    /// Orders the task to stop: its future is dropped at its next turn, without asking it.
    ///
    /// ```
    /// use simrun::task;
    /// use simrun::time::{secs, sleep};
    ///
    /// # simrun::run(async {
    /// let task = task::spawn(async { task::cancellable(sleep(secs(9))).await.is_err() });
    /// task::yield_now().await;
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled(), "the region was not asked");
    /// # });
    /// ```
    #[track_caller]
    pub fn abort(self) {
        self.core().abort(self.key);
    }

    /// Returns how many cancel requests have not been taken back.
    #[track_caller]
    pub fn cancelling(self) -> u32 {
        self.core()
            .state
            .borrow_mut()
            .slot(self.key)
            .map_or(0, |slot| slot.cancelling)
    }

    /// Takes one cancel request back and returns how many are left. If none is left and the
    /// cancellation has not been delivered yet, it will not be.
    ///
    /// ```
    /// use simrun::task;
    ///
    /// # simrun::run(async {
    /// let task = task::spawn(async { task::yield_now().await });
    /// task::yield_now().await;
    /// task.cancel();
    /// assert_eq!((task.cancelling(), task.uncancel()), (1, 0));
    /// assert!(task.await.is_ok(), "it has never heard of it");
    /// # });
    /// ```
    #[track_caller]
    pub fn uncancel(self) -> u32 {
        self.core().uncancel(self.key)
    }

    /// Says whether the task has ended.
    #[track_caller]
    pub fn is_done(self) -> bool {
        self.state() != Some(State::Pending)
    }

    /// Says whether the task has ended by cancellation. A task whose handle is gone has not.
    #[track_caller]
    pub fn is_cancelled(self) -> bool {
        self.state() == Some(State::Cancelled)
    }

    /// Calls back when the task has ended, in the order in which callbacks were added. Nothing
    /// happens if the task is gone.
    #[track_caller]
    pub fn on_done(self, callback: impl FnOnce(TaskRef) + 'static) {
        let core = self.core();
        let known = core.state.borrow_mut().slot(self.key).is_some();
        if known {
            core.add_done_callback(self.key, Box::new(move || callback(self)));
        }
    }
}

impl fmt::Display for TaskRef {
    /// Writes the task's name: the one it was given, or its path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = core::try_own(self.key.serial).and_then(|core| {
            let state = &mut *core.state.borrow_mut();
            state.slot(self.key)?;
            Some(state.name(self.key.slot))
        });
        match known {
            Some(name) => f.pad(&name),
            None => f.pad("a task that is gone"),
        }
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskRef({self})")
    }
}

/// The handle of a task that gives a `T`: await it for the result.
///
/// A task runs whether or not anyone awaits it. Dropping the handle detaches the task; cancelling
/// the one who awaits it cancels the task too. Everything a [`TaskRef`] can do, a handle can.
///
/// To await a task more than once, await `&task`, which clones the value.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let task = task::spawn(async { 6 * 7 }).name("answer");
/// assert_eq!((&task).await.unwrap(), 42);
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[must_use = "a task runs without its handle, but nobody sees its result: `detach` it"]
pub struct Task<T> {
    task: TaskRef,
    wait: Wait,
    value: PhantomData<fn() -> T>,
}

impl<T> Task<T> {
    pub(crate) fn from_key(key: Key) -> Self {
        Self {
            task: TaskRef::from_key(key),
            wait: Wait::new(),
            value: PhantomData,
        }
    }

    pub(crate) fn key(&self) -> Key {
        self.task.key
    }

    /// Gives the task a name, which reports and traces will use instead of its path.
    #[track_caller]
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        let core = self.core();
        if let Some(slot) = core.state.borrow_mut().slot(self.key()) {
            slot.rare().name = Some(name.into());
        }
        self
    }

    /// Lets the task run on without a handle. If it fails, the run reports it.
    pub fn detach(self) {}
}

impl<T: 'static> Task<T> {
    /// Takes the result, or returns `None` if the task is not done.
    ///
    /// # Panics
    ///
    /// If the value was taken before.
    ///
    /// ```
    /// # simrun::run(async {
    /// let task = simrun::spawn(async { vec![1] });
    /// assert!(task.settle().is_none());
    /// simrun::task::yield_now().await;
    /// assert_eq!(task.settle().unwrap().unwrap(), [1]);
    /// # });
    /// ```
    #[track_caller]
    pub fn settle(&self) -> Option<Result<T, TaskError>> {
        let core = self.core();
        take(&core, self.key())
    }

    /// Returns a copy of the result, or `None` if the task is not done.
    ///
    /// # Panics
    ///
    /// If the value was taken before.
    #[track_caller]
    pub fn result(&self) -> Option<Result<T, TaskError>>
    where
        T: Clone,
    {
        let core = self.core();
        settle(&core, self.key(), Option::clone)
    }
}

/// Copies the result of a future that may be done.
#[track_caller]
pub(crate) fn settle<T: 'static>(
    core: &core::Core,
    key: Key,
    read: impl FnOnce(&Option<T>) -> Option<T>,
) -> Option<Result<T, TaskError>> {
    if let Err(error) = core.state.borrow_mut().outcome(key)? {
        return Some(Err(error));
    }
    // The body is taken out, for cloning a value runs the program's code.
    let body = core.state.borrow_mut().slot(key)?.body.take();
    let mut body = Lent { core, key, body };
    let value = body
        .body
        .as_mut()
        .and_then(|body| body.as_mut().value())
        .and_then(|value| value.downcast_mut::<Option<T>>())
        .and_then(|value| read(value));
    Some(Ok(value.expect(
        "the value of a task can be taken only once: await `&task` for a copy",
    )))
}

/// A body on loan from its slot, which goes back there whatever happens.
struct Lent<'a> {
    core: &'a core::Core,
    key: Key,
    body: Option<Pin<Box<dyn Body>>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.core.state.borrow_mut().slot(self.key) {
            slot.body = self.body.take();
        }
    }
}

impl<T> Deref for Task<T> {
    type Target = TaskRef;

    fn deref(&self) -> &TaskRef {
        &self.task
    }
}

impl<T: 'static> Future for Task<T> {
    type Output = Result<T, TaskError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.get_mut();
        let core = task.core();
        let key = task.key();
        match poll_done(&mut task.wait, &core, key, cx, Location::caller()) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(take(&core, key).expect("the task is done")),
        }
    }
}

/// Takes the result of a future that may be done.
#[track_caller]
fn take<T: 'static>(core: &core::Core, key: Key) -> Option<Result<T, TaskError>> {
    let taken = core.take_value(key)?;
    Some(taken.map(|mut body| {
        let value = body
            .as_mut()
            .value()
            .and_then(|value| value.downcast_mut::<Option<T>>());
        value
            .and_then(Option::take)
            .expect("a value has the type of its handle")
    }))
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.wait.stop();
        if let Some(core) = core::try_own(self.key().serial) {
            core.let_go_of(self.key());
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.task)
    }
}

/// What one can wait for without consuming it: tasks, promises, references to them, and an `Either`
/// of two of these.
///
/// [`gather`](super::gather), [`wait`](super::wait), [`as_completed`](super::as_completed) and
/// [`shield`](super::shield) take any of them. A reference gives a copy of the value.
///
/// ```
/// use futures::future::Either;
/// use simrun::{Promise, gather, spawn};
///
/// # simrun::run(async {
/// let promise = Promise::new();
/// promise.set(1).unwrap();
/// let task = spawn(async { 2 });
/// let both = gather([Either::Left(&promise), Either::Right(&task)]);
/// assert_eq!(both.await.unwrap(), [1, 2]);
/// # });
/// ```
pub trait Waitable: private::Sealed {}

pub(crate) mod private {
    use super::{Key, TaskError};

    pub trait Sealed: Unpin {
        /// What it gives.
        type Value;
        fn key(&self) -> Key;
        /// Reads the result of what is done.
        fn collect(&self) -> Result<Self::Value, TaskError>;
    }
}

use private::Sealed;

impl<T: 'static> Waitable for Task<T> {}

impl<T: 'static> Sealed for Task<T> {
    type Value = T;

    fn key(&self) -> Key {
        self.task.key
    }

    fn collect(&self) -> Result<T, TaskError> {
        self.settle().expect("the task is done")
    }
}

impl<T: Clone + 'static> Waitable for &Task<T> {}

impl<T: Clone + 'static> Sealed for &Task<T> {
    type Value = T;

    fn key(&self) -> Key {
        self.task.key
    }

    fn collect(&self) -> Result<T, TaskError> {
        self.result().expect("the task is done")
    }
}

/// One of two kinds, so that tasks and promises can stand in one collection.
impl<A: Waitable, B: Waitable + Sealed<Value = A::Value>> Waitable for Either<A, B> {}

impl<A: Sealed, B: Sealed<Value = A::Value>> Sealed for Either<A, B> {
    type Value = A::Value;

    fn key(&self) -> Key {
        match self {
            Self::Left(one) => one.key(),
            Self::Right(other) => other.key(),
        }
    }

    fn collect(&self) -> Result<A::Value, TaskError> {
        match self {
            Self::Left(one) => one.collect(),
            Self::Right(other) => other.collect(),
        }
    }
}

/// Awaits something without consuming it: what `(&task).await` is made of.
///
/// ```
/// # simrun::run(async {
/// let task = simrun::spawn(async { 42 });
/// assert_eq!((&task).await.unwrap(), (&task).await.unwrap());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Join<W> {
    of: W,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<W> Join<W> {
    #[track_caller]
    pub(crate) fn new(of: W) -> Self {
        Self {
            of,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }
}

impl<W: Sealed> Future for Join<W> {
    type Output = Result<W::Value, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let join = self.get_mut();
        let key = join.of.key();
        let core = core::own(key.serial, "task");
        poll_done(&mut join.wait, &core, key, cx, join.at).map(|()| join.of.collect())
    }
}

impl<'a, T: Clone + 'static> IntoFuture for &'a Task<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<&'a Task<T>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        Join::new(self)
    }
}

/// Returns the task that is running.
///
/// # Panics
///
/// If no task is running, as in a callback.
///
/// ```
/// # simrun::run(async {
/// assert_eq!(simrun::task::current().to_string(), "main");
/// # });
/// ```
#[track_caller]
pub fn current() -> TaskRef {
    try_current().expect("no task is running here")
}

/// Returns the task that is running, or `None` in a callback or outside a run.
///
/// ```
/// assert!(simrun::task::try_current().is_none());
/// # simrun::run(async {
/// assert!(simrun::task::try_current().is_some());
/// # });
/// ```
pub fn try_current() -> Option<TaskRef> {
    let core = core::try_current()?;
    let state = &*core.state.borrow();
    let slot = state.current?;
    let id = state.slots[slot as usize].id;
    Some(TaskRef {
        key: Key {
            serial: core.serial,
            slot,
            id,
        },
    })
}

/// Returns the tasks that have not ended, in the order in which they were spawned; an eager task
/// counts as spawned when its first step is over.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let child = task::spawn(async {});
/// assert_eq!(task::all_tasks(), [task::current(), *child]);
/// # });
/// ```
#[track_caller]
pub fn all_tasks() -> Vec<TaskRef> {
    core::current()
        .unfinished_tasks()
        .into_iter()
        .map(TaskRef::from_key)
        .collect()
}

/// Describes every task that has not ended: what it waits for, since when, and where.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// let sleeper = task::spawn(time::sleep(time::secs(1))).name("sleeper");
/// task::yield_now().await;
/// let dump = task::dump();
/// assert_eq!(dump.blocked()[1].task, "sleeper");
/// assert_eq!(dump.blocked()[1].waits, "for a timer");
/// # });
/// ```
#[track_caller]
pub fn dump() -> crate::assure::Deadlock {
    core::current().blocked()
}

impl Cancelled {
    /// Passes the cancellation on: to the next region further out, or, if there is none, to the
    /// task, which it ends.
    ///
    /// ```
    /// use simrun::{task, time};
    ///
    /// # simrun::run(async {
    /// let task = task::spawn(async {
    ///     if let Err(cancelled) = task::cancellable(time::sleep(time::secs(9))).await {
    ///         time::sleep(time::millis(1)).await; // clean up
    ///         cancelled.raise().await
    ///     }
    /// });
    /// task::yield_now().await;
    /// task.cancel();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub fn raise<T>(self) -> Raise<T> {
        Raise {
            cancelled: self,
            value: PhantomData,
        }
    }
}

/// A cancellation being passed on: what [`Cancelled::raise`] returns. It is never ready.
///
/// ```
/// use simrun::{Cancelled, spawn};
///
/// # simrun::run(async {
/// let task = spawn(async { Cancelled::with_message("enough").raise::<()>().await });
/// let error = task.await.unwrap_err();
/// assert_eq!(error.cancelled().unwrap().message(), Some("enough"));
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Raise<T> {
    cancelled: Cancelled,
    value: PhantomData<fn() -> T>,
}

impl<T> Future for Raise<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        let core = core::current();
        let state = &mut *core.state.borrow_mut();
        // Outside a task there is nothing for it to go up through.
        if state.current.is_some() {
            state.raise(self.cancelled.clone());
        }
        Poll::Pending
    }
}
