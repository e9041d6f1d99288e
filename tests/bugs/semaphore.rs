//! A semaphore with a flag that says that a waiter has been woken, and goes stale when that waiter
//! is cancelled.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use simrun::task::{self, cancellable};
use simrun::{Promise, gather, spawn};

use super::{Version, bug};

struct Flagged {
    permits: Cell<usize>,
    woken: Cell<bool>,
    waiters: RefCell<VecDeque<Promise<()>>>,
}

impl Flagged {
    async fn acquire(&self, version: Version) {
        while self.woken.get() || self.permits.get() == 0 {
            let waiter = Promise::new();
            self.waiters.borrow_mut().push_back(waiter.clone());
            let waited = cancellable(async { (&waiter).await.unwrap() }).await;
            if let Err(cancelled) = waited {
                if version == Version::Mended && waiter.is_done() {
                    self.woken.set(false);
                }
                self.wake_next();
                return cancelled.raise().await;
            }
            self.woken.set(false);
        }
        self.permits.set(self.permits.get() - 1);
    }

    fn release(&self) {
        self.permits.set(self.permits.get() + 1);
        self.wake_next();
    }

    fn wake_next(&self) {
        while let Some(waiter) = self.waiters.borrow_mut().pop_front() {
            if waiter.set(()).is_ok() {
                self.woken.set(true);
                return;
            }
        }
    }
}

async fn the_only_waiter_is_cancelled_when_it_is_woken(version: Version) {
    let waiters = RefCell::default();
    let semaphore = Flagged {
        permits: Cell::new(0),
        woken: Cell::new(false),
        waiters,
    };
    let semaphore = Rc::new(semaphore);
    let acquire = |semaphore: Rc<Flagged>| async move { semaphore.acquire(version).await };
    let waiter = spawn(acquire(semaphore.clone()));
    task::yield_now().await;
    task::yield_now().await;
    let canceller = spawn(async move {
        waiter.cancel();
        drop(waiter.await);
    });
    let releaser = spawn({
        let semaphore = semaphore.clone();
        async move { semaphore.release() }
    });
    gather([canceller, releaser]).await.unwrap();
    if semaphore.permits.get() > 0 {
        spawn(acquire(semaphore)).await.unwrap();
    }
}

bug!(
    a_stale_flag_closes_the_semaphore_for_ever,
    the_only_waiter_is_cancelled_when_it_is_woken,
    "deadlock"
);
