//! The events that a recorded run keeps, and where two runs part.

use std::collections::BTreeSet;
use std::fmt;

use super::causes::Causes;
use super::event::Event;
use super::view::View;

/// The version of the text of traces, which snapshots are made of.
///
/// Format 1: one event a line, in the order in which they happened. A line is the virtual time, the
/// task, the [word](super::EventKind::word) for what happened, and what there is to say of it. Time
/// and task have room for twelve letters each, and push the rest to the right if they are longer.
/// No line begins or ends with a space; control characters, such as ends of lines, are escaped.
/// Names are those that the program has given, or small numbers: no address, no thread and no real
/// time is in it.
///
/// The number rises when a line is written in another way. Which events a run has may change with
/// any version, and then the changelog says so, under *Reproducibility*.
pub const FORMAT: u32 = 1;

/// The recorded events of a run, in the order in which they happened. Its text has one event a
/// line, without addresses or counters of the process, so it is fit for a snapshot.
///
/// ```
/// use simrun::Sim;
///
/// let run = Sim::new().record(true).run(|| async { simrun::log!("hello") });
/// let logs = run.trace().only(["logs"]).to_string();
/// assert_eq!(logs, "0ns           main         logs hello\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    events: Vec<Event>,
    pub(crate) causes: Causes,
}

impl Trace {
    /// Adds an event: of the task with this number, if it is one's.
    pub(crate) fn push(&mut self, event: Event, task: Option<u64>) {
        self.events.push(event);
        self.causes.happen(task);
    }

    /// Ends the recording.
    pub(crate) fn seal(mut self) -> Self {
        self.causes.seal();
        self
    }

    /// Forgets the events after the first so many.
    #[cfg(feature = "tracing")]
    pub(crate) fn truncate(&mut self, events: usize) {
        self.events.truncate(events);
        self.causes.truncate(events as u32);
    }

    /// Returns all events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns a view of all events, of which more can be asked.
    pub fn view(&self) -> View<'_> {
        View::of(&self.events)
    }

    /// Shows only the events that one of the names fits: see [`View::only`].
    pub fn only<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> View<'_> {
        self.view().only(names)
    }

    /// Shows only the events that none of the names fits: see [`View::without`].
    pub fn without<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> View<'_> {
        self.view().without(names)
    }

    /// Shows how long after each other the events come: see [`View::relative`].
    pub fn relative(&self) -> View<'_> {
        self.view().relative()
    }

    /// Shows one text as another: see [`View::redact`].
    #[track_caller]
    pub fn redact(&self, text: impl Into<String>, shown: impl Into<String>) -> View<'_> {
        self.view().redact(text, shown)
    }

    /// Returns the positions of these events and of all that they depend on: what came before them
    /// in their tasks, who has spawned or woken these, what was written to what they have touched,
    /// the ends of what they have awaited, the sending of what has reached them. The program's own
    /// variables are not known unless they are [`Tracked`](crate::sync::Tracked).
    ///
    /// ```
    /// use simrun::{Sim, log, spawn};
    ///
    /// let run = Sim::new().record(true).run(|| async {
    ///     let other = spawn(async { log!("nobody hears of this") });
    ///     let one = spawn(async { log!("a step to the end") });
    ///     one.await.unwrap();
    ///     log!("the end");
    ///     other.detach();
    /// });
    /// let events = run.trace().events();
    /// let position = |text| events.iter().position(|event| event.to_string().ends_with(text));
    /// let past = run.trace().past(&[position("logs the end").unwrap()]);
    /// assert!(past.contains(&position("a step to the end").unwrap()));
    /// assert!(!past.contains(&position("nobody hears of this").unwrap()));
    /// ```
    pub fn past(&self, events: &[usize]) -> BTreeSet<usize> {
        self.causes.past(events)
    }

    /// Returns the events that a failure depends on directly which was told while the run went on.
    pub(crate) fn told_failure(&self) -> Option<Vec<usize>> {
        self.causes.failure()
    }

    /// Returns the position of the first event at which two traces differ, or `None` if they are
    /// the same. What a program tells `tracing` does not count, for it is no part of a run.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        self.parting(other).map(|(own, _)| own)
    }

    /// Returns the positions in both traces of the first event at which they differ.
    pub(crate) fn parting(&self, other: &Self) -> Option<(usize, usize)> {
        let (mut own, mut others) = (self.of_the_run(), other.of_the_run());
        loop {
            match (own.next(), others.next()) {
                (None, None) => return None,
                (Some((_, one)), Some((_, another))) if one == another => {}
                (one, another) => {
                    let at = |event: Option<(usize, &Event)>, end| event.map_or(end, |(at, _)| at);
                    return Some((at(one, self.events.len()), at(another, other.events.len())));
                }
            }
        }
    }

    fn of_the_run(&self) -> impl Iterator<Item = (usize, &Event)> {
        let events = self.events.iter().enumerate();
        events.filter(|(_, event)| !event.kind.is_from_tracing())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events
            .iter()
            .try_for_each(|event| writeln!(f, "{event}"))
    }
}
