//! Listeners: ports on which connections are accepted.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::super::ports::Protocol;
use super::super::{HostId, NetError, Surroundings, TcpCall};
use super::{EndId, State, Tcp};

/// Names a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerId(u32);

impl ListenerId {
    /// Returns a small number that no other listener has that lives.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) host: HostId,
    pub(super) local: SocketAddr,
    /// How many connections may wait to be accepted, once it listens.
    pub(super) backlog: Option<usize>,
    /// How many connections are being made.
    pub(super) greeting: usize,
    /// Connections that nobody has accepted yet.
    pub(super) waiting: VecDeque<EndId>,
    /// Its host has crashed.
    pub(super) is_gone: bool,
}

impl Tcp {
    /// Returns the listener that an address leads to.
    pub(super) fn listener_at(&self, host: HostId, address: SocketAddr) -> Option<ListenerId> {
        let bound = self.bound.get(&(host, address.port()))?;
        let listens = |id: &&ListenerId| {
            let listener = &self.listeners[id.index()];
            let local = listener.local.ip();
            let is_it = local == address.ip()
                || local.is_unspecified() && local.is_ipv4() == address.is_ipv4();
            is_it && listener.backlog.is_some()
        };
        bound.iter().find(listens).copied()
    }
}

impl TcpCall<'_> {
    /// Begins to listen, with room for so many connections that wait to be accepted.
    pub(crate) fn listen(&mut self, listener: ListenerId, backlog: usize) {
        self.0.listeners[listener.index()].backlog = Some(backlog.max(1));
    }

    /// Takes the address of a listener, where connections are refused until it listens.
    pub(crate) fn bind(
        &mut self,
        host: HostId,
        local: SocketAddr,
    ) -> Result<(ListenerId, SocketAddr), NetError> {
        let Self(tcp, around) = self;
        let others = tcp.bound.get(&(host, local.port())).into_iter().flatten();
        let others = others.map(|other| tcp.listeners[other.index()].local.ip());
        let local = around.claim(host, Protocol::Tcp, local, others)?;
        let listener = Listener {
            host,
            local,
            backlog: None,
            greeting: 0,
            waiting: VecDeque::new(),
            is_gone: false,
        };
        let id = ListenerId(tcp.listeners.insert(listener) as u32);
        tcp.bound.entry((host, local.port())).or_default().push(id);
        Ok((id, local))
    }

    /// Accepts a connection that waits for that.
    pub(crate) fn accept(&mut self, id: ListenerId) -> Result<EndId, NetError> {
        let listener = &mut self.0.listeners[id.index()];
        if listener.is_gone {
            return Err(NetError::NotConnected);
        }
        let end = listener.waiting.pop_front().ok_or(NetError::WouldBlock)?;
        self.0.end(end).has_handle = true;
        Ok(end)
    }

    /// Says whether a connection waits to be accepted.
    pub(crate) fn has_waiting(&mut self, listener: ListenerId) -> bool {
        !self.0.listeners[listener.index()].waiting.is_empty()
    }

    /// Ends a listener; connections that nobody has accepted are reset.
    pub(crate) fn close_listener(&mut self, id: ListenerId) {
        let Self(tcp, around) = self;
        let listener = tcp.listeners.remove(id.index());
        if listener.is_gone {
            return;
        }
        let key = (listener.host, listener.local.port());
        if let Some(bound) = tcp.bound.get_mut(&key) {
            bound.retain(|other| *other != id);
            if bound.is_empty() {
                tcp.bound.remove(&key);
            }
        }
        around
            .ports
            .release(listener.host, Protocol::Tcp, listener.local.port(), None);
        for end in listener.waiting {
            tcp.abort(end, around);
        }
    }
}

impl Tcp {
    /// Resets a connection from one of its ends, which is given up.
    pub(super) fn abort(&mut self, id: EndId, around: &mut Surroundings<'_>) {
        let end = self.end(id);
        (end.is_held, end.has_handle) = (false, false);
        if end.state == State::Open {
            self.send_reset(id, around);
        }
        self.kill(id, around);
        self.forget_if_over(id, around);
    }
}
