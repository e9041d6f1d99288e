//! UDP: datagrams, with all that may happen to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use slab::Slab;

use super::ports::Protocol;
use super::wire::{HEADERS, RouteId, Transit};
use super::{
    Contents, Event as AnyEvent, HostId, NetError, PacketKind, Readiness, Socket, Surroundings,
    Treatment, UdpCall,
};

/// All datagram sockets.
#[derive(Debug, Default)]
pub(crate) struct Udp {
    sockets: Slab<Endpoint>,
    bound: BTreeMap<(HostId, u16), Vec<DatagramId>>,
    /// Who has joined a group.
    members: BTreeMap<IpAddr, BTreeSet<DatagramId>>,
    /// Datagrams that wait for a link to be opened.
    held: Vec<Event>,
}

/// Names a datagram socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DatagramId(u32);

impl DatagramId {
    /// Returns a small number that no other socket has that lives.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
struct Endpoint {
    host: HostId,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    received: VecDeque<Datagram>,
    /// How many bytes of that there are.
    bytes: usize,
    error: Option<NetError>,
    broadcasts: bool,
    /// Its host has crashed.
    is_gone: bool,
    /// The way that the last datagram took.
    way: Option<Way>,
}

/// The way to an address.
#[derive(Clone, Copy, Debug)]
struct Way {
    to: IpAddr,
    /// The address that the host uses there.
    from: IpAddr,
    route: RouteId,
}

/// A datagram that has arrived, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) bytes: Rc<[u8]>,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A datagram arrives at the end of a route.
    Arrival {
        route: RouteId,
        to: SocketAddr,
        datagram: Datagram,
    },
    /// A host hears that nobody is at a port to which one of its sockets has sent.
    Unreachable {
        host: HostId,
        from: SocketAddr,
        port: SocketAddr,
    },
}

/// The most that a datagram may have: what fits into an IP packet of the largest size.
const LONGEST: usize = 65_507;

/// What a socket keeps that nobody has received; the rest is lost, as everywhere.
const BUFFER: usize = 208 << 10;

impl UdpCall<'_> {
    /// Makes a socket.
    pub(crate) fn bind(
        &mut self,
        host: HostId,
        local: SocketAddr,
    ) -> Result<(DatagramId, SocketAddr), NetError> {
        let Self(udp, around) = self;
        let others = udp.bound.get(&(host, local.port())).into_iter().flatten();
        let others = others.map(|other| udp.sockets[other.index()].local.ip());
        let local = around.claim(host, Protocol::Udp, local, others)?;
        let port = local.port();
        let id = DatagramId(udp.sockets.insert(Endpoint {
            host,
            local,
            remote: None,
            received: VecDeque::new(),
            bytes: 0,
            error: None,
            broadcasts: false,
            is_gone: false,
            way: None,
        }) as u32);
        udp.bound.entry((host, port)).or_default().push(id);
        Ok((id, local))
    }

    /// Sets whom a socket sends to and receives from.
    pub(crate) fn connect(&mut self, id: DatagramId, remote: SocketAddr) {
        let Self(udp, around) = self;
        let socket = &mut udp.sockets[id.index()];
        socket.remote = Some(remote);
        if socket.local.ip().is_unspecified() {
            let ip = around.source(socket.host, remote.ip());
            socket.local.set_ip(ip);
        }
    }

    pub(crate) fn addresses(&mut self, id: DatagramId) -> (SocketAddr, Option<SocketAddr>) {
        let socket = &self.0.sockets[id.index()];
        (socket.local, socket.remote)
    }

    /// Lets a socket send to everyone at once.
    pub(crate) fn set_broadcast(&mut self, id: DatagramId, on: bool) {
        self.0.sockets[id.index()].broadcasts = on;
    }

    /// Joins a group, or leaves it.
    pub(crate) fn set_member(&mut self, id: DatagramId, group: IpAddr, joins: bool) {
        let members = self.0.members.entry(group).or_default();
        if joins {
            members.insert(id);
        } else {
            members.remove(&id);
        }
    }

    /// Sends a datagram.
    pub(crate) fn send(
        &mut self,
        id: DatagramId,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<(), NetError> {
        let Self(udp, around) = self;
        let socket = &mut udp.sockets[id.index()];
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if socket.is_gone {
            return Err(NetError::NotConnected);
        }
        let to = to.or(socket.remote).ok_or(NetError::NotConnected)?;
        if bytes.len() > LONGEST {
            return Err(NetError::MessageTooLong);
        }
        if is_for_many(to.ip()) {
            return udp.send_to_many(id, to, bytes, around);
        }
        let way = socket.way(to.ip(), around)?;
        let from = socket.sender(way.from);
        let bytes = bytes.into();
        udp.send(way.route, to, Datagram { from, bytes }, around);
        Ok(())
    }

    /// Receives a datagram.
    pub(crate) fn receive(&mut self, id: DatagramId) -> Result<Datagram, NetError> {
        let socket = &mut self.0.sockets[id.index()];
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if socket.is_gone {
            return Err(NetError::NotConnected);
        }
        let datagram = socket.received.pop_front().ok_or(NetError::WouldBlock)?;
        socket.bytes -= datagram.bytes.len();
        Ok(datagram)
    }

    /// Says whether a receive would find a datagram, or an error.
    pub(crate) fn is_readable(&mut self, id: DatagramId) -> bool {
        let socket = &self.0.sockets[id.index()];
        socket.error.is_some() || !socket.received.is_empty()
    }

    /// Looks at the next datagram. An error is not only looked at.
    pub(crate) fn peek(&mut self, id: DatagramId) -> Result<Datagram, NetError> {
        let socket = &mut self.0.sockets[id.index()];
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if socket.is_gone {
            return Err(NetError::NotConnected);
        }
        socket.received.front().cloned().ok_or(NetError::WouldBlock)
    }

    pub(crate) fn close(&mut self, id: DatagramId) {
        let Self(udp, around) = self;
        let socket = udp.sockets.remove(id.index());
        if !socket.is_gone {
            udp.unbind(id, &socket, around);
        }
    }
}

