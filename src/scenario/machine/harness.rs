//! Running a scenario from outside, as `asyncio.run` does: the main task, then the shutdown.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Machine;
use super::checks::End;
use super::frame::Waiting;
use super::notes::Counted;
use super::objects::Object;
use super::thing::{TaskInfo, TaskThing};
use crate::assure::{Blocked, Deadlock, Failure, FailureKind};
use crate::event_loop::{self, EventLoop, Report, ReportKind};
use crate::scenario::model::Model;
use crate::scenario::programs::Programs;
use crate::scenario::record::{Ended, Problem, Record, RunOptions, Standing, Verdict, What};
use crate::scenario::source::{Source, Span};
use crate::scenario::tree::{Callee, ErrorName};
use crate::scenario::value::{Error, Value};
use crate::task;
use crate::{Run, Sim, Strategy};

/// How often a program that can never go on is interrupted before it counts as stuck.
const RESCUES: usize = 3;

/// Runs a scenario once.
pub(crate) fn run(model: &Arc<Model>, programs: &Programs, options: &RunOptions) -> Record {
    let seed = options.seed.or(model.run.seed).unwrap_or(0);
    let strategy = options
        .strategy
        .clone()
        .unwrap_or_else(|| strategy(model, seed));
    let mut sim = Sim::new()
        .seed(seed)
        .strategy(strategy)
        .until(options.until.or(model.run.until))
        .max_steps(options.max_steps.or(model.run.max_steps))
        .eager_tasks(model.run.eager);
    if let Some(limit) = options.wall_clock {
        sim = sim.wall_clock(limit);
    }
    Harness::new(&sim, model, programs, options).run(&sim)
}

/// Runs a scenario once under a simulation, which says everything but what the file says of the
/// program itself.
pub(crate) fn run_under(sim: &Sim, model: &Arc<Model>, programs: &Programs) -> Run<()> {
    let sim = sim.clone().eager_tasks(model.run.eager);
    let options = RunOptions::default();
    let harness = Harness::new(&sim, model, programs, &options);
    let record = harness.run(&sim);
    let failure = match record.verdict {
        Verdict::Passed => None,
        Verdict::Failed(problem) | Verdict::Undecided(problem) => {
            let of_loop = harness
                .failure
                .take()
                .map(|failure| harness.placed(failure));
            Some(of_loop.unwrap_or_else(|| failure(problem, &model.source)))
        }
    };
    let core = harness.event_loop.core();
    let value = failure.is_none().then_some(());
    sim.conclude(core, value, failure, Vec::new())
}

/// Says of a problem what the crate says of failures.
fn failure(problem: Problem, source: &Source) -> Failure {
    let kind = match problem.kind {
        "check" | "expect" | "fail" => FailureKind::Check,
        "livelock" => FailureKind::Livelock,
        "panic" => FailureKind::Panic,
        "cancelled" => FailureKind::Cancelled,
        _ => FailureKind::Error,
    };
    let mut failure = Failure::new(kind, problem.message, problem.at);
    failure.task = problem.task.map(|task| match problem.host {
        Some(host) => format!("{host}/{task}"),
        None => task.to_string(),
    });
    failure.location = problem.span.map(|span| {
        let (line, column) = source.place(span.start);
        format!("{}:{line}:{column}", source.name)
    });
    failure
}

/// Returns the strategy that the file asks for, or the one that goes with the seed.
fn strategy(model: &Model, seed: u64) -> Strategy {
    let asked = model.run.strategy.as_deref();
    match asked.and_then(|name| name.parse().ok()) {
        Some(strategy) => strategy,
        None if seed == 0 => Strategy::fifo(),
        None => Strategy::random(),
    }
}

struct Harness {
    event_loop: EventLoop,
    machine: Rc<Machine>,
    /// Why the loop could not go on, if that is why the run did not pass.
    failure: RefCell<Option<Failure>>,
    /// The limit on virtual time.
    until: Option<Duration>,
}

impl Harness {
    fn new(sim: &Sim, model: &Arc<Model>, programs: &Programs, options: &RunOptions) -> Self {
        let event_loop = EventLoop::with(sim);
        let machine = event_loop.within(|| Rc::new(Machine::new(model, programs, options)));
        let until = event_loop.core().limits.until;
        Self {
            event_loop,
            machine,
            failure: RefCell::default(),
            until,
        }
    }

