//! Tiers 7 to 9: the network.
//!
//! Packets travel over [links](Link) between hosts, and what happens to each of them is a decision
//! of the plan. A test can also listen in, with a [`tap`], and decide what happens to each packet.
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
