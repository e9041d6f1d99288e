//! Spawning: from futures to tasks.

use std::error::Error;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use super::Task;
use super::body::{Fallible, Plain};
use crate::event_loop::core::{self, Core};

/// Makes a task of a future. Its first step is queued, so it runs after its creator suspends.
///
/// Whatever the future returns is the task's value, even an `Err`; such a task fails only if it
/// panics. Use [`try_spawn`] for a task that shall fail with its error.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// assert_eq!(task::spawn(async { "done" }).await.unwrap(), "done");
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let core = core::current();
    spawn_on(&core, future, Location::caller(), core.eager.get())
}

/// Makes a task of a future whose `Err` is the task's failure: it stops a
/// [`gather`](super::gather), aborts a [group](super::group), and is reported if nobody looks.
///
/// The error can be anything that turns into a boxed error. A [`TaskError`](crate::TaskError) is
/// passed on as it is, and a [`Cancelled`](crate::Cancelled) ends the task cancelled.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let number = task::try_spawn(async { "4x2".parse::<u32>() });
/// let error = number.await.unwrap_err();
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// # });
/// ```
#[track_caller]
pub fn try_spawn<F, T, E>(future: F) -> Task<T>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let core = core::current();
    try_spawn_on(&core, future, Location::caller(), core.eager.get())
}

/// Makes a task and its first step at once, within the step of its creator. If it does not
/// suspend, it is done when this returns.
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let task = task::spawn_eager(async { 1 });
/// assert!(task.is_done());
/// assert_eq!(task.await.unwrap(), 1);
/// # });
/// ```
#[track_caller]
pub fn spawn_eager<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_on(&core::current(), future, Location::caller(), true)
}

#[track_caller]
pub(crate) fn spawn_on<F>(
    core: &Rc<Core>,
    future: F,
    at: &'static Location<'static>,
    eager: bool,
) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    check_open(core);
    Task::from_key(core.spawn(Box::pin(Plain::Future { future }), at, eager))
}

#[track_caller]
pub(crate) fn try_spawn_on<F, T, E>(
    core: &Rc<Core>,
    future: F,
    at: &'static Location<'static>,
    eager: bool,
) -> Task<T>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    check_open(core);
    Task::from_key(core.spawn(Box::pin(Fallible::Future { future }), at, eager))
}

#[track_caller]
fn check_open(core: &Core) {
    assert!(
        !core.closed.get(),
        "the loop is closed: nothing can be spawned on it"
    );
}
