//! What a round trip costs when there are many connections, or many hosts: as much as when there
//! are few, but for memory, which gets slower the more of it is in use.

use super::clock::{Effort, median, per_operation, time};
use super::on_simrun;
use super::table::{Verdict, rounded};

/// How much a cost may grow from the smallest crowd to the largest.
const MOST_GROWTH: f64 = 3.0;

/// How many round trips are made at each size. The largest crowd makes ten or more on every
/// connection, so that it is they that are measured and not how they are made.
const TRIPS: u64 = 300_000;

/// How often each size is measured.
const ROUNDS: u64 = 3;

/// Something there can be many of.
struct Crowd {
    name: &'static str,
    sizes: &'static [u64],
    /// Makes so many round trips with a crowd of so many.
    trips: fn(u64, u64),
}

const CROWDS: [Crowd; 2] = [
    Crowd {
        name: "connections between two hosts",
        sizes: &[10, 100, 1_000, 10_000],
        trips: on_simrun::connections,
    },
    Crowd {
        name: "hosts connected to a server",
        sizes: &[10, 100, 1_000],
        trips: on_simrun::hosts,
    },
];

/// Measures and prints the cost at every size; returns how many goals are missed.
pub(crate) fn print(effort: Effort) -> usize {
    println!("\nns per TCP round trip; the goal is to grow no more than {MOST_GROWTH} times");
    let crowds = CROWDS.iter().map(|crowd| print_crowd(crowd, effort));
    crowds.filter(|verdict| !verdict.is_met()).count()
}

fn print_crowd(crowd: &Crowd, effort: Effort) -> Verdict {
    let mut costs = Vec::new();
    for size in crowd.sizes {
        let trips = effort.of(TRIPS).max(10 * size);
        let times = (0..ROUNDS).map(|_| time(|| (crowd.trips)(*size, trips)));
        let cost = per_operation(median(times.collect()), trips);
        println!("  {size:>6} {:<30} {:>5}", crowd.name, rounded(cost));
        costs.push(cost);
    }
    let growth = costs[costs.len() - 1] / costs[0];
    let verdict = Verdict::of(growth <= MOST_GROWTH);
    println!("  {:>6} {growth:.1} times, {verdict}", "growth");
    verdict
}
