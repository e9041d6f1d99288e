//! Single runs by their plans: kept, replayed, shrunk, compared.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::{Answer, folder, scenario, simrun, steady};

/// Two writers, of whom the second is expected to come last.
fn writers(expected: &str) -> String {
    let main = format!("gather put(1) put(2)\nexpect {expected}, \"the first came last\"");
    let text = scenario("Two writers", &main);
    format!("{text}\n\"put(number)\" = '''\nyield\nlast = number\n'''\n[shared]\nlast = 0\n")
}

/// Makes a folder with a scenario in it, and calls the command there.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let place = Self(folder(test));
        place.write("writers.toml", &writers("last == 2"));
        place
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    fn call(&self, line: &str) -> Answer {
        simrun(line.split_whitespace()).within(&self.0).answer()
    }

    /// Explores the scenario, which keeps a regression.
    fn explored(self) -> Self {
        self.call("explore writers.toml --strategy random --jobs 1")
            .is(1);
        self
    }
}

/// Returns a text without the fingerprint of the program.
fn without_program(text: &str) -> String {
    let lines = text.lines().map(|line| match line.starts_with("program ") {
        true => "program ................",
        false => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

const KEPT: &str = "sim-regressions/writers.txt";

#[test]
fn what_a_campaign_finds_is_kept_and_replayed_first() {
    let place = Place::new("plans-kept");
    let first = place.call("explore writers.toml --strategy random");
    first.is(1);
    assert!(
        first
            .stdout
            .contains("saved    sim-regressions/writers.txt (commit it)"),
        "{first}"
    );
    assert_snapshot!("kept", without_program(&place.read(KEPT)));
    let again = place.call("explore writers.toml --strategy random");
    again.is(1);
    assert!(
        again.stdout.contains("a regression that was replayed"),
        "{again}"
    );
    assert!(
        again
            .stdout
            .ends_with("replay   simrun replay sim-regressions/writers.txt\n")
    );
    let kept = place.read(KEPT);
    place.write("writers.toml", &writers("last > 0"));
    let mended = place.call("explore writers.toml --strategy random --runs 20");
    mended.is(0);
    assert!(mended.stdout.contains(") passes"), "{mended}");
    assert_eq!(place.read(KEPT), kept);
}

#[test]
fn where_ci_is_set_what_would_be_kept_is_printed() {
    let place = Place::new("plans-ci");
    let line = ["explore", "writers.toml", "--strategy", "random"];
    let answer = simrun(line).within(&place.0).with("CI", "true").answer();
    answer.is(1);
    assert!(
        answer
            .stdout
            .contains("to keep it, write this to sim-regressions"),
        "{answer}"
    );
    assert!(
        answer.stdout.contains("scenario ../writers.toml"),
        "{answer}"
    );
    assert!(!place.0.join("sim-regressions").exists());
}

#[test]
fn nothing_is_kept_if_nobody_wants_it() {
    let place = Place::new("plans-no-save");
    place
        .call("explore writers.toml --strategy random --no-save")
        .is(1);
    assert!(!place.0.join("sim-regressions").exists());
}

#[test]
fn regressions_that_nobody_can_read_are_a_mistake() {
    let place = Place::new("plans-unreadable");
    fs::create_dir(place.0.join("sim-regressions")).unwrap();
    place.write(KEPT, "simrun regressions 1\nnonsense\n");
    let answer = place.call("explore writers.toml --runs 5");
    answer.is(2);
    let expected = "line 2 of the regressions: expected `scenario FILE` or `case`";
    assert!(answer.stderr.contains(expected), "{answer}");
}

#[test]
fn a_file_of_regressions_says_all_that_a_replay_needs() {
    let place = Place::new("plans-replay").explored();
    let answer = place.call(&format!("replay {KEPT}"));
    answer.is(1);
    assert_snapshot!("replay", steady(&answer));
    let elsewhere = simrun(["replay", "plans-replay/sim-regressions/writers.txt"]);
    let answer = elsewhere.within(place.0.parent().unwrap()).answer();
    answer.is(1);
    assert!(answer.stdout.contains("still fails"), "{answer}");
}

#[test]
fn a_replay_says_what_has_become_of_the_regression() {
    let place = Place::new("plans-verdicts").explored();
    let replay = |text: &str| {
        place.write("writers.toml", text);
        place.call(&format!("replay {KEPT}"))
    };
    let mended = replay(&writers("last > 0"));
    mended.is(0);
    assert!(mended.stdout.contains("passes"), "{mended}");
    let moved = writers("last == 2").replace("expect", "yield\nexpect");
    let otherwise = replay(&moved);
    otherwise.is(1);
    assert!(
        otherwise.stdout.contains("now fails otherwise: check"),
        "{otherwise}"
    );
    let another = replay(&scenario("Nobody writes", "sleep 1ms"));
    another.is(3);
    let site = "it left its decisions at `schedule main";
    assert!(another.stdout.contains(site), "{another}");
}

#[test]
fn machines_read_what_has_become_of_a_regression() {
    let place = Place::new("plans-json").explored();
    place.write("writers.toml", &scenario("Nobody writes", "sleep 1ms"));
    let answer = place.call(&format!("replay --format json {KEPT}"));
    answer.is(3);
    let lines: Vec<serde_json::Value> = answer
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [run, replay] = &lines[..] else {
        panic!("{answer}")
    };
    assert_eq!(run["outcome"], "passed");
    assert_eq!(replay["verdict"], "diverged");
    assert!(
        replay["diverged_at"]
            .as_str()
            .unwrap()
            .starts_with("schedule main")
    );
}

#[test]
fn a_plan_alone_needs_a_scenario() {
    let place = Place::new("plans-plan");
    place.write(
        "a.plan",
        "simrun plan 1\nschedule main/1#1 -> task main/2\n",
    );
    let answer = place.call("replay a.plan");
    answer.is(2);
    assert!(answer.stderr.contains("names no scenario"), "{answer}");
    place.write("b.plan", "simrun plan 1\n");
    place.call("replay b.plan writers.toml").is(0);
    place.call("replay none.plan writers.toml").is(2);
    place.call("replay b.plan none.toml").is(2);
}

#[test]
fn a_run_is_shrunk_to_a_plan_that_fails_in_the_same_way() {
    let place = Place::new("plans-shrink");
    let fails = |seed: &u32| place.call(&format!("writers.toml --seed {seed}")).code == 1;
    let seed = (1..50).find(fails).unwrap();
    let answer = place.call(&format!(
        "shrink writers.toml --seed {seed} --output a.plan"
    ));
    answer.is(1);
    assert_snapshot!("shrink", &answer);
    assert_snapshot!("shrink_output", without_program(&place.read("a.plan")));
    let again = place.call("replay a.plan");
    again.is(1);
    assert!(again.stdout.contains("still fails"), "{again}");
    let json = place.call(&format!("shrink writers.toml --seed {seed} --format json"));
    let object: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(object["failure"]["message"], "the first came last");
    assert_eq!(object["shortest"]["plan"].as_array().unwrap().len(), 1);
    assert!(object["shortest"]["critical_pair"]["first"].is_string());
}

#[test]
fn a_run_that_passes_is_not_shrunk() {
    let place = Place::new("plans-passes");
    let answer = place.call("shrink writers.toml --seed 0");
    answer.is(0);
    let expected = "the run of seed 0 (fifo) passes: there is nothing to shrink\n";
    assert!(answer.stdout.ends_with(expected), "{answer}");
    assert_eq!(place.call("shrink writers.toml --seed 0 -q").stdout, "");
    let json = place.call("shrink writers.toml --seed 0 --format json");
    assert!(json.stdout.contains("\"outcome\":\"passed\""), "{json}");
}

#[test]
fn a_diff_shows_where_two_runs_part() {
    let place = Place::new("plans-diff").explored();
    let answer = place.call(&format!("diff writers.toml --seed 0 {KEPT}"));
    answer.is(1);
    assert_snapshot!("diff", &answer);
    let json = place.call(&format!("diff writers.toml --seed 0 {KEPT} --format json"));
    json.is(1);
    let object: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(object["same"], false);
    assert_eq!(object["one"]["outcome"], "passed");
    assert_eq!(object["other"]["outcome"], "failed");
    assert_eq!(object["one"]["choice"], serde_json::Value::Null);
    assert!(
        object["other"]["choice"]
            .as_str()
            .unwrap()
            .starts_with("task main/")
    );
}

#[test]
fn a_run_is_the_same_as_itself() {
    let place = Place::new("plans-same").explored();
    let answer = place.call("diff writers.toml --seed 7 --seed 7");
    answer.is(0);
    assert!(answer.stdout.contains("are the same run"), "{answer}");
    place
        .call(&format!("diff writers.toml {KEPT} {KEPT}"))
        .is(0);
    place
        .call("diff writers.toml --seed 7 --strategy fifo --strategy random")
        .is(1);
    assert_eq!(
        place.call("diff -q writers.toml --seed 7 --seed 7").stdout,
        ""
    );
}

#[test]
fn what_machines_read_is_as_its_schema_says() {
    let schema = simrun(["schema", "--output"]).answer().stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let place = Place::new("plans-schema").explored();
    let mut seen = Vec::new();
    for line in [
        &format!("replay {KEPT}"),
        "shrink writers.toml --seed 0",
        "shrink writers.toml --seed 4",
        &format!("diff writers.toml --seed 0 {KEPT}"),
        "diff writers.toml --seed 3 --seed 3",
    ] {
        let answer = place.call(&format!("{line} --format json"));
        for line in answer.stdout.lines() {
            let object = serde_json::from_str(line).unwrap();
            if let Err(error) = validator.validate(&object) {
                panic!("{error}: {object}");
            }
            seen.push(object["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen, ["run", "replay", "shrink", "shrink", "diff", "diff"]);
}

#[test]
fn a_diff_is_of_two_runs() {
    let place = Place::new("plans-two").explored();
    for line in [
        "",
        "--seed 1",
        "--seed 1 --seed 2 --seed 3",
        KEPT,
        "--strategy fifo",
    ] {
        let answer = place.call(&format!("diff writers.toml {line}"));
        answer.is(2);
        assert!(answer.stderr.contains("name two runs"), "{answer}");
    }
    place.call("diff writers.toml --seed 1 none.plan").is(2);
    assert!(Path::new(&place.0).join(KEPT).exists());
}
