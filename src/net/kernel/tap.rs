//! Taps: what those see of a packet who listen in on the wire, and what they do to it.
//!
//! Who they are is the driver's business. As long as there is nobody, no packet is looked at.

use std::net::SocketAddr;

use super::wire::{Packet, RouteId, Transit};
use super::{Kernel, Surroundings};

/// What a packet is.
///
/// ```
/// use simrun::net::{self, PacketKind, TcpStream, Verdict};
/// use simrun::time::now;
///
/// # simrun::run(async {
/// let _server = net::start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
/// let tap = net::tap(|packet| match packet.kind() {
///     PacketKind::Syn if packet.nth() == 0 => Verdict::Drop,
///     _ => Verdict::Pass,
/// });
/// let before = now();
/// TcpStream::connect("127.0.0.1:80").await.unwrap();
/// assert!(now() - before >= simrun::time::secs(1), "it was asked for twice");
/// # drop(tap);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PacketKind {
    /// The first packet of a connection, which asks for it. It is sent again until it is answered.
    Syn,
    /// A listener's answer to that.
    SynAck,
    /// The confirmation of the answer, or the news that a reader has made room. What was delivered
    /// is otherwise acknowledged without a packet.
    Ack,
    /// Bytes of a connection.
    Data,
    /// The end of what one side of a connection sends, with the last bytes if they go together.
    Fin,
    /// A connection was refused or aborted.
    Reset,
    /// A datagram.
    Datagram,
    /// The answer of a host to a datagram for a port where nobody is.
    Unreachable,
}

/// What is on a packet.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) kind: PacketKind,
    pub(crate) payload: Vec<u8>,
}

/// What is done to a packet before the link has its turn.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Treatment {
    pub(crate) is_lost: bool,
    /// How much longer than others it takes.
    pub(crate) delay: u64,
    /// How long after it further ones like it arrive. Connections do without them.
    pub(crate) again: Vec<u64>,
}

impl Kernel {
    /// Sets whether the driver is asked how every packet is to be treated.
    pub(crate) fn set_tapped(&mut self, is_tapped: bool) {
        self.wire.is_tapped = is_tapped;
    }
}

impl Surroundings<'_> {
    /// Puts a packet on a route.
    #[inline]
    pub(super) fn send(
        &mut self,
        route: RouteId,
        bytes: usize,
        look: impl FnOnce() -> Contents,
    ) -> Transit {
        if !self.wire.is_tapped {
            return self.wire.send(route, bytes, self.now, self.fate);
        }
        let treatment = self.treat(route, look);
        if treatment.is_lost {
            return Transit::Lost;
        }
        match self.wire.send(route, bytes, self.now, self.fate) {
            Transit::Arrives(at) => Transit::Arrives(at.saturating_add(treatment.delay)),
            other => other,
        }
    }

    /// Asks how a packet is to be treated that is about to be put on a route.
    pub(super) fn treat(&mut self, route: RouteId, look: impl FnOnce() -> Contents) -> Treatment {
        if !self.wire.is_tapped {
            return Treatment::default();
        }
        let (from, to, nth) = self.wire.next_on(route);
        let treatment = self.fate.treat(Packet { from, to, nth }, look());
        if treatment.is_lost {
            self.wire.skip(route);
        }
        treatment
    }
}
