//! Tiers 7 to 9: the network.
//!
//! Packets travel over [links](Link) between hosts, and what happens to each of them is a decision
//! of the plan. A test can also listen in, with a [`tap`], and decide what happens to each packet.
//!
//! There are three floors, and a program may use any of them:
//!
//! | asyncio, tokio | here | |
//! |---|---|---|
//! | `open_connection`, `start_server` | [`open_connection`], [`start_server`] | streams |
//! | `StreamReader`, `StreamWriter` | [`StreamReader`], [`StreamWriter`] | |
//! | `create_connection`, `create_server` | [`create_connection`], [`create_server`] | callbacks |
//! | `Protocol`, `Transport` | [`Protocol`], [`BufferedProtocol`], [`Transport`] | |
//! | `create_datagram_endpoint` | [`create_datagram_endpoint`] | |
//! | `tokio::net` | [`TcpListener`], [`TcpStream`], [`UdpSocket`] | sockets, as Rust has them |
//! | `UnixStream` | [`local`] | within a host |
//! | `getaddrinfo`, `lookup_host` | [`lookup_host`], [`set_name`] | |
//!
//! Sockets implement the traits of `futures`, and with them every library does that uses those.
//! HTTP runs with the feature `hyper`. Hosts are made in [`host`](crate::host); a program outside
//! any is on a host of its own, called `local`.
//!
//! ```
//! use simrun::net::{self, StreamReader, StreamWriter};
//! use simrun::time::{secs, timeout};
//! use simrun::{host, time};
//!
//! # simrun::run(async {
//! let server = host::start("server", || async {
//!     let echo = |mut reader: StreamReader, writer: StreamWriter| async move {
//!         while let Ok(line) = reader.readline().await && !line.is_empty() {
//!             writer.write(&line);
//!             writer.drain().await.unwrap();
//!         }
//!     };
//!     let server = net::start_server(echo, "0.0.0.0:7").await.unwrap();
//!     server.serve_forever().await.map(drop)
//! });
//! time::sleep(time::millis(1)).await;
//! let (mut reader, writer) = net::open_connection("server:7").await.unwrap();
//! writer.write(b"hello\n");
//! assert_eq!(reader.readline().await.unwrap(), b"hello\n");
//!
//! net::partition(&server, "local");
//! writer.write(b"anyone there?\n");
//! assert!(timeout(secs(5), reader.readline()).await.is_err(), "no error, only silence");
//! net::heal(&server, "local");
//! assert_eq!(reader.readline().await.unwrap(), b"anyone there?\n", "TCP has sent it again");
//! # });
//! ```
//!
//! # What goes wrong
//!
//! - **Silence is not an error.** A partition, a host that stands still or has lost its power: a
//!   connection notices nothing until it sends, and not soon then. Whatever waits for an answer
//!   needs a [timeout](crate::time::timeout) or a [keep-alive](TcpStream::set_keepalive).
//! - **Written is not arrived.** A write succeeds when the bytes are buffered. If the connection
//!   breaks afterwards, nobody knows how much the other end has seen; a request that is made again
//!   may be served twice.
//! - **Bytes are not messages.** A read gives what is there, less than was written at once or more:
//!   use [`readexactly`](StreamReader::readexactly), [`readline`](StreamReader::readline) or a
//!   length.
//! - **Nobody drains.** [`StreamWriter::write`] never waits; without [`drain`](StreamWriter::drain)
//!   the buffer of a slow connection grows without a bound.
//! - **Datagrams** are lost, doubled and overtaken as their [link](Link) says: by default not at
//!   all.
//! - **A cancelled read** of a [`StreamReader`] has taken nothing, unless it was
//!   [`read_to_end`](StreamReader::read_to_end). The `read_exact` of `futures` loses what it had,
//!   and of a `write_all` that was cancelled, a part may be on its way.
//!
//! Links are changed while a run goes on, for some hosts or all: [`set_link`],
//! [`set_default_link`], [`partition`], [`cut`], [`hold`], [`heal`]. To have that done at random,
//! see [`fault`](crate::fault).
//!
//! # TLS
//!
//! A TLS library runs over a [`TcpStream`] as it is, but it draws its keys from the machine's
//! randomness, which no seed controls: the bytes on the wire differ from run to run. When packets
//! are sent and how long they are does not, and the network looks at nothing else, so runs can be
//! repeated and have the same fingerprint as long as nothing in them depends on those bytes. Let
//! certificates have signatures of a fixed length for that, as Ed25519's and RSA's are and ECDSA's
//! are not, and give the library the time of the run, [`system_time`](crate::time::system_time),
//! to judge them by.

mod connect;
mod control;
mod datagram;
mod driver;
mod gate;
mod kernel;
mod link;
pub mod local;
mod marks;
mod protocol;
mod resolve;
mod server;
mod stream;
mod tap;
mod tcp;
mod transport;
mod udp;

pub use connect::{ConnectOptions, create_connection, create_connection_with};
pub use control::{
    Hosts, cut, heal, heal_all, hold, link, open, partition, set_default_link, set_link,
};
pub use datagram::{DatagramTransport, create_datagram_endpoint};
pub use kernel::{Latency, Link, PacketKind};
pub use protocol::{AnyProtocol, Buffered, BufferedProtocol, DatagramProtocol, Protocol};
pub use resolve::{
    Target, ToSocketAddrs, lookup_host, set_lookup_delay, set_lookup_failing, set_name,
};
pub use server::{Server, ServerOptions, create_server, create_server_with};
pub use stream::{
    IncompleteRead, LimitOverrun, Lines, ReadError, Separators, StreamReader, StreamWriter,
    open_connection, open_connection_with, start_server, start_server_with,
};
#[cfg(feature = "cli")]
pub(crate) use stream::{LIMIT, open_over, serve};
pub use tap::{Packet, Tap, Verdict, tap};
pub use tcp::{Accept, Incoming, OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
pub use transport::Transport;
pub use udp::UdpSocket;

pub(crate) use driver::Net;
pub(crate) use kernel::HostId;
