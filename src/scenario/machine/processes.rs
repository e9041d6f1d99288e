//! Steps about processes: those that their parents take, and those of a program about itself.

use std::rc::Rc;

use super::connections::{Wanted, as_text};
use super::ends::{Inlet, Outlet};
use super::eval::wrong;
use super::frame::{Flow, Frame, received};
use super::thing::{TaskInfo, Thing};
use super::world::Open;
use super::{Ending, Machine};
use crate::process::{self, Command, Context, Signal, Stdio};
use crate::scenario::programs::Main;
use crate::scenario::tree::{Block, Call, Callee, ErrorName, Expr, ExprKind, Step};
use crate::scenario::value::{Error, Value};
use crate::task;

/// A process, as its parent sees it.
pub(crate) struct Child {
    pub(super) info: Rc<TaskInfo>,
    /// Of what it is given.
    pub(super) launch: u32,
    child: process::Child,
    pub(super) stdin: Rc<Outlet>,
    pub(super) stdout: Rc<Inlet>,
    stderr: Rc<Inlet>,
}

/// What a process is given that has not begun.
pub(super) struct Launch {
    callee: Callee,
    arguments: Vec<Value>,
    rust: Option<Result<Main, Error>>,
    info: Rc<TaskInfo>,
    ending: Ending,
}

/// A process that runs, as it sees itself.
pub(super) struct Running {
    ending: Ending,
    stdin: Rc<Inlet>,
    stdout: Rc<Outlet>,
    stderr: Rc<Outlet>,
}

/// The exit status of a program that has failed.
const FAILED: i32 = 1;

impl Child {
    pub(super) fn is_open(&self) -> bool {
        !self.child.has_ended()
    }

    /// Waits for the process to end, and returns its exit status: minus the number of a signal if
    /// that has killed it.
    pub(super) async fn wait(&self) -> Result<Value, Error> {
        let status = received(self.child.exit()).await??;
        Ok(i64::from(status.returncode()).into())
    }

    fn signal(&self, signal: Signal) -> Result<Value, Error> {
        let sent = self.child.signal(signal);
        sent.map(Value::from)
            .map_err(|_| Error::with(ErrorName::Exit, "the process has ended"))
    }
}

impl Frame {
    /// Starts a program as a process.
    pub(super) async fn start(&self, step: &Step, call: &Call) -> Result<Value, Error> {
        let arguments = self.arguments(call)?;
        let rust = match call.callee {
            Callee::Rust(index) => Some(self.machine.rust(index, &call.names, &arguments)),
            Callee::Body(_) => None,
        };
        let name = self.variable(step.keep);
        let info = self.begin(call, name.as_deref());
        let launch = Launch {
            callee: call.callee,
            arguments,
            rust,
            info: info.clone(),
            ending: self.machine.ending(&info),
        };
        let number = self.machine.launch(launch);
        let mut command = Command::new(self.machine.callee(call.callee));
        command.arg(number.to_string());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = ends else {
            return Err(Error::invalid("the process has no pipes"));
        };
        let child = Rc::new(Child {
            info,
            launch: number,
            child,
            stdin: Outlet::new(stdin),
            stdout: Inlet::new(stdout),
            stderr: Inlet::new(stderr),
        });
        let open = Open::Process(Rc::downgrade(&child));
        self.machine.world.opened(name, open);
        Ok(Value::Thing(Thing::Process(child)))
    }

    fn child(&self, expr: &Expr) -> Result<Rc<Child>, Error> {
        match self.value(expr)? {
            Value::Thing(Thing::Process(child)) => Ok(child),
            other => Err(wrong(expr, "a process", &other)),
        }
    }

