//! TCP: what programs see of it. Loss is seen as delay, then as a time-out; order is kept; a
//! connection is made, refused, half closed, closed and reset as everywhere.
//!
//! Both ends of a connection are known here, so acknowledgements travel only where someone waits
//! for them: a sender who has room learns at once what was delivered, one who has none hears of it
//! when the packet with the news arrives.

mod flow;
mod handshake;
mod listener;
mod transfer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use slab::Slab;

use super::ports::Protocol;
use super::wire::{RouteId, Transit};
use super::{
    Contents, Event as AnyEvent, HostId, NetError, PacketKind, Readiness, Socket, Surroundings,
    TcpCall, Token,
};
use flow::{End as FlowEnd, Flow};
use listener::Listener;
pub(crate) use listener::ListenerId;

/// All connections and listeners.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    connections: Slab<Connection>,
    listeners: Slab<Listener>,
    /// The listeners of a port.
    bound: BTreeMap<(HostId, u16), Vec<ListenerId>>,
}

/// Names one end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EndId(u32);

impl EndId {
    fn new(connection: usize, side: u32) -> Self {
        Self((connection as u32) << 1 | side)
    }

    fn connection(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn side(self) -> usize {
        (self.0 & 1) as usize
    }

    fn peer(self) -> Self {
        Self(self.0 ^ 1)
    }

    /// Returns a small number that no other end has that lives.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
struct Connection {
    ends: [End; 2],
    /// How many packets are under way that are not part of a flow.
    strays: u32,
    /// Which side closed first.
    closed_first: Option<usize>,
}

/// How far an end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has not been made yet, or is only being made.
    Connecting,
    Open,
    /// It has failed or been reset, or its host has gone.
    Dead,
}

#[derive(Debug)]
struct End {
    host: HostId,
    local: SocketAddr,
    remote: SocketAddr,
    /// The way to the other end.
    route: RouteId,
    state: State,
    /// What this end sends.
    out: Flow,
    /// How much this end is willing to hold of what it has sent, and of what it has received.
    sends: u64,
    receives: u64,
    error: Option<NetError>,
    /// Someone is there for it: the program, or a listener for the program.
    is_held: bool,
    /// The program has not said that it has done with it.
    has_handle: bool,
    /// The host crashed: nobody is there who could answer.
    is_gone: bool,
    /// The next attempt at a handshake.
    retry: Option<Token>,
    keepalive: Option<Keepalive>,
}

/// How an idle connection is tested.
#[derive(Clone, Copy, Debug)]
struct Keepalive {
    interval: u64,
    probes: u32,
    /// How many have not been answered.
    missed: u32,
    token: Option<Token>,
}

/// How much an end holds unless it is told otherwise, in each direction.
const BUFFER: u64 = 64 << 10;

/// What happens to connections by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A request to connect arrives.
    Request {
        connection: u32,
    },
    /// It has not been answered.
    RequestAgain {
        connection: u32,
        attempt: u32,
    },
    /// A listener's answer arrives.
    Answer {
        connection: u32,
    },
    AnswerAgain {
        connection: u32,
        attempt: u32,
    },
    /// The confirmation of the answer arrives.
    Confirmation {
        connection: u32,
    },
    /// The first flight from this end arrives, or is found to be lost.
    Flight(EndId),
    /// This end hears how much of what it sent was delivered and read.
    News(EndId),
    /// This end asks again for such news, which it has missed.
    Ask {
        end: EndId,
        attempt: u32,
    },
    /// A reset arrives at this end.
    Reset(EndId),
    /// It is time to see whether the other end is still there.
    Probe(EndId),
}

impl Tcp {
    fn end(&mut self, end: EndId) -> &mut End {
        &mut self.connections[end.connection()].ends[end.side()]
    }

