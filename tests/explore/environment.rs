//! What the environment can say, to a process that has it from its beginning.

use std::process::Command;

use simrun::explore::Explorer;

use crate::programs;

/// What a child process has printed, and whether its test has passed.
struct Said {
    passed: bool,
    text: String,
}

/// Runs a test of this file alone, in a process of its own, with these variables and no others of
/// ours.
fn child(test: &str, variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let ours = std::env::vars_os().map(|(name, _)| name);
    let ours = ours.filter(|name| name.to_string_lossy().starts_with("SIMRUN_") || name == "CI");
    ours.for_each(|name| {
        command.env_remove(name);
    });
    let test = format!("environment::{test}");
    command.args([&*test, "--exact", "--ignored", "--nocapture"]);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let text = text.concat();
    assert!(text.contains("running 1 test"), "{text}");
    let passed = output.status.success();
    Said { passed, text }
}

#[test]
#[ignore = "it fails, and is run by others with variables set"]
fn failing() {
    let explorer = Explorer::new().name("failing").without_regressions();
    explorer.check(programs::lost_update);
}

#[test]
#[ignore = "it fails, and is run by others with variables set"]
fn failing_and_keeping() {
    let folder = std::env::temp_dir().join(format!("simrun-kept-{}", std::process::id()));
    Explorer::new()
        .name("kept")
        .regressions_in(&folder)
        .check(programs::lost_update);
}

#[test]
#[ignore = "it is run by others with variables set"]
fn passing() {
    let explorer = Explorer::new().name("passing").without_regressions();
    let report = explorer.check(|| async { simrun::log!("all is well") });
    println!("{report}");
}

mod program {
    //! A program, as users write it.

    #[simrun::main]
    pub(super) async fn main() {
        let tasks = ["one", "two", "three", "four"]
            .map(|name| simrun::spawn(async move { println!("{name} goes") }).name(name));
        for task in tasks {
            task.await.unwrap();
        }
        println!("drawn {}", simrun::chance::below("number", 1_000_000));
    }
}

#[test]
#[ignore = "it is run by others with variables set"]
fn a_main() {
    program::main();
}

/// Returns the lines that a program has printed.
fn lines(said: &Said, part: &str) -> Vec<String> {
    let lines = said.text.lines().filter(|line| line.contains(part));
    lines.map(ToOwned::to_owned).collect()
}

#[test]
fn a_strategy_takes_the_place_of_the_check_s_own() {
    let said = child(
        "passing",
        &[("SIMRUN_STRATEGY", "pct 2"), ("SIMRUN_RUNS", "20")],
    );
    assert!(said.passed, "{}", said.text);
    assert!(said.text.contains("fifo 1, pct 2 19"), "{}", said.text);
    let said = child("failing", &[("SIMRUN_STRATEGY", "pct 2")]);
    let replay = lines(&said, "replay   ");
    assert!(
        replay[0].contains("SIMRUN_STRATEGY='pct 2' cargo test failing"),
        "{replay:?}"
    );
    let seed = replay[0].split_once("SIMRUN_SEED=").unwrap().1;
    let seed = seed.split_once(' ').unwrap().0;
    let again = child(
        "failing",
        &[("SIMRUN_STRATEGY", "pct 2"), ("SIMRUN_SEED", seed)],
    );
    assert!(
        !again.passed && again.text.contains("1 of 1 run failed so"),
        "{}",
        again.text
    );
}

#[test]
fn a_failing_run_is_printed_event_by_event() {
    let said = child("failing", &[("SIMRUN_SHOW", "all")]);
    assert!(!said.passed);
    let head = lines(
        &said,
        "failing: the shortest run that fails, event by event",
    );
    assert_eq!(head.len(), 1, "{}", said.text);
    for word in ["spawns", "steps", "touches", "ends"] {
        let is_event = |line: &&String| line.starts_with("0ns ");
        assert!(
            lines(&said, word).iter().find(is_event).is_some(),
            "{}",
            said.text
        );
    }
    let said = child("failing", &[("SIMRUN_SHOW", "tasks")]);
    assert!(lines(&said, " steps").is_empty(), "{}", said.text);
    assert!(!lines(&said, " spawns ").is_empty(), "{}", said.text);
}

