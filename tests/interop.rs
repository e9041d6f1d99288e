//! What the `futures` crate offers works inside tasks: joins, selects, streams, channels, shared
//! and unordered futures, whose wakers are not the loop's own.

use futures::channel::{mpsc, oneshot};
use futures::future::{self, AbortHandle, Abortable, Either, FutureExt};
use futures::stream::{self, FuturesUnordered, StreamExt};
use futures::{SinkExt, join, pin_mut, select_biased, try_join};
use simrun::sync::{Event, Lock, Queue};
use simrun::task::{self, cancellable};
use simrun::time::{millis, now, secs, sleep, timeout};
use simrun::{Sim, Strategy, spawn};

/// Runs a program in asyncio's order and under a few seeds.
fn always(program: impl AsyncFn() + Copy + 'static) {
    Sim::new().run(|| async move { program().await }).unwrap();
    for seed in 0..20 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        sim.run(|| async move { program().await }).unwrap();
    }
}

#[test]
fn join_waits_for_sleeps_and_tasks_alike() {
    always(async || {
        let child = spawn(async {
            sleep(secs(2)).await;
            2
        });
        let ((), two, one) = join!(sleep(secs(3)), child, async { 1 });
        assert_eq!((two.unwrap(), one), (2, 1));
        assert_eq!(now().since_start(), secs(3));
        let both: Result<(u8, u8), String> = try_join!(async { Ok(1) }, async { Ok(2) });
        assert_eq!(both, Ok((1, 2)));
    });
}

#[test]
fn select_biased_and_select_drop_the_loser() {
    always(async || {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        {
            let acquire = lock.acquire().fuse();
            let nap = sleep(millis(1)).fuse();
            pin_mut!(acquire, nap);
            select_biased! {
                _ = acquire => unreachable!("the lock is held"),
                () = nap => {}
            }
        }
        drop(guard);
        let late = future::select(sleep(secs(2)), sleep(secs(1))).await;
        assert!(matches!(late, Either::Right(_)));
        drop(lock.acquire().await);
    });
}

#[test]
fn unordered_futures_give_results_as_they_come() {
    always(async || {
        let naps = [3, 1, 2].map(|n| async move {
            sleep(millis(n)).await;
            n
        });
        let order: Vec<u64> = naps
            .into_iter()
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await;
        assert_eq!(order, [1, 2, 3]);
        let tasks = [3_u64, 1, 2].map(|n| spawn(sleep(millis(n)).map(move |()| n)));
        let mut tasks: FuturesUnordered<_> = tasks.into_iter().collect();
        let mut order = Vec::new();
        while let Some(n) = tasks.next().await {
            order.push(n.unwrap());
        }
        assert_eq!(order, [1, 2, 3]);
    });
}

#[test]
fn streams_buffer_and_channels_carry() {
    always(async || {
        let squares = stream::iter(1..=4_u64).map(|n| async move {
            sleep(millis(5 - n)).await;
            n * n
        });
        let squares: Vec<u64> = squares.buffered(2).collect().await;
        assert_eq!(squares, [1, 4, 9, 16]);

        let (mut sender, mut receiver) = mpsc::channel(1);
        let producer = spawn(async move {
            for n in 0..5 {
                sender.send(n).await.unwrap();
            }
        });
        let mut received = Vec::new();
        while let Some(n) = receiver.next().await {
            received.push(n);
        }
        producer.await.unwrap();
        assert_eq!(received, [0, 1, 2, 3, 4]);

        let (sender, receiver) = oneshot::channel();
        spawn(async move { sender.send("hello").unwrap() }).detach();
        assert_eq!(receiver.await, Ok("hello"));
    });
}

#[test]
fn a_shared_future_wakes_all_who_wait() {
    always(async || {
        let shared = sleep(secs(1)).map(|()| 7).shared();
        let readers = [shared.clone(), shared.clone(), shared].map(spawn);
        assert_eq!(simrun::gather(readers).await.unwrap(), [7, 7, 7]);
    });
}

#[test]
fn an_abortable_future_is_aborted() {
    always(async || {
        let (handle, registration) = AbortHandle::new_pair();
        let task = spawn(Abortable::new(sleep(secs(60)), registration));
        task::yield_now().await;
        handle.abort();
        assert!(task.await.unwrap().is_err());
        assert_eq!(now().since_start(), secs(0));
    });
}

#[test]
fn a_cancellation_reaches_a_task_that_joins_many() {
    always(async || {
        let task = spawn(async {
            let event = Event::new();
            let queue = Queue::<u8>::unbounded();
            let joined = async { join!(sleep(secs(60)), event.wait(), queue.get()) };
            cancellable(joined).await.is_err()
        });
        sleep(millis(1)).await;
        assert!(task.cancel());
        assert!(task.await.unwrap());
        assert_eq!(now().since_start(), millis(1));
    });
}

#[test]
fn a_cancellation_reaches_a_task_that_waits_for_something_foreign() {
    always(async || {
        let (_sender, receiver) = oneshot::channel::<()>();
        let task = spawn(async move { cancellable(receiver).await.is_err() });
        sleep(millis(1)).await;
        assert!(task.cancel());
        assert!(task.await.unwrap());
    });
}

#[test]
fn of_a_joined_pair_of_tasks_both_are_dropped_when_the_joiner_is_cancelled_without_a_region() {
    always(async || {
        let (left, right) = (spawn(sleep(secs(60))), spawn(sleep(secs(60))));
        let (left_ref, right_ref) = (*left, *right);
        let joiner = spawn(async move { join!(left, right) });
        sleep(millis(1)).await;
        joiner.cancel();
        assert!(joiner.await.unwrap_err().is_cancelled());
        assert!(
            !left_ref.is_done() && !right_ref.is_done(),
            "a join does not pass it on"
        );
    });
}

#[test]
fn a_timeout_ends_an_unordered_wait() {
    always(async || {
        let mut naps: FuturesUnordered<_> = (1..=3).map(|n| sleep(secs(n * 10))).collect();
        let first = timeout(secs(15), naps.next()).await;
        assert_eq!(first, Ok(Some(())));
        assert!(timeout(millis(1), naps.next()).await.is_err());
        assert_eq!(now().since_start(), secs(10) + millis(1));
    });
}

#[test]
fn the_projects_own_select_takes_whichever_comes_first() {
    let winner = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        sim.run(|| async {
            simrun::select! {
                () = sleep(millis(1)) => 'a',
                () = sleep(millis(1)) => 'b',
                _ = sleep(secs(1)).map(|()| 5) => 'c',
            }
        })
        .unwrap()
    };
    let winners: String = (0..40).map(winner).collect();
    assert!(winners.contains('a') && winners.contains('b') && !winners.contains('c'));
    assert_eq!(winners, (0..40).map(winner).collect::<String>());
}

#[test]
fn select_lends_its_branches() {
    simrun::run(async {
        let queue = Queue::unbounded();
        let mut ticks = simrun::time::interval(millis(10));
        let mut seen = Vec::new();
        let producer = async {
            for n in 0..3 {
                sleep(millis(4)).await;
                queue.put(n).await.unwrap();
            }
            queue.shut_down();
        };
        let consumer = async {
            loop {
                simrun::select! {
                    item = queue.get() => match item {
                        Ok(item) => seen.push(item),
                        Err(_) => break,
                    },
                    _ = ticks.tick() => {}
                }
            }
        };
        join!(producer, consumer);
        assert_eq!(seen, [0, 1, 2]);
    });
}
