//! A key-value store on three hosts, and what is done to it.
//!
//! One of the three is the primary for as long as it has a lease: a majority has promised to follow
//! nobody else until then. It writes through a majority and reads from its own memory, which is why
//! it must know for certain that its lease still holds.

mod client;
mod message;
mod model;
mod node;

use simrun::fault::Faults;
use simrun::host::{self, Skew};
use simrun::net::{self, Link};
use simrun::time::{millis, secs};
use simrun::{Run, Sim, Strategy, TaskError};

use client::Book;
pub(crate) use model::Numbers;
use model::Seen;
pub(crate) use node::Caution;

/// The hosts of the store.
const NODES: [&str; 3] = ["a", "b", "c"];

/// How many clients there are. Each writes a key of its own and reads all of them.
const CLIENTS: u32 = 2;

/// How long things go wrong. A store that is not back half a minute later will not come back.
const TROUBLE: std::time::Duration = secs(4);
const LIMIT: std::time::Duration = secs(60);

/// Runs the store under a seed. The run fails if a client reads what it must not.
pub(crate) fn run(seed: u64, caution: Caution) -> Run<()> {
    recorded(seed, caution).0
}

/// Does the same, and gives back what the clients have seen, to be checked.
pub(crate) fn recorded(seed: u64, caution: Caution) -> (Run<()>, Seen) {
    let sim = Sim::new().seed(seed).strategy(Strategy::random());
    let seen = Seen::new();
    let run = sim.until(LIMIT).try_run(|| program(caution, seen.clone()));
    (run, seen)
}

async fn program(caution: Caution, seen: Seen) -> Result<(), TaskError> {
    let link = Link::new().jitter(millis(2)).loss(0.01);
    net::set_default_link(link.duplication(0.01).reordering(0.01));
    // Clocks differ by as much as they like, and run two percent too fast or too slow at most.
    let clocks = [
        Skew::ahead(secs(3_600)).drift(20_000),
        Skew::none(),
        Skew::behind(secs(5)).drift(-20_000),
    ];
    for (index, clock) in (0..).zip(clocks) {
        let node = host::start(NODES[index], move || node::serve(index as u64, caution));
        node.set_skew(clock);
    }
    Faults::among(NODES)
        .crashes(0.01)
        .pauses(0.02)
        .partitions(0.01)
        .one_way_partitions(0.01)
        .lasting(millis(20), secs(3))
        .until(TROUBLE)
        .start();
    let book = Book::new(seen);
    let clients: Vec<host::Host> = (0..CLIENTS)
        .map(|key| {
            let book = book.clone();
            host::start(format!("client-{key}"), move || {
                client::work(key, book.clone())
            })
        })
        .collect();
    for client in clients {
        client.join().await?;
    }
    Ok(())
}
