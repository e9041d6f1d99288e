//! Tier 8, protocols: what a connection's transport calls.
//!
//! Every call is made by the loop, and none while the transport is in the middle of something: a
//! protocol may use its transport in any of them. asyncio calls `pause_writing` within the `write`
//! that makes it necessary; a Rust protocol that writes in one of its own methods cannot be called
//! again before that returns, and hears of it right then.

use std::io;
use std::net::SocketAddr;

use super::datagram::DatagramTransport;
use super::transport::Transport;

/// What a connection tells: asyncio's `Protocol`.
///
/// First comes `connection_made`, then data any number of times, then the end of the data at most
/// once, and last `connection_lost`, exactly once. Writing is paused and resumed in between. A
/// method that panics ends the connection, except the first and the last.
///
/// ```
/// use simrun::net::{Protocol, Transport, create_connection, create_server};
///
/// /// Sends everything back.
/// #[derive(Default)]
/// struct Echo(Option<Transport>);
///
/// impl Protocol for Echo {
///     fn connection_made(&mut self, transport: &Transport) {
///         self.0 = Some(transport.clone());
///     }
///
///     fn data_received(&mut self, data: &[u8]) {
///         self.0.as_ref().unwrap().write(data);
///     }
/// }
///
/// /// Keeps what it gets.
/// #[derive(Default)]
/// struct Keep(Vec<u8>);
///
/// impl Protocol for Keep {
///     fn data_received(&mut self, data: &[u8]) {
///         self.0.extend(data);
///     }
/// }
///
/// # simrun::run(async {
/// let server = create_server(Echo::default, "127.0.0.1:7").await.unwrap();
/// let (transport, keep) = create_connection(Keep::default, "127.0.0.1:7").await.unwrap();
/// transport.write(b"hello");
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(keep.lock().unwrap().0, b"hello");
/// transport.close();
/// server.close();
/// # });
/// ```
pub trait Protocol: 'static {
    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Something has arrived: all there was, up to 256 KiB.
    fn data_received(&mut self, data: &[u8]);

    /// The other end will send no more. Says whether the connection shall stay open for what is
    /// still to be written; otherwise it is closed.
    fn eof_received(&mut self) -> bool {
        false
    }

    /// The write buffer has risen above its high mark: writing is to be paused.
    fn pause_writing(&mut self) {}

    /// The write buffer has fallen to its low mark.
    fn resume_writing(&mut self) {}

    /// The connection is over: because it was closed, or with an error.
    fn connection_lost(&mut self, error: Option<&io::Error>) {
        let _ = error;
    }
}

/// A [`Protocol`] that says where data shall be put: asyncio's `BufferedProtocol`. Factories wrap
/// it in [`Buffered`].
///
/// ```
/// use simrun::net::{Buffered, BufferedProtocol, create_connection, start_server};
///
/// struct Exactly {
///     buffer: [u8; 5],
///     filled: usize,
/// }
///
/// impl BufferedProtocol for Exactly {
///     fn get_buffer(&mut self, _hint: Option<usize>) -> &mut [u8] {
///         &mut self.buffer[self.filled..]
///     }
///
///     fn buffer_updated(&mut self, count: usize) {
///         self.filled += count;
///     }
/// }
///
/// # simrun::run(async {
/// let greet = |_, writer: simrun::net::StreamWriter| async move { writer.write(b"hello") };
/// let _server = start_server(greet, "127.0.0.1:80").await.unwrap();
/// let exactly = || Buffered(Exactly { buffer: [0; 5], filled: 0 });
/// let (_transport, exactly) = create_connection(exactly, "127.0.0.1:80").await.unwrap();
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(&exactly.lock().unwrap().0.buffer, b"hello");
/// # });
/// ```
pub trait BufferedProtocol: 'static {
    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Something has arrived: returns where it is to be put, which must not be empty. The hint is
    /// how long the buffer should be, where that is known.
    fn get_buffer(&mut self, hint: Option<usize>) -> &mut [u8];

    /// So many bytes were put into the buffer.
    fn buffer_updated(&mut self, count: usize);

    /// The other end will send no more. Says whether the connection shall stay open for what is
    /// still to be written; otherwise it is closed.
    fn eof_received(&mut self) -> bool {
        false
    }

    /// The write buffer has risen above its high mark: writing is to be paused.
    fn pause_writing(&mut self) {}

    /// The write buffer has fallen to its low mark.
    fn resume_writing(&mut self) {}

    /// The connection is over: because it was closed, or with an error.
    fn connection_lost(&mut self, error: Option<&io::Error>) {
        let _ = error;
    }
}

