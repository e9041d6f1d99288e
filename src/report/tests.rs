//! Every format's report on runs that nobody made.

use insta::assert_snapshot;

use super::samples::{ALL, failed, passed, source, undecided, with_subject};
use super::*;
use crate::scenario::diagnostic::Suggestion;
use crate::scenario::record::Show;

const LOG: Show = Show {
    log: true,
    tasks: false,
    net: false,
    steps: false,
};

fn report(mut format: impl Format, record: &Record, show: Show) -> String {
    let mut text = Vec::new();
    with_subject(record, show, |subject| format.run(subject, &mut text)).unwrap();
    format.end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn human(paint: Paint, verbosity: Verbosity) -> Human {
    Human::new(paint, verbosity)
}

fn mistakes() -> Vec<Diagnostic> {
    let source = source();
    let start = source.text.find("spawn").unwrap();
    vec![Diagnostic {
        code: "S002",
        severity: Severity::Error,
        message: "no step is called `spawn`".into(),
        at: Span::new(start, start + 5),
        label: "unknown step".into(),
        related: vec![(Span::new(0, 6), "declared here".into())],
        notes: vec!["a note".into()],
        suggestion: Some(Suggestion {
            message: "did you mean `spam`?".into(),
            at: Span::new(start, start + 5),
            replacement: "spam".into(),
        }),
    }]
}

fn report_on_mistakes(mut format: impl Format) -> String {
    let (source, diagnostics) = (source(), mistakes());
    let mut text = Vec::new();
    let mut looked = Looked {
        file: &source.name,
        unreadable: None,
        source: Some(&source),
        diagnostics: &diagnostics,
    };
    format.looked(looked, &mut text).unwrap();
    looked.diagnostics = &[];
    format.looked(looked, &mut text).unwrap();
    looked.unreadable = Some("there is no such file");
    looked.source = None;
    format.looked(looked, &mut text).unwrap();
    format.end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn people_read_of_a_run_that_passed() {
    assert_snapshot!(report(
        human(Paint::Plain, Verbosity::Normal),
        &passed(),
        LOG
    ));
}

#[test]
fn people_read_of_everything() {
    assert_snapshot!(report(
        human(Paint::Plain, Verbosity::Normal),
        &passed(),
        ALL
    ));
}

#[test]
fn people_read_of_a_run_that_failed() {
    assert_snapshot!(report(
        human(Paint::Plain, Verbosity::Normal),
        &failed(),
        LOG
    ));
}

#[test]
fn people_read_of_a_run_that_was_not_decided() {
    assert_snapshot!(report(
        human(Paint::Plain, Verbosity::Normal),
        &undecided(),
        LOG
    ));
}

#[test]
fn people_in_a_hurry_read_of_failures_alone() {
    assert_snapshot!(report(
        human(Paint::Plain, Verbosity::Quiet),
        &failed(),
        LOG
    ));
}

#[test]
fn what_people_read_has_colours_on_a_terminal() {
    let text = report(human(Paint::Colours, Verbosity::Normal), &failed(), LOG);
    assert!(
        text.contains("\u{1b}[1m\u{1b}[31mFAILED\u{1b}[0m: seed 7"),
        "{text:?}"
    );
    // What the scenario logs does not reach the terminal as it is.
    assert!(text.contains("logs \\u{1b}begins"), "{text:?}");
}

#[test]
fn machines_read_an_object_a_run() {
    assert_snapshot!(report(Json, &failed(), ALL));
}

#[test]
fn machines_read_an_object_an_event() {
    assert_snapshot!(report(Lines, &undecided(), ALL));
}

#[test]
fn machines_read_of_mistakes() {
    assert_snapshot!(report_on_mistakes(Json));
    assert_eq!(report_on_mistakes(Json), report_on_mistakes(Lines));
}

#[test]
fn junit_has_a_case_a_run() {
    let mut junit = Junit::default();
    let mut text = Vec::new();
    for record in [passed(), failed(), undecided()] {
        with_subject(&record, LOG, |subject| junit.run(subject, &mut text)).unwrap();
    }
    junit.end(&mut text).unwrap();
    assert_snapshot!(String::from_utf8(text).unwrap());
}

#[test]
fn junit_has_errors_for_mistakes() {
    assert_snapshot!(report_on_mistakes(Junit::default()));
}

#[test]
fn github_has_annotations() {
    let github = || Github {
        verbosity: Verbosity::Normal,
    };
    let reports = [passed(), failed(), undecided()].map(|record| report(github(), &record, ALL));
    assert_snapshot!(reports.concat());
    assert_snapshot!(report_on_mistakes(github()));
}
