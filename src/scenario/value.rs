//! Values of the language, its errors, and how reports write them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::machine::Thing;
use super::source::Span;
use super::tree::{Const, ErrorName};
use crate::error::Cancelled;

/// What an expression or a step gives.
#[derive(Clone, Debug, Default)]
pub(crate) enum Value {
    #[default]
    None,
    /// What a verb gives that was meant for a task which there is not yet.
    Nobody,
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
    Duration(Duration),
    List(Arc<[Value]>),
    Error(Error),
    /// A task, a connection, a queue: what has a state of its own.
    Thing(Thing),
}

/// What a step or a body raises.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    pub(crate) name: ErrorName,
    pub(crate) detail: Detail,
    /// The step that raised it first.
    pub(crate) at: Option<Span>,
}

/// What an error has besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) enum Detail {
    #[default]
    None,
    Text(Arc<str>),
    /// The cancellation as it was received, with its message.
    Cancelled(Cancelled),
    /// The errors of a group.
    Group(Arc<[Error]>),
}

impl Value {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Says what kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Nobody => "nobody",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Text(_) => "a string",
            Self::Duration(_) => "a duration",
            Self::List(_) => "a list",
            Self::Error(_) => "an error",
            Self::Thing(thing) => thing.kind(),
        }
    }

    /// Compares two values, if they can be compared.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::None | Self::Nobody, Self::None | Self::Nobody) => Ordering::Equal,
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            (Self::Int(one), Self::Int(other)) => one.cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Duration(one), Self::Duration(other)) => one.cmp(other),
            (Self::List(one), Self::List(other)) => {
                for (one, other) in one.iter().zip(&**other) {
                    match one.compare(other)? {
                        Ordering::Equal => {}
                        unequal => return Some(unequal),
                    }
                }
                one.len().cmp(&other.len())
            }
            (Self::Thing(one), Self::Thing(other)) if one.is_same(other) => Ordering::Equal,
            (Self::Error(one), Self::Error(other)) if one.to_string() == other.to_string() => {
                Ordering::Equal
            }
            _ => return None,
        })
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// Writes it as it stands in a program: strings in quotes.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Nobody => f.write_str("nobody"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::Duration(duration) => write!(f, "{duration:?}"),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::shown).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Error(error) => write!(f, "{error}"),
            Self::Thing(thing) => write!(f, "{thing}"),
        }
    }
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

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Duration(value)
    }
}

impl From<&Const> for Value {
    fn from(value: &Const) -> Self {
        match value {
            Const::None => Self::None,
            Const::Bool(value) => Self::Bool(*value),
            Const::Int(value) => Self::Int(*value),
            Const::Text(text) => Self::Text(text.clone()),
            Const::Duration(duration) => Self::Duration(*duration),
            Const::List(items) => Self::list(items.iter().map(Self::from)),
        }
    }
}

impl From<Result<Value, Error>> for Value {
    fn from(result: Result<Value, Error>) -> Self {
        result.unwrap_or_else(Self::Error)
    }
}

impl Error {
    pub(crate) fn new(name: ErrorName) -> Self {
        let (detail, at) = (Detail::None, None);
        Self { name, detail, at }
    }

    pub(crate) fn with(name: ErrorName, text: impl Into<Arc<str>>) -> Self {
        let detail = Detail::Text(text.into());
        let at = None;
        Self { name, detail, at }
    }

    /// The program asks for what makes no sense.
    pub(crate) fn invalid(text: impl Into<Arc<str>>) -> Self {
        Self::with(ErrorName::Invalid, text)
    }

    /// Says where it was raised, unless that is known.
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.at.get_or_insert(span);
        self
    }

    /// Says whether a handler for errors of that name takes it.
    pub(crate) fn is_caught_by(&self, name: &ErrorName) -> bool {
        use ErrorName as Name;
        match name {
            Name::Any => true,
            Name::Error => self.name != Name::Cancelled,
            Name::Misuse => matches!(self.name, Name::Misuse | Name::Broken),
            Name::Network => matches!(
                self.name,
                Name::Refused | Name::Reset | Name::Unreachable | Name::Address | Name::Network
            ),
            name => self.name == *name,
        }
    }
}

impl ErrorName {
    /// Returns the word for it in a scenario.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Error => "error",
            Self::Any => "any",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Address => "address",
            Self::Network => "network",
            Self::Empty => "empty",
            Self::Full => "full",
            Self::ShutDown => "shut_down",
            Self::Broken => "broken",
            Self::InvalidState => "invalid_state",
            Self::Misuse => "misuse",
            Self::Invalid => "invalid",
            Self::Group => "group",
            Self::Exit => "exit",
            Self::File => "file",
            Self::Own(name) => name,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.word())?;
        match &self.detail {
            Detail::None => Ok(()),
            Detail::Text(text) => write!(f, ": {text}"),
            Detail::Cancelled(cancelled) => match cancelled.message() {
                Some(message) => write!(f, ": {message}"),
                None => Ok(()),
            },
            Detail::Group(errors) => {
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                write!(f, " [{}]", errors.join(", "))
            }
        }
    }
}

impl std::error::Error for Error {}