/// What an endpoint for datagrams tells: asyncio's `DatagramProtocol`. See
/// [`create_datagram_endpoint`](super::create_datagram_endpoint).
///
/// It is never told to pause: datagrams leave at once, or are lost.
///
/// ```
/// use simrun::net::{DatagramProtocol, UdpSocket, create_datagram_endpoint};
/// use std::net::SocketAddr;
///
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl DatagramProtocol for Count {
///     fn datagram_received(&mut self, _data: &[u8], _from: SocketAddr) {
///         self.0 += 1;
///     }
/// }
///
/// # simrun::run(async {
/// let here: SocketAddr = "127.0.0.1:7".parse().unwrap();
/// let (_, count) = create_datagram_endpoint(Count::default, here, None).await.unwrap();
/// let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
/// socket.send_to(b"hello", here).await.unwrap();
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(count.lock().unwrap().0, 1);
/// # });
/// ```
pub trait DatagramProtocol: 'static {
    /// The endpoint is there.
    fn connection_made(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram has arrived.
    fn datagram_received(&mut self, data: &[u8], from: SocketAddr) {
        let _ = (data, from);
    }

    /// Sending or receiving has failed; the endpoint stays open.
    fn error_received(&mut self, error: io::Error) {
        let _ = error;
    }

    /// The endpoint is closed.
    fn connection_lost(&mut self, error: Option<&io::Error>) {
        let _ = error;
    }
}

/// Lets a [`BufferedProtocol`] stand where a [`Protocol`] is expected.
///
/// See [`BufferedProtocol`].
///
/// ```
/// use simrun::net::{AnyProtocol, Buffered, BufferedProtocol};
///
/// struct Bytes([u8; 64]);
///
/// impl BufferedProtocol for Bytes {
///     fn get_buffer(&mut self, _hint: Option<usize>) -> &mut [u8] {
///         &mut self.0
///     }
///
///     fn buffer_updated(&mut self, _count: usize) {}
/// }
///
/// fn factory() -> impl AnyProtocol {
///     Buffered(Bytes([0; 64]))
/// }
/// # factory();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffered<P>(
    /// The protocol.
    pub P,
);

/// What a factory may make: a [`Protocol`], or a [`BufferedProtocol`] that is [`Buffered`].
///
/// ```
/// use simrun::net::{AnyProtocol, Protocol, Transport, create_connection, start_server};
/// use std::io;
///
/// /// Connects to the server of a test, whatever the protocol.
/// async fn connect<P: AnyProtocol>(protocol: P) -> io::Result<Transport> {
///     create_connection(|| protocol, "127.0.0.1:80").await.map(|(transport, _)| transport)
/// }
///
/// struct Deaf;
///
/// impl Protocol for Deaf {
///     fn data_received(&mut self, _: &[u8]) {}
/// }
///
/// # simrun::run(async {
/// let _server = start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
/// connect(Deaf).await.unwrap().close();
/// # });
/// ```
pub trait AnyProtocol: Party {}

impl<P: Party> AnyProtocol for P {}

pub(super) use private::{Inflow, Party, Stop};

mod private {
    use super::super::kernel::NetError;
    use super::super::transport::Transport;
    use super::{Buffered, BufferedProtocol, Protocol};
    use std::io;

    /// What a transport calls, whatever kind of protocol it is.
    pub trait Party: 'static {
        fn made(&mut self, transport: &Transport);
        /// Takes what has arrived. Says how many bytes: 0 is the end.
        fn take(&mut self, inflow: &mut Inflow<'_>) -> Result<usize, Stop>;
        fn eof(&mut self) -> bool;
        fn pause(&mut self);
        fn resume(&mut self);
        fn lost(&mut self, error: Option<&io::Error>);
    }

    /// What has arrived, to be read by a protocol.
    pub struct Inflow<'a> {
        pub(in crate::net) read: &'a mut dyn FnMut(&mut [u8]) -> Result<usize, Stop>,
        /// Where a protocol without a buffer of its own has it.
        pub(in crate::net) chunk: &'a mut [u8],
        /// Which of the protocol's methods is called.
        pub(in crate::net) stage: &'static str,
    }

    /// Why nothing was taken.
    pub struct Stop(pub(in crate::net) NetError);

    impl<P: Protocol> Party for P {
        fn made(&mut self, transport: &Transport) {
            self.connection_made(transport);
        }

        fn take(&mut self, inflow: &mut Inflow<'_>) -> Result<usize, Stop> {
            let count = (inflow.read)(inflow.chunk)?;
            if count > 0 {
                inflow.stage = "data_received";
                self.data_received(&inflow.chunk[..count]);
            }
            Ok(count)
        }

        fn eof(&mut self) -> bool {
            self.eof_received()
        }

        fn pause(&mut self) {
            self.pause_writing();
        }

        fn resume(&mut self) {
            self.resume_writing();
        }

        fn lost(&mut self, error: Option<&io::Error>) {
            self.connection_lost(error);
        }
    }

    impl<P: BufferedProtocol> Party for Buffered<P> {
        fn made(&mut self, transport: &Transport) {
            self.0.connection_made(transport);
        }

        fn take(&mut self, inflow: &mut Inflow<'_>) -> Result<usize, Stop> {
            inflow.stage = "get_buffer";
            let buffer = self.0.get_buffer(None);
            assert!(!buffer.is_empty(), "get_buffer() returned an empty buffer");
            let count = (inflow.read)(buffer)?;
            if count > 0 {
                inflow.stage = "buffer_updated";
                self.0.buffer_updated(count);
            }
            Ok(count)
        }

        fn eof(&mut self) -> bool {
            self.0.eof_received()
        }

        fn pause(&mut self) {
            self.0.pause_writing();
        }

        fn resume(&mut self) {
            self.0.resume_writing();
        }

        fn lost(&mut self, error: Option<&io::Error>) {
            self.0.connection_lost(error);
        }
    }
}