#[test]
fn a_replayed_run_is_printed_although_it_passes() {
    let said = child("passing", &[("SIMRUN_SHOW", "log"), ("SIMRUN_SEED", "3")]);
    assert!(said.passed);
    let shown = "passing: seed 3, event by event\n0ns           main         logs all is well\n";
    assert!(said.text.contains(shown), "{}", said.text);
    let said = child("passing", &[("SIMRUN_SHOW", "log")]);
    assert!(!said.text.contains("event by event"), "{}", said.text);
}

#[test]
fn what_is_not_understood_fails_the_check() {
    let cases = [
        ("SIMRUN_SEED", "x", "SIMRUN_SEED is `x`: invalid digit"),
        (
            "SIMRUN_STRATEGY",
            "pcz",
            "there is no strategy `pcz`: say `fifo`",
        ),
        (
            "SIMRUN_SHOW",
            "log,net",
            "`net` is none of log, tasks, steps, all",
        ),
        ("SIMRUN_PLAN", "no such file", "there is no such file"),
    ];
    for (name, value, error) in cases {
        let said = child("passing", &[(name, value)]);
        assert!(
            !said.passed && said.text.contains(error),
            "{name}: {}",
            said.text
        );
    }
}

#[test]
fn unknown_variables_are_warned_of_once() {
    let said = child(
        "passing",
        &[("SIMRUN_SEEDS", "0..10"), ("SIMRUN_RUNS", "20")],
    );
    assert!(said.passed);
    let warnings = lines(&said, "means nothing");
    assert_eq!(
        warnings,
        ["simrun: SIMRUN_SEEDS means nothing: did you mean SIMRUN_SEED?"]
    );
    assert!(lines(&child("passing", &[]), "means nothing").is_empty());
}

#[test]
fn ci_prints_all_that_is_needed_to_replay() {
    let said = child("failing_and_keeping", &[("CI", "true")]);
    assert!(
        said.text.contains("to keep it, write this to"),
        "{}",
        said.text
    );
    let text = said.text.split_once("simrun regressions 1\n").unwrap().1;
    let text = text.split_once("replay   ").unwrap().0.trim_end();
    let folder = std::env::temp_dir().join(format!("simrun-ci-plan-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kept.txt");
    std::fs::write(&file, format!("simrun regressions 1\n{text}\n")).unwrap();
    let again = child("failing", &[("SIMRUN_PLAN", file.to_str().unwrap())]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        !again.passed && again.text.contains("still fails"),
        "{}",
        again.text
    );
    let said = child("failing_and_keeping", &[("CI", "false")]);
    let saved = lines(&said, "saved    ");
    let path = saved[0].strip_prefix("saved    ").unwrap();
    let path = std::path::Path::new(path.strip_suffix(" (commit it)").unwrap());
    assert!(path.exists());
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn a_main_is_run_with_the_seed_and_strategy() {
    let order = |variables: &[(&str, &str)]| {
        let said = child("a_main", variables);
        assert!(said.passed, "{}", said.text);
        [lines(&said, " goes"), lines(&said, "drawn ")].concat()
    };
    let fifo = order(&[]);
    assert_eq!(
        fifo[..4],
        ["one goes", "two goes", "three goes", "four goes"]
    );
    let seed = order(&[("SIMRUN_SEED", "5")]);
    assert_eq!(seed[..4], fifo[..4]);
    assert_ne!(seed[4], fifo[4]);
    let random = [("SIMRUN_SEED", "5"), ("SIMRUN_STRATEGY", "random")];
    assert_ne!(order(&random)[..4], fifo[..4]);
    assert_eq!(order(&random), order(&random));
    let said = child("a_main", &[("SIMRUN_SHOW", "tasks")]);
    assert_eq!(lines(&said, "ends with a value").len(), 5, "{}", said.text);
}
