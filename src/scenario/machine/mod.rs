//! Running a scenario: an interpreter over the crate's own tasks, tools and networks.

mod checks;
mod connections;
mod datagrams;
mod ends;
mod eval;
mod faults;
mod files;
mod frame;
mod harness;
mod hosts;
mod net;
mod notes;
mod objects;
mod packets;
mod processes;
mod tasks;
#[cfg(test)]
mod tests;
mod thing;
mod threads;
mod timeline;
mod tools;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;

use self::checks::Watch;
use self::frame::{Frame, received};
pub(crate) use self::harness::{run, run_under, sim, sim_of};
use self::notes::{Counted, Notes};
use self::objects::Object;
pub(crate) use self::thing::Thing;
use self::thing::{Named, TaskInfo, TaskState, TaskThing};
use self::world::World;
use super::model::Model;
use super::programs::{Main, Parameters, Programs};
use super::record::{Problem, Progress, RunOptions, Standing, What};
use super::source::Span;
use super::tree::{Act, Callee, Const, Step};
use super::value::{Error, Value};
use crate::event_loop::Hidden;
use crate::event_loop::{self, Report, core};
use crate::time;

crate::task_local! {
    /// The context variables, once one of them has been set.
    static CONTEXT: Option<Rc<[Value]>> = None;
    /// The scenario's task that runs a function in Rust, in it and in the tasks that it spawns.
    static PROGRAM: Option<(Rc<Machine>, Rc<TaskInfo>)> = None;
}

/// Takes a line that a function in Rust logs, as one of its scenario.
pub(crate) fn logged(text: &str) {
    if core::try_current().is_none() {
        return;
    }
    if let Some((machine, task)) = PROGRAM.get() {
        machine.notes.counted(Counted::Logged(text));
        let line = || What::Logged(text.to_owned());
        machine.notes.note(&task, None, None, line);
        machine.look(&task);
    }
}

/// How many rounds loops may make in one step of their task: it would never end.
const MOST_ROUNDS: u64 = 1_000_000;

/// How many tasks have had a name, and the last of them.
type Namesakes = (u32, Rc<TaskInfo>);

/// How many steps there are from one call of [`RunOptions::progress`] to the next.
const PROGRESS: u64 = 4096;

/// A run of a scenario: what its tasks share.
pub(crate) struct Machine {
    model: Arc<Model>,
    programs: Programs,
    objects: Vec<Rc<Named>>,
    shared: RefCell<Vec<Value>>,
    /// Tells of what is read and written there.
    sharing: Hidden,
    /// The bodies that have begun and not ended, in the order in which they began.
    live: RefCell<Vec<Rc<Frame>>>,
    /// By name: how many tasks have had it, and the last one.
    tasks: RefCell<BTreeMap<Arc<str>, Namesakes>>,
    /// All tasks, in the order in which they were spawned, if events about tasks are kept.
    roll: RefCell<Vec<Rc<TaskInfo>>>,
    pending: Cell<usize>,
    notes: Notes,
    watch: Watch,
    /// What the loop is when no task is running.
    nobody: Rc<TaskInfo>,
    main: RefCell<Option<Rc<TaskThing>>>,
    /// Why the run failed, once it has.
    problem: RefCell<Option<Problem>>,
    progress: Option<Progress>,
    /// How many steps of the scenario were made.
    steps: Cell<u64>,
    /// The loop is being closed: what ends now does not count.
    is_closing: Cell<bool>,
    /// How many rounds were made in the loop's last step, and its number.
    rounds: Cell<(u64, u64)>,
    /// What the loop's exception handler was told.
    reports: RefCell<Vec<Report>>,
    /// Where the bodies stood when nothing could go on.
    stuck: RefCell<Vec<Standing>>,
    world: World,
}

impl Machine {
    /// Makes the objects of a scenario. It needs a loop, for futures belong to one.
    fn new(model: &Arc<Model>, programs: &Programs, options: &RunOptions) -> Self {
        let objects = model.objects.iter().map(|entry| {
            let (name, object) = (entry.name.clone(), Object::new(entry));
            Rc::new(Named { name, object })
        });
        Self {
            programs: programs.clone(),
            objects: objects.collect(),
            shared: RefCell::new(model.shared.iter().map(|(_, value)| value.into()).collect()),
            sharing: Hidden::now(),
            live: RefCell::default(),
            tasks: RefCell::default(),
            roll: RefCell::default(),
            pending: Cell::default(),
            progress: options.progress.clone(),
            steps: Cell::default(),
            notes: Notes::new(options.show, model),
            watch: Watch::new(model),
            nobody: Rc::new(TaskInfo::new("loop".into(), "loop".into(), None)),
            main: RefCell::default(),
            problem: RefCell::default(),
            is_closing: Cell::default(),
            rounds: Cell::default(),
            reports: RefCell::default(),
            stuck: RefCell::default(),
            world: World::new(model),
            model: model.clone(),
        }
    }

