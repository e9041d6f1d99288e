//! Timeouts: deadlines on a piece of code, which can be moved while it runs.
//!
//! A timeout cancels the task that runs the code, and turns that cancellation into [`Elapsed`] when
//! it comes out again. If someone else has cancelled the task too, theirs wins.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Instant;
use crate::error::{Cancelled, Elapsed};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::Key;
use crate::event_loop::{CallbackKey, Hidden, Target, never_awaited};
use crate::task::{poll_region, try_current};

/// Gives `future` no more than `limit`.
///
/// At the deadline the current task is cancelled at whatever it awaits within `future`; when that
/// has been cleaned up, this gives [`Elapsed`]. A future that swallows the cancellation and
/// returns has its value returned. A future that never suspends is never timed out.
///
/// ```
/// use simrun::time::{secs, sleep, timeout};
///
/// # simrun::run(async {
/// assert!(timeout(secs(1), sleep(secs(2))).await.is_err());
/// assert!(timeout(secs(2), sleep(secs(1))).await.is_ok());
/// # });
/// ```
#[track_caller]
pub fn timeout<F: Future>(limit: impl Into<Option<Duration>>, future: F) -> TimeoutScope<F> {
    Timeout::after(limit).enforce(future)
}

/// Gives `future` until `deadline`. See [`timeout`].
///
/// ```
/// use simrun::time::{now, secs, sleep, timeout_at};
///
/// # simrun::run(async {
/// assert!(timeout_at(now() + secs(1), sleep(secs(2))).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout_at<F: Future>(deadline: impl Into<Option<Instant>>, future: F) -> TimeoutScope<F> {
    Timeout::at(deadline).enforce(future)
}

/// A deadline that can be looked at and moved while the code it is for runs.
///
/// ```
/// use simrun::time::{Timeout, now, secs, sleep};
///
/// # simrun::run(async {
/// let limit = Timeout::after(secs(1));
/// let result = limit.enforce(async {
///     limit.reschedule(now() + secs(10)).unwrap();
///     sleep(secs(5)).await;
/// });
/// assert!(result.await.is_ok());
/// assert!(!limit.is_expired());
/// # });
/// ```
#[derive(Clone)]
pub struct Timeout {
    shared: Arc<Mutex<Shared>>,
    hidden: Hidden,
}

struct Shared {
    /// How long from entry, unless a moment was given.
    limit: Option<Duration>,
    deadline: Option<Instant>,
    state: State,
    task: Option<Key>,
    /// How many cancel requests the task had at entry.
    cancelling: u32,
    timer: Option<CallbackKey>,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Entered,
    /// The deadline has passed and the task was cancelled.
    Expiring,
    Expired,
    Exited,
}

impl Timeout {
    /// Makes a timeout that starts to count when it is entered; `None` is never.
    pub fn after(limit: impl Into<Option<Duration>>) -> Self {
        Self::new(limit.into(), None)
    }

    /// Makes a timeout for a moment; `None` is never.
    pub fn at(deadline: impl Into<Option<Instant>>) -> Self {
        Self::new(None, deadline.into())
    }

