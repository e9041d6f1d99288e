//! Exhaustive search: how many interleavings there are, and what a certificate says.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use simrun::assure::FailureKind;
use simrun::explore::Explorer;
use simrun::{Sim, Strategy, chance, spawn, task, time};

use crate::programs;

/// So many tasks of so many steps, and nothing else.
async fn tasks_of(tasks: u32, steps: u32) {
    for _ in 0..tasks {
        let task = async move {
            for _ in 1..steps {
                task::yield_now().await;
            }
        };
        spawn(task).detach();
    }
    time::sleep(time::secs(1)).await;
}

#[test]
fn there_are_as_many_runs_as_interleavings() {
    for (tasks, steps, count) in [
        (1, 5, 1),
        (2, 3, 20),
        (2, 5, 252),
        (3, 2, 90),
        (3, 3, 1_680),
    ] {
        let all = Explorer::new()
            .every_interleaving()
            .runs(10_000)
            .exhaust(move || tasks_of(tasks, steps));
        assert!(all.is_complete());
        assert_eq!(all.runs(), count, "{tasks} tasks of {steps} steps");
    }
}

#[test]
fn no_interleaving_is_run_twice() {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let every = Explorer::new().every_interleaving();
    let all = every.runs(10_000).exhaust(|| async {
        let order = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
        for name in ['a', 'b', 'c'] {
            let order = order.clone();
            let task = async move {
                for _ in 0..2 {
                    order.borrow_mut().push(name);
                    task::yield_now().await;
                }
            };
            spawn(task).detach();
        }
        time::sleep(time::secs(1)).await;
        SEEN.lock().unwrap().insert(order.take());
    });
    // A third step, in which nothing is written, follows each task's two.
    assert_eq!(all.runs(), 1_680);
    assert_eq!(SEEN.lock().unwrap().len(), 90);
}

#[test]
fn what_was_cut_short_is_not_called_complete() {
    let every = Explorer::new().every_interleaving();
    let some = every.runs(100).exhaust(|| tasks_of(3, 3));
    assert!(!some.is_complete());
    let text = "0 failures in the first 100 interleavings, there are more";
    assert_eq!(some.to_string(), text);
    let drawn = Explorer::new().exhaust(|| async {
        chance::below("x", u64::MAX);
    });
    let text = "0 failures in 1 of 1 traces, complete; what is drawn was drawn from one seed";
    assert_eq!(drawn.to_string(), text);
}

#[test]
fn a_failure_that_is_found_replays_from_its_plan() {
    let all = Explorer::new().runs(20_000).exhaust(programs::lost_wake_up);
    assert!(all.is_complete());
    let finding = &all.findings()[0];
    assert_eq!(finding.count(), all.failed());
    let replay = Strategy::replay(finding.plan().clone());
    let run = Sim::new().strategy(replay).run(programs::lost_wake_up);
    assert_eq!(
        run.failure().map(simrun::assure::Failure::key),
        Some(finding.key())
    );
}

#[test]
fn a_program_that_is_not_deterministic_is_not_searched() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let all = Explorer::new().exhaust(|| async {
        tasks_of(2 + RUNS.fetch_add(1, Ordering::Relaxed), 2).await;
    });
    assert!(!all.is_complete());
    let [finding] = all.findings() else {
        panic!("{all}")
    };
    assert_eq!(finding.failure().kind(), FailureKind::Nondeterminism);
}
