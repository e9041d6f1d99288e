//! Programs: the async functions that processes run, by name.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::FutureExt;
use futures::io::AsyncWriteExt;

use super::signal::Signals;
use super::streams::{Stderr, Stdin, Stdout};
use super::table::{Process, RUN, Table};
use super::{ExitStatus, Signal, Termination};
use crate::error::TaskError;
use crate::event_loop::core;
use crate::panics;

/// What a program that panics exits with, as in Rust.
const PANICKED: u8 = 101;

/// A program, ready to be run.
pub(super) type Program = Rc<dyn Fn(Context) -> Pin<Box<dyn Future<Output = Report>>>>;

/// An exit status, and what is to be written to stderr.
type Report = (u8, Option<String>);

/// Makes a program known to the run under a name, for [`Command::new`](super::Command::new). One
/// that had the name before is replaced.
///
/// The program is an async function; what it returns becomes its [exit
/// status](super::Termination). If it panics, it writes that to stderr and exits with 101. A
/// process has nothing in common with its parent but pipes: that a program here could share memory
/// with others is not prevented.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use futures::io::{AsyncWriteExt, copy};
/// use simrun::process::{self, Command, Context};
///
/// # simrun::run(async {
/// process::register("cat", |mut context: Context| async move {
///     copy(&mut context.stdin, &mut context.stdout).await.map(|_| ())
/// });
/// process::register("echo", |mut context: Context| async move {
///     let line = context.args.join(" ") + "\n";
///     context.stdout.write_all(line.as_bytes()).await
/// });
/// let output = Command::new("echo").args(["hello", "world"]).output().await.unwrap();
/// assert_eq!(output.stdout, b"hello world\n");
/// # });
/// ```
#[track_caller]
pub fn register<P, F>(name: impl Into<String>, program: P)
where
    P: Fn(Context) -> F + 'static,
    F: Future + 'static,
    F::Output: Termination,
{
    let program = Rc::new(program);
    let program: Program = Rc::new(move |context| {
        let program = program.clone();
        Box::pin(async move { program(context).await.report() })
    });
    let table = Table::of(&core::current());
    let _replaced = table.programs.borrow_mut().insert(name.into(), program);
}

/// Runs a program as the head of a process's family.
pub(super) async fn run(program: Program, context: Context) {
    let process = context.process.clone();
    let mut stderr = context.stderr.clone();
    let ended = AssertUnwindSafe(async { program(context).await }).catch_unwind();
    let (code, message) = match ended.await {
        Ok(report) => report,
        Err(payload) => {
            let error = TaskError::panicked(payload, panics::take_location());
            let at = error.location().unwrap_or("an unknown place");
            (
                PANICKED,
                Some(format!("{process} panicked at {at}:\n{error}\n")),
            )
        }
    };
    if let Some(message) = message {
        // Nobody is left to hear that it cannot be written.
        let _ = stderr.write_all(message.as_bytes()).await;
    }
    process.doom(ExitStatus::exited(code));
}

/// What a program is given: arguments, environment, streams and signals.
///
/// ```
/// use simrun::process::{self, Command, Context};
///
/// # simrun::run(async {
/// process::register("greet", |context: Context| async move {
///     assert_eq!(context.name(), "greet");
///     assert_eq!(context.args, ["--loud"]);
///     assert_eq!(context.env["LANG"], "C");
/// });
/// let mut greet = Command::new("greet");
/// assert!(greet.arg("--loud").env("LANG", "C").status().await.unwrap().success());
/// # });
/// ```
#[derive(Debug)]
pub struct Context {
    /// The arguments, without the program's name.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// What the process reads by default.
    pub stdin: Stdin,
    /// What it writes to by default.
    pub stdout: Stdout,
    /// What it writes its complaints to.
    pub stderr: Stderr,
    process: Arc<Process>,
}

impl Context {
    pub(super) fn new(process: &Arc<Process>, args: Vec<String>) -> Self {
        process.life.with(|life| Self {
            args,
            env: life.env.clone(),
            stdin: Stdin::new(&life.streams.stdin, process),
            stdout: Stdout::new(&life.streams.stdout, process),
            stderr: Stdout::for_complaints(&life.streams.stderr, process),
            process: process.clone(),
        })
    }

