//! Partial-order reduction: how many traces there are, and that it shows what there is to see.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use simrun::explore::{Exhaustion, Explorer};
use simrun::sync::{Lock, Tracked};
use simrun::task::{self, Task};
use simrun::{spawn, time};

/// Awaits so many times.
async fn pad(awaits: u32) {
    for _ in 0..awaits {
        task::yield_now().await;
    }
}

/// Waits until all tasks have ended, however that was.
async fn join(tasks: Vec<Task<()>>) {
    let _ = task::gather_keeping_errors(tasks).await;
}

fn exhaust<F, Fut>(program: F) -> Exhaustion
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = ()> + 'static,
{
    Explorer::new().runs(100_000).exhaust(program)
}

fn count<F, Fut>(program: F) -> (u64, u64)
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = ()> + 'static,
{
    let all = exhaust(program);
    assert!(all.is_complete() && all.is_reduced(), "{all}");
    (all.runs(), all.failed())
}

async fn lost_update(padding: u32) {
    let counter = Rc::new(Tracked::new(0));
    let add = |counter: Rc<Tracked<i32>>| async move {
        pad(padding).await;
        let seen = counter.read(|count| *count);
        pad(1).await;
        counter.write(|count| *count = seen + 1);
        pad(padding).await;
    };
    join([(); 2].map(|()| spawn(add(counter.clone()))).into()).await;
    assert_eq!(counter.read(|count| *count), 2);
}

async fn opposite_locks(padding: u32) {
    let locks = [Rc::new(Lock::new(())), Rc::new(Lock::new(()))];
    let take = |first: usize| {
        let (first, second) = (locks[first].clone(), locks[1 - first].clone());
        spawn(async move {
            pad(padding).await;
            let outer = first.acquire().await;
            pad(1).await;
            let inner = second.acquire().await;
            pad(1).await;
            drop(inner);
            pad(1).await;
            drop(outer);
            pad(padding).await;
        })
    };
    join(vec![take(0), take(1)]).await;
}

async fn philosophers(seats: usize) {
    let forks: Vec<Rc<Lock<()>>> = (0..seats).map(|_| Rc::default()).collect();
    let mut seated = Vec::new();
    for seat in 0..seats {
        let (left, right) = (forks[seat].clone(), forks[(seat + 1) % seats].clone());
        seated.push(spawn(async move {
            let _left = left.acquire().await;
            pad(1).await;
            let _right = right.acquire().await;
            pad(1).await;
        }));
    }
    join(seated).await;
}

async fn split_update(tasks: i32) {
    let counter = Rc::new(Lock::new(0));
    let add = |counter: Rc<Lock<i32>>| async move {
        let seen = *counter.acquire().await;
        pad(1).await;
        *counter.acquire().await = seen + 1;
    };
    join((0..tasks).map(|_| spawn(add(counter.clone()))).collect()).await;
    assert_eq!(*counter.acquire().await, tasks);
}

async fn reorder(setters: u32) {
    let (one, other) = (Rc::new(Tracked::new(0)), Rc::new(Tracked::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..setters {
        let (one, other) = (one.clone(), other.clone());
        tasks.push(spawn(async move {
            one.write(|one| *one = 1);
            pad(1).await;
            other.write(|other| *other = -1);
        }));
    }
    tasks.push(spawn(async move {
        let one = one.read(|one| *one);
        pad(1).await;
        let other = other.read(|other| *other);
        assert!(one == 0 || other != 0);
    }));
    join(tasks).await;
}

/// Philosophers whose forks are only touched, so that nobody ever waits: each order in which the
/// two beside a fork have touched it is a trace, but for the one in which all orders make a ring.
async fn seats(seats: usize) {
    let forks: Vec<Rc<Tracked<usize>>> = (0..seats).map(|_| Rc::default()).collect();
    let mut seated = Vec::new();
    for seat in 0..seats {
        let (left, right) = (forks[seat].clone(), forks[(seat + 1) % seats].clone());
        seated.push(spawn(async move {
            left.write(|fork| *fork = seat);
            pad(5).await;
            right.write(|fork| *fork = seat);
        }));
    }
    join(seated).await;
}

#[test]
fn each_trace_is_run_once() {
    assert_eq!(count(|| lost_update(0)), (4, 2));
    assert_eq!(count(|| lost_update(5)), (4, 2));
    assert_eq!(count(|| split_update(2)), (6, 4));
    assert_eq!(count(|| split_update(3)), (90, 84));
    assert_eq!(count(|| reorder(2)), (36, 0));
    assert_eq!(count(|| seats(2)), (3, 0));
    assert_eq!(count(|| seats(3)), (7, 0));
    assert_eq!(count(|| seats(4)), (15, 0));
}

/// A task that finds a lock taken makes a step in which it stands in line, and one more when it is
/// woken: whether it had to wait is another trace than who came first.
#[test]
fn to_wait_for_a_lock_is_a_trace_of_its_own() {
    assert_eq!(count(|| opposite_locks(5)), (9, 1));
    assert_eq!(count(|| philosophers(3)), (37, 1));
    assert_eq!(count(|| philosophers(4)), (185, 1));
}

#[test]
fn tasks_that_have_nothing_in_common_are_run_once() {
    let all = count(|| async {
        for _ in 0..5 {
            spawn(pad(3)).detach();
        }
        time::sleep(time::secs(1)).await;
    });
    assert_eq!(all, (1, 0));
    let gathered = count(|| async {
        join((0..4).map(|_| spawn(pad(3))).collect()).await;
    });
    assert_eq!(gathered, (1, 0));
}

#[test]
fn what_is_not_tracked_is_noticed() {
    let all = exhaust(|| async {
        let count = Rc::new(Cell::new(0));
        let add = |count: Rc<Cell<i32>>| async move {
            let seen = count.get();
            pad(1).await;
            count.set(seen + 1);
        };
        join([(); 2].map(|()| spawn(add(count.clone()))).into()).await;
        assert_eq!(count.get(), 2);
    });
    assert!(all.not_reduced().unwrap().contains("not tracked"), "{all}");
    assert!(!all.is_reduced() && all.is_complete() && all.failed() > 0);
}
