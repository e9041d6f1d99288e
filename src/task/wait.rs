//! Waiting for some of many, without taking their results.

use std::collections::BTreeSet;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::handle::Waitable;
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{Flags, Key, On, State, Tasks};
use crate::event_loop::{CallbackKey, Hidden, Wait, Waited};

/// When [`wait`] returns.
///
/// ```
/// use simrun::task::{self, Until};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let fails = task::try_spawn(async {
///     sleep(secs(1)).await;
///     Err::<(), _>("oops")
/// });
/// let (quick, slow) = (task::try_spawn(async { Ok::<_, &str>(()) }), task::spawn(sleep(secs(9))));
/// let (done, pending) = task::wait([&quick, &fails, &slow], Until::FirstFailed).await;
/// assert_eq!((done.len(), pending.len()), (2, 1));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When all are done.
    AllCompleted,
    /// When the first is done.
    FirstCompleted,
    /// When the first fails; a cancelled task has not failed. If none does, when all are done.
    FirstFailed,
}

/// Waits for some of the items and gives back all of them: first those that are done, then those
/// that are not. Nothing is cancelled, neither at a [timeout](WaitFor::timeout) nor when the
/// waiting task is cancelled.
///
/// # Panics
///
/// If there are no items, for that wait would never be over.
///
/// ```
/// use simrun::task::{self, Until};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let naps = [3, 1, 2].map(|n| task::spawn(sleep(secs(n))));
/// let (done, pending) = task::wait(naps, Until::FirstCompleted).await;
/// assert_eq!((done.len(), pending.len()), (1, 2));
/// # });
/// ```
#[track_caller]
pub fn wait<W: Waitable>(items: impl IntoIterator<Item = W>, until: Until) -> WaitFor<W> {
    let items: Vec<W> = items.into_iter().collect();
    assert!(!items.is_empty(), "there is nothing to wait for");
    let at = Location::caller();
    WaitFor {
        items,
        until,
        limit: None,
        wait: Wait::new(),
        callbacks: Vec::new(),
        timer: None,
        hidden: Hidden::default(),
        at,
    }
}

/// A wait for some of many: what [`wait`] returns.
///
/// ```
/// use simrun::task::{self, Until};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let naps = [1, 9].map(|n| task::spawn(sleep(secs(n))));
/// let (done, late) = task::wait(naps, Until::AllCompleted).timeout(secs(5)).await;
/// assert_eq!(done.len(), 1);
/// for nap in late {
///     nap.cancel(); // nobody else does
/// }
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WaitFor<W> {
    items: Vec<W>,
    until: Until,
    limit: Option<Duration>,
    wait: Wait,
    callbacks: Vec<(Key, CallbackKey)>,
    timer: Option<CallbackKey>,
    hidden: Hidden,
    at: &'static Location<'static>,
}

impl<W> WaitFor<W> {
    /// Waits no longer than this.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limit = limit.into();
        self
    }
}

impl<W: Waitable> WaitFor<W> {
    fn start(&mut self, core: &Core, cx: &Context<'_>) {
        let waiter = self.wait.start(core, cx, On::Tasks(Tasks::Some), self.at);
        self.timer = self.limit.map(|limit| {
            let at = (core.now() + limit).as_nanos();
            core.call_at(at, Box::new(move || waiter.wake()))
        });
        let mut seen = BTreeSet::new();
        let keys: Vec<Key> = self
            .items
            .iter()
            .map(|item| item.key())
            .filter(|key| seen.insert(*key))
            .collect();
        let left = Arc::new(AtomicUsize::new(keys.len()));
        let hidden = Hidden::now();
        self.hidden = hidden;
        for key in keys {
            let (left, until, timer) = (left.clone(), self.until, self.timer);
            let on_done = move || {
                match until {
                    Until::AllCompleted => hidden.add_to(Some(waiter)),
                    Until::FirstCompleted | Until::FirstFailed => hidden.touch(),
                }
                let left = left.fetch_sub(1, Ordering::Relaxed) - 1;
                if left == 0 || until == Until::FirstCompleted || until.is_over(key) {
                    if let (Some(timer), Some(core)) = (timer, core::try_own(key.serial)) {
                        core.retire_callback(timer);
                    }
                    waiter.wake();
                }
            };
            self.callbacks
                .push((key, core.add_done_callback(key, Box::new(on_done))));
        }
    }
}

impl<W> WaitFor<W> {
    /// Takes back what `start` has set up.
    fn finish(&mut self) {
        let waiter = self.wait.key();
        self.wait.stop();
        let Some(core) = waiter.and_then(|waiter| core::try_own(waiter.serial)) else {
            return;
        };
        if let Some(timer) = self.timer.take() {
            core.cancel_callback(timer);
        }
        for (key, callback) in std::mem::take(&mut self.callbacks) {
            core.remove_done_callback(key, callback);
        }
    }
}

impl Until {
    /// Says whether this item, which is done, ends the wait. Looking counts as seeing the error.
    fn is_over(self, key: Key) -> bool {
        let Some(core) = core::try_own(key.serial) else {
            return true;
        };
        let state = &mut *core.state.borrow_mut();
        let Some(slot) = state.slot(key).filter(|_| self == Self::FirstFailed) else {
            return false;
        };
        slot.flags.set(Flags::RETRIEVED);
        slot.state == State::Failed
    }
}

impl<W: Waitable> Future for WaitFor<W> {
    type Output = (Vec<W>, Vec<W>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let core = core::current();
        this.hidden.touch();
        match this.wait.poll(&core, cx) {
            Waited::Still => Poll::Pending,
            Waited::Not => {
                assert!(
                    !this.items.is_empty(),
                    "a wait was polled after it had given its items back"
                );
                this.start(&core, cx);
                Poll::Pending
            }
            Waited::Over => {
                this.finish();
                let items = std::mem::take(&mut this.items);
                let is_done = |item: &W| core.is_done(item.key());
                Poll::Ready(items.into_iter().partition(is_done))
            }
        }
    }
}

impl<W> Drop for WaitFor<W> {
    fn drop(&mut self) {
        self.finish();
    }
}
