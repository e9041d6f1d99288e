//! The text of traces, which users' snapshots are made of: whoever changes a line of it here raises
//! [`FORMAT`] and says so in the changelog, under *Reproducibility*.

use std::time::Duration;

use super::{Event, EventKind, FORMAT, Trace};
use crate::time::Instant;

/// Returns an event of the kind that comes after one, or of the first. It is not compiled as long
/// as a kind has no place in it.
fn next(kind: Option<&EventKind>) -> Option<EventKind> {
    use EventKind::*;
    Some(match kind {
        None => Spawned("worker".into()),
        Some(Spawned(_)) => Stepped,
        Some(Stepped) => Waits("for a timer".into()),
        Some(Waits(_)) => Ended("with a value".into()),
        Some(Ended(_)) => Cancelled("main/2".into()),
        Some(Cancelled(_)) => Called,
        Some(Called) => Fired,
        Some(Fired) => Touched("queue `jobs`".into()),
        Some(Touched(_)) => Process("cat(2) exits with 0".into()),
        Some(Process(_)) => Logged("two\nlines and a \ttab ".into()),
        Some(Logged(_)) => Traced("INFO request{id=3}: accepted by=\"db\"".into()),
        Some(Traced(_)) => Opened("request{id=3}".into()),
        Some(Opened(_)) => Closed("request{id=3}".into()),
        Some(Closed(_)) => return None,
    })
}

fn event(kind: EventKind, task: &str, at: Instant) -> Event {
    let (task, host) = (task.to_owned(), None);
    Event {
        at,
        task,
        host,
        kind,
    }
}

/// Makes a trace with an event of each kind, a millisecond apart.
fn every_kind() -> Trace {
    let (mut trace, mut at) = (Trace::default(), Instant::ZERO);
    let mut kind = next(None);
    while let Some(this) = kind {
        kind = next(Some(&this));
        trace.push(event(this, "main", at), None);
        at += Duration::from_millis(1);
    }
    trace
}

#[test]
fn format_1_writes_every_kind_of_event_so() {
    assert_eq!(FORMAT, 1);
    let mut trace = every_kind();
    let at = Instant::from_nanos(3_600_000_000_001);
    trace.push(
        event(EventKind::Stepped, "a task with a long name", at),
        None,
    );
    insta::assert_snapshot!(trace, @r#"
    0ns           main         spawns worker
    1ms           main         steps
    2ms           main         waits for a timer
    3ms           main         ends with a value
    4ms           main         cancels main/2
    5ms           main         callback
    6ms           main         timer
    7ms           main         touches queue `jobs`
    8ms           main         process cat(2) exits with 0
    9ms           main         logs two\nlines and a \ttab
    10ms          main         traces INFO request{id=3}: accepted by="db"
    11ms          main         opens request{id=3}
    12ms          main         closes request{id=3}
    3600.000000001s  a task with a long name steps
    "#);
    for line in trace.to_string().lines() {
        assert!(!line.starts_with(char::is_whitespace) && !line.ends_with(char::is_whitespace));
    }
}

#[test]
fn every_word_names_one_kind() {
    let trace = every_kind();
    for event in trace.events() {
        let chosen: Vec<&Event> = trace.only([event.kind.word()]).events().collect();
        assert_eq!(chosen, [event]);
        let others = trace.without([event.kind.word()]).events().count();
        assert_eq!(others, trace.events().len() - 1);
    }
}

#[test]
fn names_choose_tasks_and_hosts() {
    let mut trace = Trace::default();
    let on = |host: Option<&str>, task: &str| Event {
        host: host.map(Into::into),
        ..event(EventKind::Stepped, task, Instant::ZERO)
    };
    trace.push(on(None, "main"), None);
    trace.push(on(None, "main/2"), None);
    trace.push(on(Some("db"), "db"), None);
    trace.push(on(Some("db"), "db:main"), None);
    trace.push(on(Some("db"), "db/2"), None);
    let chosen = |name: &str| {
        let view = trace.only([name]);
        let tasks: Vec<&str> = view.events().map(|event| &*event.task).collect();
        tasks.join(" ")
    };
    assert_eq!(chosen("main"), "main db:main");
    assert_eq!(chosen("main*"), "main main/2 db:main");
    assert_eq!(chosen("db"), "db db:main db/2");
    assert_eq!(chosen("db:main"), "db:main");
    assert_eq!(chosen("steps"), "main main/2 db db:main db/2");
    assert_eq!(chosen(""), "");
    let both = trace.only(["db"]).only(["main"]).events().count();
    assert_eq!(both, 1);
}

#[test]
fn what_tracing_was_told_does_not_make_runs_differ() {
    let steps = |at| event(EventKind::Stepped, "main", Instant::from_nanos(at));
    let told = |text: &str| event(EventKind::Traced(text.into()), "main", Instant::ZERO);
    let trace = |events: &[Event]| {
        let mut trace = Trace::default();
        events
            .iter()
            .for_each(|event| trace.push(event.clone(), None));
        trace
    };
    let one = trace(&[steps(1), told("at 0x1"), steps(2), told("end")]);
    let two = trace(&[steps(1), told("at 0x2"), told("again"), steps(2)]);
    assert_eq!(one.first_difference(&two), None);
    let three = trace(&[told("x"), steps(1), steps(3)]);
    assert_eq!(one.parting(&three), Some((2, 2)));
    let four = trace(&[steps(1)]);
    assert_eq!(one.parting(&four), Some((2, 1)));
    assert_eq!(four.parting(&one), Some((1, 2)));
}
