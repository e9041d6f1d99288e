//! The loop's side of the network: it calls the kernel, keeps its alarms, and wakes those who wait
//! for a socket.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::kernel::{
    Contents, Effect, Fate, HostId, Kernel, Latency, NetError, Packet, Readiness, Socket, TcpCall,
    Token, Treatment, UdpCall,
};
use super::tap::{BUSY, Taps};
use crate::chance::{Alternatives, decide_packet, mix};
use crate::event_loop::core::Core;
use crate::event_loop::table::{On, WaiterKey, WaiterState};
use crate::event_loop::{Access, Alarmed, Family, Wait, Watcher};

/// The network of a run.
pub(crate) struct Net {
    pub(crate) kernel: RefCell<Kernel>,
    lines: RefCell<Lines>,
    /// Watched sockets that have become ready.
    due: RefCell<Vec<(Socket, Direction)>>,
    /// The names of the hosts.
    pub(super) names: RefCell<Vec<Arc<str>>>,
    /// What runs on which host.
    families: RefCell<BTreeMap<Family, HostId>>,
}

/// The host of code that runs on none.
const NOWHERE: &str = "local";

impl Default for Net {
    fn default() -> Self {
        let net = Self {
            kernel: RefCell::default(),
            lines: RefCell::default(),
            due: RefCell::default(),
            names: RefCell::default(),
            families: RefCell::default(),
        };
        net.add_host(NOWHERE.into());
        net
    }
}

impl Alarmed for Net {
    /// Lets an event happen. Watchers are called with it, as a loop calls those that its selector
    /// names, in the iteration that finds them ready.
    fn alarm(&self, core: &Core, token: Token) {
        let fire = |kernel: &mut Kernel, now, fate: &mut dyn Fate| kernel.fire(token, now, fate);
        let ((), effect) = self.call(core, fire);
        if effect.is_none() {
            return;
        }
        self.settle(core, effect);
        for (socket, direction) in self.due.take() {
            // One of those before may have stopped watching.
            if let Some(watcher) = self.watcher(socket, direction) {
                core.call_watcher(&watcher);
            }
        }
    }
}

impl Net {
    /// Returns the network of a run.
    pub(crate) fn of(core: &Core) -> Rc<Self> {
        core.alarmed()
    }

    /// Adds a host, with an address of each kind: 10.0.0.1 and fd00::1 are those of the first.
    pub(crate) fn add_host(&self, name: Arc<str>) -> HostId {
        let mut names = self.names.borrow_mut();
        names.push(name);
        let number = names.len() as u32;
        let [_, high, middle, low] = number.to_be_bytes();
        let four = Ipv4Addr::new(10, high, middle, low);
        let six = Ipv6Addr::from(0xfd << 120 | u128::from(number));
        let addresses = [IpAddr::V4(four), IpAddr::V6(six)];
        self.kernel.borrow_mut().add_host(addresses)
    }

    /// Returns the host that code runs on: that of its family, or else the first.
    pub(crate) fn here(&self, core: &Core) -> HostId {
        let family = core.host();
        let host = family.and_then(|family| self.families.borrow().get(&family).copied());
        host.unwrap_or(HostId(0))
    }

    /// Takes note of the family that a host runs.
    pub(crate) fn set_family(&self, family: Family, host: HostId) {
        let families = &mut *self.families.borrow_mut();
        families.retain(|_, other| *other != host);
        families.insert(family, host);
    }

    pub(crate) fn host_named(&self, name: &str) -> Option<HostId> {
        let names = self.names.borrow();
        let place = names.iter().position(|other| **other == *name);
        place.map(|host| HostId(host as u32))
    }

