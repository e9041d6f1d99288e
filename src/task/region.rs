//! Regions: where a cancellation is received.
//!
//! A cancellation is raised at the point where the task is suspended and goes up from there, as an
//! exception would: the futures between return `Pending`, and the first region to see that takes
//! it, drops what it encloses, and lets the task go on in the same step.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::Cancelled;
use crate::event_loop::core;

/// How deep regions may be nested. Each is polled on the stack of the one around it, so without a
/// limit a runaway recursion would end in an overflow; a thousand fit into a test thread's stack.
const MAX_DEPTH: u32 = 1_000;

/// Receives a cancellation of the current task in its place.
///
/// When the task is cancelled while it is suspended in `future`, that is dropped and the region
/// gives `Err(Cancelled)`. The task then goes on: it can clean up, with further awaits, and return,
/// or pass the cancellation on with [`Cancelled::raise`]. Of nested regions the innermost receives.
///
/// ```
/// use simrun::{task, time};
///
/// # simrun::run(async {
/// let worker = task::spawn(async {
///     match task::cancellable(time::sleep(time::secs(60))).await {
///         Ok(()) => "finished",
///         Err(_) => {
///             time::sleep(time::millis(5)).await;
///             "cleaned up"
///         }
///     }
/// });
/// task::yield_now().await;
/// worker.cancel();
/// assert_eq!(worker.await.unwrap(), "cleaned up");
/// # });
/// ```
pub fn cancellable<F: Future>(future: F) -> Cancellable<F> {
    Cancellable {
        future: Some(future),
    }
}

pin_project! {
    /// A region that receives cancellations: what [`cancellable`] returns.
    ///
    /// ```
    /// use simrun::task::{self, cancellable};
    /// use simrun::time::{secs, sleep};
    ///
    /// # simrun::run(async {
    /// let outer = task::spawn(async {
    ///     let inner = cancellable(cancellable(sleep(secs(60)))).await;
    ///     inner.expect("the inner one receives").is_err()
    /// });
    /// task::yield_now().await;
    /// outer.cancel();
    /// assert!(outer.await.unwrap());
    /// # });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct Cancellable<F> {
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for Cancellable<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_region(self.project().future, cx)
    }
}

impl<F> fmt::Debug for Cancellable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellable").finish_non_exhaustive()
    }
}

/// Polls `future` as the inside of a region, and drops it when it is over.
pub(crate) fn poll_region<F: Future>(
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let core = core::current();
    let inside = future
        .as_mut()
        .as_pin_mut()
        .expect("a region is not polled after it is over");
    {
        let state = &mut *core.state.borrow_mut();
        state.depth += 1;
        assert!(
            state.depth <= MAX_DEPTH,
            "more than {MAX_DEPTH} cancellable regions, timeouts or task groups are nested: is \
             there a recursion without an end?"
        );
    }
    // What goes up from a future beside this one is none of this region's business.
    let beside = core.state.borrow_mut().receive();
    let polled = inside.poll(cx);
    let raised = {
        let state = &mut *core.state.borrow_mut();
        state.depth -= 1;
        let raised = match polled {
            Poll::Pending => state.take_cancelled(),
            Poll::Ready(_) => {
                // What was raised in there has met a future that was ready: so the next
                // suspension is its turn.
                if let Some(cancelled) = state.receive() {
                    state.deliver(cancelled);
                }
                None
            }
        };
        if let Some(beside) = beside {
            state.raise(beside);
        }
        raised
    };
    match (polled, raised) {
        (Poll::Ready(output), _) => Poll::Ready(Ok(output)),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(cancelled)) => {
            future.set(None);
            Poll::Ready(Err(cancelled))
        }
    }
}
