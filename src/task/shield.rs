//! Shields: awaiting something without passing cancellation on to it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handle::Waitable;
use crate::error::TaskError;
use crate::event_loop::core;
use crate::event_loop::table::{End, Flags, Key, Kind, State};
use crate::event_loop::{Wait, poll_done};

/// Awaits a task or promise, and lets it run on when the awaiting task is cancelled.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// let commit = task::spawn(async { time::sleep(time::secs(1)).await; "committed" });
/// let caller = task::spawn({
///     let shielded = task::shield(commit);
///     async move { drop(shielded.await) }
/// });
/// task::yield_now().await;
/// caller.cancel();
/// assert!(caller.await.unwrap_err().is_cancelled());
/// assert_eq!(task::all_tasks().len(), 2, "the commit runs on");
/// # });
/// ```
#[track_caller]
pub fn shield<W: Waitable>(inner: W) -> Shield<W> {
    let at = Location::caller();
    let key = inner.key();
    let core = core::own(key.serial, "task");
    let is_done = core.is_done(key);
    let outer = (!is_done).then(|| {
        let outer = core.add_promise(Kind::Promise, at);
        core.add_done_callback(key, Box::new(move || copy(key, outer)));
        outer
    });
    Shield {
        inner,
        outer,
        wait: Wait::new(),
        at,
    }
}

/// Ends the outer future as the inner one has ended.
fn copy(inner: Key, outer: Key) {
    let Some(core) = core::try_own(outer.serial) else {
        return;
    };
    let end = {
        let state = &mut *core.state.borrow_mut();
        let open = state.slot(outer).is_some_and(|outer| !outer.is_done());
        let Some(inner) = state.slot(inner).filter(|_| open) else {
            return;
        };
        match inner.state {
            State::Cancelled => End::Cancelled(None, None),
            State::Failed => {
                inner.flags.set(Flags::RETRIEVED);
                match inner.rare().error.clone() {
                    Some(error) => End::Failed(error),
                    None => End::Value,
                }
            }
            State::Pending | State::Value => End::Value,
        }
    };
    core.finish(outer.slot, end, None);
}

/// A shielded wait: what [`shield`] returns.
///
/// Keep the task's handle, or a copy of its reference, for what comes after a cancellation:
///
/// ```
/// use simrun::task::{self, cancellable, shield};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let caller = task::spawn(async {
///     let commit = task::spawn(sleep(secs(1)));
///     if cancellable(shield(&commit)).await.is_err() {
///         commit.await.unwrap(); // cancelled, but not before it is committed
///     }
/// });
/// task::yield_now().await;
/// caller.cancel();
/// caller.await.unwrap();
/// assert_eq!(simrun::time::now().since_start(), secs(1));
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Shield<W> {
    inner: W,
    /// Absent if the inner future was done from the first.
    outer: Option<Key>,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<W: Waitable> Future for Shield<W> {
    type Output = Result<W::Value, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shield = self.get_mut();
        let Some(outer) = shield.outer else {
            return Poll::Ready(shield.inner.collect());
        };
        let core = core::own(outer.serial, "shield");
        match poll_done(&mut shield.wait, &core, outer, cx, shield.at) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let outcome = core.state.borrow_mut().outcome(outer);
                Poll::Ready(
                    outcome
                        .unwrap_or(Ok(()))
                        .and_then(|()| shield.inner.collect()),
                )
            }
        }
    }
}

impl<W> Drop for Shield<W> {
    fn drop(&mut self) {
        self.wait.stop();
        let Some(outer) = self.outer else { return };
        if let Some(core) = core::try_own(outer.serial) {
            // The inner future keeps the error for those who look there.
            if let Some(slot) = core.state.borrow_mut().slot(outer) {
                slot.flags.set(Flags::RETRIEVED);
            }
            core.let_go_of(outer);
        }
    }
}

impl<W> fmt::Debug for Shield<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").finish_non_exhaustive()
    }
}
