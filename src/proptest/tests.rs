//! Regressions of properties: kept, replayed first, and what is said of them when things change.

use std::future::Future;
use std::panic::Location;
use std::path::PathBuf;

use ::proptest::collection::vec;
use ::proptest::strategy::Strategy;
use ::proptest::test_runner::{Config, FailurePersistence, RngSeed};

use super::{Explored, Persistence, Properties};
use crate::explore::probe::Environment;

/// Fails if a task that was spawned later goes before one that was spawned earlier, and has a
/// smaller number.
async fn in_order(numbers: Vec<u8>) {
    let last = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut tasks = Vec::new();
    for number in &numbers {
        let (last, number) = (last.clone(), *number);
        tasks.push(crate::spawn(async move { last.set(number) }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        last.get(),
        numbers[numbers.len() - 1],
        "another was the last"
    );
}

/// Lets them go in any order.
async fn mended(numbers: Vec<u8>) {
    let spawn = |number| crate::spawn(async move { number });
    let tasks: Vec<_> = numbers.into_iter().map(spawn).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("simrun-properties-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("numbers.in_order.txt")
    }

    fn check<F>(
        &self,
        environment: Environment,
        numbers: impl Strategy<Value = Vec<u8>>,
        main: fn(Vec<u8>) -> F,
    ) -> Result<Explored<Vec<u8>>, String>
    where
        F: Future<Output = ()> + 'static,
    {
        let config = Config {
            rng_seed: RngSeed::Fixed(1),
            cases: 30,
            ..Config::default()
        };
        let properties = Properties::new().config(config).name("numbers::in_order");
        let properties = properties.regressions_in(&self.0);
        let at = Location::caller();
        let check = || properties.check_told(numbers, &main, environment, at);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        checked.map_err(|payload| payload.downcast_ref::<String>().unwrap().clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn numbers() -> impl Strategy<Value = Vec<u8>> {
    vec(::proptest::num::u8::ANY, 1..10)
}

fn nothing() -> Environment {
    Environment::default()
}

#[test]
fn a_failure_is_kept_and_replayed_first() {
    let folder = Folder::new("kept");
    let first = folder.check(nothing(), numbers(), in_order).unwrap_err();
    assert!(first.contains("\nworkload [0, 1]\n"), "{first}");
    assert!(
        first.contains("numbers.in_order.txt (commit it)"),
        "{first}"
    );
    assert!(
        first.ends_with("\nreplay   cargo test numbers::in_order"),
        "{first}"
    );
    let kept = std::fs::read_to_string(folder.file()).unwrap();
    assert!(kept.contains("\nvalue [0, 1]\n"), "{kept}");
    let again = folder.check(nothing(), numbers(), in_order).unwrap_err();
    assert!(again.contains("a regression that was replayed"), "{again}");
    assert!(again.contains("\nworkload [0, 1]\n"), "{again}");
    assert!(again.contains("still fails"), "{again}");
    assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), kept);
    let plan = Environment {
        plan: Some(folder.file().display().to_string()),
        ..nothing()
    };
    let alone = folder.check(plan, numbers(), in_order).unwrap_err();
    assert!(alone.contains("still fails"), "{alone}");
}

#[test]
fn a_regression_of_a_mended_program_says_that_it_passes() {
    let folder = Folder::new("mended");
    folder.check(nothing(), numbers(), in_order).unwrap_err();
    let explored = folder.check(nothing(), numbers(), mended).unwrap();
    assert_eq!(explored.cases(), 30);
    let [told] = explored.regressions() else {
        panic!("{:?}", explored.regressions());
    };
    assert!(told.contains(") passes"), "{told}");
}

#[test]
fn a_regression_says_when_the_strategy_makes_another_workload() {
    let folder = Folder::new("another");
    folder.check(nothing(), numbers(), in_order).unwrap_err();
    let others = numbers().prop_map(|numbers| numbers.into_iter().map(|it| it | 8).collect());
    let text = folder.check(nothing(), others, in_order).unwrap_err();
    assert!(text.contains("no longer fits: it was `[0, 1]`"), "{text}");
}

#[test]
fn nothing_is_written_where_ci_is_set() {
    let folder = Folder::new("ci");
    let is_ci = Environment {
        is_ci: true,
        ..nothing()
    };
    let text = folder.check(is_ci, numbers(), in_order).unwrap_err();
    assert!(text.contains("to keep it, write this to"), "{text}");
    assert!(text.contains("simrun properties 1"), "{text}");
    assert!(!folder.0.exists());
    let seed = text.rsplit_once("SIMRUN_SEED=").unwrap().1;
    let seed = seed.split_once(' ').unwrap().0.parse().ok();
    let alone = Environment {
        seed,
        is_ci: true,
        ..nothing()
    };
    let alone = folder.check(alone, numbers(), in_order).unwrap_err();
    assert!(alone.contains("found in workload 1 of 1"), "{alone}");
    let line = |text: &str| {
        text.lines()
            .find(|it| it.starts_with("workload"))
            .map(str::to_owned)
    };
    assert_eq!(line(&alone), line(&text));
}

#[test]
fn seeds_of_proptest_are_kept_within_the_package() {
    let folder = Folder::new("seeds");
    let mut kept = Persistence::in_package(&folder.0);
    kept.set_ci(false);
    let source = Some("tests/bank.rs");
    assert!(kept.load_persisted_failures2(source).is_empty());
    let seed = format!("cc {}", "ab".repeat(32));
    kept.save_persisted_failure2(source, seed.parse().unwrap(), &vec![1, 2]);
    let file = folder.0.join("proptest-regressions/tests/bank.txt");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(
        text.ends_with(&format!("\n{seed} # shrinks to [1, 2]\n")),
        "{text}"
    );
    let loaded = kept.load_persisted_failures2(source);
    assert_eq!(loaded, [seed.parse().unwrap()]);
    kept.set_ci(true);
    kept.save_persisted_failure2(Some("src/bank.rs"), loaded[0].clone(), &0);
    assert!(!folder.0.join("proptest-regressions/bank.txt").exists());
}