    fn new(limit: Option<Duration>, deadline: Option<Instant>) -> Self {
        let shared = Shared {
            limit,
            deadline,
            state: State::Created,
            task: None,
            cancelling: 0,
            timer: None,
            target: Target::default(),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            hidden: Hidden::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.hidden.touch();
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `future` under this timeout. See [`timeout`].
    ///
    /// # Panics
    ///
    /// When awaited, if the timeout has been entered before, or outside a task.
    #[track_caller]
    pub fn enforce<F: Future>(&self, future: F) -> TimeoutScope<F> {
        let timeout = self.clone();
        TimeoutScope {
            timeout,
            future: Some(future),
            passing: None,
            entered: false,
            at: Location::caller(),
        }
    }

    /// Moves the deadline; `None` takes it away. A moment that has passed is as good as now.
    ///
    /// # Errors
    ///
    /// If the timeout has not been entered, has expired, or is over.
    pub fn reschedule(
        &self,
        deadline: impl Into<Option<Instant>>,
    ) -> Result<(), TimeoutStateError> {
        let serial = {
            let shared = self.lock();
            let running = match (shared.state, shared.task) {
                (State::Entered, Some(task)) => Ok(task.serial),
                (State::Created | State::Entered, _) => Err(NotRunning::NotEntered),
                (State::Expiring, _) => Err(NotRunning::Expiring),
                (State::Expired, _) => Err(NotRunning::Expired),
                (State::Exited, _) => Err(NotRunning::Over),
            };
            running.map_err(|why| TimeoutStateError { why })?
        };
        let core = core::own(serial, "timeout");
        self.arm(&core, deadline.into());
        Ok(())
    }

    /// Returns the deadline, as far as there is one yet.
    pub fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    /// Says whether the deadline has passed while the code was running.
    pub fn is_expired(&self) -> bool {
        matches!(self.lock().state, State::Expiring | State::Expired)
    }

    fn arm(&self, core: &Core, deadline: Option<Instant>) {
        let old = self.lock().timer.take();
        if let Some(old) = old {
            core.cancel_callback(old);
        }
        let timer = deadline.map(|deadline| {
            let timeout = self.clone();
            let expire = Box::new(move || timeout.expire());
            if deadline <= core.now() {
                core.call_soon(expire)
            } else {
                core.call_at(deadline.as_nanos(), expire)
            }
        });
        let mut shared = self.lock();
        shared.deadline = deadline;
        shared.timer = timer;
    }

    fn expire(&self) {
        let waker = {
            let mut shared = self.lock();
            let shared = &mut *shared;
            shared.state = State::Expiring;
            shared.timer = None;
            let core = shared.task.and_then(|task| core::try_own(task.serial));
            match (core, shared.task) {
                (Some(core), Some(task)) => core.cancel_within(task, &mut shared.target),
                _ => None,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes note of the task that polls the scope, which may have been moved to another one.
    fn follow(&self) {
        let Some(task) = try_current() else { return };
        let mut shared = self.lock();
        if shared.state == State::Entered && shared.task != Some(task.key()) {
            shared.task = Some(task.key());
            shared.cancelling = task.cancelling();
        }
    }

    fn enter(&self, core: &Core, at: &'static Location<'static>) {
        let place = crate::error::place(at);
        let task = try_current();
        let Some(task) = task else {
            panic!("a timeout needs a task to cancel ({place})")
        };
        let cancelling = task.cancelling();
        let deadline = {
            let mut shared = self.lock();
            let fresh = shared.state == State::Created;
            if fresh {
                shared.state = State::Entered;
                shared.task = Some(task.key());
                shared.cancelling = cancelling;
            }
            let deadline = shared
                .limit
                .map(|limit| core.now() + core.takes_duration(limit))
                .or(shared.deadline);
            drop(shared);
            assert!(fresh, "a timeout can be entered only once ({place})");
            deadline
        };
        self.arm(core, deadline);
    }

    /// Leaves the scope. Says whether a cancellation that comes out of it is the timeout's own.
    fn exit(&self) -> bool {
        let (timer, task, expiring, cancelling) = {
            let mut shared = self.lock();
            let expiring = shared.state == State::Expiring;
            shared.state = if expiring {
                State::Expired
            } else {
                State::Exited
            };
            (
                shared.timer.take(),
                shared.task,
                expiring,
                shared.cancelling,
            )
        };
        let Some(task) = task else { return false };
        let Some(core) = core::try_own(task.serial) else {
            return false;
        };
        if let Some(timer) = timer {
            core.cancel_callback(timer);
        }
        expiring && core.uncancel(task) <= cancelling
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        f.debug_struct("Timeout")
            .field("deadline", &shared.deadline)
            .field("state", &shared.state)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future under a timeout: what [`timeout`] returns.
    ///
    /// Dropping it before its time is up drops what it encloses and cancels nobody.
    ///
    /// ```
    /// use simrun::time::{Timeout, TimeoutScope, now, secs, sleep};
    ///
    /// # simrun::run(async {
    /// let limit = Timeout::at(now() + secs(1));
    /// let scope: TimeoutScope<_> = limit.enforce(sleep(secs(60)));
    /// assert!(scope.await.is_err());
    /// assert!(limit.is_expired());
    /// # });
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct TimeoutScope<F> {
        timeout: Timeout,
        #[pin]
        future: Option<F>,
        // A cancellation that is not the timeout's own, on its way through.
        passing: Option<Cancelled>,
        entered: bool,
        at: &'static Location<'static>,
    }

    impl<F> PinnedDrop for TimeoutScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // First what is in it, which may have heard of the timeout or not.
            this.future.set(None);
            if !*this.entered {
                never_awaited("a timeout", this.at);
            }
            let over = matches!(this.timeout.lock().state, State::Expired | State::Exited);
            if *this.entered && !over {
                this.timeout.exit();
            }
        }
    }
}

impl<F: Future> Future for TimeoutScope<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let core = core::current();
        if !*this.entered {
            this.timeout.enter(&core, this.at);
            *this.entered = true;
        }
        if let Some(cancelled) = &*this.passing {
            return pass_on(&core, cancelled.clone());
        }
        this.timeout.follow();
        let scope = core.begin_scope(&mut this.timeout.lock().target);
        let polled = poll_region(this.future, cx);
        core.end_scope(scope, &mut this.timeout.lock().target, cx);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(output)) => {
                this.timeout.exit();
                Poll::Ready(Ok(output))
            }
            Poll::Ready(Err(_)) if this.timeout.exit() => Poll::Ready(Err(Elapsed::new())),
            Poll::Ready(Err(cancelled)) => {
                *this.passing = Some(cancelled.clone());
                pass_on(&core, cancelled)
            }
        }
    }
}

/// Lets a cancellation that is not the scope's own go on to the region around it.
fn pass_on<T>(core: &Core, cancelled: Cancelled) -> Poll<T> {
    core.state.borrow_mut().raise(cancelled);
    Poll::Pending
}

impl<F> fmt::Debug for TimeoutScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutScope")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A timeout cannot be rescheduled: it is not running.
///
/// ```
/// use simrun::time::{Timeout, secs};
///
/// # simrun::run(async {
/// let limit = Timeout::after(secs(1));
/// let error = limit.reschedule(None).unwrap_err();
/// assert!(error.to_string().ends_with("it has not been entered"));
/// limit.enforce(async {}).await.unwrap();
/// let error = limit.reschedule(None).unwrap_err();
/// assert!(error.to_string().ends_with("it is over"));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutStateError {
    why: NotRunning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotRunning {
    NotEntered,
    Expiring,
    Expired,
    Over,
}

impl fmt::Display for TimeoutStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the timeout cannot be rescheduled: ")?;
        f.write_str(match self.why {
            NotRunning::NotEntered => "it has not been entered",
            NotRunning::Expiring => "it is expiring",
            NotRunning::Expired => "it has expired",
            NotRunning::Over => "it is over",
        })
    }
}

impl Error for TimeoutStateError {}
