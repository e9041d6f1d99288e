//! What the store should do, so that what its clients have seen can be checked.

use simrun::assure::{History, Model};

use super::message::{Reply, Request};

/// What clients ask for, and what they are told.
pub(crate) type Seen = History<Request, Reply>;

/// Numbers by key, each of which only grows.
pub(crate) struct Numbers;

impl Model for Numbers {
    type Op = Request;
    type Ret = Reply;
    type State = u64;
    type Key = u32;

    fn start(&self, _: &u32) -> u64 {
        0
    }

    fn step(&self, value: &u64, request: &Request, reply: Option<&Reply>) -> Option<u64> {
        match (request, reply) {
            (Request::Put(_, new), None | Some(Reply::Done)) => Some(*value.max(new)),
            (Request::Get(_), None) => Some(*value),
            (Request::Get(_), Some(Reply::Value(read))) => (read == value).then_some(*value),
            _ => None,
        }
    }

    fn key(&self, request: &Request) -> u32 {
        match request {
            Request::Put(key, _) | Request::Get(key) => *key,
            Request::Prepare(_) | Request::Accept(..) => u32::MAX,
        }
    }
}
