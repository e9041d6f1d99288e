//! Readers: the end of a connection that is read from.

use std::fmt;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{AsyncRead, Stream};

use super::error::ReadError;
use super::inbox::Inbox;
use crate::event_loop::Wait;
use crate::net::transport::Transport;

/// The end of a connection that is read from: asyncio's `StreamReader`.
///
/// What arrives is buffered: up to twice the limit, then the transport pauses until a read leaves
/// no more than the limit. A read that is cancelled has taken nothing, except
/// [`read_to_end`](Self::read_to_end).
///
/// asyncio refuses a second reader while one waits; here `&mut self` does.
///
/// When the connection fails, the reads that follow give its error, even if something is buffered;
/// a read that has been woken by data still gets them.
///
/// ```
/// use futures::StreamExt;
/// use simrun::net::{self, StreamReader, StreamWriter};
///
/// # simrun::run(async {
/// let sum = |mut reader: StreamReader, writer: StreamWriter| async move {
///     let mut sum = 0;
///     let mut lines = reader.lines();
///     while let Some(line) = lines.next().await {
///         let line = String::from_utf8(line.unwrap()).unwrap();
///         sum += line.trim().parse::<u32>().unwrap();
///     }
///     writer.write(&sum.to_be_bytes());
///     writer.close();
/// };
/// let _server = net::start_server(sum, "127.0.0.1:80").await.unwrap();
/// let (mut reader, writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// writer.writelines(["1\n", "2\n", "3\n"]);
/// writer.write_eof();
/// assert_eq!(reader.readexactly(4).await.unwrap(), [0, 0, 0, 6]);
/// assert_eq!(reader.read(100).await.unwrap(), b"");
/// assert!(reader.at_eof());
/// # });
/// ```
pub struct StreamReader {
    transport: Transport,
    inbox: Arc<Inbox>,
    /// The wait of the reader as an `AsyncRead`.
    wait: Wait,
}

impl StreamReader {
    pub(super) fn new(transport: Transport, inbox: Arc<Inbox>) -> Self {
        let wait = Wait::new();
        Self {
            transport,
            inbox,
            wait,
        }
    }

    /// Returns the transport below.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Says whether the other end has ended its data, and all of them are read.
    pub fn at_eof(&self) -> bool {
        self.inbox.is_at_end()
    }

    /// Reads up to so many bytes. Waits only if there are none; gives none only at the end, or if
    /// none are asked for.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    #[track_caller]
    pub fn read(&mut self, most: usize) -> impl Future<Output = io::Result<Vec<u8>>> {
        let at = Location::caller();
        async move {
            self.inbox.check()?;
            if most == 0 {
                return Ok(Vec::new());
            }
            loop {
                if let Some(taken) = self.inbox.try_read(most) {
                    return Ok(taken);
                }
                self.arrival(at).await?;
            }
        }
    }

    /// Reads everything up to the end. If it is cancelled, what it has read is lost.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    #[track_caller]
    pub fn read_to_end(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> {
        let at = Location::caller();
        async move {
            let limit = self.inbox.limit();
            let mut all = Vec::new();
            loop {
                self.inbox.check()?;
                match self.inbox.try_read(limit) {
                    Some(taken) if taken.is_empty() => return Ok(all),
                    Some(taken) => all.extend(taken),
                    None => {
                        self.arrival(at).await?;
                        // What has come, comes before an error that came after it.
                        all.extend(self.inbox.try_read(limit).unwrap_or_default());
                    }
                }
            }
        }
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete) if the data end before, with all there was; or if the
    /// connection is lost.
    #[track_caller]
    pub fn readexactly(
        &mut self,
        count: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        let at = Location::caller();
        async move {
            self.inbox.check()?;
            if count == 0 {
                return Ok(Vec::new());
            }
            loop {
                if let Some(taken) = self.inbox.try_exactly(count) {
                    return taken;
                }
                self.arrival(at).await?;
            }
        }
    }

    /// Reads up to a newline, and with it. At the end, that is what is left.
    ///
    /// # Errors
    ///
    /// [`Overrun`](ReadError::Overrun) if the line is longer than the limit: it is discarded, or as
    /// much of it as is buffered; or if the connection is lost.
    #[track_caller]
    pub fn readline(&mut self) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        let mut lines = self.lines();
        async move { std::future::poll_fn(|cx| lines.poll_line(cx)).await }
    }

    /// Reads up to a separator, and with it; of several separators, up to the one that ends first.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete) if the data end before, with all there was;
    /// [`Overrun`](ReadError::Overrun) if more comes before the separator than the limit, which all
    /// stays in the buffer; or if the connection is lost.
    ///
    /// # Panics
    ///
    /// If there is no separator, or an empty one.
    #[track_caller]
    pub fn readuntil(
        &mut self,
        separators: impl Separators,
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        let at = Location::caller();
        let is_sound = {
            let all = separators.all();
            !all.is_empty() && all.iter().all(|separator| !separator.is_empty())
        };
        assert!(is_sound, "a separator has at least one byte");
        async move {
            self.inbox.check()?;
            let mut from = 0;
            loop {
                let taken = self.inbox.try_until(&separators.all(), &mut from);
                if let Some(taken) = taken {
                    return taken;
                }
                self.arrival(at).await?;
            }
        }
    }

