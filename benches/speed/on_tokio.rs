//! The works as tokio does them: see [`on_simrun`](super::on_simrun).

use std::future::Future;

use tokio::runtime::Builder;
use tokio::sync::mpsc::channel;
use tokio::task;
use tokio::time::{Duration, sleep};

use super::memory;
use super::works::{SLEEPS, YIELDERS, nap, nap_of};

fn run<F: Future>(main: F) -> F::Output {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime
        .expect("a runtime without input and output")
        .block_on(main)
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
    run(async move {
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
    });
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
        let ((there, mut from_there), (back, mut from_back)) = (channel(1), channel(1));
        let echo = task::spawn(async move {
            for _ in 0..trips {
                let ball: u64 = from_there.recv().await.unwrap();
                back.send(ball).await.unwrap();
            }
        });
        let player = task::spawn(async move {
            for ball in 0..trips {
                there.send(ball).await.unwrap();
                assert_eq!(from_back.recv().await.unwrap(), ball);
            }
        });
        player.await.unwrap();
        echo.await.unwrap();
    });
}

/// Builds and drops a runtime in which nothing happens.
pub(crate) fn runs(runs: u64) {
    for _ in 0..runs {
        run(async {});
    }
}

/// Builds a runtime, lets an hour pass and drops it.
pub(crate) fn idle_hours(hours: u64) {
    for _ in 0..hours {
        run(async { sleep(Duration::from_secs(3_600)).await });
    }
}

/// Has a trivial job done in another thread, again and again.
pub(crate) fn to_threads(jobs: u64) {
    run(async move {
        for job in 0..jobs {
            assert_eq!(task::spawn_blocking(move || job).await.unwrap(), job);
        }
    });
}

/// Returns the bytes in use for each of as many sleeping tasks, their handles not included.
pub(crate) fn bytes_per_sleeper(tasks: u64) -> f64 {
    run(async move {
        let mut handles = Vec::with_capacity(tasks as usize);
        let before = memory::live();
        handles.extend((0..tasks).map(|task| task::spawn(async move { sleep(nap(task)).await })));
        // Time moves only when nothing else can happen, so when this ends all of them sleep.
        sleep(Duration::from_millis(1)).await;
        let used = memory::live() - before;
        drop(handles);
        used as f64 / tasks as f64
    })
}
