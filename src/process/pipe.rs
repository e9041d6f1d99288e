//! Pipes: bytes on their way from those who write to those who read.
//!
//! A pipe has any number of reading and of writing ends: copies are made by cloning, as by `dup`.
//! When the last writing end is gone, readers find the end of the data; when the last reading end
//! is gone, writing fails. Who cannot go on waits in line, and everyone in line is woken to look
//! when there is something new: being woken is a hint, not a promise.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

use super::table;
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::WaiterKey;
use crate::event_loop::{Access, ResourceKey, Wait, Waited, step};
use crate::sync::home::{Home, Waiters};

/// How many bytes a pipe holds, unless it is said: as in Linux.
///
/// ```
/// use futures::io::AsyncWriteExt;
/// use simrun::process::{PIPE_CAPACITY, pipe};
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let (_reader, mut writer) = pipe().unwrap();
/// writer.write_all(&[0; PIPE_CAPACITY]).await.unwrap();
/// assert!(timeout(secs(1), writer.write_all(b"!")).await.is_err(), "it is full");
/// # });
/// ```
pub const PIPE_CAPACITY: usize = 64 << 10;

/// Up to how many bytes are written all at once or not at all: as in Linux.
///
/// See [`pipe()`].
pub const PIPE_BUF: usize = 4_096;

/// Makes a pipe that holds [`PIPE_CAPACITY`] bytes.
///
/// Writing waits while the pipe is full. Up to [`PIPE_BUF`] bytes are written as one, and are never
/// mixed with what others write; more may be written in parts. Reading waits while the pipe is
/// empty, until the last writing end is gone. A read or write that is dropped has done nothing.
///
/// # Errors
///
/// None yet; `std` has them, and so will a run that is short of files.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// use simrun::process;
///
/// # simrun::run(async {
/// let (mut reader, mut writer) = process::pipe().unwrap();
/// writer.write_all(b"hello").await.unwrap();
/// drop(writer);
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "hello");
/// # });
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    Ok(make(PIPE_CAPACITY, None, Location::caller()))
}

/// Makes a pipe that holds so many bytes. What is not larger than the pipe and [`PIPE_BUF`] is
/// written as one.
///
/// # Errors
///
/// None yet, as [`pipe`].
///
/// # Panics
///
/// If `capacity` is 0, for nothing could pass; or outside a run.
///
/// ```
/// use futures::io::AsyncWriteExt;
/// use simrun::process;
///
/// # simrun::run(async {
/// let (_reader, mut writer) = process::pipe_with_capacity(3).unwrap();
/// assert_eq!(writer.write(b"hello").await.unwrap(), 3);
/// # });
/// ```
#[track_caller]
pub fn pipe_with_capacity(capacity: usize) -> io::Result<(PipeReader, PipeWriter)> {
    assert!(capacity > 0, "a pipe that holds nothing lets nothing pass");
    Ok(make(capacity, None, Location::caller()))
}

#[track_caller]
pub(super) fn make(
    capacity: usize,
    name: Option<String>,
    made: &'static Location<'static>,
) -> (PipeReader, PipeWriter) {
    let state = State {
        bytes: VecDeque::new(),
        capacity,
        next_end: 0,
        reading: Side::default(),
        writing: Side::default(),
    };
    let home = Home::born("pipe", made, state);
    if let Some(name) = &name {
        home.rename(name.clone());
    }
    let (core, key) = home.enter(Access::Write);
    home.with(|state| {
        state.reading.waits_for = Some(core.add_resource("data in pipe", name.clone(), made));
        state.writing.waits_for = Some(core.add_resource("room in pipe", name, made));
    });
    let pipe = Arc::new(Pipe { home, key, made });
    let reader = End::open(&pipe, Way::Reading);
    let writer = End::open(&pipe, Way::Writing);
    (PipeReader { end: reader }, PipeWriter { end: writer })
}

struct Pipe {
    home: Home<State>,
    key: ResourceKey,
    made: &'static Location<'static>,
}

#[derive(Debug)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    next_end: u64,
    reading: Side,
    writing: Side,
}

/// What the ends of one way have in common.
#[derive(Debug, Default)]
struct Side {
    /// The open ends, by number, each with the task that has used it last.
    ends: Vec<(u64, Holder)>,
    line: Waiters,
    /// What those in line wait for: it is held by the other side.
    waits_for: Option<ResourceKey>,
}

