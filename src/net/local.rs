//! Sockets within a host, which have paths for addresses: what Unix calls domain sockets.
//!
//! They lose nothing and are not part of any link. Their paths are not files of the host's
//! [disk](crate::host::disk), but as with files, one that is left behind by a listener stays in the
//! way until it is [removed](remove).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

use super::driver::Net;
use super::kernel::HostId;
use super::tcp::{TcpListener, TcpStream};
use super::udp::UdpSocket;
use crate::event_loop::core;

/// What paths stand for, by host.
#[derive(Default)]
struct Paths(RefCell<BTreeMap<(HostId, String), SocketAddr>>);

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn here() -> HostId {
    let core = core::current();
    Net::of(&core).here(&core)
}

fn with<R>(act: impl FnOnce(&mut BTreeMap<(HostId, String), SocketAddr>) -> R) -> R {
    let paths = core::current().extension::<Paths>();
    act(&mut paths.0.borrow_mut())
}

pub(crate) fn find(path: &str) -> io::Result<SocketAddr> {
    let address = with(|paths| paths.get(&(here(), path.to_owned())).copied());
    address.ok_or_else(|| {
        let text = format!("there is no socket `{path}`");
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

/// Takes a path for a socket.
pub(crate) fn take(path: &str, address: SocketAddr) -> io::Result<()> {
    let taken = with(|paths| paths.contains_key(&(here(), path.to_owned())));
    if taken {
        let text = format!("there is a socket `{path}` already: remove it first");
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    with(|paths| paths.insert((here(), path.to_owned()), address));
    Ok(())
}

/// Removes the path of a socket on this host. Who has connected stays connected.
///
/// # Errors
///
/// If there is none.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::local::{self, LocalListener};
///
/// # simrun::run(async {
/// drop(LocalListener::bind("/run/app").unwrap());
/// assert!(LocalListener::bind("/run/app").is_err(), "the path is still there");
/// local::remove("/run/app").unwrap();
/// assert!(LocalListener::bind("/run/app").is_ok());
/// # });
/// ```
#[track_caller]
pub fn remove(path: &str) -> io::Result<()> {
    find(path)?;
    with(|paths| paths.remove(&(here(), path.to_owned())));
    Ok(())
}

/// A listening socket within a host.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use simrun::net::local::{LocalListener, LocalStream};
///
/// # simrun::run(async {
/// let listener = LocalListener::bind("/run/app").unwrap();
/// let client = simrun::spawn(async {
///     let mut stream = LocalStream::connect("/run/app").await.unwrap();
///     stream.write_all(b"hello").await.unwrap();
/// });
/// let mut stream = listener.accept().await.unwrap();
/// let mut word = String::new();
/// stream.read_to_string(&mut word).await.unwrap();
/// assert_eq!(word, "hello");
/// client.await.unwrap();
/// # });
/// ```
pub struct LocalListener {
    inner: TcpListener,
    path: String,
}

impl LocalListener {
    /// Listens at a path.
    ///
    /// # Errors
    ///
    /// If the path is taken, be it by a listener that is gone.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn bind(path: &str) -> io::Result<Self> {
        let inner = TcpListener::listen(ANY, 128, Location::caller())?;
        take(path, inner.local_addr()?)?;
        Ok(Self {
            inner,
            path: path.to_owned(),
        })
    }

    /// Accepts a connection.
    ///
    /// # Errors
    ///
    /// None yet.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<LocalStream>> {
        let accepted = self.inner.accept();
        let path = self.path.clone();
        async {
            let (inner, _) = accepted.await?;
            Ok(LocalStream { inner, path })
        }
    }

    /// Returns the path it listens at.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Debug for LocalListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalListener").field(&self.path).finish()
    }
}

/// A connection within a host.
///
/// ```
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use simrun::net::local::LocalStream;
///
/// # simrun::run(async {
/// let (mut one, mut other) = LocalStream::pair().await.unwrap();
/// one.write_all(b"hello").await.unwrap();
/// one.close().await.unwrap();
/// let mut word = String::new();
/// other.read_to_string(&mut word).await.unwrap();
/// assert_eq!(word, "hello");
/// # });
/// ```
pub struct LocalStream {
    inner: TcpStream,
    path: String,
}

impl LocalStream {
    /// Connects to a path.
    ///
    /// # Errors
    ///
    /// If there is no socket at the path, or nobody listens there any more.
    #[track_caller]
    pub fn connect(path: &str) -> impl Future<Output = io::Result<Self>> + use<> {
        let (at, path) = (Location::caller(), path.to_owned());
        async move {
            let inner = TcpStream::connect_to(find(&path)?, None, at).await?;
            Ok(Self { inner, path })
        }
    }

    /// Makes two streams that are connected with each other.
    ///
    /// # Errors
    ///
    /// If the host has no sockets left.
    #[track_caller]
    pub fn pair() -> impl Future<Output = io::Result<(Self, Self)>> {
        let at = Location::caller();
        async move {
            let listener = TcpListener::listen(ANY, 1, at)?;
            let connected = TcpStream::connect_to(listener.local_addr()?, None, at);
            let (one, other) = futures::future::try_join(connected, listener.accept()).await?;
            let stream = |inner| Self {
                inner,
                path: String::new(),
            };
            Ok((stream(one), stream(other.0)))
        }
    }

    /// Returns the path of the listener, or nothing for a [pair](Self::pair).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// None.
    #[track_caller]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }
}

impl fmt::Debug for LocalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalStream").field(&self.path).finish()
    }
}

impl AsyncRead for LocalStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, into)
    }
}

impl AsyncWrite for LocalStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx)
    }
}

/// A socket for datagrams within a host.
///
/// ```
/// use simrun::net::local::LocalDatagram;
///
/// # simrun::run(async {
/// let log = LocalDatagram::bind("/dev/log").unwrap();
/// let program = LocalDatagram::unbound().unwrap();
/// program.send_to(b"started", "/dev/log").await.unwrap();
/// let mut line = [0; 100];
/// let (length, from) = log.recv_from(&mut line).await.unwrap();
/// assert_eq!((&line[..length], from), (&b"started"[..], None));
/// # });
/// ```
pub struct LocalDatagram {
    inner: UdpSocket,
}

impl LocalDatagram {
    /// Makes a socket at a path.
    ///
    /// # Errors
    ///
    /// If the path is taken.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn bind(path: &str) -> io::Result<Self> {
        let socket = Self::unbound()?;
        take(path, socket.inner.local_addr()?)?;
        Ok(socket)
    }

    /// Makes a socket that has no path, and so cannot be sent to.
    ///
    /// # Errors
    ///
    /// If the host has no sockets left.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        let inner = UdpSocket::bind_to(ANY, Location::caller())?;
        Ok(Self { inner })
    }

    /// Sends a datagram to a path.
    ///
    /// # Errors
    ///
    /// If there is no socket at the path.
    pub async fn send_to(&self, bytes: &[u8], path: &str) -> io::Result<usize> {
        self.inner.try_send_to(bytes, find(path)?)
    }

    /// Receives a datagram, and says from which path it was sent, if from any.
    ///
    /// # Errors
    ///
    /// None yet.
    pub async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, Option<String>)> {
        let (length, from) = self.inner.recv_from(into).await?;
        let host = here();
        let path = with(|paths| {
            let mut own = paths.iter().filter(|((on, _), _)| *on == host);
            let found = own.find(|(_, address)| **address == from);
            found.map(|((_, path), _)| path.clone())
        });
        Ok((length, path))
    }
}

impl fmt::Debug for LocalDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalDatagram").finish_non_exhaustive()
    }
}
