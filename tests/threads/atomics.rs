//! Atomics: every operation is a place at which a thread can be interrupted.

use std::collections::BTreeSet;

use simrun::thread::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use simrun::thread::sync::{Arc, hint};
use simrun::{Sim, thread};

use crate::random;

#[test]
fn a_load_and_a_store_lose_updates_and_an_addition_does_not() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let run = random(seed).run_thread(|| {
            let (torn, whole) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let value = torn.load(Ordering::SeqCst);
                        torn.store(value + 1, Ordering::SeqCst);
                        whole.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
            assert_eq!(whole.into_inner(), 3);
            torn.into_inner()
        });
        seen.insert(run.unwrap());
    }
    assert_eq!(seen, BTreeSet::from([1, 2, 3]));
}

#[test]
fn everyone_sees_one_order_whatever_they_ask_for() {
    let seen: BTreeSet<(u8, u8)> = (0..500)
        .map(|seed| {
            let run = random(seed).run_thread(|| {
                let (one, other) = (AtomicU8::new(0), AtomicU8::new(0));
                let look = |mine: &AtomicU8, theirs: &AtomicU8| {
                    mine.store(1, Ordering::Relaxed);
                    theirs.load(Ordering::Relaxed)
                };
                thread::scope(|scope| {
                    let left = scope.spawn(|| look(&one, &other));
                    let right = scope.spawn(|| look(&other, &one));
                    (left.join().unwrap(), right.join().unwrap())
                })
            });
            run.unwrap()
        })
        .collect();
    // Both could miss the other's store on a machine, if they ask for no order.
    assert_eq!(seen, BTreeSet::from([(0, 1), (1, 0), (1, 1)]));
}

#[test]
fn an_update_goes_on_until_nobody_comes_between() {
    for seed in 0..200 {
        let run = random(seed).run_thread(|| {
            let (number, tries) = (AtomicUsize::new(1), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let double = |number| {
                            tries.fetch_add(1, Ordering::Relaxed);
                            Some(number * 2)
                        };
                        number.fetch_update(Ordering::SeqCst, Ordering::SeqCst, double)
                    });
                }
            });
            assert!(tries.into_inner() >= 3);
            number.into_inner()
        });
        assert_eq!(run.unwrap(), 8);
    }
}

#[test]
fn a_thread_that_spins_lets_the_others_go_on() {
    let spin = |hints: bool| {
        Sim::new().run_thread(move || {
            let ready = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    fence(Ordering::SeqCst);
                    ready.store(true, Ordering::Release);
                });
                while !ready.load(Ordering::Acquire) {
                    if hints {
                        hint::spin_loop();
                    }
                }
            });
        })
    };
    spin(true).unwrap();
    spin(false).unwrap();
}

#[test]
fn tasks_and_tests_use_them_as_they_are() {
    let count = Arc::new(AtomicUsize::new(1));
    simrun::run({
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    count.store(count.load(Ordering::Relaxed) * 10, Ordering::Relaxed);
    assert_eq!(format!("{count:?}"), "20");
}
