//! What machines read.

use insta::assert_snapshot;
use serde_json::Value;

use super::runs::{LOST, WON};
use super::{Answer, simrun, steady};

/// Reads lines of JSON, each of which must fit the schema.
fn lines(answer: &Answer) -> Vec<Value> {
    let schema = simrun(["schema", "--output"]).answer().stdout;
    let schema = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines = answer.stdout.lines().map(|line| {
        let value = serde_json::from_str(line).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{line}");
        value
    });
    lines.collect()
}

fn run(format: &str, arguments: &[&str]) -> Answer {
    let arguments = ["--format", format]
        .into_iter()
        .chain(arguments.iter().copied());
    simrun(arguments).answer()
}

#[test]
fn json_is_an_object_a_run() {
    for (seed, outcome, code) in [(WON, "passed", 0), (LOST, "failed", 1)] {
        let answer = run("json", &["--seed", seed, "race.toml"]);
        let lines = lines(answer.is(code));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["outcome"], outcome);
        assert_eq!(lines[0]["seed"].to_string(), seed);
        assert!(lines[0]["events"].as_array().unwrap().len() > 4);
    }
    let answer = run("json", &["--seed", LOST, "race.toml", "--show", "log"]);
    let pretty = serde_json::to_string_pretty(&lines(&answer)[0]).unwrap();
    assert_snapshot!(steady(pretty));
}

#[test]
fn jsonl_is_an_object_an_event() {
    let answer = run("jsonl", &["--seed", LOST, "race.toml"]);
    let lines = lines(answer.is(1));
    let (last, events) = lines.split_last().unwrap();
    assert!(events.iter().all(|event| event["type"] == "event"));
    assert_eq!(last["type"], "run");
    assert!(last.get("events").is_none());
    let whole = run("json", &["--seed", LOST, "race.toml"]);
    let whole: Value = serde_json::from_str(&whole.stdout).unwrap();
    assert_eq!(whole["events"].as_array().unwrap().len(), events.len());
    let brief = run("jsonl", &["--seed", LOST, "race.toml", "--show", "log"]);
    assert_snapshot!(steady(brief.stdout));
}

#[test]
fn undecided_runs_and_files_that_are_not_run_are_objects_too() {
    let answer = run(
        "json",
        &["--max-steps", "4", "race.toml", "missing.toml", "-"],
    );
    let lines = lines(answer.is(2));
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["outcome"], "undecided");
    assert_eq!(lines[1]["unreadable"], "there is no such file");
    assert_eq!(lines[2]["sound"], false);
    assert_eq!(lines[2]["file"], "<stdin>");
}

#[test]
fn quiet_json_has_failures_only() {
    let answer = run("json", &["-q", "--seed", WON, "race.toml"]);
    assert_eq!(answer.is(0).stdout, "");
    let answer = run("json", &["-q", "--seed", LOST, "race.toml"]);
    assert_eq!(lines(answer.is(1)).len(), 1);
}

#[test]
fn checks_are_objects() {
    let answer = simrun(["check", "--format", "json", "race.toml", "-"]).answer_to(b"format = 2");
    let lines = lines(answer.is(2));
    assert_eq!(lines[0]["sound"], true);
    assert_eq!(lines[1]["sound"], false);
    assert!(!lines[1]["diagnostics"].as_array().unwrap().is_empty());
}

#[test]
fn junit_is_xml() {
    let files = ["--seed", LOST, "race.toml", "missing.toml"];
    let answer = run("junit", &files);
    assert_snapshot!(steady(&answer.is(2).stdout));
    let quiet = run("junit", &["-q", "--seed", WON, "race.toml"]);
    assert_snapshot!("junit_of_a_run_that_passed", quiet.is(0).stdout);
}

#[test]
fn github_reads_annotations() {
    let answer = run("github", &["--seed", LOST, "race.toml", "missing.toml"]);
    assert_snapshot!(steady(&answer.is(2).stdout));
    let undecided = run("github", &["--max-steps", "4", "race.toml"]);
    assert_snapshot!("github_reads_warnings", steady(&undecided.is(3).stdout));
}
