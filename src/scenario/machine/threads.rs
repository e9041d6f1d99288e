//! Steps that run bodies in threads: on a stack of their own, where waiting is blocking.

use std::panic::Location;
use std::rc::Rc;

use super::Machine;
use super::eval::wrong;
use super::frame::{Frame, received};
use super::objects::Object;
use super::thing::{Named, TaskInfo, Thing};
use crate::TaskError;
use crate::event_loop::core;
use crate::scenario::tree::{Act, Call, Callee, ErrorName, Expr, Step};
use crate::scenario::value::{Detail, Error, Value};
use crate::task::Task;
use crate::thread::{self, ThreadPool};

impl Frame {
    /// Runs a body in a thread of a pool, the default one if none is named, and waits for it.
    pub(super) async fn to_thread(&self, call: &Call, pool: Option<&Expr>) -> Result<Value, Error> {
        let pool = match pool {
            None => None,
            Some(pool) => match self.value(pool)? {
                Value::Thing(Thing::Object(named)) => Some((pool, named)),
                other => return Err(wrong(pool, "a pool", &other)),
            },
        };
        let pool = match &pool {
            None => None,
            Some((expr, named)) => Some(self.pool(expr, named)?),
        };
        let arguments = self.arguments(call)?;
        if pool.is_none() {
            self.machine.size_executor();
        }
        let info = self.begin(call, None);
        let job = self.in_thread(call, arguments, info);
        let job = thread::run_job(pool, job, Location::caller());
        Ok(received(job).await??)
    }

    /// Refuses what would have to interrupt a thread, which nothing can.
    pub(super) fn check_thread(&self, act: &Act) -> Result<(), Error> {
        let interrupts = matches!(
            act,
            Act::Within { .. } | Act::WaitFor { .. } | Act::Group { .. }
        );
        if interrupts && self.in_thread.get() {
            let text = "a thread cannot be interrupted: let the task that waits for it have the \
                        limit";
            return Err(Error::with(ErrorName::Misuse, text));
        }
        Ok(())
    }

    fn pool<'a>(&self, expr: &Expr, named: &'a Rc<Named>) -> Result<&'a ThreadPool, Error> {
        match &named.object {
            Object::Pool(pool) => Ok(pool),
            other => {
                Err(Error::invalid(format!("a pool is needed, not {}", other.kind())).at(expr.span))
            }
        }
    }

    /// Runs a body in a thread of its own.
    pub(super) fn spawn_thread(&self, step: &Step, call: &Call) -> Result<Value, Error> {
        let arguments = self.arguments(call)?;
        let name = self.variable(step.keep);
        let info = self.begin(call, name.as_deref());
        let worker = ThreadPool::new(1).named(info.name.to_string());
        let job = self.in_thread(call, arguments, info.clone());
        let task: Task<Value> = thread::run_job(Some(&worker), job, Location::caller());
        Ok(Value::Thing(self.spawned(info, task).thing()))
    }

    /// Makes the job of a thread. It sees the context variables of the task that asks for it.
    fn in_thread(
        &self,
        call: &Call,
        arguments: Vec<Value>,
        info: Rc<TaskInfo>,
    ) -> impl FnOnce() -> Result<Value, TaskError> + 'static {
        let machine = self.machine.clone();
        let callee = call.callee;
        let rust = match callee {
            Callee::Rust(index) => Some(machine.rust(index, &call.names, &arguments)),
            Callee::Body(_) => None,
        };
        let ending = machine.ending(&info);
        let locals = core::current().task_locals();
        move || {
            core::current().set_task_locals(locals);
            let body = async {
                match (callee, rust) {
                    (Callee::Body(body), _) => {
                        let frame = Frame::new(&machine, body, info, arguments);
                        frame.in_thread.set(true);
                        frame.run().await
                    }
                    (Callee::Rust(_), Some(program)) => {
                        let result = program?.await;
                        result.map(Value::from).map_err(Error::from)
                    }
                    (Callee::Rust(_), None) => Ok(Value::None),
                }
            };
            match thread::block_on(body, "a thread of a scenario") {
                Ok(result) => {
                    ending.over(&result);
                    result.map_err(failure)
                }
                Err(thread::CutShort) => Err(TaskError::new("the thread was cut off")),
            }
        }
    }
}

/// Returns how a thread fails: a cancellation that it raises itself cancels what waits for it.
fn failure(error: Error) -> TaskError {
    match (&error.name, &error.detail) {
        (ErrorName::Cancelled, Detail::Cancelled(cancelled)) => cancelled.clone().into(),
        (ErrorName::Cancelled, _) => crate::Cancelled::new().into(),
        _ => TaskError::new(error),
    }
}

impl Machine {
    /// Makes the default executor as large as the scenario asks for, before it is used first: with
    /// no thread at all, the run is the same as without it.
    fn size_executor(&self) {
        let threads = self.model.run.threads.filter(|threads| *threads > 0);
        if let (Some(threads), false) = (threads, self.world.has_executor.replace(true)) {
            thread::set_default_executor(ThreadPool::new(threads).named("executor"));
        }
    }
}
