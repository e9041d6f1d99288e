//! Statements that never suspend.

use simrun::{event_loop, task, time};

use super::body::{Body, coroutine};
use super::machine::CONTEXT;
use super::program::Statement;
use super::value::{Exc, Value};

/// What a statement gives if what it names does not exist yet.
pub(super) const NO_HANDLE: &str = "nohandle";

impl Body {
    /// Runs an immediate statement, or returns `None` if it is not one.
    pub(super) fn immediate(&self, statement: &Statement) -> Option<Result<Value, Exc>> {
        let machine = &self.machine;
        Some(match statement {
            Statement::Log { msg, .. } => Ok(Value::Text(msg.clone())),
            Statement::Cancel { h, msg, .. } => Ok(self.cancel(h, msg.as_deref())),
            Statement::Uncancel { .. } => Ok(i64::from(task::current().uncancel()).into()),
            Statement::Cancelling { .. } => Ok(i64::from(task::current().cancelling()).into()),
            Statement::State { h, .. } => Ok(match machine.handle(h) {
                Some(handle) => Value::Text(handle.state()),
                None => NO_HANDLE.into(),
            }),
            Statement::Spawn { label, body, .. } => {
                machine.spawned(label, task::try_spawn(coroutine(machine, label, body)));
                Ok(label.as_str().into())
            }
            Statement::GroupSpawn {
                gid, label, body, ..
            } => {
                let group = machine.groups.borrow().get(gid).cloned();
                match group {
                    None => Ok(NO_HANDLE.into()),
                    Some(group) if !group.is_open() => Err(Exc::Runtime),
                    Some(group) => {
                        machine.spawned(label, group.try_spawn(coroutine(machine, label, body)));
                        Ok(label.as_str().into())
                    }
                }
            }
            Statement::Reschedule { tid, ns, .. } => match machine.timeouts.borrow().get(tid) {
                None => Ok(NO_HANDLE.into()),
                Some(timeout) => {
                    let deadline = ns.map(|delay| time::now() + delay.0);
                    let moved = timeout.reschedule(deadline);
                    moved.map(Value::from).map_err(|_| Exc::Runtime)
                }
            },
            Statement::Expired { tid, .. } => Ok(match machine.timeouts.borrow().get(tid) {
                None => NO_HANDLE.into(),
                Some(timeout) => timeout.is_expired().into(),
            }),
            Statement::CallSoon { .. }
            | Statement::CallLater { .. }
            | Statement::CancelCallback { .. } => Ok(self.callback(statement)),
            Statement::SetContext { val, .. } => {
                CONTEXT.set(*val);
                Ok(Value::None)
            }
            Statement::GetContext { .. } => Ok(CONTEXT.get().into()),
            _ => return self.synchronise(statement),
        })
    }

    /// Runs an immediate statement on one of the program's objects.
    fn synchronise(&self, statement: &Statement) -> Option<Result<Value, Exc>> {
        let machine = &self.machine;
        Some(match statement {
            Statement::Release { o, .. } => machine.lockable(o).release().map(Value::from),
            Statement::Locked { o, .. } => Ok(machine.lockable(o).is_locked().into()),
            Statement::EventSet { o, .. } => {
                machine.event(o).set();
                Ok(Value::None)
            }
            Statement::EventClear { o, .. } => {
                machine.event(o).clear();
                Ok(Value::None)
            }
            Statement::Notify { o, n, .. } => {
                let notified = machine.condition(o).notify(*n);
                notified.map(Value::from).map_err(|_| Exc::Runtime)
            }
            Statement::NotifyAll { o, .. } => {
                let notified = machine.condition(o).notify_all();
                notified.map(Value::from).map_err(|_| Exc::Runtime)
            }
            Statement::AddVariable { var, n, .. } => Ok(machine.add(var, *n).into()),
            Statement::PutNowait { o, val, .. } => {
                machine.queue(o).put_nowait(*val).map(Value::from)
            }
            Statement::GetNowait { o, .. } => machine.queue(o).get_nowait().map(Value::from),
            Statement::QueueSize { o, .. } => Ok(machine.queue(o).len().into()),
            Statement::TaskDone { o, .. } => machine.queue(o).task_done().map(Value::from),
            Statement::ShutDownQueue { o, imm, .. } => {
                machine.queue(o).shut_down(*imm);
                Ok(Value::None)
            }
            Statement::SetFuture { h, val, .. } => {
                let set = machine.future(h).set(Value::Int(*val));
                set.map(Value::from).map_err(|_| Exc::InvalidState)
            }
            Statement::FailFuture { h, exc, .. } => {
                let failed = machine.future(h).fail(Exc::User(exc.clone()));
                failed.map(Value::from).map_err(|_| Exc::InvalidState)
            }
            _ => return None,
        })
    }

    fn cancel(&self, name: &str, message: Option<&str>) -> Value {
        let handle = self.machine.handle(name);
        match (handle, message) {
            (None, None) if name == "self" => task::current().cancel().into(),
            (None, Some(message)) if name == "self" => task::current().cancel_with(message).into(),
            (None, _) => NO_HANDLE.into(),
            (Some(handle), message) => handle.cancel(message).into(),
        }
    }

    /// Queues a callback that leaves a line in the trace, or cancels it.
    fn callback(&self, statement: &Statement) -> Value {
        let call = |tag: &str| {
            let (machine, event) = (self.machine.clone(), format!("cb:{tag}"));
            move || machine.log(time::now(), "cb", &event)
        };
        let (tag, handle) = match statement {
            Statement::CallSoon { tag, .. } => (tag, event_loop::call_soon(call(tag))),
            Statement::CallLater { tag, ns, .. } => (tag, event_loop::call_later(ns.0, call(tag))),
            Statement::CancelCallback { tag, .. } => {
                let callbacks = self.machine.callbacks.borrow();
                let Some(handle) = callbacks.get(tag) else {
                    return NO_HANDLE.into();
                };
                handle.cancel();
                return Value::None;
            }
            _ => unreachable!("the statement is about callbacks"),
        };
        let callbacks = &self.machine.callbacks;
        callbacks.borrow_mut().insert(tag.clone(), handle);
        Value::None
    }
}
