//! Events: what they are about, and what each is called.

use std::fmt;
use std::sync::Arc;

use crate::time::Instant;

/// One thing that happened in a run.
///
/// ```
/// use simrun::trace::EventKind;
/// use simrun::{Sim, log};
///
/// let run = Sim::new().record(true).run(|| async { log!("hello") });
/// let mut events = run.trace().events().iter();
/// let logged = events.find(|event| event.kind == EventKind::Logged("hello".to_owned())).unwrap();
/// assert_eq!((&*logged.task, &logged.host), ("main", &None));
/// assert_eq!(logged.to_string(), "0ns           main         logs hello");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in virtual time.
    pub at: Instant,
    /// The name of the task that did it, or `loop` when no task was running.
    pub task: String,
    /// The [host](crate::host) of the task, if it is on one.
    pub host: Option<Arc<str>>,
    /// What.
    pub kind: EventKind,
}

/// What an [`Event`] is about. More kinds will come, so a match needs a wildcard arm.
///
/// ```
/// use simrun::trace::EventKind;
/// use simrun::{Sim, time};
///
/// let run = Sim::new().record(true).run(|| time::sleep(time::secs(1)));
/// let kinds: Vec<&str> = run.trace().events().iter().map(|event| event.kind.word()).collect();
/// assert_eq!(kinds, ["spawns", "steps", "waits", "timer", "steps", "ends"]);
/// assert_eq!(run.trace().events()[3].kind, EventKind::Fired);
/// ```
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
    /// The program told `tracing` something: the level, the spans that the task was in, the
    /// message. What it tells, and the two kinds below, are no part of the fingerprint.
    Traced(String),
    /// The program opened a span of `tracing`; its name and fields.
    Opened(String),
    /// A span of `tracing` was closed; its name and fields.
    Closed(String),
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
            Self::Traced(_) => "traces",
            Self::Opened(_) => "opens",
            Self::Closed(_) => "closes",
        }
    }

    /// Returns the word for kinds of its class, as in the command's `--show`.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Logged(_) | Self::Traced(_) => "log",
            Self::Spawned(_) | Self::Ended(_) | Self::Cancelled(_) | Self::Process(_) => "tasks",
            Self::Stepped
            | Self::Waits(_)
            | Self::Called
            | Self::Fired
            | Self::Touched(_)
            | Self::Opened(_)
            | Self::Closed(_) => "steps",
        }
    }

    /// Says whether it is known from `tracing`, whose words are no part of a run.
    pub(super) fn is_from_tracing(&self) -> bool {
        matches!(self, Self::Traced(_) | Self::Opened(_) | Self::Closed(_))
    }

    pub(super) fn detail(&self) -> &str {
        match self {
            Self::Spawned(text)
            | Self::Waits(text)
            | Self::Ended(text)
            | Self::Cancelled(text)
            | Self::Touched(text)
            | Self::Process(text)
            | Self::Logged(text)
            | Self::Traced(text)
            | Self::Opened(text)
            | Self::Closed(text) => text,
            Self::Stepped | Self::Called | Self::Fired => "",
        }
    }
}

/// The text is one line of a trace: when, who, what. What would break it is escaped.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, detail) = (self.kind.word(), self.kind.detail());
        f.write_str(&line(&self.at.to_string(), &self.task, word, detail))
    }
}

/// Writes a line of a trace. This is the trace format: see [`FORMAT`](super::FORMAT).
pub(super) fn line(time: &str, task: &str, word: &str, detail: &str) -> String {
    let line = format!("{time:<12}  {task:<12} {word} {detail}");
    let mut escaped = String::with_capacity(line.len());
    for letter in line.trim_end().chars() {
        match letter {
            letter if letter.is_control() => escaped.extend(letter.escape_default()),
            letter => escaped.push(letter),
        }
    }
    escaped
}
