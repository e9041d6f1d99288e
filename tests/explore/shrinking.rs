//! Shrinking: how little is left, and how soon.

use std::future::Future;

use simrun::chance::{self, Plan};
use simrun::explore::Explorer;
use simrun::{Sim, Strategy, spawn, time};

use crate::programs;

/// So many failures of each program are shrunk.
const FAILURES: usize = 25;
const SEEDS: u64 = 20_000;
const MEDIAN_REPLAYS: u64 = 50;
/// No failure takes more replays to be shrunk, nor more runs beside those to be explained.
const MOST_REPLAYS: u64 = 500;
const MOST_TRIALS: u64 = 1_000;

/// Shrinks failures of a program, each of which needs so many decisions at least.
#[track_caller]
fn shrinks_to<F>(name: &str, program: fn() -> F, optimum: usize)
where
    F: Future<Output = ()> + 'static,
{
    let run = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.write_plan(true).run(program);
        run.failure()
            .map(|failure| (failure.key(), run.plan().clone()))
    };
    assert!(
        Sim::new()
            .strategy(Strategy::replay(Plan::new()))
            .run(program)
            .failure()
            .is_none()
    );
    let explorer = Explorer::new().replays(5_000);
    let (mut before, mut left, mut replays, mut trials) = (vec![], vec![], vec![], vec![]);
    for (key, plan) in (1..SEEDS).filter_map(run).take(FAILURES) {
        let shrunk = explorer.shrink(program, &plan).expect("it fails again");
        assert_eq!(shrunk.failure().key(), key);
        let again = Sim::new()
            .strategy(Strategy::replay(shrunk.plan().clone()))
            .run(program);
        assert_eq!(again.failure().map(simrun::assure::Failure::key), Some(key));
        assert!(again.diverged().is_empty());
        assert!(
            shrunk.plan().len() <= optimum + 1,
            "{name}: {plan}\n{}",
            shrunk.plan()
        );
        before.push(plan.len());
        left.push(shrunk.plan().len());
        replays.push(shrunk.replays());
        trials.push(shrunk.why().replays());
    }
    assert_eq!(replays.len(), FAILURES, "{name} is found too seldom");
    let most = |counts: &[u64]| counts.iter().max().copied().unwrap();
    let (most_replays, most_trials) = (most(&replays), most(&trials));
    let (before, left, replays) = (median(before), median(left), median(replays));
    println!(
        "{name:<22} {before:>3} -> {left} (optimum {optimum}), {replays:>3} replays, at most \
         {most_replays}, and {most_trials} trials"
    );
    assert!(replays <= MEDIAN_REPLAYS, "{name}: {replays} replays");
    assert!(
        most_replays <= MOST_REPLAYS,
        "{name}: {most_replays} replays"
    );
    assert!(most_trials <= MOST_TRIALS, "{name}: {most_trials} trials");
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn classic_bugs_shrink_to_what_they_need() {
    shrinks_to("lost update", programs::lost_update, 1);
    shrinks_to("AB-BA", programs::ab_ba, 1);
    shrinks_to("lost wake-up", programs::lost_wake_up, 1);
    shrinks_to("lock split", programs::lock_split, 1);
    shrinks_to("philosophers", programs::philosophers, 2);
    shrinks_to("cancelled in between", programs::cancelled_in_between, 1);
    shrinks_to("stale lease", programs::stale_lease, 1);
}

#[test]
fn a_duration_shrinks_to_the_threshold_at_which_it_fails() {
    let report = Explorer::new().replays(500).explore(programs::stale_lease);
    let shrunk = report.findings()[0].shrunk().unwrap();
    let [threshold] = shrunk.thresholds() else {
        panic!("{shrunk}")
    };
    assert_eq!(threshold.fails(), 3_000_000_000);
    assert_eq!(threshold.duration(), Some(time::secs(3)));
    assert!(threshold.is_sharp());
    assert_eq!(
        threshold.to_string(),
        "fails when `user main#0 pause` is 3s or more, and not when it is 2.999999999s"
    );
}

