//! How bytes get from one end to the other, and how a connection ends.

use super::super::wire::{HEADERS, Transit};
use super::super::{
    Event as AnyEvent, HostId, NetError, PacketKind, Readiness, Socket, Surroundings, TcpCall,
};
use super::flow::{End as FlowEnd, Flight, FlightFate};
use super::{EndId, Event, Keepalive, State, Tcp};

/// How long it takes to notice a loss, the first time: Linux's least retransmission time-out.
const FIRST_TIMEOUT: u64 = 200_000_000;

/// The longest that a sender waits before it tries again.
const LONGEST_TIMEOUT: u64 = 120_000_000_000;

/// How often bytes are sent again before the connection has timed out, after some quarter of an
/// hour: Linux's.
const ATTEMPTS: u32 = 15;

/// How long a sender waits for news after an attempt.
fn timeout(attempt: u32) -> u64 {
    FIRST_TIMEOUT
        .saturating_mul(1 << attempt.min(20))
        .min(LONGEST_TIMEOUT)
}

impl TcpCall<'_> {
    /// Reads what is there; nothing is the end. As on Linux, whoever reads nothing waits for
    /// something to read as well, and the end stays the end whatever happens after it.
    pub(crate) fn read(&mut self, id: EndId, into: &mut [u8]) -> Result<usize, NetError> {
        let Self(tcp, around) = self;
        if tcp.end(id).is_gone {
            return Err(NetError::NotConnected);
        }
        let flow = &mut tcp.end(id.peer()).out;
        if flow.readable() > 0 {
            let count = flow.read(into);
            tcp.tell_reader(id.peer(), around);
            return Ok(count);
        }
        if flow.end == FlowEnd::Delivered {
            return Ok(0);
        }
        let end = tcp.end(id);
        match end.error.take() {
            Some(error) => Err(error),
            None if end.state == State::Dead => Ok(0),
            None => Err(NetError::WouldBlock),
        }
    }

    /// Says whether a read would find something: bytes, the end or an error.
    pub(crate) fn is_readable(&mut self, id: EndId) -> bool {
        let flow = &self.0.end(id.peer()).out;
        let found = flow.readable() > 0 || flow.end == FlowEnd::Delivered;
        let end = self.0.end(id);
        found || end.error.is_some() || end.state == State::Dead
    }

    /// Says whether a write would find room, or an error. If not, the end is ready to be written to
    /// as soon as that changes.
    pub(crate) fn is_writable(&mut self, id: EndId) -> bool {
        let Self(tcp, around) = self;
        let end = tcp.end(id);
        let failed = end.error.is_some() || end.state == State::Dead;
        if failed || end.out.end != FlowEnd::Open {
            return true;
        }
        if end.state == State::Open && end.out.room(end.sends) > 0 {
            return true;
        }
        end.out.is_full = true;
        tcp.send_news(id, around);
        false
    }

    /// Writes as much as there is room for.
    pub(crate) fn write(&mut self, id: EndId, bytes: &[u8]) -> Result<usize, NetError> {
        let Self(tcp, around) = self;
        let end = tcp.end(id);
        if let Some(error) = end.error.take() {
            return Err(error);
        }
        if end.state == State::Dead || end.out.end != FlowEnd::Open {
            return Err(NetError::BrokenPipe);
        }
        let room = if end.state == State::Open {
            end.out.room(end.sends)
        } else {
            0
        };
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if count == 0 && !bytes.is_empty() {
            end.out.is_full = true;
            tcp.send_news(id, around);
            return Err(NetError::WouldBlock);
        }
        end.out.write(&bytes[..count]);
        tcp.take_off(id, around);
        Ok(count)
    }

    /// Ends what this end sends: the other end reads the rest, and then the end.
    pub(crate) fn shut_down(&mut self, id: EndId) {
        let Self(tcp, around) = self;
        tcp.shut_down(id, around);
    }

    /// Gives an end up. What it has written is still sent; but if there is something that it has
    /// not read, the connection is reset.
    pub(crate) fn close(&mut self, id: EndId) {
        let Self(tcp, around) = self;
        let unread = tcp.end(id.peer()).out.readable() > 0;
        let end = tcp.end(id);
        if !end.is_gone && (unread || end.state == State::Connecting) {
            return tcp.abort(id, around);
        }
        (end.is_held, end.has_handle) = (false, false);
        tcp.shut_down(id, around);
        tcp.forget_if_over(id, around);
    }

    /// Gives an end up and resets the connection.
    pub(crate) fn abort(&mut self, id: EndId) {
        let Self(tcp, around) = self;
        tcp.abort(id, around);
    }

    /// Tests a connection whenever nothing was heard for an interval; so many tests that are not
    /// answered end it.
    pub(crate) fn set_keepalive(&mut self, id: EndId, interval: u64, probes: u32) {
        let Self(tcp, around) = self;
        let at = around.now.saturating_add(interval);
        let token = around.events.schedule(at, AnyEvent::Tcp(Event::Probe(id)));
        let keepalive = Keepalive {
            interval: interval.max(1),
            probes,
            missed: 0,
            token: Some(token),
        };
        let before = tcp.end(id).keepalive.replace(keepalive);
        if let Some(token) = before.and_then(|before| before.token) {
            around.events.cancel(token);
        }
    }
}

