//! Values and exceptions, and how traces write them.

use std::error::Error;
use std::fmt;

use simrun::sync::{QueueEmpty, QueueFull};
use simrun::task::GroupError;
use simrun::time::Elapsed;
use simrun::{Cancelled, TaskError};

/// What a statement or a body gives.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A word that is not a value of the language, such as the label of a task.
    Text(String),
    List(Vec<Value>),
    Exc(Exc),
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::None
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).expect("a count in a program is small"))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Result<Value, Exc>> for Value {
    fn from(result: Result<Value, Exc>) -> Self {
        result.unwrap_or_else(Self::Exc)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::List(values) => write_list(f, values),
            Self::Exc(exc) => write!(f, "{exc}"),
        }
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str("]")
}

/// What a statement or a body raises.
#[derive(Clone, Debug)]
pub(super) enum Exc {
    /// One of the program's own.
    User(String),
    Cancelled(Cancelled),
    Group(Vec<Exc>),
    Timeout,
    InvalidState,
    BrokenBarrier,
    QueueEmpty,
    QueueFull,
    QueueShutDown,
    Runtime,
    Value,
}

impl Exc {
    /// Says whether a handler for exceptions of this name catches it.
    pub(super) fn is_caught_by(&self, name: &str) -> bool {
        match (name, self) {
            ("Base", _)
            | ("Cancelled", Self::Cancelled(_))
            | ("Timeout", Self::Timeout)
            | ("Sim", Self::User(_))
            | ("Group", Self::Group(_))
            | ("Runtime", Self::Runtime | Self::BrokenBarrier)
            | ("Value", Self::Value) => true,
            ("Any", exc) => !matches!(exc, Self::Cancelled(_)),
            (name, Self::User(own)) => name == own,
            _ => false,
        }
    }
}

impl fmt::Display for Exc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User(name) => name,
            Self::Cancelled(cancelled) => {
                f.write_str("Cancelled")?;
                return match cancelled.message() {
                    Some(message) => write!(f, ":{message}"),
                    None => Ok(()),
                };
            }
            Self::Group(excs) => {
                f.write_str("Group")?;
                return write_list(f, excs);
            }
            Self::Timeout => "Timeout",
            Self::InvalidState => "InvalidState",
            Self::BrokenBarrier => "BrokenBarrier",
            Self::QueueEmpty => "QueueEmpty",
            Self::QueueFull => "QueueFull",
            Self::QueueShutDown => "QueueShutDown",
            Self::Runtime => "Runtime",
            Self::Value => "Value",
        })
    }
}

impl Error for Exc {}

impl From<TaskError> for Exc {
    fn from(error: TaskError) -> Self {
        if let Some(cancelled) = error.cancelled() {
            return Self::Cancelled(cancelled.clone());
        }
        if error.downcast_ref::<Elapsed>().is_some() {
            return Self::Timeout;
        }
        match error.downcast_ref::<Exc>() {
            Some(exc) => exc.clone(),
            None => error.resume(),
        }
    }
}

impl From<GroupError> for Exc {
    fn from(error: GroupError) -> Self {
        Self::Group(error.errors().iter().cloned().map(Self::from).collect())
    }
}

impl From<Elapsed> for Exc {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}

impl From<QueueEmpty> for Exc {
    fn from(error: QueueEmpty) -> Self {
        if error.is_shut_down() {
            Self::QueueShutDown
        } else {
            Self::QueueEmpty
        }
    }
}

impl<T> From<QueueFull<T>> for Exc {
    fn from(error: QueueFull<T>) -> Self {
        if error.is_shut_down() {
            Self::QueueShutDown
        } else {
            Self::QueueFull
        }
    }
}
