//! Runs, as people read of them.

use insta::assert_snapshot;

use super::{Answer, scenario, simrun, steady};

fn run(line: &str) -> Answer {
    simrun(line.split_whitespace()).answer()
}

/// A seed under which the race is lost, and one under which it is not.
pub(super) const LOST: &str = "1";
pub(super) const WON: &str = "2";

#[test]
fn a_run_that_passes() {
    let answer = run(&format!("--seed {WON} race.toml"));
    answer.is(0);
    assert_snapshot!(steady(answer));
}

#[test]
fn a_run_that_fails() {
    let answer = run(&format!("--seed {LOST} race.toml"));
    answer.is(1);
    assert_snapshot!(steady(answer));
}

#[test]
fn a_run_that_is_not_decided() {
    let answer = run(&format!("--seed {WON} --max-steps 4 race.toml"));
    answer.is(3);
    assert_snapshot!(steady(answer));
}

#[test]
fn a_run_that_takes_too_long_is_not_decided() {
    let text = scenario("It sleeps", "sleep 1h");
    let answer = simrun(["--until", "1.5s", "-"]).answer_to(text.as_bytes());
    answer.is(3);
    assert_snapshot!(steady(answer));
}

#[test]
fn a_run_that_can_never_go_on() {
    let text =
        scenario("It waits for itself", "wait e").replace("[task]", "[event]\ne = {}\n\n[task]");
    let answer = simrun(["-"]).answer_to(text.as_bytes());
    answer.is(1);
    assert_snapshot!(steady(answer));
}

#[test]
fn an_expectation_is_shown_with_its_values() {
    let text = scenario("It expects", "a = 3\nexpect a + 1 == 5, \"a is four\"");
    let answer = simrun(["-"]).answer_to(text.as_bytes());
    answer.is(1);
    assert_snapshot!(steady(answer));
}

#[test]
fn the_subcommand_may_be_named() {
    let (short, long) = (run("--seed 7 race.toml"), run("run --seed 7 race.toml"));
    assert_eq!(short.to_string(), long.to_string());
}

#[test]
fn the_line_that_repeats_a_run_repeats_it() {
    let answer = run(&format!(
        "--seed {LOST} --strategy random --until 1h race.toml"
    ));
    let replay = answer.stdout.lines().last().unwrap();
    let replay = replay.strip_prefix("replay: simrun ").unwrap();
    assert!(
        replay.contains("--strategy random --until 3600s"),
        "{replay}"
    );
    assert_eq!(run(replay).to_string(), answer.to_string());
}

#[test]
fn kinds_of_events_are_chosen() {
    assert_snapshot!("log", steady(run("--seed 1 race.toml --show log").stdout));
    assert_snapshot!(
        "tasks",
        steady(run("--seed 1 race.toml --show tasks").stdout)
    );
    assert_snapshot!(
        "steps",
        steady(run("--seed 1 race.toml --show steps").stdout)
    );
    let all = run("--seed 1 race.toml --show all").stdout;
    assert_eq!(
        all,
        run("--seed 1 race.toml --show log,tasks --show net,steps").stdout
    );
}

#[test]
fn names_choose_events() {
    let answer = run("--seed 1 race.toml --show log,tasks --only logs,spawns --without main");
    assert_snapshot!(steady(answer.stdout));
}

#[test]
fn what_is_shown_changes_nothing() {
    let fingerprint = |show: &str| {
        let answer = run(&format!("--seed 7 race.toml --show {show}"));
        let line = answer
            .stdout
            .lines()
            .find(|line| line.contains("fingerprint"));
        line.unwrap().to_owned()
    };
    assert_eq!(fingerprint("log"), fingerprint("all"));
}

#[test]
fn two_runs_of_a_seed_are_the_same() {
    let answer = run(&format!("--seed {WON} --check-determinism race.toml"));
    answer.is(0);
    assert!(
        answer.stderr.contains("the same, event by event"),
        "{answer}"
    );
    let once = run(&format!("--seed {WON} race.toml"));
    assert_eq!(answer.stdout, once.stdout);
}
