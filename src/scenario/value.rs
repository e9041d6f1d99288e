//! Values of the language, its errors, and how reports write them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::machine::Thing;
use super::tree::{Const, ErrorName};
use crate::error::{Cancelled, TaskError};

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
}

/// What an error has besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) enum Detail {
    #[default]
    None,
    Text(Arc<str>),
    /// The error as the crate raised it, with its message.
    Cancelled(Cancelled),
    /// The errors of a group.
    Group(Arc<[Error]>),
}
