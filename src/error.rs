//! How a task can end badly: cancelled, panicked, or failed with an error of its own.
//!
//! The same error value is handed to everyone who asks for it, as asyncio hands out one exception
//! object, so the types here are cheap to clone.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

/// The word that a task is to stop: what a [`cancellable`](crate::task::cancellable) region
/// receives, and what a task ends with when nobody stops the word on its way up.
///
/// ```
/// use simrun::Cancelled;
///
/// assert_eq!(Cancelled::new().message(), None);
/// assert_eq!(Cancelled::with_message("too slow").to_string(), "cancelled: too slow");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    message: Option<Arc<str>>,
}

impl Cancelled {
    /// Makes a cancellation without a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a cancellation that says why.
    pub fn with_message(message: impl Into<Arc<str>>) -> Self {
        Self {
            message: Some(message.into()),
        }
    }

    /// Returns what the canceller had to say, if anything.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(crate) fn from_message(message: Option<Arc<str>>) -> Self {
        Self { message }
    }

    pub(crate) fn into_message(self) -> Option<Arc<str>> {
        self.message
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "cancelled: {message}"),
            None => f.write_str("cancelled"),
        }
    }
}

impl Error for Cancelled {}

/// The time was up.
///
/// ```
/// use simrun::time::{secs, sleep, timeout};
///
/// # simrun::run(async {
/// let late = timeout(secs(1), sleep(secs(2))).await.unwrap_err();
/// assert_eq!(late.to_string(), "the time was up");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl Error for Elapsed {}

/// Why a task or a [`Promise`](crate::Promise) gave no value.
///
/// ```
/// # simrun::run(async {
/// let task = simrun::task::try_spawn(async { Err::<(), _>("disk full") });
/// let error = task.await.unwrap_err();
/// assert!(!error.is_cancelled());
/// assert_eq!(error.to_string(), "disk full");
/// # });
/// ```
#[derive(Clone)]
pub struct TaskError(Arc<Cause>);

enum Cause {
    Cancelled(Cancelled),
    Panicked(Panic),
    Failed(Box<dyn Error + Send + Sync>),
}

pub(crate) struct Panic {
    message: String,
    location: Option<String>,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        let payload = &mut *self.payload.lock().unwrap_or_else(PoisonError::into_inner);
        payload.take()
    }
}

impl TaskError {
    /// Wraps an error of the program's own. A `TaskError` comes back unchanged and a
    /// [`Cancelled`] stays a cancellation, so errors can be passed on with `?`.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match error.into().downcast::<TaskError>() {
            Ok(same) => *same,
            Err(error) => match error.downcast::<Cancelled>() {
                Ok(cancelled) => (*cancelled).into(),
                Err(error) => Self(Arc::new(Cause::Failed(error))),
            },
        }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>, location: Option<String>) -> Self {
        let message = panic_message(&*payload);
        let payload = Mutex::new(Some(payload));
        Self(Arc::new(Cause::Panicked(Panic {
            message,
            location,
            payload,
        })))
    }

    /// Says whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled().is_some()
    }

    /// Says whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(*self.0, Cause::Panicked(_))
    }

    /// Returns the cancellation, if that is what happened.
    pub fn cancelled(&self) -> Option<&Cancelled> {
        match &*self.0 {
            Cause::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }

    /// Returns the program's own error if it is of type `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Cause::Failed(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// Returns where a panic happened, as `file:line:column`.
    pub fn location(&self) -> Option<&str> {
        match &*self.0 {
            Cause::Panicked(panic) => panic.location.as_deref(),
            _ => None,
        }
    }

    /// Says whether two values are the same failure, not merely alike.
    ///
    /// ```
    /// use simrun::task;
    ///
    /// # simrun::run(async {
    /// let task = task::try_spawn(async { Err::<(), _>("disk full") });
    /// let (one, other) = ((&task).await.unwrap_err(), (&task).await.unwrap_err());
    /// assert!(one.is_same(&other));
    /// # });
    /// ```
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns the payload of the panic, or else this error, as what a joined thread gives.
    pub(crate) fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = match &*self.0 {
            Cause::Panicked(panic) => panic.take_payload(),
            _ => None,
        };
        payload.unwrap_or_else(|| Box::new(self))
    }

    /// Panics as the task has panicked, or with this error's text if it has not.
    ///
    /// ```should_panic
    /// # simrun::run(async {
    /// let task = simrun::spawn(async { panic!("out of paper") });
    /// let error: simrun::TaskError = task.await.unwrap_err();
    /// assert!(error.is_panic());
    /// error.resume() // panics with "out of paper"
    /// # });
    /// ```
    #[track_caller]
    pub fn resume(self) -> ! {
        if let Cause::Panicked(panic) = &*self.0 {
            let payload = panic.take_payload();
            let payload = payload.unwrap_or_else(|| Box::new(panic.message.clone()));
            crate::panics::resume(payload, panic.location.clone());
        }
        panic!("{self}")
    }
}

impl From<Cancelled> for TaskError {
    fn from(cancelled: Cancelled) -> Self {
        Self(Arc::new(Cause::Cancelled(cancelled)))
    }
}

/// How an error of a panic looks to whoever unwraps it, so that it can be found in the message of
/// the panic that this is.
const PANICKED: &str = "a task panicked: ";
const AT: &str = " (at ";
const NOWHERE: &str = "a place that is not known";

/// Finds the panic with which it began in the message of one that came of unwrapping a
/// [`TaskError`]: what it said, and where.
pub(crate) fn first_panic(message: &str) -> Option<(&str, &str)> {
    let (_, told) = message.split_once(PANICKED)?;
    let (first, place) = told.strip_suffix(')')?.rsplit_once(AT)?;
    first_panic(first).or(Some((first, place)))
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Cause::Cancelled(cancelled) => fmt::Debug::fmt(cancelled, f),
            Cause::Panicked(panic) => {
                let place = panic.location.as_deref().unwrap_or(NOWHERE);
                write!(f, "{PANICKED}{}{AT}{place})", panic.message)
            }
            Cause::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Cause::Cancelled(cancelled) => fmt::Display::fmt(cancelled, f),
            Cause::Panicked(panic) => f.write_str(&panic.message),
            Cause::Failed(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Cause::Failed(error) => error.source(),
            _ => None,
        }
    }
}

/// Returns what a panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic whose payload is not text")
        .to_owned()
}

/// A place in source, as it is printed everywhere.
pub(crate) fn place(location: &Location<'_>) -> String {
    format!(
        "{}:{}:{}",
        location.file(),
        location.line(),
        location.column()
    )
}

#[cfg(test)]
mod tests {
    use crate::{Sim, spawn};

    #[test]
    fn who_unwraps_a_panic_tells_of_the_first() {
        let run = Sim::new().run(|| async {
            let inner = spawn(async { panic!("too (at) odds") });
            let outer = spawn(async { inner.await.unwrap() });
            let () = outer.await.expect("the outer one");
        });
        let failure = run.failure().unwrap();
        assert_eq!(failure.message(), "too (at) odds");
        let line = |place: Option<&str>| place.unwrap().split(':').nth(1).unwrap().parse().unwrap();
        let (first, unwrapped): (u32, u32) = (line(failure.location()), line(failure.unwrapped()));
        assert_eq!(unwrapped, first + 2);
    }
}
