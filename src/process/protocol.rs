//! Transports and protocols of subprocesses: callbacks instead of awaiting, as asyncio has them
//! below its streams.
//!
//! Every call to the protocol is a callback of the loop. `connection_made` comes first; data,
//! closed pipes and the exit come in any order; `connection_lost` comes last, when the process has
//! exited and all its pipes are closed.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};

use super::child::{Child, WaitForExit};
use super::pipe::{PipeReader, PipeWriter};
use super::table::Process;
use super::{Command, ExitStatus, Signal};
use crate::event_loop::call_soon;
use crate::task;

/// How much is read from a pipe at once: as in asyncio.
const CHUNK: usize = 256 << 10;

/// What a subprocess tells: asyncio's `SubprocessProtocol`. Pipes are named by their numbers: 0 is
/// stdin, 1 stdout, 2 stderr.
///
/// ```
/// use futures::io::AsyncWriteExt;
/// use simrun::process::{self, Command, Context, SubprocessProtocol};
///
/// #[derive(Default)]
/// struct Collect(Vec<u8>);
///
/// impl SubprocessProtocol for Collect {
///     fn pipe_data_received(&mut self, _pipe: u32, data: &[u8]) {
///         self.0.extend_from_slice(data);
///     }
/// }
///
/// # simrun::run(async {
/// process::register("hello", |mut context: Context| async move {
///     context.stdout.write_all(b"hello").await
/// });
/// let hello = process::subprocess_exec(Collect::default, Command::new("hello"));
/// let (transport, protocol) = hello.await.unwrap();
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(transport.returncode(), Some(0));
/// assert_eq!(protocol.lock().unwrap().0, b"hello");
/// # });
/// ```
pub trait SubprocessProtocol: 'static {
    /// The process has started.
    fn connection_made(&mut self, transport: &SubprocessTransport) {
        let _ = transport;
    }

    /// The process has written something to stdout or stderr.
    fn pipe_data_received(&mut self, pipe: u32, data: &[u8]) {
        let _ = (pipe, data);
    }

    /// A pipe is closed. The error says whether data for stdin were lost.
    fn pipe_connection_lost(&mut self, pipe: u32, error: Option<io::Error>) {
        let _ = (pipe, error);
    }

    /// The process has ended.
    fn process_exited(&mut self) {}

    /// All is over.
    fn connection_lost(&mut self) {}
}

/// The handle of a subprocess that a [`SubprocessProtocol`] listens to. All clones are the same.
///
/// ```
/// use futures::io::copy;
/// use simrun::process::{self, Command, Context, SubprocessProtocol};
/// use simrun::time::{secs, sleep};
///
/// #[derive(Default)]
/// struct Collect(Vec<u8>);
///
/// impl SubprocessProtocol for Collect {
///     fn pipe_data_received(&mut self, _pipe: u32, data: &[u8]) {
///         self.0.extend_from_slice(data);
///     }
/// }
///
/// # simrun::run(async {
/// process::register("cat", |mut context: Context| async move {
///     copy(&mut context.stdin, &mut context.stdout).await.map(|_| ())
/// });
/// let started = process::subprocess_exec(Collect::default, Command::new("cat")).await;
/// let (transport, protocol) = started.unwrap();
/// transport.write(b"meow");
/// transport.write_eof();
/// sleep(secs(1)).await;
/// assert_eq!(transport.returncode(), Some(0));
/// assert_eq!(protocol.lock().unwrap().0, b"meow");
/// # });
/// ```
#[derive(Clone)]
pub struct SubprocessTransport(Arc<Shared>);

struct Shared {
    process: Arc<Process>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    /// No more is to be written.
    ended: bool,
    closing: bool,
    status: Option<ExitStatus>,
    open_pipes: usize,
    finished: bool,
    /// The tasks that serve the pipes, where they wait.
    wakers: [Option<Waker>; 3],
}

