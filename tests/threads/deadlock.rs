//! Deadlocks of threads, and of threads with tasks, are reported with names.

use simrun::assure::{Failure, FailureKind};
use simrun::sync::Lock;
use simrun::thread::Builder;
use simrun::thread::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, OnceLock, RwLock, mpsc};
use simrun::time::{millis, sleep};
use simrun::{Sim, spawn, thread};

fn deadlock<T: 'static>(main: impl FnOnce() -> T + 'static) -> Failure {
    let run = Sim::new().run_thread(main);
    let failure = run.failure().unwrap().clone();
    assert_eq!(failure.kind(), FailureKind::Deadlock, "{failure}");
    failure
}

/// Says of each who is blocked what it waits for and who holds that.
fn blocked(failure: &Failure) -> String {
    let lines = failure.deadlock().unwrap().blocked().iter().map(|blocked| {
        let at = blocked.waits_at.as_deref().unwrap_or_default();
        let joins = blocked.waits.starts_with("for thread");
        assert!(
            at.starts_with("tests/threads/deadlock.rs:") || joins,
            "{at}"
        );
        format!(
            "{} waits {} {:?}",
            blocked.task, blocked.waits, blocked.held_by
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn ring(failure: &Failure) -> Vec<&str> {
    failure.deadlock().unwrap().ring().unwrap_or_default()
}

#[test]
fn two_mutexes_locked_crosswise_are_a_ring() {
    let failure = deadlock(|| {
        let left = Arc::new(Mutex::new(()).named("left"));
        let right = Arc::new(Mutex::new(()).named("right"));
        let cross = |name: &'static str, first: Arc<Mutex<()>>, second: Arc<Mutex<()>>| {
            let both = move || {
                let _first = first.lock().unwrap();
                thread::sleep(millis(1));
                drop(second.lock().unwrap());
            };
            Builder::new().name(name).spawn(both).unwrap()
        };
        let ada = cross("ada", left.clone(), right.clone());
        let bob = cross("bob", right, left);
        ada.join().unwrap();
        bob.join().unwrap();
    });
    assert_eq!(ring(&failure), ["ada", "bob"]);
    insta::assert_snapshot!(blocked(&failure), @r#"
    main waits for thread ada []
    ada waits for mutex `right` ["bob"]
    bob waits for mutex `left` ["ada"]
    "#);
}

#[test]
fn a_ring_of_tasks_and_threads_is_one_report() {
    let run = Sim::new().run(|| async {
        let door = Arc::new(Lock::new(()).named("door"));
        let drawer = Arc::new(Mutex::new(()).named("drawer"));
        let _drawer = drawer.lock().unwrap();
        let task = spawn({
            let (door, drawer) = (door.clone(), drawer.clone());
            async move {
                let _door = door.acquire().await;
                let worker = Builder::new().name("worker");
                let worker = worker.spawn(move || drop(drawer.lock()));
                worker.unwrap().await.unwrap();
            }
        });
        task.name("task").detach();
        sleep(millis(1)).await;
        drop(door.acquire().await);
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    assert_eq!(ring(failure), ["main", "task", "worker"]);
    insta::assert_snapshot!(blocked(failure), @r#"
    main waits for lock `door` ["task"]
    task waits for thread worker []
    worker waits for mutex `drawer` ["main"]
    "#);
}

#[test]
fn a_thread_that_locks_twice_waits_for_itself() {
    let failure = deadlock(|| {
        let mutex = Mutex::new(()).named("drawer");
        let _guard = mutex.lock().unwrap();
        drop(mutex.lock());
    });
    assert_eq!(ring(&failure), ["main"]);
    insta::assert_snapshot!(blocked(&failure), @r#"main waits for mutex `drawer` ["main"]"#);
}

#[test]
fn a_thread_that_reads_twice_while_another_waits_to_write_waits_for_itself() {
    let failure = deadlock(|| {
        let lock = Arc::new(RwLock::new(()).named("ledger"));
        let _guard = lock.read().unwrap();
        let theirs = lock.clone();
        let writer = Builder::new().name("writer");
        drop(writer.spawn(move || drop(theirs.write())));
        thread::sleep(millis(1));
        drop(lock.read());
    });
    assert_eq!(ring(&failure), ["main"]);
    insta::assert_snapshot!(blocked(&failure), @r#"
    main waits for rwlock `ledger` ["main"]
    writer waits for rwlock `ledger` ["main"]
    "#);
}

#[test]
fn a_value_that_needs_itself_is_a_ring() {
    let failure = deadlock(|| {
        let cell = Arc::new(OnceLock::<u32>::new().named("config"));
        let again = cell.clone();
        cell.get_or_init(move || *again.get_or_init(|| 1));
    });
    assert_eq!(ring(&failure), ["main"]);
    let failure = deadlock(|| {
        static WORD: LazyLock<usize> = LazyLock::new(|| *WORD + 1);
        *WORD
    });
    assert_eq!(ring(&failure), ["main"]);
}

#[test]
fn every_kind_of_wait_is_named() {
    let failure = deadlock(|| {
        let (sender, receiver) = mpsc::channel::<()>();
        let (full, slot) = mpsc::sync_channel(0);
        let full = full.named("letters");
        let (mutex, condvar) = (Mutex::new(()), Condvar::new().named("changed"));
        let barrier = Barrier::new(2).named("start");
        type Waits = Box<dyn FnOnce() + Send>;
        let waits: [(&str, Waits); 4] = [
            (
                "receives",
                Box::new(move || receiver.named("orders").recv().unwrap()),
            ),
            ("sends", Box::new(move || full.send(1).unwrap())),
            (
                "listens",
                Box::new(move || drop(condvar.wait(mutex.lock().unwrap()))),
            ),
            (
                "arrives",
                Box::new(move || assert!(!barrier.wait().is_leader())),
            ),
        ];
        let threads = waits.map(|(name, wait)| Builder::new().name(name).spawn(wait).unwrap());
        for thread in threads {
            thread.join().unwrap();
        }
        drop((sender, slot));
    });
    insta::assert_snapshot!(blocked(&failure), @r"
    main waits for thread receives []
    receives waits for channel `orders` []
    sends waits for channel `letters` []
    listens waits for condvar `changed` []
    arrives waits for barrier `start` []
    ");
}
