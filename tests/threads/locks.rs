//! Mutexes, read-write locks and barriers: who gets in, and what a panic leaves behind.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use simrun::thread::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use simrun::thread::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, RwLock, RwLockReadGuard,
    RwLockWriteGuard, TryLockError, mpsc, oneshot,
};
use simrun::time::{now, secs};
use simrun::{Sim, task, thread};

use crate::random;

#[test]
fn what_threads_share_is_send_and_sync() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sync<T: Sync>() {}
    fn is_send<T: Send>() {}
    is_shared::<(Mutex<Cell<u8>>, RwLock<u8>, Condvar, Barrier)>();
    is_shared::<(Once, OnceLock<u8>, LazyLock<u8>)>();
    is_shared::<(AtomicU32, AtomicBool)>();
    is_shared::<(mpsc::Sender<Cell<u8>>, mpsc::SyncSender<Cell<u8>>)>();
    is_shared::<(oneshot::Sender<u8>, oneshot::Receiver<u8>)>();
    is_send::<(mpsc::Receiver<u8>, oneshot::Recv<u8>)>();
    is_sync::<(MutexGuard<'_, u8>, RwLockReadGuard<'_, u8>)>();
    is_sync::<RwLockWriteGuard<'_, u8>>();
}

/// Has three threads go through a region and counts how many were in it at once at most.
fn crowd(enter: impl Fn(&dyn Fn()) + Sync) -> u32 {
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    let stay = || {
        let others = inside.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(others + 1, Ordering::SeqCst);
        thread::yield_now();
        inside.fetch_sub(1, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2 {
                    enter(&stay);
                }
            });
        }
    });
    most.into_inner()
}

#[test]
fn a_mutex_lets_one_thread_in_at_a_time_under_a_thousand_seeds() {
    for seed in 0..1_000 {
        let run = random(seed).run_thread(|| {
            let total = Mutex::new(0);
            let most = crowd(|stay| {
                let mut total = total.lock().unwrap();
                let before = *total;
                stay();
                *total = before + 1;
            });
            (most, total.into_inner().unwrap())
        });
        assert_eq!(run.unwrap(), (1, 6), "seed {seed}");
    }
}

#[test]
fn without_a_mutex_threads_do_meet() {
    let most: BTreeSet<u32> = (0..50)
        .map(|seed| random(seed).run_thread(|| crowd(|stay| stay())).unwrap())
        .collect();
    assert!(most.contains(&3), "{most:?}");
}

#[test]
fn writers_are_alone_and_readers_are_not_under_a_thousand_seeds() {
    let mut together = BTreeSet::new();
    for seed in 0..1_000 {
        let run = random(seed).run_thread(|| {
            let lock = RwLock::new(());
            let readers = crowd(|stay| {
                let _guard = lock.read().unwrap();
                stay();
            });
            let writers = crowd(|stay| {
                let _guard = lock.write().unwrap();
                stay();
            });
            let next = AtomicU32::new(0);
            let mixed = AtomicU32::new(0);
            crowd(|_| {
                if next.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                    let _guard = lock.read().unwrap();
                    let before = mixed.load(Ordering::SeqCst);
                    thread::yield_now();
                    assert_eq!(mixed.load(Ordering::SeqCst), before);
                } else {
                    let _guard = lock.write().unwrap();
                    mixed.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    mixed.fetch_add(1, Ordering::SeqCst);
                }
            });
            (readers, writers)
        });
        let (readers, writers) = run.unwrap();
        assert_eq!(writers, 1, "seed {seed}");
        together.insert(readers);
    }
    assert!(together.contains(&3), "{together:?}");
}

#[test]
fn who_waits_for_a_mutex_can_be_overtaken() {
    let winners: BTreeSet<&str> = (0..100)
        .map(|seed| {
            let run = random(seed).run_thread(|| {
                let first = Mutex::new(None);
                let guard = first.lock().unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| first.lock().unwrap().get_or_insert("one").len());
                    scope.spawn(|| first.lock().unwrap().get_or_insert("other").len());
                    thread::sleep(secs(1));
                    drop(guard);
                });
                first.into_inner().unwrap().unwrap()
            });
            run.unwrap()
        })
        .collect();
    assert_eq!(winners.len(), 2);
}

#[test]
fn a_panic_poisons_what_the_thread_had_locked_for_writing() {
    let run = Sim::new().run_thread(|| {
        let (mutex, lock, read) = (Mutex::new(1), RwLock::new(1), RwLock::new(1));
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let (mut one, mut two) = (mutex.lock().unwrap(), lock.write().unwrap());
                let _three = read.read().unwrap();
                (*one, *two) = (2, 2);
                panic!("between the two");
            });
            assert!(thread.join().is_err());
        });
        assert!(mutex.is_poisoned() && lock.is_poisoned() && !read.is_poisoned());
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 2);
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
        assert!(lock.read().is_err() && lock.write().is_err());
        mutex.clear_poison();
        lock.clear_poison();
        assert_eq!(mutex.into_inner().unwrap() + *lock.read().unwrap(), 4);
    });
    run.unwrap();
}

