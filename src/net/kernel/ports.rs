//! Which ports are taken.

use std::collections::BTreeMap;

use super::{HostId, NetError};

/// TCP and UDP have ports of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// The ports that are given to those who do not ask for one: Linux's.
const FIRST_EPHEMERAL: u16 = 32_768;
const LAST_EPHEMERAL: u16 = 60_999;

/// How long the port of a connection stays taken after the side that closed it first: Linux's.
const TIME_WAIT: u64 = 60_000_000_000;

/// How a port is taken.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// By how many sockets.
    by: u32,
    /// Until when nobody else can have it, if it is not taken any more.
    until: u64,
}

#[derive(Debug, Default)]
pub(super) struct Ports {
    taken: BTreeMap<(HostId, Protocol, u16), Taken>,
    /// The ephemeral port that is tried next, by host.
    next: BTreeMap<(HostId, Protocol), u16>,
}

impl Ports {
    fn is_free(&self, host: HostId, protocol: Protocol, port: u16, now: u64) -> bool {
        let taken = self.taken.get(&(host, protocol, port));
        taken.is_none_or(|taken| taken.by == 0 && taken.until <= now)
    }

    /// Takes a port that someone asks for; one that is only waited for can be taken again.
    pub(super) fn bind(
        &mut self,
        host: HostId,
        protocol: Protocol,
        port: u16,
        now: u64,
    ) -> Result<u16, NetError> {
        if port == 0 {
            return self.ephemeral(host, protocol, now);
        }
        let taken = self.taken.get(&(host, protocol, port));
        if taken.is_some_and(|taken| taken.by > 0) {
            return Err(NetError::AddressInUse);
        }
        self.share(host, protocol, port);
        Ok(port)
    }

    /// Takes a port that nobody has.
    fn ephemeral(&mut self, host: HostId, protocol: Protocol, now: u64) -> Result<u16, NetError> {
        let first = self.next.get(&(host, protocol)).copied();
        let first = first.unwrap_or(FIRST_EPHEMERAL);
        let upper = first..=LAST_EPHEMERAL;
        let mut candidates = upper.chain(FIRST_EPHEMERAL..first);
        let port = candidates.find(|port| self.is_free(host, protocol, *port, now));
        let port = port.ok_or(NetError::AddressNotAvailable)?;
        let next = if port == LAST_EPHEMERAL {
            FIRST_EPHEMERAL
        } else {
            port + 1
        };
        self.next.insert((host, protocol), next);
        self.share(host, protocol, port);
        Ok(port)
    }

    /// Takes a port once more: for a connection that a listener accepts.
    pub(super) fn share(&mut self, host: HostId, protocol: Protocol, port: u16) {
        let free = Taken { by: 0, until: 0 };
        self.taken.entry((host, protocol, port)).or_insert(free).by += 1;
    }

    /// Gives a port back. One that `waits` stays taken for those who want any port.
    pub(super) fn release(
        &mut self,
        host: HostId,
        protocol: Protocol,
        port: u16,
        waits: Option<u64>,
    ) {
        let key = (host, protocol, port);
        let Some(taken) = self.taken.get_mut(&key) else {
            return;
        };
        taken.by = taken.by.saturating_sub(1);
        if let Some(now) = waits {
            taken.until = now + TIME_WAIT;
        }
        if taken.by == 0 && taken.until == 0 {
            self.taken.remove(&key);
        }
    }

    /// Gives back all ports of a host.
    pub(super) fn forget(&mut self, host: HostId) {
        self.taken.retain(|(other, _, _), _| *other != host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(0);

    #[test]
    fn a_port_is_taken_until_it_is_given_back() {
        let mut ports = Ports::default();
        assert_eq!(ports.bind(HOST, Protocol::Tcp, 80, 0), Ok(80));
        assert_eq!(
            ports.bind(HOST, Protocol::Tcp, 80, 0),
            Err(NetError::AddressInUse)
        );
        assert_eq!(ports.bind(HOST, Protocol::Udp, 80, 0), Ok(80));
        ports.release(HOST, Protocol::Tcp, 80, None);
        assert_eq!(ports.bind(HOST, Protocol::Tcp, 80, 0), Ok(80));
    }

    #[test]
    fn ephemeral_ports_run_out_and_come_back_when_their_wait_is_over() {
        let mut ports = Ports::default();
        let count = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
        for _ in 0..count {
            ports.bind(HOST, Protocol::Tcp, 0, 0).unwrap();
        }
        let none = Err(NetError::AddressNotAvailable);
        assert_eq!(ports.bind(HOST, Protocol::Tcp, 0, 0), none);
        ports.release(HOST, Protocol::Tcp, 40_000, Some(5));
        assert_eq!(ports.bind(HOST, Protocol::Tcp, 0, TIME_WAIT), none);
        assert_eq!(
            ports.bind(HOST, Protocol::Tcp, 0, TIME_WAIT + 5),
            Ok(40_000)
        );
    }
}
