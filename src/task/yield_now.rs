//! Giving way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::event_loop::core;

/// Lets everything else that is ready go first, once: asyncio's `sleep(0)`.
///
/// ```
/// use simrun::task;
///
/// # simrun::run(async {
/// let child = task::spawn(async { simrun::log!("child") });
/// task::yield_now().await;
/// assert!(child.is_done());
/// # });
/// ```
pub fn yield_now() -> Yield {
    Yield { yielded: false }
}

/// Giving way once: what [`yield_now`] returns.
///
/// ```
/// # simrun::run(async {
/// simrun::task::yield_now().await;
/// assert_eq!(simrun::time::now(), simrun::time::Instant::ZERO, "it takes no time");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Yield {
    yielded: bool,
}

impl Future for Yield {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return if core::raise_delivery() {
                Poll::Pending
            } else {
                Poll::Ready(())
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
