//! What [hyper] asks of a runtime: where its tasks go, what time it is, and how it reads
//! and writes.
//!
//! hyper brings no runtime of its own, so with these three its servers and clients run here as
//! they are, and with them what is built on it: axum's `Router`, hyper-util's pool of connections.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::body::{Bytes, Incoming};
//! use hyper::client::conn::http1 as client;
//! use hyper::server::conn::http1 as server;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//! use simrun::hyper::{Io, Timer};
//! use simrun::net::{TcpListener, TcpStream};
//! use simrun::{host, spawn};
//!
//! # simrun::run(async {
//! host::start("server", || async {
//!     let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
//!     let hello = service_fn(|_: Request<Incoming>| async {
//!         Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//!     });
//!     loop {
//!         let (stream, _) = listener.accept().await.unwrap();
//!         let mut server = server::Builder::new();
//!         server.timer(Timer).auto_date_header(false);
//!         spawn(server.serve_connection(Io::new(stream), hello)).detach();
//!     }
//! });
//! let stream = TcpStream::connect("server:80").await.unwrap();
//! let (mut sender, connection) = client::handshake(Io::new(stream)).await.unwrap();
//! spawn(connection).detach();
//! let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
//! let answer = sender.send_request(request).await.unwrap();
//! let body = answer.into_body().collect().await.unwrap();
//! assert_eq!(body.to_bytes(), "hello");
//! # });
//! ```
//!
//! # What is not deterministic by itself
//!
//! - A server writes the date of the machine into its answers. Call `auto_date_header(false)`; in
//!   HTTP/2 even how long an answer is depends on the date. Answers that need one can take it from
//!   [`system_time`](crate::time::system_time).
//! - Whatever is not given a [`Timer`] looks at the machine's clock: give one to every builder that
//!   takes one, and to hyper-util's client as `timer` and as `pool_timer`.
//! - hyper-util's pool keeps its idle connections in a map whose order is random. A client that
//!   talks to one authority does not show it; one that talks to many may close them in any order.
//! - h2 forgets streams that were reset after half a minute of the machine's time. Runs are over
//!   long before.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::hyper::rt;
use futures::{AsyncRead, AsyncWrite};
use pin_project_lite::pin_project;

use crate::event_loop::core::{self, Core};
use crate::event_loop::real_time;
use crate::task;
use crate::time;

/// How many bytes are read at once, at most: as many as hyper begins its own buffer with.
const CHUNK: usize = 8 << 10;

/// Spawns hyper's futures as tasks of the run, on the host of whoever is running, whether they are
/// `Send` or not.
///
/// ```
/// use hyper::rt::Executor as _;
/// use simrun::hyper::Executor;
///
/// # simrun::run(async {
/// Executor.execute(async { simrun::log!("a task of its own") });
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        task::spawn(future).detach();
    }
}

/// Tells hyper virtual time.
///
/// hyper counts in [`std::time::Instant`]s, which only the machine's clock can make. So the first
/// moment of a run is some moment of that clock, which says nothing, and all others are as far
/// from it as they are from the start of the run. On a host whose clock drifts, they are as far as
/// that clock measures.
///
/// ```
/// use hyper::rt::Timer as _;
/// use simrun::hyper::Timer;
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// let start = Timer.now();
/// Timer.sleep(secs(60)).await;
/// assert_eq!(Timer.now() - start, secs(60));
/// Timer.sleep_until(start + secs(90)).await;
/// assert_eq!(now().since_start(), secs(90));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

/// What the machine's clock showed when hyper first asked for the time in a run.
struct Start(std::time::Instant);

impl Default for Start {
    fn default() -> Self {
        Self(real_time())
    }
}

impl Start {
    fn of(core: &Core) -> std::time::Instant {
        core.extension::<Self>().0
    }
}

impl Timer {
    /// Sleeps until the host's clock has measured so much time since the start of the run.
    fn sleep_to(core: &Core, measured: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(time::sleep_until(core.when_measured(measured))))
    }
}

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let core = core::current();
        Self::sleep_to(&core, core.measured().saturating_add(duration))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        let core = core::current();
        let start = Start::of(&core);
        Self::sleep_to(&core, deadline.saturating_duration_since(start))
    }

    fn now(&self) -> std::time::Instant {
        let core = core::current();
        Start::of(&core) + core.measured()
    }
}

/// A sleep of which hyper knows that it can be shared and moved.
struct Sleep(time::Sleep);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

impl rt::Sleep for Sleep {}

pin_project! {
    /// A stream as hyper reads and writes it.
    ///
    /// It fits whatever is a [`futures::AsyncRead`] and [`futures::AsyncWrite`], so also a session
    /// over a [`TcpStream`](crate::net::TcpStream). Each read is copied once more.
    ///
    /// ```
    /// use simrun::hyper::Io;
    /// use simrun::net::{TcpListener, TcpStream};
    ///
    /// # simrun::run(async {
    /// let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
    /// let stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
    /// let io = Io::new(stream);
    /// assert_eq!(io.get_ref().peer_addr().unwrap(), listener.local_addr().unwrap());
    /// # });
    /// ```
    #[derive(Debug)]
    pub struct Io<S> {
        #[pin]
        stream: S,
        // Where bytes are read into: to fill hyper's buffer in place takes unsafe code.
        chunk: Box<[u8]>,
    }
}

impl<S> Io<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        let chunk = vec![0; CHUNK].into_boxed_slice();
        Self { stream, chunk }
    }

    /// Returns the stream within.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream within, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Takes the stream out again. Nothing that was read is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead> rt::Read for Io<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let room = into.remaining().min(CHUNK);
        let read = this.stream.poll_read(cx, &mut this.chunk[..room]);
        read.map_ok(|count| into.put_slice(&this.chunk[..count]))
    }
}

impl<S: AsyncWrite> rt::Write for Io<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_close(cx)
    }
}
