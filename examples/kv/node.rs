//! A node of the store: it keeps what a primary tells it, and may be the primary itself.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use simrun::host::disk;
use simrun::net::UdpSocket;
use simrun::sync::Lock;
use simrun::time::{SystemTime, millis, sleep, system_time};
use simrun::{chance, spawn};

use super::NODES;
use super::message::{Data, LONGEST, PORT, Record, Reply, Request, ask, decode, encode};

/// For how long a node that follows a primary follows nobody else, by its own clock.
const LEASE: Duration = millis(500);

/// For how long the primary relies on that, by its own clock: clocks differ in how fast they are.
const RELIES: Duration = millis(450);

/// How often the primary has its lease renewed, and how long it waits for answers.
const RENEWS: Duration = millis(200);
const ROUND: Duration = millis(100);

const MAJORITY: usize = NODES.len() / 2 + 1;

/// How careful a primary is when it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caution {
    /// It looks at its clock in the moment of the read.
    LooksAtClock,
    /// It relies on the task that renews the lease, which makes it step down when that fails. But
    /// if the host has stood still, reads that have waited may go before that task.
    TrustsRenewal,
}

struct Node {
    index: u64,
    caution: Caution,
    record: RefCell<Record>,
    /// Until when it follows nobody but the primary that it has heard of last.
    follows_until: Cell<SystemTime>,
    /// The latest term it has heard of.
    latest: Cell<u64>,
    lead: RefCell<Option<Lead>>,
    /// The primary does one thing after another.
    turn: Lock,
}

/// What a primary knows.
struct Lead {
    version: (u64, u64),
    /// What a majority has.
    data: Data,
    until: SystemTime,
}

/// Runs a node. It may have run before.
pub(crate) async fn serve(index: u64, caution: Caution) -> io::Result<()> {
    let record = load().await?;
    let node = Rc::new(Node {
        index,
        caution,
        latest: Cell::new(record.promised),
        record: RefCell::new(record),
        // Before it crashed, it may have said that it follows someone.
        follows_until: Cell::new(system_time() + LEASE),
        lead: RefCell::default(),
        turn: Lock::new(()),
    });
    spawn(node.clone().watch()).detach();
    let socket = Arc::new(UdpSocket::bind(("0.0.0.0", PORT)).await?);
    let mut datagram = [0; LONGEST];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).await?;
        let (number, request) = decode(&datagram[..length])?;
        match request {
            Request::Put(..) | Request::Get(_) => {
                let (node, socket) = (node.clone(), socket.clone());
                spawn(async move {
                    let reply = node.answer_client(request).await;
                    // Nobody may wait for it any more.
                    let _ = socket.send_to(&encode(number, reply), from).await;
                })
                .detach();
            }
            Request::Prepare(_) | Request::Accept(..) => {
                let reply = node.answer_node(request).await?;
                let _ = socket.send_to(&encode(number, reply), from).await;
            }
        }
    }
}

async fn load() -> io::Result<Record> {
    match disk::read("record").await {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(_) => Ok(Record::default()),
    }
}

/// Replaces what is on the disk, all of it or nothing.
async fn save(record: &Record) -> io::Result<()> {
    let file = disk::File::create("record.new").await?;
    file.write_at(&serde_json::to_vec(record)?, 0).await?;
    file.sync().await?;
    disk::rename("record.new", "record").await?;
    disk::sync_names().await
}

impl Node {
    /// Answers another node, or itself: one request after the other.
    async fn answer_node(&self, request: Request) -> io::Result<Reply> {
        let mut record = self.record.borrow().clone();
        let refused = Reply::Refused {
            promised: record.promised,
        };
        let reply = match request {
            Request::Prepare(term) => {
                if term <= record.promised || system_time() < self.follows_until.get() {
                    return Ok(refused);
                }
                record.promised = term;
                Reply::Granted(record.clone())
            }
            Request::Accept(version, data) => {
                if version.0 < record.promised {
                    return Ok(refused);
                }
                record.promised = version.0;
                if version > record.version {
                    (record.version, record.data) = (version, data);
                }
                self.follows_until.set(system_time() + LEASE);
                Reply::Accepted
            }
            Request::Put(..) | Request::Get(_) => return Ok(refused),
        };
        if record != *self.record.borrow() {
            save(&record).await?;
            self.record.replace(record);
        }
        Ok(reply)
    }

