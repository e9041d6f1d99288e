//! A program that uses a bit of everything, for tests that compare whole runs.

use std::sync::Arc;

use simrun::sync::{Condition, Event, Lock, Queue, Semaphore};
use simrun::task::{self, cancellable};
use simrun::time::{millis, sleep, timeout};
use simrun::{chance, gather, spawn};

/// Workers share a queue, a lock, a semaphore and a condition; some are cancelled, some time out.
/// Returns a number that depends on the order in which things happened.
pub(crate) async fn everything() -> u64 {
    let queue = Arc::new(Queue::bounded(2).named("jobs"));
    let total = Arc::new(Lock::new(0_u64).named("total"));
    let permits = Arc::new(Semaphore::new(2));
    let progress = Arc::new(Condition::new(0_u32));
    let open = Arc::new(Event::new());

    let workers: Vec<_> = (0..4_u64)
        .map(|number| {
            let (queue, total, open) = (queue.clone(), total.clone(), open.clone());
            let (permits, progress) = (permits.clone(), progress.clone());
            spawn(async move {
                open.wait().await;
                while let Ok(job) = queue.get().await {
                    let _permit = permits.acquire().await;
                    sleep(millis(chance::below("effort", 3))).await;
                    let mut total = total.acquire().await;
                    task::yield_now().await;
                    *total = total.wrapping_mul(31).wrapping_add(job * 7 + number);
                    let mut done = progress.lock().await;
                    *done += 1;
                    done.notify_all();
                }
            })
        })
        .collect();
    let producer = spawn({
        let queue = queue.clone();
        async move {
            for job in 0..12_u64 {
                let put = timeout(millis(4), queue.put(job)).await;
                simrun::log!("job {job} is {}", if put.is_ok() { "in" } else { "late" });
            }
            queue.shut_down();
        }
    });
    open.set();
    let victim = spawn(async { cancellable(sleep(millis(50))).await.is_err() });
    let grouped = task::group(|group| async move {
        for pause in 1..=3 {
            group.spawn(sleep(millis(pause))).detach();
        }
        simrun::select! {
            () = sleep(millis(2)) => "one",
            () = sleep(millis(2)) => "two",
        }
    });
    simrun::log!("the winner is {}", grouped.await.unwrap());
    victim.cancel();
    producer.await.unwrap();
    gather(workers).await.unwrap();
    let cancelled = victim.await.unwrap();
    let total = *total.acquire().await;
    total ^ u64::from(cancelled)
}
