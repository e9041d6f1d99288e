//! Children: what a parent can do with a process it has spawned.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::io::{AsyncReadExt, AsyncWriteExt};

use super::pipe::{PipeReader, PipeWriter};
use super::table::{self, Process};
use super::{ExitStatus, Signal};
use crate::event_loop::core;
use crate::event_loop::{Access, Wait, Waited};

/// The pipe to a child's stdin.
///
/// Dropping it closes the pipe, which the child reads as the end of its data.
///
/// ```
/// use futures::io::{AsyncWriteExt, copy};
/// use simrun::process::{self, ChildStdin, Command, Context, Stdio};
///
/// # simrun::run(async {
/// process::register("cat", |mut context: Context| async move {
///     copy(&mut context.stdin, &mut context.stdout).await.map(|_| ())
/// });
/// let mut cat = Command::new("cat");
/// let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
/// let mut stdin: ChildStdin = cat.stdin.take().unwrap();
/// stdin.write_all(b"meow").await.unwrap();
/// drop(stdin);
/// assert_eq!(cat.wait_with_output().await.unwrap().stdout, b"meow");
/// # });
/// ```
pub type ChildStdin = PipeWriter;
/// The pipe from a child's stdout.
///
/// ```
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// use simrun::process::{self, ChildStdout, Command, Context, Stdio};
///
/// # simrun::run(async {
/// process::register("hello", |mut context: Context| async move {
///     context.stdout.write_all(b"hello").await
/// });
/// let mut child = Command::new("hello").stdout(Stdio::piped()).spawn().unwrap();
/// let mut stdout: ChildStdout = child.stdout.take().unwrap();
/// let mut word = String::new();
/// stdout.read_to_string(&mut word).await.unwrap();
/// assert_eq!(word, "hello");
/// child.wait().await.unwrap();
/// # });
/// ```
pub type ChildStdout = PipeReader;
/// The pipe from a child's stderr.
///
/// See [`ChildStdout`].
pub type ChildStderr = PipeReader;

/// How much is read at once from a child that is communicated with.
const CHUNK: usize = 4_096;

/// A process that was [spawned](super::Command::spawn): `tokio`'s handle, with what asyncio's can
/// do besides.
///
/// The child goes on when the handle is dropped, unless it shall be
/// [killed](super::Command::kill_on_drop). One that still runs when the loop is closed, or that has
/// ended without anyone having waited for it, is a
/// [warning](crate::event_loop::ReportKind::Process), which does not fail the run.
///
/// ```
/// use simrun::process::{self, Command};
/// use simrun::time;
///
/// # simrun::run(async {
/// process::register("sleep", |_| time::sleep(time::secs(60)));
/// let mut child = Command::new("sleep").spawn().unwrap();
/// assert_eq!(child.id(), 2);
/// assert!(child.try_wait().unwrap().is_none());
/// child.start_kill().unwrap();
/// assert_eq!(child.wait().await.unwrap().signal(), Some(9));
/// # });
/// ```
#[derive(Debug)]
pub struct Child {
    /// The pipe to its stdin, if there is one.
    pub stdin: Option<ChildStdin>,
    /// The pipe from its stdout, if there is one.
    pub stdout: Option<ChildStdout>,
    /// The pipe from its stderr, if there is one.
    pub stderr: Option<ChildStderr>,
    process: Arc<Process>,
    kill_on_drop: bool,
    told: Told,
}

/// How far a conversation has come that may be broken off.
#[derive(Debug, Default)]
struct Told {
    /// How many bytes of the input were written.
    input: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// What has become of a child: how it ended, and what it wrote to its pipes.
///
/// ```
/// use simrun::process::{self, Command};
///
/// # simrun::run(async {
/// process::register("true", |_| async {});
/// let output = Command::new("true").output().await.unwrap();
/// assert!(output.status.success() && output.stdout.is_empty());
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Child {
    pub(super) fn new(process: &Arc<Process>, kill_on_drop: bool) -> Self {
        Self {
            stdin: None,
            stdout: None,
            stderr: None,
            process: process.clone(),
            kill_on_drop,
            told: Told::default(),
        }
    }

    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Waits for the child's end, and closes nothing.
    #[cfg(feature = "cli")]
    #[track_caller]
    pub(crate) fn exit(&self) -> WaitForExit<'_> {
        WaitForExit::new(&self.process, Location::caller())
    }

