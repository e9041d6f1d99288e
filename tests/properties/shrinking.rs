//! How simple what fails becomes, in both dimensions, and what that costs.

use std::fmt::Debug;
use std::future::Future;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use simrun::proptest::{Explored, Properties};

use super::programs::{
    deposits, lost_item, lost_update, queueing, stale_read, storing, transfer_in_two_steps,
    transfers,
};

const SEEDS: u64 = 25;

/// What one search has come to.
struct Outcome {
    operations: usize,
    decisions: usize,
    runs: u64,
    replays: u64,
}

pub(crate) fn seeded(seed: u64) -> Properties {
    let config = ProptestConfig {
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    Properties::new().config(config).without_regressions()
}

fn outcome<O: Debug>(explored: &Explored<Vec<O>>) -> Outcome {
    let found = explored.found().expect("the bug is found");
    Outcome {
        operations: found.workload().len(),
        decisions: found.finding().best_plan().len(),
        runs: explored.runs(),
        replays: explored.replays(),
    }
}

/// Returns the median of each number over all seeds.
fn medians<S, O, F>(name: &str, workloads: impl Fn() -> S, main: fn(Vec<O>) -> F) -> Outcome
where
    S: Strategy<Value = Vec<O>>,
    O: Clone + Debug + Send + Sync,
    F: Future<Output = ()> + 'static,
{
    let outcomes: Vec<Outcome> = (0..SEEDS)
        .map(|seed| outcome(&seeded(seed).explore(workloads(), main)))
        .collect();
    let median = |number: &dyn Fn(&Outcome) -> u64| {
        let mut numbers: Vec<u64> = outcomes.iter().map(number).collect();
        numbers.sort_unstable();
        let worst = numbers[numbers.len() - 1];
        (numbers[numbers.len() / 2], worst)
    };
    let operations = median(&|outcome| outcome.operations as u64);
    let decisions = median(&|outcome| outcome.decisions as u64);
    let (runs, replays) = (median(&|it| it.runs), median(&|it| it.replays));
    println!(
        "{name}, median and worst: {operations:?} operations, {decisions:?} decisions, found in \
         {runs:?} runs, made simple in {replays:?}"
    );
    Outcome {
        operations: operations.0 as usize,
        decisions: decisions.0 as usize,
        runs: runs.0,
        replays: replays.0,
    }
}

#[test]
fn a_lost_update_needs_two_deposits_and_one_switch() {
    let median = medians("lost update", deposits, lost_update);
    assert_eq!(median.operations, 2);
    assert!(median.decisions <= 2);
    assert!(median.runs < 100 && median.replays < 1_000);
}

#[test]
fn a_transfer_in_two_steps_needs_an_audit_in_between() {
    let median = medians("transfer", transfers, transfer_in_two_steps);
    assert_eq!(median.operations, 2);
    assert!(median.decisions <= 2);
}

#[test]
fn an_item_is_lost_between_one_put_one_get_and_one_cancellation() {
    let median = medians("lost item", queueing, lost_item);
    assert_eq!(median.operations, 3);
    assert!(median.decisions <= 2);
}

#[test]
fn a_stale_read_needs_a_write_a_read_and_a_partition() {
    let median = medians("stale read", storing, stale_read);
    assert!(median.operations <= 3);
    assert!(median.decisions <= 2);
}
