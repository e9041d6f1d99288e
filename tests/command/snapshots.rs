//! Snapshots: missing, changed, accepted, orphaned.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::{Answer, Call, folder, simrun, steady};

/// Makes a folder with the race in it.
fn prepare(test: &str) -> PathBuf {
    let folder = folder(test);
    let race = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/race.toml");
    fs::copy(race, folder.join("race.toml")).unwrap();
    folder
}

fn call(folder: &Path, line: &str) -> Call {
    let arguments = ["snapshot"].into_iter().chain(line.split_whitespace());
    simrun(arguments).within(folder)
}

fn snapshot(folder: &Path, line: &str) -> Answer {
    call(folder, line).answer()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("snapshots")).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Changes what a run says.
fn change(folder: &Path) {
    let race = folder.join("race.toml");
    let text = fs::read_to_string(&race).unwrap();
    fs::write(race, text.replace("that there is enough", "enough")).unwrap();
}

const BOTH: [&str; 2] = ["race@seed-1.snap", "race@seed-2.snap"];

#[test]
fn missing_snapshots_are_written() {
    let folder = prepare("missing");
    let answer = snapshot(&folder, ".");
    answer.is(0);
    assert_snapshot!(steady(answer));
    assert_eq!(files(&folder), BOTH);
    let first = fs::read_to_string(folder.join("snapshots/race@seed-1.snap")).unwrap();
    assert_snapshot!("the_file", steady(first));
    let again = snapshot(&folder, "race.toml");
    assert!(
        again.is(0).stdout.contains("2 snapshots: 2 same"),
        "{again}"
    );
}

#[test]
fn a_changed_run_fails_and_is_proposed() {
    let folder = prepare("changed");
    snapshot(&folder, ".").is(0);
    change(&folder);
    let answer = snapshot(&folder, ".");
    answer.is(1);
    assert_snapshot!(steady(answer));
    let proposed = ["race@seed-1.snap", "race@seed-1.snap.new"];
    assert_eq!(files(&folder)[..2], proposed);
    let accepted = snapshot(&folder, ". --update");
    assert!(
        accepted.is(0).stdout.contains("2 snapshots: 2 updated"),
        "{accepted}"
    );
    assert_eq!(files(&folder), BOTH);
    snapshot(&folder, ".").is(0);
}

#[test]
fn a_proposal_goes_when_the_run_is_as_it_was() {
    let folder = prepare("taken back");
    snapshot(&folder, ".").is(0);
    let text = fs::read_to_string(folder.join("race.toml")).unwrap();
    change(&folder);
    snapshot(&folder, ".").is(1);
    fs::write(folder.join("race.toml"), text).unwrap();
    snapshot(&folder, ".").is(0);
    assert_eq!(files(&folder), BOTH);
}

#[test]
fn nothing_is_written_in_ci() {
    let folder = prepare("ci");
    let answer = call(&folder, ".").with("CI", "true").answer();
    assert!(answer.is(1).stdout.contains("MISSING"), "{answer}");
    assert_eq!(files(&folder), [""; 0]);
    call(&folder, ". --update").with("CI", "1").answer().is(2);
    assert_eq!(files(&folder), [""; 0]);
    snapshot(&folder, ".").is(0);
    change(&folder);
    let answer = call(&folder, ".").with("CI", "true").answer();
    assert!(answer.is(1).stdout.contains("CHANGED"), "{answer}");
    assert_eq!(files(&folder), BOTH);
}

#[test]
fn what_nothing_makes_any_more_is_reported() {
    let folder = prepare("orphans");
    snapshot(&folder, ".").is(0);
    // Another tool's, which is none of ours.
    let other = "---\nsource: tests/a.rs\nexpression: run\n---\ntext\n";
    fs::write(folder.join("snapshots/other.snap"), other).unwrap();
    let race = folder.join("race.toml");
    let text = fs::read_to_string(&race).unwrap();
    fs::write(&race, text.replace("seeds = [1, 2]", "seeds = [2]")).unwrap();
    let answer = snapshot(&folder, "race.toml");
    let orphan = Path::new("snapshots").join("race@seed-1.snap");
    let warning = format!("warning: nothing makes `{}` any more", orphan.display());
    assert!(answer.is(0).stderr.starts_with(&warning), "{answer}");
    assert_eq!(files(&folder).len(), 3);
    snapshot(&folder, "race.toml --update").is(0);
    assert_eq!(files(&folder), ["other.snap", "race@seed-2.snap"]);
}

#[test]
fn only_scenarios_with_a_table_are_found() {
    let folder = prepare("found");
    for inner in ["deep/er", ".hidden", "target"] {
        fs::create_dir_all(folder.join(inner)).unwrap();
        fs::copy(
            folder.join("race.toml"),
            folder.join(inner).join("race.toml"),
        )
        .unwrap();
    }
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
    let answer = snapshot(&folder, ".");
    assert!(
        answer.is(0).stdout.contains("4 snapshots: 4 written"),
        "{answer}"
    );
    assert_eq!(files(&folder.join("deep/er")), BOTH);
    let named = snapshot(&folder, "Cargo.toml");
    assert!(named.is(2).stderr.contains("error"), "{named}");
}

#[test]
fn files_that_cannot_be_written_or_read_are_errors() {
    let folder = prepare("unwritable");
    fs::write(folder.join("snapshots"), "a file where a folder should be").unwrap();
    let answer = snapshot(&folder, ".");
    assert!(answer.is(2).stderr.contains("error: cannot "), "{answer}");
    fs::remove_file(folder.join("snapshots")).unwrap();
    fs::create_dir_all(folder.join("snapshots/race@seed-1.snap")).unwrap();
    let answer = snapshot(&folder, ".");
    assert!(
        answer
            .is(2)
            .stderr
            .contains("error: cannot read `snapshots"),
        "{answer}"
    );
}

#[test]
fn a_quiet_command_says_nothing_of_what_is_the_same() {
    let folder = prepare("quiet");
    assert_eq!(snapshot(&folder, "-q .").is(0).to_string(), "exit code 0\n");
}

/// insta reads what we write, and takes it for the same text.
#[test]
fn insta_reads_our_snapshots() {
    let folder = prepare("insta");
    snapshot(&folder, ".").is(0);
    let run = simrun(["--seed", "1", "race.toml"])
        .within(&folder)
        .answer();
    let text = run.stdout.split("\n\nreplay:").next().unwrap();
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(folder.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_suffix("seed-1");
    settings.bind(|| assert_snapshot!("race", text));
}

#[test]
fn a_scenario_that_is_named_twice_is_compared_once() {
    let folder = prepare("twice");
    let race = folder.join("race.toml");
    let text = fs::read_to_string(&race).unwrap();
    let table = text.find("[snapshot]").unwrap();
    let line = text[table..].lines().find(|line| line.starts_with("seeds"));
    let text = text.replace(line.unwrap(), "seeds = [1, 2, 1]");
    fs::write(race, text).unwrap();
    let answer = snapshot(&folder, ". race.toml ./race.toml");
    let stdout = &answer.is(0).stdout;
    assert!(stdout.contains("2 snapshots: 2 written"), "{answer}");
}
