//! Condition variables: who is notified, and when a wait ends without that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use simrun::chance::Plan;
use simrun::thread::sync::{Arc, Condvar, Mutex};
use simrun::time::{millis, now, secs};
use simrun::{Sim, Strategy, thread};

use crate::random;

#[test]
fn a_wait_ends_in_virtual_time_or_with_a_notification() {
    let run = Sim::new().run_thread(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let wait = |duration| {
            let waited = condvar.wait_timeout(mutex.lock().unwrap(), duration);
            (waited.unwrap().1.timed_out(), now().since_start())
        };
        thread::scope(|scope| {
            let (short, long) = (scope.spawn(|| wait(secs(1))), scope.spawn(|| wait(secs(3))));
            thread::sleep(secs(2));
            condvar.notify_one();
            (short.join().unwrap(), long.join().unwrap())
        })
    });
    assert_eq!(run.unwrap(), ((true, secs(1)), (false, secs(2))));
}

#[test]
fn a_wait_for_a_condition_ends_when_it_holds_no_more_or_the_time_is_up() {
    let run = Sim::new().run_thread(|| {
        let (count, changed) = (Mutex::new(0), Condvar::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..5 {
                    thread::sleep(secs(1));
                    *count.lock().unwrap() += 1;
                    changed.notify_all();
                }
            });
            let wait = |duration, bound| {
                let guard = count.lock().unwrap();
                let waited = changed.wait_timeout_while(guard, duration, |count| *count < bound);
                let (count, result) = waited.unwrap();
                (*count, result.timed_out(), now().since_start())
            };
            assert_eq!(wait(Duration::ZERO, 1), (0, true, secs(0)));
            assert_eq!(wait(secs(10), 2), (2, false, secs(2)));
            assert_eq!(wait(millis(1_500), 9), (3, true, millis(3_500)));
            let guard = count.lock().unwrap();
            assert_eq!(*changed.wait_while(guard, |count| *count < 5).unwrap(), 5);
        });
    });
    run.unwrap();
}

/// Has three threads wait and notifies one; returns which, and the run's plan.
fn notify_one_of_three(sim: &Sim) -> (u32, Plan) {
    let run = sim.clone().write_plan(true).run_thread(|| {
        let shared = Arc::new((Mutex::new(None), Condvar::new()));
        for number in 0..3 {
            let shared = shared.clone();
            drop(thread::spawn(move || {
                let (first, condvar) = &*shared;
                let mut first = condvar.wait(first.lock().unwrap()).unwrap();
                *first = first.or(Some(number));
            }));
        }
        thread::sleep(secs(1));
        shared.1.notify_one();
        thread::sleep(secs(1));
        let first = *shared.0.lock().unwrap();
        first.unwrap()
    });
    let plan = run.plan().clone();
    (run.unwrap(), plan)
}

#[test]
fn the_first_who_waits_is_notified_unless_a_strategy_decides() {
    assert_eq!(notify_one_of_three(&Sim::new()).0, 0);
    let seen: BTreeMap<u32, Plan> = (0..50)
        .map(|seed| notify_one_of_three(&random(seed)))
        .collect();
    assert_eq!(seen.len(), 3);
    for (number, plan) in seen {
        let replay = Sim::new().strategy(Strategy::replay(plan));
        assert_eq!(notify_one_of_three(&replay).0, number);
    }
}

#[test]
fn whom_to_notify_is_a_decision_that_a_plan_can_name() {
    let text = "simrun plan 1\nuser main#0 who is notified -> 2\n";
    let plan: Plan = text.parse().unwrap();
    let replay = Sim::new().strategy(Strategy::replay(plan));
    assert_eq!(notify_one_of_three(&replay).0, 2);
}

#[test]
fn as_many_notifications_as_threads_that_wait_release_all_of_them() {
    for seed in 0..300 {
        let run = random(seed).run_thread(|| {
            let (waiting, condvar) = (Mutex::new(0), Condvar::new());
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let mut waiting = waiting.lock().unwrap();
                        *waiting += 1;
                        drop(condvar.wait(waiting).unwrap());
                    });
                }
                while *waiting.lock().unwrap() < 4 {
                    thread::sleep(millis(1));
                }
                for _ in 0..4 {
                    condvar.notify_one();
                }
            });
        });
        assert!(run.failure().is_none(), "seed {seed}: {run}");
    }
}

#[test]
fn a_notification_at_the_moment_the_time_is_up_is_heard_or_passed_on() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let run = random(seed).run_thread(|| {
            let shared = Arc::new((Mutex::new(0), Condvar::new()));
            let wait = |duration| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let guard = shared.0.lock().unwrap();
                    !shared
                        .1
                        .wait_timeout(guard, duration)
                        .unwrap()
                        .1
                        .timed_out()
                })
            };
            let (one, other) = (wait(secs(1)), wait(secs(5)));
            thread::sleep(secs(1));
            shared.1.notify_one();
            (one.join().unwrap(), other.join().unwrap())
        });
        let heard = run.unwrap();
        assert!(
            heard.0 != heard.1,
            "one of them, and only one, is notified: seed {seed}"
        );
        seen.insert(heard);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_notification_that_nobody_waits_for_is_gone() {
    let run = Sim::new().run_thread(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        condvar.notify_one();
        condvar.notify_all();
        let waited = condvar.wait_timeout(mutex.lock().unwrap(), secs(1));
        waited.unwrap().1.timed_out()
    });
    assert!(run.unwrap());
}
