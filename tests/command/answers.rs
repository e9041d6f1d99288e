//! Questions about the command itself, and calls that make no sense.

use insta::assert_snapshot;

use super::{Answer, simrun};

fn answer(line: &str) -> Answer {
    simrun(line.split_whitespace()).answer()
}

#[test]
fn help_says_what_there_is() {
    assert_snapshot!("help", answer("--help"));
    assert_snapshot!("help_in_brief", answer("-h"));
    for command in [
        "run",
        "check",
        "replay",
        "shrink",
        "diff",
        "snapshot",
        "schema",
        "completions",
        "man",
    ] {
        assert_snapshot!(
            format!("help_{command}"),
            answer(&format!("{command} --help"))
        );
    }
}

#[test]
fn a_call_without_anything_is_answered_with_help() {
    let answer = answer("");
    answer.is(2);
    assert!(answer.stderr.contains("Usage: simrun"), "{answer}");
    assert_eq!(answer.stdout, "");
}

#[test]
fn the_version_is_the_crate_s() {
    let version = concat!("simrun ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(answer("--version").is(0).stdout, version);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let calls = [
        "--seed",
        "--seed 1 --seed 2 race.toml",
        "--seed x race.toml",
        "--seed -1 race.toml",
        "--strategy lifo race.toml",
        "--until 5 race.toml",
        "--max-steps many race.toml",
        "--show loq race.toml",
        "--format xml race.toml",
        "--sede 7 race.toml",
        "--color blue race.toml",
        "check",
        "snapshot",
        "completions tcsh",
        "schema --input",
    ];
    let answers = calls.map(|call| {
        let answer = answer(call);
        answer.is(2);
        assert_eq!(answer.stdout, "", "{call}");
        format!("$ simrun {call}\n{}\n", answer.stderr.trim_end())
    });
    assert_snapshot!(answers.join("\n"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = super::folder("unreadable");
    std::fs::write(
        folder.join("latin1.toml"),
        b"format = 1\nname = \"caf\xe9\"\n",
    )
    .unwrap();
    std::fs::create_dir(folder.join("folder.toml")).unwrap();
    for (file, reason) in [
        ("missing.toml", "there is no such file"),
        ("folder.toml", "it is a folder"),
        ("latin1.toml", "it is not UTF-8: line 2"),
    ] {
        for call in [vec![file], vec!["check", file], vec!["snapshot", file]] {
            let is_folder = call == ["snapshot", "folder.toml"];
            let answer = simrun(call).within(&folder).answer();
            answer.is(2);
            let reason = if is_folder {
                "there is no scenario"
            } else {
                reason
            };
            assert!(answer.stderr.starts_with("error: "), "{answer}");
            assert!(answer.stderr.contains(reason), "{answer}");
            assert_eq!(answer.stdout, "");
        }
    }
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let answer = answer(&format!("completions {shell}"));
        let script = &answer.is(0).stdout;
        assert!(
            script.contains("simrun") && script.contains("check-determinism"),
            "{shell}"
        );
        assert_eq!(answer.stderr, "");
    }
}

#[test]
fn the_manual_page_is_one() {
    let answer = answer("man");
    let page = &answer.is(0).stdout;
    assert!(page.contains(".TH simrun 1"), "{page}");
    assert!(
        page.contains(".SH OPTIONS") && page.contains("check\\-determinism"),
        "{page}"
    );
}

#[test]
fn the_schemas_are_schemas() {
    for call in ["schema", "schema --output"] {
        let answer = answer(call);
        let schema = serde_json::from_str(&answer.is(0).stdout).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        jsonschema::validator_for(&schema).unwrap();
    }
}
