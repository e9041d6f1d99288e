//! Whatever tasks do to each other, in whatever order: nothing is lost, nobody holds what another
//! holds, and nobody sleeps beside what it waits for.
//!
//! Programs are drawn at random, always the same ones, and each is run in first-in-first-out order
//! and under several seeds of the random strategy. They use the crate's own primitives and keep
//! books beside them; what the books and the primitives say must agree whenever a program stands
//! still.

mod books;
mod census;
mod climber;
mod primitives;
mod quiescence;
mod scopes;
mod shelf;
mod step;
mod tree;
mod worker;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use simrun::Sim;

/// How many random orders each program is run in, beside the first-in-first-out one.
const SEEDS: u64 = 8;

/// More steps than any of the programs makes at one moment, unless it goes round in circles.
const LIVELOCK: u64 = 100_000;

/// What a run has to say: what was wrong, and how often something worth mentioning happened.
#[derive(Debug, Default)]
struct Findings {
    problems: Vec<String>,
    seen: BTreeMap<&'static str, u64>,
}

/// Runs `cases` of the programs in several orders each, and fails if anything is wrong with one.
/// Also fails if one of the things in `shall_see` has never happened: then the programs prove
/// nothing.
#[track_caller]
fn holds_in_every_order<P, F>(
    cases: u32,
    programs: impl Strategy<Value = P>,
    run: fn(P) -> F,
    shall_see: &[&'static str],
) where
    P: Clone + Debug,
    F: Future<Output = Findings> + 'static,
{
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let seen = std::cell::RefCell::new(BTreeMap::new());
    let result = runner.run(&programs, |program| {
        let fifo = Sim::new();
        let random = |seed| fifo.clone().seed(seed).strategy(simrun::Strategy::random());
        for sim in [fifo.clone()].into_iter().chain((0..SEEDS).map(random)) {
            let run = sim.livelock_after(LIVELOCK).run(|| run(program.clone()));
            let order = format!("seed {}, strategy {}", run.seed(), run.strategy());
            if let Some(failure) = run.failure() {
                return Err(TestCaseError::fail(format!("{order}: {failure}")));
            }
            let findings = run.into_value().expect("a run that passed has a value");
            if let Some(problem) = findings.problems.first() {
                return Err(TestCaseError::fail(format!("{order}: {problem}")));
            }
            for (what, count) in findings.seen {
                *seen.borrow_mut().entry(what).or_insert(0) += count;
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.into_inner();
    println!("{seen:?}");
    for what in shall_see {
        assert!(seen.contains_key(what), "the programs never saw {what}");
    }
}
