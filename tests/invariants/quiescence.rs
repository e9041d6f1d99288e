//! What must be true when a program stands still: the books and the primitives agree.

use std::rc::Rc;

use simrun::assure::Blocked;
use simrun::task;
use simrun::time::{secs, sleep};

use super::Findings;
use super::books::{Books, Doing};
use super::step::Workload;
use super::worker::work;

/// How often the first of the sleepers is cancelled, so that all come to an end: more often than
/// the workers together have steps to persist at.
const ROUNDS: usize = 200;

/// Runs a program until nothing happens any more, and checks what is left. Then cancels the first
/// who is left, and so on until nobody is.
pub(super) async fn run(workload: Workload) -> Findings {
    let books = Rc::new(Books::new(workload));
    let workers = 0..books.workload.workers.len();
    let tasks: Vec<_> = workers
        .map(|worker| {
            let task = task::spawn(work(books.clone(), worker)).name(format!("{worker}"));
            books.account(worker, |account| account.task = Some(*task));
            task
        })
        .collect();
    settle(&books).await;
    if books.workload.calm {
        check_calm_passes(&books);
    }
    for round in 0.. {
        let Some(left) = tasks.iter().position(|task| !task.is_done()) else {
            break;
        };
        if round == ROUNDS {
            books.problem(format!("worker {left} cannot be stopped"));
            return books.take_findings();
        }
        books.cancel(left);
        settle(&books).await;
    }
    for (worker, task) in tasks.into_iter().enumerate() {
        let (owed, requests) = books.account(worker, |account| (account.owed, account.requests));
        match task.await {
            Ok(()) if owed => books.problem(format!("worker {worker} has lost a cancellation")),
            Ok(()) => {}
            Err(error) if error.is_panic() => error.resume(),
            Err(_) if requests == 0 => {
                books.problem(format!("nobody has cancelled worker {worker}"));
            }
            Err(_) => {}
        }
    }
    check_end(&books);
    books.take_findings()
}

/// Waits until nothing happens any more, which is long before the time is up, and looks around.
async fn settle(books: &Books) {
    sleep(secs(1)).await;
    let dump = task::dump();
    let sleepers = dump.blocked().iter().filter(|task| task.task != "main");
    let mut meeting = 0;
    for sleeper in sleepers {
        let worker: usize = sleeper.task.parse().expect("its name is its number");
        let doing = books.account(worker, |account| account.doing.last().copied());
        meeting += usize::from(doing == Some(Doing::Meet));
        match doing {
            Some(doing) => check_sleeper(books, doing, sleeper),
            None => books.problem(format!("{worker} sleeps, waiting {}", sleeper.waits)),
        }
    }
    if meeting != books.barrier.waiting() || meeting >= books.workload.parties {
        books.problem(format!("{meeting} tasks sleep at the barrier"));
    }
    if books.shelf.len() != books.shelf.expected_len() {
        books.problem("an item was lost");
    }
    let (total, permits) = (books.workload.permits, books.permits.permits());
    if permits + books.in_permits.get() != total {
        books.problem("a permit was lost");
    }
    if books.seats.permits() + books.in_seats.get() != total {
        books.problem("a permit of the bounded semaphore was lost");
    }
    if books.lock.is_locked() != (books.in_lock.get() == 1) {
        books.problem("nobody is inside the lock, and yet it is held");
    }
    if books.jobs.is_locked() || books.in_jobs.get() > 0 {
        books.problem("the lock of the condition is held");
    }
    check_passes(books);
}

/// Checks that what a task waits for is what it says, and is not there.
fn check_sleeper(books: &Books, doing: Doing, sleeper: &Blocked) {
    books.saw("a sleeper");
    let (waits, justified) = match doing {
        Doing::Get => ("for queue `shelf`", books.shelf.len() == 0),
        Doing::Put => ("for queue `shelf`", books.shelf.is_full()),
        Doing::Lock => (
            "for lock `lock`",
            books.lock.is_locked() && sleeper.held_by.len() == 1,
        ),
        Doing::Permit => ("for semaphore `permits`", books.permits.permits() == 0),
        Doing::Seat => ("for semaphore `seats`", books.seats.permits() == 0),
        Doing::Jobs => ("for condition `jobs`", books.jobs_left.get() == 0),
        Doing::Event(sets) => (
            "for event `event`",
            !books.event.is_set() && books.event_sets.get() == sets,
        ),
        Doing::Meet => ("for barrier `meeting`", true),
    };
    if sleeper.waits != waits || !justified {
        let task = &sleeper.task;
        let problem = format!("{task} ({doing:?}) sleeps, waiting {}", sleeper.waits);
        books.problem(problem);
    }
}

/// Checks that tasks pass the barrier together: the last to arrive goes first, and no more than
/// all the others follow.
fn check_passes(books: &Books) {
    let last = books.workload.parties - 1;
    let passes = books.passes.borrow();
    let groups = passes.split(|index| *index == last);
    for (nth, group) in groups.enumerate() {
        if group.len() > last || (nth == 0 && !group.is_empty()) {
            books.problem(format!("{passes:?} have passed the barrier"));
        }
    }
}

/// Checks that exactly as many pass together as should, each with an index of its own.
fn check_calm_passes(books: &Books) {
    let passes = books.passes.borrow();
    for group in passes.chunks(books.workload.parties) {
        let mut indexes = group.to_vec();
        indexes.sort_unstable();
        if indexes.iter().copied().ne(0..books.workload.parties) {
            books.problem(format!("{passes:?} have passed the barrier"));
        }
        books.saw("a meeting");
    }
}

/// Checks that nothing is held when everyone has gone, and that the queue has what it should.
fn check_end(books: &Books) {
    if books.lock.is_locked() || books.permits.permits() != books.workload.permits {
        books.problem("something is held by nobody");
    }
    let left = std::iter::from_fn(|| books.shelf.get_now());
    let wrong = left.filter(|item| books.shelf.note_got(*item).is_err());
    if wrong.count() > 0 || books.shelf.expected_len() > 0 {
        books.problem("the queue does not have what was put into it");
    }
}
