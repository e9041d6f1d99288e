//! The same seed gives the same run: twice, on two threads, in two processes, and from its plan.

mod workload;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use simrun::assure::FailureKind;
use simrun::chance::Plan;
use simrun::{Sim, Strategy, spawn, task};
use workload::everything;

const SEEDS: u64 = 1_000;

fn random(seed: u64) -> Sim {
    Sim::new().seed(seed).strategy(Strategy::random())
}

fn fingerprint(seed: u64) -> (u64, u64) {
    let run = random(seed).run(everything);
    (run.fingerprint(), run.unwrap())
}

fn fingerprints() -> Vec<(u64, u64)> {
    (0..SEEDS).map(fingerprint).collect()
}

#[test]
fn a_thousand_seeds_run_twice_and_on_two_threads_at_once_give_the_same_fingerprints() {
    let here = fingerprints();
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(fingerprints), scope.spawn(fingerprints));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(here, one);
    assert_eq!(here, other);
    let distinct: BTreeSet<_> = here.iter().collect();
    assert!(
        distinct.len() > 900,
        "seeds should differ: {} of {SEEDS}",
        distinct.len()
    );
}

#[test]
fn two_processes_print_the_same_run() {
    let print = |seed: u64| {
        let command = env!("CARGO_BIN_EXE_simrun");
        let output = Command::new(command)
            .arg("--seed")
            .arg(seed.to_string())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    for seed in 0..SEEDS {
        assert_eq!(print(seed), print(seed), "seed {seed}");
    }
}

#[test]
fn recording_does_not_change_a_run() {
    for seed in 0..50 {
        let run = random(seed).record(true).write_plan(true).run(everything);
        assert_eq!(run.fingerprint(), fingerprint(seed).0);
        assert!(!run.trace().events().is_empty());
    }
}

#[test]
fn a_plan_replays_the_run_that_it_was_written_from() {
    for seed in 0..200 {
        let run = random(seed).write_plan(true).run(everything);
        let text = run.plan().to_string();
        let plan: Plan = text.parse().unwrap();
        assert_eq!(&plan, run.plan(), "a plan survives being written and read");
        let replay = Sim::new()
            .seed(seed + 1)
            .strategy(Strategy::replay(plan))
            .run(everything);
        assert_eq!(
            replay.fingerprint(),
            run.fingerprint(),
            "seed {seed}\n{text}"
        );
        assert!(replay.diverged().is_empty());
        assert_eq!(replay.unwrap(), run.unwrap());
    }
}

#[test]
fn the_empty_plan_is_first_in_first_out_and_every_default() {
    let seedless = Sim::new()
        .strategy(Strategy::replay(Plan::new()))
        .run(everything);
    let written = Sim::new()
        .write_plan(true)
        .strategy(Strategy::replay(Plan::new()));
    assert!(written.run(everything).plan().is_empty());
    let other = Sim::new()
        .seed(9)
        .strategy(Strategy::replay(Plan::new()))
        .run(everything);
    assert_eq!(seedless.fingerprint(), other.fingerprint());
}

#[test]
fn a_plan_that_does_not_fit_says_where() {
    let plan: Plan = "simrun plan 1\nschedule main/9#7 -> task main/8\n"
        .parse()
        .unwrap();
    let run = Sim::new().strategy(Strategy::replay(plan)).run(everything);
    assert_eq!(run.diverged().len(), 1);
    assert_eq!(run.diverged()[0].to_string(), "schedule main/9#7");
}

/// Three tasks write down in which order they get to go.
async fn three_tasks_of_three_yields() -> Vec<u8> {
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let order = order.clone();
            spawn(async move {
                for _ in 0..3 {
                    order.lock().unwrap().push(number);
                    task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    std::mem::take(&mut *order.lock().unwrap())
}

#[test]
fn five_thousand_seeds_reach_most_of_the_1680_interleavings() {
    let run = |seed| random(seed).run(three_tasks_of_three_yields).unwrap();
    let distinct: BTreeSet<Vec<u8>> = (0..5_000).map(run).collect();
    println!("{} distinct interleavings", distinct.len());
    assert!(distinct.len() >= 1_400, "only {}", distinct.len());
}

#[test]
fn the_check_finds_what_is_not_the_runs_own() {
    let runs = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let leak = runs.clone();
    let failure = Sim::new()
        .check_determinism(move || {
            let run = leak.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                simrun::log!("before");
                if run == 1 {
                    task::yield_now().await;
                }
                simrun::log!("after");
            }
        })
        .unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Nondeterminism);
    assert!(failure.message().contains("differ at event 3"), "{failure}");
    assert_eq!(failure.task(), Some("main"));
    Sim::new().check_determinism(everything).unwrap();
}