/// A task, by id and slot.
type Holder = Option<(u64, u32)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Reading,
    Writing,
}

impl Way {
    fn other(self) -> Self {
        match self {
            Self::Reading => Self::Writing,
            Self::Writing => Self::Reading,
        }
    }
}

impl State {
    fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Reading => &mut self.reading,
            Way::Writing => &mut self.writing,
        }
    }

    /// Takes note of who uses an end, for the reports of those who wait for the other side.
    fn set_user(&mut self, core: &Core, way: Way, id: u64, user: Holder) {
        let ends = &mut self.side(way).ends;
        let end = ends.iter_mut().find(|(other, _)| *other == id);
        if let Some((_, before)) = end.filter(|(_, before)| *before != user) {
            *before = user;
            self.show_holders(core, way);
        }
    }

    fn show_holders(&mut self, core: &Core, way: Way) {
        let mut holders = Vec::new();
        for holder in self.side(way).ends.iter().filter_map(|(_, holder)| *holder) {
            if !holders.contains(&holder) {
                holders.push(holder);
            }
        }
        if let Some(key) = self.side(way.other()).waits_for {
            core.set_holders(key, holders);
        }
    }

    /// Reads what is there, or nothing at the end of the data.
    fn read(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let count = buffer.len().min(self.bytes.len());
        if count == 0 && !buffer.is_empty() && !self.writing.ends.is_empty() {
            return None;
        }
        for (byte, read) in buffer.iter_mut().zip(self.bytes.drain(..count)) {
            *byte = read;
        }
        Some(Ok(count))
    }

    /// Writes what there is room for: all of it, if it is little.
    fn write(&mut self, bytes: &[u8]) -> Option<io::Result<usize>> {
        if self.reading.ends.is_empty() {
            return Some(Err(broken("nobody reads from the pipe any more")));
        }
        let room = self.capacity - self.bytes.len();
        let at_least = match bytes.len() {
            few if few <= PIPE_BUF.min(self.capacity) => few,
            _ => 1,
        };
        if room < at_least {
            return None;
        }
        let count = room.min(bytes.len());
        self.bytes.extend(&bytes[..count]);
        Some(Ok(count))
    }
}

fn broken(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, message)
}

/// One end of a pipe, and the wait of whoever uses it.
struct End {
    pipe: Arc<Pipe>,
    way: Way,
    id: u64,
    open: bool,
    wait: Wait,
}

impl End {
    fn open(pipe: &Arc<Pipe>, way: Way) -> Self {
        let core = core::own(pipe.key.serial, "pipe");
        let user = core.current_holder();
        let id = pipe.home.with(|state| {
            let id = state.next_end;
            state.next_end += 1;
            state.side(way).ends.push((id, user));
            state.show_holders(&core, way);
            id
        });
        Self {
            pipe: pipe.clone(),
            way,
            id,
            open: true,
            wait: Wait::new(),
        }
    }

    /// Opens another end of the same way.
    fn copy(&self) -> Self {
        if self.open {
            return Self::open(&self.pipe, self.way);
        }
        Self {
            pipe: self.pipe.clone(),
            way: self.way,
            id: self.id,
            open: false,
            wait: Wait::new(),
        }
    }

    /// Gives the end to a task that will use it.
    fn give(&self, user: Holder) {
        let core = core::own(self.pipe.key.serial, "pipe");
        let home = &self.pipe.home;
        home.with(|state| state.set_user(&core, self.way, self.id, user));
    }

