//! Writers: the end of a connection that is written to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use futures::AsyncWrite;

use super::inbox::Inbox;
use crate::event_loop::Wait;
use crate::net::gate::{Gate, share};
use crate::net::transport::Transport;
use crate::task;

/// What a writer knows of its transport.
pub(super) struct Outlet {
    state: Mutex<State>,
    gates: OnceLock<Gates>,
    at: &'static Location<'static>,
}

struct Gates {
    /// Where those wait who want to write more.
    draining: Gate,
    /// Where those wait who want the connection to be over.
    closing: Gate,
}

#[derive(Default)]
struct State {
    is_paused: bool,
    /// The connection is lost, perhaps with an error.
    lost: Option<Option<Arc<io::Error>>>,
}

impl Outlet {
    pub(super) fn new(at: &'static Location<'static>) -> Self {
        let (state, gates) = (Mutex::default(), OnceLock::new());
        Self { state, gates, at }
    }

    pub(super) fn connect(&self, transport: &Transport) {
        let name = format!("{} - {}", transport.local_addr(), transport.peer_addr());
        self.gates.get_or_init(|| Gates {
            draining: Gate::new("room in stream writer", name.clone(), self.at),
            closing: Gate::new("end of stream writer", name, self.at),
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether there is too much to be sent, as long as it can be sent.
    fn is_full(&self) -> io::Result<bool> {
        let state = self.state();
        if state.lost.is_some() {
            let text = "the connection is lost";
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, text));
        }
        Ok(state.is_paused)
    }

    pub(super) fn pause(&self) {
        self.state().is_paused = true;
    }

    pub(super) fn resume(&self) {
        self.state().is_paused = false;
        if let Some(gates) = self.gates.get() {
            gates.draining.open();
        }
    }

    pub(super) fn lose(&self, error: Option<Arc<io::Error>>) {
        self.state().lost = Some(error.clone());
        if let Some(gates) = self.gates.get() {
            gates.closing.open_with(error.as_ref());
            gates.draining.open_with(error.as_ref());
        }
    }
}

/// The end of a connection that is written to: asyncio's `StreamWriter`.
///
/// Writing never waits, it buffers; [`drain`](Self::drain) waits until the buffer is small enough.
/// Everything goes through a shared reference, so that in an `Arc` a writer can have many users.
///
/// Dropping the writer of a connection that was opened from here closes it, as in asyncio. That of
/// a server's handler is dropped without effect, as there: its protocol keeps the connection.
///
/// ```
/// use simrun::net::{self, StreamReader, StreamWriter};
///
/// # simrun::run(async {
/// let count = |mut reader: StreamReader, writer: StreamWriter| async move {
///     let all = reader.read_to_end().await.unwrap();
///     writer.write(format!("{} bytes", all.len()).as_bytes());
///     writer.close();
/// };
/// let _server = net::start_server(count, "127.0.0.1:80").await.unwrap();
/// let (mut reader, writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// for _ in 0..100 {
///     writer.write(&[0; 10_000]);
///     writer.drain().await.unwrap();
/// }
/// writer.write_eof();
/// assert_eq!(reader.read_to_end().await.unwrap(), b"1000000 bytes");
/// writer.close();
/// writer.wait_closed().await.unwrap();
/// # });
/// ```
pub struct StreamWriter {
    transport: Transport,
    inbox: Arc<Inbox>,
    outlet: Arc<Outlet>,
    /// The connection ends with it.
    closes: bool,
    /// The wait of the writer as an `AsyncWrite`.
    wait: Wait,
}

impl StreamWriter {
    pub(super) fn new(transport: Transport, inbox: Arc<Inbox>, outlet: Arc<Outlet>) -> Self {
        let (closes, wait) = (false, Wait::new());
        Self {
            transport,
            inbox,
            outlet,
            closes,
            wait,
        }
    }