    fn get(&self, end: EndId) -> Option<&End> {
        let connection = self.connections.get(end.connection())?;
        Some(&connection.ends[end.side()])
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub(super) fn happen(&mut self, event: Event, around: &mut Surroundings<'_>) {
        match event {
            Event::Request { connection } => self.receive_request(connection, around),
            Event::RequestAgain {
                connection,
                attempt,
            } => self.send_request(connection, attempt, around),
            Event::Answer { connection } => self.receive_answer(connection, around),
            Event::AnswerAgain {
                connection,
                attempt,
            } => self.send_answer(connection, attempt, around),
            Event::Confirmation { connection } => self.receive_confirmation(connection, around),
            Event::Flight(end) => self.land(end, around),
            Event::News(end) => self.receive_news(end, around),
            Event::Ask { end, attempt } => self.ask(end, attempt, around),
            Event::Reset(end) => self.receive_reset(end, around),
            Event::Probe(end) => self.probe(end, around),
        }
    }

    /// Sends a packet on behalf of an end; says when it arrives, if it does.
    fn send(
        &mut self,
        from: EndId,
        kind: PacketKind,
        around: &mut Surroundings<'_>,
    ) -> Option<u64> {
        let route = self.end(from).route;
        match around.send(route, 0, || self.contents(from, kind, 0..0)) {
            Transit::Arrives(at) => Some(at),
            Transit::Lost | Transit::Held => None,
        }
    }

    /// Returns what is on a packet with these bytes of what an end sends.
    fn contents(&self, from: EndId, kind: PacketKind, bytes: Range<u64>) -> Contents {
        let end = &self.connections[from.connection()].ends[from.side()];
        Contents {
            from: end.local,
            to: end.remote,
            kind,
            payload: end.out.copy(bytes),
        }
    }

    /// Says whether a packet that arrives now at the other end of `from`'s route would get there.
    fn reaches(&self, from: EndId, around: &Surroundings<'_>) -> bool {
        let Some(end) = self.get(from) else {
            return false;
        };
        around.wire.is_open(end.route) && around.is_up(around.wire.to(end.route))
    }

    /// Says whether packets pass between the two ends in both directions, and both hosts are up.
    fn is_reachable(&self, end: EndId, around: &Surroundings<'_>) -> bool {
        self.reaches(end, around) && self.reaches(end.peer(), around)
    }

    /// Ends an end with an error, which its program will see.
    fn fail(&mut self, id: EndId, error: NetError, around: &mut Surroundings<'_>) {
        let end = self.end(id);
        if end.state == State::Dead {
            return;
        }
        end.error = Some(error);
        self.kill(id, around);
        around.events.ready(Socket::Stream(id), Readiness::Both);
        self.forget_if_over(id, around);
    }

    /// Ends what an end still does. What it has received can still be read.
    fn kill(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let end = self.end(id);
        end.state = State::Dead;
        let keepalive = end.keepalive.take().and_then(|keepalive| keepalive.token);
        let tokens = [
            end.out.alarm.take(),
            end.out.news.take(),
            end.out.asking.take(),
            end.retry.take(),
            keepalive,
        ];
        end.out.cut_short();
        for token in tokens.into_iter().flatten() {
            around.events.cancel(token);
        }
    }

    /// Tells the other end that this one has nothing to do with the connection any more.
    fn send_reset(&mut self, from: EndId, around: &mut Surroundings<'_>) {
        self.send_stray(from, Event::Reset(from.peer()), around);
    }

    /// Sends a packet that is not part of a flow: what happens if it arrives.
    fn send_stray(&mut self, from: EndId, arrival: Event, around: &mut Surroundings<'_>) {
        let kind = match arrival {
            Event::Request { .. } => PacketKind::Syn,
            Event::Answer { .. } => PacketKind::SynAck,
            Event::Reset(_) => PacketKind::Reset,
            _ => PacketKind::Ack,
        };
        if let Some(at) = self.send(from, kind, around) {
            self.connections[from.connection()].strays += 1;
            around.events.schedule(at, AnyEvent::Tcp(arrival));
        }
    }

    fn receive_reset(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        self.connections[id.connection()].strays -= 1;
        let end = self.end(id);
        let refused = end.state == State::Connecting;
        let hears = !end.is_gone;
        if hears && self.reaches(id.peer(), around) {
            let has_ended = self.end(id.peer()).out.end == FlowEnd::Delivered;
            let error = match (refused, has_ended) {
                (true, _) => NetError::Refused,
                // Linux's: whoever has read the end can only have written in vain.
                (false, true) => NetError::BrokenPipe,
                (false, false) => NetError::Reset,
            };
            self.fail(id, error, around);
        }
        self.forget_if_over(id, around);
    }

    /// Forgets a connection that nobody holds and in which nothing can happen any more.
    fn forget_if_over(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let Some(connection) = self.connections.get(id.connection()) else {
            return;
        };
        let over = |end: &End| {
            let said = end.out.end == FlowEnd::Delivered && end.out.asking.is_none();
            !end.is_held && !end.has_handle && (said || end.state != State::Open)
        };
        if connection.strays > 0 || !connection.ends.iter().all(over) {
            return;
        }
        for side in 0..2 {
            self.kill(EndId::new(id.connection(), side), around);
        }
        let connection = self.connections.remove(id.connection());
        // A port that its owner closed first stays taken for a while; a listener's is its own.
        let client = &connection.ends[0];
        let waits = (connection.closed_first == Some(0)).then_some(around.now);
        let port = client.local.port();
        around
            .ports
            .release(client.host, Protocol::Tcp, port, waits);
    }
}

impl TcpCall<'_> {
    /// Returns the addresses of an end: its own and the other's.
    pub(crate) fn addresses(&mut self, end: EndId) -> (SocketAddr, SocketAddr) {
        let end = self.0.end(end);
        (end.local, end.remote)
    }

    /// Sets how many bytes an end holds of what it sends and of what it receives.
    pub(crate) fn set_buffers(&mut self, end: EndId, sends: u64, receives: u64) {
        let end = self.0.end(end);
        end.sends = sends.max(1);
        end.receives = receives.max(1);
    }
}
