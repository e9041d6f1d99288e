//! To how little failures shrink, and how soon: `cargo bench --bench suite -- --shrink`.

use std::time::{Duration, Instant};

use simrun::explore::Explorer;
use simrun::{Sim, Strategy};

use super::instance::Instance;
use super::measure::profile;

/// A failure in few decisions, which a person can follow.
const FEW: usize = 3;
const REPLAYS: u64 = 50;
const LONGEST: Duration = Duration::from_millis(200);

/// What came of shrinking failures of one instance.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) failures: usize,
    /// Medians: how many decisions there were, how many are left, and after how many replays.
    pub(crate) before: usize,
    pub(crate) left: usize,
    pub(crate) replays: u64,
    /// The fewest and the most that any of the failures has come to.
    pub(crate) fewest: usize,
    pub(crate) most: usize,
    /// The median of how many runs were made beside those, to explain the shortest.
    trials: u64,
    longest: Duration,
}

impl Row {
    /// Says which goals are missed.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        let mut missed = Vec::new();
        let goals = [
            (self.left <= FEW, "decisions"),
            (self.left <= self.fewest + 1, "fewest + 1"),
            (self.replays <= REPLAYS, "replays"),
            (self.longest < LONGEST, "time"),
        ];
        missed.extend(goals.iter().filter(|(met, _)| !met).map(|(_, goal)| *goal));
        missed
    }
}

/// Shrinks so many failures of an instance, that runs of the portfolio with these seeds find: there
/// is nothing to tell if none of them does.
pub(crate) fn shrink(instance: &Instance, failures: usize, seeds: u64) -> Option<Row> {
    let strategy = Strategy::portfolio().with_profile(profile(instance));
    let program = || {
        let found = (instance.main)();
        async move { assert!(!found.await, "the bug has shown") }
    };
    let explorer = Explorer::new().replays(5_000);
    let failing = (1..=seeds).filter_map(|seed| {
        let sim = Sim::new().seed(seed).strategy(strategy.clone());
        let run = sim.write_plan(true).run(program);
        run.failure().is_some().then(|| run.plan().clone())
    });
    let (mut before, mut left) = (Vec::new(), Vec::new());
    let (mut replays, mut trials) = (Vec::new(), Vec::new());
    let mut longest = Duration::ZERO;
    for plan in failing.take(failures) {
        let began = real_time();
        let shrunk = explorer.shrink(program, &plan).expect("it fails again");
        longest = longest.max(real_time() - began);
        before.push(plan.len());
        left.push(shrunk.plan().len());
        replays.push(shrunk.replays());
        trials.push(shrunk.why().replays());
    }
    Some(Row {
        name: instance.name.clone(),
        failures: left.len(),
        fewest: left.iter().min().copied()?,
        most: left.iter().max().copied()?,
        before: median(before)?,
        left: median(left)?,
        replays: median(replays)?,
        trials: median(trials)?,
        longest,
    })
}

/// Prints the table.
pub(crate) fn print(instances: &[Instance], failures: usize, seeds: u64) {
    println!(
        "| {:<28} | failures | before | left | fewest | most | replays | trials | {:>7} | missed |",
        "medians", "longest"
    );
    let (mut rows, mut not_found) = (Vec::new(), Vec::new());
    for instance in instances {
        let Some(row) = shrink(instance, failures, seeds) else {
            not_found.push(instance.name.as_str());
            continue;
        };
        let missed = row.missed().join(", ");
        println!(
            "| {:<28} | {:>8} | {:>6} | {:>4} | {:>6} | {:>4} | {:>7} | {:>6} | {:>4} ms | {} |",
            row.name,
            row.failures,
            row.before,
            row.left,
            row.fewest,
            row.most,
            row.replays,
            row.trials,
            row.longest.as_millis(),
            missed,
        );
        rows.push(row);
    }
    let met = rows.iter().filter(|row| row.missed().is_empty()).count();
    println!("\nall goals are met by {met} of {}", rows.len());
    if !not_found.is_empty() {
        println!("not found in {seeds} runs: {}", not_found.join(", "));
    }
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn real_time() -> Instant {
    Instant::now()
}
