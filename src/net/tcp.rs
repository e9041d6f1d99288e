//! TCP as Rust programs know it: listeners and streams, in the shape of `tokio::net` with the
//! traits of `futures`.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, Stream};

use super::driver::{Direction, Net, Waiting};
use super::kernel::{EndId, ListenerId, NetError, Socket, TcpCall};
use super::resolve::{ToSocketAddrs, lookup_host};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, ResourceKey};

/// How many connections wait to be accepted before others are turned away, unless it is set.
const BACKLOG: usize = 1_024;

/// A listening socket.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use simrun::net::{TcpListener, TcpStream};
/// use simrun::task;
///
/// # simrun::run(async {
/// let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let server = task::spawn(async move {
///     let (mut stream, _) = listener.accept().await.unwrap();
///     let mut word = [0; 5];
///     stream.read_exact(&mut word).await.unwrap();
///     stream.write_all(&word).await.unwrap();
/// });
/// let mut stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
/// stream.write_all(b"hello").await.unwrap();
/// let mut echo = String::new();
/// stream.read_to_string(&mut echo).await.unwrap();
/// assert_eq!(echo, "hello");
/// server.await.unwrap();
/// # });
/// ```
pub struct TcpListener {
    serial: u32,
    listener: ListenerId,
    resource: ResourceKey,
    local: SocketAddr,
}

impl TcpListener {
    /// Binds a socket and listens. Port 0 is any free port.
    ///
    /// # Errors
    ///
    /// If the address is in use, or not one of the host's.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> impl Future<Output = io::Result<Self>> {
        Self::bind_with_backlog(address, BACKLOG)
    }

    /// Binds a socket at which so many connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// If the address is in use, or not one of the host's.
    #[track_caller]
    pub fn bind_with_backlog(
        address: impl ToSocketAddrs,
        backlog: usize,
    ) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move {
            let mut failure = None;
            for address in lookup_host(address).await? {
                match Self::listen(address, backlog, at) {
                    Ok(listener) => return Ok(listener),
                    Err(error) => failure = Some(error),
                }
            }
            Err(failure.unwrap_or_else(|| NetError::AddressNotAvailable.into()))
        }
    }

    pub(super) fn listen(
        address: SocketAddr,
        backlog: usize,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let listener = Self::bind_only(address, at)?;
        listener.begin(backlog);
        Ok(listener)
    }

    /// Binds a socket that is to listen later.
    pub(super) fn bind_only(
        address: SocketAddr,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let core = core::current();
        let net = Net::of(&core);
        let host = net.here(&core);
        let (listener, local) = net.tcp(&core, |tcp| tcp.bind(host, address))?;
        let resource = core.add_resource("listener", Some(local.to_string()), at);
        Ok(Self {
            serial: core.serial,
            listener,
            resource,
            local,
        })
    }

    /// Begins to listen.
    pub(super) fn begin(&self, backlog: usize) {
        if let Some(core) = core::try_own(self.serial) {
            Net::of(&core).tcp(&core, |tcp| tcp.listen(self.listener, backlog));
        }
    }

    /// Accepts a connection.
    ///
    /// # Errors
    ///
    /// None yet.
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        let socket = Socket::Listener(self.listener);
        let at = Location::caller();
        let waiting = Waiting::new(socket, Direction::In, self.resource.on(), at);
        Accept {
            listener: self,
            waiting,
            at,
        }
    }

    /// Goes through the connections as they come.
    #[track_caller]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self.accept())
    }

    /// Returns the address it listens at.
    ///
    /// # Errors
    ///
    /// None.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// Accepts a connection if one waits for that.
    pub(super) fn try_accept(&self, core: &Core) -> Result<TcpStream, NetError> {
        let net = Net::of(core);
        core.touch(self.resource, Access::Write);
        let (end, addresses) = net.tcp(core, |tcp| {
            let end = tcp.accept(self.listener)?;
            Ok((end, tcp.addresses(end)))
        })?;
        Ok(TcpStream::new(core, end, addresses, Location::caller()))
    }

    pub(super) fn socket(&self) -> Socket {
        Socket::Listener(self.listener)
    }

    fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let core = core::own(self.serial, "listener");
        let net = Net::of(&core);
        core.touch(self.resource, Access::Write);
        let accepted = net.attempt(&core, cx, waiting, || {
            net.tcp(&core, |tcp| {
                let end = tcp.accept(self.listener)?;
                Ok((end, tcp.addresses(end)))
            })
        });
        accepted.map(|accepted| {
            let (end, addresses) = accepted?;
            Ok((TcpStream::new(&core, end, addresses, at), addresses.1))
        })
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        if let Some(core) = core::try_own(self.serial).filter(|core| !core.closed.get()) {
            Net::of(&core).tcp(&core, |tcp| tcp.close_listener(self.listener));
            core.remove_resource(self.resource);
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local_addr", &self.local)
            .finish_non_exhaustive()
    }
}

