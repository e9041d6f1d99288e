//! A queue that hands an item to a getter which is cancelled before it runs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use simrun::task::{self, cancellable};
use simrun::{Promise, spawn};

use super::{Version, bug};

#[derive(Default)]
struct HandOver {
    items: RefCell<VecDeque<u8>>,
    getters: RefCell<VecDeque<Promise<u8>>>,
}

impl HandOver {
    fn put(&self, item: u8) {
        let waiting = |getter: &Promise<u8>| !getter.is_done();
        let mut getters = self.getters.borrow_mut();
        getters.retain(waiting);
        match getters.pop_front() {
            Some(getter) => getter.set(item).unwrap(),
            None => self.items.borrow_mut().push_back(item),
        }
    }

    async fn get(&self, version: Version) -> u8 {
        if let Some(item) = self.items.borrow_mut().pop_front() {
            return item;
        }
        let getter = Promise::new();
        self.getters.borrow_mut().push_back(getter.clone());
        match cancellable(async { (&getter).await.unwrap() }).await {
            Ok(item) => item,
            Err(cancelled) => {
                if let (Version::Mended, Some(Ok(item))) = (version, getter.result()) {
                    self.put(item);
                }
                cancelled.raise().await
            }
        }
    }
}

async fn a_getter_is_cancelled_when_its_item_comes(version: Version) {
    let queue = Rc::new(HandOver::default());
    let getter = |queue: Rc<HandOver>| async move { queue.get(version).await };
    let (first, second) = (spawn(getter(queue.clone())), spawn(getter(queue.clone())));
    task::yield_now().await;
    task::yield_now().await;
    let producer = spawn({
        let queue = queue.clone();
        async move { queue.put(1) }
    });
    let canceller = spawn(async move {
        first.cancel();
        first.await.ok()
    });
    producer.await.unwrap();
    if canceller.await.unwrap().is_none() {
        // The item is the other's, or nobody's.
        second.await.unwrap();
    }
}

bug!(
    a_cancelled_getter_drops_its_item,
    a_getter_is_cancelled_when_its_item_comes,
    "nothing can happen any more"
);
