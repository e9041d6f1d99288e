//! The works: what everyone does, how often, and what it may cost.

use super::table::{Goal, Peer, Work};
use super::{on_loopback, on_madsim, on_simrun, on_turmoil};

/// How many bytes go there and back.
pub(crate) const BYTES: usize = 64;

/// How many hosts have a server in common.
pub(crate) const CLIENTS: u64 = 100;

const fn turmoil(work: fn(u64)) -> Peer {
    let name = "turmoil";
    Peer { name, work }
}

const fn madsim(work: fn(u64)) -> Peer {
    let name = "madsim";
    Peer { name, work }
}

const fn loopback(work: fn(u64)) -> Peer {
    let name = "loopback";
    Peer { name, work }
}

pub(crate) const WORKS: [Work; 5] = [
    Work {
        name: "TCP round trip of 64 bytes",
        short: "tcp",
        operations: 20_000,
        simrun: on_simrun::tcp,
        peer: turmoil(on_turmoil::tcp),
        goals: &[Goal::Ratio(0.07)],
    },
    Work {
        name: "TCP round trip of 64 bytes",
        short: "tcp",
        operations: 20_000,
        simrun: on_simrun::tcp,
        peer: loopback(on_loopback::tcp),
        goals: &[],
    },
    Work {
        name: "100 clients, 1,000 round trips each",
        short: "clients",
        operations: 100_000,
        simrun: on_simrun::clients,
        peer: turmoil(on_turmoil::clients),
        goals: &[Goal::Ratio(0.02)],
    },
    Work {
        name: "UDP round trip of 64 bytes",
        short: "udp",
        operations: 20_000,
        simrun: on_simrun::udp,
        peer: loopback(on_loopback::udp),
        goals: &[],
    },
    Work {
        name: "start and end a run of two hosts",
        short: "run",
        operations: 10_000,
        simrun: on_simrun::runs,
        peer: turmoil(on_turmoil::runs),
        goals: &[Goal::Ratio(0.15)],
    },
];

/// The works that madsim is compared with, if it can be.
pub(crate) const WORKS_OF_MADSIM: [Work; 5] = [
    Work {
        name: "TCP round trip of 64 bytes",
        short: "tcp",
        operations: 20_000,
        simrun: on_simrun::tcp,
        peer: madsim(on_madsim::tcp),
        goals: &[Goal::Ratio(0.3)],
    },
    Work {
        name: "100 clients, 1,000 round trips each",
        short: "clients",
        operations: 100_000,
        simrun: on_simrun::clients,
        peer: madsim(on_madsim::clients),
        goals: &[Goal::Ratio(0.4)],
    },
    Work {
        name: "UDP round trip of 64 bytes",
        short: "udp",
        operations: 20_000,
        simrun: on_simrun::udp,
        peer: madsim(on_madsim::udp),
        goals: &[Goal::Ratio(0.2)],
    },
    Work {
        name: "start and end a run of two hosts",
        short: "run",
        operations: 10_000,
        simrun: on_simrun::runs,
        peer: madsim(on_madsim::runs),
        goals: &[],
    },
    Work {
        name: "an hour with 100 idle connections",
        short: "idle-hour",
        operations: 20_000,
        simrun: on_simrun::idle_hours,
        peer: madsim(on_madsim::idle_hours),
        // A few microseconds.
        goals: &[Goal::Most(5_000.0, "ns")],
    },
];

/// Lets simrun do what the arguments after `--do` say.
///
/// # Panics
///
/// If they say nothing that can be done.
pub(crate) fn do_work(arguments: &[String]) {
    let [short, operations] = arguments else {
        panic!("`--do` needs a work and a count of operations, not {arguments:?}")
    };
    let mut works = WORKS.iter().chain(&WORKS_OF_MADSIM);
    let work = works.find(|work| work.short == short);
    let work = work.unwrap_or_else(|| panic!("there is no work `{short}`"));
    (work.simrun)(operations.parse().expect("a count of operations"));
}