    /// Makes what is known of a task, under a name that no other has: its own or its body's.
    fn task(&self, name: Option<&str>, body: &Arc<str>, host: Option<Arc<str>>) -> Rc<TaskInfo> {
        let base: Arc<str> = name.map_or_else(|| body.clone(), Arc::from);
        let mut tasks = self.tasks.borrow_mut();
        let before = tasks.get(&base).map_or(0, |(count, _)| *count);
        let name = match before {
            0 => base.clone(),
            before => format!("{base}#{}", before + 1).into(),
        };
        let info = Rc::new(TaskInfo::new(name, body.clone(), host));
        tasks.insert(base, (before + 1, info.clone()));
        drop(tasks);
        if self.notes.show().tasks {
            self.roll.borrow_mut().push(info.clone());
        }
        self.pending.set(self.pending.get() + 1);
        self.notes.counted(Counted::Spawned(&info));
        info
    }

    /// Makes what is known of a callback, which is no task.
    fn callback(&self, body: &Arc<str>, host: Option<Arc<str>>) -> Rc<TaskInfo> {
        Rc::new(TaskInfo::new("callback".into(), body.clone(), host))
    }

    /// Runs the body of a callback, to its end.
    fn call_back(&self, frame: Rc<Frame>) {
        let span = frame.model().span;
        let task = frame.task.clone();
        let message = match frame.run().now_or_never() {
            Some(Ok(_)) => return,
            Some(Err(error)) => format!("a callback failed: {error}"),
            None => "a callback cannot wait".to_owned(),
        };
        self.failed("error", &task, Some(span), &message, Vec::new());
    }

    /// Lets a task be found by those who know it from inside.
    fn made(&self, task: &Rc<TaskThing>) {
        *task.info.thing.borrow_mut() = Rc::downgrade(task);
    }

    fn thing_of(&self, info: &Rc<TaskInfo>) -> Value {
        let known = info.thing.borrow().upgrade();
        match known.or_else(|| TaskThing::again(info)) {
            Some(task) => Value::Thing(Thing::Task(task)),
            None => Value::Nobody,
        }
    }

    fn main_task(&self) -> Value {
        match &*self.main.borrow() {
            Some(main) => Value::Thing(Thing::Task(main.clone())),
            None => Value::Nobody,
        }
    }

    fn last_task(&self, name: &str) -> Option<Rc<TaskInfo>> {
        let tasks = self.tasks.borrow();
        tasks.get(name).map(|(_, info)| info.clone())
    }

    /// Returns how many tasks have not ended.
    fn pending(&self) -> usize {
        self.pending.get()
    }

    /// Returns how many bodies wait for an object.
    fn waiting(&self, name: &str) -> usize {
        let live = self.live.borrow();
        let waits = |frame: &&Rc<Frame>| {
            let blocked = frame.blocked.borrow();
            let object = blocked.last().and_then(|place| place.object);
            object.is_some_and(|object| *self.objects[usize::from(object)].name == *name)
        };
        live.iter().filter(waits).count()
    }

    /// Returns the name of what is called.
    fn callee(&self, callee: Callee) -> Arc<str> {
        match callee {
            Callee::Body(body) => self.model.bodies[usize::from(body)].name.clone(),
            Callee::Rust(index) => {
                let mut names = self.programs.names();
                names.nth(usize::from(index)).unwrap_or_default().into()
            }
        }
    }

    /// Starts a function in Rust.
    fn rust(&self, index: u16, names: &[Arc<str>], values: &[Value]) -> Result<Main, Error> {
        let mut parameters = BTreeMap::new();
        for (name, value) in names.iter().zip(values) {
            parameters.insert(name.clone(), plain(value)?);
        }
        let parameters = Parameters::new(parameters);
        Ok(self.programs.start(index, parameters))
    }

    /// Runs a function in Rust for a task.
    async fn run_rust(self: &Rc<Self>, task: &Rc<TaskInfo>, main: Main) -> Result<Value, Error> {
        let before = PROGRAM.get();
        PROGRAM.set(Some((self.clone(), task.clone())));
        let result = received(main).await;
        PROGRAM.set(before);
        Ok(result?.map(Value::from)?)
    }

    /// Watches over a task: tells the run when it is over.
    fn ending(self: &Rc<Self>, info: &Rc<TaskInfo>) -> Ending {
        Ending {
            machine: self.clone(),
            info: info.clone(),
            is_over: Cell::new(false),
        }
    }

    /// Writes a line into the run.
    fn log(&self, frame: &Frame, span: Span, text: String) {
        self.notes.counted(Counted::Logged(&text));
        core::current().log(text.clone());
        frame.note(Some(span), || What::Logged(text));
    }

