//! Results as they come.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;

use super::handle::Waitable;
use crate::error::{Elapsed, TaskError};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{Key, On, Tasks, WaiterKey};
use crate::event_loop::{CallbackKey, Hidden, Wait, Waited};

/// Gives results in the order in which they come: a stream with one result for each distinct item.
///
/// At a [timeout](AsCompleted::timeout) each item that is left gives an [`Elapsed`] error; nothing
/// is cancelled.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use futures::StreamExt;
/// use simrun::task;
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let naps = [3, 1, 2].map(|n| task::spawn(async move { sleep(secs(n)).await; n }));
/// let order: Vec<u64> = task::as_completed(naps).map(|nap| nap.unwrap()).collect().await;
/// assert_eq!(order, [1, 2, 3]);
/// # });
/// ```
#[track_caller]
pub fn as_completed<W: Waitable>(items: impl IntoIterator<Item = W>) -> AsCompleted<W> {
    let core = core::current();
    let mut seen = BTreeSet::new();
    let distinct = items.into_iter().filter(|item| seen.insert(item.key()));
    let items: Vec<Option<W>> = distinct.map(Some).collect();
    let shared = Arc::new(Mutex::new(Shared {
        done: VecDeque::new(),
        todo: items.len(),
        getter: None,
        timer: None,
        hidden: Hidden::now(),
    }));
    let mut callbacks = Vec::with_capacity(items.len());
    for (index, item) in items.iter().flatten().enumerate() {
        let shared = shared.clone();
        let key = item.key();
        let on_done = Box::new(move || Shared::complete(&shared, index, key.serial));
        callbacks.push((key, core.add_done_callback(key, on_done)));
    }
    let left = items.len();
    let (wait, at) = (Wait::new(), Location::caller());
    AsCompleted {
        serial: core.serial,
        items,
        left,
        shared,
        callbacks,
        wait,
        at,
    }
}

/// Results as they come: what [`as_completed`] returns.
///
/// ```
/// use futures::StreamExt;
/// use simrun::task;
/// use simrun::time::{Elapsed, secs, sleep};
///
/// # simrun::run(async {
/// let naps = [task::spawn(sleep(secs(1))), task::spawn(sleep(secs(9)))];
/// let mut naps = task::as_completed(naps).timeout(secs(5));
/// assert!(naps.next().await.unwrap().is_ok());
/// let late = naps.next().await.unwrap().unwrap_err();
/// assert!(late.downcast_ref::<Elapsed>().is_some());
/// assert!(naps.next().await.is_none());
/// # });
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct AsCompleted<W> {
    serial: u32,
    items: Vec<Option<W>>,
    left: usize,
    shared: Arc<Mutex<Shared>>,
    callbacks: Vec<(Key, CallbackKey)>,
    wait: Wait,
    at: &'static Location<'static>,
}

/// What the stream shares with the callbacks of its items.
struct Shared {
    /// The items that are done, by number; `None` stands for one that is late.
    done: VecDeque<Option<usize>>,
    todo: usize,
    getter: Option<WaiterKey>,
    timer: Option<CallbackKey>,
    hidden: Hidden,
}

impl Shared {
    fn lock(shared: &Mutex<Self>) -> MutexGuard<'_, Self> {
        let shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.hidden.touch();
        shared
    }

    fn complete(shared: &Mutex<Self>, index: usize, serial: u32) {
        let Some(core) = core::try_own(serial) else {
            return;
        };
        let (getter, timer) = {
            let mut shared = Self::lock(shared);
            if shared.todo == 0 {
                return;
            }
            shared.todo -= 1;
            shared.done.push_back(Some(index));
            let timer = if shared.todo == 0 {
                shared.timer.take()
            } else {
                None
            };
            (shared.getter.take(), timer)
        };
        wake(&core, getter);
        if let Some(timer) = timer {
            core.cancel_callback(timer);
        }
    }

    fn expire(shared: &Mutex<Self>, serial: u32) {
        let Some(core) = core::try_own(serial) else {
            return;
        };
        let getter = {
            let mut shared = Self::lock(shared);
            for _ in 0..std::mem::take(&mut shared.todo) {
                shared.done.push_back(None);
            }
            shared.timer = None;
            shared.getter.take()
        };
        wake(&core, getter);
    }
}

fn wake(core: &Core, getter: Option<WaiterKey>) {
    if let Some(getter) = getter {
        core.wake(getter);
    }
}

impl<W> AsCompleted<W> {
    /// Gives up on what is not done after this time.
    #[track_caller]
    pub fn timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        if let Some(limit) = limit.into().filter(|_| self.left > 0) {
            let core = core::own(self.serial, "stream");
            let (shared, serial) = (self.shared.clone(), self.serial);
            let at = (core.now() + limit).as_nanos();
            let timer = core.call_at(at, Box::new(move || Shared::expire(&shared, serial)));
            Shared::lock(&self.shared).timer = Some(timer);
        }
        self
    }
}

impl<W: Waitable> Stream for AsCompleted<W> {
    type Item = Result<W::Value, TaskError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let core = core::own(this.serial, "stream");
        match this.wait.poll(&core, cx) {
            Waited::Still => return Poll::Pending,
            Waited::Over => this.wait.stop(),
            Waited::Not => {}
        }
        let next = Shared::lock(&this.shared).done.pop_front();
        let Some(next) = next else {
            let on = On::Tasks(Tasks::Next);
            let waiter = this.wait.start(&core, cx, on, this.at);
            Shared::lock(&this.shared).getter = Some(waiter);
            return Poll::Pending;
        };
        this.left -= 1;
        Poll::Ready(Some(
            match next.and_then(|index| this.items[index].take()) {
                Some(item) => item.collect(),
                None => Err(TaskError::new(Elapsed::new())),
            },
        ))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<W> Drop for AsCompleted<W> {
    fn drop(&mut self) {
        let Some(core) = core::try_own(self.serial) else {
            return;
        };
        let timer = Shared::lock(&self.shared).timer.take();
        if let Some(timer) = timer {
            core.cancel_callback(timer);
        }
        for (key, callback) in std::mem::take(&mut self.callbacks) {
            core.remove_done_callback(key, callback);
        }
    }
}

impl<W> fmt::Debug for AsCompleted<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
