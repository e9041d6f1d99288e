//! What the workers of a program share, and the books that they keep about it.

use std::cell::{Cell, RefCell};

use simrun::sync::{Barrier, BoundedSemaphore, Condition, Event, Lock, Semaphore};
use simrun::task::TaskRef;

use super::Findings;
use super::shelf::Shelf;
use super::step::Workload;

/// What a worker is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Get,
    Put,
    Lock,
    Permit,
    Seat,
    /// Waits for the lock of the condition, or for a notification.
    Jobs,
    /// Waits for the event, which had been set so many times before.
    Event(u64),
    Meet,
}

/// The account of one worker.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) task: Option<TaskRef>,
    /// What it waits for, the innermost last.
    pub(super) doing: Vec<Doing>,
    /// Whether a cancel request was accepted and has not been heard of.
    pub(super) owed: bool,
    /// How many requests to cancel or abort it were made.
    pub(super) requests: u32,
}

/// The primitives, and the books.
pub(super) struct Books {
    pub(super) workload: Workload,
    pub(super) shelf: Shelf,
    pub(super) lock: Lock,
    pub(super) permits: Semaphore,
    pub(super) seats: BoundedSemaphore,
    pub(super) jobs: Condition<u32>,
    pub(super) event: Event,
    pub(super) barrier: Barrier,

    pub(super) in_lock: Cell<usize>,
    pub(super) in_permits: Cell<usize>,
    pub(super) in_seats: Cell<usize>,
    pub(super) in_jobs: Cell<usize>,
    /// A copy of the value under the condition.
    pub(super) jobs_left: Cell<u32>,
    pub(super) event_sets: Cell<u64>,
    /// The indexes of those who have passed the barrier.
    pub(super) passes: RefCell<Vec<usize>>,
    pub(super) accounts: RefCell<Vec<Account>>,
    findings: RefCell<Findings>,
}

impl Books {
    pub(super) fn new(workload: Workload) -> Self {
        let accounts = workload.workers.iter().map(|_| Account::default());
        Self {
            shelf: Shelf::new(workload.kind, workload.capacity),
            lock: Lock::new(()).named("lock"),
            permits: Semaphore::new(workload.permits).named("permits"),
            seats: BoundedSemaphore::new(workload.permits).named("seats"),
            jobs: Condition::new(0).named("jobs"),
            event: Event::new().named("event"),
            barrier: Barrier::new(workload.parties).named("meeting"),
            in_lock: Cell::new(0),
            in_permits: Cell::new(0),
            in_seats: Cell::new(0),
            in_jobs: Cell::new(0),
            jobs_left: Cell::new(0),
            event_sets: Cell::new(0),
            passes: RefCell::default(),
            accounts: RefCell::new(accounts.collect()),
            findings: RefCell::default(),
            workload,
        }
    }

    /// Writes down that something is wrong.
    pub(super) fn problem(&self, problem: impl Into<String>) {
        self.findings.borrow_mut().problems.push(problem.into());
    }

    /// Writes down that something worth mentioning has happened.
    pub(super) fn saw(&self, what: &'static str) {
        *self.findings.borrow_mut().seen.entry(what).or_default() += 1;
    }

    pub(super) fn take_findings(&self) -> Findings {
        self.findings.take()
    }

    /// Changes the account of a worker.
    pub(super) fn account<R>(&self, worker: usize, act: impl FnOnce(&mut Account) -> R) -> R {
        act(&mut self.accounts.borrow_mut()[worker])
    }

    /// Asks a worker to stop.
    pub(super) fn cancel(&self, worker: usize) {
        let task = self.account(worker, |account| account.task);
        let task = task.expect("the workers start after all are spawned");
        if task.cancel() {
            self.account(worker, |account| {
                account.owed = true;
                account.requests += 1;
            });
            self.saw("a cancellation");
        } else if !task.is_done() {
            self.problem(format!("worker {worker} does not take a cancel request"));
        }
    }

    /// Drops the future of a worker.
    pub(super) fn abort(&self, worker: usize) {
        let task = self.account(worker, |account| account.task);
        task.expect("the workers start after all are spawned")
            .abort();
        self.account(worker, |account| account.requests += 1);
    }

    /// Takes note of what a worker is waiting for, as long as the note lives.
    pub(super) fn note(&self, worker: usize, doing: Doing) -> Note<'_> {
        self.account(worker, |account| account.doing.push(doing));
        Note {
            books: self,
            worker,
        }
    }

    /// Counts someone in, where no more than `most` may be, until the return value is dropped.
    pub(super) fn inside<'a>(
        &'a self,
        count: &'a Cell<usize>,
        most: usize,
        place: &str,
    ) -> Inside<'a> {
        if count.get() >= most {
            self.problem(format!("there are more than {most} inside {place}"));
        }
        count.set(count.get() + 1);
        Inside { count }
    }

    /// Checks that there are never more permits than there were at first.
    pub(super) fn check_permits(&self) {
        let total = self.workload.permits;
        if self.permits.permits() + self.in_permits.get() > total {
            self.problem("the semaphore has made permits");
        }
        if self.seats.permits() + self.in_seats.get() > total {
            self.problem("the bounded semaphore is above its bound");
        }
    }
}

/// A note that a worker waits.
pub(super) struct Note<'a> {
    books: &'a Books,
    worker: usize,
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.books
            .account(self.worker, |account| account.doing.pop());
    }
}

/// Someone who is inside something.
pub(super) struct Inside<'a> {
    count: &'a Cell<usize>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
    }
}