    /// Says whether the child has ended, whoever was told.
    #[cfg(feature = "cli")]
    pub(crate) fn has_ended(&self) -> bool {
        self.process.life.with(|life| life.status.is_some())
    }

    /// Sends a signal.
    #[cfg(feature = "cli")]
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        self.process.send_checked(signal)
    }

    /// Returns the process's id, a number that counts the processes of the run.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// Waits until the child has ended. Closes its stdin first, if the handle still has it.
    ///
    /// Pipes may still be open then: another process can have inherited them. The child is not
    /// touched if the one who waits is cancelled, and can be waited for again; once it has ended,
    /// this gives the same every time.
    ///
    /// # Errors
    ///
    /// None yet.
    #[track_caller]
    pub fn wait(&mut self) -> WaitForExit<'_> {
        drop(self.stdin.take());
        WaitForExit::new(&self.process, Location::caller())
    }

    /// Returns how the child has ended, or `None` if it has not.
    ///
    /// # Errors
    ///
    /// None yet.
    #[track_caller]
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let (core, _) = self.process.life.enter(Access::Read);
        let status = self.process.life.with(|life| life.status);
        if status.is_some() {
            self.process.reap(&core);
        }
        Ok(status)
    }

    /// Waits until the child has ended, and collects what it writes to its pipes. Closes its stdin
    /// first.
    ///
    /// # Errors
    ///
    /// None yet.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = self.communicate(&[]).await?;
        Ok(Output {
            status: self.wait().await?,
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        })
    }

    /// Talks to the child: writes `input` to its stdin and closes that, reads its stdout and stderr
    /// meanwhile until both end, and then waits for the child. Gives what was read, where there
    /// are pipes.
    ///
    /// A child that does not want all of the input is no error. If the one who talks is cancelled,
    /// the child is not touched, and nothing is lost: the same call goes on where that one was.
    ///
    /// # Errors
    ///
    /// If there is input and the child's stdin is not piped.
    ///
    /// ```
    /// use futures::io::copy;
    /// use simrun::process::{self, Command, Context, Stdio};
    ///
    /// # simrun::run(async {
    /// process::register("cat", |mut context: Context| async move {
    ///     copy(&mut context.stdin, &mut context.stdout).await.map(|_| ())
    /// });
    /// let mut cat = Command::new("cat");
    /// let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    /// let (out, err) = cat.communicate(b"meow").await.unwrap();
    /// assert_eq!(out.unwrap(), b"meow");
    /// assert_eq!(err, None);
    /// # });
    /// ```
    pub async fn communicate(&mut self, input: &[u8]) -> io::Result<Communicated> {
        if self.stdin.is_none() && self.told.input < input.len() {
            let message = "there is input for a child whose stdin is not piped, or is closed";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let Told {
            input: written,
            stdout,
            stderr,
        } = &mut self.told;
        let feed = feed(&mut self.stdin, input, written);
        let stdout = drain(&mut self.stdout, stdout);
        let stderr = drain(&mut self.stderr, stderr);
        let (fed, _, _) = futures::future::join3(feed, stdout, stderr).await;
        fed?;
        self.wait().await?;
        let told = std::mem::take(&mut self.told);
        let stdout = self.stdout.is_some().then_some(told.stdout);
        let stderr = self.stderr.is_some().then_some(told.stderr);
        Ok((stdout, stderr))
    }

    /// Kills the child and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(|_| ())
    }

    /// Kills the child.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.send_signal(Signal::Kill)
    }

    /// Asks the child to end, with [`Signal::Term`].
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub fn terminate(&mut self) -> io::Result<()> {
        self.send_signal(Signal::Term)
    }

    /// Sends the child a signal, which is delivered soon. Nothing happens if the child has ended.
    ///
    /// # Errors
    ///
    /// If the child has ended and was waited for, so that there is no such process any more:
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), as in `tokio`. That is asyncio's
    /// `ProcessLookupError`.
    ///
    /// ```
    /// use simrun::process::{self, Command, Signal};
    /// use std::io::ErrorKind;
    ///
    /// # simrun::run(async {
    /// process::register("true", |_| async {});
    /// let mut child = Command::new("true").spawn().unwrap();
    /// child.wait().await.unwrap();
    /// let gone = child.send_signal(Signal::Term).unwrap_err();
    /// assert_eq!(gone.kind(), ErrorKind::InvalidInput);
    /// # });
    /// ```
    pub fn send_signal(&mut self, signal: Signal) -> io::Result<()> {
        self.process.send_checked(signal)
    }
}

