//! A body that runs, and the steps that direct what it does.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use super::Machine;
use super::eval::wrong;
use super::thing::TaskInfo;
use crate::scenario::model::Body;
use crate::scenario::record::What;
use crate::scenario::source::Span;
use crate::scenario::tree::{Act, Block, Call, Callee, ErrorName, Expr, Handler, Step};
use crate::scenario::value::{Detail, Error, Value};
use crate::{task, thread, time};

/// One run of a body.
pub(crate) struct Frame {
    pub(super) machine: Rc<Machine>,
    /// An index into the scenario's bodies.
    pub(super) body: u16,
    /// The task that runs it.
    pub(super) task: Rc<TaskInfo>,
    /// A handler of signals has the same ones.
    pub(super) locals: Rc<RefCell<Vec<Value>>>,
    /// The waiting steps that it is in, the innermost last.
    pub(super) blocked: RefCell<Vec<Waiting>>,
    /// It runs on a thread's stack, where waiting is blocking.
    pub(super) in_thread: Cell<bool>,
}

/// A step that waits.
pub(super) struct Waiting {
    pub(super) span: Span,
    pub(super) verb: &'static str,
    /// The object of the scenario for which it waits, as an index.
    pub(super) object: Option<u16>,
}

/// How a step ends that raises nothing.
#[derive(Debug)]
pub(super) enum Flow {
    Next,
    Return(Value),
    Break,
    Continue,
}

/// Awaits something; a cancellation is received as an error.
pub(super) async fn received<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    task::cancellable(future).await.map_err(|cancelled| Error {
        name: ErrorName::Cancelled,
        detail: Detail::Cancelled(cancelled),
        at: None,
    })
}

/// Turns the error of cancellation into the crate's own cancellation.
pub(super) async fn raising<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match future.await {
        Err(error) if error.name == ErrorName::Cancelled => match error.detail {
            Detail::Cancelled(cancelled) => cancelled.raise().await,
            _ => crate::Cancelled::new().raise().await,
        },
        result => result,
    }
}

/// A body that is running. One whose host or process is killed is dropped where it stands.
struct Live<'a>(&'a Rc<Frame>);

impl<'a> Live<'a> {
    fn begin(frame: &'a Rc<Frame>) -> Self {
        frame.machine.live.borrow_mut().push(frame.clone());
        Self(frame)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        let Self(frame) = self;
        let mut live = frame.machine.live.borrow_mut();
        let place = live.iter().position(|other| Rc::ptr_eq(other, frame));
        // Its variables are dropped after the borrow ends.
        let _frame = place.map(|place| live.remove(place));
        drop(live);
    }
}

impl Frame {
    pub(super) fn new(
        machine: &Rc<Machine>,
        body: u16,
        task: Rc<TaskInfo>,
        arguments: Vec<Value>,
    ) -> Rc<Self> {
        let mut locals = arguments;
        let count = machine.model.bodies[usize::from(body)].locals.len();
        locals.resize(count, Value::None);
        Rc::new(Self {
            machine: machine.clone(),
            body,
            task,
            locals: Rc::new(RefCell::new(locals)),
            blocked: RefCell::default(),
            in_thread: Cell::default(),
        })
    }

    /// Makes a frame for steps that run beside this one's, with the same variables.
    pub(super) fn beside(&self) -> Rc<Self> {
        Rc::new(Self {
            machine: self.machine.clone(),
            body: self.body,
            task: self.task.clone(),
            locals: self.locals.clone(),
            blocked: RefCell::default(),
            in_thread: self.in_thread.clone(),
        })
    }

    pub(super) fn model(&self) -> &Body {
        &self.machine.model.bodies[usize::from(self.body)]
    }

    /// Runs the body in the current task.
    pub(super) async fn run(self: Rc<Self>) -> Result<Value, Error> {
        let _live = Live::begin(&self);
        self.note(None, || What::BodyBegan);
        let result = match self.block(&self.model().block, None).await {
            Ok(Flow::Return(value)) => Ok(value),
            Ok(_) => Ok(Value::None),
            Err(error) => Err(error),
        };
        self.note(None, || match &result {
            Ok(value) => What::BodyReturned(value.shown()),
            Err(error) => What::BodyFailed(error.to_string()),
        });
        result
    }

    /// Works out the arguments of a call.
    pub(super) fn arguments(&self, call: &Call) -> Result<Vec<Value>, Error> {
        call.arguments
            .iter()
            .map(|argument| self.value(argument))
            .collect()
    }

