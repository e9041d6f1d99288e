//! Deadlocks and lost wake-ups.

use std::rc::Rc;

use simrun::spawn;
use simrun::sync::{Event, Lock, Queue, Tracked};

use super::instance::{Bug, Instance, all, pad};

pub(crate) fn instances() -> Vec<Instance> {
    vec![
        opposite_locks(0)
            .exactly("random", 1.0 / 2.0)
            .exactly("pos", 1.0 / 3.0)
            .exactly("urw", 4.0 / 7.0),
        opposite_locks(20).exactly("random", 0.122_385),
        philosophers(3),
        philosophers(5),
        lost_wake_up(3).exactly("random", 4.0 / 64.0),
        lost_wake_up(30).exactly("random", 31.0 / 2_f64.powi(33)),
        two_stages(1),
        two_stages(10),
        two_stages(40),
        back_pressure(),
    ]
}

/// Two tasks take two locks in opposite orders.
fn opposite_locks(padding: u32) -> Instance {
    Instance::new(
        format!("B03 opposite locks, pad {padding}"),
        move || async move {
            let locks = [Rc::new(Lock::new(())), Rc::new(Lock::new(()))];
            let take = |first: usize| {
                let (first, second) = (locks[first].clone(), locks[1 - first].clone());
                spawn(async move {
                    pad(padding).await;
                    let outer = first.acquire().await;
                    pad(1).await;
                    let inner = second.acquire().await;
                    pad(1).await;
                    drop(inner);
                    pad(1).await;
                    drop(outer);
                    pad(padding).await;
                })
            };
            all([take(0), take(1)]).await;
            false
        },
    )
}

/// Philosophers, seated one after the other, take the left fork first.
fn philosophers(seats: usize) -> Instance {
    Instance::new(format!("B04 philosophers, {seats}"), move || async move {
        let forks: Vec<Rc<Lock<()>>> = (0..seats).map(|_| Rc::default()).collect();
        let mut seated = Vec::new();
        for seat in 0..seats {
            let (left, right) = (forks[seat].clone(), forks[(seat + 1) % seats].clone());
            seated.push(spawn(async move {
                let _left = left.acquire().await;
                pad(1).await;
                let _right = right.acquire().await;
                pad(1).await;
            }));
            pad(1).await;
        }
        all(seated).await;
        false
    })
}

/// A consumer looks, and waits if there is nothing; a producer sets and notifies in between.
fn lost_wake_up(padding: u32) -> Instance {
    Instance::new(
        format!("B05 lost wake-up, pad {padding}"),
        move || async move {
            let ready = Rc::new(Tracked::new(false));
            let waiting: Rc<Tracked<Option<Rc<Event>>>> = Rc::default();
            let consumer = {
                let (ready, waiting) = (ready.clone(), waiting.clone());
                spawn(async move {
                    if !ready.read(|ready| *ready) {
                        pad(1).await;
                        let bell = Rc::new(Event::new());
                        waiting.write(|waiting| *waiting = Some(bell.clone()));
                        bell.wait().await;
                    }
                })
            };
            let producer = spawn(async move {
                pad(padding).await;
                ready.write(|ready| *ready = true);
                pad(1).await;
                if let Some(bell) = waiting.read(Clone::clone) {
                    bell.set();
                }
            });
            all([consumer, producer]).await;
            false
        },
    )
}

/// Writers set one value under one lock and then another one under another; a reader comes between.
fn two_stages(writers: u32) -> Instance {
    Instance::new(
        format!("B07 two stages, {writers} writers"),
        move || async move {
            let stages = Rc::new((Lock::new(0), Lock::new(0)));
            let bug = Bug::default();
            let write = |stages: Rc<(Lock<i32>, Lock<i32>)>| async move {
                let mut first = stages.0.acquire().await;
                pad(1).await;
                *first = 1;
                drop(first);
                pad(1).await;
                let mut second = stages.1.acquire().await;
                pad(1).await;
                *second = 1;
            };
            let mut tasks: Vec<_> = (0..writers).map(|_| spawn(write(stages.clone()))).collect();
            let shown = bug.clone();
            tasks.push(spawn(async move {
                let guard = stages.0.acquire().await;
                pad(1).await;
                let first = *guard;
                drop(guard);
                pad(1).await;
                let guard = stages.1.acquire().await;
                pad(1).await;
                shown.show_if(first == 1 && *guard == 0);
            }));
            all(tasks).await;
            bug.is_shown()
        },
    )
}

/// Two peers, each of which receives first if there is something and sends first otherwise.
fn back_pressure() -> Instance {
    Instance::new("B12 back-pressure", || async {
        let queues = [Rc::new(Queue::bounded(1)), Rc::new(Queue::bounded(1))];
        let peer = |own: usize| {
            let (inbox, outbox) = (queues[own].clone(), queues[1 - own].clone());
            spawn(async move {
                let sends_first = inbox.is_empty();
                pad(1).await;
                if !sends_first {
                    inbox.get().await.unwrap();
                    inbox.get().await.unwrap();
                }
                for item in 0..2 {
                    outbox.put(item).await.unwrap();
                    pad(1).await;
                }
                if sends_first {
                    inbox.get().await.unwrap();
                    inbox.get().await.unwrap();
                }
            })
        };
        all([peer(0), peer(1)]).await;
        false
    })
}
