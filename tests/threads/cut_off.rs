//! Threads that are cut off where they stand: by the end of the run or of their process, in the
//! middle of whatever they do, with destructors that wait.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use simrun::event_loop::EventLoop;
use simrun::process::{self, Command};
use simrun::thread::sync::{Mutex, RwLock, mpsc};
use simrun::time::{self, millis, secs};
use simrun::{Sim, task, thread};

use crate::random;

/// Does something when it is dropped.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_destructor_that_waits_in_a_killed_process_spares_the_threads_outside() {
    let run = Sim::new().run(|| async {
        let outside = thread::spawn(|| {
            thread::sleep(secs(5));
            7
        });
        process::register("waits", |_| async {
            drop(thread::spawn(|| {
                let _last = Finally(|| {
                    let (_sender, receiver) = mpsc::channel::<u32>();
                    receiver.recv().unwrap_err();
                });
                thread::sleep(secs(100));
            }));
            time::sleep(secs(100)).await;
        });
        let mut child = Command::new("waits").spawn().unwrap();
        time::sleep(secs(1)).await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        outside.await.unwrap()
    });
    assert_eq!(run.unwrap(), 7);
}

#[test]
fn threads_of_a_scope_that_wait_for_each_other_in_destructors_are_all_cut_off() {
    let run = Sim::new().run(|| async {
        let dropped = Arc::new(AtomicU32::new(0));
        let theirs = dropped.clone();
        drop(thread::spawn(move || {
            let words = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for number in 0..3 {
                    let (words, dropped) = (&words, &theirs);
                    scope.spawn(move || {
                        let _last = Finally(|| {
                            thread::sleep(secs(1));
                            words.lock().unwrap().push(number);
                            dropped.fetch_add(1, Ordering::Relaxed);
                        });
                        thread::sleep(secs(100));
                    });
                }
            });
        }));
        time::sleep(secs(1)).await;
        dropped
    });
    assert_eq!(run.unwrap().load(Ordering::Relaxed), 3);
}

#[test]
fn what_a_task_has_locked_is_free_for_a_destructor_that_needs_it() {
    let run = Sim::new().run(|| async {
        let lock = Arc::new(Mutex::new(0));
        let theirs = lock.clone();
        drop(thread::spawn(move || {
            let _last = Finally(|| *theirs.lock().unwrap() += 1);
            thread::sleep(secs(100));
        }));
        process::register("holds", move |_| {
            let lock = lock.clone();
            async move {
                let _guard = lock.lock().unwrap();
                time::sleep(secs(100)).await;
            }
        });
        drop(Command::new("holds").spawn().unwrap());
        time::sleep(secs(1)).await;
    });
    run.unwrap();
}

#[test]
fn a_reader_that_is_cut_off_does_not_wait_for_a_writer_that_is_too() {
    for seed in 0..200 {
        let run = random(seed).run(move || async move {
            let lock = Arc::new(RwLock::new(0));
            for number in 0..4 {
                let lock = lock.clone();
                drop(thread::spawn(move || {
                    let _last = Finally(|| match number % 2 {
                        0 => drop(lock.read()),
                        _ => drop(lock.write()),
                    });
                    for _ in 0..3 {
                        let _guard = lock.read();
                        thread::sleep(millis(1));
                    }
                    let _guard = lock.write();
                    thread::sleep(millis(10));
                }));
            }
            time::sleep(millis(seed % 5)).await;
        });
        run.unwrap();
    }
}

#[test]
fn a_thread_that_always_catches_its_end_does_not_keep_the_run_from_ending() {
    let run = Sim::new().run(|| async {
        drop(thread::spawn(|| {
            loop {
                let _ = catch_unwind(|| thread::sleep(secs(1)));
            }
        }));
        time::sleep(secs(3)).await;
    });
    run.unwrap();
}

#[test]
fn a_destructor_that_gives_way_while_its_thread_panics_lets_the_others_go_on() {
    for seed in 0..20 {
        let run = random(seed).run(|| async {
            let done = Arc::new(AtomicU32::new(0));
            let theirs = done.clone();
            let thread = thread::spawn(move || {
                let _last = Finally(|| {
                    while theirs.load(Ordering::Relaxed) == 0 {
                        thread::yield_now();
                    }
                });
                panic!("out of paper");
            });
            for _ in 0..5 {
                task::yield_now().await;
            }
            done.store(1, Ordering::Relaxed);
            thread.await.unwrap_err();
        });
        run.unwrap();
    }
}

#[test]
fn a_thread_cannot_block_where_another_loop_is_the_current_one() {
    let run = Sim::new().run_thread(|| {
        let other = EventLoop::new();
        other.within(|| thread::sleep(secs(1)));
    });
    let failure = run.failure().unwrap().to_string();
    assert!(failure.contains("would block the event loop"), "{failure}");
}

#[test]
fn a_scope_makes_no_threads_on_another_loop() {
    let run = Sim::new().run_thread(|| {
        let other = EventLoop::new();
        thread::scope(|scope| {
            other.within(|| drop(scope.spawn(|| 4)));
        });
    });
    let failure = run.failure().unwrap().to_string();
    assert!(failure.contains("belongs to another loop"), "{failure}");
}

#[test]
fn nobody_can_order_a_thread_to_stop() {
    let run = Sim::new().run(|| async {
        let thread = thread::spawn(|| {
            thread::sleep(secs(1));
            7
        });
        let task = thread.into_future();
        task.abort();
        task.await.unwrap()
    });
    assert_eq!(run.unwrap(), 7);
}

#[test]
fn a_result_that_is_ordered_to_stop_is_cancelled() {
    let run = Sim::new().run(|| async {
        let job = thread::run_in_executor(None, || thread::sleep(secs(1)));
        job.abort();
        time::sleep(secs(2)).await;
        job.await.unwrap_err().is_cancelled()
    });
    assert!(run.unwrap());
}

#[test]
fn threads_that_panic_at_once_and_wait_in_destructors_are_cut_off() {
    let run = Sim::new().run(|| async {
        for _ in 0..3 {
            drop(thread::spawn(|| {
                let _last = Finally(|| thread::sleep(secs(10)));
                panic!("out of paper");
            }));
        }
        time::sleep(secs(1)).await;
    });
    assert!(run.failure().is_none());
}

#[test]
fn a_panic_poisons_although_another_thread_panics_as_well() {
    let run = Sim::new().run(|| async {
        let lock = Arc::new(Mutex::new(()));
        let slow = thread::spawn(|| {
            let _last = Finally(|| thread::sleep(secs(10)));
            panic!("out of paper");
        });
        let theirs = lock.clone();
        let quick = thread::spawn(move || {
            let _guard = theirs.lock().unwrap();
            thread::sleep(secs(1));
            panic!("out of ink");
        });
        quick.await.unwrap_err();
        let poisoned = lock.is_poisoned();
        slow.await.unwrap_err();
        poisoned
    });
    assert!(run.unwrap());
}

#[test]
fn a_thread_that_goes_on_when_it_is_cut_off_and_panics_then_may_wait_in_its_destructors() {
    let run = Sim::new().run(|| async {
        let (sender, receiver) = mpsc::channel();
        drop(thread::spawn(move || {
            let _last = Finally(|| sender.send(()).unwrap());
            thread::sleep(secs(100));
        }));
        drop(thread::spawn(move || {
            let _last = Finally(|| thread::sleep(secs(10)));
            // What it waits for comes from the destructor of the first.
            receiver.recv().unwrap();
            drop(thread::spawn(|| unreachable!("the loop is closed")));
        }));
        time::sleep(secs(1)).await;
    });
    run.unwrap();
}
