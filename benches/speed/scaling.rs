//! What one thing costs when there are millions of it.
//!
//! Time per item grows with n even where the steps per item do not, for memory gets slower the
//! more of it is in use. So the cost is held against that of a bare heap of as many numbers,
//! which is n log n by its nature and suffers from the same memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use simrun::time::{millis, nanos, secs, sleep};
use simrun::{Sim, event_loop, task};

use super::clock::{Effort, median, per_operation, time};
use super::table::{Verdict, rounded};

/// How much faster than the heap's a cost may grow from the smallest crowd to the largest. What
/// is linear in n log n stays near 1; what is quadratic gets there at the first step, to 10.
const MOST_GROWTH: f64 = 3.0;

/// How many items are dealt with at each size, in three rounds at most and in one at least; the
/// quick measurement deals with fewer.
const ITEMS: u64 = 3_000_000;

/// The largest crowd of the quick measurement.
const QUICK_SIZE: u64 = 1_000_000;

/// Spreads deadlines over some eighteen minutes, in no order.
const SPREAD_BITS: u32 = 40;

/// Something there can be very many of.
struct Crowd {
    name: &'static str,
    sizes: &'static [u64],
    live: fn(u64),
}

const CROWDS: [Crowd; 2] = [
    Crowd {
        name: "live tasks: spawn, sleep, await",
        sizes: &[100_000, 1_000_000],
        live: tasks,
    },
    Crowd {
        name: "pending timers: set, fire, call",
        sizes: &[100_000, 1_000_000, 10_000_000],
        live: timers,
    },
];

/// Measures and prints the cost at every size; returns how many grow faster than they should.
pub(crate) fn print(effort: Effort) -> usize {
    println!("\nns per item; the goal is to grow no faster than {MOST_GROWTH} times a bare heap");
    let mut missed = 0;
    for crowd in &CROWDS {
        missed += usize::from(!print_crowd(crowd, effort).is_met());
    }
    missed
}

fn print_crowd(crowd: &Crowd, effort: Effort) -> Verdict {
    let mut sizes = crowd.sizes.to_vec();
    sizes.retain(|size| effort == Effort::Full || *size <= QUICK_SIZE);
    let items = effort.of(ITEMS);
    let costs = |live| costs(live, &sizes, items);
    let (costs, bare) = (costs(crowd.live), costs(heap));
    let growth = growth(&costs) / growth(&bare);
    let verdict = Verdict::of(growth <= MOST_GROWTH);
    for ((size, cost), bare) in sizes.iter().zip(costs).zip(bare) {
        let (name, cost, bare) = (crowd.name, rounded(cost), rounded(bare));
        println!("  {size:>10} {name:<32} {cost:>5}, bare heap {bare:>5}");
    }
    println!(
        "  {:>10} {growth:.1} times a bare heap, {verdict}",
        "growth"
    );
    verdict
}

/// Returns the nanoseconds of one item at each size.
fn costs(live: fn(u64), sizes: &[u64], items: u64) -> Vec<f64> {
    let cost = |size: &u64| {
        let rounds = (items / size).clamp(1, 3);
        let times = (0..rounds).map(|_| time(|| live(*size)));
        per_operation(median(times.collect()), *size)
    };
    sizes.iter().map(cost).collect()
}

fn growth(costs: &[f64]) -> f64 {
    costs[costs.len() - 1] / costs[0]
}

/// Keeps as many tasks alive at once.
fn tasks(count: u64) {
    let main = move || async move {
        let sleeper = |number| task::spawn(sleep(secs(1) + nanos(scatter(number))));
        let handles: Vec<_> = (0..count).map(sleeper).collect();
        for handle in handles {
            handle.await.unwrap();
        }
    };
    Sim::new().run(main).unwrap();
}

/// Keeps as many timers pending at once.
fn timers(count: u64) {
    let main = move || async move {
        for number in 0..count {
            event_loop::call_later(nanos(scatter(number)), move || _ = black_box(number));
        }
        sleep(nanos(1 << SPREAD_BITS) + millis(1)).await;
    };
    let run = Sim::new().run(main);
    assert!(run.steps() > count, "every timer fires");
    run.unwrap();
}

/// Keeps as many numbers in a heap.
fn heap(count: u64) {
    let mut heap = BinaryHeap::new();
    for number in 0..count {
        heap.push(Reverse((scatter(number), number)));
    }
    while let Some(first) = heap.pop() {
        black_box(first);
    }
}

/// Returns a number that has nothing to do with those of its neighbours.
fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SPREAD_BITS)
}
