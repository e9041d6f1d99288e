//! What has a state of its own, and stands in variables: tasks, objects, timeouts.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::future::Either;

use super::connections::{Connection, Door, Served};
use super::datagrams::Socket;
use super::ends::{Inlet, Outlet};
use super::objects::Object;
use super::processes::Child;
use crate::event_loop::{self, core, table::Key};
use crate::scenario::value::{Error, Value};
use crate::task::{Task, TaskGroup};
use crate::time::Timeout;
use crate::{Promise, TaskError};

/// What has a state of its own: a task, a connection, a queue.
#[derive(Clone)]
pub(crate) enum Thing {
    Task(Rc<TaskThing>),
    /// One of the scenario's objects.
    Object(Rc<Named>),
    Timeout(Timeout),
    Group(TaskGroup),
    Callback(Rc<event_loop::Handle>),
    Connection(Rc<Connection>),
    Listener(Rc<Door>),
    Server(Rc<Served>),
    Socket(Rc<Socket>),
    Process(Rc<Child>),
    /// What a process reads.
    Input(Rc<Inlet>),
    /// Where a process writes to.
    Output(Rc<Outlet>),
}

/// An object of the scenario, and its name.
pub(crate) struct Named {
    pub(super) name: Arc<str>,
    pub(super) object: Object,
}

/// A task or a thread of a scenario.
pub(crate) struct TaskThing {
    pub(super) info: Rc<TaskInfo>,
    pub(super) task: Task<Value>,
}

/// What is known of a task, from inside and from outside.
pub(crate) struct TaskInfo {
    pub(super) name: Arc<str>,
    pub(super) body: Arc<str>,
    pub(super) host: Option<Arc<str>>,
    pub(super) state: Cell<TaskState>,
    /// What it returned or raised, if events about tasks are kept.
    pub(super) result: RefCell<Option<String>>,
    pub(super) thing: RefCell<Weak<TaskThing>>,
    /// The crate's task, once it runs. A thread and a process have none that could be awaited.
    pub(super) key: Cell<Option<Key>>,
}

impl TaskInfo {
    pub(super) fn new(name: Arc<str>, body: Arc<str>, host: Option<Arc<str>>) -> Self {
        Self {
            name,
            body,
            host,
            state: Cell::new(TaskState::Pending),
            result: RefCell::default(),
            thing: RefCell::default(),
            key: Cell::default(),
        }
    }
}

impl TaskThing {
    /// Makes another handle of a task that runs and whose handle is gone.
    pub(super) fn again(info: &Rc<TaskInfo>) -> Option<Rc<Self>> {
        let (core, key) = (core::try_current()?, info.key.get()?);
        core.state.borrow_mut().slot(key)?;
        core.hold_task(key);
        let (info, task) = (info.clone(), Task::from_key(key));
        let task = Rc::new(Self { info, task });
        *task.info.thing.borrow_mut() = Rc::downgrade(&task);
        Some(task)
    }
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Pending,
    Returned,
    Failed,
    Cancelled,
}

impl TaskState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Thing {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Task(_) => "a task",
            Self::Object(named) => named.object.kind(),
            Self::Timeout(_) => "a timeout",
            Self::Group(_) => "a group",
            Self::Callback(_) => "a callback",
            Self::Connection(_) => "a connection",
            Self::Listener(_) => "a listener",
            Self::Server(_) => "a server",
            Self::Socket(_) => "a socket",
            Self::Process(_) => "a process",
            Self::Input(_) => "a program's input",
            Self::Output(_) => "a program's output",
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Task(one), Self::Task(other)) => Rc::ptr_eq(one, other),
            (Self::Object(one), Self::Object(other)) => Rc::ptr_eq(one, other),
            (Self::Callback(one), Self::Callback(other)) => Rc::ptr_eq(one, other),
            (Self::Connection(one), Self::Connection(other)) => Rc::ptr_eq(one, other),
            (Self::Listener(one), Self::Listener(other)) => Rc::ptr_eq(one, other),
            (Self::Server(one), Self::Server(other)) => Rc::ptr_eq(one, other),
            (Self::Socket(one), Self::Socket(other)) => Rc::ptr_eq(one, other),
            (Self::Process(one), Self::Process(other)) => Rc::ptr_eq(one, other),
            (Self::Input(one), Self::Input(other)) => Rc::ptr_eq(one, other),
            (Self::Output(one), Self::Output(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => f.write_str(&task.info.name),
            Self::Object(named) => f.write_str(&named.name),
            Self::Process(child) => f.write_str(&child.info.name),
            other => f.write_str(other.kind().trim_start_matches("a ")),
        }
    }
}

impl fmt::Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A task or future that can be awaited.
#[derive(Clone)]
pub(super) enum Awaited {
    Task(Rc<TaskThing>),
    Future(Rc<Named>),
}

/// What the crate's functions on several of them take.
pub(super) type Waitable<'a> = Either<&'a Task<Value>, &'a Promise<Value>>;

impl Awaited {
    pub(super) fn waitable(&self) -> Waitable<'_> {
        match self {
            Self::Task(task) => Either::Left(&task.task),
            Self::Future(future) => Either::Right(future.promise()),
        }
    }

    pub(super) fn thing(&self) -> Thing {
        match self {
            Self::Task(task) => Thing::Task(task.clone()),
            Self::Future(future) => Thing::Object(future.clone()),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.thing().is_same(&other.thing())
    }

    pub(super) async fn join(&self) -> Result<Value, TaskError> {
        match self {
            Self::Task(task) => (&task.task).await,
            Self::Future(future) => future.promise().await,
        }
    }

    pub(super) fn cancel(&self, message: Option<&str>) -> bool {
        match (self, message) {
            (Self::Task(task), None) => task.task.cancel(),
            (Self::Task(task), Some(message)) => task.task.cancel_with(message),
            (Self::Future(future), None) => future.promise().cancel(),
            (Self::Future(future), Some(message)) => future.promise().cancel_with(message),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Task(task) => task.task.is_done(),
            Self::Future(future) => future.promise().is_done(),
        }
    }

    fn is_cancelled(&self) -> bool {
        match self {
            Self::Task(task) => task.task.is_cancelled(),
            Self::Future(future) => future.promise().is_cancelled(),
        }
    }

    /// Returns how it ended, if it has. To look at an error counts as having seen it.
    pub(super) fn ending(&self) -> (TaskState, Option<Result<Value, Error>>) {
        if self.is_cancelled() {
            // To ask for the result would take the cancellation from whoever awaits it.
            return (TaskState::Cancelled, None);
        }
        let result = match self {
            Self::Task(task) => task.task.result(),
            Self::Future(future) => future.promise().result(),
        };
        let result = result.map(|result| result.map_err(Error::from));
        let state = match &result {
            None => TaskState::Pending,
            Some(Ok(_)) => TaskState::Returned,
            Some(Err(_)) => TaskState::Failed,
        };
        (state, result)
    }
}

impl Named {
    pub(super) fn promise(&self) -> &Promise<Value> {
        match &self.object {
            Object::Future(promise) => promise,
            _ => unreachable!("only futures are awaited"),
        }
    }
}
