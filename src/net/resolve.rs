//! Addresses and names: a simulated DNS.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::driver::Net;
use super::kernel::NetError;
use crate::event_loop::core::{self, Core};
use crate::time;

/// Something that names a socket: an address, or a name and a port, as in `std`.
///
/// ```
/// use simrun::net::lookup_host;
///
/// # simrun::run(async {
/// assert_eq!(lookup_host("127.0.0.1:80").await.unwrap().len(), 1);
/// assert_eq!(lookup_host(("localhost", 80)).await.unwrap()[0].port(), 80);
/// assert!(lookup_host("nobody:80").await.is_err());
/// # });
/// ```
pub trait ToSocketAddrs {
    /// Says what is to be looked up.
    ///
    /// # Errors
    ///
    /// If it is neither an address nor a name with a port.
    fn to_target(&self) -> io::Result<Target>;
}

/// What is to be looked up.
///
/// Implement [`ToSocketAddrs`] with it for types of your own:
///
/// ```
/// use simrun::net::{Target, ToSocketAddrs, lookup_host};
/// use std::io;
///
/// struct Shard(u16);
///
/// impl ToSocketAddrs for Shard {
///     fn to_target(&self) -> io::Result<Target> {
///         Ok(Target::Name("localhost".to_owned(), 7_000 + self.0))
///     }
/// }
///
/// # simrun::run(async {
/// assert_eq!(lookup_host(Shard(3)).await.unwrap()[0].port(), 7_003);
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing: this is the address.
    Address(SocketAddr),
    /// Nothing: these are the addresses.
    Addresses(Vec<SocketAddr>),
    /// A name, for this port.
    Name(String, u16),
}

impl ToSocketAddrs for SocketAddr {
    fn to_target(&self) -> io::Result<Target> {
        Ok(Target::Address(*self))
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn to_target(&self) -> io::Result<Target> {
        Ok(Target::Addresses(self.to_vec()))
    }
}

impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {
    fn to_target(&self) -> io::Result<Target> {
        self.as_slice().to_target()
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {
    fn to_target(&self) -> io::Result<Target> {
        self.as_slice().to_target()
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    fn to_target(&self) -> io::Result<Target> {
        SocketAddr::from(*self).to_target()
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    fn to_target(&self) -> io::Result<Target> {
        SocketAddr::from(*self).to_target()
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    fn to_target(&self) -> io::Result<Target> {
        SocketAddr::from(*self).to_target()
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn to_target(&self) -> io::Result<Target> {
        match self.0.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, self.1).to_target(),
            Err(_) => Ok(Target::Name(self.0.to_owned(), self.1)),
        }
    }
}

impl ToSocketAddrs for (String, u16) {
    fn to_target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).to_target()
    }
}

impl ToSocketAddrs for str {
    fn to_target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return address.to_target();
        }
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
        let Some((name, port)) = self.rsplit_once(':').filter(|(name, _)| !name.is_empty()) else {
            let text = format!("`{self}` is not an address: say `name:port` or `address:port`");
            return Err(invalid(text));
        };
        let Ok(port) = port.parse::<u16>() else {
            let text = format!("`{port}` in `{self}` is not a port: say a number up to 65535");
            return Err(invalid(text));
        };
        (name, port).to_target()
    }
}

impl ToSocketAddrs for String {
    fn to_target(&self) -> io::Result<Target> {
        self.as_str().to_target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_target(&self) -> io::Result<Target> {
        (**self).to_target()
    }
}

/// What the names of a run stand for.
#[derive(Debug, Default)]
struct Names {
    records: RefCell<BTreeMap<String, Vec<IpAddr>>>,
    failing: RefCell<BTreeSet<String>>,
    delay: Cell<Duration>,
}

/// Returns the addresses that something stands for: a host's name stands for the addresses of that
/// host.
///
/// # Errors
///
/// If it stands for nothing, or names cannot be looked up at the moment.
///
/// ```
/// use simrun::{host, net};
///
/// # simrun::run(async {
/// let db = host::start("db", || async {});
/// let found = net::lookup_host("db:5432").await.unwrap();
/// assert!(found.iter().all(|address| db.addresses().contains(&address.ip())));
/// assert!(net::lookup_host("nobody:80").await.is_err());
/// # });
/// ```
pub async fn lookup_host(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    look_up(name.to_target()?).await
}

/// Returns the first address that something stands for.
pub(super) async fn lookup_one(name: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    let target = name.to_target()?;
    if let Target::Address(address) = target {
        return Ok(address);
    }
    let first = look_up(target).await?.into_iter().next();
    Ok(first.ok_or(NetError::AddressNotAvailable)?)
}

async fn look_up(target: Target) -> io::Result<Vec<SocketAddr>> {
    let (name, port) = match target {
        Target::Address(address) => return Ok(vec![address]),
        Target::Addresses(addresses) => return Ok(addresses),
        Target::Name(name, port) => (name, port),
    };
    let delay = core::current().extension::<Names>().delay.get();
    if !delay.is_zero() {
        time::sleep(delay).await;
    }
    let core = core::current();
    let names = core.extension::<Names>();
    if names.failing.borrow().contains(&name) {
        let text = format!("the name `{name}` cannot be looked up at the moment");
        return Err(io::Error::new(io::ErrorKind::TimedOut, text));
    }
    let addresses = addresses(&core, &names, &name);
    if addresses.is_empty() {
        let text = format!("no host is called `{name}`");
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let with_port = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
    Ok(with_port.collect())
}

fn addresses(core: &Core, names: &Names, name: &str) -> Vec<IpAddr> {
    if let Some(addresses) = names.records.borrow().get(name) {
        return addresses.clone();
    }
    if name == "localhost" {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let net = Net::of(core);
    let host = net.host_named(name);
    host.map_or_else(Vec::new, |host| {
        net.kernel.borrow().addresses(host).collect()
    })
}

/// Makes a name stand for these addresses, instead of what it stood for.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, lookup_host};
///
/// # simrun::run(async {
/// net::set_name("db", ["10.0.0.7".parse().unwrap()]);
/// assert_eq!(lookup_host("db:80").await.unwrap(), ["10.0.0.7:80".parse().unwrap()]);
/// # });
/// ```
#[track_caller]
pub fn set_name(name: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) {
    let names = core::current().extension::<Names>();
    let addresses = addresses.into_iter().collect();
    names.records.borrow_mut().insert(name.into(), addresses);
}

/// Sets whether looking a name up fails.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{self, TcpStream};
///
/// # simrun::run(async {
/// net::set_lookup_failing("localhost", true);
/// assert!(TcpStream::connect("localhost:80").await.is_err());
/// net::set_lookup_failing("localhost", false);
/// assert!(net::lookup_host("localhost:80").await.is_ok());
/// # });
/// ```
#[track_caller]
pub fn set_lookup_failing(name: impl Into<String>, fails: bool) {
    let names = core::current().extension::<Names>();
    let failing = &mut *names.failing.borrow_mut();
    if fails {
        failing.insert(name.into());
    } else {
        failing.remove(&name.into());
    }
}

/// Sets how long it takes to look a name up: no time, unless it is set.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net;
/// use simrun::time::{now, secs};
///
/// # simrun::run(async {
/// net::set_lookup_delay(secs(5));
/// net::lookup_host("localhost:80").await.unwrap();
/// assert_eq!(now().since_start(), secs(5));
/// # });
/// ```
#[track_caller]
pub fn set_lookup_delay(delay: Duration) {
    let names = core::current().extension::<Names>();
    names.delay.set(delay);
}