    /// Gives a process its input, and reads all that it writes, until it has ended.
    pub(super) async fn communicate(&self, process: &Expr, input: &Expr) -> Result<Value, Error> {
        let child = self.child(process)?;
        let input = self.text(input)?;
        let feed = async {
            // As in asyncio, a process need not read all that it is given.
            if child.stdin.write(input.as_bytes()).is_ok() {
                let _ = child.stdin.flush().await;
            }
            child.stdin.close();
        };
        let (stdout, stderr) = (
            child.stdout.read(Wanted::All),
            child.stderr.read(Wanted::All),
        );
        let told = futures::future::join3(feed, stdout, stderr);
        let ((), stdout, stderr) = received(told).await?;
        let (stdout, stderr) = (stdout?, stderr?);
        child.wait().await?;
        Ok(Value::list([as_text(&stdout), as_text(&stderr)]))
    }

    /// Feeds a process with what another one writes, to the end.
    pub(super) async fn pipe(&self, from: &Expr, to: &Expr) -> Result<Value, Error> {
        let (from, to) = (self.child(from)?, self.child(to)?);
        loop {
            let bytes = received(from.stdout.read(Wanted::Some)).await??;
            if bytes.is_empty() {
                break;
            }
            to.stdin.write(&bytes)?;
            received(to.stdin.flush()).await??;
        }
        to.stdin.close();
        Ok(Value::None)
    }

    pub(super) fn signal(&self, process: &Expr, signal: &Expr) -> Result<Value, Error> {
        let child = self.child(process)?;
        child.signal(self.signal_named(signal)?)
    }

    pub(super) fn send_signal(&self, process: &Expr, signal: Signal) -> Result<Value, Error> {
        self.child(process)?.signal(signal)
    }

    fn signal_named(&self, expr: &Expr) -> Result<Signal, Error> {
        let name = self.text(expr)?.to_lowercase();
        Ok(match name.strip_prefix("sig").unwrap_or(&name) {
            "hup" => Signal::Hup,
            "int" => Signal::Int,
            "quit" => Signal::Quit,
            "kill" => Signal::Kill,
            "usr1" => Signal::Usr1,
            "usr2" => Signal::Usr2,
            "pipe" => Signal::Pipe,
            "term" => Signal::Term,
            "chld" => Signal::Chld,
            _ => {
                let text = format!(
                    "there is no signal {name:?}: say \"term\", \"int\", \"kill\", \
                    \"hup\", \"quit\", \"usr1\", \"usr2\", \"pipe\" or \"chld\""
                );
                return Err(Error::invalid(text).at(expr.span));
            }
        })
    }

    /// Ends the process whose step this is.
    pub(super) async fn exit(&self, code: &Expr) -> Result<Value, Error> {
        let status = self.int(code)?;
        let code = i32::try_from(status & 0xff).unwrap_or(FAILED);
        let Some(running) = self.machine.running() else {
            return Err(Error::with(ErrorName::Misuse, "only a process can exit"));
        };
        running.flush().await?;
        running.ending.over(&Ok(status.into()));
        process::exit(code).await;
    }

    /// Has a block run whenever a signal comes, beside whatever the process does.
    pub(super) fn on_signal(&self, signal: &Expr, block: &Block) -> Result<Value, Error> {
        let signal = match self.signal_named(signal)? {
            Signal::Kill => {
                return Err(Error::invalid("kill cannot be handled").at(signal.span));
            }
            signal => signal,
        };
        let outside = || Error::with(ErrorName::Misuse, "only a process handles signals");
        let mut signals = process::listen(signal).ok_or_else(outside)?;
        let (frame, block) = (self.beside(), block.clone());
        let handle = async move {
            loop {
                received(signals.recv()).await?;
                match frame.block(&block, None).await? {
                    Flow::Break | Flow::Return(_) => return Ok::<(), Error>(()),
                    Flow::Next | Flow::Continue => {}
                }
            }
        };
        let machine = self.machine.clone();
        let handler = async move {
            if let Err(error) = handle.await {
                machine.process_failed(&error).await;
            }
        };
        task::spawn(handler)
            .name(format!("on_signal {signal}"))
            .detach();
        Ok(Value::None)
    }
}

