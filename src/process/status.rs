//! How a process ends: with an exit status, or by a signal.

use std::fmt;

use super::Signal;
use crate::never::Never;

/// How a process has ended.
///
/// ```
/// use simrun::process::{self, Command};
///
/// # simrun::run(async {
/// process::register("false", |_| async { 1 });
/// let status = Command::new("false").status().await.unwrap();
/// assert!(!status.success());
/// assert_eq!(status.code(), Some(1));
/// assert_eq!(status.to_string(), "exit status: 1");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus(Way);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Exited(u8),
    Killed(Signal),
}

impl ExitStatus {
    pub(super) fn exited(code: u8) -> Self {
        Self(Way::Exited(code))
    }

    pub(super) fn killed(signal: Signal) -> Self {
        Self(Way::Killed(signal))
    }

    /// Says whether the process exited with 0.
    pub fn success(&self) -> bool {
        self.code() == Some(0)
    }

    /// Returns the exit status, unless a signal has ended the process.
    pub fn code(&self) -> Option<i32> {
        match self.0 {
            Way::Exited(code) => Some(i32::from(code)),
            Way::Killed(_) => None,
        }
    }

    /// Returns the number of the signal that has ended the process, if one has.
    pub fn signal(&self) -> Option<i32> {
        match self.0 {
            Way::Exited(_) => None,
            Way::Killed(signal) => Some(signal.number()),
        }
    }

    /// Returns asyncio's `returncode`: the exit status, or the number of the signal, negated.
    pub fn returncode(&self) -> i32 {
        match self.0 {
            Way::Exited(code) => i32::from(code),
            Way::Killed(signal) => -signal.number(),
        }
    }

    /// Says what the process does, for a trace.
    pub(super) fn verb(&self) -> String {
        match self.0 {
            Way::Exited(code) => format!("exits with {code}"),
            Way::Killed(signal) => format!("is killed by {signal}"),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Way::Exited(code) => write!(f, "exit status: {code}"),
            Way::Killed(signal) => write!(f, "signal: {} ({signal})", signal.number()),
        }
    }
}

/// What a program may return: what becomes of it as an exit status.
///
/// Nothing is 0; a number is itself, modulo 256 as in Unix; an error is written to stderr and
/// makes 1.
///
/// ```
/// use simrun::process::{self, Command};
///
/// # simrun::run(async {
/// process::register("parse", |context: process::Context| async move {
///     let number: u8 = context.args[0].parse()?;
///     Ok::<_, std::num::ParseIntError>(number)
/// });
/// let seven = Command::new("parse").arg("7").output().await.unwrap();
/// assert_eq!(seven.status.code(), Some(7));
/// let none = Command::new("parse").arg("seven").output().await.unwrap();
/// assert_eq!(none.status.code(), Some(1));
/// assert_eq!(none.stderr, b"Error: ParseIntError { kind: InvalidDigit }\n");
/// # });
/// ```
pub trait Termination {
    /// Returns the exit status, and what is to be written to stderr.
    fn report(self) -> (u8, Option<String>);
}

impl Termination for () {
    fn report(self) -> (u8, Option<String>) {
        (0, None)
    }
}

impl Termination for u8 {
    fn report(self) -> (u8, Option<String>) {
        (self, None)
    }
}

impl Termination for i32 {
    fn report(self) -> (u8, Option<String>) {
        (self as u8, None)
    }
}

impl Termination for std::convert::Infallible {
    fn report(self) -> (u8, Option<String>) {
        match self {}
    }
}

impl Termination for Never {
    fn report(self) -> (u8, Option<String>) {
        self
    }
}

impl<T: Termination, E: fmt::Debug> Termination for Result<T, E> {
    fn report(self) -> (u8, Option<String>) {
        match self {
            Ok(value) => value.report(),
            Err(error) => (1, Some(format!("Error: {error:?}\n"))),
        }
    }
}
