//! Commands: which program is to be run, with what, and where its streams lead.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use super::ExitStatus;
use super::child::{Child, Output};
use super::pipe::{self, PIPE_CAPACITY, PipeReader, PipeWriter};
use super::program::{self, Context, Program};
use super::streams::{Input, Lines, Output as Sink, Streams};
use super::table::{Life, Process, RUN, Table};
use crate::chance::decide_fault;
use crate::event_loop::core::{self, Core};
use crate::task::Plain;

/// Programs that run other programs' text. They are not simulated, which deserves to be said.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "cmd", "powershell"];

/// A program to be run, with its arguments, environment and streams: `std`'s and `tokio`'s builder.
///
/// The program is one that was [registered](super::register). Without further words it inherits its
/// parent's streams and environment. The streams of the run itself are: nothing to read, and the
/// run's trace to write to, a line at a time, after the program's name.
///
/// A command keeps the pipe ends that it was given, as `std`'s does, so that it can be spawned
/// again: as long as it lives, those who read from the other end do not find the end of the data.
///
/// ```
/// use futures::io::{AsyncReadExt, AsyncWriteExt, copy};
/// use simrun::process::{self, Command, Context, Stdio};
///
/// # simrun::run(async {
/// process::register("yes", |mut context: Context| async move {
///     while context.stdout.write_all(b"y\n").await.is_ok() {}
/// });
/// process::register("head", |mut context: Context| async move {
///     copy((&mut context.stdin).take(4), &mut context.stdout).await.map(|_| ())
/// });
/// let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
/// let head = Command::new("head").stdin(yes.stdout.take().unwrap()).output().await.unwrap();
/// assert_eq!(head.stdout, b"y\ny\n");
/// assert!(yes.wait().await.unwrap().success());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Command {
    program: Arc<str>,
    args: Vec<String>,
    env: Environment,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    kill_on_drop: bool,
}

/// How an environment differs from the parent's.
#[derive(Clone, Debug, Default)]
struct Environment {
    clear: bool,
    changes: BTreeMap<String, Option<String>>,
}

/// Where a stream of a child leads.
///
/// ```
/// use simrun::process::{self, Command, Stdio};
///
/// # simrun::run(async {
/// process::register("true", |_| async {});
/// let (reader, _writer) = process::pipe().unwrap();
/// let mut child = Command::new("true").stdin(reader).stdout(Stdio::null()).spawn().unwrap();
/// child.wait().await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Stdio(Where);

#[derive(Clone, Debug)]
enum Where {
    Piped,
    Null,
    Inherit,
    From(PipeReader),
    To(PipeWriter),
}

impl Stdio {
    /// Makes a pipe, whose other end the [`Child`] has.
    pub fn piped() -> Self {
        Self(Where::Piped)
    }

    /// Reads nothing, or writes to nowhere.
    pub fn null() -> Self {
        Self(Where::Null)
    }

    /// Uses the parent's stream.
    pub fn inherit() -> Self {
        Self(Where::Inherit)
    }
}

impl From<PipeReader> for Stdio {
    /// Reads from a pipe, such as another child's stdout.
    fn from(reader: PipeReader) -> Self {
        Self(Where::From(reader))
    }
}

impl From<PipeWriter> for Stdio {
    /// Writes to a pipe, such as another child's stdin.
    fn from(writer: PipeWriter) -> Self {
        Self(Where::To(writer))
    }
}

