//! Task groups: tasks that live and die together.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Task;
use super::handle::TaskRef;
use super::region::poll_region;
use super::spawn::{spawn_on, try_spawn_on};
use crate::error::{Cancelled, TaskError};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{Flags, Key, On, State, Tasks, WaiterKey};
use crate::event_loop::{Hidden, Report, ReportKind, Target, Wait, Waited, never_awaited};

/// Runs `body` with a group whose tasks all end before this does.
///
/// The group waits for every task spawned in it. When one fails, or the body is cancelled, the
/// others are cancelled, and so is the body; when all have ended, the errors are given together. A
/// task that is cancelled on its own disturbs nobody.
///
/// # Panics
///
/// If it is awaited outside a task.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// let result = task::group(|group| async move {
///     let _ = group.try_spawn(async { Err::<(), _>("no such host") });
///     time::sleep(time::secs(60)).await;
/// });
/// let error = result.await.unwrap_err();
/// assert_eq!(error.errors()[0].to_string(), "no such host");
/// assert_eq!(time::now(), time::Instant::ZERO, "the body was cancelled");
/// # });
/// ```
#[track_caller]
pub fn group<F, T>(body: impl FnOnce(TaskGroup) -> F) -> GroupScope<Infallible<F>>
where
    F: Future<Output = T>,
{
    let group = TaskGroup::new();
    let body = Infallible {
        body: body(group.clone()),
    };
    GroupScope::new(group, body, Location::caller())
}

/// Runs `body` with a group whose tasks all end before this does. An `Err` of the body aborts the
/// group, as that of a task does, and comes last among the errors. See [`group`].
///
/// # Panics
///
/// If it is awaited outside a task.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let result = task::try_group(|group| async move {
///     let lines = group.spawn(async { 10 });
///     "ten".parse::<u32>()?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(lines.await)
/// });
/// assert_eq!(result.await.unwrap_err().errors().len(), 1);
/// # });
/// ```
#[track_caller]
pub fn try_group<F, T, E>(body: impl FnOnce(TaskGroup) -> F) -> GroupScope<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let group = TaskGroup::new();
    let body = body(group.clone());
    GroupScope::new(group, body, Location::caller())
}

/// The errors of a task group: those of its tasks in the order in which they failed, then that of
/// its body.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let result = task::group(|group| async move {
///     for host in ["db", "cache"] {
///         let _ = group.try_spawn(async move { Err::<(), _>(format!("no {host}")) });
///     }
/// });
/// let error = result.await.unwrap_err();
/// assert_eq!(error.errors().len(), 2);
/// assert_eq!(error.to_string(), "unhandled errors in a task group: no db, no cache");
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct GroupError {
    errors: Vec<TaskError>,
}

impl GroupError {
    /// Returns the errors.
    pub fn errors(&self) -> &[TaskError] {
        &self.errors
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unhandled errors in a task group: ")?;
        for (index, error) in self.errors.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{error}")?;
        }
        Ok(())
    }
}

impl Error for GroupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors
            .first()
            .map(|error| error as &(dyn Error + 'static))
    }
}

/// A task group, from within its body: spawn tasks with it. It can be cloned and handed to the
/// tasks, which may spawn more while the group waits for them.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// task::group(|group| async move {
///     let spawner = group.clone();
///     group.spawn(async move {
///         spawner.spawn(time::sleep(time::secs(5))).detach();
///     }).detach();
/// })
/// .await
/// .unwrap();
/// assert_eq!(time::now().since_start(), time::secs(5), "the grandchild was waited for");
/// # });
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    shared: Arc<Mutex<Shared>>,
    hidden: Hidden,
}

/// What the group, its scope and the callbacks of its tasks share.
#[derive(Default)]
struct Shared {
    parent: Option<Key>,
    tasks: Vec<Key>,
    errors: Vec<TaskError>,
    aborting: bool,
    exiting: bool,
    left: bool,
    parent_cancelled: bool,
    waiter: Option<WaiterKey>,
    target: Target,
}