    /// Calls the connections.
    pub(crate) fn tcp<R>(&self, core: &Core, call: impl FnOnce(&mut TcpCall<'_>) -> R) -> R {
        self.kernel(core, |kernel, now, fate| call(&mut kernel.tcp(now, fate)))
    }

    /// Calls the datagram sockets.
    pub(crate) fn udp<R>(&self, core: &Core, call: impl FnOnce(&mut UdpCall<'_>) -> R) -> R {
        self.kernel(core, |kernel, now, fate| call(&mut kernel.udp(now, fate)))
    }

    /// Calls the kernel, and does what it asks for.
    pub(crate) fn kernel<R>(
        &self,
        core: &Core,
        call: impl FnOnce(&mut Kernel, u64, &mut dyn Fate) -> R,
    ) -> R {
        let (result, effect) = self.call(core, call);
        if effect.is_some() {
            self.settle(core, effect);
            for (socket, direction) in self.due.take() {
                if let Some(watcher) = self.watcher(socket, direction) {
                    core.queue_watcher(&watcher);
                }
            }
        }
        result
    }

    /// Calls the kernel, and returns the first thing that it asks for: mostly there is no other.
    fn call<R>(
        &self,
        core: &Core,
        call: impl FnOnce(&mut Kernel, u64, &mut dyn Fate) -> R,
    ) -> (R, Option<Effect>) {
        let mut fate = Decided { net: self, core };
        let kernel = &mut *self.kernel.try_borrow_mut().expect(BUSY);
        let result = call(kernel, core.now.get(), &mut fate);
        (result, kernel.next_effect())
    }

    fn watcher(&self, socket: Socket, direction: Direction) -> Option<Rc<Watcher>> {
        let lines = &mut *self.lines.borrow_mut();
        lines.line(socket, direction).watcher.clone()
    }

    /// Has a watcher called whenever a socket is ready, beginning with the next iteration.
    pub(crate) fn watch(
        &self,
        core: &Core,
        socket: Socket,
        direction: Direction,
        watcher: Rc<Watcher>,
    ) {
        self.lines.borrow_mut().line(socket, direction).watcher = Some(watcher);
        self.look_again(core, socket, direction);
    }

    /// Has nobody called any more.
    pub(crate) fn unwatch(&self, socket: Socket, direction: Direction) {
        let watcher = self
            .lines
            .borrow_mut()
            .line(socket, direction)
            .watcher
            .take();
        if let Some(watcher) = watcher {
            watcher.take_back();
        }
    }

    /// Has the watcher of a socket called again if the socket is still ready.
    pub(crate) fn look_again(&self, core: &Core, socket: Socket, direction: Direction) {
        let Some(watcher) = self.watcher(socket, direction) else {
            return;
        };
        let is_ready = match (socket, direction) {
            (Socket::Stream(end), Direction::In) => self.tcp(core, |tcp| tcp.is_readable(end)),
            (Socket::Stream(end), Direction::Out) => self.tcp(core, |tcp| tcp.is_writable(end)),
            (Socket::Listener(listener), _) => self.tcp(core, |tcp| tcp.has_waiting(listener)),
            (Socket::Datagram(id), Direction::In) => self.udp(core, |udp| udp.is_readable(id)),
            (Socket::Datagram(_), Direction::Out) => true,
        };
        if is_ready {
            core.queue_watcher(&watcher);
        }
    }

    fn settle(&self, core: &Core, first: Option<Effect>) {
        let mut next = first;
        while let Some(effect) = next {
            match effect {
                Effect::Alarm { at, token } => core.set_alarm(at, token),
                Effect::Disarm { token } => core.cancel_alarm(token),
                Effect::Ready(socket, readiness) => self.wake(core, socket, readiness),
            }
            next = self.kernel.borrow_mut().next_effect();
        }
    }

    fn wake(&self, core: &Core, socket: Socket, readiness: Readiness) {
        let directions: &[Direction] = match readiness {
            Readiness::Read => &[Direction::In],
            Readiness::Write => &[Direction::Out],
            Readiness::Both => &[Direction::In, Direction::Out],
        };
        for direction in directions {
            core.touch_unseen(name_of(socket, *direction), Access::Write);
            let (first, rest, is_watched) = {
                let lines = &mut *self.lines.borrow_mut();
                let line = lines.line(socket, *direction);
                let rest = std::mem::take(&mut line.rest);
                (line.first.take(), rest, line.watcher.is_some())
            };
            for waiter in first.into_iter().chain(rest) {
                core.wake(waiter);
            }
            if is_watched {
                self.due.borrow_mut().push((socket, *direction));
            }
        }
    }

    /// Tries something with a socket, and waits for the socket if it is not ready for that.
    pub(crate) fn attempt<R>(
        &self,
        core: &Core,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        mut attempt: impl FnMut() -> Result<R, NetError>,
    ) -> Poll<Result<R, NetError>> {
        if waiting.has_begun {
            if waiting.wait.poll_over(core, cx).is_pending() {
                return Poll::Pending;
            }
            waiting.has_begun = false;
        }
        core.touch_unseen(name_of(waiting.socket, waiting.direction), Access::Read);
        match attempt() {
            Err(NetError::WouldBlock) => {}
            done => return Poll::Ready(done),
        }
        let key = waiting.wait.start_again(core, cx, waiting.on, waiting.at);
        waiting.has_begun = true;
        let lines = &mut *self.lines.borrow_mut();
        lines
            .line(waiting.socket, waiting.direction)
            .push(core, key);
        Poll::Pending
    }
}

/// Names what a socket has received, or has room for: who uses it depends on who has seen to it.
fn name_of(socket: Socket, direction: Direction) -> u64 {
    let (kind, index) = match socket {
        Socket::Stream(end) => (1, end.index()),
        Socket::Listener(listener) => (2, listener.index()),
        Socket::Datagram(socket) => (3, socket.index()),
    };
    mix(mix(kind, direction as u64), index as u64)
}

/// What a wait for a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// A wait for a socket to be ready.
#[derive(Debug)]
pub(crate) struct Waiting {
    wait: Wait,
    has_begun: bool,
    socket: Socket,
    direction: Direction,
    on: On,
    at: &'static Location<'static>,
}

impl Waiting {
    pub(crate) fn new(
        socket: Socket,
        direction: Direction,
        on: On,
        at: &'static Location<'static>,
    ) -> Self {
        Self {
            wait: Wait::new(),
            has_begun: false,
            socket,
            direction,
            on,
            at,
        }
    }
}

/// Who waits for which socket.
#[derive(Default)]
struct Lines {
    streams: Vec<[Line; 2]>,
    listeners: Vec<[Line; 2]>,
    datagrams: Vec<[Line; 2]>,
}

/// Those who wait for a socket in one direction: mostly one.
#[derive(Default)]
struct Line {
    first: Option<WaiterKey>,
    rest: Vec<WaiterKey>,
    /// Who is called instead, as long as there is someone.
    watcher: Option<Rc<Watcher>>,
}

impl Lines {
    fn line(&mut self, socket: Socket, direction: Direction) -> &mut Line {
        let (lines, index) = match socket {
            Socket::Stream(end) => (&mut self.streams, end.index()),
            Socket::Listener(listener) => (&mut self.listeners, listener.index()),
            Socket::Datagram(socket) => (&mut self.datagrams, socket.index()),
        };
        if lines.len() <= index {
            lines.resize_with(index + 1, Default::default);
        }
        &mut lines[index][direction as usize]
    }
}

impl Line {
    fn push(&mut self, core: &Core, waiter: WaiterKey) {
        let is_live = |waiter: &WaiterKey| core.waiter_state(*waiter) == WaiterState::Pending;
        if !self.first.as_ref().is_some_and(is_live) {
            self.first = Some(waiter);
            return;
        }
        // Those who have gone elsewhere leave when another one comes.
        self.rest.retain(is_live);
        self.rest.push(waiter);
    }
}

/// What happens to packets in a run: decisions of its plan.
struct Decided<'a> {
    net: &'a Net,
    core: &'a Core,
}

impl Decided<'_> {
    fn link(&self, packet: Packet) -> String {
        let names = self.net.names.borrow();
        let name = |host: HostId| &names[host.0 as usize];
        format!("{}>{}", name(packet.from), name(packet.to))
    }
}