/// Waiting for a connection: what [`TcpListener::accept`] returns.
///
/// ```
/// # simrun::run(async {
/// let listener = simrun::net::TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let accept = simrun::time::timeout(simrun::time::secs(1), listener.accept());
/// assert!(accept.await.is_err(), "and no connection is lost by that");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    waiting: Waiting,
    at: &'static Location<'static>,
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.listener.poll_accept(cx, &mut this.waiting, this.at)
    }
}

/// The connections of a listener: what [`TcpListener::incoming`] returns.
///
/// ```
/// use futures::TryStreamExt;
/// use simrun::net::{TcpListener, TcpStream};
///
/// # simrun::run(async {
/// let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let _client = TcpStream::connect("127.0.0.1:80").await.unwrap();
/// let stream = listener.incoming().try_next().await.unwrap().unwrap();
/// assert_eq!(stream.local_addr().unwrap().port(), 80);
/// # });
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a>(Accept<'a>);

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = Pin::new(&mut self.get_mut().0).poll(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}

/// A connection. Dropping it closes it: what was written is still sent, but if something was not
/// read, the other end sees a reset.
///
/// Reading and writing are those of [`futures::AsyncRead`] and [`futures::AsyncWrite`].
///
/// ```
/// use futures::AsyncReadExt;
/// use simrun::net::{TcpListener, TcpStream};
/// use std::io::ErrorKind;
///
/// # simrun::run(async {
/// let refused = TcpStream::connect("127.0.0.1:80").await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
/// let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
/// let (mut other, _) = listener.accept().await.unwrap();
/// stream.abort();
/// let reset = other.read(&mut [0; 5]).await.unwrap_err();
/// assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
/// # });
/// ```
pub struct TcpStream {
    end: Arc<End>,
    reading: Waiting,
    writing: Waiting,
}

/// One end of a connection, as long as anyone holds it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) serial: u32,
    pub(super) id: EndId,
    pub(super) resource: ResourceKey,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

impl Drop for End {
    fn drop(&mut self) {
        // A loop that is closed drops its network with everything else.
        if let Some(core) = core::try_own(self.serial).filter(|core| !core.closed.get()) {
            Net::of(&core).tcp(&core, |tcp| tcp.close(self.id));
            core.remove_resource(self.resource);
        }
    }
}

impl End {
    #[track_caller]
    fn net(&self) -> (Rc<Core>, Rc<Net>) {
        let core = core::own(self.serial, "stream");
        let net = Net::of(&core);
        (core, net)
    }

    #[track_caller]
    fn call<R>(&self, call: impl FnOnce(&mut TcpCall<'_>) -> R) -> R {
        let (core, net) = self.net();
        net.tcp(&core, call)
    }

    #[track_caller]
    fn waiting(&self, direction: Direction) -> Waiting {
        let (socket, on) = (Socket::Stream(self.id), self.resource.on());
        Waiting::new(socket, direction, on, Location::caller())
    }

    fn poll_read(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let (core, net) = self.net();
        core.touch(self.resource, Access::Write);
        let read = net.attempt(&core, cx, waiting, || {
            net.tcp(&core, |tcp| tcp.read(self.id, into))
        });
        read.map_err(io::Error::from)
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (core, net) = self.net();
        core.touch(self.resource, Access::Write);
        let written = net.attempt(&core, cx, waiting, || {
            net.tcp(&core, |tcp| tcp.write(self.id, bytes))
        });
        written.map_err(io::Error::from)
    }

    pub(super) fn shut_down(&self) {
        self.call(|tcp| tcp.shut_down(self.id));
    }
}

impl TcpStream {
    fn new(
        core: &Core,
        id: EndId,
        (local, remote): (SocketAddr, SocketAddr),
        at: &'static Location<'static>,
    ) -> Self {
        let name = format!("{local} - {remote}");
        let end = End {
            serial: core.serial,
            id,
            resource: core.add_resource("stream", Some(name), at),
            local,
            remote,
        };
        let (reading, writing) = (end.waiting(Direction::In), end.waiting(Direction::Out));
        let end = Arc::new(end);
        Self {
            end,
            reading,
            writing,
        }
    }

    /// Connects to an address; of several, to the first that can be connected to.
    ///
    /// # Errors
    ///
    /// If the connection is refused, nobody answers, or there is no such address or name.
    #[track_caller]
    pub fn connect(address: impl ToSocketAddrs) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move {
            let mut failure = None;
            for address in lookup_host(address).await? {
                match Self::connect_to(address, None, at).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = Some(error),
                }
            }
            Err(failure.unwrap_or_else(|| NetError::AddressNotAvailable.into()))
        }
    }

    /// Connects from an address of this host to an address.
    pub(super) async fn connect_to(
        remote: SocketAddr,
        local: Option<SocketAddr>,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let mut stream = {
            let core = core::current();
            let net = Net::of(&core);
            let host = net.here(&core);
            let (id, addresses) = net.tcp(&core, |tcp| {
                let id = tcp.connect(host, local, remote)?;
                Ok::<_, NetError>((id, tcp.addresses(id)))
            })?;
            Self::new(&core, id, addresses, at)
        };
        let connected = std::future::poll_fn(|cx| {
            let (core, net) = stream.end.net();
            let connected = || net.tcp(&core, |tcp| tcp.is_connected(stream.end.id));
            net.attempt(&core, cx, &mut stream.writing, connected)
        });
        connected.await?;
        Ok(stream)
    }

    /// Gives the end away.
    pub(super) fn into_end(self) -> Arc<End> {
        self.end
    }

    /// Returns the address of this end.
    ///
    /// # Errors
    ///
    /// None.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.end.local)
    }

    /// Returns the address of the other end.
    ///
    /// # Errors
    ///
    /// None.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.end.remote)
    }

    /// Ends one direction or both. What was written is still sent.
    ///
    /// # Errors
    ///
    /// None: to end what has ended does nothing.
    #[track_caller]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.end.shut_down();
        }
        Ok(())
    }

    /// Closes the connection at once: what was written and not sent is lost, and the other end sees
    /// a reset. What `SO_LINGER` of zero does.
    #[track_caller]
    pub fn abort(self) {
        self.end.call(|tcp| tcp.abort(self.end.id));
    }

    /// Tests the connection whenever nothing was heard for the interval; when so many tests are not
    /// answered, it has timed out.
    #[track_caller]
    pub fn set_keepalive(&self, interval: Duration, probes: u32) {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let id = self.end.id;
        self.end.call(|tcp| tcp.set_keepalive(id, interval, probes));
    }

    /// Sets how many bytes this end holds of what it sends and of what it receives.
    #[track_caller]
    pub fn set_buffers(&self, sends: usize, receives: usize) {
        let id = self.end.id;
        self.end
            .call(|tcp| tcp.set_buffers(id, sends as u64, receives as u64));
    }

    /// Takes note of what every packet here does anyhow: it leaves at once.
    ///
    /// # Errors
    ///
    /// None.
    pub fn set_nodelay(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    /// Reads what there is, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing.
    #[track_caller]
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(self.end.call(|tcp| tcp.read(self.end.id, into))?)
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room.
    #[track_caller]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.end.call(|tcp| tcp.write(self.end.id, bytes))?)
    }

    /// Splits it into one half that reads and one that writes, for tasks of their own. Dropping the
    /// half that writes ends that direction.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let Self {
            end,
            reading,
            writing,
        } = self;
        let other = end.clone();
        let read = OwnedReadHalf { end, reading };
        let write = OwnedWriteHalf {
            end: other,
            writing,
            ends: true,
        };
        (read, write)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local_addr", &self.end.local)
            .field("peer_addr", &self.end.remote)
            .finish_non_exhaustive()
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.end.poll_read(cx, &mut this.reading, into)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.end.poll_write(cx, &mut this.writing, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.shut_down();
        Poll::Ready(Ok(()))
    }
}

