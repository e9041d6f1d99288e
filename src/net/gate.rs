//! Gates: what tasks wait at until a connection or a server lets them through.
//!
//! Whoever opens a gate says with what: everyone who waits then gets through with that, whatever
//! happens before they make their next step.

use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::event_loop::table::WaiterKey;
use crate::event_loop::{Access, Wait, Waited};
use crate::sync::home::{Home, Waiters};

/// A place to wait at.
#[derive(Debug)]
pub(super) struct Gate(Home<State>);

#[derive(Debug)]
struct State {
    waiters: Waiters,
    /// Those who get through with an error, and have not heard of it yet.
    failed: Vec<(WaiterKey, Arc<io::Error>)>,
}

impl Gate {
    pub(super) fn new(kind: &'static str, name: String, at: &'static Location<'static>) -> Self {
        let (waiters, failed) = (Waiters::new(), Vec::new());
        let home = Home::born(kind, at, State { waiters, failed });
        home.rename(name);
        Self(home)
    }

    /// Waits until the gate is opened the next time.
    pub(super) fn pass(&self, at: &'static Location<'static>) -> Pass<'_> {
        let (gate, wait) = (self, Wait::new());
        Pass { gate, wait, at }
    }

    /// Begins to wait at the gate, or looks whether it was opened since. Whoever has begun to wait
    /// [leaves](Self::leave) when they are dropped.
    pub(super) fn poll(
        &self,
        wait: &mut Wait,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Result<(), Arc<io::Error>>> {
        let (core, key) = self.0.enter(Access::Read);
        if wait.is_raised(&core) {
            self.leave(wait);
        }
        if wait.key().is_none() {
            let waiter = wait.start(&core, cx, key.on(), at);
            self.0.with(|state| state.waiters.push(waiter));
            return Poll::Pending;
        }
        if wait.poll(&core, cx) != Waited::Over {
            return Poll::Pending;
        }
        Poll::Ready(self.leave(wait).map_or(Ok(()), Err))
    }

    /// Ends a wait. Returns the error with which it has got through, if there is one.
    pub(super) fn leave(&self, wait: &mut Wait) -> Option<Arc<io::Error>> {
        let waiter = wait.key()?;
        wait.stop();
        self.0.with(|state| {
            state.waiters.remove(waiter);
            let place = state.failed.iter().position(|(key, _)| *key == waiter)?;
            Some(state.failed.swap_remove(place).1)
        })
    }

    /// Lets everyone through who waits.
    pub(super) fn open(&self) {
        self.open_with(None);
    }

    /// Lets everyone through who waits, with an error if there is one.
    pub(super) fn open_with(&self, error: Option<&Arc<io::Error>>) {
        let (core, _) = self.0.enter(Access::Write);
        let woken = self.0.with(|state| {
            let woken: Vec<WaiterKey> = std::iter::from_fn(|| state.waiters.pop()).collect();
            if let Some(error) = error {
                let failed = woken.iter().map(|waiter| (*waiter, error.clone()));
                state.failed.extend(failed);
            }
            woken
        });
        for waiter in woken {
            core.wake(waiter);
        }
    }
}

/// Waiting at a gate.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Future for Pass<'_> {
    type Output = Result<(), Arc<io::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.gate.poll(&mut this.wait, cx, this.at)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.leave(&mut self.wait);
    }
}

/// Something that is closed unless it is taken.
pub(super) struct Unless<T> {
    kept: Option<T>,
    close: fn(&T),
}

impl<T> Unless<T> {
    pub(super) fn taken(kept: T, close: fn(&T)) -> Self {
        let kept = Some(kept);
        Self { kept, close }
    }

    pub(super) fn take(mut self) -> T {
        self.kept.take().expect("it is taken once")
    }
}

impl<T> Drop for Unless<T> {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept {
            (self.close)(kept);
        }
    }
}

/// An error that several may have to hear of.
pub(super) fn share(error: &Arc<io::Error>) -> io::Error {
    io::Error::new(error.kind(), Shared(error.clone()))
}

#[derive(Debug)]
struct Shared(Arc<io::Error>);

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{spawn, yield_now};

    async fn through(gate: &Arc<Gate>) -> crate::task::Task<Result<(), Arc<io::Error>>> {
        let gate = gate.clone();
        let passes = spawn(async move { gate.pass(Location::caller()).await });
        yield_now().await;
        passes
    }

    #[test]
    fn whoever_was_let_through_hears_of_nothing_that_comes_later() {
        crate::run(async {
            let gate = Arc::new(Gate::new("gate", "here".into(), Location::caller()));
            let error = Arc::new(io::Error::other("oops"));
            let first = through(&gate).await;
            gate.open();
            gate.open_with(Some(&error));
            assert!(first.await.unwrap().is_ok());
            let second = through(&gate).await;
            gate.open_with(Some(&error));
            gate.open();
            assert_eq!(second.await.unwrap().unwrap_err().to_string(), "oops");
            assert!(gate.0.with(|state| state.failed.is_empty()));
        });
    }
}