    pub(crate) fn closing_on_drop(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Writes, as [`Transport::write`].
    ///
    /// # Panics
    ///
    /// After [`write_eof`](Self::write_eof).
    #[track_caller]
    pub fn write(&self, data: &[u8]) {
        self.transport.write(data);
    }

    /// Writes all of these, as one.
    ///
    /// # Panics
    ///
    /// After [`write_eof`](Self::write_eof).
    #[track_caller]
    pub fn writelines<T: AsRef<[u8]>>(&self, lines: impl IntoIterator<Item = T>) {
        self.transport.writelines(lines);
    }

    /// Ends what is written, once everything buffered is sent. The other end may go on sending.
    #[track_caller]
    pub fn write_eof(&self) {
        self.transport.write_eof();
    }

    /// Says whether [`write_eof`](Self::write_eof) is possible, which it always is with TCP.
    pub fn can_write_eof(&self) -> bool {
        self.transport.can_write_eof()
    }

    /// Closes the connection, once everything buffered is sent. Does nothing the second time.
    #[track_caller]
    pub fn close(&self) {
        self.transport.close();
    }

    /// Says whether the connection is closed or about to be.
    pub fn is_closing(&self) -> bool {
        self.transport.is_closing()
    }

    /// Waits while there is too much to be sent. Any number of tasks may wait; all go on together.
    ///
    /// # Errors
    ///
    /// If the connection is lost, with the error that ended it if there is one.
    #[track_caller]
    pub fn drain(&self) -> impl Future<Output = io::Result<()>> {
        let at = Location::caller();
        async move {
            if let Some(error) = self.inbox.error() {
                return Err(share(&error));
            }
            if self.transport.is_closing() {
                // Otherwise who writes and drains in a loop would never hear of the end.
                task::yield_now().await;
            }
            match self.outlet.gates.get() {
                Some(gates) if self.outlet.is_full()? => drained(gates.draining.pass(at).await),
                _ => Ok(()),
            }
        }
    }

    /// Waits until the connection is lost: until everything buffered is sent, if it was closed.
    ///
    /// # Errors
    ///
    /// If it was lost by an error.
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = io::Result<()>> {
        let at = Location::caller();
        async move {
            let lost = self.outlet.state().lost.clone();
            match (lost, self.outlet.gates.get()) {
                (Some(error), _) => drained(error.map_or(Ok(()), Err)),
                (None, Some(gates)) => drained(gates.closing.pass(at).await),
                (None, None) => Ok(()),
            }
        }
    }

    /// Returns the transport below.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Returns the address of this end.
    pub fn local_addr(&self) -> SocketAddr {
        self.transport.local_addr()
    }

    /// Returns the address of the other end.
    pub fn peer_addr(&self) -> SocketAddr {
        self.transport.peer_addr()
    }
}

fn drained(passed: Result<(), Arc<io::Error>>) -> io::Result<()> {
    passed.map_err(|error| share(&error))
}

impl StreamWriter {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(gates) = self.outlet.gates.get() else {
            return Poll::Ready(Ok(()));
        };
        if self.wait.key().is_none() {
            if let Some(error) = self.inbox.error() {
                return Poll::Ready(Err(share(&error)));
            }
            if !self.outlet.is_full()? {
                return Poll::Ready(Ok(()));
            }
        }
        let passed = gates.draining.poll(&mut self.wait, cx, Location::caller());
        passed.map(drained)
    }
}

/// Writing waits while there is too much to be sent, and then takes everything.
impl AsyncWrite for StreamWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        if this.transport.is_closing() || this.transport.is_write_ended() {
            let text = "the stream was closed for writing";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, text)));
        }
        this.transport.write(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx)
    }

    /// Ends what is written, as [`write_eof`](StreamWriter::write_eof).
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.write_eof();
        Poll::Ready(Ok(()))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        if let Some(gates) = self.outlet.gates.get() {
            gates.draining.leave(&mut self.wait);
        }
        if self.closes {
            self.transport.close_if_open();
        }
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
