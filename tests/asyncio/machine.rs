//! The state of a running program, which its tasks share, and the trace that it leaves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::Either;
use simrun::sync::{Barrier, Condition, Event};
use simrun::task::{Task, TaskGroup};
use simrun::thread::{self, ThreadPool};
use simrun::time::{Instant, Timeout};
use simrun::{Promise, TaskError, event_loop};

use super::body::Body;
use super::object::{Lockable, Object, Queue};
use super::program::Program;
use super::value::{Exc, Value};

simrun::task_local! {
    /// The language's one context variable.
    pub(super) static CONTEXT: i64 = 0;
}

/// What a program has made so far, by name.
#[derive(Default)]
pub(super) struct Machine {
    objects: BTreeMap<String, Object>,
    pub(super) handles: RefCell<BTreeMap<String, Handle>>,
    /// The labels of the tasks with handles, in the order in which they were spawned.
    pub(super) spawned: RefCell<Vec<String>>,
    pub(super) timeouts: RefCell<BTreeMap<String, Timeout>>,
    pub(super) groups: RefCell<BTreeMap<String, TaskGroup>>,
    pub(super) callbacks: RefCell<BTreeMap<String, event_loop::Handle>>,
    variables: RefCell<BTreeMap<String, i64>>,
    /// The bodies that have started and not ended, in the order in which they started.
    live: RefCell<Vec<Rc<Body>>>,
    journal: Journal,
    /// The default executor has been made.
    has_executor: Cell<bool>,
}

/// How many workers the executor has on which the reference was run.
const WORKERS: u32 = 4;

/// The trace so far, which threads write as well.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// Writes a line.
    pub(super) fn log(&self, now: Instant, task: &str, event: &str) {
        let nanos = now.as_nanos();
        let line = format!("t={nanos} task={task} event={event}");
        self.lines().push(line);
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().expect("nothing panics while it writes")
    }
}

impl Machine {
    /// Makes the objects of a program. It needs a loop, for futures belong to one.
    pub(super) fn new(program: &Program) -> Self {
        let objects = program.objs.iter();
        Self {
            objects: objects
                .map(|(name, made)| (name.clone(), Object::new(made)))
                .collect(),
            ..Self::default()
        }
    }

    /// Writes a line of the trace.
    pub(super) fn log(&self, now: Instant, task: &str, event: &str) {
        self.journal.log(now, task, event);
    }

    pub(super) fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// Makes the default executor, when it is first needed.
    pub(super) fn need_executor(&self) {
        if !self.has_executor.replace(true) {
            thread::set_default_executor(ThreadPool::new(WORKERS));
        }
    }

    /// Calls `read` with each line of the trace so far.
    pub(super) fn each_line(&self, mut read: impl FnMut(&str)) {
        for line in &*self.journal.lines() {
            read(line);
        }
    }

