//! Properties: what fails a run, what is only counted, and where.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simrun::assure::{FailureKind, PropertyKind, Quantity};
use simrun::{
    Run, Sim, Strategy, always, always_at_least, always_at_most, always_greater_than,
    always_less_than, assure, reachable, sometimes, sometimes_at_least, sometimes_at_most,
    sometimes_greater_than, sometimes_less_than, spawn, task, thread, time,
};

fn texts<T>(run: &Run<T>) -> Vec<String> {
    let properties = run.properties().iter();
    properties.map(ToString::to_string).collect()
}

#[test]
fn what_must_always_hold_fails_the_run_with_the_name_the_values_the_time_and_the_task() {
    let run = Sim::new().run(|| async {
        time::sleep(time::secs(3)).await;
        let (leaders, term) = (vec!["a", "b"], 7);
        let election = spawn(async move {
            let count = leaders.len();
            always!(count < 2, "one leader", leaders = leaders, term = term);
        });
        election.name("election").await.unwrap();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Property);
    assert_eq!(failure.property(), Some("one leader"));
    let message = "`one leader` must always hold, and does not: leaders = [\"a\", \"b\"], term = 7";
    assert_eq!(failure.message(), message);
    assert_eq!(failure.at().since_start(), time::secs(3));
    assert_eq!(failure.task(), Some("election"));
    let location = failure.location().unwrap();
    assert!(
        location.starts_with("tests/assure/properties.rs:"),
        "{location}"
    );
    assert_eq!(failure.key().to_string(), "property one leader");
    assert_eq!(texts(&run), ["always     0 of 1  one leader"]);
}

#[test]
fn nobody_can_swallow_a_violation_and_nothing_happens_after_it() {
    let steps = Arc::new(AtomicU32::new(0));
    let seen = steps.clone();
    let run = Sim::new().run(|| async move {
        spawn(async move {
            loop {
                seen.fetch_add(1, Ordering::Relaxed);
                task::yield_now().await;
            }
        })
        .detach();
        task::yield_now().await;
        let caught = catch_unwind(|| always!(1 > 2, "first", "one is {}", 1));
        assert!(caught.is_err());
        let caught = catch_unwind(|| always!(1 > 3, "second"));
        assert!(caught.is_err());
        time::sleep(time::secs(1)).await;
    });
    let failure = run.failure().unwrap();
    assert_eq!(
        failure.message(),
        "`first` must always hold, and does not: one is 1"
    );
    assert_eq!(run.now().since_start(), Duration::ZERO);
    assert!(steps.load(Ordering::Relaxed) <= 2);
}

#[test]
fn a_violation_in_a_callback_a_thread_or_on_the_way_out_of_the_loop_fails_the_run() {
    let in_callback = Sim::new().run(|| async {
        simrun::event_loop::call_soon(|| assure::unreachable!("callback"));
        time::sleep(time::secs(1)).await;
    });
    let in_thread = Sim::new().run_thread(|| {
        let _ = thread::spawn(|| assure::unreachable!("thread")).join();
        thread::sleep(time::secs(1));
    });
    let in_shutdown = Sim::new().run(|| async {
        spawn(async {
            let _ = task::cancellable(time::sleep(time::secs(1))).await;
            assure::unreachable!("shutdown");
        })
        .detach();
        task::yield_now().await;
    });
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            assure::unreachable!("destructor");
        }
    }
    let in_destructor = Sim::new().run(|| async {
        let guard = Guard;
        spawn(async move {
            let _guard = guard;
            panic!("it unwinds");
        })
        .detach();
        time::sleep(time::secs(1)).await;
    });
    for (run, name) in [
        (&in_callback, "callback"),
        (&in_shutdown, "shutdown"),
        (&in_destructor, "destructor"),
        (&in_thread, "thread"),
    ] {
        let failure = run.failure().unwrap_or_else(|| panic!("{name}: {run}"));
        assert_eq!(failure.property(), Some(name), "{failure}");
        assert_eq!(failure.kind(), FailureKind::Property);
    }
    assert_eq!(in_thread.now().since_start(), Duration::ZERO);
}

#[test]
fn the_first_failure_stands() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            always!(false, "in the end");
        }
    }
    let run = Sim::new().run(|| async {
        let _guard = Guard;
        std::future::pending::<()>().await;
    });
    assert_eq!(run.failure().unwrap().kind(), FailureKind::Deadlock);
}

