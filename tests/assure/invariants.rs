//! Invariants: looked at after every step, and nowhere else.

use std::cell::Cell;
use std::rc::Rc;

use simrun::assure::{self, FailureKind};
use simrun::{Sim, Strategy, event_loop, spawn, task, thread, time};

#[test]
fn what_does_not_hold_between_two_steps_fails_the_run_in_whose_step_it_was() {
    let run = Sim::new().run(|| async {
        let level = Rc::new(Cell::new(0));
        let seen = level.clone();
        assure::invariant("the level is low", move || seen.get() < 3);
        let riser = spawn(async move {
            for height in [1, 2, 5, 0] {
                level.set(height);
                time::sleep(time::secs(1)).await;
            }
        });
        riser.name("riser").await.unwrap();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Property);
    assert_eq!(
        failure.message(),
        "`the level is low` must always hold, and does not"
    );
    assert_eq!(failure.task(), Some("riser"));
    assert_eq!(failure.at().since_start(), time::secs(2));
    assert_eq!(failure.key().to_string(), "property the level is low");
    // Time has not moved since.
    assert_eq!(run.now().since_start(), time::secs(2));
    let property = &run.properties()[0];
    assert_eq!(property.evaluations() - property.holds(), 1);
    let place = failure.location().unwrap();
    assert!(place.starts_with("tests/assure/invariants.rs:"), "{place}");
}

#[test]
fn what_is_changed_back_within_a_step_is_not_seen() {
    let run = Sim::new().strategy(Strategy::random()).run(|| async {
        let level = Rc::new(Cell::new(0));
        let seen = level.clone();
        assure::invariant("the level is low", move || seen.get() < 3);
        level.set(5);
        level.set(1);
        task::yield_now().await;
    });
    assert!(run.failure().is_none(), "{run}");
    assert!(run.properties()[0].evaluations() >= 2);
}

#[test]
fn callbacks_threads_and_last_steps_are_seen_too() {
    let run = Sim::new().run(|| async {
        let level = Rc::new(Cell::new(0));
        let seen = level.clone();
        assure::invariant("low", move || seen.get() < 3);
        event_loop::call_later(time::secs(1), move || level.set(5));
        time::sleep(time::secs(2)).await;
    });
    let failure = run.failure().unwrap();
    assert_eq!((failure.property(), failure.task()), (Some("low"), None));
    assert_eq!(failure.at().since_start(), time::secs(1));

    let run = Sim::new().run_thread(|| {
        let level = Rc::new(Cell::new(0));
        let seen = level.clone();
        assure::invariant("low", move || seen.get() < 3);
        level.set(5);
        thread::sleep(time::secs(1));
        level.set(1);
    });
    assert_eq!(run.failure().unwrap().property(), Some("low"));

    let run = Sim::new().run(|| async {
        let level = Rc::new(Cell::new(0));
        let seen = level.clone();
        assure::invariant("low", move || seen.get() < 3);
        level.set(5);
    });
    assert_eq!(run.failure().unwrap().property(), Some("low"));
}

#[test]
fn an_invariant_that_panics_does_not_hold() {
    let run = Sim::new().run(|| async {
        let books = Rc::new(Cell::new(Some(0)));
        let seen = books.clone();
        assure::invariant("the books are closed", move || seen.get().unwrap() == 0);
        task::yield_now().await;
        books.set(None);
        task::yield_now().await;
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.property(), Some("the books are closed"));
    assert!(
        failure
            .message()
            .contains("it panicked at tests/assure/invariants.rs:"),
        "{failure}"
    );
}

#[test]
fn looking_changes_nothing_in_a_run() {
    let run = |looks: bool| {
        let sim = Sim::new().seed(5).strategy(Strategy::random());
        sim.run(|| async move {
            if looks {
                assure::invariant("true", || true);
            }
            let yields = || spawn(async { task::yield_now().await });
            simrun::gather([yields(), yields(), yields()])
                .await
                .unwrap();
        })
        .fingerprint()
    };
    assert_eq!(run(true), run(false));
}
