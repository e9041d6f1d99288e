//! Reports for machines: an object a run, or a line an event.

use std::io::{self, Write};

use serde::Serialize;

use super::words::step;
use super::{FORMAT, Format, Looked, Subject, place, word};
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::record::{Ended, Event, Problem, What};
use crate::scenario::source::{Source, Span};

/// One object a run, on one line, with its events in it.
pub(crate) struct Json;

/// One object an event, and then one for the run.
pub(crate) struct Lines;

impl Format for Json {
    fn run(&mut self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        let source = subject.source;
        let events = subject
            .events()
            .map(|event| EventObject::new(event, source));
        let run = RunObject {
            events: Some(events.collect()),
            ..RunObject::new(subject)
        };
        write_line(&run, out)
    }

    fn looked(&mut self, looked: Looked<'_>, out: &mut dyn Write) -> io::Result<()> {
        write_line(&FileObject::new(looked), out)
    }
}

impl Format for Lines {
    fn run(&mut self, subject: Subject<'_>, out: &mut dyn Write) -> io::Result<()> {
        for event in subject.events() {
            let event = EventObject {
                format: Some(FORMAT),
                r#type: Some("event"),
                ..EventObject::new(event, subject.source)
            };
            write_line(&event, out)?;
        }
        write_line(&RunObject::new(subject), out)
    }

    fn looked(&mut self, looked: Looked<'_>, out: &mut dyn Write) -> io::Result<()> {
        write_line(&FileObject::new(looked), out)
    }
}

fn write_line(object: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

#[derive(Serialize)]
struct RunObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    seed: u64,
    strategy: &'a str,
    outcome: &'static str,
    failure: Option<FailureObject<'a>>,
    virtual_ns: u64,
    steps: u64,
    /// Text: many readers of JSON keep no more than 53 bits of a number.
    fingerprint: String,
    checks: Vec<CheckObject<'a>>,
    tasks: Vec<TaskObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventObject<'a>>>,
}

impl<'a> RunObject<'a> {
    fn new(subject: Subject<'a>) -> Self {
        let record = subject.record;
        let checks = record.checks.iter().map(|check| CheckObject {
            name: &check.name,
            held: check.held,
        });
        let tasks = record.tasks.iter();
        let tasks = tasks.map(TaskObject::new);
        Self {
            format: FORMAT,
            r#type: "run",
            scenario: subject.name,
            file: &subject.source.name,
            seed: record.seed,
            strategy: &record.strategy,
            outcome: subject.outcome(),
            failure: subject
                .problem()
                .map(|problem| FailureObject::new(problem, subject)),
            virtual_ns: record.now.as_nanos(),
            steps: record.steps,
            fingerprint: format!("{:016x}", record.fingerprint),
            checks: checks.collect(),
            tasks: tasks.collect(),
            events: None,
        }
    }
}

#[derive(Serialize)]
struct FailureObject<'a> {
    kind: &'static str,
    key: &'a str,
    message: &'a str,
    host: Option<&'a str>,
    task: Option<&'a str>,
    at_ns: u64,
    location: Option<LocationObject<'a>>,
    values: Vec<ValueObject<'a>>,
    replay: Option<&'a str>,
}

impl<'a> FailureObject<'a> {
    fn new(problem: &'a Problem, subject: Subject<'a>) -> Self {
        let source = subject.source;
        let values = problem.values.iter().map(|(span, value)| ValueObject {
            text: source.slice(*span),
            value,
        });
        Self {
            kind: problem.kind,
            key: &problem.key,
            message: &problem.message,
            host: problem.host.as_deref(),
            task: problem.task.as_deref(),
            at_ns: problem.at.as_nanos(),
            location: problem.span.map(|span| LocationObject::new(source, span)),
            values: values.collect(),
            replay: subject.replay,
        }
    }
}

#[derive(Serialize)]
struct LocationObject<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

impl<'a> LocationObject<'a> {
    fn new(source: &'a Source, span: Span) -> Self {
        let (line, column) = place(source, span);
        let file = &source.name;
        Self { file, line, column }
    }
}

/// A part of a comparison, and its value.
#[derive(Serialize)]
struct ValueObject<'a> {
    text: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct CheckObject<'a> {
    name: &'a str,
    held: Option<bool>,
}

/// How a task ended.
#[derive(Serialize)]
struct TaskObject<'a> {
    name: &'a str,
    state: &'static str,
    result: Option<&'a str>,
}

