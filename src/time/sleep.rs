//! Sleeping.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Instant;
use crate::event_loop::core;
use crate::event_loop::{Wait, Waited, never_awaited};

/// Sleeps for a while. The time counts from when the future is first awaited, and a sleep of zero
/// lets everything else that is ready go first, once.
///
/// ```
/// use simrun::time::{now, secs, sleep};
///
/// # simrun::run(async {
/// sleep(secs(5)).await;
/// assert_eq!(now().since_start(), secs(5));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Sleep {
        nanos,
        kind: Kind::For,
        wait: Wait::new(),
        at: Location::caller(),
    }
}

/// Sleeps until a moment; if it has passed, lets everything else that is ready go first, once.
///
/// ```
/// use simrun::time::{now, secs, sleep_until};
///
/// # simrun::run(async {
/// let deadline = now() + secs(5);
/// sleep_until(deadline).await;
/// assert_eq!(now(), deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let nanos = deadline.as_nanos();
    Sleep {
        nanos,
        kind: Kind::Until,
        wait: Wait::new(),
        at: Location::caller(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    For,
    Until,
    /// No time to sleep: it has given way.
    Yielded,
}

/// A sleep: what [`sleep`] and [`sleep_until`] return.
///
/// ```
/// use simrun::time::{now, secs, sleep};
///
/// # simrun::run(async {
/// let nap = sleep(secs(5)); // does not count yet
/// sleep(secs(60)).await;
/// nap.await;
/// assert_eq!(now().since_start(), secs(65));
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    nanos: u64,
    kind: Kind,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.wait.key().is_none() && self.kind != Kind::Yielded {
            never_awaited("a sleep", self.at);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.get_mut();
        let core = core::current();
        sleep.wait.renew(&core);
        match sleep.wait.poll(&core, cx) {
            Waited::Over => return Poll::Ready(()),
            Waited::Still => return Poll::Pending,
            Waited::Not => {}
        }
        let now = core.now.get();
        let deadline = match sleep.kind {
            Kind::For => now.saturating_add(core.takes(sleep.nanos)),
            Kind::Until => sleep.nanos,
            Kind::Yielded if core::raise_delivery() => return Poll::Pending,
            Kind::Yielded => return Poll::Ready(()),
        };
        if deadline > now {
            // Should it have to begin again, it sleeps until the moment it would have anyway.
            (sleep.nanos, sleep.kind) = (deadline, Kind::Until);
            sleep.wait.start_timer(&core, cx, deadline, sleep.at);
        } else {
            sleep.kind = Kind::Yielded;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
