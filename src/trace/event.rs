//! Events, and the list of them that a recorded run keeps.

use std::collections::BTreeSet;
use std::fmt;

use super::Causes;
use crate::time::Instant;

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in virtual time.
    pub at: Instant,
    /// The name of the task that did it, or `loop` when no task was running.
    pub task: String,
    /// What.
    pub kind: EventKind,
}

/// What an [`Event`] is about. More kinds will come, so a match needs a wildcard arm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A task was spawned; its name.
    Spawned(String),
    /// The task made a step: from here to the next event of the kind it is this task that runs.
    Stepped,
    /// The task suspended; what it waits for.
    Waits(String),
    /// The task ended; how.
    Ended(String),
    /// Someone asked the named task to stop.
    Cancelled(String),
    /// A callback ran.
    Called,
    /// A timer fired.
    Fired,
    /// A resource was read or written; its name.
    Touched(String),
    /// A process started, got a signal or ended.
    Process(String),
    /// The program wrote a line with [`log!`](crate::log!).
    Logged(String),
}

impl EventKind {
    /// Returns the one word that names the kind, as it stands in a trace's text.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Spawned(_) => "spawns",
            Self::Stepped => "steps",
            Self::Waits(_) => "waits",
            Self::Ended(_) => "ends",
            Self::Cancelled(_) => "cancels",
            Self::Called => "callback",
            Self::Fired => "timer",
            Self::Touched(_) => "touches",
            Self::Process(_) => "process",
            Self::Logged(_) => "logs",
        }
    }

    fn detail(&self) -> &str {
        match self {
            Self::Spawned(text)
            | Self::Waits(text)
            | Self::Ended(text)
            | Self::Cancelled(text)
            | Self::Touched(text)
            | Self::Process(text)
            | Self::Logged(text) => text,
            Self::Stepped | Self::Called | Self::Fired => "",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, detail) = (self.kind.word(), self.kind.detail());
        let line = format!(
            "{:>12}  {:<12} {word} {detail}",
            self.at.to_string(),
            self.task
        );
        f.write_str(line.trim_end())
    }
}

/// The recorded events of a run, in the order in which they happened. Its text has one event a
/// line, without addresses or counters of the process, so it is fit for a snapshot.
///
/// ```
/// use simrun::Sim;
///
/// let run = Sim::new().record(true).run(|| async { simrun::log!("hello") });
/// let logs: Vec<String> = run.trace().only("logs").map(|event| event.to_string()).collect();
/// assert_eq!(logs, ["         0ns  main         logs hello"]);
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

    /// Returns all events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Goes through the events of one kind, named by its [word](EventKind::word).
    pub fn only<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events
            .iter()
            .filter(move |event| event.kind.word() == word)
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
    /// the same.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        let same = self
            .events
            .iter()
            .zip(&other.events)
            .take_while(|(a, b)| a == b)
            .count();
        (same < self.events.len().max(other.events.len())).then_some(same)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events
            .iter()
            .try_for_each(|event| writeln!(f, "{event}"))
    }
}
