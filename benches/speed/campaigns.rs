//! What a campaign costs beside its runs, and what it costs to know their traces.
//!
//! A campaign on some cores is held against as many threads that make the same runs and nothing
//! else. Both suffer from whatever else the machine does, so the ratio says what the campaign
//! itself takes: to give out seeds, to wait at the end, to count the runs.

use std::sync::Arc;
use std::time::Duration;

use simrun::explore::Explorer;
use simrun::strategy::Profile;
use simrun::sync::{Lock, Tracked};
use simrun::{Sim, Strategy, spawn, task};

use super::clock::{Effort, median, per_operation, time};
use super::table::Verdict;

const JOBS: u64 = 2;

const RUNS: u64 = 20_000;

/// The part of what the machine can do that a campaign must do.
const LEAST_EFFICIENCY: f64 = 0.9;

/// How much longer a run may take if its trace is to be known.
const MOST_FOR_TRACES: f64 = 1.5;

/// How often each side has its turn.
const ROUNDS: u64 = 11;

/// Three tasks share a lock and a value: a small test, some fifty steps.
async fn small() {
    let count = Arc::new(Lock::new(0));
    let cell = Arc::new(Tracked::new(0));
    let work = |_| {
        let (count, cell) = (count.clone(), cell.clone());
        spawn(async move {
            for _ in 0..4 {
                let mut guard = count.acquire().await;
                task::yield_now().await;
                *guard += 1;
                drop(guard);
                cell.write(|cell| *cell += 1);
                task::yield_now().await;
            }
        })
    };
    for task in [1, 2, 3].map(work) {
        task.await.unwrap();
    }
}

/// Measures and prints both; returns how many goals are missed.
pub(crate) fn print(effort: Effort) -> usize {
    println!("\ncampaigns of a small program, on {JOBS} cores");
    let verdicts = [efficiency(effort), traces(effort)];
    verdicts.iter().filter(|verdict| !verdict.is_met()).count()
}

fn efficiency(effort: Effort) -> Verdict {
    let runs = effort.of(RUNS);
    let (campaign, threads) = turns(|| campaign(runs), || threads(runs));
    let efficiency = threads / campaign;
    let verdict = Verdict::of(efficiency >= LEAST_EFFICIENCY);
    println!(
        "  a run {:.0} ns in a campaign, {:.0} ns in bare threads: efficiency {efficiency:.2}; \
         goal >= {LEAST_EFFICIENCY}, {verdict}",
        campaign / runs as f64,
        threads / runs as f64,
    );
    verdict
}

fn traces(effort: Effort) -> Verdict {
    let mut worst = Verdict::Met;
    for strategy in [
        Strategy::fifo(),
        Strategy::random(),
        Strategy::surw(),
        Strategy::pos(),
    ] {
        let strategy = strategy.with_profile(profile());
        let runs = effort.of(RUNS) / 10;
        let make = |traces| alone(&strategy, 0..runs, traces);
        let (with, without) = turns(|| make(true), || make(false));
        let ratio = with / without;
        let verdict = Verdict::of(ratio <= MOST_FOR_TRACES);
        println!(
            "  {:<9} {:>6.0} ns with its trace, {:>6.0} ns without: {ratio:.2}; goal <= \
             {MOST_FOR_TRACES}, {verdict}",
            strategy.to_string(),
            with / runs as f64,
            without / runs as f64,
        );
        if !verdict.is_met() {
            worst = verdict;
        }
    }
    worst
}

/// Lets both sides do the same in turns, and returns the median nanoseconds of each.
fn turns(one: impl Fn(), other: impl Fn()) -> (f64, f64) {
    let round = |_| (time(&one), time(&other));
    let (one, other): (Vec<Duration>, Vec<Duration>) = (0..ROUNDS).map(round).unzip();
    (
        per_operation(median(one), 1),
        per_operation(median(other), 1),
    )
}

fn campaign(runs: u64) {
    let explorer = Explorer::new().runs(runs).make_all_runs();
    let report = explorer.jobs(JOBS as usize).explore(small);
    assert_eq!((report.runs(), report.failed()), (runs, 0));
}

/// Makes the same runs on as many threads, one in 32 twice as a campaign does.
fn threads(runs: u64) {
    let strategy = Strategy::portfolio().with_profile(profile());
    std::thread::scope(|scope| {
        for job in 0..JOBS {
            let (strategy, share) = (&strategy, runs / JOBS);
            scope.spawn(move || {
                alone(strategy, job * share..(job + 1) * share, true);
                alone(strategy, 0..share / 32, false);
            });
        }
    });
}

fn alone(strategy: &Strategy, seeds: std::ops::Range<u64>, traces: bool) {
    for seed in seeds {
        let sim = Sim::new().seed(seed).strategy(strategy.clone());
        sim.hash_trace(traces).run(small).unwrap();
    }
}

fn profile() -> Arc<Profile> {
    let run = Sim::new().profile(true).run(small);
    run.profile().expect("it was asked for").clone()
}
