//! Classic bugs, each of which asyncio's own order survives. Steps alternate in it, so a task that
//! starts one step later than would be dangerous is saved by exactly one switch.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use simrun::sync::{Event, Lock, Tracked};
use simrun::{Promise, chance, spawn, task, time};

/// How many steps stand before and after what matters.
pub(crate) const PADDING: u32 = 20;

async fn steps(count: u32) {
    for _ in 0..count {
        task::yield_now().await;
    }
}

/// Two tasks read, go on, and write.
pub(crate) async fn lost_update() {
    let balance = Arc::new(Tracked::new(0).named("balance"));
    let deposit = |sum, late| {
        let balance = balance.clone();
        let deposit = async move {
            steps(PADDING + late).await;
            let before = balance.read(|balance| *balance);
            task::yield_now().await;
            balance.write(|balance| *balance = before + sum);
            steps(PADDING).await;
        };
        spawn(deposit).name(format!("deposit {sum}"))
    };
    let (one, other) = (deposit(1, 0), deposit(2, 1));
    one.await.unwrap();
    other.await.unwrap();
    let balance = balance.read(|balance| *balance);
    assert!(balance == 3, "a deposit is lost: {balance} of 3 are there");
}

/// Two tasks take two locks, each in its own order.
pub(crate) async fn ab_ba() {
    let locks = ["a", "b"].map(|name| Arc::new(Lock::new(()).named(name)));
    let both = |first: &Arc<Lock>, second: &Arc<Lock>, late| {
        let (first, second) = (first.clone(), second.clone());
        spawn(async move {
            steps(PADDING + late).await;
            let _first = first.acquire().await;
            task::yield_now().await;
            let _second = second.acquire().await;
        })
    };
    let (one, other) = (both(&locks[0], &locks[1], 0), both(&locks[1], &locks[0], 1));
    one.await.unwrap();
    other.await.unwrap();
}

/// One looks whether it has to wait, and the other does not know yet that it waits.
pub(crate) async fn lost_wake_up() {
    let (ready, bell) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (seen, rung) = (ready.clone(), bell.clone());
    let waiter = spawn(async move {
        if !seen.is_set() {
            task::yield_now().await;
            rung.clear();
            rung.wait().await;
        }
    });
    spawn(async move {
        task::yield_now().await;
        ready.set();
        bell.set();
    })
    .detach();
    waiter.await.unwrap();
}

/// What belongs together is done under a lock that is released in between.
pub(crate) async fn lock_split() {
    let count = Arc::new(Lock::new(0).named("count"));
    let tasks: Vec<_> = (0..3)
        .map(|late| {
            let count = count.clone();
            spawn(async move {
                steps(late).await;
                let before = *count.acquire().await;
                task::yield_now().await;
                *count.acquire().await = before + 1;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*count.acquire().await, 3, "an increment is lost");
}

/// Three philosophers take the fork on their left, then the one on their right.
pub(crate) async fn philosophers() {
    let forks: Vec<_> = (0..3)
        .map(|_| Arc::new(Lock::new(()).named("fork")))
        .collect();
    let tasks: Vec<_> = (0..3_usize)
        .map(|seat| {
            let (left, right) = (forks[seat].clone(), forks[(seat + 1) % 3].clone());
            spawn(async move {
                steps(seat as u32).await;
                let _left = left.acquire().await;
                task::yield_now().await;
                let _right = right.acquire().await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A task that is cancelled at one of its awaits does not give back what it has taken.
pub(crate) async fn cancelled_in_between() {
    let taken = Rc::new(Cell::new(0));
    let takes = taken.clone();
    let worker = spawn(async move {
        steps(10).await;
        takes.set(1);
        task::yield_now().await;
        takes.set(0);
    });
    steps(12).await;
    worker.cancel();
    let _ = worker.await;
    assert_eq!(taken.get(), 0, "it was taken and never given back");
}

/// A leader pauses after it has seen that it is the leader, for three seconds or more.
pub(crate) async fn stale_lease() {
    let leader = Arc::new(Tracked::new("first").named("leader"));
    let next = leader.clone();
    spawn(async move {
        time::sleep(time::secs(3)).await;
        next.write(|leader| *leader = "second");
    })
    .detach();
    task::yield_now().await;
    assert_eq!(leader.read(|leader| *leader), "first");
    let longest = time::secs(10);
    time::sleep(chance::duration_between("pause", time::secs(0), longest)).await;
    let now = leader.read(|leader| *leader);
    assert!(now == "first", "written under a lease that is over");
}

/// Says of what is broken in two ways which one it was.
pub(crate) async fn two_bugs() {
    let order = Rc::new(Cell::new(0));
    for number in 1..=3 {
        let order = order.clone();
        spawn(async move { order.set(order.get() * 10 + number) }).detach();
    }
    time::sleep(time::secs(1)).await;
    assert_ne!(order.get(), 213, "the second went first");
    assert_ne!(order.get(), 132, "the third went second");
}

/// Passes whatever happens.
pub(crate) async fn fine() {
    let promise = Promise::new();
    let sets = promise.clone();
    spawn(async move { sets.set(1).unwrap() }).detach();
    let tasks = [1, 2].map(|count| spawn(steps(count)));
    assert_eq!((&promise).await.unwrap(), 1);
    for task in tasks {
        task.await.unwrap();
    }
}