    /// Writes down what a step gave, counts it, and looks at the checks.
    fn stepped(&self, frame: &Frame, step: &Step, result: &Result<Value, Error>) {
        if result.is_ok() {
            self.notes.counted(Counted::Step(&step.act));
        }
        if !matches!(step.act, Act::Log(_)) || result.is_err() {
            frame.note(Some(step.span), || match result {
                Ok(value) => What::Gave(value.shown()),
                Err(error) => What::Raised(error.to_string()),
            });
        }
        self.look(&frame.task);
        self.steps.set(self.steps.get() + 1);
        if let Some(Progress(tell)) = &self.progress
            && self.steps.get().is_multiple_of(PROGRESS)
        {
            tell(time::now(), self.steps.get());
        }
    }

    /// Counts the rounds of loops. One that never waits would keep the run from ever ending.
    async fn spin(&self, frame: &Frame, span: Span) -> Result<(), Error> {
        let now = core::current().state.borrow().steps;
        let (rounds, step) = self.rounds.get();
        let rounds = if step == now { rounds + 1 } else { 0 };
        self.rounds.set((rounds, now));
        if rounds < MOST_ROUNDS {
            return Ok(());
        }
        let text = format!("a loop made {MOST_ROUNDS} rounds and never waited for anything");
        self.fail("livelock", frame, span, &text).await
    }

    /// Fails the run: nothing more will happen in it.
    async fn fail<T>(
        &self,
        kind: &'static str,
        frame: &Frame,
        span: Span,
        text: &str,
    ) -> Result<T, Error> {
        self.fail_with(kind, frame, span, text, Vec::new()).await
    }

    async fn fail_with<T>(
        &self,
        kind: &'static str,
        frame: &Frame,
        span: Span,
        text: &str,
        values: Vec<(Span, String)>,
    ) -> Result<T, Error> {
        self.failed(kind, &frame.task, Some(span), text, values);
        std::future::pending().await
    }

    /// Keeps the first reason for which the run failed, and stops the loop.
    fn failed(
        &self,
        kind: &'static str,
        task: &TaskInfo,
        span: Option<Span>,
        text: &str,
        values: Vec<(Span, String)>,
    ) {
        let mut problem = self.problem.borrow_mut();
        if problem.is_some() {
            return;
        }
        let place = span.map_or("", |span| self.model.source.slice(span));
        let key = match kind {
            "expect" => format!("expect {} {place}", task.body),
            kind => format!("{kind} {text}"),
        };
        *problem = Some(Problem {
            kind,
            key,
            message: text.to_owned(),
            host: task.host.clone(),
            task: Some(task.name.clone()),
            at: time::now(),
            span,
            values,
        });
        drop(problem);
        if let Some(core) = core::try_current() {
            core.note_failure();
        }
        self.is_closing.set(true);
        event_loop::stop();
    }
}

/// Turns a value into one that a function in Rust can be given.
fn plain(value: &Value) -> Result<Const, Error> {
    Ok(match value {
        Value::None | Value::Nobody => Const::None,
        Value::Bool(value) => Const::Bool(*value),
        Value::Int(value) => Const::Int(*value),
        Value::Text(text) => Const::Text(text.clone()),
        Value::Duration(duration) => Const::Duration(*duration),
        Value::List(items) => {
            let items: Result<Vec<Const>, Error> = items.iter().map(plain).collect();
            Const::List(items?)
        }
        Value::Error(_) | Value::Thing(_) => {
            let kind = value.kind();
            return Err(Error::invalid(format!(
                "{kind} cannot be given to a function in Rust"
            )));
        }
    })
}

/// Tells the run when a task is over, even if that is because its future is dropped.
struct Ending {
    machine: Rc<Machine>,
    info: Rc<TaskInfo>,
    is_over: Cell<bool>,
}

impl Ending {
    fn over(&self, result: &Result<Value, Error>) {
        let unheard = core::current().state.borrow().has_unheard_cancel();
        let state = match result {
            Ok(_) if unheard => TaskState::Cancelled,
            Ok(_) => TaskState::Returned,
            Err(error) if error.name == super::tree::ErrorName::Cancelled => TaskState::Cancelled,
            Err(_) => TaskState::Failed,
        };
        self.is_over.set(true);
        self.end(state, || match result {
            Ok(value) if state == TaskState::Returned => What::Returned(value.shown()),
            Err(error) if state == TaskState::Failed => What::Failed(error.to_string()),
            Ok(_) | Err(_) => What::Cancelled,
        });
    }

    fn end(&self, state: TaskState, what: impl FnOnce() -> What) {
        let Self { machine, info, .. } = self;
        info.state.set(state);
        machine.pending.set(machine.pending.get() - 1);
        machine.notes.counted(match state {
            TaskState::Failed => Counted::Failed(info),
            TaskState::Cancelled => Counted::Cancelled(info),
            TaskState::Returned | TaskState::Pending => Counted::Returned(info),
        });
        machine.notes.note(info, Some(&info.body), None, || {
            let what = what();
            *info.result.borrow_mut() = match &what {
                What::Returned(text) | What::Failed(text) => Some(text.clone()),
                _ => None,
            };
            what
        });
        machine.look(info);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.is_over.get() && !self.machine.is_closing.get() {
            self.end(TaskState::Cancelled, || What::Cancelled);
        }
    }
}
