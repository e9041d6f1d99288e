//! A gather that keeps errors, and takes the cancellation of its awaiter for one of them.

use simrun::task::{self, Task, cancellable};
use simrun::time::{millis, secs, sleep};
use simrun::{Promise, TaskError, spawn};

use super::{Version, bug};

async fn gather_keeping_errors(
    version: Version,
    tasks: Vec<Task<()>>,
) -> Vec<Result<(), TaskError>> {
    let done = Promise::new();
    let left = std::rc::Rc::new(std::cell::Cell::new(tasks.len()));
    for task in &tasks {
        let (left, done) = (left.clone(), done.clone());
        task.on_done(move |_| {
            left.set(left.get() - 1);
            if left.get() == 0 {
                done.set(()).unwrap();
            }
        });
    }
    let mut cancelled = None;
    while let Err(again) = cancellable(task::shield(&done)).await {
        for task in &tasks {
            task.cancel_with("gathered");
        }
        cancelled = Some(again);
    }
    match cancelled {
        Some(cancelled) if version == Version::Mended => cancelled.raise().await,
        _ => tasks
            .iter()
            .map(|task| task.settle().expect("all are done"))
            .collect(),
    }
}

async fn a_gathering_task_is_cancelled(version: Version) {
    let outer = spawn(async move {
        let tasks = vec![spawn(sleep(millis(2))), spawn(sleep(millis(2)))];
        gather_keeping_errors(version, tasks).await;
        sleep(secs(1)).await;
    });
    let accepted = spawn(async move {
        sleep(millis(simrun::chance::below("when to cancel", 3))).await;
        let accepted = outer.cancel();
        (accepted, outer.await)
    });
    let (accepted, ended) = accepted.await.unwrap();
    assert!(
        !accepted || ended.is_err(),
        "the cancellation was swallowed"
    );
}

bug!(
    a_gather_takes_its_awaiters_cancellation_for_a_result,
    a_gathering_task_is_cancelled,
    "the cancellation was swallowed"
);