    /// Goes through the lines, each with its newline, as [`readline`](Self::readline) reads them.
    #[track_caller]
    pub fn lines(&mut self) -> Lines<'_> {
        Lines {
            inbox: &self.inbox,
            wait: Wait::new(),
            has_begun: false,
            from: 0,
            at: Location::caller(),
        }
    }

    fn arrival(&self, at: &'static Location<'static>) -> Arrival<'_> {
        let (inbox, wait) = (&*self.inbox, Wait::new());
        Arrival { inbox, wait, at }
    }
}

impl AsyncRead for StreamReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            if this.wait.key().is_none() {
                this.inbox.check()?;
                if let Some(taken) = this.inbox.try_read(into.len()) {
                    into[..taken.len()].copy_from_slice(&taken);
                    return Poll::Ready(Ok(taken.len()));
                }
            }
            let arrived = this
                .inbox
                .poll_arrival(&mut this.wait, cx, Location::caller());
            std::task::ready!(arrived)?;
            if let Some(taken) = this.inbox.try_read(into.len()) {
                into[..taken.len()].copy_from_slice(&taken);
                return Poll::Ready(Ok(taken.len()));
            }
        }
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.inbox.leave(&mut self.wait);
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader")
            .field("transport", &self.transport)
            .field("at_eof", &self.at_eof())
            .finish_non_exhaustive()
    }
}

/// Waiting for something to arrive.
struct Arrival<'a> {
    inbox: &'a Inbox,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Future for Arrival<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.inbox.poll_arrival(&mut this.wait, cx, this.at)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.inbox.leave(&mut self.wait);
    }
}

/// The lines of a reader: what [`StreamReader::lines`] returns.
///
/// The last one may come without a newline.
///
/// ```
/// use futures::TryStreamExt;
/// use simrun::net::{self, StreamWriter};
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move {
///     writer.write(b"one\ntwo");
///     writer.close();
/// };
/// let _server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let (mut reader, _writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// let lines: Vec<_> = reader.lines().try_collect().await.unwrap();
/// assert_eq!(lines, [&b"one\n"[..], b"two"]);
/// # });
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Lines<'a> {
    inbox: &'a Inbox,
    wait: Wait,
    /// A line has been begun.
    has_begun: bool,
    /// How far the buffer was searched.
    from: usize,
    at: &'static Location<'static>,
}

impl Lines<'_> {
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, ReadError>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.inbox.check()?;
        }
        loop {
            if self.wait.key().is_none()
                && let Some(line) = self.inbox.try_until(&[b"\n"], &mut self.from)
            {
                (self.has_begun, self.from) = (false, 0);
                return Poll::Ready(match line {
                    Err(ReadError::Incomplete(rest)) => Ok(rest.partial),
                    Err(ReadError::Overrun(overrun)) => {
                        self.inbox.discard_line(overrun.consumed);
                        Err(overrun.into())
                    }
                    line => line,
                });
            }
            let arrived = self.inbox.poll_arrival(&mut self.wait, cx, self.at);
            std::task::ready!(arrived)?;
        }
    }
}

impl Stream for Lines<'_> {
    type Item = Result<Vec<u8>, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let line = self.get_mut().poll_line(cx);
        line.map(|line| match line {
            Ok(line) if line.is_empty() => None,
            line => Some(line),
        })
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        self.inbox.leave(&mut self.wait);
    }
}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// What [`readuntil`](StreamReader::readuntil) looks for: one separator, or several.
///
/// ```
/// use simrun::net::{self, StreamWriter};
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move { writer.write(b"a;b\r\n") };
/// let _server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let (mut reader, _writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// let ends: [&[u8]; 2] = [b";", b"\r\n"];
/// assert_eq!(reader.readuntil(ends).await.unwrap(), b"a;");
/// assert_eq!(reader.readuntil(b"\r\n").await.unwrap(), b"b\r\n");
/// # });
/// ```
pub trait Separators {
    /// Returns them.
    fn all(&self) -> Vec<&[u8]>;
}

impl Separators for &[u8] {
    fn all(&self) -> Vec<&[u8]> {
        vec![self]
    }
}

impl<const N: usize> Separators for &[u8; N] {
    fn all(&self) -> Vec<&[u8]> {
        vec![self.as_slice()]
    }
}

impl<const N: usize> Separators for [&[u8]; N] {
    fn all(&self) -> Vec<&[u8]> {
        self.to_vec()
    }
}

impl Separators for &[&[u8]] {
    fn all(&self) -> Vec<&[u8]> {
        self.to_vec()
    }
}
