//! Working out expressions.

use std::sync::Arc;

use super::frame::Frame;
use super::objects::Object;
use super::thing::{Awaited, Thing};
use super::{CONTEXT, Machine};
use crate::chance::mix;
use crate::event_loop::{Access, core};
use crate::scenario::source::Span;
use crate::scenario::tree::{Expr, ExprKind, Function, Operator, Piece, Place, Probe};
use crate::scenario::value::{Error, Value};
use crate::{chance, task, time};

/// Takes note that a shared variable is read or written.
fn touch(variable: u16, access: Access) {
    if let Some(core) = core::try_current() {
        core.touch_unseen(mix(0x5A4E, u64::from(variable)), access);
    }
}

/// Where an expression is worked out: in a body, or in a check.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) machine: &'a Machine,
    pub(super) frame: Option<&'a Frame>,
}

impl Scope<'_> {
    /// Works an expression out. Errors know where they come from.
    pub(super) fn value(self, expr: &Expr) -> Result<Value, Error> {
        self.of(&expr.kind, expr.span)
            .map_err(|error| error.at(expr.span))
    }

    fn of(self, kind: &ExprKind, span: Span) -> Result<Value, Error> {
        Ok(match kind {
            ExprKind::Const(value) => value.into(),
            ExprKind::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(piece) => text.push_str(piece),
                        Piece::Value(expr) => text.push_str(&self.value(expr)?.to_string()),
                    }
                }
                Value::text(text)
            }
            ExprKind::Drawn(low, high) => self.draw(low, high, span)?,
            ExprKind::List(items) => {
                let items: Result<Vec<Value>, Error> =
                    items.iter().map(|item| self.value(item)).collect();
                Value::list(items?)
            }
            ExprKind::Item(list, index) => item(&self.value(list)?, &self.value(index)?)?,
            ExprKind::Variable(place) => self.variable(*place),
            ExprKind::Object(index) => {
                let object = self.machine.objects[usize::from(*index)].clone();
                Value::Thing(Thing::Object(object))
            }
            ExprKind::CurrentTask => match self.frame {
                Some(frame) => frame.current_task(),
                None => Value::Nobody,
            },
            ExprKind::MainTask => self.machine.main_task(),
            ExprKind::Stdin | ExprKind::Stdout | ExprKind::Stderr => {
                self.machine.standard_stream(kind)?
            }
            ExprKind::Now => time::now().since_start().into(),
            ExprKind::Clock(host) => self.machine.clock(*host)?,
            ExprKind::Cancelling => task::current().cancelling().into(),
            ExprKind::Not(expr) => (!truth(&self.value(expr)?)?).into(),
            ExprKind::Binary(operator, one, other) => self.binary(*operator, one, other)?,
            ExprKind::Call(function, argument) => {
                let argument = self.value(argument)?;
                self.machine.function(*function, &argument)?
            }
            ExprKind::Probe(probe) => self.machine.probe(probe),
        })
    }

    fn variable(self, place: Place) -> Value {
        match place {
            Place::Local(index) => match self.frame {
                Some(frame) => frame.locals.borrow()[usize::from(index)].clone(),
                None => Value::None,
            },
            Place::Shared(index) => {
                touch(index, Access::Read);
                self.machine.sharing.touch();
                self.machine.shared.borrow()[usize::from(index)].clone()
            }
            Place::Context(index) => match CONTEXT.get() {
                Some(values) => values[usize::from(index)].clone(),
                None => (&self.machine.model.context[usize::from(index)].1).into(),
            },
        }
    }

    fn binary(self, operator: Operator, one: &Expr, other: &Expr) -> Result<Value, Error> {
        let left = self.value(one)?;
        match operator {
            Operator::And if !truth(&left)? => return Ok(false.into()),
            Operator::Or if truth(&left)? => return Ok(true.into()),
            _ => {}
        }
        let right = self.value(other)?;
        let order = || {
            left.compare(&right).ok_or_else(|| {
                let (left, right) = (left.kind(), right.kind());
                Error::invalid(format!("{left} and {right} cannot be compared"))
            })
        };
        Ok(match operator {
            Operator::And | Operator::Or => truth(&right)?.into(),
            Operator::Add => add(&left, &right)?,
            Operator::Equal => left.equals(&right).into(),
            Operator::NotEqual => (!left.equals(&right)).into(),
            Operator::Less => order()?.is_lt().into(),
            Operator::LessEqual => order()?.is_le().into(),
            Operator::Greater => order()?.is_gt().into(),
            Operator::GreaterEqual => order()?.is_ge().into(),
        })
    }

    /// Draws one of a range: a decision of the run's plan, named by its text.
    fn draw(self, low: &Expr, high: &Expr, span: Span) -> Result<Value, Error> {
        let label = self.machine.model.source.slice(span);
        match (self.value(low)?, self.value(high)?) {
            (Value::Duration(low), Value::Duration(high)) if low <= high => {
                Ok(chance::duration_between(label, low, high).into())
            }
            (Value::Int(low), Value::Int(high)) if low <= high => {
                let more = chance::below(label, high.abs_diff(low).saturating_add(1));
                Ok(low.saturating_add_unsigned(more).into())
            }
            (Value::Int(_), Value::Int(_)) | (Value::Duration(_), Value::Duration(_)) => {
                Err(Error::invalid("the range ends before it begins"))
            }
            (low, high) => {
                let (low, high) = (low.kind(), high.kind());
                Err(Error::invalid(format!(
                    "no range goes from {low} to {high}"
                )))
            }
        }
    }

    /// Goes through the parts of a condition that did not hold, with their values.
    pub(super) fn parts(self, expr: &Expr, found: &mut Vec<(Span, String)>) {
        match &expr.kind {
            ExprKind::Binary(Operator::And | Operator::Or, one, other) => {
                self.parts(one, found);
                self.parts(other, found);
            }
            ExprKind::Binary(Operator::Add, ..) | ExprKind::Const(_) => {}
            ExprKind::Binary(_, one, other) => {
                for side in [one, other] {
                    if matches!(side.kind, ExprKind::Const(_)) {
                        continue;
                    }
                    if let Ok(value) = self.value(side) {
                        found.push((side.span, value.shown()));
                    }
                }
            }
            ExprKind::Not(expr) => self.parts(expr, found),
            _ => {
                if let Ok(value) = self.value(expr) {
                    found.push((expr.span, value.shown()));
                }
            }
        }
    }
}

