//! A key-value store in Rust. Its hosts, its parameters and what goes wrong stand in scenarios.
//!
//! ```sh
//! cargo run --example kv_scenario -- examples/kv_scenario/three-hosts.toml
//! cargo run --example kv_scenario -- examples/kv_scenario/one-is-not-enough.toml
//! ```
//!
//! Each server keeps a copy of all values on its disk. The client writes to all of them and is
//! content when a quorum has confirmed; it asks all of them and believes the newest answer of a
//! quorum. If two quorums have a server in common, it reads what it wrote, even while a server is
//! down. If a quorum is a single server it may not, as the second scenario shows.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use simrun::host::disk;
use simrun::net::UdpSocket;
use simrun::scenario::{Parameters, Programs};
use simrun::spawn;
use simrun::time::{millis, now, sleep, timeout};

/// The command: everything that `simrun` can do, for scenarios that start these two.
pub(crate) fn main() -> ExitCode {
    simrun::cli::main(programs())
}

pub(crate) fn programs() -> Programs {
    simrun::programs![kv_server, kv_client]
}

/// Where servers listen, unless the scenario says otherwise.
const PORT: i64 = 700;

/// No message is longer: there are few keys.
const LONGEST: usize = 1_000;

/// A value, and how many were written before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Version {
    number: u64,
    value: u64,
}

type Copies = BTreeMap<String, Version>;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Request {
    Read(String),
    Write(String, Version),
}

/// Serves `kv_server(port = 700)`: keeps a copy of each value.
async fn kv_server(parameters: Parameters) -> io::Result<()> {
    let socket = UdpSocket::bind(("0.0.0.0", port(&parameters))).await?;
    // A server that has crashed goes on with what is on its disk.
    let mut copies: Copies = match disk::read("copies").await {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Copies::new(),
    };
    simrun::log!("serves {} keys", copies.len());
    let mut datagram = [0; LONGEST];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).await?;
        let (number, request): (u64, Request) = serde_json::from_slice(&datagram[..length])?;
        let key = match request {
            Request::Read(key) => key,
            Request::Write(key, version) => {
                let copy = copies.entry(key.clone()).or_default();
                if *copy < version {
                    *copy = version;
                    save(&copies).await?;
                }
                key
            }
        };
        let version = copies.get(&key).copied().unwrap_or_default();
        let reply = serde_json::to_vec(&(number, version))?;
        // Whoever asked may not be there any more.
        let _ = socket.send_to(&reply, from).await;
    }
}

/// Replaces what is on the disk, all of it or nothing.
async fn save(copies: &Copies) -> io::Result<()> {
    let file = disk::File::create("copies.new").await?;
    file.write_at(&serde_json::to_vec(copies)?, 0).await?;
    file.sync().await?;
    disk::rename("copies.new", "copies").await?;
    disk::sync_names().await
}

/// Runs `kv_client(servers = ["a", "b"], quorum = 2, writes = 10, rest = 100ms)`: writes and reads
/// by turns, and fails if it reads what is older than what it wrote.
async fn kv_client(parameters: Parameters) -> Result<(), String> {
    let servers = parameters.texts("servers").into_iter();
    let client = Client {
        servers: servers.map(str::to_owned).collect(),
        port: port(&parameters),
        quorum: parameters.int("quorum").unwrap_or(2) as usize,
        patience: parameters.duration("patience").unwrap_or(millis(200)),
    };
    let rest = parameters.duration("rest").unwrap_or(millis(100));
    let key = "colour".to_owned();
    for number in 1..=parameters.int("writes").unwrap_or(10) as u64 {
        let value = number * number;
        let written = Version { number, value };
        client.insist(Request::Write(key.clone(), written)).await;
        sleep(rest).await;
        let read = client.insist(Request::Read(key.clone())).await;
        if read < written {
            return Err(format!(
                "a stale read: {key} is {} after {value} was written",
                read.value
            ));
        }
        simrun::log!("read {value}");
    }
    Ok(())
}

fn port(parameters: &Parameters) -> u16 {
    let port = parameters.int("port").unwrap_or(PORT);
    u16::try_from(port).expect("a port has 16 bits")
}

struct Client {
    servers: Vec<String>,
    port: u16,
    /// How many answers are enough.
    quorum: usize,
    /// How long it waits for one.
    patience: Duration,
}

impl Client {
    /// Asks until a quorum has answered, and returns the newest of its answers.
    async fn insist(&self, request: Request) -> Version {
        loop {
            if let Some(version) = self.ask_all(&request).await {
                return version;
            }
            simrun::log!("no quorum");
            sleep(millis(50)).await;
        }
    }

    async fn ask_all(&self, request: &Request) -> Option<Version> {
        let asked = self.servers.iter().map(|server| {
            let to = (server.clone(), self.port);
            spawn(ask(to, request.clone(), self.patience))
        });
        let mut answers: FuturesUnordered<_> = asked.collect();
        let mut agreed = Vec::new();
        while let Some(answer) = answers.next().await {
            agreed.extend(answer.ok().flatten());
            if agreed.len() == self.quorum {
                return agreed.into_iter().max();
            }
        }
        None
    }
}

/// Asks one server, once.
async fn ask(to: (String, u16), request: Request, patience: Duration) -> Option<Version> {
    let socket = UdpSocket::bind("0.0.0.0:0").await.ok()?;
    // Each socket asks one question, so the time is enough to tell a late answer by.
    let number = now().as_nanos();
    let question = serde_json::to_vec(&(number, request)).ok()?;
    socket.send_to(&question, (&*to.0, to.1)).await.ok()?;
    let answer = async {
        let mut datagram = [0; LONGEST];
        loop {
            let length = socket.recv(&mut datagram).await.ok()?;
            let bytes = &datagram[..length];
            let (answers, version): (u64, Version) = serde_json::from_slice(bytes).ok()?;
            if answers == number {
                return Some(version);
            }
        }
    };
    timeout(patience, answer).await.ok()?
}
