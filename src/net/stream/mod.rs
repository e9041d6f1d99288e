//! Tier 9, streams: a reader and a writer on top of a transport, to be awaited.

mod error;
mod inbox;
mod protocol;
mod reader;
mod writer;

use std::future::Future;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

pub use error::{IncompleteRead, LimitOverrun, ReadError};
pub use reader::{Lines, Separators, StreamReader};
pub use writer::StreamWriter;

use super::connect::{ConnectOptions, connect, establish};
use super::resolve::{ToSocketAddrs, lookup_host};
use super::server::{Server, ServerOptions, create_server_at, make_with};
use super::tcp::TcpStream;
use crate::event_loop::core;
use crate::task::{Ending, Task, try_spawn_on};
use protocol::StreamProtocol;

/// How much a reader buffers before a line is too long, unless it is set; at twice as much, reading
/// pauses. asyncio's 64 KiB.
pub(crate) const LIMIT: usize = 64 << 10;

/// Connects to an address: asyncio's `open_connection`.
///
/// # Errors
///
/// If none of the addresses can be connected to, or there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net;
///
/// # simrun::run(async {
/// let greet = |_, writer: net::StreamWriter| async move {
///     writer.write(b"hello\nworld\n");
///     writer.close();
/// };
/// let _server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let (mut reader, _writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// assert_eq!(reader.readline().await.unwrap(), b"hello\n");
/// assert_eq!(reader.read_to_end().await.unwrap(), b"world\n");
/// # });
/// ```
#[track_caller]
pub fn open_connection(
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<(StreamReader, StreamWriter)>> {
    open_connection_with(ConnectOptions::new(), address)
}

/// Connects to an address in a certain way.
///
/// # Errors
///
/// If none of the addresses can be connected to, or there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, ConnectOptions};
///
/// # simrun::run(async {
/// let _server = net::start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
/// let options = ConnectOptions::new().local_addr("127.0.0.1:4000".parse().unwrap());
/// let (_, writer) = net::open_connection_with(options, "127.0.0.1:80").await.unwrap();
/// assert_eq!(writer.local_addr().port(), 4000);
/// # });
/// ```
#[track_caller]
pub fn open_connection_with(
    options: ConnectOptions,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<(StreamReader, StreamWriter)>> {
    let at = Location::caller();
    async move {
        let addresses = lookup_host(address).await?;
        let stream = connect(options, addresses, at).await?;
        Ok(open_over(stream, options.limit.unwrap_or(LIMIT), at).await)
    }
}

/// Makes a reader and a writer of a connection.
pub(crate) async fn open_over(
    stream: TcpStream,
    limit: usize,
    at: &'static Location<'static>,
) -> (StreamReader, StreamWriter) {
    let (established, (inbox, outlet)) = {
        let protocol = StreamProtocol::new(limit, at);
        let (end, ends) = (stream.into_end(), protocol.ends());
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "where others are made they are anything, and go to the same place"
        )]
        let protocol = Arc::new(Mutex::new(protocol));
        (establish(end, protocol, None, at), ends)
    };
    let transport = established.await;
    let reader = StreamReader::new(transport.clone(), inbox.clone());
    let writer = StreamWriter::new(transport, inbox, outlet).closing_on_drop();
    (reader, writer)
}

/// Listens at an address, and has a task handle every connection: asyncio's `start_server`.
///
/// If the handler fails, by a panic or by an error that it returns, the exception handler is told
/// and the connection closed; if its task is cancelled, the connection is closed. If it returns,
/// the connection stays open: it closes the writer if that is what it wants.
///
/// # Errors
///
/// If an address is in use, or not one of the host's, or if there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, StreamReader, StreamWriter};
///
/// # simrun::run(async {
/// let echo = |mut reader: StreamReader, writer: StreamWriter| async move {
///     let line = reader.readline().await?;
///     writer.write(&line);
///     writer.drain().await?;
///     writer.close();
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// };
/// let server = net::start_server(echo, "127.0.0.1:7").await.unwrap();
/// let (mut reader, writer) = net::open_connection("127.0.0.1:7").await.unwrap();
/// writer.write(b"hello\n");
/// assert_eq!(reader.read_to_end().await.unwrap(), b"hello\n");
/// writer.close();
/// server.close();
/// server.wait_closed().await;
/// # });
/// ```
#[track_caller]
pub fn start_server<H, F>(
    handler: H,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<Server>>
where
    H: Fn(StreamReader, StreamWriter) -> F + 'static,
    F: Future + 'static,
    F::Output: Ending,
{
    start_server_with(ServerOptions::new(), handler, address)
}

/// Listens at an address in a certain way: otherwise as [`start_server`].
///
/// # Errors
///
/// If an address is in use, or not one of the host's, or if there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, ServerOptions, StreamReader, StreamWriter};
///
/// # simrun::run(async {
/// let refuse = |mut reader: StreamReader, writer: StreamWriter| async move {
///     if reader.readline().await.is_err() {
///         writer.write(b"too long\n");
///     }
///     writer.close();
/// };
/// let options = ServerOptions::new().limit(100);
/// let _server = net::start_server_with(options, refuse, "127.0.0.1:80").await.unwrap();
/// let (mut reader, writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// writer.write(&[b'x'; 1_000]);
/// assert_eq!(reader.readline().await.unwrap(), b"too long\n");
/// # });
/// ```
#[track_caller]
pub fn start_server_with<H, F>(
    options: ServerOptions,
    handler: H,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<Server>>
where
    H: Fn(StreamReader, StreamWriter) -> F + 'static,
    F: Future + 'static,
    F::Output: Ending,
{
    let at = Location::caller();
    let spawn = move |reader, writer| {
        let handled = handler(reader, writer);
        let core = core::current();
        let handled = async move { handled.await.ending() };
        try_spawn_on(&core, handled, at, core.eager.get())
    };
    serve(options, spawn, address, at)
}

/// Starts a server that has a task made of each connection.
pub(crate) fn serve<H, T: 'static>(
    options: ServerOptions,
    handler: H,
    address: impl ToSocketAddrs,
    at: &'static Location<'static>,
) -> impl Future<Output = io::Result<Server>>
where
    H: Fn(StreamReader, StreamWriter) -> Task<T> + 'static,
{
    let limit = options.limit.unwrap_or(LIMIT);
    let factory = move || {
        let handler = Rc::new(handler);
        make_with(move || {
            let handler = handler.clone();
            StreamProtocol::new(limit, at).serving(move |reader, writer| handler(reader, writer))
        })
    };
    create_server_at(options, factory, address, at)
}
