//! Putting, getting and joining, as futures. They stand in line, and whoever was woken and does not
//! go sends the next.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::error::{QueueEmpty, ShutDown};
use super::order::Order;
use super::{Home, OrderedQueue, State, Waiters, wake};
use crate::event_loop::core;
use crate::event_loop::{Access, Wait, Waited};

/// Putting an item into a queue: what [`OrderedQueue::put`] returns.
///
/// It gives an error if the queue is shut down, with the item.
///
/// ```
/// use simrun::sync::Queue;
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let queue = Queue::bounded(1);
/// queue.put(1).await.unwrap();
/// assert!(timeout(secs(1), queue.put(2)).await.is_err());
/// assert_eq!(queue.len(), 1, "the second one is not in it");
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Put<'a, O: Order> {
    pub(super) queue: &'a OrderedQueue<O>,
    pub(super) item: Option<O::Item>,
    pub(super) wait: Wait,
    pub(super) at: &'static Location<'static>,
}

// The item is never pinned.
impl<O: Order> Unpin for Put<'_, O> {}

impl<O: Order> Future for Put<'_, O> {
    type Output = Result<(), ShutDown<O::Item>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !resume(&mut this.wait, cx) {
            return Poll::Pending;
        }
        let (wait, item, at) = (&mut this.wait, &mut this.item, this.at);
        let put = this.queue.home.visit(Access::Write, |core, key, state| {
            if state.is_full() && !state.shut_down {
                state.putters.push(wait.start(core, cx, key.on(), at));
                return None;
            }
            let item = item.take().expect("a put is not polled after it is over");
            Some(state.put(core, item).map(|getter| (core.clone(), getter)))
        });
        match put {
            None => Poll::Pending,
            Some(Ok((core, getter))) => {
                wake(&core, getter);
                Poll::Ready(Ok(()))
            }
            Some(Err(full)) => Poll::Ready(Err(ShutDown { item: full.item })),
        }
    }
}

/// Looks whether a wait is over, or has not begun; then the queue can be looked at.
fn resume(wait: &mut Wait, cx: &Context<'_>) -> bool {
    let Some(waiter) = wait.key() else {
        return true;
    };
    let core = core::own(waiter.serial, "queue");
    let over = wait.poll(&core, cx) == Waited::Over;
    if over {
        wait.stop();
    }
    over
}

impl<O: Order> Drop for Put<'_, O> {
    fn drop(&mut self) {
        let may_go = |state: &State<O>| !state.is_full();
        leave(
            &self.queue.home,
            &mut self.wait,
            |state| &mut state.putters,
            may_go,
        );
    }
}

impl<O: Order> fmt::Debug for Put<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("queue", self.queue)
            .finish_non_exhaustive()
    }
}

/// Leaves a line. Who was woken and does not go sends the next.
fn leave<O: Order>(
    home: &Home<State<O>>,
    wait: &mut Wait,
    line: fn(&mut State<O>) -> &mut Waiters,
    may_go: fn(&State<O>) -> bool,
) {
    let Some(waiter) = wait.key() else { return };
    let core = core::try_own(waiter.serial);
    let woken = core.as_ref().is_some_and(|core| wait.is_woken(core));
    wait.stop();
    let next = home.leave(Access::Write, |state| {
        line(state).remove(waiter);
        let core = core.as_ref().filter(|_| woken && may_go(state))?;
        line(state).pop_waiting(core)
    });
    if let Some(core) = core {
        wake(&core, next);
    }
}

/// Taking an item out of a queue: what [`OrderedQueue::get`] returns.
///
/// It gives an error if the queue is shut down and empty.
///
/// Dropping it takes no item, and if it was woken for one, another is woken.
///
/// ```
/// use simrun::sync::Queue;
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let queue = Queue::unbounded();
/// assert!(timeout(secs(1), queue.get()).await.is_err());
/// queue.put_nowait(42).unwrap();
/// assert_eq!(queue.get().await.unwrap(), 42);
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Get<'a, O: Order> {
    pub(super) queue: &'a OrderedQueue<O>,
    pub(super) wait: Wait,
    pub(super) at: &'static Location<'static>,
}

impl<O: Order> Future for Get<'_, O> {
    type Output = Result<O::Item, QueueEmpty>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !resume(&mut this.wait, cx) {
            return Poll::Pending;
        }
        let (wait, at) = (&mut this.wait, this.at);
        let got = this.queue.home.visit(Access::Write, |core, key, state| {
            if state.is_empty() && !state.shut_down {
                state.getters.push(wait.start(core, cx, key.on(), at));
                return None;
            }
            Some(
                state
                    .get(core)
                    .map(|(item, putter)| (item, core.clone(), putter)),
            )
        });
        match got {
            None => Poll::Pending,
            Some(Ok((item, core, putter))) => {
                wake(&core, putter);
                Poll::Ready(Ok(item))
            }
            Some(Err(empty)) => Poll::Ready(Err(empty)),
        }
    }
}

impl<O: Order> Drop for Get<'_, O> {
    fn drop(&mut self) {
        let may_go = |state: &State<O>| !state.is_empty();
        leave(
            &self.queue.home,
            &mut self.wait,
            |state| &mut state.getters,
            may_go,
        );
    }
}

impl<O: Order> fmt::Debug for Get<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("queue", self.queue)
            .finish_non_exhaustive()
    }
}

/// Waiting until all items are dealt with: what [`OrderedQueue::join`] returns.
///
/// ```
/// use simrun::sync::Queue;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let queue = Arc::new(Queue::unbounded());
/// queue.put("paint").await.unwrap();
/// let worker = task::spawn({
///     let queue = queue.clone();
///     async move {
///         while let Ok(_job) = queue.get().await {
///             queue.task_done().unwrap();
///         }
///     }
/// });
/// queue.join().await;
/// worker.cancel();
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Join<'a, O: Order> {
    pub(super) queue: &'a OrderedQueue<O>,
    pub(super) wait: Wait,
    pub(super) at: &'static Location<'static>,
}

impl<O: Order> Future for Join<'_, O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let home = &this.queue.home;
        let Some(waiter) = this.wait.key() else {
            let (core, key) = home.enter(Access::Read);
            if home.with(|state| state.unfinished == 0) {
                return Poll::Ready(());
            }
            let waiter = this.wait.start(&core, cx, key.on(), this.at);
            home.with(|state| state.joiners.push(waiter));
            return Poll::Pending;
        };
        let core = core::own(waiter.serial, "queue");
        match this.wait.poll(&core, cx) {
            Waited::Over => Poll::Ready(()),
            Waited::Still | Waited::Not => Poll::Pending,
        }
    }
}

impl<O: Order> Drop for Join<'_, O> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            let home = &self.queue.home;
            home.leave(Access::Read, |state| state.joiners.remove(waiter));
        }
    }
}

impl<O: Order> fmt::Debug for Join<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("queue", self.queue)
            .finish_non_exhaustive()
    }
}
