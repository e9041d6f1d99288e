//! The network as a state machine. Calls and the time go in; readiness, deadlines and bytes come
//! out. It knows no task, no waker and no clock, and so anything can drive it: the loop does it for
//! programs that are written for it.

mod latency;
mod link;
mod ports;
mod tap;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use slab::Slab;

pub use latency::Latency;
pub use link::Link;
pub use tap::PacketKind;
pub(crate) use tap::{Contents, Treatment};
pub(crate) use tcp::{EndId, ListenerId, Tcp};
pub(crate) use udp::{Datagram, DatagramId};
pub(crate) use wire::{Fate, Packet, Passage};

use ports::{Ports, Protocol};
use udp::Udp;
use wire::Wire;

/// Names a host, in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostId(pub(crate) u32);

/// A machine, as far as the network is concerned.
#[derive(Debug)]
struct Machine {
    /// One of each kind.
    own: [IpAddr; 2],
    others: Vec<IpAddr>,
    is_up: bool,
}

impl Machine {
    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.own.iter().chain(&self.others).copied()
    }

    fn has(&self, address: IpAddr) -> bool {
        self.addresses().any(|own| own == address)
    }
}

/// The whole network.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    machines: Vec<Machine>,
    wire: Wire,
    ports: Ports,
    tcp: Tcp,
    udp: Udp,
    events: Events,
}

/// Names an event that is to come.
pub(crate) type Token = u32;

/// What is to happen at some moment.
#[derive(Debug)]
enum Event {
    Tcp(tcp::Event),
    Udp(udp::Event),
}

/// What the driver is to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Call [`Kernel::fire`] at this moment.
    Alarm { at: u64, token: Token },
    /// Do not.
    Disarm { token: Token },
    /// A socket may be able to go on with what it could not do.
    Ready(Socket, Readiness),
}

/// Names a socket of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Socket {
    Stream(EndId),
    Listener(ListenerId),
    Datagram(DatagramId),
}

/// What a socket may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Read, accept or receive.
    Read,
    /// Write, or be connected.
    Write,
    /// Anything: it has failed or ended.
    Both,
}

/// Events to come, and effects that the driver has not seen.
#[derive(Debug, Default)]
struct Events {
    pending: Slab<Event>,
    effects: VecDeque<Effect>,
}

impl Events {
    fn schedule(&mut self, at: u64, event: Event) -> Token {
        let token = self.pending.insert(event) as Token;
        self.effects.push_back(Effect::Alarm { at, token });
        token
    }

    fn cancel(&mut self, token: Token) {
        if self.pending.try_remove(token as usize).is_some() {
            self.effects.push_back(Effect::Disarm { token });
        }
    }

    fn ready(&mut self, socket: Socket, readiness: Readiness) {
        self.effects.push_back(Effect::Ready(socket, readiness));
    }
}

/// What the parts of the kernel need of the rest while they handle a call or an event.
struct Surroundings<'a> {
    now: u64,
    fate: &'a mut dyn Fate,
    machines: &'a [Machine],
    wire: &'a mut Wire,
    ports: &'a mut Ports,
    events: &'a mut Events,
}

impl Surroundings<'_> {
    fn is_up(&self, host: HostId) -> bool {
        self.machines[host.0 as usize].is_up
    }

    /// Returns the host that has an address, from the point of view of another.
    fn host_at(&self, from: HostId, address: IpAddr) -> Option<HostId> {
        if address.is_loopback() {
            return Some(from);
        }
        let mut machines = self.machines.iter();
        let place = machines.position(|machine| machine.has(address));
        place.map(|host| HostId(host as u32))
    }

    /// Says whether a host has an address.
    fn has(&self, host: HostId, address: IpAddr) -> bool {
        self.machines[host.0 as usize].has(address)
    }

    /// Takes an address for a socket that is to be bound there, beside those that are bound to the
    /// same port already. A port of 0 becomes one that nobody has.
    fn claim(
        &mut self,
        host: HostId,
        protocol: Protocol,
        mut local: SocketAddr,
        mut others: impl Iterator<Item = IpAddr>,
    ) -> Result<SocketAddr, NetError> {
        let ip = local.ip();
        if !ip.is_unspecified() && !ip.is_loopback() && !self.has(host, ip) {
            return Err(NetError::AddressNotAvailable);
        }
        if local.port() == 0 {
            local.set_port(self.ports.bind(host, protocol, 0, self.now)?);
            return Ok(local);
        }
        let collides = |other: IpAddr| {
            other.is_ipv4() == ip.is_ipv4()
                && (other == ip || other.is_unspecified() || ip.is_unspecified())
        };
        if others.any(collides) {
            return Err(NetError::AddressInUse);
        }
        // The port may be taken all the same: for other addresses of the host, or by connections of
        // an earlier listener.
        self.ports.share(host, protocol, local.port());
        Ok(local)
    }

    /// Returns the address that a host uses to reach another address.
    fn source(&self, host: HostId, destination: IpAddr) -> IpAddr {
        if destination.is_loopback() {
            // The first of them, as everywhere, whichever the destination is.
            return match destination {
                IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => destination,
            };
        }
        let mut addresses = self.machines[host.0 as usize].addresses();
        let found = addresses.find(|address| address.is_ipv4() == destination.is_ipv4());
        found.unwrap_or(destination)
    }
}

impl Kernel {
    /// Adds a host that is up, with an address of each kind.
    pub(crate) fn add_host(&mut self, own: [IpAddr; 2]) -> HostId {
        let id = HostId(self.machines.len() as u32);
        self.machines.push(Machine {
            own,
            others: Vec::new(),
            is_up: true,
        });
        id
    }