impl Fate for Decided<'_> {
    fn happens(&mut self, packet: Packet, what: &'static str, probability: f64) -> bool {
        let draw = |stream: &mut crate::chance::Stream| u64::from(stream.chance(probability));
        decide_packet(self.core, &self.link(packet), packet.nth, what, 2, draw) == 1
    }

    fn extra_latency(&mut self, packet: Packet, latency: &Latency) -> u64 {
        let (link, nth) = (self.link(packet), packet.nth);
        let draw = |stream: &mut crate::chance::Stream| latency.draw_extra(stream);
        let lengths = Alternatives::lengths(latency.least_nanos(), u64::MAX);
        decide_packet(self.core, &link, nth, "latency", lengths, draw)
    }

    fn delay(&mut self, packet: Packet, what: &'static str, most: u64) -> u64 {
        let (link, nth) = (self.link(packet), packet.nth);
        let count = most.saturating_add(1);
        let lengths = Alternatives::lengths(0, count);
        let draw = |stream: &mut crate::chance::Stream| stream.below(count);
        decide_packet(self.core, &link, nth, what, lengths, draw)
    }

    fn treat(&mut self, packet: Packet, contents: Contents) -> Treatment {
        let taps = self.core.extension::<Taps>();
        taps.treat(self.core, self.net, packet, contents)
    }
}
