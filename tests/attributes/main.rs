//! `#[simrun::test]` and `#[simrun::main]`, as users write them.

mod rejected;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simrun::explore::Explorer;
use simrun::time;
use simrun::{Strategy, gather, spawn, task};

#[simrun::test]
async fn a_test_without_settings() {
    let answer = spawn(async { 6 * 7 });
    assert_eq!(answer.await.unwrap(), 42);
}

#[simrun::test(runs = 20)]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let number: u32 = "42".parse()?;
    assert_eq!(number, 42);
    Ok(())
}

#[simrun::test(runs = 20, regressions = false)]
#[should_panic(expected = "invalid digit")]
async fn an_error_fails_the_test() -> Result<(), std::num::ParseIntError> {
    "forty-two".parse::<u32>().map(drop)
}

/// Fails when the second task goes first.
async fn race() {
    let order = std::rc::Rc::new(std::cell::Cell::new(0));
    let tasks = [1, 2].map(|number| {
        let order = order.clone();
        spawn(async move { order.set(order.get() * 10 + number) })
    });
    gather(tasks).await.unwrap();
    assert_eq!(order.get(), 12, "the second went first");
}

#[simrun::test(regressions = false)]
#[should_panic(expected = "the second went first")]
async fn a_race_is_found() {
    race().await;
}

#[simrun::test(seed = 0)]
async fn seed_0_is_asyncios_order() {
    race().await;
}

#[simrun::test(strategy = "fifo", runs = 10)]
async fn a_strategy_goes_by_its_name() {
    race().await;
}

#[simrun::test(strategy = Strategy::random(), seeds = 100..110, regressions = false)]
#[should_panic(expected = "(random)")]
async fn a_strategy_is_a_value() {
    race().await;
}

#[simrun::test(until = Duration::from_secs(60), max_steps = 1_000, regressions = false)]
#[should_panic(expected = "60s")]
async fn virtual_time_has_a_limit() {
    time::sleep(time::secs(3_600)).await;
}

static TIMES: AtomicU64 = AtomicU64::new(0);

#[simrun::test(check_determinism, runs = 3, regressions = false)]
#[should_panic(expected = "differ")]
async fn all_runs_are_made_twice() {
    let times = TIMES.fetch_add(1, Ordering::Relaxed);
    for _ in 0..times {
        task::yield_now().await;
    }
}

fn few_runs() -> Explorer {
    Explorer::new().runs(5).without_regressions()
}

#[simrun::test(config = few_runs(), strategy = "random")]
#[should_panic(expected = "of 5 runs failed so")]
async fn a_config_is_an_explorer() {
    assert_eq!(simrun::chance::below("coin", 2), 3, "never");
}

#[simrun::test]
#[ignore = "it is not to be run"]
async fn an_ignored_test_is_not_run() {
    panic!("it was run");
}

mod within {
    #[simrun::test(runs = 5, regressions = false)]
    #[should_panic(expected = "cargo test within::a_test_goes_by_its_path")]
    async fn a_test_goes_by_its_path() {
        panic!("at once");
    }
}

mod renamed {
    use simrun as another_name;

    #[another_name::test(crate = another_name, runs = 5)]
    async fn the_crate_may_have_another_name() {}
}

mod cases {
    use rstest::rstest;

    #[rstest]
    #[case::two(2, 4)]
    #[case::three(3, 9)]
    #[simrun::test(runs = 10)]
    async fn rstest_gives_a_test_its_cases(#[case] root: u32, #[case] square: u32) {
        let task = simrun::spawn(async move { root * root });
        assert_eq!(task.await.unwrap(), square);
    }
}

mod program {
    use simrun::time;

    #[simrun::main]
    async fn main() -> Result<u64, String> {
        time::sleep(time::secs(3_600)).await;
        Ok(time::now().since_start().as_secs())
    }

    #[test]
    fn a_main_runs_the_program() {
        assert_eq!(main(), Ok(3_600));
    }

    mod seeded {
        #[simrun::main(seed = 7, strategy = "random")]
        async fn main() -> (u64, u64) {
            let draw = || simrun::chance::below("number", 1_000_000);
            (draw(), draw())
        }

        #[test]
        fn a_main_may_have_a_seed() {
            assert_eq!(main(), main());
        }
    }
}