/// Says whether more than one host may hear what is sent to an address.
fn is_for_many(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl Endpoint {
    /// Returns the way to the one host that has an address. Most datagrams go where the one before
    /// went.
    fn way(&mut self, to: IpAddr, around: &mut Surroundings<'_>) -> Result<Way, NetError> {
        if let Some(way) = self.way.filter(|way| way.to == to) {
            return Ok(way);
        }
        let host = around.host_at(self.host, to);
        let host = host.ok_or(NetError::HostUnreachable)?;
        let from = around.source(self.host, to);
        let route = around.wire.route(self.host, host);
        Ok(*self.way.insert(Way { to, from, route }))
    }

    /// Returns what a datagram says whom it is from, if the socket itself has no address.
    fn sender(&self, from: IpAddr) -> SocketAddr {
        let mut sender = self.local;
        if sender.ip().is_unspecified() {
            sender.set_ip(from);
        }
        sender
    }
}

impl Udp {
    /// Forgets which way leads to which address: hosts have others now.
    pub(super) fn forget_ways(&mut self) {
        for (_, socket) in self.sockets.iter_mut() {
            socket.way = None;
        }
    }

    /// Gives up what a socket has.
    fn unbind(&mut self, id: DatagramId, socket: &Endpoint, around: &mut Surroundings<'_>) {
        let port = socket.local.port();
        if let Some(bound) = self.bound.get_mut(&(socket.host, port)) {
            bound.retain(|other| *other != id);
            if bound.is_empty() {
                self.bound.remove(&(socket.host, port));
            }
        }
        self.members.values_mut().for_each(|members| {
            members.remove(&id);
        });
        around.ports.release(socket.host, Protocol::Udp, port, None);
    }

    /// Sends a datagram to everyone, or to a group.
    fn send_to_many(
        &mut self,
        id: DatagramId,
        to: SocketAddr,
        bytes: &[u8],
        around: &mut Surroundings<'_>,
    ) -> Result<(), NetError> {
        let socket = &self.sockets[id.index()];
        let host = socket.host;
        let from = socket.sender(around.source(host, to.ip()));
        let receivers: BTreeSet<HostId> = if to.ip().is_multicast() {
            let members = self.members.get(&to.ip()).into_iter().flatten();
            let hosts = members.map(|member| self.sockets[member.index()].host);
            hosts.collect()
        } else if socket.broadcasts {
            let hosts = (0..around.machines.len() as u32).map(HostId);
            hosts.filter(|other| *other != host).collect()
        } else {
            return Err(NetError::AddressNotAvailable);
        };
        let bytes: Rc<[u8]> = bytes.into();
        for receiver in receivers {
            let route = around.wire.route(host, receiver);
            let bytes = bytes.clone();
            self.send(route, to, Datagram { from, bytes }, around);
        }
        Ok(())
    }

    fn send(
        &mut self,
        route: RouteId,
        to: SocketAddr,
        datagram: Datagram,
        around: &mut Surroundings<'_>,
    ) {
        let treatment = around.treat(route, || Contents {
            from: datagram.from,
            to,
            kind: PacketKind::Datagram,
            payload: datagram.bytes.to_vec(),
        });
        if !treatment.is_lost {
            self.carry(route, to, datagram, treatment, around);
        }
    }

    fn carry(
        &mut self,
        route: RouteId,
        to: SocketAddr,
        datagram: Datagram,
        treatment: Treatment,
        around: &mut Surroundings<'_>,
    ) {
        let bytes = datagram.bytes.len();
        // A datagram is cut into packets; it is lost if one of them is.
        let most = (around.wire.link(route).mtu - HEADERS) as usize;
        let mut left = bytes;
        let transit = loop {
            let part = left.min(most);
            let transit = around.wire.send(route, part, around.now, around.fate);
            left -= part;
            if left == 0 || !matches!(transit, Transit::Arrives(_)) {
                break transit;
            }
        };
        let event = Event::Arrival {
            route,
            to,
            datagram,
        };
        match transit {
            Transit::Lost => {}
            Transit::Held => self.held.push(event),
            Transit::Arrives(at) => {
                let at = at.saturating_add(treatment.delay);
                let (later, again) = around.wire.mishaps(route, around.fate);
                for after in treatment.again {
                    let at = at.saturating_add(after);
                    around.events.schedule(at, AnyEvent::Udp(event.clone()));
                }
                if let Some(after) = again {
                    let at = at + later + after;
                    around.events.schedule(at, AnyEvent::Udp(event.clone()));
                }
                around.events.schedule(at + later, AnyEvent::Udp(event));
            }
        }
    }

    pub(super) fn happen(&mut self, event: Event, around: &mut Surroundings<'_>) {
        match event {
            Event::Arrival {
                route,
                to,
                datagram,
            } => {
                if around.wire.is_open(route) && around.is_up(around.wire.to(route)) {
                    self.arrive(route, to, datagram, around);
                }
            }
            Event::Unreachable { host, from, port } => {
                let ids = self.bound.get(&(host, from.port()));
                for id in ids.into_iter().flatten() {
                    let socket = &mut self.sockets[id.index()];
                    // Only those hear of it who talk to nobody else: as everywhere.
                    if socket.remote == Some(port) && around.is_up(host) {
                        socket.error = Some(NetError::Refused);
                        around.events.ready(Socket::Datagram(*id), Readiness::Both);
                    }
                }
            }
        }
    }

    fn arrive(
        &mut self,
        route: RouteId,
        to: SocketAddr,
        datagram: Datagram,
        around: &mut Surroundings<'_>,
    ) {
        let (from_host, host) = (around.wire.from(route), around.wire.to(route));
        let to_many = is_for_many(to.ip());
        let ids = self.bound.get(&(host, to.port()));
        let mut found = false;
        for id in ids.into_iter().flatten() {
            let is_member = !to.ip().is_multicast()
                || self
                    .members
                    .get(&to.ip())
                    .is_some_and(|members| members.contains(id));
            let socket = &mut self.sockets[id.index()];
            let is_own =
                to_many || socket.local.ip().is_unspecified() || socket.local.ip() == to.ip();
            if !is_own || !is_member {
                continue;
            }
            found = true;
            let wanted = socket.remote.is_none_or(|remote| remote == datagram.from);
            if wanted && socket.bytes + datagram.bytes.len() <= BUFFER {
                socket.bytes += datagram.bytes.len();
                socket.received.push_back(datagram.clone());
                around.events.ready(Socket::Datagram(*id), Readiness::Read);
            }
        }
        if found || to_many {
            return;
        }
        let back = around.wire.route(host, from_host);
        let transit = around.send(back, 0, || Contents {
            from: to,
            to: datagram.from,
            kind: PacketKind::Unreachable,
            payload: Vec::new(),
        });
        if let Transit::Arrives(at) = transit {
            let event = Event::Unreachable {
                host: from_host,
                from: datagram.from,
                port: to,
            };
            around.events.schedule(at, AnyEvent::Udp(event));
        }
    }

    /// Sends what was held on links that are open now.
    pub(super) fn release_held(&mut self, around: &mut Surroundings<'_>) {
        for event in std::mem::take(&mut self.held) {
            match event {
                Event::Arrival {
                    route,
                    to,
                    datagram,
                } if around.wire.passage(route) != super::Passage::Held => {
                    // Whoever listens in has seen it when it was sent.
                    self.carry(route, to, datagram, Treatment::default(), around);
                }
                held => self.held.push(held),
            }
        }
    }

    /// Everything that a host has ends at once.
    pub(super) fn crash(&mut self, host: HostId) {
        for (_, socket) in self.sockets.iter_mut() {
            if socket.host == host {
                socket.is_gone = true;
                socket.received.clear();
            }
        }
        self.bound.retain(|(other, _), _| *other != host);
        let sockets = &self.sockets;
        for members in self.members.values_mut() {
            members.retain(|member| !sockets[member.index()].is_gone);
        }
    }
}
