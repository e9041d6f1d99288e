//! A network, as far as programs see it: simrun's and the machine's, behind one trait.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long packets on their way to the same machine are given to get there.
const SETTLED: Duration = Duration::from_millis(20);

/// How long something may take before it counts as waiting.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where a program's sockets are.
pub(crate) trait Network: Sized + 'static {
    type Listener: Listener<Self>;
    type Stream: Stream;
    type Datagrams: Datagrams;

    async fn listen(at: SocketAddr) -> io::Result<Self::Listener>;
    async fn connect(to: SocketAddr) -> io::Result<Self::Stream>;
    async fn bind(at: SocketAddr) -> io::Result<Self::Datagrams>;

    async fn sleep(time: Duration);

    /// Returns what a future gives, unless it has to wait for long.
    async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output>;

    /// Lets arrive what is under way.
    async fn settle() {
        Self::sleep(SETTLED).await;
    }

    /// Returns what a future gives, or `WouldBlock` if it waits.
    async fn at_once<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let given = Self::within(PATIENCE, future).await;
        given.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }
}

pub(crate) trait Listener<N: Network> {
    async fn accept(&self) -> io::Result<(N::Stream, SocketAddr)>;
    fn local(&self) -> SocketAddr;
}

pub(crate) trait Stream {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    async fn shut_down(&mut self) -> io::Result<()>;
    /// Closes with a reset: a linger of zero.
    fn abort(self);
    /// Splits it and drops the half that writes; what comes back still reads.
    fn drop_writer(self) -> impl AsyncRead;
    fn local(&self) -> SocketAddr;
    fn remote(&self) -> SocketAddr;
}

/// What can only be read.
pub(crate) trait AsyncRead {
    async fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize>;
}

pub(crate) trait Datagrams {
    async fn connect(&self, to: SocketAddr) -> io::Result<()>;
    async fn send(&self, bytes: &[u8]) -> io::Result<usize>;
    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize>;
    async fn receive(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    async fn peek(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    fn local(&self) -> SocketAddr;
    fn remote(&self) -> io::Result<SocketAddr>;
}

/// The network of a run.
pub(crate) struct Simulated;

impl Network for Simulated {
    type Listener = simrun::net::TcpListener;
    type Stream = simrun::net::TcpStream;
    type Datagrams = simrun::net::UdpSocket;

    async fn listen(at: SocketAddr) -> io::Result<Self::Listener> {
        simrun::net::TcpListener::bind(at).await
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        simrun::net::TcpStream::connect(to).await
    }

    async fn bind(at: SocketAddr) -> io::Result<Self::Datagrams> {
        simrun::net::UdpSocket::bind(at).await
    }

    async fn sleep(time: Duration) {
        simrun::time::sleep(time).await;
    }

    async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
        simrun::time::timeout(time, future).await.ok()
    }
}

impl Listener<Simulated> for simrun::net::TcpListener {
    async fn accept(&self) -> io::Result<(simrun::net::TcpStream, SocketAddr)> {
        self.accept().await
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }
}

impl Stream for simrun::net::TcpStream {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(self, into).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        AsyncWriteExt::write(self, bytes).await
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        self.close().await
    }

    fn abort(self) {
        self.abort();
    }

    fn drop_writer(self) -> impl AsyncRead {
        self.into_split().0
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    fn remote(&self) -> SocketAddr {
        self.peer_addr().unwrap()
    }
}

impl AsyncRead for simrun::net::OwnedReadHalf {
    async fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(self, into).await
    }
}

impl Datagrams for simrun::net::UdpSocket {
    async fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.connect(to).await
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes).await
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to(bytes, to).await
    }

    async fn receive(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from(into).await
    }

    async fn peek(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.peek_from(into).await
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    fn remote(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}

/// The machine's own network, through tokio.
pub(crate) struct Real;

impl Network for Real {
    type Listener = tokio::net::TcpListener;
    type Stream = tokio::net::TcpStream;
    type Datagrams = tokio::net::UdpSocket;

    async fn listen(at: SocketAddr) -> io::Result<Self::Listener> {
        tokio::net::TcpListener::bind(at).await
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        tokio::net::TcpStream::connect(to).await
    }

    async fn bind(at: SocketAddr) -> io::Result<Self::Datagrams> {
        tokio::net::UdpSocket::bind(at).await
    }

    async fn sleep(time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(time, future).await.ok()
    }
}

impl Listener<Real> for tokio::net::TcpListener {
    async fn accept(&self) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
        self.accept().await
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }
}

impl Stream for tokio::net::TcpStream {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        tokio::io::AsyncReadExt::read(self, into).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tokio::io::AsyncWriteExt::write(self, bytes).await
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown().await
    }

    fn abort(self) {
        self.set_zero_linger().unwrap();
    }

    fn drop_writer(self) -> impl AsyncRead {
        self.into_split().0
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    fn remote(&self) -> SocketAddr {
        self.peer_addr().unwrap()
    }
}

impl AsyncRead for tokio::net::tcp::OwnedReadHalf {
    async fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into).await
    }
}

impl Datagrams for tokio::net::UdpSocket {
    async fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.connect(to).await
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes).await
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to(bytes, to).await
    }

    async fn receive(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from(into).await
    }

    async fn peek(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.peek_from(into).await
    }

    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    fn remote(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}
