//! Events: something has happened.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::home::{Home, Waiters};
use crate::event_loop::core;
use crate::event_loop::{Access, Wait, Waited};

/// A flag that tasks can wait for.
///
/// Setting it releases everyone who waits, even if it is cleared before they run.
///
/// ```
/// use simrun::sync::Event;
/// use simrun::task;
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let ready = Arc::new(Event::new());
/// let waiter = task::spawn({
///     let ready = ready.clone();
///     async move { ready.wait().await }
/// });
/// task::yield_now().await;
/// ready.set();
/// ready.clear();
/// waiter.await.unwrap();
/// # });
/// ```
pub struct Event {
    home: Home<State>,
}

#[derive(Debug)]
struct State {
    set: bool,
    waiters: Waiters,
}

impl Event {
    /// Makes an event that has not happened.
    #[track_caller]
    pub fn new() -> Self {
        let state = State {
            set: false,
            waiters: Waiters::new(),
        };
        Self {
            home: Home::born("event", Location::caller(), state),
        }
    }

    /// Gives the event a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home.rename(name);
        self
    }

    /// Says whether the event is set.
    #[track_caller]
    pub fn is_set(&self) -> bool {
        self.home.enter(Access::Read);
        self.home.with(|state| state.set)
    }

    /// Sets the event and releases everyone who waits. Does nothing if it is set.
    #[track_caller]
    pub fn set(&self) {
        let (core, _) = self.home.enter(Access::Write);
        let waiters = self.home.with(|state| {
            if std::mem::replace(&mut state.set, true) {
                Vec::new()
            } else {
                state.waiters.all()
            }
        });
        for waiter in waiters {
            core.wake(waiter);
        }
    }

    /// Clears the event: who waits from now on waits until it is set again.
    #[track_caller]
    pub fn clear(&self) {
        self.home.enter(Access::Write);
        self.home.with(|state| state.set = false);
    }

    /// Waits until the event is set; if it is, that takes no time.
    #[track_caller]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait {
            event: self,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }
}

impl Default for Event {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.home.with(|state| state.set);
        f.debug_struct("Event")
            .field("set", &set)
            .finish_non_exhaustive()
    }
}

/// Waiting for an event: what [`Event::wait`] returns.
///
/// ```
/// use simrun::sync::Event;
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let never = Event::new();
/// assert!(timeout(secs(1), never.wait()).await.is_err());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct EventWait<'a> {
    event: &'a Event,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let home = &this.event.home;
        match this.wait.key() {
            None => {
                let (core, key) = home.enter(Access::Read);
                if home.with(|state| state.set) {
                    return Poll::Ready(());
                }
                let waiter = this.wait.start(&core, cx, key.on(), this.at);
                home.with(|state| state.waiters.push(waiter));
                Poll::Pending
            }
            Some(waiter) => {
                let core = core::own(waiter.serial, "event");
                match this.wait.poll(&core, cx) {
                    Waited::Over => Poll::Ready(()),
                    Waited::Still | Waited::Not => Poll::Pending,
                }
            }
        }
    }
}

impl Drop for EventWait<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            self.event
                .home
                .leave(Access::Read, |state| state.waiters.remove(waiter));
        }
    }
}
