//! UDP as Rust programs know it, in the shape of `tokio::net`.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::{Sink, Stream};

use super::driver::{Direction, Net, Waiting};
use super::kernel::{Datagram, DatagramId, NetError, Socket, UdpCall};
use super::resolve::{ToSocketAddrs, lookup_host, lookup_one};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, ResourceKey};

/// A socket for datagrams, which may be lost, overtaken and doubled on their way.
///
/// It is also a stream of what it receives, and a sink for what is to be sent.
///
/// ```
/// use simrun::net::UdpSocket;
///
/// # simrun::run(async {
/// let (one, two) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:53"));
/// let (one, two) = (one.await.unwrap(), two.await.unwrap());
/// one.send_to(b"question", "127.0.0.1:53").await.unwrap();
/// let mut datagram = [0; 100];
/// let (length, from) = two.recv_from(&mut datagram).await.unwrap();
/// assert_eq!(&datagram[..length], b"question");
/// assert_eq!(from, one.local_addr().unwrap());
/// # });
/// ```
pub struct UdpSocket {
    serial: u32,
    id: DatagramId,
    resource: ResourceKey,
    /// The wait of the socket as a stream.
    receiving: Waiting,
}

impl UdpSocket {
    /// Binds a socket. Port 0 is any free port.
    ///
    /// # Errors
    ///
    /// If the address is in use, or not one of the host's.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> impl Future<Output = io::Result<Self>> {
        let at = Location::caller();
        async move {
            let mut failure = None;
            for address in lookup_host(address).await? {
                match Self::bind_to(address, at) {
                    Ok(socket) => return Ok(socket),
                    Err(error) => failure = Some(error),
                }
            }
            Err(failure.unwrap_or_else(|| NetError::AddressNotAvailable.into()))
        }
    }

    pub(super) fn bind_to(address: SocketAddr, at: &'static Location<'static>) -> io::Result<Self> {
        let core = core::current();
        let net = Net::of(&core);
        let host = net.here(&core);
        let (id, local) = net.udp(&core, |udp| udp.bind(host, address))?;
        let resource = core.add_resource("datagram socket", Some(local.to_string()), at);
        let socket = Socket::Datagram(id);
        Ok(Self {
            serial: core.serial,
            id,
            resource,
            receiving: Waiting::new(socket, Direction::In, resource.on(), at),
        })
    }

    #[track_caller]
    fn net(&self) -> (Rc<Core>, Rc<Net>) {
        let core = core::own(self.serial, "socket");
        let net = Net::of(&core);
        core.touch(self.resource, Access::Write);
        (core, net)
    }

    #[track_caller]
    fn call<R>(&self, call: impl FnOnce(&mut UdpCall<'_>) -> R) -> R {
        let (core, net) = self.net();
        net.udp(&core, call)
    }

    #[track_caller]
    fn waiting(&self) -> Waiting {
        let socket = Socket::Datagram(self.id);
        Waiting::new(
            socket,
            Direction::In,
            self.resource.on(),
            Location::caller(),
        )
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
    ) -> Poll<io::Result<Datagram>> {
        let (core, net) = self.net();
        let received = net.attempt(&core, cx, waiting, || {
            net.udp(&core, |udp| udp.receive(self.id))
        });
        received.map_err(io::Error::from)
    }

    /// Sets whom the socket sends to, and receives from to the exclusion of others.
    ///
    /// # Errors
    ///
    /// If there is no such name.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let address = lookup_one(address).await?;
        self.call(|udp| udp.connect(self.id, address));
        Ok(())
    }

    /// Sends a datagram to an address, as a whole or not at all; nobody says whether it arrives.
    ///
    /// # Errors
    ///
    /// If it is too long, or the address is nobody's; if the socket is connected, also if an
    /// earlier datagram went to a port where nobody was.
    pub async fn send_to(&self, bytes: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let to = lookup_one(to).await?;
        self.call(|udp| udp.send(self.id, Some(to), bytes))?;
        Ok(bytes.len())
    }

    /// Sends a datagram to the address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and if it is not connected.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|udp| udp.send(self.id, None, bytes))?;
        Ok(bytes.len())
    }

    /// Sends a datagram if that is possible without waiting, which it always is.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    #[track_caller]
    pub fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.call(|udp| udp.send(self.id, Some(to), bytes))?;
        Ok(bytes.len())
    }

    /// Receives a datagram, and says from whom it is. What does not fit is lost.
    ///
    /// # Errors
    ///
    /// If the socket is connected and nobody is at the port that it sends to.
    #[track_caller]
    pub fn recv_from(
        &self,
        into: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        let mut waiting = self.waiting();
        async move {
            let datagram = std::future::poll_fn(|cx| self.poll_receive(cx, &mut waiting)).await?;
            Ok((copy(&datagram, into), datagram.from))
        }
    }

    /// Receives a datagram.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn recv(&self, into: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let received = self.recv_from(into);
        async { Ok(received.await?.0) }
    }

    /// Receives a datagram if there is one.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none.
    #[track_caller]
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.call(|udp| udp.receive(self.id))?;
        Ok((copy(&datagram, into), datagram.from))
    }

    /// Looks at the next datagram, which stays where it is.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    #[track_caller]
    pub fn peek_from(
        &self,
        into: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        let mut waiting = self.waiting();
        async move {
            let peeked = std::future::poll_fn(|cx| {
                let (core, net) = self.net();
                net.attempt(&core, cx, &mut waiting, || {
                    net.udp(&core, |udp| udp.peek(self.id))
                })
            });
            let datagram = peeked.await?;
            Ok((copy(&datagram, into), datagram.from))
        }
    }

    /// Returns the address of the socket.
    ///
    /// # Errors
    ///
    /// None.
    #[track_caller]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.call(|udp| udp.addresses(self.id)).0)
    }

    /// Returns the address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// If it is not connected.
    #[track_caller]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let remote = self.call(|udp| udp.addresses(self.id)).1;
        Ok(remote.ok_or(NetError::NotConnected)?)
    }

    /// Lets the socket send to 255.255.255.255, which is every other host.
    ///
    /// # Errors
    ///
    /// None.
    #[track_caller]
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.call(|udp| udp.set_broadcast(self.id, on));
        Ok(())
    }

    /// Joins a group: the socket receives what is sent to its address and the socket's port.
    ///
    /// # Errors
    ///
    /// If it is not a multicast address.
    #[track_caller]
    pub fn join_multicast_v4(&self, group: Ipv4Addr, _interface: Ipv4Addr) -> io::Result<()> {
        self.set_member(group.into(), true)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// If it is not a multicast address.
    #[track_caller]
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, _interface: Ipv4Addr) -> io::Result<()> {
        self.set_member(group.into(), false)
    }

    /// Joins a group: the socket receives what is sent to its address and the socket's port.
    ///
    /// # Errors
    ///
    /// If it is not a multicast address.
    #[track_caller]
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, _interface: u32) -> io::Result<()> {
        self.set_member((*group).into(), true)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// If it is not a multicast address.
    #[track_caller]
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, _interface: u32) -> io::Result<()> {
        self.set_member((*group).into(), false)
    }

    #[track_caller]
    fn set_member(&self, group: IpAddr, joins: bool) -> io::Result<()> {
        if !group.is_multicast() {
            let text = format!("{group} is not the address of a group");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.call(|udp| udp.set_member(self.id, group, joins));
        Ok(())
    }
}

fn copy(datagram: &Datagram, into: &mut [u8]) -> usize {
    let length = datagram.bytes.len().min(into.len());
    into[..length].copy_from_slice(&datagram.bytes[..length]);
    length
}

impl Stream for UdpSocket {
    type Item = io::Result<(Vec<u8>, SocketAddr)>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let fresh = this.waiting();
        let mut waiting = std::mem::replace(&mut this.receiving, fresh);
        let received = this.poll_receive(cx, &mut waiting);
        this.receiving = waiting;
        let taken = |datagram: Datagram| (datagram.bytes.to_vec(), datagram.from);
        received.map(|received| Some(received.map(taken)))
    }
}

impl Sink<(Vec<u8>, SocketAddr)> for UdpSocket {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, (bytes, to): (Vec<u8>, SocketAddr)) -> io::Result<()> {
        self.try_send_to(&bytes, to).map(drop)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        if let Some(core) = core::try_own(self.serial) {
            Net::of(&core).udp(&core, |udp| udp.close(self.id));
            core.remove_resource(self.resource);
        }
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").finish_non_exhaustive()
    }
}
