//! The works: what both sides do, how often, and what it may cost.

use std::time::Duration;

use super::table::{Goal, Peer, Work};
use super::{on_shuttle, on_simrun, on_tokio};

/// How many tasks give way to each other.
pub(crate) const YIELDERS: u64 = 1_000;

/// How often each task sleeps.
pub(crate) const SLEEPS: u64 = 10;

/// How many tasks sleep while memory is measured.
pub(crate) const SLEEPERS: u64 = 100_000;

/// The longest sleep, in milliseconds: a prime, so that few of many tasks wake together.
const LONGEST_NAP: u64 = 10_007;

const fn tokio(work: fn(u64)) -> Peer {
    let name = "tokio";
    Peer { name, work }
}

const fn shuttle(work: fn(u64)) -> Peer {
    let name = "shuttle";
    Peer { name, work }
}

pub(crate) const WORKS: [Work; 13] = [
    Work {
        name: "spawn 1,000,000 tasks, await all",
        short: "spawn-then-await",
        operations: 1_000_000,
        simrun: on_simrun::spawn_then_await,
        peer: tokio(on_tokio::spawn_then_await),
        goals: &[Goal::Ratio(0.5)],
    },
    Work {
        name: "spawn and await, one by one",
        short: "spawn-and-await",
        operations: 500_000,
        simrun: on_simrun::spawn_and_await,
        peer: tokio(on_tokio::spawn_and_await),
        goals: &[Goal::Ratio(0.4)],
    },
    Work {
        name: "yield, 1,000 tasks, fifo",
        short: "yield",
        operations: 1_000_000,
        simrun: on_simrun::yields,
        peer: tokio(on_tokio::yields),
        goals: &[Goal::Ratio(0.35)],
    },
    Work {
        name: "yield, 1,000 tasks, random",
        short: "random-yield",
        operations: 1_000_000,
        simrun: on_simrun::random_yields,
        peer: tokio(on_tokio::yields),
        goals: &[Goal::Ratio(0.6)],
    },
    Work {
        name: "sleep, 100,000 tasks, 10 times each",
        short: "sleep",
        operations: 1_000_000,
        simrun: on_simrun::sleeps,
        peer: tokio(on_tokio::sleeps),
        goals: &[Goal::Ratio(0.6)],
    },
    Work {
        name: "queue round trip",
        short: "round-trip",
        operations: 500_000,
        simrun: on_simrun::round_trips,
        peer: tokio(on_tokio::round_trips),
        goals: &[Goal::Ratio(0.7)],
    },
    Work {
        name: "start and end a trivial run",
        short: "run",
        operations: 20_000,
        simrun: on_simrun::runs,
        peer: tokio(on_tokio::runs),
        // The second is a million runs a second.
        goals: &[Goal::Ratio(0.35), Goal::Most(1_000.0, "ns")],
    },
    Work {
        name: "an idle hour, from start to end",
        short: "idle-hour",
        operations: 20_000,
        simrun: on_simrun::idle_hours,
        peer: tokio(on_tokio::idle_hours),
        goals: &[Goal::Most(2_000.0, "ns")],
    },
    Work {
        name: "to_thread round trip",
        short: "to-thread",
        operations: 50_000,
        simrun: on_simrun::to_threads,
        peer: tokio(on_tokio::to_threads),
        goals: &[Goal::Ratio(0.2)],
    },
    Work {
        name: "lock hand-over, in order",
        short: "hand-over",
        operations: 100_000,
        simrun: on_simrun::hand_overs,
        peer: shuttle(on_shuttle::hand_overs),
        goals: &[Goal::Ratio(0.2)],
    },
    Work {
        name: "lock hand-over, random",
        short: "random-hand-over",
        operations: 100_000,
        simrun: on_simrun::random_hand_overs,
        peer: shuttle(on_shuttle::random_hand_overs),
        goals: &[Goal::Ratio(0.2)],
    },
    Work {
        name: "channel round trip of threads, random",
        short: "thread-round-trip",
        operations: 100_000,
        simrun: on_simrun::thread_round_trips,
        peer: shuttle(on_shuttle::thread_round_trips),
        goals: &[Goal::Ratio(0.2)],
    },
    Work {
        name: "start and join a thread, random",
        short: "thread",
        operations: 20_000,
        simrun: on_simrun::threads,
        peer: shuttle(on_shuttle::threads),
        goals: &[Goal::Ratio(0.2)],
    },
];

/// What one sleeping task may take: its future and its place in every table of the loop.
pub(crate) const MEMORY_GOALS: &[Goal] = &[Goal::Most(250.0, "B")];

/// Returns how long a task sleeps in a round: from a millisecond, the least that tokio can tell
/// apart, to some ten seconds, different ones from task to task and from round to round.
pub(crate) fn nap_of(task: u64, round: u64) -> Duration {
    nap(task * 7_919 + round * 104_729)
}

/// Returns the sleep with this number.
pub(crate) fn nap(number: u64) -> Duration {
    Duration::from_millis(2 + number % LONGEST_NAP)
}
