//! Making threads, waiting for them, sleeping, parking and giving way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use simrun::time::{millis, now, secs};
use simrun::{Sim, Strategy, spawn, task, thread, time};

#[test]
fn a_thread_gives_its_value_to_the_one_who_joins_or_awaits_it() {
    let sum = simrun::run(async {
        let outer = thread::spawn(|| {
            let inner = thread::spawn(|| 40);
            inner.join().unwrap() + 2
        });
        outer.await.unwrap()
    });
    assert_eq!(sum, 42);
}

#[test]
fn a_panic_in_a_thread_reaches_its_joiner() {
    let run = Sim::new().run_thread(|| {
        let payload = thread::spawn(|| panic!("out of paper")).join().unwrap_err();
        payload.downcast_ref::<&str>().unwrap().to_string()
    });
    assert_eq!(run.unwrap(), "out of paper");
}

#[test]
fn a_panic_that_nobody_joins_fails_the_run() {
    let run = Sim::new().run(|| async {
        drop(thread::spawn(|| panic!("unseen")));
        time::sleep(secs(1)).await;
    });
    let failure = run.failure().unwrap();
    assert!(failure.to_string().contains("unseen"), "{failure}");
}

#[test]
fn a_sleeping_thread_lets_time_pass_and_the_loop_go_on() {
    let run = Sim::new().run(|| async {
        let ticks = Arc::new(AtomicU32::new(0));
        let ticker = spawn({
            let ticks = ticks.clone();
            async move {
                loop {
                    time::sleep(millis(100)).await;
                    ticks.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        thread::spawn(|| thread::sleep(millis(1_050)))
            .await
            .unwrap();
        ticker.cancel();
        (now().since_start(), ticks.load(Ordering::Relaxed))
    });
    assert_eq!(run.unwrap(), (millis(1_050), 10));
}

#[test]
fn a_thread_that_was_unparked_before_it_parks_does_not_block() {
    simrun::run(async {
        let thread = thread::spawn(|| {
            thread::park();
            thread::park_timeout(secs(3));
            now().since_start()
        });
        thread.thread().unpark();
        assert_eq!(thread.await.unwrap(), secs(3));
    });
}

#[test]
fn a_scope_lends_to_its_threads_and_joins_them() {
    let run = Sim::new().run_thread(|| {
        let mut words = vec!["a"];
        let length = thread::scope(|scope| {
            let pusher = scope.spawn(|| {
                thread::sleep(secs(1));
                words.push("b");
                words.len()
            });
            pusher.join().unwrap()
        });
        (length, words.concat())
    });
    assert_eq!(run.unwrap(), (2, "ab".to_owned()));
}

#[test]
fn a_thread_that_gives_way_lets_the_loop_go_on() {
    simrun::run(async {
        let done = Arc::new(AtomicU32::new(0));
        let waiter = thread::spawn({
            let done = done.clone();
            move || {
                while done.load(Ordering::Relaxed) == 0 {
                    thread::yield_now();
                }
            }
        });
        for _ in 0..3 {
            task::yield_now().await;
        }
        done.store(1, Ordering::Relaxed);
        waiter.await.unwrap();
    });
}

#[test]
fn what_stands_on_the_stack_of_a_thread_that_is_cut_off_is_dropped() {
    struct Note(Arc<Mutex<Vec<u32>>>, u32);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(self.1);
        }
    }
    let notes: Arc<Mutex<Vec<u32>>> = Arc::default();
    let run = Sim::new().run(|| {
        let notes = Arc::clone(&notes);
        async move {
            let (one, two) = (Note(notes.clone(), 1), Note(notes.clone(), 2));
            drop(thread::spawn(move || {
                let _one = one;
                thread::park();
            }));
            drop(thread::spawn(move || drop(two)));
            let three = Note(notes, 3);
            drop(thread::spawn(move || {
                let _three = three;
                thread::spawn(thread::park).join()
            }));
            task::yield_now().await;
        }
    });
    assert!(run.failure().is_none());
    assert_eq!(*notes.lock().unwrap(), [2, 1, 3]);
}

#[test]
fn every_interleaving_of_two_threads_comes_up() {
    let orders: std::collections::BTreeSet<String> = (0..200)
        .map(|seed| {
            let run = Sim::new()
                .seed(seed)
                .strategy(Strategy::random())
                .run(|| async {
                    let said = Arc::new(Mutex::new(String::new()));
                    let speak = |words: &'static [&'static str]| {
                        let said = said.clone();
                        thread::spawn(move || {
                            for word in words {
                                thread::yield_now();
                                said.lock().unwrap().push_str(word);
                            }
                        })
                    };
                    let (one, two) = (speak(&["a", "b"]), speak(&["x", "y"]));
                    one.await.unwrap();
                    two.await.unwrap();
                    said.lock().unwrap().clone()
                });
            run.unwrap()
        })
        .collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn ten_thousand_threads_are_alive_at_once() {
    simrun::run(async {
        let threads: Vec<_> = (0..10_000)
            .map(|number| {
                thread::spawn(move || {
                    thread::sleep(secs(1));
                    number
                })
            })
            .collect();
        let mut sum = 0_u64;
        for thread in threads {
            sum += thread.await.unwrap();
        }
        assert_eq!(sum, 49_995_000);
    });
}

#[test]
fn a_hundred_thousand_threads_come_one_after_another() {
    let run = Sim::new().run_thread(|| {
        (0..100_000)
            .map(|one| thread::spawn(move || one).join().unwrap())
            .sum::<u64>()
    });
    assert_eq!(run.unwrap(), 4_999_950_000);
}