    fn run(&self, sim: &Sim) -> Record {
        let failure = self.drive().err();
        let end = self.end(failure.as_ref());
        let is_over = end == End::Over;
        let checks = self.event_loop.within(|| self.machine.final_checks(end));
        let tasks = self.tasks();
        self.machine.is_closing.set(true);
        self.event_loop.within(|| self.machine.forget());
        self.event_loop.close();
        let violation = || self.event_loop.core().violation();
        let failure = failure
            .or_else(violation)
            .or_else(|| self.unhandled(is_over));
        let problem = self.machine.problem.take();
        let undecided = problem.is_none() && failure.as_ref().is_some_and(is_budget);
        if problem.is_none() {
            self.failure.replace(failure.clone());
        }
        let problem = problem.or_else(|| failure.map(|failure| self.problem(failure)));
        let verdict = match problem {
            None => Verdict::Passed,
            Some(problem) if undecided => Verdict::Undecided(problem),
            Some(problem) => Verdict::Failed(problem),
        };
        Record {
            seed: sim.seed,
            strategy: sim.strategy.to_string(),
            verdict,
            now: self.event_loop.time(),
            steps: self.event_loop.steps(),
            fingerprint: self.event_loop.fingerprint(),
            checks,
            events: self.machine.notes.events.take(),
            tasks,
        }
    }

    /// Says how far the run has come.
    fn end(&self, failure: Option<&Failure>) -> End {
        if self.machine.problem.borrow().is_some() {
            return End::Failed;
        }
        match (failure, self.until) {
            (None, _) => End::Over,
            (Some(failure), Some(until)) if failure.kind() == FailureKind::VirtualTime => {
                End::Limit(until)
            }
            (Some(failure), _) if is_budget(failure) => {
                End::Limit(self.event_loop.time().since_start())
            }
            (Some(_), _) => End::Failed,
        }
    }

    /// Runs the main task, or the hosts, and then shuts the loop down.
    fn drive(&self) -> Result<(), Failure> {
        let machine = &self.machine;
        let main = self.event_loop.within(|| {
            let noted = machine.clone();
            event_loop::set_exception_handler(move |report| noted.reported(report));
            machine.start()
        });
        self.run_main(&main)?;
        self.shut_down()
    }

    fn run_main(&self, main: &Rc<TaskThing>) -> Result<(), Failure> {
        let rescue = || {
            self.note(|| What::Interrupted);
            self.event_loop.within(|| main.task.cancel());
        };
        self.rescued(|| self.event_loop.run_until_done(&main.task), rescue)?;
        let result = self.event_loop.within(|| main.task.result());
        let result = result.expect("the main task is done").map_err(Error::from);
        self.note(|| match &result {
            Ok(value) => What::MainReturned(value.shown()),
            Err(error) => What::MainFailed(error.to_string()),
        });
        if let Err(error) = result {
            self.event_loop
                .within(|| self.machine.main_failed(&main.info, &error));
        }
        Ok(())
    }

    fn shut_down(&self) -> Result<(), Failure> {
        self.rescued(|| self.event_loop.cancel_all(), || ())?;
        self.rescued(|| self.event_loop.run_shutdown_hooks(), || ())
    }

    /// Runs the loop until `act` succeeds. If the scenario asks for it, there is a rescue after
    /// each of the first few deadlocks.
    fn rescued(
        &self,
        act: impl Fn() -> Result<(), Failure>,
        rescue: impl Fn(),
    ) -> Result<(), Failure> {
        let mut rescues = if self.machine.model.run.interrupt {
            RESCUES
        } else {
            0
        };
        loop {
            let Err(failure) = act() else {
                return Ok(());
            };
            if failure.kind() == FailureKind::Deadlock {
                let blocked = self.event_loop.within(|| self.machine.blocked());
                self.note(|| What::Stuck(blocked));
                if rescues > 0 {
                    rescues -= 1;
                    rescue();
                    continue;
                }
                self.note(|| What::GivenUp);
            }
            return Err(failure);
        }
    }

    fn note(&self, what: impl FnOnce() -> What) {
        self.event_loop.within(|| {
            let machine = &self.machine;
            machine.notes.note(&machine.nobody, None, None, what);
        });
    }

