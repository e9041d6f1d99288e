//! A client of the store, which checks what it reads.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use simrun::chance;
use simrun::time::{millis, now, secs, sleep};

use super::message::{Reply, Request, ask};
use super::model::Seen;
use super::{CLIENTS, NODES, TROUBLE};

/// How long a client waits for an answer. It may come from a host that has stood still.
const PATIENCE: Duration = secs(1);

/// How long it rests after each thing it does, at most.
const RESTS: Duration = millis(200);

/// The greatest value of each key whose write was acknowledged: what all clients together know.
#[derive(Clone)]
pub(crate) struct Book {
    acknowledged: Rc<RefCell<BTreeMap<u32, u64>>>,
    seen: Seen,
}

impl Book {
    pub(crate) fn new(seen: Seen) -> Self {
        let acknowledged = Rc::default();
        Self { acknowledged, seen }
    }

    fn acknowledged(&self, key: u32) -> u64 {
        self.acknowledged.borrow().get(&key).copied().unwrap_or(0)
    }

    fn acknowledge(&self, key: u32, value: u64) {
        self.acknowledged.borrow_mut().insert(key, value);
    }
}

/// Writes its own key and reads all of them, until a while after the last fault.
pub(crate) async fn work(own: u32, book: Book) -> Result<(), String> {
    for value in 1.. {
        while !attempt(Request::Put(own, value), own, own, &book).await? {}
        for _ in 0..3 {
            let key = chance::below("key", u64::from(CLIENTS)) as u32;
            attempt(Request::Get(key), own, key, &book).await?;
            sleep(chance::duration_between("rest", millis(1), RESTS)).await;
        }
        if now().since_start() > TROUBLE + PATIENCE {
            break;
        }
    }
    for key in 0..CLIENTS {
        while !attempt(Request::Get(key), own, key, &book).await? {}
    }
    Ok(())
}

/// Asks any of the nodes. Says whether that has worked.
async fn attempt(request: Request, own: u32, key: u32, book: &Book) -> Result<bool, String> {
    let node = NODES[chance::below("node", NODES.len() as u64) as usize];
    // What is acknowledged before the read begins must be seen by it.
    let least = book.acknowledged(key);
    let call = book
        .seen
        .invoke(format_args!("client-{own}"), request.clone());
    let reply = ask(node, request.clone(), PATIENCE).await;
    // A write that is refused may have reached some of the nodes.
    if let Some(reply @ (Reply::Done | Reply::Value(_))) = &reply {
        call.returns(reply.clone());
    }
    match (reply, request) {
        (Some(Reply::Done), Request::Put(key, value)) => {
            book.acknowledge(key, value);
            Ok(true)
        }
        (Some(Reply::Value(value)), _) if value < least => Err(format!(
            "a stale read: {node} says that key {key} is {value}, but it was {least} before"
        )),
        (Some(Reply::Value(_)), _) => Ok(true),
        _ => {
            // Nobody answers for the moment, or someone who is not the primary.
            sleep(millis(5)).await;
            Ok(false)
        }
    }
}