#[test]
fn what_fails_in_asyncio_s_own_order_needs_no_decisions() {
    let program = || async {
        spawn(time::sleep(time::secs(1))).detach();
        assert!(chance::below("anything", 10) > 10, "always");
    };
    let report = Explorer::new().seeds(5..6).replays(100).explore(program);
    let shrunk = report.findings()[0].shrunk().unwrap();
    assert!(shrunk.plan().is_empty());
    assert!(
        shrunk
            .to_string()
            .starts_with("fails in asyncio's own order after 2 replays")
    );
}

#[test]
fn a_plan_that_passes_is_not_shrunk() {
    assert!(
        Explorer::new()
            .shrink(programs::lost_update, &Plan::new())
            .is_none()
    );
}

#[test]
fn other_failures_on_the_way_are_kept() {
    let program = || async {
        let (one, other) = (chance::below("one", 100), chance::below("other", 100));
        assert!(one < 10 || other < 10, "both are large");
        assert!(one < 10, "only one is large");
    };
    let plan = "simrun plan 1\nuser main#0 one -> 50\nuser main#0 other -> 70\n";
    let shrunk = Explorer::new()
        .replays(100)
        .shrink(program, &plan.parse().unwrap())
        .unwrap();
    let minimal = "simrun plan 1\nuser main#0 one -> 10\nuser main#0 other -> 10\n";
    assert_eq!(shrunk.plan().to_string(), minimal);
    let [slip] = shrunk.slips() else {
        panic!("{shrunk}")
    };
    assert_eq!(slip.failure().message(), "only one is large");
}

#[test]
fn a_budget_that_is_used_up_leaves_the_best_so_far() {
    let program = || async {
        let sum: u64 = (0..20).map(|_| chance::below("part", 100)).sum();
        assert!(sum < 200, "too much");
    };
    let run = Sim::new().seed(1).write_plan(true).run(program);
    let explorer = Explorer::new().replays(10);
    let shrunk = explorer.shrink(program, run.plan()).expect("it fails");
    assert!(shrunk.is_cut_short());
    assert_eq!(shrunk.replays(), 10);
    assert!(shrunk.plan().len() <= run.plan().len());
}

#[test]
fn the_critical_pair_is_the_read_and_the_write_that_it_should_not_see() {
    let report = Explorer::new().replays(500).explore(programs::lost_update);
    let shrunk = report.findings()[0].shrunk().unwrap();
    let pair = shrunk.why().pair().expect("there is one switch");
    let events = shrunk.why().trace().events();
    let tasks = [pair.first(), pair.second()].map(|index| events[index].task.as_str());
    assert_eq!(tasks, ["deposit 2", "deposit 1"]);
    let acts = [pair.first(), pair.second()].map(|index| events[index + 1].kind.word());
    assert_eq!(acts, ["touches", "touches"]);
}

#[test]
fn a_candidate_that_goes_on_for_ever_is_cut_off_and_is_no_failure_of_the_program() {
    // Without the second draw it never ends, and only real time or a limit would end it.
    let program = || async {
        let (one, other) = (chance::below("one", 10), chance::below("other", 10));
        if other == 0 {
            loop {
                time::sleep(time::millis(1)).await;
            }
        }
        assert!(one == 0, "it matters that one was not zero");
    };
    let plan: Plan = "simrun plan 1\nuser main#0 one -> 5\nuser main#0 other -> 7\n"
        .parse()
        .unwrap();
    let shrunk = Explorer::new().shrink(program, &plan).unwrap();
    assert!(!shrunk.is_cut_short(), "no candidate has used up the time");
    assert!(shrunk.slips().is_empty(), "{shrunk}");
    let least = "simrun plan 1\nuser main#0 one -> 1\nuser main#0 other -> 1\n";
    assert_eq!(shrunk.plan().to_string(), least);
}
