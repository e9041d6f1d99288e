//! A worker: it does its steps and checks what it sees at each.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use simrun::sync::LockGuard;
use simrun::task::{self, cancellable};
use simrun::time::{Elapsed, Timeout, millis, now, sleep};

use super::books::{Books, Doing};
use super::shelf::Item;
use super::step::{Manner, Step};

/// A worker at work.
pub(super) struct Worker {
    books: Rc<Books>,
    number: usize,
    manner: Manner,
    /// How many items it has made.
    made: Cell<u32>,
    /// How often it has received a cancellation and gone on.
    swallowed: Cell<u32>,
}

/// Does the steps of a worker from first to last.
pub(super) async fn work(books: Rc<Books>, number: usize) {
    let (manner, steps) = books.workload.workers[number].clone();
    let worker = Worker {
        books,
        number,
        manner,
        made: Cell::new(0),
        swallowed: Cell::new(0),
    };
    for step in &steps {
        worker.in_its_manner(step).await;
        if worker.manner == Manner::Persists {
            // Nothing encloses it now that would mind.
            while task::current().cancelling() > 0 && !worker.is_owed() {
                task::current().uncancel();
            }
        }
    }
}

impl Worker {
    fn is_owed(&self) -> bool {
        self.books.account(self.number, |account| account.owed)
    }

