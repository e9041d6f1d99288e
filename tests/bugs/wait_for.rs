//! Awaiting with a deadline, by hand: cancellations and items that get lost on the way.

use std::sync::Arc;
use std::time::Duration;

use simrun::sync::Queue;
use simrun::task::{self, cancellable};
use simrun::time::{millis, secs, sleep};
use simrun::{Promise, event_loop, spawn};

use super::{Version, bug};

/// Waits for a promise for so long. If it is cancelled when the promise is done already, the broken
/// version returns the value, and the cancellation is gone.
async fn wait_for(version: Version, limit: Duration, promise: &Promise<u8>) -> Option<u8> {
    let waiter = Promise::new();
    let release = |waiter: Promise<()>| {
        move || {
            let _ = waiter.set(());
        }
    };
    let timer = event_loop::call_later(limit, release(waiter.clone()));
    promise.on_done(release(waiter.clone()));
    let waited = cancellable(async { (&waiter).await }).await;
    timer.cancel();
    if let Err(cancelled) = waited
        && (version == Version::Mended || !promise.is_done())
    {
        return cancelled.raise().await;
    }
    promise.result().and_then(Result::ok)
}

async fn a_worker_is_cancelled_when_its_reply_arrives(version: Version) {
    let reply = Promise::new();
    let worker = spawn({
        let reply = reply.clone();
        async move {
            wait_for(version, secs(9), &reply).await;
            sleep(secs(1)).await;
        }
    });
    let answer = spawn(async move {
        task::yield_now().await;
        reply.set(1).unwrap();
    });
    let canceller = spawn(async move {
        task::yield_now().await;
        task::yield_now().await;
        let accepted = worker.cancel();
        assert!(
            !accepted || worker.await.is_err(),
            "the cancellation was swallowed"
        );
    });
    simrun::gather([answer, canceller]).await.unwrap();
}

bug!(
    wait_for_swallows_a_cancellation,
    a_worker_is_cancelled_when_its_reply_arrives,
    "the cancellation was swallowed"
);

/// Gets from a queue for so long. The broken version gives up at the deadline without a look at
/// the getter, which may have an item by then.
async fn get_within(version: Version, limit: Duration, queue: &Arc<Queue<u8>>) -> Option<u8> {
    let queue = queue.clone();
    let getter = spawn(async move { queue.get().await.unwrap() });
    let late = spawn(sleep(limit));
    let both = [*getter, *late];
    let waiter = Promise::new();
    for task in both {
        let waiter = waiter.clone();
        task.on_done(move |_| {
            let _ = waiter.set(());
        });
    }
    waiter.await.unwrap();
    if version == Version::Mended && getter.is_done() || !late.is_done() {
        return getter.await.ok();
    }
    getter.cancel();
    if version == Version::Mended {
        getter.await.ok()
    } else {
        None
    }
}

async fn an_item_arrives_at_the_deadline(version: Version) {
    let queue = Arc::new(Queue::unbounded());
    let producer = spawn({
        let queue = queue.clone();
        async move {
            sleep(millis(5)).await;
            queue.put(1).await.unwrap();
        }
    });
    let got = get_within(version, millis(5), &queue).await;
    producer.await.unwrap();
    task::yield_now().await;
    assert_eq!(
        usize::from(got.is_some()) + queue.len(),
        1,
        "an item was lost"
    );
}

bug!(
    wait_for_loses_an_item_that_arrives_at_the_deadline,
    an_item_arrives_at_the_deadline,
    "an item was lost"
);
