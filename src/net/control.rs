//! What can be done to links while a run goes on.

use super::driver::Net;
use super::kernel::{HostId, Link, Passage};
use crate::event_loop::core::{self, Core};

/// Hosts, by their names: one, or several.
///
/// ```
/// use simrun::{host, net};
///
/// # simrun::run(async {
/// let a = host::start("a", || async {});
/// for name in ["b", "c"] {
///     host::start(name, || async {});
/// }
/// net::partition(&a, ["b", "c"]); // a host, or names
/// net::cut("b", "c");
/// net::heal_all();
/// # });
/// ```
pub trait Hosts {
    /// Returns the names.
    fn names(&self) -> Vec<String>;
}

impl Hosts for str {
    fn names(&self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Hosts for String {
    fn names(&self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<H: Hosts> Hosts for [H] {
    fn names(&self) -> Vec<String> {
        self.iter().flat_map(Hosts::names).collect()
    }
}

impl<H: Hosts, const N: usize> Hosts for [H; N] {
    fn names(&self) -> Vec<String> {
        self.as_slice().names()
    }
}

impl<H: Hosts> Hosts for Vec<H> {
    fn names(&self) -> Vec<String> {
        self.as_slice().names()
    }
}

impl<H: Hosts + ?Sized> Hosts for &H {
    fn names(&self) -> Vec<String> {
        (**self).names()
    }
}

/// Sets what all links are like that have no settings of their own.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, Latency, Link};
/// use simrun::{host, time};
///
/// # simrun::run(async {
/// host::start("a", || async {});
/// net::set_default_link(Link::new().latency(Latency::Constant(time::millis(50))));
/// assert_eq!(net::link("a", "local"), net::link("local", "a"));
/// # });
/// ```
#[track_caller]
pub fn set_default_link(link: Link) {
    let core = core::current();
    Net::of(&core).kernel.borrow_mut().set_default_link(link);
}

/// Sets what the links from some hosts to others are like. The ways back are other links.
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::net::{self, Latency, Link};
/// use simrun::{host, time};
///
/// # simrun::run(async {
/// let far = host::start("far", || async {});
/// let slow = Link::new().latency(Latency::Constant(time::millis(300)));
/// net::set_link(&far, "local", slow);
/// net::set_link("local", &far, slow);
/// # });
/// ```
#[track_caller]
pub fn set_link(from: impl Hosts, to: impl Hosts, link: Link) {
    let core = core::current();
    let net = Net::of(&core);
    for (from, to) in pairs(&net, &from, &to) {
        net.kernel.borrow_mut().set_link(from, to, link);
    }
}

/// Returns what the link from one host to another is like.
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::{host, net};
///
/// # simrun::run(async {
/// host::start("far", || async {});
/// let lossy = net::link("local", "far").loss(0.5);
/// net::set_link("local", "far", lossy);
/// assert_eq!(net::link("local", "far"), lossy);
/// assert_ne!(net::link("far", "local"), lossy, "the way back is another link");
/// # });
/// ```
#[track_caller]
pub fn link(from: impl Hosts, to: impl Hosts) -> Link {
    let core = core::current();
    let net = Net::of(&core);
    let pair = pairs(&net, &from, &to).into_iter().next();
    let (from, to) = pair.expect("a link has two ends");
    net.kernel.borrow_mut().link(from, to)
}

/// Cuts the links from some hosts to others: packets are lost, also those under way. The ways back
/// stay open: see [`partition`].
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::net::{self, UdpSocket};
/// use simrun::time::{secs, timeout};
/// use simrun::{host, time};
///
/// # simrun::run(async {
/// let socket = UdpSocket::bind("0.0.0.0:53").await.unwrap();
/// let talker = host::start("talker", || async {
///     let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
///     for _ in 0..3 {
///         socket.send_to(b"hello", "local:53").await.unwrap();
///         time::sleep(secs(10)).await;
///     }
/// });
/// net::cut(&talker, "local");
/// assert!(timeout(secs(5), socket.recv(&mut [0; 5])).await.is_err(), "it was lost");
/// net::open(&talker, "local");
/// assert!(socket.recv(&mut [0; 5]).await.is_ok(), "the next one was not");
/// # });
/// ```
#[track_caller]
pub fn cut(from: impl Hosts, to: impl Hosts) {
    pass(&from, &to, Passage::Cut);
}

/// Holds the links from some hosts to others: packets wait until the links are [healed](heal).
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::net::{self, UdpSocket};
/// use simrun::time::{now, secs, sleep};
/// use simrun::host;
///
/// # simrun::run(async {
/// let socket = UdpSocket::bind("0.0.0.0:53").await.unwrap();
/// let talker = host::start("talker", || async {
///     let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
///     socket.send_to(b"hello", "local:53").await.unwrap();
/// });
/// net::hold(&talker, "local");
/// sleep(secs(60)).await;
/// net::heal(&talker, "local");
/// socket.recv(&mut [0; 5]).await.unwrap();
/// assert!(now().since_start() >= secs(60), "late, but not lost");
/// # });
/// ```
#[track_caller]
pub fn hold(from: impl Hosts, to: impl Hosts) {
    pass(&from, &to, Passage::Held);
}

/// Opens the links from some hosts to others.
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// See [`cut`].
///
/// ```
/// use simrun::{host, net};
///
/// # simrun::run(async {
/// host::start("a", || async {});
/// net::partition("a", "local");
/// net::open("local", "a"); // what "a" sends is still lost
/// # });
/// ```
#[track_caller]
pub fn open(from: impl Hosts, to: impl Hosts) {
    pass(&from, &to, Passage::Open);
}

/// Opens the links between some hosts and others, in both directions.
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::net::{self, TcpStream};
/// use simrun::time::{secs, sleep};
/// use simrun::{host, spawn};
///
/// # simrun::run(async {
/// let server = host::start("server", || async {
///     let _server = net::start_server(|_, _| async {}, "0.0.0.0:80").await.unwrap();
///     std::future::pending::<()>().await;
/// });
/// net::partition(&server, "local");
/// let stream = spawn(TcpStream::connect("server:80"));
/// sleep(secs(2)).await;
/// net::heal(&server, "local");
/// assert!(stream.await.unwrap().is_ok(), "TCP tries again");
/// # });
/// ```
#[track_caller]
pub fn heal(some: impl Hosts, others: impl Hosts) {
    pass(&some, &others, Passage::Open);
    pass(&others, &some, Passage::Open);
}

/// Cuts the links between some hosts and others, in both directions.
///
/// # Panics
///
/// Outside a run, or if there is no host of such a name.
///
/// ```
/// use simrun::net::{self, TcpStream};
/// use simrun::time::{secs, timeout};
/// use simrun::host;
///
/// # simrun::run(async {
/// let (a, b) = (host::start("a", || async {}), host::start("b", || async {}));
/// net::partition([&a], ["local".to_owned()]);
/// net::partition(&a, &b);
/// let connects = timeout(secs(5), TcpStream::connect("a:80"));
/// assert!(connects.await.is_err());
/// net::heal(&a, "local");
/// # });
/// ```
#[track_caller]
pub fn partition(some: impl Hosts, others: impl Hosts) {
    pass(&some, &others, Passage::Cut);
    pass(&others, &some, Passage::Cut);
}

/// Opens all links.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::{host, net};
///
/// # simrun::run(async {
/// for name in ["a", "b", "c"] {
///     host::start(name, || async {});
/// }
/// net::partition("a", ["b", "c"]);
/// net::hold("b", "c");
/// net::heal_all();
/// # });
/// ```
#[track_caller]
pub fn heal_all() {
    let core = core::current();
    let net = Net::of(&core);
    let hosts = net.names.borrow().len() as u32;
    for from in 0..hosts {
        for to in 0..hosts {
            net.pass(&core, HostId(from), HostId(to), Passage::Open);
        }
    }
}

#[track_caller]
fn pass(from: &impl Hosts, to: &impl Hosts, passage: Passage) {
    let core = core::current();
    let net = Net::of(&core);
    for (from, to) in pairs(&net, from, to) {
        net.pass(&core, from, to, passage);
    }
}

/// Returns every pair of different hosts.
#[track_caller]
fn pairs(net: &Net, from: &impl Hosts, to: &impl Hosts) -> Vec<(HostId, HostId)> {
    let ids = |names: Vec<String>| {
        let mut ids = Vec::new();
        for name in names {
            match net.host_named(&name) {
                Some(id) => ids.push(id),
                None => panic!("there is no host called `{name}`"),
            }
        }
        ids
    };
    let (from, to) = (ids(from.names()), ids(to.names()));
    let pairs = from
        .iter()
        .flat_map(|from| to.iter().map(|to| (*from, *to)));
    pairs.filter(|(from, to)| from != to).collect()
}

impl Net {
    fn pass(&self, core: &Core, from: HostId, to: HostId, passage: Passage) {
        self.kernel(core, |kernel, now, fate| {
            if kernel.passage(from, to) != passage {
                kernel.set_passage(from, to, passage, now, fate);
            }
        });
    }
}