    fn parts<'a>(
        &'a mut self,
        now: u64,
        fate: &'a mut dyn Fate,
    ) -> (&'a mut Tcp, &'a mut Udp, Surroundings<'a>) {
        let surroundings = Surroundings {
            now,
            fate,
            machines: &self.machines,
            wire: &mut self.wire,
            ports: &mut self.ports,
            events: &mut self.events,
        };
        (&mut self.tcp, &mut self.udp, surroundings)
    }

    /// Calls `act` with the connections.
    pub(crate) fn tcp<'a>(&'a mut self, now: u64, fate: &'a mut dyn Fate) -> TcpCall<'a> {
        let (tcp, _, surroundings) = self.parts(now, fate);
        TcpCall(tcp, surroundings)
    }

    /// Calls `act` with the datagram sockets.
    pub(crate) fn udp<'a>(&'a mut self, now: u64, fate: &'a mut dyn Fate) -> UdpCall<'a> {
        let (_, udp, surroundings) = self.parts(now, fate);
        UdpCall(udp, surroundings)
    }

    /// Adds an address to those of a host.
    pub(crate) fn add_address(&mut self, host: HostId, address: IpAddr) {
        self.machines[host.0 as usize].others.push(address);
        self.udp.forget_ways();
    }

    pub(crate) fn addresses(&self, host: HostId) -> impl Iterator<Item = IpAddr> {
        self.machines[host.0 as usize].addresses()
    }

    /// Sets what links are like that have no settings of their own.
    pub(crate) fn set_default_link(&mut self, link: Link) {
        self.wire.set_default(link);
    }

    /// Sets what the link from one host to another is like.
    pub(crate) fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        let route = self.wire.route(from, to);
        self.wire.set(route, link);
    }

    pub(crate) fn link(&mut self, from: HostId, to: HostId) -> Link {
        let route = self.wire.route(from, to);
        *self.wire.link(route)
    }

    /// Sets whether packets pass from one host to another.
    pub(crate) fn set_passage(
        &mut self,
        from: HostId,
        to: HostId,
        passage: Passage,
        now: u64,
        fate: &mut dyn Fate,
    ) {
        let route = self.wire.route(from, to);
        let before = self.wire.passage(route);
        self.wire.set_passage(route, passage);
        if before == Passage::Held && passage != Passage::Held {
            let (tcp, udp, mut around) = self.parts(now, fate);
            tcp.release_held(&mut around);
            udp.release_held(&mut around);
        }
    }

    pub(crate) fn passage(&mut self, from: HostId, to: HostId) -> Passage {
        let route = self.wire.route(from, to);
        self.wire.passage(route)
    }

    /// Takes a host down: all its sockets are gone. If it still `resets` its connections, the other
    /// ends hear of it, otherwise they find out.
    pub(crate) fn take_down(&mut self, host: HostId, resets: bool, now: u64, fate: &mut dyn Fate) {
        let (tcp, udp, mut around) = self.parts(now, fate);
        tcp.crash(host, resets, &mut around);
        udp.crash(host);
        around.ports.forget(host);
        self.machines[host.0 as usize].is_up = false;
    }

    /// Brings a host up again.
    pub(crate) fn bring_up(&mut self, host: HostId) {
        self.machines[host.0 as usize].is_up = true;
    }

    /// Lets an event happen whose moment has come.
    pub(crate) fn fire(&mut self, token: Token, now: u64, fate: &mut dyn Fate) {
        let Some(event) = self.events.pending.try_remove(token as usize) else {
            return;
        };
        let (tcp, udp, mut surroundings) = self.parts(now, fate);
        match event {
            Event::Tcp(event) => tcp.happen(event, &mut surroundings),
            Event::Udp(event) => udp.happen(event, &mut surroundings),
        }
    }

    /// Takes the next thing that the driver is to do.
    #[inline]
    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        self.events.effects.pop_front()
    }
}

/// A call to the connections.
pub(crate) struct TcpCall<'a>(&'a mut Tcp, Surroundings<'a>);

/// A call to the datagram sockets.
pub(crate) struct UdpCall<'a>(&'a mut Udp, Surroundings<'a>);

/// What goes wrong with sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetError {
    AddressInUse,
    AddressNotAvailable,
    BrokenPipe,
    HostUnreachable,
    MessageTooLong,
    NotConnected,
    Refused,
    Reset,
    TimedOut,
    /// Try again when the socket is ready.
    WouldBlock,
}

impl From<NetError> for io::Error {
    fn from(error: NetError) -> Self {
        let (kind, text) = match error {
            NetError::AddressInUse => (io::ErrorKind::AddrInUse, "the address is in use"),
            NetError::AddressNotAvailable => (
                io::ErrorKind::AddrNotAvailable,
                "the host does not have the address, or no port is left",
            ),
            NetError::BrokenPipe => (
                io::ErrorKind::BrokenPipe,
                "the connection takes no more bytes from here",
            ),
            NetError::HostUnreachable => {
                (io::ErrorKind::HostUnreachable, "no host has the address")
            }
            NetError::MessageTooLong => (io::ErrorKind::InvalidInput, "the datagram is too long"),
            NetError::NotConnected => (io::ErrorKind::NotConnected, "the socket is not connected"),
            NetError::Refused => (
                io::ErrorKind::ConnectionRefused,
                "the connection was refused",
            ),
            NetError::Reset => (
                io::ErrorKind::ConnectionReset,
                "the connection was reset by the other end",
            ),
            NetError::TimedOut => (io::ErrorKind::TimedOut, "the other end does not answer"),
            NetError::WouldBlock => (io::ErrorKind::WouldBlock, "the socket is not ready"),
        };
        Self::new(kind, text)
    }
}
