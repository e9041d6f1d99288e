//! Running a program from outside, as `asyncio.run` does: the main task, then the shutdown. A
//! deadlock does not end the run at once: the main task is cancelled, and the run goes on.

use std::rc::Rc;

use simrun::Sim;
use simrun::assure::{Failure, FailureKind};
use simrun::event_loop::{self, EventLoop, Report, ReportKind};
use simrun::task;
use simrun::task::Task;

use super::body::coroutine;
use super::machine::Machine;
use super::program::Program;
use super::value::{Exc, Value};
use super::watch::Watch;

/// How often a deadlock is answered with cancellation before the program counts as stuck.
const RESCUES: usize = 3;

/// The events of the harness are nobody's.
const NOBODY: &str = "-";

/// Runs a program and returns its trace.
pub(crate) fn run(program: &Program, sim: &Sim) -> Vec<String> {
    run_under(None, program, sim)
}

/// Runs a program and returns its trace, and what was wrong whenever it stood still. Between the
/// main task and the shutdown, the others go on until they stand still as well.
pub(crate) fn watched(program: &Program, sim: &Sim) -> (Vec<String>, Vec<String>) {
    let watch = Watch::new(program);
    let trace = run_under(Some(&watch), program, sim);
    (trace, watch.take_problems())
}

fn run_under(watch: Option<&Watch>, program: &Program, sim: &Sim) -> Vec<String> {
    let event_loop = EventLoop::with(&sim.clone().eager_tasks(program.eager));
    let machine = event_loop.within(|| Rc::new(Machine::new(program)));
    let harness = Harness {
        event_loop,
        machine,
        watch,
    };
    let end = harness.run(program);
    harness.look();
    harness.log(&format!("end:{end}"));
    harness.event_loop.close();
    harness.machine.take_lines()
}

struct Harness<'a> {
    event_loop: EventLoop,
    machine: Rc<Machine>,
    watch: Option<&'a Watch>,
}

/// The program can never go on.
struct Stuck;

impl Harness<'_> {
    fn look(&self) {
        if let Some(watch) = self.watch {
            self.event_loop.within(|| watch.look(&self.machine));
        }
    }

    /// Lets the tasks go on that the main task has left, if someone watches.
    fn settle(&self) {
        if self.watch.is_none() {
            return;
        }
        match self.event_loop.run_forever() {
            Err(failure) if failure.kind() == FailureKind::Deadlock => self.look(),
            Err(failure) => self.log(&format!("limit:{failure}")),
            Ok(()) => self.log("limit:the loop was stopped"),
        }
    }

    fn log(&self, event: &str) {
        self.machine.log(self.event_loop.time(), NOBODY, event);
    }

    /// Runs the program and says how it ended.
    fn run(&self, program: &Program) -> String {
        let main = self.event_loop.within(|| {
            let machine = self.machine.clone();
            event_loop::set_exception_handler(move |report| log_report(&machine, report));
            task::try_spawn(coroutine(&self.machine, "main", &program.main))
        });
        let main = Rc::new(main);
        self.event_loop
            .within(|| self.machine.name("main", main.clone()));
        let mut end = match self.run_main(&main) {
            Ok(end) => end,
            Err(Stuck) => {
                self.log_ends();
                return "stuck".to_owned();
            }
        };
        self.settle();
        if self.shut_down().is_err() {
            end.push_str("+stuck");
        }
        self.log_ends();
        end
    }

    fn run_main(&self, main: &Task<Value>) -> Result<String, Stuck> {
        let rescue = || {
            self.log("cancel_main");
            self.event_loop.within(|| main.cancel());
        };
        self.rescued(|| self.event_loop.run_until_done(main), rescue)?;
        let result = self.event_loop.within(|| main.result());
        let result = result.expect("the main task is done").map_err(Exc::from);
        let end = match &result {
            Ok(_) => "ok",
            Err(Exc::Cancelled(_)) => "cancelled",
            Err(_) => "exc",
        };
        self.log(&match result {
            Ok(value) => format!("main_done:{value}"),
            Err(exc) => format!("main_done:!{exc}"),
        });
        Ok(end.to_owned())
    }

    fn shut_down(&self) -> Result<(), Stuck> {
        self.rescued(|| self.event_loop.cancel_all(), || ())?;
        self.rescued(|| self.event_loop.run_shutdown_hooks(), || ())
    }

    /// Runs the loop until `act` succeeds, with a rescue after each of the first few deadlocks.
    fn rescued(
        &self,
        act: impl Fn() -> Result<(), Failure>,
        rescue: impl Fn(),
    ) -> Result<(), Stuck> {
        for left in (0..=RESCUES).rev() {
            match act() {
                Ok(()) => return Ok(()),
                Err(failure) if failure.kind() == FailureKind::Deadlock => {
                    self.log(&format!("deadlock:[{}]", self.machine.blocked()));
                    self.look();
                    if left > 0 {
                        rescue();
                    }
                }
                Err(failure) => {
                    self.log(&format!("limit:{failure}"));
                    break;
                }
            }
        }
        Err(Stuck)
    }

    /// Writes down how every task that was spawned by name has ended.
    fn log_ends(&self) {
        for label in &*self.machine.spawned.borrow() {
            let handle = self
                .machine
                .handle(label)
                .expect("a spawned task has a name");
            let state = self.event_loop.within(|| handle.state());
            self.log(&format!("final:{label}={state}"));
        }
    }
}

/// Writes down what the loop's exception handler is told. That an error was never looked at is
/// left out: when CPython notices depends on when it collects garbage.
fn log_report(machine: &Machine, report: &Report) {
    let kind = match report.kind() {
        ReportKind::Shutdown => "shutdown",
        ReportKind::Orphan => "tg_orphan",
        ReportKind::Callback => "callback",
        _ => return,
    };
    let exc = report.error().cloned().map(Exc::from);
    let exc = exc.map_or("none".to_owned(), |exc| exc.to_string());
    machine.log(report.at(), NOBODY, &format!("exc_handler:{kind}:{exc}"));
}
