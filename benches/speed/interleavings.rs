//! How much of what could happen does happen under random scheduling.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use simrun::{Sim, Strategy, task};

use super::table::Verdict;

const TASKS: u32 = 3;
const YIELDS: u32 = 3;

/// The orders in which three tasks can make three steps each: 9! / (3! 3! 3!).
const ALL: usize = 1_680;

const SEEDS: u64 = 5_000;

/// A choice that is fair at every step finds 1,418 of them on average. They are not all equally
/// likely then: whoever is left alone at the end has no rival to lose to.
const GOAL: usize = 1_400;

/// Counts and prints how many interleavings random scheduling reaches.
pub(crate) fn print() -> Verdict {
    let found: BTreeSet<u32> = (0..SEEDS).map(interleaving).collect();
    let (found, verdict) = (found.len(), Verdict::of(found.len() >= GOAL));
    println!(
        "\ninterleavings of {TASKS} tasks with {YIELDS} yields each: {SEEDS} random seeds reach \
         {found} of {ALL}; goal >= {GOAL}, {verdict}"
    );
    verdict
}

/// Returns the order in which the tasks make their steps, as the digits of one number.
fn interleaving(seed: u64) -> u32 {
    let order = Rc::new(Cell::new(0));
    let main = || {
        let order = order.clone();
        async move {
            let walker = |digit| {
                let order = order.clone();
                task::spawn(async move {
                    for _ in 0..YIELDS {
                        order.set(order.get() * TASKS + digit);
                        task::yield_now().await;
                    }
                })
            };
            let walkers: Vec<_> = (0..TASKS).map(walker).collect();
            for walker in walkers {
                walker.await.unwrap();
            }
        }
    };
    let sim = Sim::new().seed(seed).strategy(Strategy::random());
    sim.run(main).unwrap();
    order.get()
}
