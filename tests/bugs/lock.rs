//! Locks that forget whose turn it is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use simrun::task::{self, Task, cancellable};
use simrun::{Promise, gather, spawn};

use super::{Version, bug};

/// What is wrong with the broken version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A waiter that was woken and then cancelled does not wake the next.
    ForgetsToPassOn,
    /// Who comes between the release and the woken waiter gets in too.
    LetsTwoIn,
}

#[derive(Default)]
struct HandMadeLock {
    locked: Cell<bool>,
    waiters: RefCell<VecDeque<Promise<()>>>,
}

impl HandMadeLock {
    async fn acquire(&self, version: Version, flaw: Flaw) {
        let broken = version == Version::Broken;
        let barging = broken && flaw == Flaw::LetsTwoIn;
        let queued = self
            .waiters
            .borrow()
            .iter()
            .any(|waiter| !waiter.is_cancelled());
        if !self.locked.get() && (barging || !queued) {
            self.locked.set(true);
            return;
        }
        let waiter = Promise::new();
        self.waiters.borrow_mut().push_back(waiter.clone());
        let waited = cancellable(async { (&waiter).await.unwrap() }).await;
        self.waiters.borrow_mut().retain(|other| !other.is_done());
        if let Err(cancelled) = waited {
            let forgets = broken && flaw == Flaw::ForgetsToPassOn;
            if !self.locked.get() && !forgets {
                self.wake_first();
            }
            return cancelled.raise().await;
        }
        self.locked.set(true);
    }

    fn release(&self) {
        self.locked.set(false);
        self.wake_first();
    }

    fn wake_first(&self) {
        if let Some(first) = self.waiters.borrow().front() {
            let _ = first.set(());
        }
    }
}

async fn a_woken_waiter_is_cancelled(version: Version) {
    let lock = Rc::new(HandMadeLock::default());
    lock.acquire(version, Flaw::ForgetsToPassOn).await;
    let waiter = || {
        let lock = lock.clone();
        spawn(async move {
            lock.acquire(version, Flaw::ForgetsToPassOn).await;
            lock.release();
        })
    };
    let (first, second) = (waiter(), waiter());
    task::yield_now().await;
    task::yield_now().await;
    let canceller = spawn(async move {
        first.cancel();
        drop(first.await);
    });
    let releaser = spawn(async move { lock.release() });
    gather((canceller, releaser, second)).await.unwrap();
}

bug!(
    a_cancelled_waiter_does_not_pass_the_lock_on,
    a_woken_waiter_is_cancelled,
    "deadlock"
);

async fn tasks_meet_under_a_lock(version: Version) {
    let lock = Rc::new(HandMadeLock::default());
    let inside = Rc::new(Cell::new(0));
    let tasks: Vec<Task<()>> = (0..3)
        .map(|_| {
            let (lock, inside) = (lock.clone(), inside.clone());
            spawn(async move {
                for _ in 0..2 {
                    lock.acquire(version, Flaw::LetsTwoIn).await;
                    inside.set(inside.get() + 1);
                    assert_eq!(inside.get(), 1, "two tasks hold the lock");
                    task::yield_now().await;
                    inside.set(inside.get() - 1);
                    lock.release();
                    task::yield_now().await;
                }
            })
        })
        .collect();
    if let Err(error) = gather(tasks).await {
        error.resume();
    }
}

bug!(
    a_newcomer_takes_the_lock_from_the_woken_waiter,
    tasks_meet_under_a_lock,
    "two tasks hold the lock"
);
