//! Tiers 7 to 9: the network.
//!
//! Packets travel over [links](Link) between hosts, and what happens to each of them is a decision
//! of the plan.

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
mod tcp;
mod transport;
mod udp;

pub use connect::{ConnectOptions, create_connection, create_connection_with};
pub use control::{
    Hosts, cut, heal, heal_all, hold, link, open, partition, set_default_link, set_link,
};
pub use datagram::{DatagramTransport, create_datagram_endpoint};
pub use kernel::{Latency, Link};
pub use protocol::{AnyProtocol, Buffered, BufferedProtocol, DatagramProtocol, Protocol};
pub use resolve::{
    Target, ToSocketAddrs, lookup_host, set_lookup_delay, set_lookup_failing, set_name,
};
pub use server::{Server, create_server};
#[cfg(feature = "cli")]
pub(crate) use stream::{LIMIT, open_over, serve};
pub use stream::{
    IncompleteRead, LimitOverrun, Lines, ReadError, Separators, StreamReader, StreamWriter,
    open_connection, open_connection_with, start_server, start_server_with_limit,
};
pub use tcp::{Accept, Incoming, OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
pub use transport::Transport;
pub use udp::UdpSocket;

pub(crate) use driver::Net;
pub(crate) use kernel::HostId;
