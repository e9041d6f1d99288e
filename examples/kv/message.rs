//! What nodes and clients say to each other, a datagram each.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use simrun::net::UdpSocket;
use simrun::time::{now, timeout};

/// Where nodes listen.
pub(crate) const PORT: u16 = 700;

/// No message is longer: the data are a few keys.
pub(crate) const LONGEST: usize = 1_000;

pub(crate) type Data = BTreeMap<u32, u64>;

/// What a node has promised and accepted: what it keeps on its disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// It follows no primary of an earlier term.
    pub(crate) promised: u64,
    /// The term and version of the data.
    pub(crate) version: (u64, u64),
    pub(crate) data: Data,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// A node wants to be primary in a term.
    Prepare(u64),
    /// The primary of a term has data, and wants its lease to be renewed.
    Accept((u64, u64), Data),
    /// A client writes. The values of a key only grow, so that a late request does no harm.
    Put(u32, u64),
    Get(u32),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Granted(Record),
    Accepted,
    Done,
    Value(u64),
    /// No, because of a later term or of a lease, or because it is not the primary that was asked.
    Refused {
        promised: u64,
    },
}

pub(crate) fn encode<M: Serialize>(number: u64, message: M) -> Vec<u8> {
    serde_json::to_vec(&(number, message)).expect("a message can be written")
}

pub(crate) fn decode<M: for<'a> Deserialize<'a>>(bytes: &[u8]) -> io::Result<(u64, M)> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Asks a node, once. There may be no answer, and then nobody knows what has happened.
pub(crate) async fn ask(node: &str, request: Request, limit: Duration) -> Option<Reply> {
    let socket = UdpSocket::bind("0.0.0.0:0").await.ok()?;
    // No two requests from one socket are made at one time.
    let number = now().as_nanos();
    let request = encode(number, request);
    socket.send_to(&request, (node, PORT)).await.ok()?;
    let answer = async {
        let mut datagram = [0; LONGEST];
        loop {
            let length = socket.recv(&mut datagram).await.ok()?;
            let (answers, reply) = decode(&datagram[..length]).ok()?;
            if answers == number {
                return Some(reply);
            }
        }
    };
    timeout(limit, answer).await.ok()?
}
