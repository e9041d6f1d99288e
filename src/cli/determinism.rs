//! Two runs of one seed, compared event by event.

use crate::assure::FailureKind;
use crate::report;
use crate::scenario::record::{Event, Problem, Record, Verdict};
use crate::scenario::source::Source;

/// The kind of failure of a run that differs from another one of its seed.
pub(super) const KIND: &str = "nondeterminism";

/// Returns the first run, which has failed if the second one differs from it. A run that its limit
/// on real time has ended is compared as far as it went: where that was, the seed does not say.
pub(super) fn compare(mut first: Record, second: &Record, source: &Source) -> Record {
    if let Some(problem) = difference(&first, second, source) {
        first.verdict = Verdict::Failed(problem);
    }
    first
}

fn difference(first: &Record, second: &Record, source: &Source) -> Option<Problem> {
    let line = |event: &Event| report::line(event, source, 12);
    let is_same = |(a, b): &(&Event, &Event)| a.span == b.span && line(a) == line(b);
    let events = first.events.iter().zip(&second.events);
    let index = events.take_while(is_same).count();
    let (one, other) = (first.events.get(index), second.events.get(index));
    let seed = first.seed;
    let is_prefix = |event: Option<&Event>, run| event.is_none() && is_cut_short(run);
    if is_prefix(one, first) || is_prefix(other, second) {
        return None;
    }
    if one.is_none() && other.is_none() {
        return (first.fingerprint != second.fingerprint).then(|| {
            let message = format!(
                "two runs of seed {seed} have the same events but different fingerprints: \
                 {:016x} and {:016x}",
                first.fingerprint, second.fingerprint
            );
            problem(message, None, first)
        });
    }
    let text = |event: Option<&Event>| event.map_or("it is over".to_owned(), line);
    let message = format!(
        "two runs of seed {seed} differ at event {}: something in them does not come from the \
         seed\n  one    {}\n  other  {}",
        index + 1,
        text(one),
        text(other)
    );
    Some(problem(message, one.or(other), first))
}

/// Says whether a run was ended by its limit on real time.
pub(super) fn is_cut_short(run: &Record) -> bool {
    let kind = FailureKind::WallClock.word();
    matches!(&run.verdict, Verdict::Undecided(problem) if problem.kind == kind)
}

fn problem(message: String, event: Option<&Event>, first: &Record) -> Problem {
    Problem {
        kind: KIND,
        key: KIND.to_owned(),
        message,
        host: event.and_then(|event| event.host.clone()),
        task: event.map(|event| event.task.clone()),
        at: event.map_or(first.now, |event| event.at),
        span: event.and_then(|event| event.span),
        values: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{passed, source};
    use crate::scenario::record::What;

    fn message(second: &Record) -> Option<String> {
        let record = compare(passed(), second, &source());
        match record.verdict {
            Verdict::Failed(problem) => Some(problem.message),
            _ => None,
        }
    }

    #[test]
    fn runs_that_are_the_same_have_passed() {
        assert_eq!(message(&passed()), None);
    }

    #[test]
    fn the_first_event_that_differs_is_shown_twice() {
        let mut other = passed();
        other.events[2].what = What::Logged("something else".into());
        let message = message(&other).unwrap();
        let lines: Vec<_> = message.lines().collect();
        assert!(lines[0].starts_with("two runs of seed 7 differ at event 3"));
        assert!(lines[1].starts_with("  one ") && lines[1].contains("starts (7: put jobs"));
        assert!(lines[2].starts_with("  other ") && lines[2].ends_with("logs something else"));
    }

    #[test]
    fn a_run_may_end_before_the_other() {
        let mut other = passed();
        other.events.truncate(4);
        assert!(message(&other).unwrap().ends_with("other  it is over"));
        other.events.clear();
        other.events.extend(passed().events);
        other.events.extend(passed().events);
        assert!(message(&other).unwrap().contains("one    it is over"));
    }

    #[test]
    fn a_run_that_took_too_long_is_compared_as_far_as_it_went() {
        let mut other = passed();
        let kind = FailureKind::WallClock.word();
        let mut late = problem(String::new(), None, &other);
        late.kind = kind;
        other.verdict = Verdict::Undecided(late);
        other.fingerprint = 1;
        other.events.truncate(4);
        assert_eq!(message(&other), None);
        other.events[2].what = What::Logged("something else".into());
        assert!(message(&other).unwrap().contains("differ at event 3"));
    }

    #[test]
    fn what_nobody_sees_may_differ_too() {
        let mut other = passed();
        other.fingerprint = 1;
        assert!(
            message(&other)
                .unwrap()
                .ends_with("0123456789abcdef and 0000000000000001")
        );
    }
}