    /// Returns the first report that nobody has handled, as a failure.
    fn unhandled(&self, is_over: bool) -> Option<Failure> {
        let reports = self.machine.reports.take();
        let report = reports.into_iter().find(|report| !report.is_warning());
        report
            .filter(|_| is_over)
            .map(|report| crate::sim::unhandled(&report))
    }

    /// Returns how every task ended.
    fn tasks(&self) -> Vec<Ended> {
        let roll = self.machine.roll.borrow();
        roll.iter()
            .map(|info| Ended {
                name: info.name.clone(),
                state: info.state.get().word(),
                result: info.result.borrow().clone(),
            })
            .collect()
    }

    /// Says what a failure of the loop means for the scenario.
    fn problem(&self, failure: Failure) -> Problem {
        let mut message = failure.message().to_owned();
        let stuck = self.machine.stuck.borrow();
        let span = stuck.iter().find_map(|standing| standing.span);
        if let Some(deadlock) = failure.deadlock() {
            self.explain(deadlock, &stuck, &mut message);
        }
        Problem {
            kind: failure.kind().word(),
            key: failure.key().to_string(),
            message,
            host: None,
            task: failure.task().map(Arc::from),
            at: failure.at(),
            span,
            values: Vec::new(),
        }
    }

    /// Names places in the scenario instead of those in the crate at which its steps are made.
    fn placed(&self, mut failure: Failure) -> Failure {
        let (model, stuck) = (&self.machine.model, self.machine.stuck.borrow());
        let place = |span: Span| {
            let (line, column) = model.source.place(span.start);
            format!("{}:{line}:{column}", model.source.name)
        };
        for blocked in failure
            .deadlock
            .iter_mut()
            .flat_map(|deadlock| &mut deadlock.blocked)
        {
            let standing = standing_of(blocked, &stuck);
            let step = standing.and_then(|standing| standing.span);
            blocked.waits_at = step.map(place);
            let body = standing.and_then(|standing| {
                let mut bodies = model.bodies.iter();
                bodies.find(|body| body.name == standing.body)
            });
            blocked.spawned_at =
                body.map_or_else(|| "the start".to_owned(), |body| place(body.span));
        }
        failure
    }

    /// Says who waits for what, held by whom, and in which step.
    fn explain(&self, deadlock: &Deadlock, stuck: &[Standing], message: &mut String) {
        let source = &self.machine.model.source;
        for blocked in deadlock.blocked() {
            message.push_str(&format!("\n  {} waits {}", blocked.task, blocked.waits));
            if !blocked.held_by.is_empty() {
                message.push_str(&format!(", held by {}", blocked.held_by.join(" and ")));
            }
            if let Some(place) = standing_of(blocked, stuck).and_then(|standing| standing.span) {
                let (line, _) = source.place(place.start);
                let step = source.slice(place);
                message.push_str(&format!(", in `{step}`, line {line}"));
            }
        }
        if let Some(ring) = deadlock.ring() {
            let first = ring.first().copied().unwrap_or_default();
            let ring = ring.join(" -> ");
            message.push_str(&format!("\n  they wait in a ring: {ring} -> {first}"));
        }
    }
}

/// Finds the innermost body in which a task waits, and its step.
fn standing_of<'a>(blocked: &Blocked, stuck: &'a [Standing]) -> Option<&'a Standing> {
    // A task of a host is called by both names there.
    let name = blocked.task.rsplit(':').next().unwrap_or_default();
    // So is a thread, by its own name and by its worker's number.
    let worker = name.rsplit_once('-').map_or(name, |(thread, _)| thread);
    // The first body on a host is that of its main task, which is called as the host is.
    let mut first = stuck.iter();
    let first = first.find(|standing| standing.host.as_deref() == Some(&*blocked.task));
    let main = first.map_or(name, |standing| &standing.task);
    let is_its = |standing: &&Standing| [name, worker, main].contains(&&*standing.task);
    let mut own = stuck.iter().rev().filter(is_its);
    own.find(|standing| standing.span.is_some())
}

/// Says whether a limit ended the run before it could be told whether it passes.
fn is_budget(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::VirtualTime | FailureKind::Steps | FailureKind::WallClock
    )
}