impl Running {
    /// Has everything written that the program has written.
    async fn flush(&self) -> Result<(), Error> {
        for outlet in [&self.stdout, &self.stderr] {
            if outlet.unsent() > 0 {
                // That nobody reads it any more is no reason not to end.
                let _ = received(outlet.flush()).await?;
            }
        }
        Ok(())
    }
}

/// Forgets a process when its program is over or killed.
struct Entry {
    machine: Rc<Machine>,
    id: u32,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let gone = self.machine.world.running.borrow_mut().remove(&self.id);
        drop(gone);
    }
}

impl Machine {
    /// Makes the scenario's programs known.
    pub(super) fn register_programs(self: &Rc<Self>) {
        let own = self.model.bodies.iter().filter(|body| body.is_program);
        let names = own.map(|body| body.name.to_string());
        let rust = self.programs.names().map(ToOwned::to_owned);
        for name in names.chain(rust) {
            let machine = self.clone();
            process::register(name, move |context| machine.clone().program(context));
        }
    }

    /// Keeps what a process is given until it begins, and returns the number to ask for it.
    fn launch(&self, launch: Launch) -> u32 {
        let number = self.world.launched.get();
        self.world.launched.set(number + 1);
        self.world.launches.borrow_mut().insert(number, launch);
        number
    }

    /// Returns the process whose code this is.
    fn running(&self) -> Option<Rc<Running>> {
        self.world.running.borrow().get(&process::id()).cloned()
    }

    pub(super) fn standard_stream(&self, stream: &ExprKind) -> Result<Value, Error> {
        let Some(running) = self.running() else {
            return Err(Error::invalid("only a process has standard streams"));
        };
        Ok(Value::Thing(match stream {
            ExprKind::Stdin => Thing::Input(running.stdin.clone()),
            ExprKind::Stdout => Thing::Output(running.stdout.clone()),
            _ => Thing::Output(running.stderr.clone()),
        }))
    }

    /// Runs a program to its end, and returns its exit status.
    async fn program(self: Rc<Self>, context: Context) -> i32 {
        let number = context.args.first().and_then(|number| number.parse().ok());
        let launch = number.and_then(|number: u32| {
            let mut launches = self.world.launches.borrow_mut();
            launches.remove(&number)
        });
        let Some(launch) = launch else { return FAILED };
        let Context {
            stdin,
            stdout,
            stderr,
            ..
        } = context;
        let running = Rc::new(Running {
            ending: launch.ending,
            stdin: Inlet::new(stdin),
            stdout: Outlet::new(stdout),
            stderr: Outlet::new(stderr),
        });
        let id = process::id();
        self.world.running.borrow_mut().insert(id, running.clone());
        let machine = self.clone();
        let _entry = Entry { machine, id };
        let result = match (launch.callee, launch.rust) {
            (Callee::Body(body), _) => {
                let frame = Frame::new(&self, body, launch.info, launch.arguments);
                received(frame.run()).await.and_then(|result| result)
            }
            (Callee::Rust(_), Some(Ok(program))) => {
                let result = received(program).await;
                result.and_then(|result| result.map(Value::from).map_err(Error::from))
            }
            (Callee::Rust(_), Some(Err(error))) => Err(error),
            (Callee::Rust(_), None) => Ok(Value::None),
        };
        if let Err(error) = &result {
            let _ = running.stderr.write(format!("{error}\n").as_bytes());
        }
        // A process that is cancelled meanwhile leaves the rest unwritten.
        let _ = running.flush().await;
        running.ending.over(&result);
        if result.is_ok() { 0 } else { FAILED }
    }

    /// Ends the process whose handler of a signal has failed.
    async fn process_failed(&self, error: &Error) {
        let Some(running) = self.running() else {
            return;
        };
        let _ = running.stderr.write(format!("{error}\n").as_bytes());
        let _ = running.flush().await;
        running.ending.over(&Err(error.clone()));
        process::exit(FAILED).await;
    }
}