impl TaskGroup {
    fn new() -> Self {
        Self {
            shared: Arc::default(),
            hidden: Hidden::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.hidden.touch();
        self.unseen()
    }

    /// Locks it for what may happen in any order.
    fn unseen(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether the group takes new tasks: not before its scope is awaited, not while it is
    /// aborting, and not when it is over.
    ///
    /// ```
    /// use simrun::task;
    ///
    /// # simrun::run(async {
    /// let late = task::group(|group| async move { group }).await.unwrap();
    /// assert!(!late.is_open());
    /// assert!(late.spawn(async {}).await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn is_open(&self) -> bool {
        let shared = self.lock();
        let entered = shared.parent.is_some() && !shared.left;
        entered && !shared.aborting && !(shared.exiting && shared.tasks.is_empty())
    }

    /// Spawns a task in the group. It can fail only by panicking.
    ///
    /// A group that is not [open](Self::is_open) takes no more: the task is cancelled before it
    /// starts.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (core, at) = (core::current(), Location::caller());
        self.add(&core, |eager| spawn_on(&core, future, at, eager))
    }

    /// Spawns a task in the group whose `Err` is its failure, and aborts the group.
    ///
    /// A group that is not [open](Self::is_open) takes no more: the task is cancelled before it
    /// starts.
    #[track_caller]
    pub fn try_spawn<F, T, E>(&self, future: F) -> Task<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let (core, at) = (core::current(), Location::caller());
        self.add(&core, |eager| try_spawn_on(&core, future, at, eager))
    }

    fn add<T>(&self, core: &Core, spawn: impl FnOnce(bool) -> Task<T>) -> Task<T> {
        if !self.is_open() {
            let task = spawn(false);
            core.cancel(
                task.key(),
                Some("the task group takes no more tasks".into()),
            );
            return task;
        }
        let task = spawn(core.eager.get());
        let key = task.key();
        self.lock().tasks.push(key);
        let group = self.clone();
        core.add_done_callback(key, Box::new(move || group.task_done(key)));
        task
    }

    /// Takes note that a task has ended.
    fn task_done(&self, key: Key) {
        let Some(core) = core::try_own(key.serial) else {
            return;
        };
        let waiter = {
            let mut shared = self.unseen();
            self.hidden.add_to(shared.waiter);
            shared.tasks.retain(|task| *task != key);
            if shared.tasks.is_empty() {
                shared.waiter
            } else {
                None
            }
        };
        if let Some(waiter) = waiter {
            core.wake(waiter);
        }
        let error = {
            let state = &mut *core.state.borrow_mut();
            let failed = state.slot(key).filter(|slot| slot.state == State::Failed);
            failed.and_then(|slot| {
                slot.flags.set(Flags::RETRIEVED);
                slot.rare().error.clone()
            })
        };
        let Some(error) = error else { return };
        let parent = {
            let mut shared = self.lock();
            shared.errors.push(error.clone());
            shared.parent.filter(|_| !shared.left)
        };
        let alive = parent.filter(|parent| {
            core.state
                .borrow_mut()
                .slot(*parent)
                .is_some_and(|slot| !slot.is_done())
        });
        let Some(parent) = alive else {
            let message = "a task failed after the task of its group had ended";
            let name = core.state.borrow_mut().slot(key).is_some();
            let name = name.then(|| core.state.borrow().name(key.slot));
            core.report(Report::new(
                ReportKind::Orphan,
                message,
                Some(error),
                name,
                core.now(),
            ));
            return;
        };
        let abort = {
            let mut shared = self.lock();
            let abort = !shared.aborting && !shared.parent_cancelled;
            shared.parent_cancelled |= abort;
            abort
        };
        if abort {
            self.abort(&core);
            let waker = core.cancel_within(parent, &mut self.lock().target);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Cancels every task of the group.
    fn abort(&self, core: &Core) {
        let tasks = {
            let mut shared = self.lock();
            shared.aborting = true;
            shared.tasks.clone()
        };
        for task in tasks {
            core.cancel(task, None);
        }
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        f.debug_struct("TaskGroup")
            .field("tasks", &shared.tasks.len())
            .field("errors", &shared.errors)
            .field("aborting", &shared.aborting)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A body that cannot fail.
    ///
    /// See [`group`].
    ///
    /// ```
    /// use simrun::task::{self, GroupScope, Infallible};
    ///
    /// # simrun::run(async {
    /// let scope: GroupScope<Infallible<_>> = task::group(|_| async { 42 });
    /// assert_eq!(scope.await.unwrap(), 42);
    /// # });
    /// ```
    #[derive(Debug)]
    pub struct Infallible<F> {
        #[pin]
        body: F,
    }
}

impl<F: Future> Future for Infallible<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().body.poll(cx).map(Ok)
    }
}