/// Starts a program whose pipes and end a protocol listens to: asyncio's `subprocess_exec`. Streams
/// about which the command says nothing are pipes.
///
/// # Errors
///
/// As [`Command::spawn`].
///
/// # Panics
///
/// Outside a run, or if the loop is closed.
///
/// ```
/// use simrun::process::{self, Command, SubprocessProtocol};
/// use simrun::time::{secs, sleep};
///
/// #[derive(Default)]
/// struct Exited(bool);
///
/// impl SubprocessProtocol for Exited {
///     fn process_exited(&mut self) {
///         self.0 = true;
///     }
/// }
///
/// # simrun::run(async {
/// process::register("true", |_| async {});
/// let started = process::subprocess_exec(Exited::default, Command::new("true")).await;
/// let (_transport, protocol) = started.unwrap();
/// sleep(secs(1)).await;
/// assert!(protocol.lock().unwrap().0);
/// # });
/// ```
pub async fn subprocess_exec<P: SubprocessProtocol>(
    protocol: impl FnOnce() -> P,
    command: Command,
) -> io::Result<(SubprocessTransport, Arc<Mutex<P>>)> {
    let protocol = Arc::new(Mutex::new(protocol()));
    let mut child = command.spawn_piped()?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let transport = SubprocessTransport::new(&child, &pipes);
    let link = Link {
        transport: transport.clone(),
        protocol: protocol.clone(),
    };
    link.call(|protocol, transport| protocol.connection_made(transport));
    let (stdin, stdout, stderr) = pipes;
    if let Some(writer) = stdin {
        task::spawn(link.clone().write(writer)).detach();
    }
    for (number, reader) in [(1, stdout), (2, stderr)] {
        if let Some(reader) = reader {
            task::spawn(link.clone().read(number, reader)).detach();
        }
    }
    task::spawn(link.wait()).detach();
    task::yield_now().await;
    Ok((transport, protocol))
}

type Pipes = (Option<PipeWriter>, Option<PipeReader>, Option<PipeReader>);

impl SubprocessTransport {
    fn new(child: &Child, pipes: &Pipes) -> Self {
        let open = [pipes.0.is_some(), pipes.1.is_some(), pipes.2.is_some()];
        let state = State {
            open_pipes: open.into_iter().filter(|open| *open).count(),
            ended: pipes.0.is_none(),
            ..State::default()
        };
        Self(Arc::new(Shared {
            process: child.process().clone(),
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the process's id.
    pub fn id(&self) -> u32 {
        self.0.process.id
    }

    /// Returns asyncio's returncode, once the process has ended.
    pub fn returncode(&self) -> Option<i32> {
        let status = self.state().status;
        status.map(|status| status.returncode())
    }

    /// Writes to the process's stdin, when there is room. Does nothing once that is closed.
    pub fn write(&self, data: &[u8]) {
        let state = &mut *self.state();
        if !state.ended {
            state.input.extend(data);
            state.wake(0);
        }
    }

    /// Closes the process's stdin, once everything is written.
    pub fn write_eof(&self) {
        let state = &mut *self.state();
        state.ended = true;
        state.wake(0);
    }

    /// Closes the pipes, and kills the process if it has not ended.
    pub fn close(&self) {
        let running = {
            let state = &mut *self.state();
            if std::mem::replace(&mut state.closing, true) {
                return;
            }
            state.ended = true;
            (0..3).for_each(|pipe| state.wake(pipe));
            state.status.is_none()
        };
        if running {
            // It may have ended, and nobody heard of it yet: then nothing happens.
            let _ = self.0.process.send_checked(Signal::Kill);
        }
    }

    /// Says whether [`close`](Self::close) was called, or all is over.
    pub fn is_closing(&self) -> bool {
        let state = self.state();
        state.closing || state.finished
    }

    /// Sends the process a signal. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// If all is over, so that there is no such process any more:
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        let (finished, ended) = {
            let state = self.state();
            (state.finished, state.status.is_some())
        };
        if ended && !finished {
            return Ok(());
        }
        self.0.process.send_checked(signal)
    }
}

impl State {
    fn wake(&mut self, pipe: usize) {
        if let Some(waker) = self.wakers[pipe].take() {
            // It is the loop's own: the tasks await it directly.
            waker.wake();
        }
    }
}

impl fmt::Debug for SubprocessTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubprocessTransport({})", self.0.process)
    }
}

/// A transport and its protocol, for the tasks that serve them.
struct Link<P> {
    transport: SubprocessTransport,
    protocol: Arc<Mutex<P>>,
}

impl<P> Clone for Link<P> {
    fn clone(&self) -> Self {
        Self {
            transport: self.transport.clone(),
            protocol: self.protocol.clone(),
        }
    }
}

/// What is to be written next.
enum Work {
    Write(Vec<u8>),
    End,
    Broken,
}

impl<P: SubprocessProtocol> Link<P> {
    /// Has the protocol called.
    fn call(&self, call: impl FnOnce(&mut P, &SubprocessTransport) + 'static) {
        let link = self.clone();
        call_soon(move || {
            let protocol = link.protocol.lock();
            let protocol = &mut *protocol.unwrap_or_else(PoisonError::into_inner);
            call(protocol, &link.transport);
        });
    }

