//! Conditions whose waits do not survive a cancellation.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use simrun::sync::Lock;
use simrun::task::{self, cancellable};
use simrun::{Promise, gather, spawn};

use super::{Version, bug};

/// What is wrong with the broken version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A notification that reaches a cancelled waiter goes no further.
    LosesNotifications,
    /// A wait that is cancelled while it takes the lock again returns without it.
    LosesTheLock,
    /// A wait that is cancelled while it takes the lock again forgets that it was.
    SwallowsCancellation,
}

struct HandMadeCondition {
    flaw: Option<Flaw>,
    lock: Lock,
    waiters: RefCell<VecDeque<Promise<()>>>,
}

impl HandMadeCondition {
    fn new(version: Version, flaw: Flaw) -> Rc<Self> {
        let flaw = (version == Version::Broken).then_some(flaw);
        Rc::new(Self {
            flaw,
            lock: Lock::new(()),
            waiters: RefCell::default(),
        })
    }

    async fn wait(&self) {
        self.lock.release().unwrap();
        let waiter = Promise::new();
        self.waiters.borrow_mut().push_back(waiter.clone());
        let waited = cancellable(async { (&waiter).await.unwrap() }).await;
        self.waiters.borrow_mut().retain(|other| !other.is_done());
        let mut cancelled = waited.err();
        loop {
            match cancellable(self.lock.acquire()).await {
                Ok(guard) => break guard.forget(),
                Err(again) if self.flaw == Some(Flaw::LosesTheLock) => return again.raise().await,
                Err(_) if self.flaw == Some(Flaw::SwallowsCancellation) => {}
                Err(again) => cancelled = Some(again),
            }
        }
        if let Some(cancelled) = cancelled {
            if self.flaw != Some(Flaw::LosesNotifications) {
                self.notify();
            }
            cancelled.raise().await
        }
    }

    fn notify(&self) {
        let waiters = self.waiters.borrow();
        if let Some(waiter) = waiters.iter().find(|waiter| !waiter.is_done()) {
            waiter.set(()).unwrap();
        }
    }
}

async fn a_notified_waiter_is_cancelled(version: Version) {
    let condition = HandMadeCondition::new(version, Flaw::LosesNotifications);
    let jobs = Rc::new(Cell::new(0));
    let worker = || {
        let (condition, jobs) = (condition.clone(), jobs.clone());
        spawn(async move {
            let guard = condition.lock.acquire().await;
            guard.forget();
            while jobs.get() == 0 {
                if let Err(cancelled) = cancellable(condition.wait()).await {
                    condition.lock.release().unwrap();
                    return cancelled.raise().await;
                }
            }
            jobs.set(jobs.get() - 1);
            condition.lock.release().unwrap();
        })
    };
    let (first, second) = (worker(), worker());
    for _ in 0..4 {
        task::yield_now().await;
    }
    let producer = spawn(async move {
        condition.lock.acquire().await.forget();
        jobs.set(1);
        condition.notify();
        condition.lock.release().unwrap();
    });
    let canceller = spawn(async move {
        first.cancel();
        let done = first.await.is_ok();
        if done {
            second.cancel();
        }
        drop(second.await);
    });
    gather([producer, canceller]).await.unwrap();
}

bug!(
    a_notification_to_a_cancelled_waiter_is_lost,
    a_notified_waiter_is_cancelled,
    "deadlock"
);

/// A waiter is notified while the lock is taken, and cancelled while it waits for the lock.
async fn a_waiter_is_cancelled_on_its_way_back(version: Version, flaw: Flaw) {
    let condition = HandMadeCondition::new(version, flaw);
    let waiter = spawn({
        let condition = condition.clone();
        async move {
            condition.lock.acquire().await.forget();
            let waited = cancellable(condition.wait()).await;
            assert!(
                condition.lock.release().is_ok(),
                "wait returned without the lock"
            );
            if let Err(cancelled) = waited {
                cancelled.raise().await
            }
        }
    });
    let notifier = spawn({
        let condition = condition.clone();
        async move {
            for _ in 0..2 {
                task::yield_now().await;
            }
            let guard = condition.lock.acquire().await;
            condition.notify();
            for _ in 0..3 {
                task::yield_now().await;
            }
            drop(guard);
        }
    });
    let canceller = spawn(async move {
        for _ in 0..4 {
            task::yield_now().await;
        }
        let accepted = waiter.cancel();
        match waiter.await {
            Ok(()) => assert!(!accepted, "the cancellation was swallowed"),
            Err(error) if error.is_panic() => error.resume(),
            Err(_) => {}
        }
    });
    if let Err(error) = gather([notifier, canceller]).await {
        error.resume();
    }
}

bug!(
    a_cancelled_wait_returns_without_the_lock,
    |version| a_waiter_is_cancelled_on_its_way_back(version, Flaw::LosesTheLock),
    "wait returned without the lock"
);

bug!(
    a_wait_swallows_the_cancellation_that_hits_it_on_its_way_back,
    |version| a_waiter_is_cancelled_on_its_way_back(version, Flaw::SwallowsCancellation),
    "the cancellation was swallowed"
);