/// The half of a [`TcpStream`] that reads.
///
/// ```
/// use futures::AsyncWriteExt;
/// use simrun::net::{TcpListener, TcpStream};
///
/// # simrun::run(async {
/// let _listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
/// let (reads, mut writes) = stream.into_split();
/// writes.write_all(b"hello").await.unwrap();
/// assert!(reads.reunite(writes).is_ok());
/// # });
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf {
    end: Arc<End>,
    reading: Waiting,
}

impl OwnedReadHalf {
    /// Puts the two halves of a stream together again.
    ///
    /// # Errors
    ///
    /// If they are not halves of one stream, they come back.
    #[track_caller]
    pub fn reunite(
        self,
        mut write: OwnedWriteHalf,
    ) -> Result<TcpStream, (OwnedReadHalf, OwnedWriteHalf)> {
        if !Arc::ptr_eq(&self.end, &write.end) {
            return Err((self, write));
        }
        write.ends = false;
        let writing = self.end.waiting(Direction::Out);
        Ok(TcpStream {
            end: self.end,
            reading: self.reading,
            writing,
        })
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.end.poll_read(cx, &mut this.reading, into)
    }
}

/// The half of a [`TcpStream`] that writes. Dropping it ends that direction.
///
/// ```
/// use futures::AsyncReadExt;
/// use simrun::net::{TcpListener, TcpStream};
///
/// # simrun::run(async {
/// let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
/// let (_reads, writes) = TcpStream::connect("127.0.0.1:80").await.unwrap().into_split();
/// drop(writes);
/// let (mut stream, _) = listener.accept().await.unwrap();
/// assert_eq!(stream.read(&mut [0; 5]).await.unwrap(), 0, "there will be no more");
/// # });
/// ```
#[derive(Debug)]
pub struct OwnedWriteHalf {
    end: Arc<End>,
    writing: Waiting,
    /// The direction ends with it.
    ends: bool,
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.ends && core::try_own(self.end.serial).is_some() {
            self.end.shut_down();
        }
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.end.poll_write(cx, &mut this.writing, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.shut_down();
        Poll::Ready(Ok(()))
    }
}
