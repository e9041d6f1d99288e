//! The three streams of a process: what it reads by default, and what it writes.
//!
//! They are the process's, not a handle's: dropping a handle closes nothing, as in `std`. They are
//! inherited by children, and closed when the process has ended.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

use super::pipe::{PipeReader, PipeWriter};
use super::table::{self, Process};
use crate::event_loop::core;

/// Where a process reads from.
#[derive(Clone, Debug, Default)]
pub(super) enum Input {
    #[default]
    Null,
    Pipe(PipeReader),
}

/// Where a process writes to.
#[derive(Clone, Debug, Default)]
pub(super) enum Output {
    #[default]
    Null,
    Pipe(PipeWriter),
    /// The run's trace, a line at a time.
    Trace(Lines),
}

/// The streams that a process has opened and its children inherit.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) stdin: Input,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

impl Streams {
    pub(super) fn give(&self, user: Option<(u64, u32)>) {
        if let Input::Pipe(reader) = &self.stdin {
            reader.give(user);
        }
        for output in [&self.stdout, &self.stderr] {
            if let Output::Pipe(writer) = output {
                writer.give(user);
            }
        }
    }
}

/// Lines for the trace, of which the last one may not be complete.
pub(super) struct Lines {
    program: Arc<str>,
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn new(program: Arc<str>) -> Self {
        Self {
            program,
            begun: Vec::new(),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                byte => self.begun.push(*byte),
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        if let Some(core) = core::try_current() {
            let line = String::from_utf8_lossy(&line);
            core.log(format!("{}: {line}", self.program));
        }
    }
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        Self::new(self.program.clone())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end_line();
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// What a process reads by default. See [`Context`](super::Context).
///
/// ```
/// use futures::io::AsyncReadExt;
/// use simrun::process::{self, Command, Context, Stdio};
///
/// # simrun::run(async {
/// process::register("count", |mut context: Context| async move {
///     let mut text = String::new();
///     context.stdin.read_to_string(&mut text).await.unwrap();
///     text.len() as i32
/// });
/// let mut count = Command::new("count").stdin(Stdio::piped()).spawn().unwrap();
/// count.communicate(b"hello").await.unwrap();
/// assert_eq!(count.wait().await.unwrap().code(), Some(5));
/// # });
/// ```
#[derive(Debug)]
pub struct Stdin {
    input: Input,
    process: Arc<Process>,
}

impl Stdin {
    pub(super) fn new(input: &Input, process: &Arc<Process>) -> Self {
        Self {
            input: input.clone(),
            process: process.clone(),
        }
    }

    /// Closes the process's stdin: if nobody else has it, those who write to it are told.
    ///
    /// ```
    /// use futures::io::AsyncWriteExt;
    /// use simrun::process::{self, Command, Stdio};
    ///
    /// # simrun::run(async {
    /// process::register("deaf", |mut context: process::Context| async move {
    ///     context.stdin.close();
    ///     simrun::time::sleep(simrun::time::secs(1)).await;
    /// });
    /// let mut child = Command::new("deaf").stdin(Stdio::piped()).spawn().unwrap();
    /// let mut stdin = child.stdin.take().unwrap();
    /// simrun::task::yield_now().await;
    /// assert!(stdin.write(b"hello?").await.is_err());
    /// child.wait().await.unwrap();
    /// # });
    /// ```
    pub fn close(&mut self) {
        drop(std::mem::take(&mut self.input));
        let life = &self.process.life;
        let closed = life.with(|life| std::mem::take(&mut life.streams.stdin));
        drop(closed);
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Input::Pipe(reader) => Pin::new(reader).poll_read(cx, buffer),
            Input::Null if !table::pass(&core::current(), true) => Poll::Pending,
            Input::Null => Poll::Ready(Ok(0)),
        }
    }
}

/// What a process writes to by default, or for its complaints. See [`Context`](super::Context).
///
/// [Closing](futures::io::AsyncWriteExt::close) it closes the process's stream. A clone writes to
/// the same.
///
/// ```
/// use futures::io::AsyncWriteExt;
/// use simrun::process::{self, Command, Context};
///
/// # simrun::run(async {
/// process::register("both", |mut context: Context| async move {
///     context.stdout.write_all(b"result").await?;
///     context.stderr.write_all(b"remark").await
/// });
/// let output = Command::new("both").output().await.unwrap();
/// assert_eq!((output.stdout, output.stderr), (b"result".to_vec(), b"remark".to_vec()));
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Stdout {
    output: Output,
    process: Arc<Process>,
    is_stderr: bool,
}

/// What a process writes its complaints to: it is as [`Stdout`] is.
pub type Stderr = Stdout;

impl Stdout {
    pub(super) fn new(output: &Output, process: &Arc<Process>) -> Self {
        Self {
            output: output.clone(),
            process: process.clone(),
            is_stderr: false,
        }
    }

    pub(super) fn for_complaints(output: &Output, process: &Arc<Process>) -> Self {
        Self {
            is_stderr: true,
            ..Self::new(output, process)
        }
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.output {
            Output::Pipe(writer) => Pin::new(writer).poll_write(cx, bytes),
            _ if !table::pass(&core::current(), true) => Poll::Pending,
            Output::Null => Poll::Ready(Ok(bytes.len())),
            Output::Trace(lines) => {
                lines.write(bytes);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(std::mem::take(&mut self.output));
        let is_stderr = self.is_stderr;
        let closed = self.process.life.with(|life| match is_stderr {
            true => std::mem::take(&mut life.streams.stderr),
            false => std::mem::take(&mut life.streams.stdout),
        });
        drop(closed);
        Poll::Ready(Ok(()))
    }
}