impl Machine {
    /// Makes the main task: the scenario's own, or one that waits for the hosts.
    fn start(self: &Rc<Self>) -> Rc<TaskThing> {
        self.prepare();
        let own = self.model.bodies.iter();
        let main = own
            .enumerate()
            .find(|(_, body)| &*body.name == "main" && !body.is_program);
        let info = self.task(Some("main"), &"main".into(), None);
        let future = match main {
            Some((index, _)) if self.model.hosts.is_empty() => {
                let index = u16::try_from(index).expect("bodies are numbered by 16 bits");
                self.coroutine(Callee::Body(index), Vec::new(), info.clone(), None)
            }
            _ => self.hosts(&info),
        };
        let task = task::try_spawn(future).name("main");
        let main = Rc::new(TaskThing { info, task });
        self.made(&main);
        *self.main.borrow_mut() = Some(main.clone());
        self.build();
        main
    }

    /// Fails the run because its main task has failed.
    pub(super) fn main_failed(&self, info: &TaskInfo, error: &Error) {
        let kind = match &error.name {
            ErrorName::Own(name) if &**name == "panic" => "panic",
            ErrorName::Cancelled => "cancelled",
            _ => "error",
        };
        let text = match kind {
            "panic" => error.to_string(),
            _ => format!("`{}` failed: {error}", info.body),
        };
        let mut problem = self.problem.borrow_mut();
        problem.get_or_insert_with(|| Problem {
            kind,
            key: format!("{kind} {} {}", info.body, error.name.word()),
            message: text,
            host: info.host.clone(),
            task: Some(info.name.clone()),
            at: event_loop::time(),
            span: error.at,
            values: Vec::new(),
        });
    }

    /// Writes down what the loop's exception handler is told.
    fn reported(&self, report: &Report) {
        let kind = match report.kind() {
            ReportKind::Shutdown => "shutdown",
            ReportKind::Orphan => "orphan",
            ReportKind::Callback => "callback",
            ReportKind::NeverRetrieved => "never retrieved",
            ReportKind::Unfinished => "unfinished",
            ReportKind::Connection => "connection",
            ReportKind::Process => "process",
            _ => "other",
        };
        let error = report.error().cloned().map(Error::from);
        let text = error.as_ref().map(ToString::to_string);
        self.notes.note(&self.nobody, None, None, || {
            What::Reported(kind.to_owned(), text)
        });
        self.reports.borrow_mut().push(report.clone());
    }

    /// Lists the bodies that are not over and the steps in which they stand.
    fn blocked(&self) -> Vec<Standing> {
        let live = self.live.borrow();
        let blocked: Vec<_> = live
            .iter()
            .map(|frame| {
                let blocked = frame.blocked.borrow();
                let place = blocked.last();
                Standing {
                    host: frame.task.host.clone(),
                    task: frame.task.name.clone(),
                    body: frame.model().name.clone(),
                    span: place.map(|place| place.span),
                    beside: place.and_then(|place| self.beside(place)),
                }
            })
            .collect();
        *self.stuck.borrow_mut() = blocked.clone();
        blocked
    }

    /// Looks whether what a step waits for is there: then the tool has lost a wake-up.
    fn beside(&self, place: &Waiting) -> Option<String> {
        let named = &self.objects[usize::from(place.object?)];
        let state = match (&named.object, place.verb) {
            (Object::Lockable(lockable), "with" | "acquire") => {
                (lockable.permits() > 0).then_some("free")
            }
            (Object::Event(event), "wait") => event.is_set().then_some("set"),
            (Object::Barrier(barrier), "wait") => barrier.is_broken().then_some("broken"),
            (Object::Queue(queue), "get") => (queue.len() > 0).then_some("not empty"),
            (Object::Queue(queue), "put") => (!queue.is_full()).then_some("not full"),
            (Object::Future(promise), "await") => promise.is_done().then_some("done"),
            _ => None,
        };
        state.map(|state| format!("{}, which is {state}", named.name))
    }

    /// Lets go of all tasks, so that errors which nobody has seen are reported.
    fn forget(&self) {
        for value in &mut *self.shared.borrow_mut() {
            *value = Value::None;
        }
        self.live.borrow_mut().clear();
        self.main.borrow_mut().take();
    }

    /// Counts a fault that has struck.
    pub(super) fn struck(&self, fault: &str) {
        self.notes.counted(Counted::Fault(fault));
    }
}