    /// Does something with the pipe, as soon as it can be done.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut act: impl FnMut(&mut State) -> Option<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let core = core::own(self.pipe.key.serial, "pipe");
        if let Some(waiter) = self.wait.key() {
            self.wait.renew(&core);
            if self.wait.key().is_none() {
                self.leave_line(waiter);
            }
        }
        let waited = self.wait.poll(&core, cx);
        if waited == Waited::Still && step::is_raising() {
            return Poll::Pending;
        }
        if !table::pass(&core, waited == Waited::Not) {
            return Poll::Pending;
        }
        if !self.open {
            return Poll::Ready(Err(broken("this end of the pipe is closed")));
        }
        let (done, woken) = self.pipe.home.visit(Access::Write, |core, _, state| {
            state.set_user(core, self.way, self.id, core.current_holder());
            let length = state.bytes.len();
            let done = act(state);
            let news = state.bytes.len() != length;
            let woken = news.then(|| state.side(self.way.other()).take_line());
            (done, woken.unwrap_or_default())
        });
        for waiter in woken {
            core.wake(waiter);
        }
        match done {
            Some(done) => {
                self.stop_waiting();
                Poll::Ready(done)
            }
            // Someone else had this wait begin, and does not care any more; or it was woken early.
            None if waited == Waited::Still => Poll::Pending,
            None => {
                self.stop_waiting();
                self.start_waiting(&core, cx);
                Poll::Pending
            }
        }
    }

    fn start_waiting(&mut self, core: &Core, cx: &Context<'_>) {
        let Self {
            pipe, way, wait, ..
        } = self;
        pipe.home.with(|state| {
            let side = state.side(*way);
            let on = side.waits_for.expect("a pipe says what is waited for");
            side.line.push(wait.start(core, cx, on.on(), pipe.made));
        });
    }

    fn stop_waiting(&mut self) {
        if let Some(waiter) = self.wait.key() {
            self.leave_line(waiter);
            self.wait.stop();
        }
    }

    fn leave_line(&self, waiter: WaiterKey) {
        let home = &self.pipe.home;
        home.with(|state| state.side(self.way).line.remove(waiter));
    }

    /// Closes the end; the other side hears of it if it was the last.
    fn close(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.stop_waiting();
        let core = core::try_own(self.pipe.key.serial);
        let woken = self.pipe.home.with(|state| {
            let side = state.side(self.way);
            side.ends.retain(|(id, _)| *id != self.id);
            let last = side.ends.is_empty();
            if let Some(core) = &core {
                state.show_holders(core, self.way);
            }
            if last && self.way == Way::Reading {
                state.bytes.clear();
            }
            let woken = last.then(|| state.side(self.way.other()).take_line());
            woken.unwrap_or_default()
        });
        if let Some(core) = core {
            core.touch(self.pipe.key, Access::Write);
            for waiter in woken {
                core.wake(waiter);
            }
        }
    }
}

impl Side {
    fn take_line(&mut self) -> Vec<WaiterKey> {
        std::iter::from_fn(|| self.line.pop()).collect()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Some(core) = core::try_own(self.key.serial) else {
            return;
        };
        self.home.with(|state| {
            let resources = [state.reading.waits_for, state.writing.waits_for];
            for key in resources.into_iter().flatten() {
                core.remove_resource(key);
            }
        });
    }
}

/// The end of a [`pipe`] from which bytes are read, such as a child's stdout.
///
/// Cloning it makes another end: what one reads, the other does not.
///
/// ```
/// use futures::io::AsyncReadExt;
/// use simrun::process;
///
/// # simrun::run(async {
/// let (mut reader, writer) = process::pipe().unwrap();
/// drop(writer);
/// assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
/// # });
/// ```
pub struct PipeReader {
    end: End,
}

impl PipeReader {
    pub(super) fn give(&self, user: Holder) {
        self.end.give(user);
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.end.poll(cx, |state| state.read(buffer))
    }
}

impl Clone for PipeReader {
    fn clone(&self) -> Self {
        let end = self.end.copy();
        Self { end }
    }
}

/// The end of a [`pipe`] to which bytes are written, such as a child's stdin.
///
/// Cloning it makes another end; readers find the end of the data when all are gone or
/// [closed](futures::io::AsyncWriteExt::close).
///
/// ```
/// use futures::io::AsyncWriteExt;
/// use simrun::process;
///
/// # simrun::run(async {
/// let (reader, mut writer) = process::pipe().unwrap();
/// drop(reader);
/// let error = writer.write_all(b"anyone?").await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
/// # });
/// ```
pub struct PipeWriter {
    end: End,
}

impl PipeWriter {
    pub(super) fn give(&self, user: Holder) {
        self.end.give(user);
    }

    /// Waits until nobody reads from the pipe any more.
    pub(super) fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = &mut self.end;
        end.poll(cx, |state| state.reading.ends.is_empty().then_some(Ok(())))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.end.poll(cx, |state| state.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.close();
        Poll::Ready(Ok(()))
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> Self {
        let end = self.end.copy();
        Self { end }
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeReader").finish_non_exhaustive()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeWriter").finish_non_exhaustive()
    }
}