    /// Does steps within another.
    fn all<'a>(&'a self, steps: &'a [Step]) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            for step in steps {
                self.in_its_manner(step).await;
            }
        })
    }

    /// Does a step, and when it is cancelled there, what its manner is.
    async fn in_its_manner(&self, step: &Step) {
        if self.manner == Manner::Ends {
            return self.step(step).await;
        }
        let Err(cancelled) = cancellable(self.step(step)).await else {
            return;
        };
        self.heard();
        if self.manner == Manner::Persists {
            self.swallowed.set(self.swallowed.get() + 1);
            self.books.saw("a swallowed cancellation");
            return;
        }
        sleep(millis(0)).await;
        cancelled.raise().await
    }

    async fn step(&self, step: &Step) {
        let books = &*self.books;
        match step {
            Step::Pause(pause) => sleep(millis(*pause)).await,
            Step::Cancel(worker) => books.cancel(worker % books.workload.workers.len()),
            Step::Abort(worker) => books.abort(worker % books.workload.workers.len()),
            Step::Within(limit, steps) => self.within(*limit, steps).await,
            Step::Put(limit) => self.put(*limit).await,
            Step::PutNow => {
                let item = self.make();
                if books.shelf.put_now(item) {
                    books.shelf.note_put(item);
                }
            }
            Step::Get(limit) => self.get(*limit).await,
            Step::GetNow => {
                if let Some(item) = books.shelf.get_now() {
                    self.got(item);
                }
            }
            Step::Lock(steps) => {
                let note = books.note(self.number, Doing::Lock);
                let guard = books.lock.acquire().await;
                drop(note);
                self.locked(guard, steps).await;
            }
            Step::TryLock => {
                if let Some(guard) = books.lock.try_acquire() {
                    self.locked(guard, &[Step::Pause(0)]).await;
                }
            }
            Step::Consume => self.consume().await,
            Step::Produce(jobs, pause) => self.produce(*jobs, *pause).await,
            Step::AwaitEvent => {
                let _note = books.note(self.number, Doing::Event(books.event_sets.get()));
                books.event.wait().await;
            }
            Step::SetEvent => {
                books.event_sets.set(books.event_sets.get() + 1);
                books.event.set();
            }
            Step::ClearEvent => books.event.clear(),
            Step::Meet => {
                let note = books.note(self.number, Doing::Meet);
                match books.barrier.wait().await {
                    Ok(index) => books.passes.borrow_mut().push(index),
                    Err(error) => books.problem(format!("{error}, by nobody")),
                }
                drop(note);
            }
            _ => self.permitted(step).await,
        }
    }

    async fn within(&self, limit: u64, steps: &[Step]) {
        let deadline = now() + millis(limit);
        let before = self.swallowed.get();
        let scope = Timeout::after(millis(limit));
        let result = self.enforce(&scope, self.all(steps)).await;
        if result.is_ok() && scope.is_expired() && self.swallowed.get() == before {
            self.books.problem("a timeout has expired unnoticed");
        }
        if result.is_err() {
            self.books.saw("an expired timeout");
            if !scope.is_expired() || now() < deadline {
                self.books.problem("a timeout was up before its time");
            }
        }
    }

    /// Does something under a timeout. If the task enters it with a cancellation that it has not
    /// heard of, for it has asked itself, and the time is up before it does, then it hears of both
    /// at once, and as in asyncio it is the timeout's.
    async fn enforce<T>(
        &self,
        scope: &Timeout,
        future: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let owed = self.is_owed();
        let result = scope.enforce(future).await;
        if owed && result.is_err() {
            self.heard();
        }
        result
    }

    /// Takes note that the worker has heard of a cancel request.
    fn heard(&self) {
        self.books
            .account(self.number, |account| account.owed = false);
    }

    fn make(&self) -> Item {
        let (producer, number) = (self.number, self.made.get());
        self.made.set(number + 1);
        Item { number, producer }
    }

    async fn put(&self, limit: Option<u64>) {
        let books = &*self.books;
        let item = self.make();
        let _note = books.note(self.number, Doing::Put);
        let put = books.shelf.put(item);
        let scope = Timeout::after(limit.map(millis));
        if self.enforce(&scope, put).await.is_ok() {
            books.shelf.note_put(item);
        }
    }

    async fn get(&self, limit: Option<u64>) {
        let books = &*self.books;
        let _note = books.note(self.number, Doing::Get);
        let scope = Timeout::after(limit.map(millis));
        if let Ok(item) = self.enforce(&scope, books.shelf.get()).await {
            self.got(item);
        }
    }

    fn got(&self, item: Item) {
        self.books.saw("an item");
        if let Err(expected) = self.books.shelf.note_got(item) {
            let problem = format!("the queue gave {item:?} instead of {expected:?}");
            self.books.problem(problem);
        }
    }

    async fn locked(&self, guard: LockGuard<'_, ()>, steps: &[Step]) {
        let books = &*self.books;
        let inside = books.inside(&books.in_lock, 1, "the lock");
        self.all(steps).await;
        drop(inside);
        drop(guard);
    }

    async fn permitted(&self, step: &Step) {
        let books = &*self.books;
        let total = books.workload.permits;
        match step {
            Step::Permit(steps) => {
                let note = books.note(self.number, Doing::Permit);
                let _permit = books.permits.acquire().await;
                drop(note);
                let _inside = books.inside(&books.in_permits, total, "the semaphore");
                books.check_permits();
                self.all(steps).await;
            }
            Step::TryPermit => {
                if let Some(_permit) = books.permits.try_acquire() {
                    let _inside = books.inside(&books.in_permits, total, "the semaphore");
                    books.check_permits();
                    sleep(millis(0)).await;
                }
            }
            Step::Seat(steps) => {
                let note = books.note(self.number, Doing::Seat);
                books.seats.acquire().await.forget();
                drop(note);
                let _seat = Seat(books);
                let _inside = books.inside(&books.in_seats, total, "the bounded semaphore");
                books.check_permits();
                self.all(steps).await;
            }
            Step::ReleaseTooOften => {
                if books.seats.permits() == total && books.seats.release().is_ok() {
                    books.problem("the bounded semaphore was released too often");
                }
            }
            _ => unreachable!("all other steps are done elsewhere"),
        }
    }

    async fn consume(&self) {
        let books = &*self.books;
        let _note = books.note(self.number, Doing::Jobs);
        let mut guard = books.jobs.lock().await;
        let mut inside = books.inside(&books.in_jobs, 1, "the condition");
        while *guard == 0 {
            drop(inside);
            let waited = cancellable(guard.wait()).await;
            if !books.jobs.is_locked() {
                books.problem("a wait is over and its lock is not held");
            }
            inside = books.inside(&books.in_jobs, 1, "the condition");
            if let Err(cancelled) = waited {
                books.saw("a cancelled wait for a job");
                cancelled.raise().await
            }
        }
        *guard -= 1;
        books.jobs_left.set(*guard);
        books.saw("a job");
        drop(inside);
    }

    async fn produce(&self, jobs: u32, pause: Option<u64>) {
        let books = &*self.books;
        let _note = books.note(self.number, Doing::Jobs);
        let mut guard = books.jobs.lock().await;
        let _inside = books.inside(&books.in_jobs, 1, "the condition");
        *guard += jobs;
        books.jobs_left.set(*guard);
        guard.notify(jobs as usize);
        if let Some(pause) = pause {
            sleep(millis(pause)).await;
        }
    }
}

/// A permit of the bounded semaphore without a guard of the crate's.
struct Seat<'a>(&'a Books);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if self.0.seats.release().is_err() {
            self.0
                .problem("the bounded semaphore does not take a permit back");
        }
    }
}
