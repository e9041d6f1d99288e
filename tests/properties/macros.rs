//! Cases in `proptest!`, and what they have in common with the function.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use simrun::assure::FailureKind;
use simrun::explore::Explorer;
use simrun::proptest::{Case, runs};

use super::programs::{Banking, deposits, lost_update};
use super::shrinking::seeded;

fn config(seed: u64) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(simrun::proptest::config())]

    #[test]
    fn deposits_of_one_account_each_are_kept(case in runs(deposits())) {
        case.check(|mut operations| async move {
            let mut seen = Vec::new();
            operations.retain(|operation| match operation {
                Banking::Deposit { account, .. } => {
                    let is_new = !seen.contains(account);
                    seen.push(*account);
                    is_new
                }
                _ => true,
            });
            lost_update(operations).await;
        })?;
    }
}

#[test]
fn a_case_that_fails_is_told_with_its_decisions() {
    let failing = |seed| {
        let mut runner = TestRunner::new(config(seed));
        let ran = runner.run(&runs(deposits()), |case| case.check(lost_update));
        match ran {
            Err(TestError::Fail(reason, case)) => (reason.to_string(), case),
            other => panic!("the bug is not found: {other:?}"),
        }
    };
    let (reason, case): (String, Case<Vec<Banking>>) = failing(7);
    assert_eq!(case.workload().len(), 2);
    assert_eq!(case.plan().unwrap().len(), 1);
    let text = format!("{case:?}");
    assert!(text.starts_with("[Deposit { account: "), "{text}");
    assert!(text.contains("\ndecisions\n  schedule main"), "{text}");
    assert!(reason.contains("a deposit is lost"), "{reason}");
    assert!(
        reason.contains("shortest run that fails: 1 decision"),
        "{reason}"
    );
    assert!(
        reason.contains("if B goes before A, the run passes"),
        "{reason}"
    );
    let (again, case) = failing(7);
    assert_eq!((again, format!("{case:?}")), (reason, text));
}

#[test]
fn the_same_seed_of_proptest_makes_the_same_cases() {
    let cases = |seed| {
        let seen = Mutex::new(Vec::new());
        let config = ProptestConfig {
            cases: 20,
            ..config(seed)
        };
        let mut runner = TestRunner::new(config);
        let ran = runner.run(&runs(deposits()), |case| {
            seen.lock().unwrap().push(case.workload().clone());
            Ok(())
        });
        ran.unwrap();
        seen.into_inner().unwrap()
    };
    assert_eq!(cases(1), cases(1));
    assert_ne!(cases(1), cases(2));
    assert_eq!(cases(1).len(), 20);
}

#[test]
fn the_function_finds_the_same_twice() {
    let found = || {
        let explored = seeded(3).explore(deposits(), lost_update);
        let found = explored.found().unwrap();
        let plan = found.finding().best_plan().to_string();
        let workload = format!("{:?}", found.workload());
        let numbers = (explored.cases(), explored.runs(), explored.replays());
        (workload, plan, found.finding().seed(), numbers)
    };
    assert_eq!(found(), found());
}

#[test]
fn what_fails_beside_the_runs_is_shrunk_as_ever() {
    let mut runner = TestRunner::new(config(0));
    let ran = runner.run(&runs(0..1_000_u32), |case| {
        case.check(|_| async {})?;
        prop_assert!(*case.workload() < 17);
        Ok(())
    });
    match ran {
        Err(TestError::Fail(_, case)) => assert_eq!(*case.workload(), 17),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_depends_on_more_than_the_case_is_told_and_not_shrunk() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let explorer = Explorer::new().runs(2).jobs(1).check_determinism(true);
    let properties = seeded(0).explorer(explorer);
    let explored = properties.explore(vec(any::<u8>(), 3..9), |_| async {
        for _ in 0..RUNS.fetch_add(1, Ordering::Relaxed) % 7 {
            simrun::task::yield_now().await;
        }
    });
    let found = explored.found().unwrap();
    assert_eq!(
        found.finding().failure().kind(),
        FailureKind::Nondeterminism
    );
    assert!(found.finding().shrunk().is_none());
    assert_eq!((explored.cases(), explored.replays()), (1, 0));
}