    async fn read(self, number: u32, mut reader: PipeReader) {
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = poll_fn(|cx| self.poll_read(number, &mut reader, cx, &mut chunk));
            match read.await {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let data = chunk[..count].to_vec();
                    self.call(move |protocol, _| protocol.pipe_data_received(number, &data));
                }
            }
        }
        drop(reader);
        self.lose_pipe(number, None);
    }

    fn poll_read(
        &self,
        number: u32,
        reader: &mut PipeReader,
        cx: &mut Context<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        {
            let state = &mut *self.transport.state();
            if state.closing {
                return Poll::Ready(Ok(0));
            }
            state.wakers[number as usize] = Some(cx.waker().clone());
        }
        Pin::new(reader).poll_read(cx, chunk)
    }

    async fn write(self, mut writer: PipeWriter) {
        let error = loop {
            match poll_fn(|cx| self.poll_work(&mut writer, cx)).await {
                Work::End | Work::Broken => break None,
                Work::Write(data) => {
                    let write = poll_fn(|cx| Pin::new(&mut writer).poll_write(cx, &data));
                    match write.await {
                        Ok(count) => drop(self.transport.state().input.drain(..count)),
                        Err(error) => break Some(error),
                    }
                }
            }
        };
        self.transport.state().ended = true;
        drop(writer);
        self.lose_pipe(0, error);
    }

    /// Waits until there is something to be written, or nothing any more.
    fn poll_work(&self, writer: &mut PipeWriter, cx: &mut Context<'_>) -> Poll<Work> {
        {
            let state = &mut *self.transport.state();
            if !state.input.is_empty() && !state.closing {
                let next = state.input.iter().take(CHUNK).copied().collect();
                return Poll::Ready(Work::Write(next));
            }
            if state.ended {
                return Poll::Ready(Work::End);
            }
            state.wakers[0] = Some(cx.waker().clone());
        }
        writer.poll_broken(cx).map(|_| Work::Broken)
    }

    /// Tells, one iteration after it was closed, that a pipe is no more.
    fn lose_pipe(&self, number: u32, error: Option<io::Error>) {
        let link = self.clone();
        call_soon(move || {
            link.transport.state().open_pipes -= 1;
            link.call(move |protocol, _| protocol.pipe_connection_lost(number, error));
            link.try_finish();
        });
    }

    async fn wait(self) {
        let process = self.transport.0.process.clone();
        let ended = WaitForExit::new(&process, Location::caller()).await;
        self.transport.state().status = ended.ok();
        self.call(|protocol, _| protocol.process_exited());
        self.try_finish();
    }

    fn try_finish(&self) {
        let finished = {
            let state = &mut *self.transport.state();
            let all = state.open_pipes == 0 && state.status.is_some() && !state.finished;
            state.finished |= all;
            all
        };
        if finished {
            self.call(|protocol, _| protocol.connection_lost());
        }
    }
}
