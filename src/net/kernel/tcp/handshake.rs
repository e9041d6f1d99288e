//! How connections are made: a request, an answer, a confirmation.
//!
//! What is lost of that is sent again, each time after twice as long, until patience is at an end.

use std::net::SocketAddr;

use super::super::ports::Protocol;
use super::super::wire::RouteId;
use super::super::{Event as AnyEvent, HostId, NetError, Readiness, Socket, Surroundings, TcpCall};
use super::flow::Flow;
use super::{BUFFER, Connection, End, EndId, Event, State, Tcp};

/// How long the first answer is waited for: Linux's second.
const FIRST_WAIT: u64 = 1_000_000_000;

/// How often a request is repeated before it times out, after a bit more than two minutes.
const REQUESTS: u32 = 6;

/// How often an answer is repeated.
const ANSWERS: u32 = 5;

impl End {
    fn new(host: HostId, local: SocketAddr, remote: SocketAddr, route: RouteId) -> Self {
        Self {
            host,
            local,
            remote,
            route,
            state: State::Connecting,
            out: Flow::default(),
            sends: BUFFER,
            receives: BUFFER,
            error: None,
            is_held: true,
            has_handle: false,
            is_gone: false,
            retry: None,
            keepalive: None,
        }
    }
}

impl TcpCall<'_> {
    /// Begins to connect a host to an address. The end is ready to be written to when it is
    /// connected, or has failed.
    pub(crate) fn connect(
        &mut self,
        host: HostId,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<EndId, NetError> {
        let Self(tcp, around) = self;
        let mut remote = remote;
        if remote.ip().is_unspecified() {
            // As everywhere, that is the host itself.
            let itself = match remote {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            remote.set_ip(itself);
        }
        let to = around
            .host_at(host, remote.ip())
            .ok_or(NetError::HostUnreachable)?;
        let mut local =
            local.unwrap_or_else(|| SocketAddr::new(around.source(host, remote.ip()), 0));
        if local.ip().is_unspecified() {
            local.set_ip(around.source(host, remote.ip()));
        }
        let port = around
            .ports
            .bind(host, Protocol::Tcp, local.port(), around.now)?;
        local.set_port(port);
        let there = around.wire.route(host, to);
        let back = around.wire.route(to, host);
        let mut other = End::new(to, remote, local, back);
        // Nobody holds it before a listener does.
        other.is_held = false;
        let connection = Connection {
            ends: [End::new(host, local, remote, there), other],
            strays: 0,
            closed_first: None,
        };
        let connection = tcp.connections.insert(connection);
        tcp.end(EndId::new(connection, 0)).has_handle = true;
        tcp.send_request(connection as u32, 0, around);
        Ok(EndId::new(connection, 0))
    }

    /// Says whether an end is connected, or else why not.
    pub(crate) fn is_connected(&mut self, end: EndId) -> Result<(), NetError> {
        let end = self.0.end(end);
        match end.state {
            State::Open => Ok(()),
            State::Connecting => Err(NetError::WouldBlock),
            State::Dead => Err(end.error.take().unwrap_or(NetError::NotConnected)),
        }
    }
}

impl Tcp {
    /// Sends the client's request, and sees to it that it is sent again.
    pub(super) fn send_request(
        &mut self,
        connection: u32,
        attempt: u32,
        around: &mut Surroundings<'_>,
    ) {
        let client = EndId::new(connection as usize, 0);
        self.end(client).retry = None;
        if attempt > REQUESTS {
            return self.fail(client, NetError::TimedOut, around);
        }
        self.send_stray(client, Event::Request { connection }, around);
        let again = Event::RequestAgain {
            connection,
            attempt: attempt + 1,
        };
        self.retry_later(client, again, attempt, around);
    }

    /// Sees to it that something is tried again, later with every attempt.
    fn retry_later(
        &mut self,
        id: EndId,
        again: Event,
        attempt: u32,
        around: &mut Surroundings<'_>,
    ) {
        let at = around.now + (FIRST_WAIT << attempt);
        self.end(id).retry = Some(around.events.schedule(at, AnyEvent::Tcp(again)));
    }

    pub(super) fn receive_request(&mut self, connection: u32, around: &mut Surroundings<'_>) {
        let (client, server) = ends(connection);
        self.connections[connection as usize].strays -= 1;
        if !self.reaches(client, around) || self.end(client).state == State::Dead {
            return self.forget_if_over(client, around);
        }
        let (host, local) = (self.end(server).host, self.end(server).local);
        if self.end(server).is_held {
            // It has answered already.
            return;
        }
        let Some(listener) = self.listener_at(host, local) else {
            // Nobody listens.
            return self.send_reset(server, around);
        };
        let listener = &mut self.listeners[listener.index()];
        let room = listener.backlog.unwrap_or(0);
        if listener.waiting.len() + listener.greeting >= room {
            // There is no room for it: it will try again.
            return;
        }
        listener.greeting += 1;
        self.end(server).is_held = true;
        self.send_answer(connection, 0, around);
    }

    pub(super) fn send_answer(
        &mut self,
        connection: u32,
        attempt: u32,
        around: &mut Surroundings<'_>,
    ) {
        let (_, server) = ends(connection);
        self.end(server).retry = None;
        if attempt > ANSWERS {
            return self.give_up_greeting(connection, around);
        }
        self.send_stray(server, Event::Answer { connection }, around);
        let again = Event::AnswerAgain {
            connection,
            attempt: attempt + 1,
        };
        self.retry_later(server, again, attempt, around);
    }

    pub(super) fn receive_answer(&mut self, connection: u32, around: &mut Surroundings<'_>) {
        let (client, server) = ends(connection);
        self.connections[connection as usize].strays -= 1;
        if !self.reaches(server, around) {
            return self.forget_if_over(client, around);
        }
        if self.end(client).state == State::Dead {
            // The client has given up, or its host was started anew.
            self.send_reset(client, around);
            return;
        }
        if self.end(client).state == State::Connecting {
            self.end(client).state = State::Open;
            if let Some(retry) = self.end(client).retry.take() {
                around.events.cancel(retry);
            }
            around.events.ready(Socket::Stream(client), Readiness::Both);
        }
        self.send_stray(client, Event::Confirmation { connection }, around);
    }

    pub(super) fn receive_confirmation(&mut self, connection: u32, around: &mut Surroundings<'_>) {
        let (client, server) = ends(connection);
        self.connections[connection as usize].strays -= 1;
        let greets = self.end(server).state == State::Connecting && self.end(server).is_held;
        if !greets || !self.reaches(client, around) {
            return self.forget_if_over(server, around);
        }
        self.establish(server, around);
    }

    /// The server's end is there: its listener can accept it.
    pub(super) fn establish(&mut self, server: EndId, around: &mut Surroundings<'_>) {
        if let Some(retry) = self.end(server).retry.take() {
            around.events.cancel(retry);
        }
        let (host, local) = (self.end(server).host, self.end(server).local);
        self.end(server).state = State::Open;
        match self.listener_at(host, local) {
            Some(id) => {
                let listener = &mut self.listeners[id.index()];
                listener.greeting = listener.greeting.saturating_sub(1);
                listener.waiting.push_back(server);
                around.events.ready(Socket::Listener(id), Readiness::Read);
            }
            // It was closed in the meantime.
            None => self.abort(server, around),
        }
    }

    fn give_up_greeting(&mut self, connection: u32, around: &mut Surroundings<'_>) {
        let (_, server) = ends(connection);
        let (host, local) = (self.end(server).host, self.end(server).local);
        if let Some(id) = self.listener_at(host, local) {
            let listener = &mut self.listeners[id.index()];
            listener.greeting = listener.greeting.saturating_sub(1);
        }
        self.end(server).is_held = false;
        self.kill(server, around);
        self.forget_if_over(server, around);
    }
}

/// Returns the client's and the server's end of a connection.
fn ends(connection: u32) -> (EndId, EndId) {
    let connection = connection as usize;
    (EndId::new(connection, 0), EndId::new(connection, 1))
}
