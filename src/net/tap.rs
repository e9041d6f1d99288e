//! Taps: tests listen in on the wire, and decide what happens to a packet.
//!
//! A tap is called while a packet is put on its link, so it says what is to happen and does nothing
//! itself. Its verdicts are the program's, not decisions of the plan.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::driver::Net;
use super::kernel::{self, Contents, PacketKind, Treatment};
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Report, ReportKind};
use crate::panics;
use crate::time::Instant;

/// What a tap hears that uses the network itself.
pub(super) const BUSY: &str = "the network is at work: \
    a tap says what happens to a packet, and spawns what else is to be done";

/// Has a function see every packet that is put on a link, and say what happens to it, until the tap
/// is dropped.
///
/// Packets are seen when they are sent, also on links that are cut or lose them: the link has its
/// turn after the tap. Of several taps, the one that was made first sees a packet first; one that
/// it drops is seen by no other, and what they do to the others adds up. As long as there is a tap,
/// the bytes of connections are cut into packets of the link's MTU, each of which it sees.
///
/// A tap must not use the network; it can [spawn](crate::spawn) a task that does. If it panics,
/// that is [reported](crate::event_loop::set_exception_handler), which fails the run unless the
/// program has a handler of its own, and the tap sees nothing any more.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, PacketKind, UdpSocket, Verdict};
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// let one = UdpSocket::bind("127.0.0.1:1").await.unwrap();
/// let two = UdpSocket::bind("127.0.0.1:2").await.unwrap();
/// let tap = net::tap(|packet| match packet.payload() {
///     b"secret" => Verdict::Drop,
///     _ => Verdict::Pass,
/// });
/// one.send_to(b"secret", "127.0.0.1:2").await.unwrap();
/// one.send_to(b"hello", "127.0.0.1:2").await.unwrap();
/// let mut datagram = [0; 8];
/// assert_eq!(two.recv(&mut datagram).await.unwrap(), 5);
/// drop(tap);
/// one.send_to(b"secret", "127.0.0.1:2").await.unwrap();
/// assert_eq!(two.recv(&mut datagram).await.unwrap(), 6);
/// # });
/// ```
#[track_caller]
pub fn tap(see: impl FnMut(&Packet) -> Verdict + 'static) -> Tap {
    let core = core::current();
    let (net, taps) = (Net::of(&core), core.extension::<Taps>());
    let mut kernel = net.kernel.try_borrow_mut().expect(BUSY);
    kernel.set_tapped(true);
    let id = taps.made.get();
    taps.made.set(id + 1);
    let ear = Ear {
        id,
        is_over: Cell::new(false),
        see: RefCell::new(Box::new(see)),
    };
    taps.ears.borrow_mut().push(Rc::new(ear));
    let serial = core.serial;
    Tap { serial, id }
}

/// A function that sees packets: what [`tap`] returns. Dropping it ends that.
///
/// ```
/// use simrun::net::{self, UdpSocket, Verdict};
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// net::tap(|_| Verdict::Drop).detach(); // from now on nothing arrives
/// let socket = UdpSocket::bind("127.0.0.1:7").await.unwrap();
/// socket.send_to(b"hello", "127.0.0.1:7").await.unwrap();
/// assert!(timeout(secs(60), socket.recv(&mut [0; 5])).await.is_err());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a tap that is dropped sees nothing: keep it, or let it `detach`"]
pub struct Tap {
    serial: u32,
    id: u64,
}

impl Tap {
    /// Lets the function see packets until the run ends.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let Some(core) = core::try_own(self.serial) else {
            return;
        };
        let taps = core.extension::<Taps>();
        for ear in &*taps.ears.borrow() {
            ear.is_over.set(ear.is_over.get() || ear.id == self.id);
        }
        // One that ends itself while it looks on goes with the next one.
        if let Ok(mut kernel) = Net::of(&core).kernel.try_borrow_mut() {
            let over = taps.sweep();
            kernel.set_tapped(!taps.ears.borrow().is_empty());
            drop(kernel);
            drop(over);
        }
    }
}

/// What is to happen to a packet, before its link has a say in it.
///
/// ```
/// use simrun::net::{self, UdpSocket, Verdict};
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// let one = UdpSocket::bind("127.0.0.1:1").await.unwrap();
/// let two = UdpSocket::bind("127.0.0.1:2").await.unwrap();
/// let _tap = net::tap(|_| Verdict::Delay(secs(5)));
/// one.send_to(b"hello", "127.0.0.1:2").await.unwrap();
/// two.recv(&mut [0; 5]).await.unwrap();
/// assert!(now().since_start() >= secs(5));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing.
    #[default]
    Pass,
    /// It is lost. A connection finds out and sends it again.
    Drop,
    /// It arrives so much later. Datagrams can be overtaken meanwhile; within a connection, what
    /// comes after waits for it.
    Delay(Duration),
    /// It arrives, and so much later once more. A connection discards the second one.
    Duplicate(Duration),
}