impl Command {
    /// Begins with the name of a program.
    pub fn new(program: impl Into<Arc<str>>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Environment::default(),
            stdin: None,
            stdout: None,
            stderr: None,
            kill_on_drop: false,
        }
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl Into<String>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let change = Some(value.into());
        self.env.changes.insert(name.into(), change);
        self
    }

    /// Sets variables of the environment.
    pub fn envs(
        &mut self,
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> &mut Self {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Leaves a variable out that the parent has.
    pub fn env_remove(&mut self, name: impl Into<String>) -> &mut Self {
        self.env.changes.insert(name.into(), None);
        self
    }

    /// Begins with an empty environment. Forgets what was set before.
    pub fn env_clear(&mut self) -> &mut Self {
        self.env.clear = true;
        self.env.changes.clear();
        self
    }

    /// Says what the child reads.
    ///
    /// # Panics
    ///
    /// If that is the writing end of a pipe.
    #[track_caller]
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        let stdin = stdin.into();
        let wrong = matches!(stdin.0, Where::To(_));
        assert!(!wrong, "nothing can be read from the writing end of a pipe");
        self.stdin = Some(stdin);
        self
    }

    /// Says where the child writes to.
    ///
    /// # Panics
    ///
    /// If that is the reading end of a pipe.
    #[track_caller]
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.stdout = Some(to_write(stdout.into()));
        self
    }

    /// Says where the child writes its complaints to.
    ///
    /// # Panics
    ///
    /// If that is the reading end of a pipe.
    #[track_caller]
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.stderr = Some(to_write(stderr.into()));
        self
    }

    /// Has the child killed when its handle is dropped. Without it, the child goes on.
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Self {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Starts the program as a child of the process whose code this is.
    ///
    /// # Errors
    ///
    /// If there is no such program: [`NotFound`](io::ErrorKind::NotFound). If the run has
    /// [faults](super::Faults) and this is one.
    ///
    /// # Panics
    ///
    /// Outside a run, or if the loop is closed.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.spawn_with(&[Where::Inherit, Where::Inherit, Where::Inherit])
    }

    /// Starts the program and waits for its end. A handle that is dropped before kills the child
    /// if it [shall](Self::kill_on_drop).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async move {
            let mut child = child?;
            child.wait().await
        }
    }

    /// Starts the program, waits for its end, and collects what it writes. Without further words it
    /// has nothing to read.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        let child = self.spawn_with(&[Where::Null, Where::Piped, Where::Piped]);
        async move { child?.wait_with_output().await }
    }

    /// Starts the program, with pipes where nothing else was said.
    #[track_caller]
    pub(super) fn spawn_piped(&self) -> io::Result<Child> {
        self.spawn_with(&[Where::Piped, Where::Piped, Where::Piped])
    }

    #[track_caller]
    fn spawn_with(&self, defaults: &[Where; 3]) -> io::Result<Child> {
        let at = Location::caller();
        let core = core::current();
        assert!(
            !core.closed.get(),
            "the loop is closed: no process can be spawned on it"
        );
        let table = Table::of(&core);
        let program = self.look_up(&table)?;
        self.fail_by_chance(&core, &table)?;
        let parent = table.current(&core);
        let process = self.make_process(&table, parent.as_deref(), at);
        let mut child = Child::new(&process, self.kill_on_drop);
        let streams = self.make_streams(defaults, parent.as_deref(), &mut child, at);
        process.life.with(|life| life.streams = streams);
        let args = self.args.clone();
        let given = process.clone();
        // The program's handles of its streams are made by the task that uses them.
        let future = async move { program::run(program, Context::new(&given, args)).await };
        let title = process.to_string();
        let head = core.spawn_head(Box::pin(Plain::Future { future }), title.into(), at);
        process.start(&core, head);
        Ok(child)
    }

    fn look_up(&self, table: &Table) -> io::Result<Program> {
        let programs = table.programs.borrow();
        programs.get(&*self.program).cloned().ok_or_else(|| {
            let name = &self.program;
            let message = if SHELLS.contains(&&**name) {
                format!(
                    "there is no program `{name}`: shells are not simulated, so spawn the programs \
                     themselves and connect them by pipes, or register a program of that name"
                )
            } else {
                format!("there is no program `{name}`: make it known by `process::register` first")
            };
            io::Error::new(io::ErrorKind::NotFound, message)
        })
    }

    /// Decides whether there is enough of everything for another process.
    fn fail_by_chance(&self, core: &Core, table: &Table) -> io::Result<()> {
        let fault = format!("spawn {}", self.program);
        let probability = table.faults.get().spawn_failure_probability();
        let (kind, message) = match decide_fault(core, core.current_path(), &fault, 2, probability)
        {
            0 => return Ok(()),
            1 => (io::ErrorKind::WouldBlock, "there are too many processes"),
            _ => (
                io::ErrorKind::OutOfMemory,
                "there is no memory for another process",
            ),
        };
        Err(io::Error::new(kind, message))
    }

    fn make_process(
        &self,
        table: &Table,
        parent: Option<&Process>,
        at: &'static Location<'static>,
    ) -> Arc<Process> {
        let inherited = parent.map(|parent| parent.life.with(|life| life.env.clone()));
        let env = self.env.apply(inherited.unwrap_or_default());
        let life = Life::new(parent.map_or(RUN, |parent| parent.id), env);
        Arc::new(Process::new(
            table.next_id(),
            self.program.clone(),
            life,
            at,
        ))
    }

    /// Makes the streams of a child, and gives the other ends of pipes to its handle.
    fn make_streams(
        &self,
        defaults: &[Where; 3],
        parent: Option<&Process>,
        child: &mut Child,
        at: &'static Location<'static>,
    ) -> Streams {
        let pipe = |what: &str, child: &Child| {
            pipe::make(PIPE_CAPACITY, Some(format!("{child} {what}")), at)
        };
        let stdin = match or(&self.stdin, &defaults[0]) {
            Where::Piped => {
                let (reader, writer) = pipe("stdin", child);
                child.stdin = Some(writer);
                Input::Pipe(reader)
            }
            Where::From(reader) => Input::Pipe(reader.clone()),
            Where::Inherit => parent.map_or(Input::Null, |parent| {
                parent.life.with(|life| life.streams.stdin.clone())
            }),
            Where::Null | Where::To(_) => Input::Null,
        };
        let output = |stdio: &Where, what: &str, inherited: fn(&Streams) -> &Sink| match stdio {
            Where::Piped => {
                let (reader, writer) = pipe(what, child);
                (Sink::Pipe(writer), Some(reader))
            }
            Where::To(writer) => (Sink::Pipe(writer.clone()), None),
            Where::Inherit => {
                let inherited =
                    parent.map(|parent| parent.life.with(|life| inherited(&life.streams).clone()));
                let sink = match inherited {
                    None | Some(Sink::Trace(_)) => Sink::Trace(Lines::new(self.program.clone())),
                    Some(sink) => sink,
                };
                (sink, None)
            }
            Where::Null | Where::From(_) => (Sink::Null, None),
        };
        let (stdout, from_stdout) = output(or(&self.stdout, &defaults[1]), "stdout", |s| &s.stdout);
        let (stderr, from_stderr) = output(or(&self.stderr, &defaults[2]), "stderr", |s| &s.stderr);
        child.stdout = from_stdout;
        child.stderr = from_stderr;
        Streams {
            stdin,
            stdout,
            stderr,
        }
    }
}

fn or<'a>(chosen: &'a Option<Stdio>, default: &'a Where) -> &'a Where {
    chosen.as_ref().map_or(default, |stdio| &stdio.0)
}

#[track_caller]
fn to_write(stdio: Stdio) -> Stdio {
    let wrong = matches!(stdio.0, Where::From(_));
    assert!(
        !wrong,
        "nothing can be written to the reading end of a pipe"
    );
    stdio
}

impl Environment {
    fn apply(&self, inherited: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut variables = if self.clear {
            BTreeMap::new()
        } else {
            inherited
        };
        for (name, value) in &self.changes {
            match value {
                Some(value) => variables.insert(name.clone(), value.clone()),
                None => variables.remove(name),
            };
        }
        variables
    }
}
