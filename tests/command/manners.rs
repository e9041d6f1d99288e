//! How the command behaves: colours, streams, seeds, several files.

use std::process::Stdio;

use super::runs::{LOST, WON};
use super::{folder, scenario, simrun};

#[test]
fn colours_are_for_terminals() {
    let run = || simrun(["--seed", LOST, "race.toml"]);
    let is_coloured = |text: &str| text.contains('\u{1b}');
    assert!(!is_coloured(&run().answer().stdout));
    assert!(is_coloured(
        &run().with("CLICOLOR_FORCE", "1").answer().stdout
    ));
    assert!(!is_coloured(
        &run().with("CLICOLOR_FORCE", "0").answer().stdout
    ));
    let both = run().with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1");
    assert!(!is_coloured(&both.answer().stdout));
    let always = simrun(["--color", "always", "--seed", LOST, "race.toml"]);
    assert!(is_coloured(&always.with("NO_COLOR", "1").answer().stdout));
    let never = simrun(["--color", "never", "--seed", LOST, "race.toml"]);
    assert!(!is_coloured(
        &never.with("CLICOLOR_FORCE", "1").answer().stdout
    ));
}

#[test]
fn diagnostics_have_colours_too() {
    let answer = simrun(["check", "--color", "always", "-"]).answer_to(b"format = 1");
    assert!(answer.stderr.contains('\u{1b}'), "{answer}");
}

#[test]
fn colours_change_no_word() {
    let plain = simrun(["--seed", LOST, "race.toml"]).answer();
    let coloured = simrun(["--seed", LOST, "race.toml", "--color", "always"]).answer();
    let mut text = String::new();
    for part in coloured.stdout.split('\u{1b}') {
        let is_first = text.is_empty() && !coloured.stdout.starts_with('\u{1b}');
        let rest = if is_first {
            part
        } else {
            part.split_once('m').unwrap_or(("", part)).1
        };
        text.push_str(rest);
    }
    assert_eq!(text, plain.stdout);
}

#[test]
fn a_quiet_command_prints_failures_only() {
    let passing = simrun(["-q", "--seed", WON, "race.toml"]).answer();
    assert_eq!(passing.is(0).to_string(), "exit code 0\n");
    let failing = simrun(["-q", "--seed", LOST, "race.toml"]).answer();
    failing.is(1);
    assert!(
        failing.stdout.contains("nobody is served twice"),
        "{failing}"
    );
    assert!(!failing.stdout.contains("logs"), "{failing}");
    let check = simrun(["check", "-q", "race.toml"]).answer();
    assert_eq!(check.is(0).to_string(), "exit code 0\n");
}

#[test]
fn seeds_come_from_the_flag_the_environment_the_file() {
    let text =
        scenario("It has a seed", "sleep 1ms").replace("[task]", "[run]\nseed = 5\n\n[task]");
    let seed_of = |arguments: &[&str], variable: &str| {
        let call = simrun(arguments).with("SIMRUN_SEED", variable);
        let answer = call.answer_to(text.as_bytes());
        let stdout = &answer.is(0).stdout;
        let (_, rest) = stdout.split_once("passed: seed ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    assert_eq!(seed_of(&["-"], ""), "5");
    assert_eq!(seed_of(&["-"], "6"), "6");
    assert_eq!(seed_of(&["--seed", "7", "-"], "6"), "7");
    let max = u64::MAX.to_string();
    assert_eq!(seed_of(&["--seed", &max, "-"], ""), max);
    let wrong = simrun(["race.toml"]).with("SIMRUN_SEED", "x").answer();
    let expected = "error: SIMRUN_SEED is `x`: a seed is a number";
    assert!(wrong.is(2).stderr.starts_with(expected), "{wrong}");
}

#[test]
fn a_drawn_seed_is_printed_and_names_the_run() {
    let drawn = simrun(["--seed", "random", "race.toml"]).answer();
    let said = drawn.stderr.trim().strip_prefix("seed ").unwrap();
    let seed = said.strip_suffix(" was drawn").unwrap();
    let again = simrun(["--seed", seed, "race.toml"]).answer();
    assert_eq!((again.code, &again.stdout), (drawn.code, &drawn.stdout));
    assert!(drawn.stdout.contains(&format!("seed {seed},")), "{drawn}");
}

#[test]
fn of_several_files_the_worst_counts() {
    let folder = folder("several");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("good.toml", &scenario("It passes", "log \"fine\""));
    write("bad.toml", &scenario("It fails", "fail \"so it is\""));
    write("long.toml", &scenario("It sleeps", "sleep 1h"));
    write("wrong.toml", "format = 1\n");
    let code = |files: &[&str]| {
        let arguments = ["--until", "1s"].iter().chain(files);
        simrun(arguments).within(&folder).answer().code
    };
    assert_eq!(code(&["good.toml", "good.toml"]), 0);
    assert_eq!(code(&["good.toml", "long.toml", "good.toml"]), 3);
    assert_eq!(code(&["long.toml", "bad.toml", "good.toml"]), 1);
    assert_eq!(code(&["long.toml", "wrong.toml", "bad.toml"]), 2);
    assert_eq!(code(&["missing.toml", "bad.toml"]), 2);
    let answer = simrun(["good.toml", "wrong.toml", "bad.toml"])
        .within(&folder)
        .answer();
    assert!(
        answer.stdout.contains("It passes") && answer.stdout.contains("It fails"),
        "{answer}"
    );
    assert!(answer.stderr.contains("wrong.toml:"), "{answer}");
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let mut call = simrun(["--show", "all", "-"]);
    let piped = call.0.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let text = scenario("It talks", "repeat 2000 as i {\n  log \"line\" i\n}");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_quiet_command_does_not_warn() {
    let text = scenario(
        "It has more than it needs",
        "sleep 1ms\n'''\nunused = '''\nsleep 1ms",
    );
    let loud = simrun(["check", "-"]).answer_to(text.as_bytes());
    assert!(loud.is(0).stderr.starts_with("warning["), "{loud}");
    let quiet = simrun(["check", "-q", "-"]).answer_to(text.as_bytes());
    assert_eq!(quiet.is(0).to_string(), "exit code 0\n");
}

#[test]
fn what_a_scenario_says_moves_no_cursor() {
    let shared = "[shared]\nbell = \"so \\u0007 it\\u001b[2J is\"\n\n[task]";
    let text = scenario("It \\u001b[2J clears", "log bell\nfail bell").replace("[task]", shared);
    let answer = simrun(["-"]).answer_to(text.as_bytes());
    let stdout = &answer.is(1).stdout;
    assert!(stdout.contains("It \\u{1b}[2J clears"), "{answer}");
    assert!(
        stdout.contains("logs so \\u{7} it\\u{1b}[2J is"),
        "{answer}"
    );
    assert!(
        stdout.contains("error[fail]: so \\u{7} it\\u{1b}[2J is"),
        "{answer}"
    );
    assert!(
        !stdout.contains(|c: char| c.is_control() && c != '\n'),
        "{answer}"
    );
}
