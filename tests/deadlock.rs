//! Deadlocks are reported with names: who waits for what, held by whom, since when, and where.

use std::sync::Arc;

use simrun::assure::FailureKind;
use simrun::sync::{Barrier, Event, Lock, Queue, Semaphore};
use simrun::time::{millis, sleep};
use simrun::{Promise, Sim, gather, spawn, task};

/// Leaves the line numbers out, which change with every edit above them.
fn without_lines(text: &str) -> String {
    let mut settled = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match word.find(".rs:") {
            Some(place) => {
                settled.push_str(&word[..place + 3]);
                settled.extend(word.chars().filter(|c| c.is_whitespace()));
            }
            None => settled.push_str(word),
        }
    }
    settled
}

#[test]
fn two_locks_taken_crosswise_are_a_ring() {
    let run = Sim::new().run(|| async {
        let left = Arc::new(Lock::new(()).named("left"));
        let right = Arc::new(Lock::new(()).named("right"));
        let cross = |first: Arc<Lock>, second: Arc<Lock>| async move {
            let _first = first.acquire().await;
            sleep(millis(1)).await;
            let _second = second.acquire().await;
        };
        let ada = spawn(cross(left.clone(), right.clone())).name("ada");
        let bob = spawn(cross(right, left)).name("bob");
        gather([ada, bob]).await.unwrap();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    let deadlock = failure.deadlock().unwrap();
    assert_eq!(deadlock.ring().unwrap(), ["ada", "bob"]);
    insta::assert_snapshot!(without_lines(&failure.to_string()), @r"
    deadlock: nothing can happen any more, and 3 tasks are waiting
      main waits for a gather of ada and bob, since 0ns
          waits at   tests/deadlock.rs
          spawned at tests/deadlock.rs
      ada waits for lock `right`, held by bob, since 1ms
          waits at   tests/deadlock.rs
          spawned at tests/deadlock.rs
      bob waits for lock `left`, held by ada, since 1ms
          waits at   tests/deadlock.rs
          spawned at tests/deadlock.rs
      they wait in a ring: ada -> bob -> ada
    ");
}

#[test]
fn every_kind_of_wait_is_named() {
    let run = Sim::new().run(|| async {
        let queue = Arc::new(Queue::<u8>::bounded(1).named("jobs"));
        let event = Arc::new(Event::new().named("go"));
        let permits = Arc::new(Semaphore::new(1).named("slots"));
        let promise = Promise::<u8>::new();
        permits.acquire().await.forget();
        let getter = spawn(async move { queue.get().await.is_ok() }).name("getter");
        spawn(async move { event.wait().await })
            .name("waiter")
            .detach();
        spawn(async move { permits.acquire().await.forget() })
            .name("permit")
            .detach();
        spawn(async move { promise.await.is_ok() })
            .name("promise")
            .detach();
        spawn(std::future::pending::<()>()).name("foreign").detach();
        getter.await.unwrap();
    });
    let deadlock = run.failure().unwrap().deadlock().unwrap();
    let text: Vec<String> = deadlock
        .blocked()
        .iter()
        .map(|blocked| {
            format!(
                "{} waits {} {:?}",
                blocked.task, blocked.waits, blocked.held_by
            )
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    main waits for task getter []
    getter waits for queue `jobs` []
    waiter waits for event `go` []
    permit waits for semaphore `slots` ["main"]
    promise waits for a promise []
    foreign waits for something outside the loop []
    "#);
}

#[test]
fn a_ring_is_found_through_any_of_those_that_are_awaited() {
    let run = Sim::new().run(|| async {
        let lock = Arc::new(Lock::new(()).named("door"));
        let theirs = lock.clone();
        let stuck = spawn(std::future::pending::<()>()).name("stuck");
        let waits = spawn(async move { drop(theirs.acquire().await) }).name("waits");
        let _guard = lock.acquire().await;
        gather((stuck, waits)).await.unwrap();
    });
    let failure = run.failure().unwrap();
    let deadlock = failure.deadlock().unwrap();
    assert_eq!(deadlock.ring().unwrap(), ["main", "waits"]);
    let text = failure.to_string();
    assert!(
        text.contains("stuck waits for something outside the loop\n"),
        "since when is not known: {text}"
    );
}

#[test]
fn a_barrier_is_called_by_its_name_and_reports_where_its_caller_waits() {
    let run = Sim::new().run(|| async {
        let barrier = Barrier::new(2).named("start");
        barrier.wait().await.unwrap();
    });
    let blocked = &run.failure().unwrap().deadlock().unwrap().blocked()[0];
    assert_eq!(blocked.waits, "for barrier `start`");
    let at = blocked.waits_at.as_ref().unwrap();
    assert!(at.starts_with("tests/deadlock.rs"), "{at}");
}

#[test]
fn the_key_of_a_deadlock_does_not_depend_on_the_order_of_events() {
    let run = |first: &'static str| {
        Sim::new().run(move || async move {
            let event = Arc::new(Event::new());
            let wait = |event: Arc<Event>| async move { event.wait().await };
            spawn(wait(event.clone())).name(first).detach();
            task::yield_now().await;
            wait(event).await;
        })
    };
    assert_eq!(
        run("a").failure().unwrap().key(),
        run("b").failure().unwrap().key()
    );
}

#[test]
fn a_task_that_swallows_its_cancellation_at_the_end_is_named_and_not_waited_for() {
    let run = Sim::new().run(|| async {
        spawn(async {
            while task::cancellable(std::future::pending::<()>())
                .await
                .is_err()
            {}
        })
        .name("stubborn")
        .detach();
        task::yield_now().await;
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    assert!(
        failure
            .message()
            .starts_with("while the loop was shutting down"),
        "{failure}"
    );
    assert_eq!(failure.deadlock().unwrap().blocked()[0].task, "stubborn");
}
