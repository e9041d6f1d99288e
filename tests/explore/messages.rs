//! What a failing check says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use simrun::explore::Explorer;

use crate::programs;

/// Checks a program that fails, and returns the text.
fn message(check: impl FnOnce(Explorer)) -> String {
    let explorer = Explorer::new()
        .replays(500)
        .name("the_test")
        .without_regressions();
    let payload = catch_unwind(AssertUnwindSafe(|| check(explorer))).unwrap_err();
    let text = payload
        .downcast_ref::<String>()
        .expect("a panic with a text")
        .clone();
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest} columns:\n{text}");
    text
}

#[test]
fn a_lost_update_is_told_in_its_shortest_run() {
    insta::assert_snapshot!(message(|explorer| {
        explorer.check(programs::lost_update);
    }));
}

#[test]
fn a_deadlock_is_told_with_who_waits_for_whom() {
    insta::assert_snapshot!(message(|explorer| {
        explorer.check(programs::ab_ba);
    }));
}

#[test]
fn a_threshold_is_told() {
    insta::assert_snapshot!(message(|explorer| {
        explorer.check(programs::stale_lease);
    }));
}

#[test]
fn several_failures_are_told_together() {
    insta::assert_snapshot!(message(|explorer| {
        explorer.keep_going().runs(100).check(programs::two_bugs);
    }));
}

#[test]
fn a_program_of_many_tasks_has_a_table_that_fits() {
    let program = || async {
        let value = std::sync::Arc::new(simrun::sync::Tracked::new(0).named("shared by all"));
        for number in 1..=12 {
            let value = value.clone();
            let body = async move {
                value.write(|value| *value = number);
                simrun::log!("number {number} has a good deal to say about what it has written");
            };
            simrun::spawn(body).detach();
        }
        simrun::time::sleep(simrun::time::secs(1)).await;
        let last = value.read(|value| *value);
        assert!(last == 12, "the last is {last}");
    };
    let text = message(|explorer| {
        explorer.check(program);
    });
    assert!(text.contains("not shown"), "{text}");
}

#[test]
fn the_message_comes_first_and_the_replay_line_last() {
    let text = message(|explorer| {
        explorer.check(programs::lost_update);
    });
    assert!(text.starts_with("a deposit is lost"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("replay   SIMRUN_SEED="), "{last}");
    assert!(last.ends_with(" cargo test the_test"), "{last}");
}