/// A packet that is being put on a link.
///
/// ```
/// use simrun::net::{self, UdpSocket, Verdict};
///
/// # simrun::run(async {
/// let socket = UdpSocket::bind("127.0.0.1:7").await.unwrap();
/// let _tap = net::tap(|packet| {
///     assert_eq!((packet.from_host(), packet.to_host()), ("local", "local"));
///     assert_eq!((packet.to_addr().port(), packet.payload()), (7, &b"hello"[..]));
///     assert!(packet.is_udp() && packet.nth() == 0);
///     Verdict::Pass
/// });
/// socket.send_to(b"hello", "127.0.0.1:7").await.unwrap();
/// socket.recv(&mut [0; 5]).await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Packet {
    from_host: Arc<str>,
    to_host: Arc<str>,
    nth: u64,
    contents: Arc<Contents>,
    sent: Instant,
}

impl Packet {
    /// Returns the name of the host that sends it; programs on no host are on `local`.
    pub fn from_host(&self) -> &str {
        &self.from_host
    }

    /// Returns the name of the host that it goes to.
    pub fn to_host(&self) -> &str {
        &self.to_host
    }

    /// Returns the address that sends it.
    pub fn from_addr(&self) -> SocketAddr {
        self.contents.from
    }

    /// Returns the address that it goes to.
    pub fn to_addr(&self) -> SocketAddr {
        self.contents.to
    }

    /// Says whether it is a connection's, and not a datagram or the answer to one.
    pub fn is_tcp(&self) -> bool {
        !self.is_udp()
    }

    /// Says whether it is a datagram, or the answer to one.
    pub fn is_udp(&self) -> bool {
        use PacketKind::{Datagram, Unreachable};
        matches!(self.kind(), Datagram | Unreachable)
    }

    /// Says what it is.
    pub fn kind(&self) -> PacketKind {
        self.contents.kind
    }

    /// Returns the bytes that it carries. Those of a datagram are all of them, however many packets
    /// its link needs for it.
    pub fn payload(&self) -> &[u8] {
        &self.contents.payload
    }

    /// Returns its number on the link between the two hosts in this direction, from 0.
    pub fn nth(&self) -> u64 {
        self.nth
    }

    /// Returns when it is sent: now.
    pub fn sent_at(&self) -> Instant {
        self.sent
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to, kind) = (self.from_addr(), self.to_addr(), self.kind());
        let (link, length) = (self.nth, self.payload().len());
        let (from_host, to_host) = (self.from_host(), self.to_host());
        write!(
            f,
            "{kind:?} {from} > {to}, {length} bytes, number {link} from {from_host} to {to_host}"
        )
    }
}

/// The taps of a run, in the order in which they were made.
#[derive(Default)]
pub(super) struct Taps {
    ears: RefCell<Vec<Rc<Ear>>>,
    made: Cell<u64>,
}

type See = Box<dyn FnMut(&Packet) -> Verdict>;

/// What sees packets.
struct Ear {
    id: u64,
    is_over: Cell<bool>,
    see: RefCell<See>,
}

impl Taps {
    /// Takes out those that are over.
    fn sweep(&self) -> Vec<Rc<Ear>> {
        let ears = &mut *self.ears.borrow_mut();
        ears.extract_if(.., |ear| ear.is_over.get()).collect()
    }

    /// Shows a packet to every tap.
    pub(super) fn treat(
        &self,
        core: &Core,
        net: &Net,
        packet: kernel::Packet,
        contents: Contents,
    ) -> Treatment {
        let packet = {
            let names = net.names.borrow();
            let name = |host: kernel::HostId| names[host.0 as usize].clone();
            Packet {
                from_host: name(packet.from),
                to_host: name(packet.to),
                nth: packet.nth,
                contents: Arc::new(contents),
                sent: core.now(),
            }
        };
        let mut treatment = Treatment::default();
        let ears = self.ears.borrow().clone();
        for ear in ears.iter().filter(|ear| !ear.is_over.get()) {
            match ear.hear(core, &packet) {
                Verdict::Pass => {}
                Verdict::Drop => {
                    treatment.is_lost = true;
                    break;
                }
                Verdict::Delay(delay) => {
                    treatment.delay = treatment.delay.saturating_add(nanos(delay));
                }
                Verdict::Duplicate(after) => treatment.again.push(nanos(after)),
            }
        }
        treatment
    }
}

impl Ear {
    fn hear(&self, core: &Core, packet: &Packet) -> Verdict {
        let see = &mut *self.see.borrow_mut();
        catch_unwind(AssertUnwindSafe(|| see(packet))).unwrap_or_else(|payload| {
            self.is_over.set(true);
            let error = TaskError::panicked(payload, panics::take_location());
            let message = format!("a tap panicked over {packet}");
            let kind = ReportKind::Callback;
            core.report(Report::new(kind, message, Some(error), None, core.now()));
            Verdict::Pass
        })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