impl Tcp {
    fn shut_down(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let end = self.end(id);
        if end.out.end == FlowEnd::Open && end.state != State::Dead {
            end.out.end = FlowEnd::Wanted;
            let connection = &mut self.connections[id.connection()];
            connection.closed_first.get_or_insert(id.side());
            self.take_off(id, around);
        }
    }

    /// Sends what may be sent.
    fn take_off(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let holds = self.end(id.peer()).receives;
        let route = self.end(id).route;
        // Where every packet fares alike, many can be sent as one.
        let most = if around.wire.is_uniform(route) {
            u64::MAX
        } else {
            u64::from(around.wire.link(route).mtu - HEADERS)
        };
        loop {
            let flow = &mut self.end(id).out;
            let count = flow.unsent().min(flow.window(holds)).min(most);
            let is_last = flow.end == FlowEnd::Wanted && count == flow.unsent();
            if count == 0 && !is_last {
                break;
            }
            let bytes = flow.sent..flow.sent + count;
            let transit = around.send(route, count as usize, || {
                self.contents(id, flight_kind(is_last), bytes)
            });
            let flow = &mut self.end(id).out;
            flow.sent += count;
            if is_last {
                flow.end = FlowEnd::Sent;
            }
            let flight = Flight {
                up_to: flow.sent,
                at: around.now,
                is_last,
                fate: FlightFate::Arrives,
                attempt: 0,
            };
            flow.fly(flight.after(transit, around.now));
        }
        self.arm(id, around);
    }

    /// Sets the alarm for the first flight.
    fn arm(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let flow = &mut self.end(id).out;
        let first = flow
            .flights
            .front()
            .filter(|first| first.fate != FlightFate::Held);
        if let (None, Some(first)) = (flow.alarm, first) {
            let event = AnyEvent::Tcp(Event::Flight(id));
            flow.alarm = Some(around.events.schedule(first.at, event));
        }
    }

    /// The first flight from an end arrives, or is found to be lost.
    pub(super) fn land(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let reaches = self.reaches(id, around);
        let flow = &mut self.end(id).out;
        flow.alarm = None;
        let (mut arrived, mut given_up) = (false, false);
        while let Some(first) = flow.flights.front_mut() {
            if first.at > around.now || first.fate == FlightFate::Held {
                break;
            }
            if reaches && first.fate == FlightFate::Arrives {
                flow.delivered = first.up_to;
                if first.is_last {
                    flow.end = FlowEnd::Delivered;
                }
                flow.flights.pop_front();
                arrived = true;
                continue;
            }
            if first.fate == FlightFate::Arrives {
                // It was lost on the way: the sender notices when no answer comes.
                first.fate = FlightFate::Lost;
                first.at = around.now + timeout(first.attempt);
                break;
            }
            first.attempt += 1;
            if first.attempt > ATTEMPTS {
                given_up = true;
                break;
            }
            let again = *first;
            let bytes = flow.delivered..again.up_to;
            let route = self.end(id).route;
            let transit = around.send(route, 0, || {
                self.contents(id, flight_kind(again.is_last), bytes)
            });
            let again = again.after(transit, around.now);
            if let Some(first) = self.end(id).out.flights.front_mut() {
                *first = again;
            }
            break;
        }
        if given_up {
            return self.fail(id, NetError::TimedOut, around);
        }
        self.arm(id, around);
        if arrived {
            self.arrive(id, around);
        }
    }