    async fn answer_client(&self, request: Request) -> Reply {
        let answer = match request {
            Request::Put(key, value) => self.put(key, value).await.map(|()| Reply::Done),
            Request::Get(key) => self.get(key).map(Reply::Value),
            Request::Prepare(_) | Request::Accept(..) => None,
        };
        answer.unwrap_or(Reply::Refused { promised: 0 })
    }

    /// Reads from its own memory, if it is the primary.
    fn get(&self, key: u32) -> Option<u64> {
        let lead = self.lead.borrow();
        let lead = lead.as_ref()?;
        let may_read = match self.caution {
            Caution::LooksAtClock => system_time() < lead.until,
            Caution::TrustsRenewal => true,
        };
        may_read.then(|| lead.data.get(&key).copied().unwrap_or(0))
    }

    /// Writes through a majority, if it is the primary.
    async fn put(&self, key: u32, value: u64) -> Option<()> {
        let _turn = self.turn.acquire().await;
        let (version, mut data) = self.leads()?;
        let old = data.entry(key).or_insert(0);
        if *old < value {
            *old = value;
            self.replicate((version.0, version.1 + 1), data).await?;
        }
        Some(())
    }

    fn leads(&self) -> Option<((u64, u64), Data)> {
        let lead = self.lead.borrow();
        lead.as_ref().map(|lead| (lead.version, lead.data.clone()))
    }

    /// Keeps the lease while it is the primary, and tries to become it when there seems to be none.
    async fn watch(self: Rc<Self>) {
        loop {
            if self.lead.borrow().is_some() {
                sleep(RENEWS).await;
                let _turn = self.turn.acquire().await;
                if let Some((version, data)) = self.leads() {
                    self.replicate(version, data).await;
                }
            } else {
                sleep(chance::duration_between("patience", millis(20), LEASE)).await;
                if system_time() >= self.follows_until.get() {
                    let _turn = self.turn.acquire().await;
                    self.campaign().await;
                }
            }
        }
    }

    /// Tries to become the primary of a new term.
    async fn campaign(&self) -> Option<()> {
        let nodes = NODES.len() as u64;
        let latest = self.latest.get().max(self.record.borrow().promised);
        let term = (latest / nodes + 1) * nodes + self.index;
        self.latest.set(term);
        let grants = self.ask_all(&Request::Prepare(term)).await?;
        let records = grants.into_iter().filter_map(|grant| match grant {
            Reply::Granted(record) => Some(record),
            _ => None,
        });
        let newest = records.max_by_key(|record| record.version)?;
        self.replicate((term, newest.version.1), newest.data).await
    }

    /// Has a majority accept data and renew the lease. If it does not, this is not the primary.
    async fn replicate(&self, version: (u64, u64), data: Data) -> Option<()> {
        let until = system_time() + RELIES;
        let accepted = self.ask_all(&Request::Accept(version, data.clone())).await;
        let lead = accepted.is_some().then_some(Lead {
            version,
            data,
            until,
        });
        self.lead.replace(lead);
        accepted.map(drop)
    }

    /// Asks all nodes, itself too, until a majority has agreed.
    async fn ask_all(&self, request: &Request) -> Option<Vec<Reply>> {
        let mut answers: FuturesUnordered<_> = NODES
            .iter()
            .map(|node| spawn(ask(node, request.clone(), ROUND)))
            .collect();
        let mut agreed = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer.ok().flatten() {
                Some(Reply::Refused { promised }) => {
                    self.latest.set(self.latest.get().max(promised));
                }
                Some(reply) => agreed.push(reply),
                None => {}
            }
            if agreed.len() == MAJORITY {
                return Some(agreed);
            }
        }
        None
    }
}
