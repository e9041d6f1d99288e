//! The wire: every packet's way from host to host, and what may happen to it there.

use std::collections::BTreeMap;

use super::HostId;
use super::latency::Latency;
use super::link::Link;
use super::tap::{Contents, Treatment};

/// Decides what happens to packets: in a run, by drawing or by following a plan.
pub(crate) trait Fate {
    /// Says whether something happens to a packet that has this probability; the default is no.
    fn happens(&mut self, packet: Packet, what: &'static str, probability: f64) -> bool;

    /// Returns how much more than the least latency a packet takes, in nanoseconds; the default is
    /// nothing.
    fn extra_latency(&mut self, packet: Packet, latency: &Latency) -> u64;

    /// Returns a delay of up to so many nanoseconds; the default is nothing.
    fn delay(&mut self, packet: Packet, what: &'static str, most: u64) -> u64;

    /// Shows a packet to those who listen in, and returns what they do to it. This is only called
    /// as long as the wire is tapped.
    fn treat(&mut self, packet: Packet, contents: Contents) -> Treatment {
        let _ = (packet, contents);
        Treatment::default()
    }
}

/// Names a packet: the nth on its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) nth: u64,
}

/// Names a route: a link that something has been sent over, or that differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RouteId(u32);

/// Whether packets pass a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Passage {
    #[default]
    Open,
    /// They are lost.
    Cut,
    /// They wait until the link is open again.
    Held,
}

#[derive(Debug)]
struct Route {
    from: HostId,
    to: HostId,
    link: Link,
    /// It has a link of its own, whatever the others are like.
    is_own: bool,
    passage: Passage,
    /// How many packets were sent.
    sent: u64,
    /// When the last of them will have left, where the bandwidth is limited.
    busy_until: u64,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transit {
    /// It arrives at this moment, if the link is open then.
    Arrives(u64),
    Lost,
    /// It waits for the link to be opened.
    Held,
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    default: Link,
    routes: Vec<Route>,
    by_ends: BTreeMap<(HostId, HostId), RouteId>,
    /// Someone listens in.
    pub(super) is_tapped: bool,
}

/// Within a host, packets take next to no time, and nothing happens to them.
const LOOPBACK: Link = Link::new()
    .latency(Latency::Constant(std::time::Duration::from_micros(10)))
    .mtu(65_536);

/// The bytes of a packet that are not its contents.
pub(super) const HEADERS: u32 = 40;

impl Wire {
    /// Returns the route from one host to another.
    pub(super) fn route(&mut self, from: HostId, to: HostId) -> RouteId {
        if let Some(route) = self.by_ends.get(&(from, to)) {
            return *route;
        }
        let link = if from == to { LOOPBACK } else { self.default };
        let id = RouteId(self.routes.len() as u32);
        self.routes.push(Route {
            from,
            to,
            link,
            is_own: from == to,
            passage: Passage::Open,
            sent: 0,
            busy_until: 0,
        });
        self.by_ends.insert((from, to), id);
        id
    }

    fn get(&self, route: RouteId) -> &Route {
        &self.routes[route.0 as usize]
    }

    pub(super) fn link(&self, route: RouteId) -> &Link {
        &self.get(route).link
    }

    pub(super) fn passage(&self, route: RouteId) -> Passage {
        self.get(route).passage
    }

    pub(super) fn is_open(&self, route: RouteId) -> bool {
        self.passage(route) == Passage::Open
    }

    /// Returns the host at the start of a route.
    pub(super) fn from(&self, route: RouteId) -> HostId {
        self.get(route).from
    }

    /// Returns the host at the end of a route.
    pub(super) fn to(&self, route: RouteId) -> HostId {
        self.get(route).to
    }

    /// Sets what links are like that have no settings of their own.
    pub(super) fn set_default(&mut self, link: Link) {
        self.default = link;
        for route in self.routes.iter_mut().filter(|route| !route.is_own) {
            route.link = link;
        }
    }

    pub(super) fn set(&mut self, route: RouteId, link: Link) {
        let route = &mut self.routes[route.0 as usize];
        route.link = link;
        route.is_own = true;
    }

    pub(super) fn set_passage(&mut self, route: RouteId, passage: Passage) {
        self.routes[route.0 as usize].passage = passage;
    }

    /// Says whether every packet arrives, one like the other, so that many can be sent as one.
    pub(super) fn is_uniform(&self, route: RouteId) -> bool {
        let link = self.link(route);
        link.loss == 0.0
            && link.bandwidth.is_none()
            && link.latency.is_constant()
            && !self.is_tapped
    }

    /// Names the packet that is the next on a route: where it is from and goes to, and its number.
    pub(super) fn next_on(&self, route: RouteId) -> (HostId, HostId, u64) {
        let route = self.get(route);
        (route.from, route.to, route.sent)
    }

    /// Counts a packet that is lost before it has left.
    pub(super) fn skip(&mut self, route: RouteId) {
        self.routes[route.0 as usize].sent += 1;
    }

    /// Sends a packet.
    pub(super) fn send(
        &mut self,
        route: RouteId,
        bytes: usize,
        now: u64,
        fate: &mut dyn Fate,
    ) -> Transit {
        let route = &mut self.routes[route.0 as usize];
        let nth = route.sent;
        route.sent += 1;
        match route.passage {
            Passage::Open => {}
            Passage::Cut => return Transit::Lost,
            Passage::Held => return Transit::Held,
        }
        let packet = Packet {
            from: route.from,
            to: route.to,
            nth,
        };
        let link = &route.link;
        if link.loss > 0.0 && fate.happens(packet, "loss", link.loss) {
            return Transit::Lost;
        }
        let mut at = now;
        if let Some(bandwidth) = link.bandwidth {
            let bytes = bytes as u128 + u128::from(HEADERS);
            let takes = bytes * 1_000_000_000 / u128::from(bandwidth.max(1));
            at = now.max(route.busy_until) + u64::try_from(takes).unwrap_or(u64::MAX / 4);
            route.busy_until = at;
        }
        at += u64::try_from(link.latency.least().as_nanos()).unwrap_or(u64::MAX / 4);
        if !link.latency.is_constant() {
            at += fate.extra_latency(packet, &link.latency);
        }
        Transit::Arrives(at)
    }

    /// Says what happens to a datagram that is under way: how much it is held up, and whether a
    /// second one arrives, and how much later.
    pub(super) fn mishaps(&self, route: RouteId, fate: &mut dyn Fate) -> (u64, Option<u64>) {
        let route = self.get(route);
        let packet = Packet {
            from: route.from,
            to: route.to,
            nth: route.sent - 1,
        };
        let link = &route.link;
        let held_up =
            if link.reordering > 0.0 && fate.happens(packet, "reordering", link.reordering) {
                1 + fate.delay(packet, "held up", link.hold_up())
            } else {
                0
            };
        let twice = link.duplication > 0.0 && fate.happens(packet, "duplication", link.duplication);
        (
            held_up,
            twice.then(|| fate.delay(packet, "duplicate", link.hold_up())),
        )
    }
}