    /// Something that an end has sent has arrived at the other one.
    fn arrive(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let peer = id.peer();
        if self.end(peer).state == State::Connecting && self.end(peer).is_held {
            // The confirmation was lost, but this says as much.
            self.establish(peer, around);
        }
        if let Some(keepalive) = &mut self.end(peer).keepalive {
            keepalive.missed = 0;
        }
        let end = self.end(peer);
        let nobody = !end.is_held || end.state == State::Dead;
        let is_over = self.end(id).out.end == FlowEnd::Delivered;
        if nobody && (self.end(id).out.readable() > 0 || self.end(peer).is_gone) {
            // Nobody is there who would read it.
            self.send_reset(peer, around);
        } else {
            around.events.ready(Socket::Stream(peer), Readiness::Read);
        }
        self.acknowledge(id, around);
        if is_over {
            self.forget_if_over(id, around);
        }
    }

    /// The sender hears of what was delivered: at once, unless it waits for that, or cannot hear.
    fn acknowledge(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        if self.connections.get(id.connection()).is_none() {
            return;
        }
        if !self.reaches(id.peer(), around) {
            let flow = &mut self.end(id).out;
            if flow.asking.is_none() {
                let event = Event::Ask {
                    end: id,
                    attempt: 0,
                };
                let at = around.now + timeout(0);
                flow.asking = Some(around.events.schedule(at, AnyEvent::Tcp(event)));
            }
            return;
        }
        let flow = &mut self.end(id).out;
        if flow.is_full {
            self.send_news(id, around);
        } else if flow.asking.is_none() {
            flow.known_delivered = flow.delivered;
        }
    }

    /// The reader of what an end sends has made room.
    fn tell_reader(&mut self, sender: EndId, around: &mut Surroundings<'_>) {
        let flow = &mut self.end(sender).out;
        if flow.unsent() > 0 || flow.is_full {
            self.send_news(sender, around);
        } else {
            flow.known_read = flow.read_up_to();
        }
    }

    /// Sends news to a sender who waits for them.
    fn send_news(&mut self, sender: EndId, around: &mut Surroundings<'_>) {
        let flow = &self.end(sender).out;
        let is_news = flow.known_delivered < flow.delivered || flow.known_read < flow.read_up_to();
        if !is_news || flow.news.is_some() {
            return;
        }
        // News that are lost are asked for again.
        let at = self.send(sender.peer(), PacketKind::Ack, around);
        let at = at.unwrap_or_else(|| around.now + timeout(0));
        let event = AnyEvent::Tcp(Event::News(sender));
        self.end(sender).out.news = Some(around.events.schedule(at, event));
    }

    pub(super) fn receive_news(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        self.end(id).out.news = None;
        if !self.reaches(id.peer(), around) {
            let at = around.now + timeout(0);
            let event = AnyEvent::Tcp(Event::News(id));
            self.end(id).out.news = Some(around.events.schedule(at, event));
            return;
        }
        let flow = &mut self.end(id).out;
        flow.known_delivered = flow.delivered;
        flow.known_read = flow.read_up_to();
        let sends = self.end(id).sends;
        let flow = &mut self.end(id).out;
        if flow.is_full && flow.room(sends) > 0 {
            flow.is_full = false;
            around.events.ready(Socket::Stream(id), Readiness::Write);
        }
        self.take_off(id, around);
    }

