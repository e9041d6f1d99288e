//! What makes two runs of one seed differ: each of these leaks is found, and told where it shows
//! first.
//!
//! A program has three tasks. Two are innocent; the one called `leak` asks something that is not
//! the run's, and goes one way or another by the answer. It writes nothing into the trace: what is
//! found is what it does.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "they are what is to be found"
)]

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Instant, SystemTime};

use simrun::assure::{Failure, FailureKind};
use simrun::explore::Explorer;
use simrun::{Sim, spawn, task, time};

/// Goes one way or another, at each of 64 forks.
async fn act_on(answer: impl Hash) {
    // The same number for the same answer, in every process.
    let mut hasher = std::hash::DefaultHasher::new();
    answer.hash(&mut hasher);
    let mut forks = std::hash::Hasher::finish(&hasher);
    for _ in 0..64 {
        match forks & 1 {
            0 => task::yield_now().await,
            _ => time::sleep(time::nanos(1)).await,
        }
        forks >>= 1;
    }
}

async fn innocent() {
    for _ in 0..5 {
        task::yield_now().await;
    }
}

async fn among_others<F: Future<Output = ()> + 'static>(leak: fn() -> F) {
    let before = spawn(innocent()).name("before");
    let leak = spawn(async move {
        innocent().await;
        leak().await;
    })
    .name("leak");
    let after = spawn(innocent()).name("after");
    for task in [before, leak, after] {
        task.await.unwrap();
    }
}

/// Checks that a leak is found, by a check of one seed and by a campaign, and where.
#[track_caller]
fn is_found<F: Future<Output = ()> + 'static>(leak: fn() -> F) {
    let is_told = |failure: &Failure| {
        assert_eq!(failure.kind(), FailureKind::Nondeterminism, "{failure}");
        assert!(failure.message().contains("differ at event"), "{failure}");
        assert_eq!(failure.task(), Some("leak"), "{failure}");
    };
    let check = Sim::new().check_determinism(|| among_others(leak));
    is_told(&check.expect_err("one seed is run twice"));
    let explorer = Explorer::new().runs(200).without_regressions();
    let report = explorer.explore(|| among_others(leak));
    assert!(!report.findings().is_empty(), "a campaign repeats runs");
    is_told(report.findings()[0].failure());
}

#[test]
fn the_order_of_a_hash_map() {
    async fn leak() {
        let map: HashMap<u32, ()> = (0..20).map(|key| (key, ())).collect();
        act_on(map.into_keys().collect::<Vec<_>>()).await;
    }
    is_found(leak);
}

#[test]
fn the_first_of_a_hash_set() {
    async fn leak() {
        for _ in 0..5 {
            let set: HashSet<u32> = (0..1_000).collect();
            act_on(set.iter().next()).await;
        }
    }
    is_found(leak);
}

#[test]
fn real_time() {
    async fn leak() {
        let start = Instant::now();
        std::thread::sleep(time::micros(10));
        act_on(start.elapsed().as_nanos()).await;
    }
    is_found(leak);
}

#[test]
fn the_machines_clock() {
    async fn leak() {
        act_on(SystemTime::now()).await;
    }
    is_found(leak);
}

#[test]
fn an_address() {
    async fn leak() {
        let address = std::ptr::from_ref(Box::leak(Box::new(5)));
        act_on(address.addr()).await;
    }
    is_found(leak);
}

#[test]
fn the_machines_randomness() {
    async fn leak() {
        act_on(RandomState::new().hash_one(1)).await;
    }
    is_found(leak);
}

#[test]
fn a_race_of_real_threads() {
    async fn leak() {
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let order = &order;
                scope.spawn(move || {
                    std::thread::yield_now();
                    order.lock().unwrap().push((thread, Instant::now()));
                });
            }
        });
        let order = order.into_inner().unwrap();
        act_on(order.iter().map(|(_, at)| *at).min()).await;
    }
    is_found(leak);
}

#[test]
fn the_id_of_a_real_thread() {
    async fn leak() {
        let id = std::thread::spawn(|| std::thread::current().id());
        act_on(id.join().unwrap()).await;
    }
    is_found(leak);
}

#[test]
fn a_static() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    async fn leak() {
        act_on(RUNS.fetch_add(1, Ordering::Relaxed)).await;
    }
    is_found(leak);
}

#[test]
fn a_thread_local() {
    thread_local! {
        static RUNS: Cell<u64> = const { Cell::new(0) };
    }
    async fn leak() {
        act_on(RUNS.replace(RUNS.get() + 1)).await;
    }
    is_found(leak);
}

#[test]
fn the_select_of_futures() {
    async fn leak() {
        let mut turns = Vec::new();
        for _ in 0..64 {
            turns.push(futures::select! {
                () = futures::future::ready(()) => 1,
                () = futures::future::ready(()) => 2,
            });
        }
        act_on(turns).await;
    }
    is_found(leak);
}

#[test]
fn the_select_of_tokio() {
    async fn leak() {
        let mut turns = Vec::new();
        for _ in 0..64 {
            turns.push(tokio::select! {
                () = std::future::ready(()) => 1,
                () = std::future::ready(()) => 2,
            });
        }
        act_on(turns).await;
    }
    is_found(leak);
}

/// A cache that is full after the first run: only what is done twice in a row is the same.
#[test]
fn a_cache_that_outlives_the_run() {
    static CACHE: OnceLock<u64> = OnceLock::new();
    async fn leak() {
        if CACHE.get().is_none() {
            time::sleep(time::millis(1)).await;
            let _ = CACHE.set(42);
        }
    }
    let failure = Sim::new()
        .check_determinism(|| among_others(leak))
        .unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Nondeterminism);
    assert_eq!(failure.task(), Some("leak"), "{failure}");
    Sim::new().check_determinism(|| among_others(leak)).unwrap();
}

/// The machine decides when the thread wakes the task, so this is told without a second run.
#[test]
fn a_real_thread_that_wakes_a_task() {
    async fn leak() {
        let (send, mut receive) = futures::channel::oneshot::channel();
        assert!(futures::poll!(&mut receive).is_pending());
        let thread = std::thread::spawn(move || send.send(5));
        thread.join().unwrap().unwrap();
        assert_eq!(receive.await, Ok(5));
    }
    let run = Sim::new().run(|| among_others(leak));
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Nondeterminism, "{failure}");
    assert!(failure.message().contains("another thread"), "{failure}");
}
