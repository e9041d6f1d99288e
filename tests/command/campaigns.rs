//! Campaigns: many runs of a scenario, and the shortest of those that fail.

use insta::assert_snapshot;

use super::{Answer, scenario, simrun};

/// Two customers of one account, of whom each looks before the other takes.
const RACE: &str = "\
if balance >= 80 {
  log who \"sees enough\"
  sleep 1ms..3ms
  if balance >= 80 {
    yield
    balance = balance + -80
  }
}";

fn race() -> String {
    let main = "a = spawn withdraw(\"ada\")\nb = spawn withdraw(\"bob\")\ngather a b\n\
                expect balance >= 0, \"the account is overdrawn\"";
    let text = scenario("Two customers, one account", main);
    format!("{text}\n\"withdraw(who)\" = '''\n{RACE}\n'''\n[shared]\nbalance = 100\n")
}

fn explore(line: &str, text: &str) -> Answer {
    let line = format!("explore {line} -");
    simrun(line.split_whitespace()).answer_to(text.as_bytes())
}

#[test]
fn the_first_failure_is_told_in_its_shortest_run() {
    let answer = explore("--seeds 0..1000 --jobs 2", &race());
    answer.is(1);
    assert_snapshot!(answer.stdout);
}

#[test]
fn the_line_that_it_ends_with_makes_the_run_that_fails() {
    let answer = explore("--seeds 0..1000", &race());
    let line = answer.stdout.lines().last().unwrap();
    let words = line
        .split_whitespace()
        .skip_while(|word| *word != "simrun")
        .skip(1);
    let again = simrun(words).answer_to(race().as_bytes());
    again.is(1);
    assert!(again.stderr.contains("overdrawn") || again.stdout.contains("overdrawn"));
}

#[test]
fn what_comes_of_it_does_not_depend_on_how_many_runs_are_made_at_a_time() {
    let json = |jobs: u32| {
        let line = format!("--format json --keep-going --runs 200 --jobs {jobs}");
        explore(&line, &race()).stdout
    };
    let one = json(1);
    assert_eq!(one, json(16));
    let object: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(object["runs"], 200);
    let failure = &object["failures"][0];
    assert_eq!(failure["message"], "the account is overdrawn");
    let shortest = failure["shortest"]["plan"].as_array().unwrap();
    assert!(shortest.len() < failure["plan"].as_array().unwrap().len());
}

#[test]
fn a_deadlock_is_told_in_the_scenario_s_own_places() {
    let locks = "[lock]\nleft = {}\nright = {}\n";
    let text = scenario("Two locks", "gather one() other()");
    let one = "one = '''\nwith left {\n  yield\n  with right {\n  }\n}\n'''";
    let other = "other = '''\nwith right {\n  yield\n  with left {\n  }\n}\n'''";
    let answer = explore("--runs 20", &format!("{text}\n{one}\n{other}\n{locks}"));
    answer.is(1);
    assert!(!answer.stdout.contains(".rs:"), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("they wait in a ring"),
        "{}",
        answer.stdout
    );
}

#[test]
fn without_a_failure_it_says_what_is_left_open() {
    let answer = explore(
        "--runs 50 --strategy random",
        &scenario("Nothing", "sleep 1ms"),
    );
    answer.is(0);
    assert!(answer.stdout.contains("0 failures in"), "{}", answer.stdout);
    assert!(answer.stdout.contains("at 95 %"), "{}", answer.stdout);
}

#[test]
fn every_order_of_a_small_scenario_is_made() {
    let text = scenario("Three tasks", "gather three() three() three()");
    let text = format!("{text}\nthree = '''\nyield\nyield\n'''\n");
    let every = explore("--interleavings --runs 10000", &text);
    every.is(0);
    let certificate = "0 failures in 8,484 of 8,484 interleavings, complete";
    assert!(every.stdout.contains(certificate), "{}", every.stdout);
    let reduced = explore("--exhaustive", &text);
    reduced.is(0);
    let certificate = "0 failures in 1 of 1 traces, complete";
    assert!(reduced.stdout.contains(certificate), "{}", reduced.stdout);
}

#[test]
fn seeds_that_are_none_are_refused() {
    let answer = explore("--seeds 5..5", "");
    answer.is(2);
    assert!(
        answer.stderr.contains("no seed in this range"),
        "{}",
        answer.stderr
    );
}
