//! Records that no run has made, for the tests of all formats.

use std::sync::Arc;

use super::{Choice, Subject};
use crate::scenario::record::{
    Checked, Ended, Event, Problem, Record, Show, Standing, Verdict, What,
};
use crate::scenario::source::{Source, Span};
use crate::time::Instant;

pub(crate) const ALL: Show = Show {
    log: true,
    tasks: true,
    net: true,
    steps: true,
};

const TEXT: &str = "\
format = 1
name = \"Two <jobs> & no more\"

[task]
main = '''
worker = spawn consumer()
put jobs \"letter\"
'''

[check]
\"at most two\" = \"always len(jobs) <= 2\"
";

pub(crate) fn source() -> Source {
    Source::new("sim-scenarios/two jobs.toml", TEXT)
}

fn span(text: &str) -> Span {
    let start = TEXT.find(text).unwrap();
    Span::new(start, start + text.len())
}

pub(crate) fn event(millis: u64, host: Option<&str>, task: &str, what: What) -> Event {
    Event {
        at: Instant::from_nanos(millis * 1_000_000),
        host: host.map(Arc::from),
        task: task.into(),
        body: None,
        span: None,
        what,
    }
}

fn events() -> Vec<Event> {
    let server = Some("server");
    let step = |millis, what, text| Event {
        span: Some(span(text)),
        body: Some("main".into()),
        ..event(millis, server, "main", what)
    };
    let put = "put jobs \"letter\"";
    vec![
        event(
            0,
            server,
            "main",
            What::Logged("\u{1b}begins\nin two lines".into()),
        ),
        event(0, server, "main", What::Spawned("worker".into())),
        step(0, What::Began, put),
        step(5, What::Gave("none".into()), put),
        event(5, server, "loop", What::Fault("cut client | server".into())),
        event(
            5,
            Some("client"),
            "worker-with-a-long-name",
            What::Packet("client:1 -> server:7 SYN".into()),
        ),
        event(7, server, "worker", What::Failed("out_of_stock".into())),
        event(
            7,
            server,
            "loop",
            What::Reported("nobody looked".into(), Some("out_of_stock".into())),
        ),
        event(
            7,
            server,
            "loop",
            What::Stuck(vec![
                standing("main", Some(span(put))),
                standing("worker", None),
            ]),
        ),
    ]
}

fn standing(body: &str, span: Option<Span>) -> Standing {
    Standing {
        host: None,
        task: body.into(),
        body: body.into(),
        span,
        beside: None,
    }
}

/// A run that passed.
pub(crate) fn passed() -> Record {
    Record {
        seed: 7,
        strategy: "random".into(),
        verdict: Verdict::Passed,
        now: Instant::from_nanos(62_400_000),
        steps: 118,
        fingerprint: 0x0123_4567_89ab_cdef,
        checks: vec![
            checked("at most two", Some(true)),
            checked("it is <cancelled> once", None),
        ],
        events: events(),
        tasks: vec![Ended {
            name: "main".into(),
            state: "returned",
            result: Some("none".to_owned()),
        }],
    }
}

fn checked(name: &str, held: Option<bool>) -> Checked {
    let name = name.into();
    Checked { name, held }
}

/// A run whose check did not hold.
pub(crate) fn failed() -> Record {
    let problem = Problem {
        kind: "check",
        key: "check at most two".into(),
        message: "at most two\nthis is 100% so".into(),
        host: Some("server".into()),
        task: Some("main".into()),
        at: Instant::from_nanos(5_000_000),
        span: Some(span("always len(jobs) <= 2")),
        values: vec![(span("len(jobs)"), "3".into())],
    };
    Record {
        verdict: Verdict::Failed(problem),
        checks: vec![checked("at most two", Some(false))],
        ..passed()
    }
}

/// A run that a limit ended.
pub(crate) fn undecided() -> Record {
    let problem = Problem {
        kind: "budget",
        key: "budget steps".into(),
        message: "the run is not over after 118 steps".into(),
        host: None,
        task: None,
        at: Instant::from_nanos(62_400_000),
        span: None,
        values: Vec::new(),
    };
    Record {
        verdict: Verdict::Undecided(problem),
        ..passed()
    }
}

/// Calls a function with a subject that is a record.
pub(crate) fn with_subject<T>(
    record: &Record,
    show: Show,
    act: impl FnOnce(Subject<'_>) -> T,
) -> T {
    let (source, choice) = (
        source(),
        Choice {
            show,
            ..Choice::default()
        },
    );
    act(Subject {
        name: "Two <jobs> & no more",
        source: &source,
        record,
        choice: &choice,
        replay: Some("simrun --seed 7 'sim-scenarios/two jobs.toml'"),
    })
}
