//! Bugs that programs of threads have had time and again: each is found within a thousand seeds,
//! and is gone once it is mended.

use std::collections::VecDeque;

use simrun::assure::FailureKind;
use simrun::thread;
use simrun::thread::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use simrun::thread::sync::{Condvar, Mutex};

use crate::random;

/// Within how many seeds a bug must be found.
const SEEDS: u64 = 1_000;
/// How many seeds a mended program must survive.
const MANY_SEEDS: u64 = 10_000;

/// Runs a program under seed after seed until one fails. Returns how, and the seed.
fn first_failure(seeds: u64, program: fn()) -> Option<(u64, FailureKind, String)> {
    (0..seeds).find_map(|seed| {
        let run = random(seed).run_thread(program);
        let failure = run.failure()?;
        Some((seed, failure.kind(), failure.to_string()))
    })
}

#[track_caller]
fn is_found(program: fn(), kind: FailureKind) {
    let (_, found, text) = first_failure(SEEDS, program).expect("the bug is there");
    assert_eq!(found, kind, "{text}");
}

#[track_caller]
fn is_mended(program: fn()) {
    assert_eq!(first_failure(MANY_SEEDS, program), None);
}

type Account = Mutex<i32>;

/// Two transfers between two accounts, each of which locks both.
fn transfers(second_locks: fn(&[Account; 2]) -> [&Account; 2]) {
    let accounts = [Mutex::new(50), Mutex::new(50)];
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut ada, mut bob) = (accounts[0].lock().unwrap(), accounts[1].lock().unwrap());
            (*ada, *bob) = (*ada - 10, *bob + 10);
        });
        scope.spawn(|| {
            let [first, then] = second_locks(&accounts);
            let (mut first, mut then) = (first.lock().unwrap(), then.lock().unwrap());
            (*first, *then) = (*first + 5, *then - 5);
        });
    });
}

#[test]
fn two_locks_taken_in_two_orders_deadlock() {
    is_found(|| transfers(|[ada, bob]| [bob, ada]), FailureKind::Deadlock);
    is_mended(|| transfers(|[ada, bob]| [ada, bob]));
}

/// One thread waits for a flag, another sets it and notifies, with or without the lock.
fn waits_for_a_flag(set_under_lock: bool) {
    let (flag, mutex, changed) = (AtomicBool::new(false), Mutex::new(()), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let guard = set_under_lock.then(|| mutex.lock().unwrap());
            flag.store(true, Ordering::SeqCst);
            changed.notify_one();
            drop(guard);
        });
        let mut guard = mutex.lock().unwrap();
        while !flag.load(Ordering::SeqCst) {
            guard = changed.wait(guard).unwrap();
        }
    });
}

#[test]
fn a_notification_between_the_check_and_the_wait_is_lost() {
    is_found(|| waits_for_a_flag(false), FailureKind::Deadlock);
    is_mended(|| waits_for_a_flag(true));
}

/// Two threads use a value that the first of them makes: it is two numbers that belong together,
/// and a flag says that they are there.
fn initialises(flag_comes_last: bool, check_again: bool) {
    struct Config {
        ready: AtomicBool,
        making: Mutex<()>,
        made: AtomicUsize,
        width: AtomicUsize,
        height: AtomicUsize,
    }
    impl Config {
        fn make(&self, flag_comes_last: bool) {
            self.made.fetch_add(1, Ordering::SeqCst);
            if !flag_comes_last {
                self.ready.store(true, Ordering::SeqCst);
            }
            self.width.store(3, Ordering::SeqCst);
            self.height.store(4, Ordering::SeqCst);
            self.ready.store(true, Ordering::SeqCst);
        }
    }
    let config = Config {
        ready: AtomicBool::new(false),
        making: Mutex::new(()),
        made: AtomicUsize::new(0),
        width: AtomicUsize::new(0),
        height: AtomicUsize::new(0),
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                if !config.ready.load(Ordering::SeqCst) {
                    let _making = config.making.lock().unwrap();
                    if !check_again || !config.ready.load(Ordering::SeqCst) {
                        config.make(flag_comes_last);
                    }
                }
                let area =
                    config.width.load(Ordering::SeqCst) * config.height.load(Ordering::SeqCst);
                assert_eq!(area, 12, "it was used before it was there");
            });
        }
    });
    assert_eq!(config.made.into_inner(), 1, "it was made twice");
}

#[test]
fn a_flag_that_is_set_too_early_shows_half_a_value() {
    is_found(|| initialises(false, true), FailureKind::Panic);
    is_mended(|| initialises(true, true));
}

#[test]
fn a_check_that_is_not_made_again_under_the_lock_makes_it_twice() {
    is_found(|| initialises(true, false), FailureKind::Panic);
    is_mended(|| initialises(true, true));
}

/// A buffer for one thing between two producers and two consumers.
struct Buffer {
    things: Mutex<VecDeque<u32>>,
    has_room: Condvar,
    has_things: Condvar,
}

fn buffer(producer: fn(&Buffer, u32), consumer: fn(&Buffer) -> u32) {
    let buffer = Buffer {
        things: Mutex::default(),
        has_room: Condvar::new(),
        has_things: Condvar::new(),
    };
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..2 {
            let (buffer, sum) = (&buffer, &sum);
            scope.spawn(move || {
                for thing in 1..=2 {
                    producer(buffer, 10 * number + thing);
                }
            });
            scope.spawn(move || {
                for _ in 1..=2 {
                    sum.fetch_add(consumer(buffer) as usize, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), 26);
}

#[test]
fn one_condition_variable_for_two_conditions_notifies_the_wrong_one() {
    is_found(
        || {
            buffer(
                |buffer, thing| {
                    let things = buffer.things.lock().unwrap();
                    let is_full = |things: &mut VecDeque<u32>| !things.is_empty();
                    let mut things = buffer.has_room.wait_while(things, is_full).unwrap();
                    things.push_back(thing);
                    buffer.has_room.notify_one();
                },
                |buffer| {
                    let things = buffer.things.lock().unwrap();
                    let is_empty = |things: &mut VecDeque<u32>| things.is_empty();
                    let mut things = buffer.has_room.wait_while(things, is_empty).unwrap();
                    buffer.has_room.notify_one();
                    things.pop_front().unwrap()
                },
            );
        },
        FailureKind::Deadlock,
    );
    is_mended(|| {
        buffer(
            |buffer, thing| {
                let things = buffer.things.lock().unwrap();
                let is_full = |things: &mut VecDeque<u32>| !things.is_empty();
                let mut things = buffer.has_room.wait_while(things, is_full).unwrap();
                things.push_back(thing);
                buffer.has_things.notify_one();
            },
            |buffer| {
                let things = buffer.things.lock().unwrap();
                let is_empty = |things: &mut VecDeque<u32>| things.is_empty();
                let mut things = buffer.has_things.wait_while(things, is_empty).unwrap();
                buffer.has_room.notify_one();
                things.pop_front().unwrap()
            },
        );
    });
}
