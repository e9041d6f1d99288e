//! Awaiting a task for so long and no longer.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Timeout, TimeoutScope};
use crate::error::{Elapsed, TaskError};
use crate::event_loop::core::{self};
use crate::event_loop::table::{On, Tasks};
use crate::event_loop::{CallbackKey, Wait, Waited};
use crate::task::{Join, Waitable};

/// Awaits a task or promise; when the time is up, cancels it, waits until it has ended, and gives
/// [`Elapsed`].
///
/// So it may take longer than `limit`, and if the task swallows the cancellation and returns, its
/// value is given. With a limit of zero, only what is done already gives its result. To put a
/// limit on a piece of code rather than on a task, use [`timeout`](super::timeout).
///
/// ```
/// use simrun::task;
/// use simrun::time::{secs, sleep, wait_for};
///
/// # simrun::run(async {
/// let slow = task::spawn(sleep(secs(60)));
/// assert!(wait_for(secs(1), slow).await.is_err());
/// assert_eq!(task::all_tasks().len(), 1, "the task was cancelled");
/// # });
/// ```
#[track_caller]
pub fn wait_for<W: Waitable>(limit: impl Into<Option<Duration>>, of: W) -> WaitForTask<W> {
    let at = Location::caller();
    let limit = limit.into();
    let state = match limit {
        Some(Duration::ZERO) => Stage::Now {
            of,
            wait: Wait::new(),
            callback: None,
        },
        limit => Stage::Later {
            scope: Box::pin(Timeout::after(limit).enforce(Join::new(of))),
        },
    };
    WaitForTask { stage: state, at }
}

/// A task awaited for so long and no longer: what [`wait_for`] returns.
///
/// It gives two results, one in the other: whether there was time, and what the task gave.
///
/// ```
/// use simrun::task::{cancellable, spawn};
/// use simrun::time::{now, secs, sleep, wait_for};
///
/// # simrun::run(async {
/// let stubborn = spawn(async {
///     let _ = cancellable(sleep(secs(60))).await;
///     sleep(secs(3)).await;
///     "cleaned up"
/// });
/// assert_eq!(wait_for(secs(1), stubborn).await.unwrap().unwrap(), "cleaned up");
/// assert_eq!(now().since_start(), secs(4), "it was waited for");
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct WaitForTask<W: Waitable> {
    stage: Stage<W>,
    at: &'static Location<'static>,
}

enum Stage<W> {
    /// There is no time: cancel it and wait until it has ended.
    Now {
        of: W,
        wait: Wait,
        callback: Option<CallbackKey>,
    },
    Later {
        scope: Pin<Box<TimeoutScope<Join<W>>>>,
    },
}

impl<W: Waitable> Future for WaitForTask<W> {
    type Output = Result<Result<W::Value, TaskError>, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let core = core::current();
        match &mut this.stage {
            Stage::Later { scope } => scope.as_mut().poll(cx),
            Stage::Now { of, wait, callback } => match wait.poll(&core, cx) {
                Waited::Still => Poll::Pending,
                Waited::Over => match of.collect() {
                    Err(error) if error.is_cancelled() => Poll::Ready(Err(Elapsed::new())),
                    result => Poll::Ready(Ok(result)),
                },
                Waited::Not => {
                    if core.is_done(of.key()) {
                        return Poll::Ready(Ok(of.collect()));
                    }
                    let key = of.key();
                    let on = On::Tasks(Tasks::OutOfTime);
                    let waiter = wait.start(&core, cx, on, this.at);
                    let wake = Box::new(move || waiter.wake());
                    *callback = Some(core.add_done_callback(key, wake));
                    core.cancel(key, None);
                    Poll::Pending
                }
            },
        }
    }
}

impl<W: Waitable> Drop for WaitForTask<W> {
    fn drop(&mut self) {
        let Stage::Now {
            of,
            callback: Some(callback),
            ..
        } = &self.stage
        else {
            return;
        };
        if let Some(core) = core::try_own(callback.serial) {
            core.remove_done_callback(of.key(), *callback);
        }
    }
}

impl<W: Waitable> fmt::Debug for WaitForTask<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForTask").finish_non_exhaustive()
    }
}
