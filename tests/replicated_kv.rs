//! A replicated store: random exploration finds the stale read that is planted in it, and none
//! without that.

#[path = "../examples/kv/mod.rs"]
mod kv;

use std::ops::Range;

use kv::{Caution, Numbers, recorded, run};

fn survives(seeds: Range<u64>) {
    for seed in seeds {
        let run = run(seed, Caution::LooksAtClock);
        assert!(run.failure().is_none(), "seed {seed}: {run}");
    }
}

#[test]
fn a_primary_that_does_not_look_at_its_clock_reads_stale_data() {
    let mut runs = (0..1_000).map(|seed| run(seed, Caution::TrustsRenewal));
    let failing = runs.find(|run| run.failure().is_some());
    let failing = failing.expect("some seed finds it");
    let text = failing.failure().unwrap().to_string();
    assert!(text.contains("a stale read"), "{text}");
    let again = run(failing.seed(), Caution::TrustsRenewal);
    assert_eq!(again.fingerprint(), failing.fingerprint());
}

#[test]
fn what_the_clients_of_a_primary_that_looks_at_its_clock_see_is_linearizable() {
    for seed in 0..50 {
        let (run, seen) = recorded(seed, Caution::LooksAtClock);
        assert!(run.failure().is_none(), "seed {seed}: {run}");
        assert!(seen.len() > 20, "{seen}");
        seen.assert_linearizable(&Numbers);
    }
}

#[test]
fn a_stale_read_is_not_linearizable_and_the_counterexample_shows_it() {
    let mut runs = (0..1_000).map(|seed| recorded(seed, Caution::TrustsRenewal));
    let failing = runs.find(|(run, _)| run.failure().is_some());
    let (run, seen) = failing.expect("some seed finds it");
    let message = run.failure().unwrap().message();
    assert!(message.contains("a stale read"), "{message}");
    let found = seen.check(&Numbers);
    assert!(found.counterexample().is_some(), "{found}\n{seen}");
    insta::assert_snapshot!(found.to_string());
}

/// Makes a test of every part of a thousand seeds, so that they run side by side.
macro_rules! parts {
    ($($name:ident: $seeds:expr,)*) => {
        mod a_primary_that_looks_at_its_clock_reads_what_was_written {
            $(
                #[test]
                fn $name() {
                    super::survives($seeds);
                }
            )*

            #[test]
            #[ignore = "takes long"]
            fn in_ten_thousand_seeds() {
                super::survives(0..10_000);
            }
        }
    };
}

parts! {
    in_the_first_125_seeds: 0..125,
    from_seed_125: 125..250,
    from_seed_250: 250..375,
    from_seed_375: 375..500,
    from_seed_500: 500..625,
    from_seed_625: 625..750,
    from_seed_750: 750..875,
    from_seed_875: 875..1_000,
}