#[test]
fn a_lock_that_is_taken_and_released_during_a_panic_is_not_poisoned() {
    struct Locks<'a>(&'a Mutex<u32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let run = Sim::new().run_thread(|| {
        let mutex = Mutex::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _locks = Locks(&mutex);
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        mutex.into_inner().unwrap()
    });
    assert_eq!(run.unwrap(), 1);
}

#[test]
fn a_thread_that_is_cut_off_unlocks_and_poisons_nothing() {
    struct Counts(Arc<Mutex<u32>>, Arc<std::sync::atomic::AtomicU32>);
    impl Drop for Counts {
        fn drop(&mut self) {
            let count = *self.0.lock().unwrap();
            self.1.store(count, std::sync::atomic::Ordering::Relaxed);
        }
    }
    for seed in 0..200 {
        let seen = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let run = random(seed).run(|| {
            let counts = Counts(Arc::new(Mutex::new(1)), seen.clone());
            async move {
                let mutex = counts.0.clone();
                drop(thread::spawn(move || {
                    let mut guard = mutex.lock().unwrap();
                    *guard += 1;
                    thread::yield_now();
                    drop(guard);
                    let _again = mutex.lock().unwrap();
                    thread::park();
                }));
                drop(thread::spawn(move || {
                    let _counts = counts;
                    thread::park();
                }));
                for _ in 0..seed % 7 {
                    task::yield_now().await;
                }
            }
        });
        assert!(run.failure().is_none(), "seed {seed}: {run}");
        assert!(seen.load(std::sync::atomic::Ordering::Relaxed) >= 1);
    }
}

#[test]
fn a_destructor_that_waits_gets_the_lock_of_the_next_thread_that_is_cut_off() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Arc::new(Mutex::new(0));
    let run = Sim::new().run(|| {
        let (locks, theirs) = (Locks(mutex.clone()), mutex.clone());
        async move {
            drop(thread::spawn(move || {
                let _locks = locks;
                thread::park();
            }));
            drop(thread::spawn(move || {
                let _guard = theirs.lock().unwrap();
                loop {
                    thread::park();
                }
            }));
            task::yield_now().await;
        }
    });
    assert!(run.failure().is_none(), "{run}");
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn tasks_lock_what_is_free_and_must_not_wait() {
    simrun::run(async {
        let mutex = Arc::new(Mutex::new(0));
        *mutex.lock().unwrap() += 1;
        let holder = thread::spawn({
            let mutex = mutex.clone();
            move || {
                let _guard = mutex.lock().unwrap();
                thread::sleep(secs(1));
            }
        });
        simrun::time::sleep(secs(1) / 2).await;
        assert!(mutex.try_lock().is_err());
        let refused = catch_unwind(AssertUnwindSafe(|| drop(mutex.lock())));
        let refused = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(
            refused.starts_with("locking a mutex would block"),
            "{refused}"
        );
        holder.await.unwrap();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_test_can_look_at_what_a_run_has_left() {
    let (mutex, lock) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::new(1)));
    *mutex.lock().unwrap() = 2;
    let run = Sim::new().run_thread({
        let (mutex, lock) = (mutex.clone(), lock.clone());
        move || *lock.write().unwrap() = *mutex.lock().unwrap()
    });
    run.unwrap();
    assert_eq!(*mutex.lock().unwrap() + *lock.read().unwrap(), 4);
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { data: 2, poisoned: false, .. }"
    );
}

#[test]
fn a_lock_can_be_around_what_has_no_size() {
    let run = Sim::new().run_thread(|| {
        let call: Arc<Mutex<dyn FnMut() -> u32 + Send>> = {
            let mut times = 0;
            Arc::new(Mutex::new(move || {
                times += 1;
                times
            }))
        };
        let words: Arc<RwLock<[u8]>> = Arc::new(RwLock::new([1, 2, 3]));
        (call.lock().unwrap())();
        (call.lock().unwrap())() + words.read().unwrap().len() as u32
    });
    assert_eq!(run.unwrap(), 5);
}

#[test]
fn a_barrier_opens_when_all_are_there_and_again_under_many_seeds() {
    for seed in 0..300 {
        let run = random(seed).run_thread(|| {
            let (barrier, came) = (Barrier::new(3), AtomicU32::new(0));
            let leaders = AtomicU32::new(0);
            thread::scope(|scope| {
                for number in 1..=3 {
                    let (barrier, came, leaders) = (&barrier, &came, &leaders);
                    scope.spawn(move || {
                        for round in 1..=2 {
                            thread::sleep(secs(number));
                            came.fetch_add(1, Ordering::SeqCst);
                            if barrier.wait().is_leader() {
                                leaders.fetch_add(1, Ordering::SeqCst);
                            }
                            assert!(came.load(Ordering::SeqCst) >= 3 * round);
                        }
                    });
                }
            });
            (leaders.into_inner(), now().since_start())
        });
        assert_eq!(run.unwrap(), (2, secs(6)), "seed {seed}");
    }
}
