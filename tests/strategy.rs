//! Strategies: what they may choose from, and what they are told.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use simrun::strategy::{Access, Choose, EntityId, Touch, Turn};
use simrun::sync::{Lock, Tracked};
use simrun::time::{millis, sleep};
use simrun::{Sim, Strategy, event_loop, gather, spawn, task};

/// What a strategy was told, step by step.
type Told = Arc<Mutex<Vec<(EntityId, Vec<Touch>)>>>;

/// Always takes the last candidate, and writes down what it is told.
struct Last {
    told: Told,
}

impl Choose for Last {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let entities: BTreeSet<EntityId> = (0..turn.candidates())
            .map(|index| turn.entity(index))
            .collect();
        assert!(turn.candidates() >= 2, "there is something to choose");
        assert_eq!(
            entities.len(),
            turn.candidates(),
            "candidates have names of their own"
        );
        turn.candidates() - 1
    }

    fn wants_footprints(&self) -> bool {
        true
    }

    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        if !touches.is_empty() {
            let told = (entity, touches.to_vec());
            self.told.lock().unwrap().push(told);
        }
    }
}

fn last(told: &Told) -> Strategy {
    let told = told.clone();
    Strategy::custom("last", move |_| Box::new(Last { told: told.clone() }))
}

#[test]
fn a_task_may_be_delayed_but_never_overtakes_a_callback_queued_before_it() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let log = order.clone();
    let run = Sim::new()
        .strategy(last(&Told::default()))
        .run(|| async move {
            let write = move |name| {
                let log = log.clone();
                move || log.borrow_mut().push(name)
            };
            let child = |name| {
                let write = write(name);
                spawn(async move { write() })
            };
            let tasks = [child("a"), child("b")];
            event_loop::call_soon(write("callback 1"));
            let more = [child("c"), child("d")];
            event_loop::call_soon(write("callback 2"));
            gather(tasks).await.unwrap();
            gather(more).await.unwrap();
        });
    assert!(run.outcome().is_passed());
    let order = order.borrow();
    let place = |name| order.iter().position(|other| *other == name).unwrap();
    assert!(place("callback 1") < place("callback 2"));
    assert!(place("callback 1") < place("c") && place("callback 1") < place("d"));
    assert!(
        place("callback 1") < place("a"),
        "the last candidate is the callback: {order:?}"
    );
}

#[test]
fn footprints_name_the_same_resource_in_every_run() {
    let program = || async {
        let value = Arc::new(Tracked::new(0).named("balance"));
        let lock = Arc::new(Lock::new(()).named("vault"));
        let tasks = (0..2).map(|_| {
            let (value, lock) = (value.clone(), lock.clone());
            spawn(async move {
                let _guard = lock.acquire().await;
                let seen = value.read(|value| *value);
                task::yield_now().await;
                value.write(|value| *value = seen + 1);
            })
        });
        gather(tasks.collect::<Vec<_>>()).await.unwrap();
        assert_eq!(value.read(|value| *value), 2);
    };
    let footprints = |seed| {
        let told = Told::default();
        Sim::new()
            .seed(seed)
            .strategy(last(&told))
            .run(program)
            .unwrap();
        std::mem::take(&mut *told.lock().unwrap())
    };
    let first = footprints(1);
    assert_eq!(
        first,
        footprints(2),
        "the strategy draws nothing, so the seed does not matter"
    );
    let touches: Vec<&Touch> = first.iter().flat_map(|(_, touches)| touches).collect();
    let resources: BTreeSet<u64> = touches.iter().map(|touch| touch.resource).collect();
    assert_eq!(resources.len(), 2);
    assert!(touches.iter().any(|touch| touch.access == Access::Read));
    assert!(touches.iter().any(|touch| touch.access == Access::Write));
}

#[test]
fn timers_that_are_due_at_once_compete() {
    let winner = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let order = Rc::new(RefCell::new(Vec::new()));
        let log = order.clone();
        sim.run(|| async move {
            let naps = (0..3).map(|n| {
                let log = log.clone();
                spawn(async move {
                    sleep(millis(5)).await;
                    log.borrow_mut().push(n);
                })
            });
            gather(naps.collect::<Vec<_>>()).await.unwrap();
        })
        .unwrap();
        order.take()
    };
    let orders: BTreeSet<Vec<i32>> = (0..200).map(winner).collect();
    assert_eq!(orders.len(), 6, "all orders of three");
}

#[test]
fn a_tracked_value_used_within_itself_says_so() {
    let run = Sim::new().run(|| async {
        let value = Tracked::new(1);
        value.read(|_| value.read(|inner| *inner));
    });
    assert!(run.failure().unwrap().message().contains("in use already"));
}