/// Says whether a value is true; only booleans are true or false.
pub(super) fn truth(value: &Value) -> Result<bool, Error> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(Error::invalid(format!(
            "{} is neither true nor false",
            other.kind()
        ))),
    }
}

fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    Ok(match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let sum = left.checked_add(*right);
            sum.ok_or_else(|| Error::invalid("the sum is too large"))?
                .into()
        }
        (Value::Duration(left), Value::Duration(right)) => {
            let sum = left.checked_add(*right);
            sum.ok_or_else(|| Error::invalid("the sum is too large"))?
                .into()
        }
        (Value::Text(left), right) => Value::text(format!("{left}{right}")),
        (Value::List(left), Value::List(right)) => {
            Value::list(left.iter().chain(&**right).cloned())
        }
        (left, right) => {
            let (left, right) = (left.kind(), right.kind());
            return Err(Error::invalid(format!(
                "{left} and {right} cannot be added"
            )));
        }
    })
}

/// Returns an item of a list, or a character of a string; from the end if the index is negative.
fn item(list: &Value, index: &Value) -> Result<Value, Error> {
    let Value::Int(index) = index else {
        return Err(Error::invalid(format!("{} is not an index", index.kind())));
    };
    let place = |length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let place = if *index < 0 { length + index } else { *index };
        usize::try_from(place).ok()
    };
    let found = match list {
        Value::List(items) => place(items.len()).and_then(|place| items.get(place).cloned()),
        Value::Text(text) => place(text.chars().count())
            .and_then(|place| text.chars().nth(place))
            .map(|letter| Value::text(letter.to_string())),
        other => {
            let kind = other.kind();
            return Err(Error::invalid(format!("{kind} has no items")));
        }
    };
    found.ok_or_else(|| Error::invalid(format!("there is no item {index}")))
}

