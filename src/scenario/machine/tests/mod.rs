//! Scenarios as text: what they log, and how they end.

mod faults;
mod files;
mod flow;
mod hosts;
mod net;
mod processes;
mod threads;

use std::sync::Arc;

use crate::scenario::Programs;
use crate::scenario::read::read;
use crate::scenario::record::{Problem, Record, RunOptions, Show, Verdict, What};
use crate::scenario::source::Source;

/// Runs a scenario twice with a seed: the runs must be the same.
fn play_seed(text: &str, seed: u64) -> Record {
    let text = format!("format = 1\nname = \"A test.\"\n{text}");
    let programs = Programs::new();
    let (model, problems) = read(Source::new("test.toml", &*text), &programs);
    let mut found: Vec<String> = Vec::new();
    for problem in &problems {
        found.push(format!("{problem:?}"));
    }
    let model = Arc::new(model.unwrap_or_else(|| panic!("{}", found.join("\n"))));
    let options = RunOptions {
        seed: Some(seed),
        show: Show::all(),
        ..RunOptions::default()
    };
    let [first, second] = [(); 2].map(|()| super::run(&model, &programs, &options));
    assert_eq!(first.fingerprint, second.fingerprint, "{first:#?}");
    assert_eq!(first.now, second.now);
    let quiet = RunOptions {
        seed: Some(seed),
        ..RunOptions::default()
    };
    let quiet = super::run(&model, &programs, &quiet);
    assert_eq!(
        first.fingerprint, quiet.fingerprint,
        "what is shown changes nothing"
    );
    first
}

fn play(text: &str) -> Record {
    play_seed(text, 0)
}

/// Returns the lines that were logged.
fn lines(record: &Record) -> Vec<&str> {
    let events = record.events.iter();
    let logged = events.filter_map(|event| match &event.what {
        What::Logged(text) => Some(text.as_str()),
        _ => None,
    });
    logged.collect()
}

fn faults(record: &Record) -> Vec<String> {
    let events = record.events.iter();
    let struck = events.filter_map(|event| match &event.what {
        What::Fault(text) => Some(format!("{:?} {text}", event.at.since_start())),
        _ => None,
    });
    struck.collect()
}

#[track_caller]
fn passes(text: &str, expected: &[&str]) -> Record {
    let record = play(text);
    assert!(matches!(record.verdict, Verdict::Passed), "{record:#?}");
    assert_eq!(lines(&record), expected);
    record
}

#[track_caller]
fn problem(record: &Record) -> &Problem {
    match &record.verdict {
        Verdict::Failed(problem) | Verdict::Undecided(problem) => problem,
        Verdict::Passed => panic!("the run passed: {record:#?}"),
    }
}

#[track_caller]
fn fails(text: &str, kind: &str, message: &str) -> Record {
    let record = play(text);
    let found = problem(&record);
    assert_eq!(found.kind, kind, "{record:#?}");
    assert!(found.message.contains(message), "{}", found.message);
    record
}