    /// Runs another body within this task.
    pub(super) fn inline<'a>(
        &'a self,
        call: &'a Call,
        arguments: Vec<Value>,
    ) -> LocalBoxFuture<'a, Result<Value, Error>> {
        Box::pin(async move {
            match call.callee {
                Callee::Body(body) => {
                    let frame = Self::new(&self.machine, body, self.task.clone(), arguments);
                    frame.in_thread.set(self.in_thread.get());
                    frame.run().await
                }
                Callee::Rust(index) => {
                    let program = self.machine.rust(index, &call.names, &arguments)?;
                    self.machine.run_rust(&self.task, program).await
                }
            }
        })
    }

    /// Runs steps; `caught` is the error that a handler around them has caught.
    pub(super) fn block<'a>(
        &'a self,
        block: &'a Block,
        caught: Option<&'a Error>,
    ) -> LocalBoxFuture<'a, Result<Flow, Error>> {
        Box::pin(async move {
            for step in &**block {
                match self.step(step, caught).await? {
                    Flow::Next => {}
                    flow => return Ok(flow),
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn step(&self, step: &Step, caught: Option<&Error>) -> Result<Flow, Error> {
        let result = match self.control(step, caught).await {
            Some(result) => result,
            None => self.operation(step).await,
        };
        let result = result.map_err(|error| error.at(step.span));
        // What is to be done finally comes after the handlers, so a `try` runs them itself.
        if step.handlers.is_empty() || matches!(step.act, Act::Try { .. }) {
            return result;
        }
        self.catch(step, result).await
    }

    /// Runs the handler for an error, if there is one.
    async fn catch(&self, step: &Step, result: Result<Flow, Error>) -> Result<Flow, Error> {
        let error = match result {
            Ok(flow) => return Ok(flow),
            Err(error) => error,
        };
        let catches = |handler: &&Handler| {
            let mut kinds = handler.kinds.iter();
            kinds.any(|kind| error.is_caught_by(kind))
        };
        let Some(handler) = step.handlers.iter().find(catches) else {
            return Err(error);
        };
        self.note(Some(step.span), || What::Caught(error.to_string()));
        if let Some(place) = handler.keep {
            self.keep(place, Value::Error(error.clone()));
        }
        self.block(&handler.block, Some(&error)).await
    }

    /// Runs a step that directs others, or returns `None` if it is not one.
    async fn control(&self, step: &Step, caught: Option<&Error>) -> Option<Result<Flow, Error>> {
        Some(match &step.act {
            Act::Return(value) => self.give_back(step, value.as_ref()),
            Act::Raise(error) => Err(match self.raised(step, error.as_ref(), caught) {
                Ok(error) | Err(error) => error,
            }),
            Act::Expect { holds, text } => self.expect(step, holds, text.as_ref()).await,
            Act::Fail(text) => match self.text(text) {
                Ok(text) => self.machine.fail("fail", self, step.span, &text).await,
                Err(error) => Err(error),
            },
            Act::Break => Ok(Flow::Break),
            Act::Continue => Ok(Flow::Continue),
            Act::If { .. }
            | Act::Loop(_)
            | Act::While(..)
            | Act::Repeat { .. }
            | Act::For { .. }
            | Act::Try { .. }
            | Act::Retry { .. } => self.directed(step, caught).await,
            _ => return None,
        })
    }

    fn give_back(&self, step: &Step, value: Option<&Expr>) -> Result<Flow, Error> {
        let value = value.map_or(Ok(Value::None), |value| self.value(value))?;
        self.note(Some(step.span), || What::Gave(value.shown()));
        Ok(Flow::Return(value))
    }

    /// Makes the error that is to be raised.
    fn raised(
        &self,
        step: &Step,
        error: Option<&(ErrorName, Option<Expr>)>,
        caught: Option<&Error>,
    ) -> Result<Error, Error> {
        let error = match (error, caught) {
            (Some((name, text)), _) => match text {
                Some(text) => Error::with(name.clone(), self.text(text)?),
                None => Error::new(name.clone()),
            },
            (None, Some(caught)) => caught.clone(),
            (None, None) => Error::with(ErrorName::Misuse, "there is no error to raise again"),
        };
        self.note(Some(step.span), || What::Raised(error.to_string()));
        Ok(error.at(step.span))
    }

    async fn expect(&self, step: &Step, holds: &Expr, text: Option<&Expr>) -> Result<Flow, Error> {
        if self.truth(holds)? {
            self.machine.stepped(self, step, &Ok(Value::None));
            return Ok(Flow::Next);
        }
        let said = match text {
            Some(text) => self.text(text)?.to_string(),
            None => {
                let source = &self.machine.model.source;
                format!("expected `{}`", source.slice(holds.span))
            }
        };
        let mut values = Vec::new();
        self.scope().parts(holds, &mut values);
        self.machine
            .fail_with("expect", self, holds.span, &said, values)
            .await
    }

    /// Runs a loop, a branch or an attempt.
    fn directed<'a>(
        &'a self,
        step: &'a Step,
        caught: Option<&'a Error>,
    ) -> LocalBoxFuture<'a, Result<Flow, Error>> {
        Box::pin(async move {
            match &step.act {
                Act::If {
                    branches,
                    otherwise,
                } => {
                    for (condition, block) in branches {
                        if self.truth(condition)? {
                            return self.block(block, caught).await;
                        }
                    }
                    match otherwise {
                        Some(block) => self.block(block, caught).await,
                        None => Ok(Flow::Next),
                    }
                }
                Act::Loop(block) => self.rounds(step, block, caught, |_| Ok(true)).await,
                Act::While(condition, block) => {
                    let goes_on = |_| self.truth(condition);
                    self.rounds(step, block, caught, goes_on).await
                }
                Act::Repeat {
                    times,
                    count,
                    block,
                } => {
                    let times = self.count(times)?;
                    let goes_on = |round| {
                        if let (Some(place), true) = (*count, round < times) {
                            let round = i64::try_from(round).unwrap_or(i64::MAX);
                            self.keep(place, round.into());
                        }
                        Ok(round < times)
                    };
                    self.rounds(step, block, caught, goes_on).await
                }
                Act::For { item, list, block } => {
                    let Value::List(items) = self.value(list)? else {
                        return Err(wrong(list, "a list", &self.value(list)?));
                    };
                    let goes_on = |round| {
                        let round = usize::try_from(round).unwrap_or(usize::MAX);
                        let next = items.get(round);
                        if let Some(next) = next {
                            self.keep(*item, next.clone());
                        }
                        Ok(next.is_some())
                    };
                    self.rounds(step, block, caught, goes_on).await
                }
                Act::Try {
                    block,
                    otherwise,
                    finally,
                } => {
                    let mut result = self.block(block, caught).await;
                    result = match (result, otherwise) {
                        (Ok(Flow::Next), Some(otherwise)) => self.block(otherwise, caught).await,
                        (result, _) => self.catch(step, result).await,
                    };
                    let Some(finally) = finally else {
                        return result;
                    };
                    self.note(Some(step.span), || What::Finally);
                    match self.block(finally, caught).await {
                        Ok(Flow::Next) => result,
                        replaced => replaced,
                    }
                }
                Act::Retry {
                    times,
                    every,
                    block,
                } => {
                    let times = self.count(times)?.max(1);
                    let mut round = 0;
                    loop {
                        self.note(Some(step.span), || What::Round(round));
                        self.machine.spin(self, step.span).await?;
                        round += 1;
                        match self.block(block, caught).await {
                            Err(error)
                                if error.is_caught_by(&ErrorName::Error) && round < times =>
                            {
                                self.note(Some(step.span), || What::Caught(error.to_string()));
                            }
                            result => return result,
                        }
                        if let Some(every) = every {
                            self.sleep(self.duration(every)?).await?;
                        }
                    }
                }
                _ => unreachable!("the step directs no others"),
            }
        })
    }

    /// Runs a block as long as there is another round.
    async fn rounds(
        &self,
        step: &Step,
        block: &Block,
        caught: Option<&Error>,
        mut goes_on: impl FnMut(u64) -> Result<bool, Error>,
    ) -> Result<Flow, Error> {
        for round in 0.. {
            if !goes_on(round)? {
                break;
            }
            self.note(Some(step.span), || What::Round(round));
            self.machine.spin(self, step.span).await?;
            match self.block(block, caught).await? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => break,
                flow @ Flow::Return(_) => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    /// Runs a step that does something: at once, in its own time, or around other steps.
    async fn operation(&self, step: &Step) -> Result<Flow, Error> {
        if self.in_thread.get() {
            thread::point();
        }
        if !step.act.may_wait() {
            let result = self.at_once(step);
            self.finish(step, result)?;
            return Ok(Flow::Next);
        }
        self.note(Some(step.span), || What::Began);
        self.blocked.borrow_mut().push(Waiting {
            span: step.span,
            verb: step.act.verb(),
            object: step.act.object(),
        });
        let result = match self.check_thread(&step.act) {
            Ok(()) => self.scoped(step).await,
            Err(error) => Some(Err(error)),
        };
        let result = match result {
            Some(result) => result,
            None => {
                let result = self.waiting(step).await;
                result.map(|value| (value, Flow::Next))
            }
        };
        self.blocked.borrow_mut().pop();
        let (result, flow) = match result {
            Ok((value, flow)) => (Ok(value), flow),
            Err(error) => (Err(error), Flow::Next),
        };
        self.finish(step, result)?;
        Ok(flow)
    }

    /// Keeps what a step gave, and only then has the checks look at what is kept.
    fn finish(&self, step: &Step, result: Result<Value, Error>) -> Result<(), Error> {
        if let (Some(place), Ok(value)) = (step.keep, &result) {
            self.keep(place, value.clone());
        }
        self.machine.stepped(self, step, &result);
        result.map(drop)
    }

    pub(super) async fn sleep(&self, duration: std::time::Duration) -> Result<(), Error> {
        if self.in_thread.get() {
            if !duration.is_zero() {
                thread::sleep(duration);
            }
            return Ok(());
        }
        received(time::sleep(duration)).await
    }

    /// Writes an event down, if events of its kind are kept.
    pub(super) fn note(&self, span: Option<Span>, what: impl FnOnce() -> What) {
        let body = Some(&self.model().name);
        self.machine.notes.note(&self.task, body, span, what);
    }
}
