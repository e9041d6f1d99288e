//! Mistakes in scenarios.

use insta::assert_snapshot;

use super::{scenario, simrun};

#[test]
fn a_sound_file_is_said_to_be() {
    let answer = simrun(["check", "race.toml"]).answer();
    assert_eq!(
        answer.is(0).to_string(),
        "exit code 0\n\n-- stdout --\nsound  race.toml\n"
    );
}

#[test]
fn mistakes_are_shown_in_their_place() {
    let text = scenario("It has mistakes", "slep 5ms\nput jobs 1");
    let answer = simrun(["check", "-"]).answer_to(text.as_bytes());
    answer.is(2);
    assert_snapshot!(answer);
    // A run that cannot begin says the same.
    let run = simrun(["-"]).answer_to(text.as_bytes());
    assert_eq!((run.code, run.stderr), (answer.code, answer.stderr));
}

#[test]
fn text_that_is_no_scenario_is_refused() {
    for text in [
        "",
        "\u{0}",
        "[",
        "format = 1",
        "format = 99\nname = \"x\"",
        "\u{feff}format = 1",
    ] {
        let answer = simrun(["check", "-"]).answer_to(text.as_bytes());
        answer.is(2);
        assert!(answer.stderr.contains("error"), "{answer}");
    }
}
