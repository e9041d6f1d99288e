//! What kinds of values there are, as far as a file can be told by reading it.

use std::ops::BitOr;

use crate::scenario::model::{ObjectEntry, ObjectKind};
use crate::scenario::tree::{Const, Expr, ExprKind, Function, Operator, Probe};

/// A set of kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u32);

macro_rules! kinds {
    ($($name:ident $bit:literal $text:literal)*) => {
        $(pub(super) const $name: Kinds = Kinds(1 << $bit);)*
        const TEXTS: &[(Kinds, &str)] = &[$(($name, $text)),*];
    };
}

kinds! {
    NONE 0 "none"
    BOOL 1 "a boolean"
    INT 2 "an integer"
    TEXT 3 "a string"
    DURATION 4 "a duration"
    LIST 5 "a list"
    QUEUE 6 "a queue"
    LOCK 7 "a lock"
    EVENT 8 "an event"
    CONDITION 9 "a condition"
    FUTURE 10 "a future"
    SEMAPHORE 11 "a semaphore"
    BARRIER 12 "a barrier"
    POOL 13 "a pool"
    TASK 14 "a task"
    INPUT 15 "a program's input"
    OUTPUT 16 "a program's output"
    CONNECTION 17 "a connection"
    LISTENER 18 "a listener"
    SERVER 19 "a server"
    SOCKET 20 "a socket"
    PROCESS 21 "a process"
    TIMEOUT 22 "a timeout"
    GROUP 23 "a group"
    CALLBACK 24 "a callback"
}

/// Whatever there is.
pub(super) const ANY: Kinds = Kinds(u32::MAX);

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Kinds {
    /// Unites sets where constants are made.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Lists the kinds for a message.
    pub(super) fn list(self) -> String {
        let texts: Vec<_> = TEXTS
            .iter()
            .filter(|(kind, _)| self.has(*kind))
            .map(|(_, text)| *text)
            .collect();
        match texts.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "nothing".to_owned(),
        }
    }
}

pub(super) fn of_object(kind: ObjectKind) -> Kinds {
    match kind {
        ObjectKind::Queue(..) => QUEUE,
        ObjectKind::Lock => LOCK,
        ObjectKind::Event => EVENT,
        ObjectKind::Condition => CONDITION,
        ObjectKind::Future => FUTURE,
        ObjectKind::Semaphore { .. } => SEMAPHORE,
        ObjectKind::Barrier(_) => BARRIER,
        ObjectKind::Pool(_) => POOL,
    }
}

/// Returns what an expression gives; `None` if that is decided only when it runs.
pub(super) fn of(expr: &Expr, objects: &[ObjectEntry]) -> Option<Kinds> {
    Some(match &expr.kind {
        ExprKind::Const(Const::None) => NONE,
        ExprKind::Const(Const::Bool(_)) => BOOL,
        ExprKind::Const(Const::Int(_)) => INT,
        ExprKind::Const(Const::Text(_)) | ExprKind::Text(_) => TEXT,
        ExprKind::Const(Const::Duration(_)) => DURATION,
        ExprKind::Const(Const::List(_)) | ExprKind::List(_) => LIST,
        ExprKind::Drawn(least, most) => of(least, objects).or_else(|| of(most, objects))?,
        ExprKind::Object(index) => of_object(objects.get(usize::from(*index))?.kind),
        ExprKind::CurrentTask | ExprKind::MainTask => TASK,
        ExprKind::Stdin => INPUT,
        ExprKind::Stdout | ExprKind::Stderr => OUTPUT,
        ExprKind::Now | ExprKind::Clock(_) => DURATION,
        ExprKind::Cancelling => INT,
        ExprKind::Not(_) => BOOL,
        ExprKind::Binary(Operator::Add, left, right) => {
            of(left, objects).or_else(|| of(right, objects))?
        }
        ExprKind::Binary(..) => BOOL,
        ExprKind::Call(function, _) => match function {
            Function::Len | Function::Size | Function::Permits | Function::Waiting => INT,
            Function::State => TEXT | NONE,
            Function::Result => return None,
            Function::Locked | Function::Expired | Function::IsSet => BOOL,
        },
        ExprKind::Probe(probe) => match probe {
            Probe::Count(_) | Probe::Pending | Probe::Open(_) => INT,
            Probe::Up(_) => BOOL,
            Probe::TaskState(_) => TEXT | NONE,
        },
        ExprKind::Item(..) | ExprKind::Variable(_) => return None,
    })
}