impl Machine {
    fn function(&self, function: Function, argument: &Value) -> Result<Value, Error> {
        let unfit = || {
            let kind = argument.kind();
            Error::invalid(format!("that cannot be asked of {kind}"))
        };
        let object = match argument {
            Value::Thing(Thing::Object(named)) => Some(&named.object),
            _ => None,
        };
        Ok(match (function, argument, object) {
            (Function::Len, Value::List(items), _) => items.len().into(),
            (Function::Len, Value::Text(text), _) => text.chars().count().into(),
            (Function::Len, _, Some(Object::Queue(queue))) => queue.len().into(),
            (Function::State, _, _) => match awaited(argument) {
                Some(awaited) => Value::text(awaited.ending().0.word()),
                None if matches!(argument, Value::None | Value::Nobody) => Value::None,
                None => return Err(unfit()),
            },
            (Function::Result, _, _) => match awaited(argument) {
                Some(awaited) => awaited.ending().1.map_or(Value::None, Value::from),
                None if matches!(argument, Value::None | Value::Nobody) => Value::Nobody,
                None => return Err(unfit()),
            },
            (Function::Size, Value::Thing(thing), _) => match thing.unsent() {
                Some(bytes) => bytes.into(),
                None => return Err(unfit()),
            },
            (Function::Locked, _, Some(Object::Lockable(lockable))) => lockable.is_locked().into(),
            (Function::Permits, _, Some(Object::Lockable(lockable))) => lockable.permits().into(),
            (Function::IsSet, _, Some(Object::Event(event))) => event.is_set().into(),
            (Function::Expired, Value::Thing(Thing::Timeout(timeout)), _) => {
                timeout.is_expired().into()
            }
            (Function::Expired, Value::None, _) => Value::Nobody,
            (Function::Waiting, Value::Thing(Thing::Object(named)), _) => {
                self.waiting(&named.name).into()
            }
            _ => return Err(unfit()),
        })
    }

    fn probe(&self, probe: &Probe) -> Value {
        match probe {
            Probe::Count(index) => self.notes.count(*index).into(),
            Probe::Pending => self.pending().into(),
            Probe::Open(name) => self.open(name).into(),
            Probe::Up(host) => self.is_up(*host).into(),
            Probe::TaskState(name) => match self.last_task(name) {
                Some(info) => Value::text(info.state.get().word()),
                None => Value::None,
            },
        }
    }
}

/// Returns the task or future that a value is.
pub(super) fn awaited(value: &Value) -> Option<Awaited> {
    match value {
        Value::Thing(Thing::Task(task)) => Some(Awaited::Task(task.clone())),
        Value::Thing(Thing::Object(named)) if matches!(named.object, Object::Future(_)) => {
            Some(Awaited::Future(named.clone()))
        }
        _ => None,
    }
}

impl Frame {
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            machine: &self.machine,
            frame: Some(self),
        }
    }

    pub(super) fn value(&self, expr: &Expr) -> Result<Value, Error> {
        self.scope().value(expr)
    }

    pub(super) fn truth(&self, expr: &Expr) -> Result<bool, Error> {
        truth(&self.value(expr)?).map_err(|error| error.at(expr.span))
    }

    pub(super) fn int(&self, expr: &Expr) -> Result<i64, Error> {
        match self.value(expr)? {
            Value::Int(value) => Ok(value),
            other => Err(wrong(expr, "an integer", &other)),
        }
    }

    pub(super) fn count(&self, expr: &Expr) -> Result<u64, Error> {
        let value = self.int(expr)?;
        let count = u64::try_from(value);
        count.map_err(|_| Error::invalid("a count cannot be negative").at(expr.span))
    }

    pub(super) fn text(&self, expr: &Expr) -> Result<Arc<str>, Error> {
        match self.value(expr)? {
            Value::Text(text) => Ok(text),
            other => Ok(other.to_string().into()),
        }
    }

    pub(super) fn duration(&self, expr: &Expr) -> Result<std::time::Duration, Error> {
        match self.value(expr)? {
            Value::Duration(value) => Ok(value),
            other => Err(wrong(expr, "a duration", &other)),
        }
    }

    /// A duration, or `none` for no limit.
    pub(super) fn limit(&self, expr: &Expr) -> Result<Option<std::time::Duration>, Error> {
        match self.value(expr)? {
            Value::None => Ok(None),
            Value::Duration(value) => Ok(Some(value)),
            other => Err(wrong(expr, "a duration, or none,", &other)),
        }
    }

    /// Keeps a value in a variable.
    pub(super) fn keep(&self, place: Place, value: Value) {
        match place {
            Place::Local(index) => {
                self.locals.borrow_mut()[usize::from(index)] = value;
            }
            Place::Shared(index) => {
                touch(index, Access::Write);
                self.machine.sharing.touch();
                self.machine.shared.borrow_mut()[usize::from(index)] = value;
            }
            Place::Context(index) => {
                let context = &self.machine.model.context;
                let mut values: Vec<Value> = match CONTEXT.get() {
                    Some(values) => values.to_vec(),
                    None => context.iter().map(|(_, value)| value.into()).collect(),
                };
                values[usize::from(index)] = value;
                CONTEXT.set(Some(values.into()));
            }
        }
    }
}

/// Says that a value is not of the kind that is needed.
pub(super) fn wrong(expr: &Expr, needed: &str, value: &Value) -> Error {
    let kind = value.kind();
    Error::invalid(format!("{needed} is needed, not {kind}")).at(expr.span)
}