impl<'a> TaskObject<'a> {
    fn new(task: &'a Ended) -> Self {
        Self {
            name: &task.name,
            state: task.state,
            result: task.result.as_deref(),
        }
    }
}

#[derive(Default, Serialize)]
struct EventObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    at_ns: u64,
    host: Option<&'a str>,
    task: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bodies: Option<Vec<BodyObject<'a>>>,
}

/// A body that stands still.
#[derive(Serialize)]
struct BodyObject<'a> {
    name: &'a str,
    line: Option<usize>,
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<&'a str>,
}

impl<'a> EventObject<'a> {
    fn new(event: &'a Event, source: &Source) -> Self {
        let line = event.span.map(|span| place(source, span).0);
        let object = Self {
            at_ns: event.at.as_nanos(),
            host: event.host.as_deref(),
            task: &event.task,
            kind: word(&event.what),
            body: event.body.as_deref(),
            line,
            step: event.span.map(|span| step(source, span)),
            ..Self::default()
        };
        object.with(&event.what, source)
    }

    fn with(mut self, what: &'a What, source: &Source) -> Self {
        match what {
            What::Logged(text) | What::Fault(text) | What::Packet(text) => self.text = Some(text),
            What::Spawned(name) | What::CancelRequested(name) => self.name = Some(name),
            What::Returned(value)
            | What::BodyReturned(value)
            | What::Gave(value)
            | What::Item(value)
            | What::MainReturned(value) => self.value = Some(value),
            What::Failed(error)
            | What::BodyFailed(error)
            | What::Raised(error)
            | What::Caught(error)
            | What::MainFailed(error) => self.error = Some(error),
            What::Reported(kind, error) => {
                self.text = Some(kind);
                self.error = error.as_deref();
            }
            What::Round(round) => self.round = Some(*round),
            What::Stuck(bodies) => {
                let bodies = bodies.iter().map(|standing| BodyObject {
                    name: &standing.body,
                    line: standing.span.map(|span| place(source, span).0),
                    step: standing.span.map(|span| step(source, span)),
                    beside: standing.beside.as_deref(),
                });
                self.bodies = Some(bodies.collect());
            }
            What::Cancelled
            | What::GivenUp
            | What::BodyBegan
            | What::Began
            | What::Finally
            | What::Entered
            | What::Interrupted => {}
        }
        self
    }
}

/// A file that was not run.
#[derive(Serialize)]
struct FileObject<'a> {
    format: u32,
    r#type: &'static str,
    file: &'a str,
    sound: bool,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'a str>,
    diagnostics: Vec<DiagnosticObject<'a>>,
}

impl<'a> FileObject<'a> {
    fn new(looked: Looked<'a>) -> Self {
        let diagnostics = looked.source.map_or_else(Vec::new, |source| {
            let diagnostics = looked.diagnostics.iter();
            diagnostics
                .map(|diagnostic| DiagnosticObject::new(diagnostic, source))
                .collect()
        });
        Self {
            format: FORMAT,
            r#type: "file",
            file: looked.file,
            sound: looked.is_sound(),
            unreadable: looked.unreadable,
            diagnostics,
        }
    }
}

#[derive(Serialize)]
struct DiagnosticObject<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    location: LocationObject<'a>,
    label: &'a str,
    related: Vec<RelatedObject<'a>>,
    notes: &'a [String],
    suggestion: Option<SuggestionObject<'a>>,
}

#[derive(Serialize)]
struct RelatedObject<'a> {
    location: LocationObject<'a>,
    label: &'a str,
}

#[derive(Serialize)]
struct SuggestionObject<'a> {
    message: &'a str,
    location: LocationObject<'a>,
    replaces: &'a str,
    replacement: &'a str,
}

impl<'a> DiagnosticObject<'a> {
    fn new(diagnostic: &'a Diagnostic, source: &'a Source) -> Self {
        let related = diagnostic
            .related
            .iter()
            .map(|(span, label)| RelatedObject {
                location: LocationObject::new(source, *span),
                label,
            });
        let suggestion = diagnostic.suggestion.as_ref();
        Self {
            code: diagnostic.code,
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &diagnostic.message,
            location: LocationObject::new(source, diagnostic.at),
            label: &diagnostic.label,
            related: related.collect(),
            notes: &diagnostic.notes,
            suggestion: suggestion.map(|suggestion| SuggestionObject {
                message: &suggestion.message,
                location: LocationObject::new(source, suggestion.at),
                replaces: source.slice(suggestion.at),
                replacement: &suggestion.replacement,
            }),
        }
    }
}
