//! Bodies of coroutines, and the statements that direct what they do.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use simrun::time;

use super::machine::Machine;
use super::program::{Block, Statement};
use super::value::{Exc, Value};

/// One run of a coroutine: what it is called and where it is blocked.
pub(super) struct Body {
    pub(super) machine: Rc<Machine>,
    pub(super) label: String,
    /// The blocking statements that it is in, the innermost last.
    blocked: RefCell<Vec<String>>,
}

/// How a statement ends that raises nothing.
#[derive(Debug)]
pub(super) enum Flow {
    Next,
    Return(Value),
}

/// Makes a coroutine that is to be a task: one that raises a cancellation ends the task with it.
pub(super) fn coroutine(
    machine: &Rc<Machine>,
    label: &str,
    block: &Block,
) -> LocalBoxFuture<'static, Result<Value, Exc>> {
    let (machine, label, block) = (machine.clone(), label.to_owned(), block.clone());
    Box::pin(raising(
        async move { Body::run(machine, label, &block).await },
    ))
}

/// Turns the exception of cancellation into the crate's own cancellation.
pub(super) async fn raising<T>(future: impl Future<Output = Result<T, Exc>>) -> Result<T, Exc> {
    match future.await {
        Err(Exc::Cancelled(cancelled)) => cancelled.raise().await,
        result => result,
    }
}

impl Body {
    /// Runs a body in the current task.
    pub(super) async fn run(
        machine: Rc<Machine>,
        label: String,
        block: &Block,
    ) -> Result<Value, Exc> {
        let blocked = RefCell::default();
        let body = Rc::new(Self {
            machine,
            label,
            blocked,
        });
        body.machine.start(&body);
        body.log("start");
        let result = match body.block(block, None).await {
            Ok(Flow::Next) => Ok(Value::None),
            Ok(Flow::Return(value)) => Ok(value),
            Err(exc) => Err(exc),
        };
        body.log(&match &result {
            Ok(value) => format!("exit={value}"),
            Err(exc) => format!("exit=!{exc}"),
        });
        body.machine.end(&body);
        result
    }

    pub(super) fn log(&self, event: &str) {
        self.machine.log(time::now(), &self.label, event);
    }

    /// Says where the body is blocked.
    pub(super) fn place(&self) -> String {
        let blocked = self.blocked.borrow();
        let site = blocked.last().map_or("?", String::as_str);
        format!("{}@{site}", self.label)
    }

    /// Runs statements; `caught` is the exception that a handler around them has caught.
    pub(super) fn block<'a>(
        &'a self,
        block: &'a Block,
        caught: Option<&'a Exc>,
    ) -> LocalBoxFuture<'a, Result<Flow, Exc>> {
        Box::pin(async move {
            for statement in &**block {
                if let Flow::Return(value) = self.statement(statement, caught).await? {
                    return Ok(Flow::Return(value));
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn statement(&self, statement: &Statement, caught: Option<&Exc>) -> Result<Flow, Exc> {
        match statement {
            Statement::Return { val, .. } => {
                let value = val.map_or(Value::None, Value::Int);
                self.log(&format!("={}:{value}", statement.site()));
                Ok(Flow::Return(value))
            }
            Statement::Raise { exc, .. } => {
                self.log(&format!("={}:{exc}", statement.site()));
                Err(Exc::User(exc.clone()))
            }
            Statement::Reraise { .. } => match caught {
                None => Ok(Flow::Next),
                Some(exc) => {
                    self.log(&format!("={}:{exc}", statement.site()));
                    Err(exc.clone())
                }
            },
            Statement::Try { .. } => self.attempt(statement, caught).await,
            Statement::Loop { id, n, body } => {
                for round in 0..*n {
                    self.log(&format!("iter#{id}:{round}"));
                    if let Flow::Return(value) = self.block(body, caught).await? {
                        return Ok(Flow::Return(value));
                    }
                }
                Ok(Flow::Next)
            }
            _ => self.operation(statement).await,
        }
    }

    /// Runs a `try` statement.
    async fn attempt(&self, statement: &Statement, caught: Option<&Exc>) -> Result<Flow, Exc> {
        let Statement::Try {
            id,
            body,
            handlers,
            otherwise,
            last,
        } = statement
        else {
            unreachable!("only a try statement is attempted");
        };
        let mut result = self.block(body, caught).await;
        match (&result, otherwise) {
            (Err(exc), _) => {
                let catches = |names: &[String]| names.iter().any(|name| exc.is_caught_by(name));
                let handler = handlers.iter().find(|(names, _)| catches(names));
                if let Some((_, handler)) = handler {
                    self.log(&format!("catch#{id}:{exc}"));
                    result = self.block(handler, Some(exc)).await;
                }
            }
            (Ok(Flow::Next), Some(otherwise)) => result = self.block(otherwise, caught).await,
            (Ok(_), _) => {}
        }
        let Some(last) = last else { return result };
        self.log(&format!("finally#{id}"));
        match self.block(last, caught).await {
            Ok(Flow::Next) => result,
            replaced => replaced,
        }
    }

    /// Runs a statement that does something: an immediate one, a blocking one, or a scope.
    async fn operation(&self, statement: &Statement) -> Result<Flow, Exc> {
        let site = statement.site();
        if let Some(result) = self.immediate(statement) {
            self.log(&match &result {
                Ok(value) => format!("={site}:{value}"),
                Err(exc) => format!("!{site}={exc}"),
            });
            return result.map(|_| Flow::Next);
        }
        self.log(&format!("+{site}"));
        self.blocked.borrow_mut().push(site.clone());
        let result = match self.scope(statement).await {
            Some(result) => result.map(|flow| (Value::None, flow)),
            None => {
                let result = self.blocking(statement).await;
                result.map(|value| (value, Flow::Next))
            }
        };
        self.blocked.borrow_mut().pop();
        self.log(&match &result {
            Ok((value, _)) => format!("-{site}={value}"),
            Err(exc) => format!("!{site}={exc}"),
        });
        result.map(|(_, flow)| flow)
    }
}
