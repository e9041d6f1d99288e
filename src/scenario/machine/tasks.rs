//! Steps about tasks: spawning, awaiting, cancelling, and what stands around other steps.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture};

use super::Machine;
use super::eval::{awaited, wrong};
use super::frame::{Flow, Frame, raising, received};
use super::objects::Object;
use super::thing::{Awaited, TaskInfo, TaskThing, Thing, Waitable};
use crate::scenario::programs::Main;
use crate::scenario::record::What;
use crate::scenario::tree::{
    Act, Awaitable, Block, Call, Callee, ErrorName, Expr, Place, Step, Until,
};
use crate::scenario::value::{Error, Value};
use crate::task::{self, Task, TaskGroup};
use crate::time::{self, Timeout};
use crate::{TaskError, event_loop};

/// What an awaitable turns out to be, before a call becomes a task.
pub(super) enum Found<'a> {
    Awaited(Awaited),
    Call(&'a Call, Vec<Value>),
}

impl Frame {
    /// Makes a coroutine that is to be a task. One that raises a cancellation ends with it.
    pub(super) fn coroutine(
        &self,
        call: &Call,
        arguments: Vec<Value>,
        info: Rc<TaskInfo>,
    ) -> LocalBoxFuture<'static, Result<Value, Error>> {
        let rust = match call.callee {
            Callee::Rust(index) => Some(self.machine.rust(index, &call.names, &arguments)),
            Callee::Body(_) => None,
        };
        self.machine.coroutine(call.callee, arguments, info, rust)
    }

    /// Makes a task of a call, and gives it a name.
    fn spawn(&self, call: &Call, arguments: Vec<Value>, name: Option<&str>) -> Awaited {
        let info = self.begin(call, name);
        let task = task::try_spawn(self.coroutine(call, arguments, info.clone()));
        self.spawned(info, task)
    }

    /// Announces a task of a call.
    pub(super) fn begin(&self, call: &Call, name: Option<&str>) -> Rc<TaskInfo> {
        let body = self.machine.callee(call.callee);
        let info = self.machine.task(name, &body, self.task.host.clone());
        self.note(Some(call.span), || What::Spawned(info.name.clone()));
        info
    }

    pub(super) fn spawned(&self, info: Rc<TaskInfo>, task: Task<Value>) -> Awaited {
        let task = task.name(info.name.clone());
        let task = Rc::new(TaskThing { info, task });
        self.machine.made(&task);
        Awaited::Task(task)
    }

    /// Returns the name of the variable that a step's result goes to.
    pub(super) fn variable(&self, place: Option<Place>) -> Option<Arc<str>> {
        Some(match place? {
            Place::Local(index) => self.model().locals[usize::from(index)].clone(),
            Place::Shared(index) => self.machine.model.shared[usize::from(index)].0.clone(),
            Place::Context(index) => self.machine.model.context[usize::from(index)].0.clone(),
        })
    }

    /// The task whose step this is.
    pub(super) fn current_task(&self) -> Value {
        self.machine.thing_of(&self.task)
    }

    /// Runs an immediate step about tasks, or returns `None` if it is not one.
    pub(super) fn task_at_once(&self, step: &Step) -> Option<Result<Value, Error>> {
        Some(match &step.act {
            Act::Spawn { call, group } => self.spawn_step(step, call, group.as_ref()),
            Act::Cancel { what, message } => self.cancel(what, message.as_ref()),
            Act::Uncancel => Ok(task::current().uncancel().into()),
            Act::Reschedule { timeout, limit } => self.reschedule(timeout, limit),
            Act::CallSoon(call) => self.callback(call, None),
            Act::CallLater { delay, call } => match self.duration(delay) {
                Ok(delay) => self.callback(call, Some(delay)),
                Err(error) => Err(error),
            },
            _ => return None,
        })
    }

    fn spawn_step(&self, step: &Step, call: &Call, group: Option<&Expr>) -> Result<Value, Error> {
        let arguments = self.arguments(call)?;
        let name = self.variable(step.keep);
        let Some(group) = group else {
            let task = self.spawn(call, arguments, name.as_deref());
            return Ok(Value::Thing(task.thing()));
        };
        match self.value(group)? {
            Value::None | Value::Nobody => Ok(Value::Nobody),
            Value::Thing(Thing::Group(group)) if !group.is_open() => Err(Error::with(
                ErrorName::Misuse,
                "the group takes no more tasks",
            )),
            Value::Thing(Thing::Group(group)) => {
                let info = self.begin(call, name.as_deref());
                let task = group.try_spawn(self.coroutine(call, arguments, info.clone()));
                Ok(Value::Thing(self.spawned(info, task).thing()))
            }
            other => Err(wrong(group, "a group", &other)),
        }
    }

    fn cancel(&self, what: &Expr, message: Option<&Expr>) -> Result<Value, Error> {
        let message = match message {
            Some(message) => Some(self.text(message)?),
            None => None,
        };
        let message = message.as_deref();
        let value = self.value(what)?;
        if let Value::Thing(Thing::Task(task)) = &value {
            let name = task.info.name.clone();
            self.note(Some(what.span), || What::CancelRequested(name));
        }
        match (&value, awaited(&value)) {
            (_, Some(awaited)) => Ok(awaited.cancel(message).into()),
            (Value::Thing(Thing::Callback(callback)), _) => {
                callback.cancel();
                Ok(Value::None)
            }
            (Value::None | Value::Nobody, _) => Ok(Value::Nobody),
            _ => Err(wrong(what, "a task, a future or a callback", &value)),
        }
    }

    fn reschedule(&self, timeout: &Expr, limit: &Expr) -> Result<Value, Error> {
        let limit = self.limit(limit)?;
        match self.value(timeout)? {
            Value::None | Value::Nobody => Ok(Value::Nobody),
            Value::Thing(Thing::Timeout(timeout)) => {
                let moved = timeout.reschedule(limit.map(|limit| time::now() + limit));
                moved
                    .map(Value::from)
                    .map_err(|_| Error::with(ErrorName::Misuse, "the timeout is over"))
            }
            other => Err(wrong(timeout, "a timeout", &other)),
        }
    }

    /// Queues a callback.
    fn callback(&self, call: &Call, delay: Option<Duration>) -> Result<Value, Error> {
        let arguments = self.arguments(call)?;
        let Callee::Body(body) = call.callee else {
            return Err(Error::invalid("a function in Rust is not a callback"));
        };
        let name = self.machine.callee(call.callee);
        let info = self.machine.callback(&name, self.task.host.clone());
        let machine = self.machine.clone();
        let act = move || {
            let frame = Frame::new(&machine, body, info, arguments);
            machine.call_back(frame);
        };
        let handle = match delay {
            None => event_loop::call_soon(act),
            Some(delay) => event_loop::call_later(delay, act),
        };
        Ok(Value::Thing(Thing::Callback(Rc::new(handle))))
    }

    /// Runs a step that waits for tasks, or returns `None` if it is not one.
    pub(super) async fn task_waiting(&self, step: &Step) -> Option<Result<Value, Error>> {
        Some(match &step.act {
            Act::Await(awaitable) => self.await_one(awaitable).await,
            Act::Inline(call) => match self.arguments(call) {
                Ok(arguments) => self.inline(call, arguments).await,
                Err(error) => Err(error),
            },
            Act::Sleep(duration) => match self.duration(duration) {
                Ok(duration) => self.sleep(duration).await.map(Value::from),
                Err(error) => Err(error),
            },
            Act::Yield => received(task::yield_now()).await.map(Value::from),
            Act::Gather {
                awaitables,
                keep_errors,
            } => self.gather(awaitables, *keep_errors).await,
            Act::Wait {
                what,
                until,
                within,
            } => match self.tasks(what) {
                Ok(Some(tasks)) => self.wait(tasks, *until, within.as_ref()).await,
                Ok(None) => return None,
                Err(error) => Err(error),
            },
            Act::WaitFor { awaitable, limit } => self.wait_for(awaitable, limit).await,
            Act::Shield(awaitable) => self.shield(awaitable).await,
            _ => return None,
        })
    }

    /// Finds out what an awaitable is.
    fn find<'a>(&self, awaitable: &'a Awaitable) -> Result<Option<Found<'a>>, Error> {
        match awaitable {
            Awaitable::Call(call) => Ok(Some(Found::Call(call, self.arguments(call)?))),
            Awaitable::Value(expr) => {
                let value = self.value(expr)?;
                match awaited(&value) {
                    Some(awaited) => Ok(Some(Found::Awaited(awaited))),
                    None if matches!(value, Value::None | Value::Nobody) => Ok(None),
                    None => Err(wrong(expr, "a task or a future", &value)),
                }
            }
        }
    }

    /// Does the same for several; a list counts as what is in it.
    fn find_all<'a>(&self, awaitables: &'a [Awaitable]) -> Result<Vec<Found<'a>>, Error> {
        let mut found = Vec::new();
        for awaitable in awaitables {
            if let Awaitable::Value(expr) = awaitable
                && let Value::List(items) = self.value(expr)?
            {
                for item in &*items {
                    match awaited(item) {
                        Some(awaited) => found.push(Found::Awaited(awaited)),
                        None if matches!(item, Value::None | Value::Nobody) => {}
                        None => return Err(wrong(expr, "a list of tasks or futures", item)),
                    }
                }
                continue;
            }
            found.extend(self.find(awaitable)?);
        }
        Ok(found)
    }

    /// Makes it what the crate takes: a call becomes a task.
    fn waitable<'a>(&self, found: &'a Found<'_>) -> Either<Waitable<'a>, OwnedTask> {
        match found {
            Found::Awaited(awaited) => Either::Left(awaited.waitable()),
            Found::Call(call, arguments) => {
                let info = self.begin(call, None);
                let task = task::try_spawn(self.coroutine(call, arguments.clone(), info.clone()));
                Either::Right(task.name(info.name.clone()))
            }
        }
    }

    fn handle(&self, found: Found<'_>) -> Awaited {
        match found {
            Found::Awaited(awaited) => awaited,
            Found::Call(call, arguments) => self.spawn(call, arguments, None),
        }
    }

    async fn await_one(&self, awaitable: &Awaitable) -> Result<Value, Error> {
        match self.find(awaitable)? {
            None => Ok(Value::Nobody),
            Some(Found::Awaited(awaited)) => {
                self.check_other(&awaited)?;
                Ok(received(awaited.join()).await??)
            }
            Some(Found::Call(call, arguments)) => self.inline(call, arguments).await,
        }
    }

    /// Refuses to let a task wait for itself, as asyncio does.
    fn check_other(&self, awaited: &Awaited) -> Result<(), Error> {
        let Awaited::Task(task) = awaited else {
            return Ok(());
        };
        if Rc::ptr_eq(&task.info, &self.task) {
            let text = "a task cannot await itself";
            return Err(Error::with(ErrorName::Misuse, text));
        }
        Ok(())
    }

    async fn gather(&self, awaitables: &[Awaitable], keep_errors: bool) -> Result<Value, Error> {
        let found = self.find_all(awaitables)?;
        // Calls become tasks when the gather comes to them.
        let waitables = found.iter().map(|one| self.waitable(one));
        if keep_errors {
            let results = received(task::gather_keeping_errors(waitables)).await?;
            let values = results
                .into_iter()
                .map(|result| result.map_err(Error::from).into());
            return Ok(Value::list(values));
        }
        let values = received(task::gather(waitables)).await??;
        Ok(Value::list(values))
    }

    /// Returns the tasks and futures that a `wait` is about, or `None` if it is about something
    /// else.
    fn tasks(&self, what: &[Expr]) -> Result<Option<Vec<Awaited>>, Error> {
        let mut tasks: Vec<Awaited> = Vec::new();
        for expr in what {
            let value = self.value(expr)?;
            let items: &[Value] = match &value {
                Value::List(items) => items,
                _ => std::slice::from_ref(&value),
            };
            for item in items {
                match awaited(item) {
                    Some(one) if tasks.iter().any(|other| other.is_same(&one)) => {}
                    Some(one) => tasks.push(one),
                    None if matches!(item, Value::None | Value::Nobody) => {}
                    None if what.len() == 1 => return Ok(None),
                    None => return Err(wrong(expr, "a task or a future", item)),
                }
            }
        }
        Ok(Some(tasks))
    }

    async fn wait(
        &self,
        tasks: Vec<Awaited>,
        until: Option<Until>,
        within: Option<&Expr>,
    ) -> Result<Value, Error> {
        let limit = match within {
            Some(within) => self.limit(within)?,
            None => None,
        };
        if tasks.is_empty() {
            return Err(Error::invalid("there is nothing to wait for"));
        }
        let until = match until.unwrap_or(Until::All) {
            Until::All => task::Until::AllCompleted,
            Until::First => task::Until::FirstCompleted,
            Until::Failed => task::Until::FirstFailed,
        };
        let waitables = tasks.iter().map(Awaited::waitable);
        received(task::wait(waitables, until).timeout(limit)).await?;
        let (done, pending): (Vec<_>, Vec<_>) = tasks.iter().partition(|task| task.is_done());
        let list = |tasks: Vec<&Awaited>| {
            Value::list(tasks.into_iter().map(|task| Value::Thing(task.thing())))
        };
        Ok(Value::list([list(done), list(pending)]))
    }

    async fn wait_for(&self, awaitable: &Awaitable, limit: &Expr) -> Result<Value, Error> {
        let limit = self.limit(limit)?;
        match self.find(awaitable)? {
            None => Ok(Value::Nobody),
            // With time left, asyncio runs a coroutine within the task that waits for it.
            Some(Found::Call(call, arguments)) if limit != Some(Duration::ZERO) => {
                let body = raising(self.inline(call, arguments));
                received(Timeout::after(limit).enforce(body)).await??
            }
            Some(found) => {
                let handle = self.handle(found);
                self.check_other(&handle)?;
                Ok(received(time::wait_for(limit, handle.waitable())).await???)
            }
        }
    }

    async fn shield(&self, awaitable: &Awaitable) -> Result<Value, Error> {
        match self.find(awaitable)? {
            None => Ok(Value::Nobody),
            Some(found) => {
                let handle = self.handle(found);
                Ok(received(task::shield(handle.waitable())).await??)
            }
        }
    }

    /// Runs a step that stands around others, or returns `None` if it does not. An error that a
    /// handler around it has caught is not known inside.
    pub(super) fn scoped<'a>(
        &'a self,
        step: &'a Step,
    ) -> LocalBoxFuture<'a, Option<Result<(Value, Flow), Error>>> {
        Box::pin(async move {
            let flow = match &step.act {
                Act::With { object, block } => self.with(step, object, block).await,
                Act::Within { limit, name, block } => self.within(limit, *name, block).await,
                Act::Group { name, block } => {
                    let body = |group: TaskGroup| {
                        self.keep(*name, Value::Thing(Thing::Group(group)));
                        raising(self.block(block, None))
                    };
                    let result = received(task::try_group(body)).await;
                    result.and_then(|result| Ok(result?))
                }
                Act::Completed {
                    awaitables,
                    within,
                    item,
                    block,
                } => {
                    let within = within.as_ref();
                    let result = self.completed(step, awaitables, within, *item, block);
                    return Some(result.await);
                }
                _ => return None,
            };
            Some(flow.map(|flow| (Value::None, flow)))
        })
    }

    async fn within(
        &self,
        limit: &Expr,
        name: Option<Place>,
        block: &Block,
    ) -> Result<Flow, Error> {
        let timeout = Timeout::after(self.limit(limit)?);
        if let Some(name) = name {
            self.keep(name, Value::Thing(Thing::Timeout(timeout.clone())));
        }
        let body = raising(self.block(block, None));
        let result = received(timeout.enforce(body)).await;
        result.and_then(|result| result?)
    }

    async fn with(&self, step: &Step, object: &Expr, block: &Block) -> Result<Flow, Error> {
        let value = self.value(object)?;
        let Value::Thing(Thing::Object(named)) = &value else {
            return Err(wrong(object, "a lock", &value));
        };
        let Object::Lockable(lockable) = &named.object else {
            return Err(wrong(object, "a lock, a condition or a semaphore", &value));
        };
        received(lockable.acquire()).await?;
        // From now on the step stands around others, and does not wait for the object.
        if let Some(place) = self.blocked.borrow_mut().last_mut() {
            place.object = None;
        }
        self.note(Some(step.span), || What::Entered);
        let result = self.block(block, None).await;
        lockable.release()?;
        result
    }

    async fn completed(
        &self,
        step: &Step,
        awaitables: &[Awaitable],
        within: Option<&Expr>,
        item: Place,
        block: &Block,
    ) -> Result<(Value, Flow), Error> {
        let limit = match within {
            Some(within) => self.limit(within)?,
            None => None,
        };
        let found = self.find_all(awaitables)?;
        let waitables = found.iter().map(|one| self.waitable(one));
        let mut results = task::as_completed(waitables).timeout(limit);
        let mut count = 0_usize;
        let result = loop {
            match received(results.next()).await {
                Ok(None) => break Ok(Flow::Next),
                Ok(Some(Ok(value))) => {
                    self.note(Some(step.span), || What::Item(value.shown()));
                    self.keep(item, value);
                    match self.block(block, None).await {
                        Ok(Flow::Next | Flow::Continue) => {}
                        Ok(Flow::Break) => break Ok(Flow::Next),
                        Ok(flow) => break Ok(flow),
                        Err(error) => break Err(error),
                    }
                }
                Ok(Some(Err(error))) => break Err(error.into()),
                Err(cancelled) => break Err(cancelled),
            }
            count += 1;
        };
        // In asyncio the timer of an iteration that was left stays set.
        std::mem::forget(results);
        Ok((count.into(), result?))
    }
}