    /// Returns the program's name.
    pub fn name(&self) -> &str {
        &self.process.program
    }

    /// Listens for a signal, which does nothing by default as long as someone does.
    ///
    /// # Panics
    ///
    /// If the signal is [`Kill`](Signal::Kill), which cannot be caught.
    ///
    /// ```
    /// use simrun::process::{self, Command, Context, Signal};
    ///
    /// # simrun::run(async {
    /// process::register("daemon", |context: Context| async move {
    ///     context.signal(Signal::Term).recv().await;
    ///     3
    /// });
    /// let mut daemon = Command::new("daemon").spawn().unwrap();
    /// simrun::task::yield_now().await;
    /// daemon.terminate().unwrap();
    /// assert_eq!(daemon.wait().await.unwrap().code(), Some(3));
    /// # });
    /// ```
    #[track_caller]
    pub fn signal(&self, signal: Signal) -> Signals {
        assert!(signal != Signal::Kill, "{signal} cannot be caught");
        Signals::new(&self.process, signal, Location::caller())
    }

    /// Has a signal do nothing from now on, unless someone [listens](Self::signal) for it.
    ///
    /// # Panics
    ///
    /// If the signal is [`Kill`](Signal::Kill), which cannot be ignored.
    ///
    /// ```
    /// use simrun::process::{self, Command, Context, Signal};
    /// use simrun::time;
    ///
    /// # simrun::run(async {
    /// process::register("nohup", |context: Context| async move {
    ///     context.ignore(Signal::Hup);
    ///     time::sleep(time::secs(1)).await;
    /// });
    /// let mut child = Command::new("nohup").spawn().unwrap();
    /// simrun::task::yield_now().await;
    /// child.send_signal(Signal::Hup).unwrap();
    /// assert!(child.wait().await.unwrap().success());
    /// # });
    /// ```
    #[track_caller]
    pub fn ignore(&self, signal: Signal) {
        assert!(signal != Signal::Kill, "{signal} cannot be ignored");
        self.process.life.with(|life| life.ignored.insert(signal));
    }
}

/// Ends the process whose code this is, with an exit status modulo 256: `std`'s `exit`. It never
/// returns.
///
/// What else the process has made is killed where it stands, and its streams are closed. Steps of
/// it that are ready before that may still be made, but nothing they write is written any more.
///
/// # Panics
///
/// If this is not in a process: the run's own program returns from its main task.
///
/// ```
/// use simrun::process::{self, Command};
///
/// # simrun::run(async {
/// process::register("deep", |_| async {
///     let inner = simrun::spawn(async { process::exit(7).await });
///     inner.await.unwrap()
/// });
/// let status = Command::new("deep").status().await.unwrap();
/// assert_eq!(status.code(), Some(7));
/// # });
/// ```
pub async fn exit(code: i32) -> ! {
    let core = core::current();
    let process = Table::of(&core).current(&core);
    let process = process.expect("only a process can exit: return from the run's main task");
    process.end_soon(&core, ExitStatus::exited(code as u8));
    drop((core, process));
    loop {
        std::future::pending::<()>().await;
    }
}

/// Returns the id of the process whose code this is: 1 for the run itself, and from 2 on in the
/// order in which processes were spawned.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// assert_eq!(simrun::process::id(), 1);
/// # });
/// ```
#[track_caller]
pub fn id() -> u32 {
    let core = core::current();
    let process = Table::of(&core).current(&core);
    process.map_or(RUN, |process| process.id)
}

/// Returns the id of the parent of the process whose code this is: 1 if it is the run itself or
/// the parent has ended, and 0 for the run.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// assert_eq!(simrun::process::parent_id(), 0);
/// # });
/// ```
#[track_caller]
pub fn parent_id() -> u32 {
    let core = core::current();
    let process = Table::of(&core).current(&core);
    process.map_or(0, |process| process.life.with(|life| life.parent))
}
