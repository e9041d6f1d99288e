//! Bugs that real libraries have had, written again as they were, and found by the random strategy.
//!
//! Each file holds one piece of code in two versions, the broken and the mended one, and a
//! program that uses it. The broken one must fail under one of the first thousand seeds; the
//! mended one must survive all of them.

mod condition;
mod gather;
mod group;
mod lock;
mod queue;
mod semaphore;
mod wait_for;

use std::future::Future;
use std::time::Duration;

use simrun::assure::Failure;
use simrun::{Sim, Strategy};

/// How many seeds a bug has to be found in.
const SEEDS: u64 = 1_000;

/// Which version of the code a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Broken,
    Mended,
}

/// Longer than any of the programs takes, unless it hangs.
const LONG: Duration = Duration::from_secs(60);

fn failure<F: Future<Output = ()> + 'static>(
    seed: u64,
    program: fn(Version) -> F,
    version: Version,
) -> Option<Failure> {
    let sim = Sim::new()
        .seed(seed)
        .strategy(Strategy::random())
        .until(LONG);
    sim.run(|| program(version)).failure().cloned()
}

/// Checks that the broken version is found, for the reason given, and the mended one survives.
#[track_caller]
fn is_found<F: Future<Output = ()> + 'static>(program: fn(Version) -> F, reason: &str) {
    let found = (0..SEEDS)
        .find_map(|seed| failure(seed, program, Version::Broken).map(|failure| (seed, failure)));
    let Some((seed, first)) = found else {
        panic!("not found within {SEEDS} seeds")
    };
    assert!(
        first.to_string().contains(reason),
        "seed {seed} failed for another reason: {first}"
    );
    let again = failure(seed, program, Version::Broken).expect("a failing seed always fails");
    assert_eq!(again.key(), first.key());
    for seed in 0..SEEDS {
        if let Some(failure) = failure(seed, program, Version::Mended) {
            panic!("the mended version fails under seed {seed}: {failure}");
        }
    }
}