/// A task whose only handle is here.
type OwnedTask = Task<Value>;

impl Machine {
    /// Makes a coroutine that is to be a task, which is told when it is over.
    pub(super) fn coroutine(
        self: &Rc<Self>,
        callee: Callee,
        arguments: Vec<Value>,
        info: Rc<TaskInfo>,
        rust: Option<Result<Main, Error>>,
    ) -> LocalBoxFuture<'static, Result<Value, Error>> {
        let machine = self.clone();
        let ending = self.ending(&info);
        Box::pin(async move {
            let ending = ending;
            info.key.set(Some(task::current().key()));
            let body = async {
                match (callee, rust) {
                    (Callee::Body(body), _) => {
                        Frame::new(&machine, body, info, arguments).run().await
                    }
                    (Callee::Rust(_), Some(program)) => machine.run_rust(&info, program?).await,
                    (Callee::Rust(_), None) => Ok(Value::None),
                }
            };
            let result = body.await;
            ending.over(&result);
            raising(async { result }).await
        })
    }
}

impl From<TaskError> for Error {
    fn from(error: TaskError) -> Self {
        use crate::scenario::value::Detail;

        if let Some(cancelled) = error.cancelled() {
            let detail = Detail::Cancelled(cancelled.clone());
            let (name, at) = (ErrorName::Cancelled, None);
            return Self { name, detail, at };
        }
        if error.downcast_ref::<time::Elapsed>().is_some() {
            return Self::new(ErrorName::Timeout);
        }
        if let Some(own) = error.downcast_ref::<Error>() {
            return own.clone();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.into();
        }
        let name = if error.is_panic() { "panic" } else { "program" };
        let text = match error.location() {
            Some(place) => format!("{error} ({place})"),
            None => error.to_string(),
        };
        Self::with(ErrorName::Own(name.into()), text)
    }
}

impl From<task::GroupError> for Error {
    fn from(error: task::GroupError) -> Self {
        use crate::scenario::value::Detail;

        let errors = error.errors().iter().cloned().map(Self::from).collect();
        Self {
            name: ErrorName::Group,
            detail: Detail::Group(errors),
            at: None,
        }
    }
}

impl From<time::Elapsed> for Error {
    fn from(_: time::Elapsed) -> Self {
        Self::new(ErrorName::Timeout)
    }
}

impl From<&std::io::Error> for Error {
    fn from(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;

        let name = match error.kind() {
            ErrorKind::ConnectionRefused => ErrorName::Refused,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                ErrorName::Reset
            }
            ErrorKind::UnexpectedEof => ErrorName::Closed,
            ErrorKind::TimedOut => ErrorName::Timeout,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => ErrorName::Unreachable,
            ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput => {
                ErrorName::Address
            }
            ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
                ErrorName::File
            }
            _ => ErrorName::Network,
        };
        Self::with(name, error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        (&error).into()
    }
}