#[test]
fn properties_are_counted_by_name_and_kind_and_sorted() {
    let run = Sim::new().strategy(Strategy::random()).run(|| async {
        for round in 0..10 {
            sometimes!(round == 3, "z");
            // Another place, the same property.
            sometimes!(round > 7, "z", round = round);
            always!(round < 10, "a");
            sometimes!(false, "a");
        }
        reachable!("m");
        spawn(async { reachable!("m", "from a task") })
            .await
            .unwrap();
    });
    let expected = [
        "always     10 of 10  a",
        "sometimes  0 of 10  a",
        "reachable  2 of 2  m",
        "sometimes  3 of 20  z",
    ];
    assert_eq!(texts(&run), expected);
    let met: Vec<bool> = run
        .properties()
        .iter()
        .map(|property| property.is_met())
        .collect();
    assert_eq!(met, [true, false, true, true]);
    assert_eq!(run.properties()[2].kind(), PropertyKind::Reachable);
    let places: Vec<&str> = run
        .properties()
        .iter()
        .map(|property| property.location())
        .collect();
    assert!(
        places
            .iter()
            .all(|place| place.starts_with("tests/assure/properties.rs:"))
    );
}

#[test]
fn comparisons_keep_how_near_they_came() {
    let run = Sim::new().run(|| async {
        for number in [4, 9, 2, 8] {
            always_less_than!(number, 10, "a: less");
            always_at_most!(number, 9_u8, "b: at most");
            always_greater_than!(number, 1.5, "c: greater");
            always_at_least!(number, 2_usize, "d: at least");
            sometimes_less_than!(number, 2, "e: less");
            sometimes_at_most!(number, 2, "f: at most");
            sometimes_greater_than!(number, 9, "g: greater");
            sometimes_at_least!(number, 9, "h: at least");
        }
        for latency in [time::millis(3), time::secs(2)] {
            always_less_than!(latency, time::secs(5), "i: latency");
        }
        always_at_most!(f64::NEG_INFINITY, 0, "j: infinite");
    });
    assert!(run.failure().is_none(), "{run}");
    let expected = [
        "always     4 of 4  a: less (9 < 10)",
        "always     4 of 4  b: at most (9 <= 9)",
        "always     4 of 4  c: greater (2 > 1.5)",
        "always     4 of 4  d: at least (2 >= 2)",
        "sometimes  0 of 4  e: less (2 < 2)",
        "sometimes  1 of 4  f: at most (2 <= 2)",
        "sometimes  0 of 4  g: greater (9 > 9)",
        "sometimes  1 of 4  h: at least (9 >= 9)",
        "always     2 of 2  i: latency (2s < 5s)",
        "always     1 of 1  j: infinite (-inf <= 0)",
    ];
    assert_eq!(texts(&run), expected);
    let latency = run.properties()[8].extreme().unwrap();
    assert_eq!(latency.left(), Quantity::Time(time::secs(2)));
    assert!(latency.holds());
}

#[test]
fn a_comparison_that_does_not_hold_says_what_it_compared() {
    let run = Sim::new().run(|| async {
        always_at_most!(12, 10, "the queue is short", queue = "jobs");
    });
    let message = "`the queue is short` must always hold, and does not: 12 <= 10, queue = \"jobs\"";
    assert_eq!(run.failure().unwrap().message(), message);
    // What is no number relates to nothing.
    let run = Sim::new().run(|| async { always_at_most!(f64::NAN, 1, "a number") });
    assert_eq!(run.failure().unwrap().property(), Some("a number"));
}

#[test]
fn properties_of_runs_add_up() {
    let run = |longest: i32| {
        Sim::new().run(move || async move { always_less_than!(longest, 10, "the queue is short") })
    };
    let mut sum = run(3).properties()[0].clone();
    sum.merge(&run(7).properties()[0]);
    sum.merge(&run(5).properties()[0]);
    assert_eq!(
        sum.to_string(),
        "always     3 of 3  the queue is short (7 < 10)"
    );
    assert!(sum.is_met());
    sum.merge(&run(11).properties()[0]);
    assert!(!sum.is_met());
}

#[test]
fn outside_a_run_they_are_assertions_or_nothing() {
    let panic = catch_unwind(|| always!(1 > 2, "order", one = 1)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(message, "`order` must always hold, and does not: one = 1");
    let panic = catch_unwind(|| assure::unreachable!("nowhere")).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(message, "`nowhere` must never be reached");
    always!(true, "order");
    sometimes!(false, "never here");
    reachable!("here");
    sometimes_greater_than!(1, 2, "no");
}

#[test]
fn stating_properties_changes_nothing_in_a_run() {
    let run = |states: bool| {
        let program = move || async move {
            for _ in 0..10 {
                task::yield_now().await;
                if states {
                    sometimes!(true, "it goes on");
                }
            }
        };
        let sim = Sim::new().seed(3).strategy(Strategy::random());
        sim.run(program).fingerprint()
    };
    assert_eq!(run(true), run(false));
}
