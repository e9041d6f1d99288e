//! UDP: datagrams, with all that may happen to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use slab::Slab;

use super::ports::Protocol;
use super::wire::{HEADERS, Transit};
use super::{Event as AnyEvent, HostId, NetError, Readiness, Socket, Surroundings, UdpCall};

/// All datagram sockets.
#[derive(Debug, Default)]
pub(crate) struct Udp {
    sockets: Slab<Endpoint>,
    bound: BTreeMap<(HostId, u16), Vec<DatagramId>>,
    /// Who has joined a group.
    members: BTreeMap<IpAddr, BTreeSet<DatagramId>>,
    /// Datagrams that wait for a link to be opened.
    held: Vec<(HostId, Event)>,
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
}

/// A datagram that has arrived, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) bytes: Rc<[u8]>,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A datagram arrives at a host.
    Arrival {
        from_host: HostId,
        host: HostId,
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
        mut local: SocketAddr,
    ) -> Result<(DatagramId, SocketAddr), NetError> {
        let Self(udp, around) = self;
        let addresses = &around.machines[host.0 as usize].addresses;
        let ip = local.ip();
        if !ip.is_unspecified() && !ip.is_loopback() && !addresses.contains(&ip) {
            return Err(NetError::AddressNotAvailable);
        }
        let others = udp.bound.get(&(host, local.port())).into_iter().flatten();
        let collides = |other: &DatagramId| {
            let other = udp.sockets[other.index()].local.ip();
            other.is_ipv4() == ip.is_ipv4()
                && (other == ip || other.is_unspecified() || ip.is_unspecified())
        };
        if local.port() != 0 && others.clone().any(collides) {
            return Err(NetError::AddressInUse);
        }
        if local.port() == 0 {
            let port = around.ports.bind(host, Protocol::Udp, 0, around.now)?;
            local.set_port(port);
        } else {
            // Other addresses of the host have ports of their own.
            around.ports.share(host, Protocol::Udp, local.port());
        }
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
        let (host, broadcasts) = (socket.host, socket.broadcasts);
        let mut from = socket.local;
        if from.ip().is_unspecified() {
            from.set_ip(around.source(host, to.ip()));
        }
        let bytes: Rc<[u8]> = bytes.into();
        let datagram = Datagram { from, bytes };
        let receivers = udp.receivers(host, to, broadcasts, around)?;
        for receiver in receivers {
            udp.send(host, receiver, to, datagram.clone(), around)?;
        }
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

impl Udp {
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

    /// Returns the hosts that a datagram goes to.
    fn receivers(
        &self,
        from: HostId,
        to: SocketAddr,
        broadcasts: bool,
        around: &Surroundings<'_>,
    ) -> Result<Vec<HostId>, NetError> {
        let ip = to.ip();
        if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            if !broadcasts {
                return Err(NetError::AddressNotAvailable);
            }
            let hosts = (0..around.machines.len() as u32).map(HostId);
            return Ok(hosts.filter(|host| *host != from).collect());
        }
        if ip.is_multicast() {
            let members = self.members.get(&ip).into_iter().flatten();
            let hosts = members.map(|member| self.sockets[member.index()].host);
            let hosts: BTreeSet<HostId> = hosts.collect();
            return Ok(hosts.into_iter().collect());
        }
        let host = around.host_at(from, ip).ok_or(NetError::HostUnreachable)?;
        Ok(vec![host])
    }

    fn send(
        &mut self,
        from_host: HostId,
        host: HostId,
        to: SocketAddr,
        datagram: Datagram,
        around: &mut Surroundings<'_>,
    ) -> Result<(), NetError> {
        let route = around.wire.route(from_host, host);
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
            from_host,
            host,
            to,
            datagram,
        };
        match transit {
            Transit::Lost => {}
            Transit::Held => self.held.push((from_host, event)),
            Transit::Arrives(at) => {
                let (later, again) = around.wire.mishaps(route, around.fate);
                if let Some(after) = again {
                    let at = at + later + after;
                    around.events.schedule(at, AnyEvent::Udp(event.clone()));
                }
                around.events.schedule(at + later, AnyEvent::Udp(event));
            }
        }
        Ok(())
    }

    pub(super) fn happen(&mut self, event: Event, around: &mut Surroundings<'_>) {
        match event {
            Event::Arrival {
                from_host,
                host,
                to,
                datagram,
            } => {
                let route = around.wire.route(from_host, host);
                if around.wire.is_open(route) && around.is_up(host) {
                    self.arrive(from_host, host, to, datagram, around);
                }
            }
            Event::Unreachable { host, from, port } => {
                let ids = self.bound.get(&(host, from.port())).cloned();
                for id in ids.into_iter().flatten() {
                    let socket = &mut self.sockets[id.index()];
                    // Only those hear of it who talk to nobody else: as everywhere.
                    if socket.remote == Some(port) && around.is_up(host) {
                        socket.error = Some(NetError::Refused);
                        around.events.ready(Socket::Datagram(id), Readiness::Both);
                    }
                }
            }
        }
    }

    fn arrive(
        &mut self,
        from_host: HostId,
        host: HostId,
        to: SocketAddr,
        datagram: Datagram,
        around: &mut Surroundings<'_>,
    ) {
        let to_many = to.ip().is_multicast() || to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST);
        let ids = self
            .bound
            .get(&(host, to.port()))
            .cloned()
            .unwrap_or_default();
        let mut found = false;
        for id in ids {
            let is_member = !to.ip().is_multicast()
                || self
                    .members
                    .get(&to.ip())
                    .is_some_and(|members| members.contains(&id));
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
                around.events.ready(Socket::Datagram(id), Readiness::Read);
            }
        }
        if found || to_many {
            return;
        }
        let back = around.wire.route(host, from_host);
        if let Transit::Arrives(at) = around.wire.send(back, 0, around.now, around.fate) {
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
        for (from_host, event) in std::mem::take(&mut self.held) {
            let Event::Arrival {
                host,
                to,
                ref datagram,
                ..
            } = event
            else {
                continue;
            };
            let route = around.wire.route(from_host, host);
            if around.wire.passage(route) == super::Passage::Held {
                self.held.push((from_host, event));
            } else {
                // It was accepted when it was sent; now it can only be lost.
                let _ = self.send(from_host, host, to, datagram.clone(), around);
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