    /// Takes the trace.
    pub(super) fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.journal.lines())
    }

    /// Returns the task or future of that name, if there is one yet.
    pub(super) fn handle(&self, name: &str) -> Option<Handle> {
        if let Some(Object::Future(promise)) = self.objects.get(name) {
            return Some(Handle::Future(promise.clone()));
        }
        self.handles.borrow().get(name).cloned()
    }

    /// Gives a task its name.
    pub(super) fn spawned(&self, label: &str, task: Task<Value>) {
        self.spawned.borrow_mut().push(label.to_owned());
        self.name(label, Rc::new(task));
    }

    pub(super) fn name(&self, label: &str, task: Rc<Task<Value>>) {
        let handle = Handle::Task(task);
        self.handles.borrow_mut().insert(label.to_owned(), handle);
    }

    pub(super) fn start(&self, body: &Rc<Body>) {
        self.live.borrow_mut().push(body.clone());
    }

    pub(super) fn end(&self, body: &Rc<Body>) {
        let mut live = self.live.borrow_mut();
        live.retain(|other| !Rc::ptr_eq(other, body));
    }

    /// Lists the live bodies and where they are blocked.
    pub(super) fn blocked(&self) -> String {
        let live = self.live.borrow();
        let places: Vec<String> = live.iter().map(|body| body.place()).collect();
        places.join(",")
    }

    pub(super) fn variable(&self, name: &str) -> i64 {
        self.variables.borrow().get(name).copied().unwrap_or(0)
    }

    /// Adds to a variable and returns what it is then.
    pub(super) fn add(&self, name: &str, n: i64) -> i64 {
        let mut variables = self.variables.borrow_mut();
        let variable = variables.entry(name.to_owned()).or_default();
        *variable += n;
        *variable
    }

    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name)
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = (&String, &Object)> {
        self.objects.iter()
    }

    pub(super) fn lockable(&self, name: &str) -> &Lockable {
        match self.objects.get(name) {
            Some(Object::Lockable(lockable)) => lockable,
            _ => panic!("{name} is not something that can be acquired"),
        }
    }

    pub(super) fn condition(&self, name: &str) -> &Condition {
        match self.lockable(name) {
            Lockable::Condition(condition) => condition,
            _ => panic!("{name} is not a condition"),
        }
    }

    pub(super) fn event(&self, name: &str) -> &Event {
        match self.objects.get(name) {
            Some(Object::Event(event)) => event,
            _ => panic!("{name} is not an event"),
        }
    }

    pub(super) fn queue(&self, name: &str) -> &Queue {
        match self.objects.get(name) {
            Some(Object::Queue(queue)) => queue,
            _ => panic!("{name} is not a queue"),
        }
    }

    pub(super) fn barrier(&self, name: &str) -> &Barrier {
        match self.objects.get(name) {
            Some(Object::Barrier(barrier)) => barrier,
            _ => panic!("{name} is not a barrier"),
        }
    }

    pub(super) fn future(&self, name: &str) -> &Promise<Value> {
        match self.objects.get(name) {
            Some(Object::Future(future)) => future,
            _ => panic!("{name} is not a future"),
        }
    }
}

/// A task or future that others hold.
pub(super) type Waitable<'a> = Either<&'a Task<Value>, &'a Promise<Value>>;

/// A task or future that has a name.
#[derive(Clone)]
pub(super) enum Handle {
    Task(Rc<Task<Value>>),
    Future(Promise<Value>),
}

impl Handle {
    /// Borrows it as what the crate's functions on several of them take.
    pub(super) fn waitable(&self) -> Waitable<'_> {
        match self {
            Self::Task(task) => Either::Left(task),
            Self::Future(promise) => Either::Right(promise),
        }
    }

    pub(super) async fn join(&self) -> Result<Value, TaskError> {
        match self {
            Self::Task(task) => (&**task).await,
            Self::Future(promise) => promise.await,
        }
    }

    pub(super) fn cancel(&self, message: Option<&str>) -> bool {
        match (self, message) {
            (Self::Task(task), None) => task.cancel(),
            (Self::Task(task), Some(message)) => task.cancel_with(message),
            (Self::Future(promise), None) => promise.cancel(),
            (Self::Future(promise), Some(message)) => promise.cancel_with(message),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Task(task) => task.is_done(),
            Self::Future(promise) => promise.is_done(),
        }
    }

    fn is_cancelled(&self) -> bool {
        match self {
            Self::Task(task) => task.is_cancelled(),
            Self::Future(promise) => promise.is_cancelled(),
        }
    }

    pub(super) fn result(&self) -> Option<Result<Value, Exc>> {
        let result = match self {
            Self::Task(task) => task.result(),
            Self::Future(promise) => promise.result(),
        };
        result.map(|result| result.map_err(Exc::from))
    }

    /// Says how it stands.
    pub(super) fn state(&self) -> String {
        if self.is_cancelled() {
            // To ask for the result would take the cancellation from whoever awaits it.
            return "cancelled".to_owned();
        }
        match self.result() {
            None => "pending".to_owned(),
            Some(Ok(value)) => format!("ok:{value}"),
            Some(Err(exc)) => format!("exc:{exc}"),
        }
    }
}
