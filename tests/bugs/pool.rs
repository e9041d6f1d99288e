//! A pool of connections. A caller that has given up stays in the queue, and the next connection
//! that is free is for nobody.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use simrun::time::{millis, sleep, timeout};
use simrun::{Promise, gather, spawn};

use super::{Version, bug};

struct Pool {
    version: Version,
    idle: RefCell<Vec<u8>>,
    callers: RefCell<VecDeque<Promise<()>>>,
}

/// A caller in the queue.
struct Place<'a> {
    pool: &'a Pool,
    called: Promise<()>,
    is_served: bool,
}

impl Pool {
    fn new(version: Version, connections: u8) -> Rc<Self> {
        Rc::new(Self {
            version,
            idle: RefCell::new((0..connections).collect()),
            callers: RefCell::default(),
        })
    }

    async fn acquire(&self) -> u8 {
        loop {
            let idle = self.idle.borrow_mut().pop();
            if let Some(connection) = idle {
                return connection;
            }
            let called = Promise::new();
            self.callers.borrow_mut().push_back(called.clone());
            let mut place = Place {
                pool: self,
                called: called.clone(),
                is_served: false,
            };
            called.await.unwrap();
            place.is_served = true;
        }
    }

    fn release(&self, connection: u8) {
        self.idle.borrow_mut().push(connection);
        self.call_next();
    }

    fn call_next(&self) {
        while let Some(caller) = self.callers.borrow_mut().pop_front() {
            let has_heard = caller.set(()).is_ok();
            if has_heard || self.version == Version::Broken {
                return;
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let was_called = self.called.result().is_some_and(|result| result.is_ok());
        if was_called && !self.is_served && self.pool.version == Version::Mended {
            self.pool.call_next();
        }
    }
}

async fn a_caller_loses_patience(version: Version) {
    let pool = Pool::new(version, 1);
    let query = |patience: Option<Duration>| {
        let pool = pool.clone();
        spawn(async move {
            let acquired = timeout(patience, pool.acquire()).await;
            let Ok(connection) = acquired else { return };
            sleep(millis(2)).await;
            pool.release(connection);
        })
    };
    gather([query(None), query(Some(millis(2))), query(None)])
        .await
        .unwrap();
}

bug!(
    a_caller_that_gives_up_is_called_all_the_same,
    a_caller_loses_patience,
    "nothing can happen any more"
);
