//! Channels: order, room, and what happens when an end is gone.

use std::collections::BTreeSet;
use std::future::IntoFuture;

use simrun::thread::sync::mpsc::{
    self, RecvTimeoutError, SendError, TryRecvError, TrySendError, channel, sync_channel,
};
use simrun::thread::sync::oneshot;
use simrun::time::{millis, now, secs, timeout};
use simrun::{Sim, spawn, task, thread};

use crate::random;

#[test]
fn each_senders_values_come_in_its_order_under_a_thousand_seeds() {
    let mut orders = BTreeSet::new();
    for seed in 0..1_000 {
        let bound = seed % 4;
        let run = random(seed).run_thread(move || {
            let (sender, receiver) = match bound {
                3 => {
                    let (sender, receiver) = channel();
                    (Err(sender), receiver)
                }
                bound => {
                    let (sender, receiver) = sync_channel(bound as usize);
                    (Ok(sender), receiver)
                }
            };
            for name in 0..3 {
                let sender = sender.clone();
                drop(thread::spawn(move || {
                    for number in 0..3 {
                        match &sender {
                            Ok(sender) => sender.send((name, number)).unwrap(),
                            Err(sender) => sender.send((name, number)).unwrap(),
                        }
                    }
                }));
            }
            drop(sender);
            receiver.iter().collect::<Vec<_>>()
        });
        let all = run.unwrap();
        assert_eq!(all.len(), 9, "seed {seed}");
        for name in 0..3 {
            let numbers = all.iter().filter(|(sender, _)| *sender == name);
            assert!(numbers.map(|(_, number)| *number).eq(0..3), "{all:?}");
        }
        orders.insert(all);
    }
    assert!(orders.len() > 100, "{}", orders.len());
}

#[test]
fn a_channel_ends_when_its_senders_are_gone_and_refuses_when_its_receiver_is() {
    let run = Sim::new().run_thread(|| {
        let (sender, receiver) = channel();
        let other = sender.clone();
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let ends = thread::spawn(move || {
            thread::sleep(secs(1));
            drop(other);
        });
        assert!(receiver.recv().is_err());
        assert_eq!(now().since_start(), secs(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        ends.join().unwrap();

        let (sender, receiver) = channel();
        drop(receiver);
        assert_eq!(sender.send(2), Err(SendError(2)));
        let (sender, receiver) = sync_channel(1);
        sender.send(3).unwrap();
        assert_eq!(sender.try_send(4), Err(TrySendError::Full(4)));
        let leaves = thread::spawn(move || {
            thread::sleep(secs(1));
            drop(receiver);
        });
        assert_eq!(sender.send(5), Err(SendError(5)));
        assert_eq!(sender.try_send(6), Err(TrySendError::Disconnected(6)));
        leaves.join().unwrap();
    });
    run.unwrap();
}

#[test]
fn a_channel_without_room_hands_its_values_over() {
    let run = Sim::new().run_thread(|| {
        let (sender, receiver) = sync_channel(0);
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        let sending = thread::spawn(move || {
            sender.send(1).unwrap();
            let first = now().since_start();
            thread::sleep(secs(2));
            // The receiver waits by now.
            sender.try_send(2).unwrap();
            assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
            thread::sleep(secs(1));
            (first, sender.send(4))
        });
        thread::sleep(secs(1));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(
            receiver.recv_timeout(secs(1)),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(receiver.recv(), Ok(2));
        thread::sleep(secs(3));
        drop(receiver);
        assert_eq!(sending.join().unwrap(), (secs(1), Err(SendError(4))));
    });
    run.unwrap();
}

#[test]
fn a_receiver_waits_for_as_long_as_it_says() {
    let run = Sim::new().run_thread(|| {
        let (sender, receiver) = mpsc::channel();
        drop(thread::spawn(move || {
            thread::sleep(secs(2));
            sender.send("late").unwrap();
        }));
        assert_eq!(
            receiver.recv_timeout(millis(500)),
            Err(RecvTimeoutError::Timeout)
        );
        assert_eq!(now().since_start(), millis(500));
        assert_eq!(receiver.recv_timeout(secs(9)), Ok("late"));
        assert_eq!(
            receiver.recv_timeout(secs(9)),
            Err(RecvTimeoutError::Disconnected)
        );
        assert_eq!(now().since_start(), secs(2));
    });
    run.unwrap();
}

#[test]
fn tasks_send_to_threads_and_await_their_answers() {
    let sum = simrun::run(async {
        let (jobs, inbox) = channel::<(u32, oneshot::Sender<u32>)>();
        let server = thread::spawn(move || {
            for (job, answer) in inbox {
                thread::sleep(millis(10));
                answer.send(job * 2).unwrap();
            }
        });
        let mut sum = 0;
        for job in 0..5 {
            let (sender, answer) = oneshot::channel();
            jobs.send((job, sender)).unwrap();
            sum += answer.await.unwrap();
        }
        drop(jobs);
        server.await.unwrap();
        sum
    });
    assert_eq!(sum, 20);
}

#[test]
fn a_task_that_waits_for_an_answer_can_be_cancelled() {
    simrun::run(async {
        let (sender, answer) = oneshot::channel::<u32>();
        let waiter = spawn(async move { answer.await });
        task::yield_now().await;
        waiter.cancel();
        assert!(waiter.await.is_err());
        assert_eq!(sender.send(1), Err(SendError(1)));
        let (sender, answer) = oneshot::channel::<u32>();
        assert!(timeout(secs(1), answer.into_future()).await.is_err());
        assert!(sender.send(1).is_err());
    });
}

#[test]
fn a_oneshot_brings_its_value_or_says_that_it_never_will() {
    for seed in 0..300 {
        let run = random(seed).run_thread(move || {
            let (sender, answer) = oneshot::channel();
            let (dropped, nothing) = oneshot::channel::<u32>();
            let (refused, gone) = oneshot::channel();
            let other = thread::spawn(move || {
                let answer = answer.recv();
                drop(gone);
                (answer, nothing.recv().is_err())
            });
            sender.send(7).unwrap();
            drop(dropped);
            assert_eq!(other.join().unwrap(), (Ok(7), true));
            assert_eq!(refused.send(8), Err(SendError(8)));
        });
        run.unwrap();
    }
}

#[test]
fn what_nobody_receives_is_dropped_with_the_channel() {
    let run = Sim::new().run_thread(|| {
        let thing = std::sync::Arc::new(());
        let (sender, receiver) = channel();
        sender.send(thing.clone()).unwrap();
        let (once, never) = oneshot::channel();
        once.send(thing.clone()).unwrap();
        assert_eq!(std::sync::Arc::strong_count(&thing), 3);
        drop((receiver, never));
        assert_eq!(std::sync::Arc::strong_count(&thing), 1);
        drop(sender);
    });
    run.unwrap();
}
