//! The suite of small bugs in a reduced form: strategies still find what they find, as often as
//! they should. `cargo bench --bench suite` prints the whole scoreboard.

#[path = "../benches/suite/all.rs"]
mod all;
#[path = "../benches/suite/instance.rs"]
mod instance;
#[path = "../benches/suite/lists.rs"]
mod lists;
#[path = "../benches/suite/locks.rs"]
mod locks;
#[expect(dead_code, reason = "the scoreboard uses more of it")]
#[path = "../benches/suite/measure.rs"]
mod measure;
#[path = "../benches/suite/orders.rs"]
mod orders;
#[path = "../benches/suite/races.rs"]
mod races;
#[expect(dead_code, reason = "the table of the benchmark uses more of it")]
#[path = "../benches/suite/shrink.rs"]
mod shrink;
#[path = "../benches/suite/timed.rs"]
mod timed;

use simrun::{Sim, Strategy};

use measure::{SCHEDULES, measure_runs, profile};

/// So many failures of each instance are shrunk, found among the runs of so many seeds.
const FAILURES: usize = 3;
const SHRUNK_SEEDS: u64 = 60;

/// How many runs tell a probability.
const RUNS: u64 = 500;

#[test]
fn the_portfolio_finds_nearly_everything_within_a_thousand_schedules() {
    let instances = all::instances();
    let is_missed = |instance: &&instance::Instance| {
        let sim = Sim::new().strategy(Strategy::portfolio().with_profile(profile(instance)));
        !(1..=SCHEDULES).any(|seed| instance.is_found(&sim.clone().seed(seed)))
    };
    let missed: Vec<&str> = instances
        .iter()
        .filter(is_missed)
        .map(|instance| instance.name.as_str())
        .collect();
    assert!(missed.len() <= 3, "{missed:?}");
    let with_time = instances.len() - all::TIMED;
    let mut timed = instances[with_time..].iter();
    assert!(
        timed.all(|timed| !missed.contains(&timed.name.as_str())),
        "{missed:?}"
    );
}

/// Their bugs need someone to be behind all others for long, or many to be ahead of one, which
/// takes a decision at each step.
const FAR_BEHIND: [&str; 13] = [
    "B04 philosophers, 5",
    "B05",
    "B06 reorder, 4",
    "B06 reorder, 9",
    "B06 reorder, 19",
    "B07 two stages, 10",
    "B07 two stages, 40",
    "B08",
    "B10",
    "B13 cancel at 45",
    "B14",
    "B16",
    "B18",
];

#[test]
fn failures_shrink_to_few_decisions_in_few_runs() {
    let mut off = Vec::new();
    for instance in all::instances() {
        let is_long = FAR_BEHIND
            .iter()
            .any(|family| instance.name.starts_with(family));
        if is_long {
            continue;
        }
        let Some(row) = shrink::shrink(&instance, FAILURES, SHRUNK_SEEDS) else {
            continue;
        };
        let mut missed = row.missed();
        // How long it takes in a build without optimization says nothing.
        missed.retain(|goal| *goal != "time");
        if !missed.is_empty() {
            off.push(format!("{}: {}", row.name, missed.join(", ")));
        }
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
}

#[test]
fn what_can_be_computed_is_what_is_measured() {
    let mut off = Vec::new();
    for instance in all::instances() {
        for (name, exact) in &instance.exact {
            let strategy: Strategy = name.parse().unwrap();
            let found = measure_runs(&instance, &strategy, 1, RUNS);
            if !found.agrees_with(*exact) {
                let measured = found.probability();
                off.push(format!(
                    "{}, {name}: {measured}, not {exact}",
                    instance.name
                ));
            }
        }
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
}