    /// A sender that has heard nothing asks again, until its patience is at an end.
    pub(super) fn ask(&mut self, id: EndId, attempt: u32, around: &mut Surroundings<'_>) {
        self.end(id).out.asking = None;
        if self.is_reachable(id, around) {
            self.acknowledge(id, around);
            return self.forget_if_over(id, around);
        }
        if attempt >= ATTEMPTS {
            return self.fail(id, NetError::TimedOut, around);
        }
        let attempt = attempt + 1;
        let event = Event::Ask { end: id, attempt };
        let at = around.now + timeout(attempt);
        self.end(id).out.asking = Some(around.events.schedule(at, AnyEvent::Tcp(event)));
    }

    /// Sees whether the other end is still there.
    pub(super) fn probe(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let answers = self.is_reachable(id, around);
        let forgotten = answers && self.end(id.peer()).is_gone;
        let Some(mut keepalive) = self.end(id).keepalive else {
            return;
        };
        if forgotten {
            return self.fail(id, NetError::Reset, around);
        }
        keepalive.missed = if answers { 0 } else { keepalive.missed + 1 };
        if keepalive.missed > keepalive.probes {
            return self.fail(id, NetError::TimedOut, around);
        }
        let at = around.now.saturating_add(keepalive.interval);
        let token = around.events.schedule(at, AnyEvent::Tcp(Event::Probe(id)));
        keepalive.token = Some(token);
        self.end(id).keepalive = Some(keepalive);
    }

    /// Sends again what was held on its way from an end, now that its link is open.
    pub(in super::super) fn release_held(&mut self, around: &mut Surroundings<'_>) {
        let connections: Vec<usize> = self.connections.iter().map(|(index, _)| index).collect();
        for id in connections
            .into_iter()
            .flat_map(|index| [0, 1].map(|side| EndId::new(index, side)))
        {
            let route = self.end(id).route;
            if !around.wire.is_open(route) {
                continue;
            }
            let mut flights = std::mem::take(&mut self.end(id).out.flights);
            for flight in flights
                .iter_mut()
                .filter(|flight| flight.fate == FlightFate::Held)
            {
                // Whoever listens in has seen it when it was sent.
                let transit = around.wire.send(route, 0, around.now, around.fate);
                *flight = flight.after(transit, around.now);
            }
            self.end(id).out.flights = flights;
            self.arm(id, around);
        }
    }

    /// Everything that a host has ends at once, and what that means for others is up to them to
    /// find out, unless the host still `resets` its connections.
    pub(in super::super) fn crash(
        &mut self,
        host: HostId,
        resets: bool,
        around: &mut Surroundings<'_>,
    ) {
        for (_, listener) in self.listeners.iter_mut() {
            if listener.host == host {
                listener.is_gone = true;
                listener.waiting.clear();
            }
        }
        self.bound.retain(|(other, _), _| *other != host);
        let ends = self.connections.iter().flat_map(|(index, connection)| {
            let sides = connection.ends.iter().enumerate();
            let own = sides.filter(|(_, end)| end.host == host);
            own.map(move |(side, _)| EndId::new(index, side as u32))
        });
        let ends: Vec<EndId> = ends.collect();
        for id in ends {
            if self.get(id).is_none() {
                continue;
            }
            if resets && self.end(id).state == State::Open {
                self.send_reset(id, around);
            }
            let end = self.end(id);
            (end.is_held, end.is_gone) = (false, true);
            self.kill(id, around);
            self.forget_if_over(id, around);
        }
    }
}

/// Returns what a packet is with bytes on it, or with the end.
fn flight_kind(is_last: bool) -> PacketKind {
    if is_last {
        PacketKind::Fin
    } else {
        PacketKind::Data
    }
}

impl Flight {
    /// Says what becomes of it, given what becomes of its packet.
    fn after(self, transit: Transit, now: u64) -> Self {
        let (fate, at) = match transit {
            Transit::Arrives(at) => (FlightFate::Arrives, at),
            Transit::Lost => (FlightFate::Lost, now + timeout(self.attempt)),
            Transit::Held => (FlightFate::Held, now),
        };
        Self { at, fate, ..self }
    }
}