pin_project! {
    /// A task group and its body, to be awaited: what [`group`] and [`try_group`] return.
    ///
    /// If it is dropped before it is over, the group's tasks are cancelled but not waited for.
    ///
    /// ```
    /// use simrun::{task, time};
    ///
    /// # simrun::run(async {
    /// let scope = task::group(|group| async move {
    ///     group.spawn(time::sleep(time::secs(60))).detach();
    /// });
    /// assert!(time::timeout(time::secs(1), scope).await.is_err());
    /// assert_eq!(task::all_tasks().len(), 1, "its tasks have ended with it");
    /// # });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct GroupScope<F>
    where
        F: Future,
    {
        group: TaskGroup,
        #[pin]
        body: Option<F>,
        output: Option<F::Output>,
        cancelled: Option<Cancelled>,
        // A cancellation that the group does not keep, on its way through.
        passing: Option<Cancelled>,
        wait: Wait,
        at: &'static Location<'static>,
    }

    impl<F> PinnedDrop for GroupScope<F>
    where
        F: Future,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.group.lock().parent.is_none() {
                never_awaited("a task group", this.at);
            }
            this.body.set(None);
            this.group.leave();
        }
    }
}

impl<F: Future> GroupScope<F> {
    fn new(group: TaskGroup, body: F, at: &'static Location<'static>) -> Self {
        Self {
            group,
            body: Some(body),
            output: None,
            cancelled: None,
            passing: None,
            wait: Wait::new(),
            at,
        }
    }
}

impl TaskGroup {
    fn enter(&self, at: &'static Location<'static>) {
        let mut shared = self.lock();
        if shared.parent.is_none() {
            let Some(parent) = super::try_current() else {
                drop(shared);
                panic!(
                    "a task group needs a task to live in ({})",
                    crate::error::place(at)
                );
            };
            shared.parent = Some(parent.key());
        }
    }

    /// The scope is gone: what is left of the group is cancelled.
    fn leave(&self) {
        let (parent, unfinished) = {
            let mut shared = self.lock();
            let left = std::mem::replace(&mut shared.left, true);
            let cancelled = std::mem::take(&mut shared.parent_cancelled) && !left;
            (
                shared.parent.filter(|_| cancelled),
                shared.tasks.first().copied(),
            )
        };
        if let Some((core, parent)) = parent.and_then(|key| Some((core::try_own(key.serial)?, key)))
        {
            core.uncancel(parent);
        }
        if let Some(core) = unfinished.and_then(|task| core::try_own(task.serial)) {
            self.abort(&core);
        }
    }

