//! How a run ends.

use std::fmt;

use super::Deadlock;
use crate::error::{TaskError, first_panic};
use crate::time::Instant;

/// How a run ended.
///
/// ```
/// use simrun::Sim;
///
/// let run = |number: u32| Sim::new().run(move || async move { assert!(number < 3, "too much") });
/// assert!(run(2).outcome().is_passed());
/// assert_eq!(run(3).outcome().failure().unwrap().message(), "too much");
/// assert!(run(3).outcome().to_string().starts_with("failed: panic: too much"));
/// ```
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The program did what it should.
    Passed,
    /// It did not.
    Failed(Failure),
}

impl Outcome {
    /// Says whether the run passed.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// Returns what went wrong, if something did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Passed => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

/// The kinds of [`Failure`]. More will come, so a match needs a wildcard arm.
///
/// ```
/// use simrun::assure::FailureKind;
/// use simrun::{Sim, time};
///
/// let run = Sim::new().until(time::secs(60)).run(|| time::sleep(time::secs(61)));
/// let kind = run.failure().unwrap().kind();
/// assert_eq!(kind, FailureKind::VirtualTime);
/// assert_eq!(kind.word(), "out of virtual time");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum FailureKind {
    /// The main task panicked, which is how assertions fail.
    Panic,
    /// The main task returned an error.
    Error,
    /// The main task was cancelled.
    Cancelled,
    /// Tasks wait, and nothing can ever wake them.
    Deadlock,
    /// Many steps were made and virtual time did not move.
    Livelock,
    /// What a scenario says must hold did not: a check, or an `expect`.
    Check,
    /// What the program says must [always](crate::always!) hold did not.
    Property,
    /// The run used up its virtual time.
    VirtualTime,
    /// The run used up its steps.
    Steps,
    /// The run used up its real time. Whether it does may differ from machine to machine.
    WallClock,
    /// A task failed or a callback panicked, and nobody looked.
    Unhandled,
    /// The run depends on something outside it.
    Nondeterminism,
    /// The run has ended its process.
    Crashed,
    /// The run did not come back, so its process was ended.
    Hung,
}

impl FailureKind {
    /// Returns the kind in one or two words, as reports print it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Deadlock => "deadlock",
            Self::Livelock => "livelock",
            Self::Check => "check",
            Self::Property => "property",
            Self::VirtualTime => "out of virtual time",
            Self::Steps => "out of steps",
            Self::WallClock => "out of real time",
            Self::Unhandled => "unhandled error",
            Self::Nondeterminism => "nondeterminism",
            Self::Crashed => "crashed",
            Self::Hung => "hung",
        }
    }
}

/// What went wrong in a run, when, where, and in which task.
///
/// ```
/// use simrun::{Sim, time};
///
/// let run = Sim::new().run(|| async {
///     time::sleep(time::secs(5)).await;
///     panic!("the disk is full");
/// });
/// let failure = run.failure().unwrap();
/// assert_eq!((failure.message(), failure.task()), ("the disk is full", Some("main")));
/// assert_eq!(failure.at().since_start(), time::secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) at: Instant,
    pub(crate) task: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) error: Option<TaskError>,
    pub(crate) deadlock: Option<Box<Deadlock>>,
    pub(crate) origin: Option<Box<Origin>>,
}

/// Where a failure comes from that is not told in full by its place.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A task has unwrapped the error of another here.
    Unwrapped(String),
    /// The property of this name did not hold.
    Property(String),
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>, at: Instant) -> Self {
        let message = message.into();
        Self {
            kind,
            message,
            at,
            task: None,
            location: None,
            error: None,
            deadlock: None,
            origin: None,
        }
    }

    pub(crate) fn of_error(error: TaskError, task: String, at: Instant) -> Self {
        let kind = match (error.is_panic(), error.is_cancelled()) {
            (true, _) => FailureKind::Panic,
            (_, true) => FailureKind::Cancelled,
            _ => FailureKind::Error,
        };
        let message = error.to_string();
        let location = error.location().map(ToOwned::to_owned);
        let (message, location, unwrapped) = match first_panic(&message) {
            Some((first, place)) => (first.to_owned(), Some(place.to_owned()), location),
            None => (message, location, None),
        };
        Self {
            task: Some(task),
            location,
            origin: unwrapped.map(|place| Box::new(Origin::Unwrapped(place))),
            error: Some(error),
            ..Self::new(kind, message, at)
        }
    }

    /// Returns what kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns what went wrong, in words: the program's own, if it had any.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns when it went wrong, in virtual time.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Returns the name of the task that failed, if it was one.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// Returns where it went wrong, as `file:line:column`, if that is known.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns where the task has unwrapped the error of another, if that is how it failed. Then
    /// the [message](Self::message) and the [location](Self::location) are those of the other.
    pub fn unwrapped(&self) -> Option<&str> {
        match self.origin.as_deref()? {
            Origin::Unwrapped(place) => Some(place),
            Origin::Property(_) => None,
        }
    }

    /// Returns the error the task ended with, if that is what happened.
    pub fn error(&self) -> Option<&TaskError> {
        self.error.as_ref()
    }

    /// Returns who waits for whom, if it is a deadlock.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        self.deadlock.as_deref()
    }

    /// Says in which task it went wrong, and when.
    pub(crate) fn place(&self) -> Option<String> {
        let unwrapped = match self.unwrapped() {
            Some(place) => format!("unwrapped at {place}, "),
            None => String::new(),
        };
        let task = self.task.as_ref()?;
        Some(format!(
            "{unwrapped}in task {task}, {} into the run",
            self.at
        ))
    }

    /// Returns the name of the property that did not hold, if it is one.
    pub fn property(&self) -> Option<&str> {
        match self.origin.as_deref()? {
            Origin::Property(name) => Some(name),
            Origin::Unwrapped(_) => None,
        }
    }

    /// Returns what tells whether two failures are the same.
    pub fn key(&self) -> FailureKey {
        let detail = match (&self.deadlock, &self.location, self.kind) {
            (_, _, FailureKind::Property) => self.property().unwrap_or_default().to_owned(),
            (Some(deadlock), _, _) => deadlock.signature(),
            (None, Some(location), _) => location.clone(),
            (None, None, FailureKind::Error | FailureKind::Unhandled | FailureKind::Crashed) => {
                self.message.clone()
            }
            _ => String::new(),
        };
        FailureKey(
            format!("{} {detail}", self.kind.word())
                .trim_end()
                .to_owned(),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.word(), self.message)?;
        if let Some(location) = &self.location {
            write!(f, "\n  at {location}")?;
        }
        if let Some(place) = self.place() {
            write!(f, "\n  {place}")?;
        }
        if let Some(deadlock) = &self.deadlock {
            write!(f, "\n{}", deadlock.to_string().trim_end())?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// What two failures share if they are the same: the kind, and the place or the text.
///
/// ```
/// use simrun::{Sim, always};
///
/// let run = |leaders: u32| {
///     let run = Sim::new().run(move || async move {
///         always!(leaders < 2, "one leader", leaders = leaders);
///     });
///     run.failure().unwrap().clone()
/// };
/// let (two, three) = (run(2), run(3));
/// assert_ne!(two.message(), three.message());
/// assert_eq!(two.key(), three.key());
/// assert_eq!(two.key().to_string(), "property one leader");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub struct FailureKey(String);

impl fmt::Display for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
