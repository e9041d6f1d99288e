//! The replicated store of the example: what its clients see, checked.

#[path = "../../examples/kv/mod.rs"]
mod kv;

use kv::{Caution, Numbers, recorded};

#[test]
fn a_store_that_looks_at_its_clock_is_linearizable() {
    for seed in 0..50 {
        let (run, history) = recorded(seed, Caution::LooksAtClock);
        assert!(run.failure().is_none(), "seed {seed}: {run}");
        assert!(history.len() > 20, "{history}");
        history.assert_linearizable(&Numbers);
    }
}

#[test]
fn a_stale_read_is_not_linearizable_and_the_counterexample_shows_it() {
    let mut runs = (0..1_000).map(|seed| recorded(seed, Caution::TrustsRenewal));
    let failing = runs.find(|(run, _)| run.failure().is_some());
    let (run, history) = failing.expect("some seed finds it");
    let message = run.failure().unwrap().message();
    assert!(message.contains("a stale read"), "{message}");
    let found = history.check(&Numbers);
    assert!(found.counterexample().is_some(), "{found}\n{history}");
    insta::assert_snapshot!(found.to_string());
}
