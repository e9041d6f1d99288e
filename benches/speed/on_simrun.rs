//! The works as simrun does them. Each is a whole run, from its start to its end, and each has a
//! twin in [`on_tokio`](super::on_tokio) or [`on_shuttle`](super::on_shuttle) that differs in
//! nothing but the names.

use std::future::Future;
use std::sync::Arc;

use simrun::sync::Queue;
use simrun::thread::sync::{Mutex, mpsc};
use simrun::time::{millis, secs, sleep};
use simrun::{Sim, Strategy, task, thread};

use super::memory;
use super::works::{SLEEPS, YIELDERS, nap, nap_of};

fn run<F: Future + 'static>(main: F) -> F::Output {
    Sim::new().run(|| main).unwrap()
}

/// Spawns as many trivial tasks and then awaits them all.
pub(crate) fn spawn_then_await(tasks: u64) {
    run(async move {
        let mut handles = Vec::with_capacity(tasks as usize);
        handles.extend((0..tasks).map(|task| task::spawn(async move { task })));
        for handle in handles {
            handle.await.unwrap();
        }
    });
}

/// Spawns a trivial task and awaits it, again and again.
pub(crate) fn spawn_and_await(tasks: u64) {
    run(async move {
        for task in 0..tasks {
            task::spawn(async move { task }).await.unwrap();
        }
    });
}

/// Lets a thousand tasks give way to each other.
pub(crate) fn yields(yields: u64) {
    Sim::new().run(|| yielders(yields)).unwrap();
}

/// Lets a thousand tasks give way to whomever chance picks.
pub(crate) fn random_yields(yields: u64) {
    let sim = Sim::new().strategy(Strategy::random());
    sim.run(|| yielders(yields)).unwrap();
}

async fn yielders(yields: u64) {
    let yielder = |_| {
        task::spawn(async move {
            for _ in 0..yields / YIELDERS {
                task::yield_now().await;
            }
        })
    };
    let handles: Vec<_> = (0..YIELDERS).map(yielder).collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

/// Lets tasks sleep, ten times each.
pub(crate) fn sleeps(sleeps: u64) {
    run(async move {
        let sleeper = |task| {
            task::spawn(async move {
                for round in 0..SLEEPS {
                    sleep(nap_of(task, round)).await;
                }
            })
        };
        let handles: Vec<_> = (0..sleeps / SLEEPS).map(sleeper).collect();
        for handle in handles {
            handle.await.unwrap();
        }
    });
}

/// Sends a number to a task that sends it back.
pub(crate) fn round_trips(trips: u64) {
    run(async move {
        let (there, back) = (Arc::new(Queue::bounded(1)), Arc::new(Queue::bounded(1)));
        let echo = task::spawn({
            let (there, back) = (there.clone(), back.clone());
            async move {
                for _ in 0..trips {
                    let ball: u64 = there.get().await.unwrap();
                    back.put(ball).await.unwrap();
                }
            }
        });
        let player = task::spawn(async move {
            for ball in 0..trips {
                there.put(ball).await.unwrap();
                assert_eq!(back.get().await.unwrap(), ball);
            }
        });
        player.await.unwrap();
        echo.await.unwrap();
    });
}

/// Starts and ends a run in which nothing happens.
pub(crate) fn runs(runs: u64) {
    for _ in 0..runs {
        Sim::new().run(|| async {}).unwrap();
    }
}

/// Starts a run, lets an hour pass and ends it.
pub(crate) fn idle_hours(hours: u64) {
    for _ in 0..hours {
        Sim::new().run(|| sleep(secs(3_600))).unwrap();
    }
}

/// Has a trivial job done in another thread, again and again.
pub(crate) fn to_threads(jobs: u64) {
    run(async move {
        for job in 0..jobs {
            assert_eq!(thread::to_thread(move || job).await.unwrap(), job);
        }
    });
}

/// Lets two threads hand a lock over to each other.
pub(crate) fn hand_overs(hand_overs: u64) {
    Sim::new()
        .run_thread(move || hand_over(hand_overs))
        .unwrap();
}

pub(crate) fn random_hand_overs(hand_overs: u64) {
    random().run_thread(move || hand_over(hand_overs)).unwrap();
}

fn random() -> Sim {
    Sim::new().seed(1).strategy(Strategy::random())
}

fn hand_over(hand_overs: u64) {
    let counter = Arc::new(Mutex::new(0));
    let count = |counter: Arc<Mutex<u64>>| {
        thread::spawn(move || {
            for _ in 0..hand_overs / 2 {
                let mut counter = counter.lock().unwrap();
                // So that the other one comes and waits.
                thread::yield_now();
                *counter += 1;
            }
        })
    };
    let counters = [count(counter.clone()), count(counter.clone())];
    counters
        .into_iter()
        .for_each(|counter| counter.join().unwrap());
    assert_eq!(*counter.lock().unwrap(), hand_overs / 2 * 2);
}

/// Sends a ball to another thread and back.
pub(crate) fn thread_round_trips(trips: u64) {
    let play = move || {
        let (there, hit) = mpsc::channel();
        let (back, caught) = mpsc::channel();
        let echo = thread::spawn(move || {
            hit.into_iter()
                .for_each(|ball: u64| back.send(ball).unwrap())
        });
        for ball in 0..trips {
            there.send(ball).unwrap();
            assert_eq!(caught.recv().unwrap(), ball);
        }
        drop(there);
        echo.join().unwrap();
    };
    random().run_thread(play).unwrap();
}

/// Starts a trivial thread and joins it, again and again.
pub(crate) fn threads(threads: u64) {
    let start = move || {
        for number in 0..threads {
            assert_eq!(thread::spawn(move || number).join().unwrap(), number);
        }
    };
    random().run_thread(start).unwrap();
}

/// Returns the bytes in use for each of as many sleeping tasks, their handles not included.
pub(crate) fn bytes_per_sleeper(tasks: u64) -> f64 {
    run(async move {
        let mut handles = Vec::with_capacity(tasks as usize);
        let before = memory::live();
        handles.extend((0..tasks).map(|task| task::spawn(async move { sleep(nap(task)).await })));
        // When this sleep begins, none of the others has begun; when it ends, all have.
        sleep(millis(1)).await;
        let used = memory::live() - before;
        drop(handles);
        used as f64 / tasks as f64
    })
}