    /// Settles the accounts of a group whose tasks have all ended.
    fn close(
        &self,
        body: Result<(), Option<TaskError>>,
        cancelled: &mut Option<Cancelled>,
    ) -> Vec<TaskError> {
        let (parent, parent_cancelled, mut errors) = {
            let mut shared = self.lock();
            shared.left = true;
            (
                shared.parent,
                shared.parent_cancelled,
                std::mem::take(&mut shared.errors),
            )
        };
        let Some(parent) = parent.map(TaskRef::from_key) else {
            return errors;
        };
        if parent_cancelled && parent.uncancel() == 0 {
            // The group cancelled its own body, and nobody else has.
            *cancelled = None;
        }
        if cancelled.is_some() && errors.is_empty() {
            return errors;
        }
        if let Err(Some(error)) = body {
            errors.push(error);
        }
        if !errors.is_empty() && parent.cancelling() > 0 {
            // Someone else has cancelled the task as well, which the errors hide: so it is asked
            // again, for the next time that it suspends.
            parent.uncancel();
            parent.cancel();
        }
        errors
    }
}

impl<F, T, E> Future for GroupScope<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<T, GroupError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.group.enter(self.at);
        let core = core::current();
        if let Some(cancelled) = &self.passing {
            core.state.borrow_mut().raise(cancelled.clone());
            return Poll::Pending;
        }
        // What goes up from a future beside this one is none of the group's business.
        let beside = core.state.borrow_mut().receive();
        let scope = core.begin_scope(&mut self.group.lock().target);
        let polled = self.as_mut().poll_inside(&core, cx);
        core.end_scope(scope, &mut self.group.lock().target, cx);
        if let Some(beside) = beside {
            core.state.borrow_mut().raise(beside);
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(cancelled)) => {
                *self.project().passing = Some(cancelled.clone());
                core.state.borrow_mut().raise(cancelled);
                Poll::Pending
            }
        }
    }
}

impl<F, T, E> GroupScope<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// Polls the body, then waits for the tasks. Gives a cancellation that is to be passed on as
    /// the outer error.
    fn poll_inside(
        self: Pin<&mut Self>,
        core: &Core,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Result<T, GroupError>, Cancelled>> {
        let mut this = self.project();
        if this.body.is_some() {
            let Poll::Ready(ended) = poll_region(this.body.as_mut(), cx) else {
                return Poll::Pending;
            };
            this.body.set(None);
            this.group.lock().exiting = true;
            let failed = !matches!(ended, Ok(Ok(_)));
            match ended {
                Ok(output) => *this.output = Some(output),
                Err(cancelled) => *this.cancelled = Some(cancelled),
            }
            if failed && !this.group.lock().aborting {
                this.group.abort(core);
            }
        }
        loop {
            match this.wait.poll(core, cx) {
                Waited::Not => {
                    if this.group.lock().tasks.is_empty() {
                        break;
                    }
                    let on = On::Tasks(Tasks::OfGroup);
                    let waiter = this.wait.start(core, cx, on, this.at);
                    this.group.lock().waiter = Some(waiter);
                    return Poll::Pending;
                }
                Waited::Over => {}
                Waited::Still => {
                    let Some(raised) = core.state.borrow_mut().receive() else {
                        return Poll::Pending;
                    };
                    if !this.group.lock().aborting {
                        *this.cancelled = Some(raised);
                        this.group.abort(core);
                    }
                }
            }
            this.wait.stop();
            this.group.lock().waiter = None;
        }
        let (value, body) = match this.output.take() {
            Some(Ok(value)) => (Some(value), Ok(())),
            Some(Err(error)) => (None, Err(Some(TaskError::new(error)))),
            None => (None, Err(None)),
        };
        let errors = this.group.close(body, this.cancelled);
        match (value, this.cancelled.take()) {
            (_, Some(cancelled)) if errors.is_empty() => Poll::Ready(Err(cancelled)),
            (Some(value), _) if errors.is_empty() => Poll::Ready(Ok(Ok(value))),
            _ => Poll::Ready(Ok(Err(GroupError { errors }))),
        }
    }
}

impl<F: Future> fmt::Debug for GroupScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupScope")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