/// What a child wrote to stdout and stderr, where these are pipes.
///
/// See [`Child::communicate`].
pub type Communicated = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Writes what of the input is left, and closes the pipe.
async fn feed(stdin: &mut Option<ChildStdin>, input: &[u8], written: &mut usize) -> io::Result<()> {
    if let Some(writer) = stdin {
        while *written < input.len() {
            match writer.write(&input[*written..]).await {
                Ok(count) => *written += count,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error),
            }
        }
    }
    // It counts as written: there will be no other chance.
    *written = input.len();
    drop(stdin.take());
    Ok(())
}

/// Reads all there is.
async fn drain(pipe: &mut Option<PipeReader>, read: &mut Vec<u8>) -> io::Result<()> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut chunk = [0; CHUNK];
    loop {
        match pipe.read(&mut chunk).await? {
            0 => return Ok(()),
            count => read.extend_from_slice(&chunk[..count]),
        }
    }
}

impl fmt::Display for Child {
    /// Writes the program's name and the process's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.process.to_string())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.kill_on_drop && self.process.life.with(|life| !life.reaped) {
            self.process.kill_dropped();
        }
    }
}

/// Waiting for the end of a process: what [`Child::wait`] returns.
///
/// Dropping it changes nothing: the child can be waited for again.
///
/// ```
/// use simrun::process::{self, Command};
/// use simrun::time::{secs, sleep, timeout};
///
/// # simrun::run(async {
/// process::register("nap", |_| sleep(secs(5)));
/// let mut child = Command::new("nap").spawn().unwrap();
/// assert!(timeout(secs(1), child.wait()).await.is_err());
/// assert!(child.wait().await.unwrap().success());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WaitForExit<'a> {
    process: &'a Arc<Process>,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<'a> WaitForExit<'a> {
    pub(super) fn new(process: &'a Arc<Process>, at: &'static Location<'static>) -> Self {
        Self {
            process,
            wait: Wait::new(),
            at,
        }
    }
}

impl Future for WaitForExit<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let core = core::current();
        let waited = this.wait.poll(&core, cx);
        if waited == Waited::Still || !table::pass(&core, waited == Waited::Not) {
            return Poll::Pending;
        }
        this.wait.stop();
        let life = &this.process.life;
        let status = life.visit(Access::Read, |core, key, life| {
            if life.status.is_none() {
                let waiter = this.wait.start(core, cx, key.on(), this.at);
                life.waiters.push(waiter);
            }
            life.status
        });
        match status {
            None => Poll::Pending,
            Some(status) => {
                this.process.reap(&core);
                Poll::Ready(Ok(status))
            }
        }
    }
}

impl Drop for WaitForExit<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            let life = &self.process.life;
            life.with(|life| life.waiters.remove(waiter));
        }
    }
}
