//! Hosts: machines that are started, crash, stand still and are started again.
//!
//! A host runs the future of a factory, so that it can be started anew, and everything that this
//! future makes belongs to the host: tasks, threads, processes and sockets die with it. Outside any
//! host, a program has a network of its own, that of a host called `local`.
//!
//! ```
//! use futures::{AsyncReadExt, AsyncWriteExt};
//! use simrun::net::{TcpListener, TcpStream};
//! use simrun::{host, task};
//!
//! # simrun::run(async {
//! let server = host::start("server", || async {
//!     let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
//!     loop {
//!         let (mut stream, _) = listener.accept().await.unwrap();
//!         task::spawn(async move { stream.write_all(b"hello").await.unwrap() }).detach();
//!     }
//! });
//! let client = host::start("client", || async {
//!     let mut stream = TcpStream::connect("server:80").await.unwrap();
//!     let mut word = String::new();
//!     stream.read_to_string(&mut word).await.unwrap();
//!     assert_eq!(word, "hello");
//! });
//! client.join().await.unwrap();
//! server.crash();
//! # });
//! ```
//!
//! [`Sim::host`](crate::Sim::host) and [`Sim::client`](crate::Sim::client) start hosts with every
//! run; [`Sim::run_clients`](crate::Sim::run_clients) goes on until the clients are done.
//!
//! # How a host goes down
//!
//! | | its tasks | its connections | its [disk] |
//! |---|---|---|---|
//! | [`stop`](Host::stop) | are cancelled and waited for | are reset | is kept |
//! | [`crash_with_resets`](Host::crash_with_resets) | are gone | are reset | is kept |
//! | [`crash_silently`](Host::crash_silently) | are gone | are silent | loses what was not synced |
//! | [`crash`](Host::crash) | are gone | the plan decides which of these two it is | |
//! | [`pause`](Host::pause) | stand still | stay, and nobody answers | is kept |
//!
//! [`restart`](Host::restart) calls the factory again. What the host knew is then gone, except what
//! is on its [disk]; [`resume`](Host::resume) goes on where it stood.
//!
//! ```
//! use simrun::host::{self, disk};
//! use simrun::time::{secs, sleep};
//!
//! # simrun::run(async {
//! let counter = host::start("counter", || async {
//!     loop {
//!         let count = disk::read("count").await.map_or(0, |bytes| bytes[0]);
//!         disk::write("count", &[count + 1]).await.unwrap();
//!         if count + 1 == 5 {
//!             return;
//!         }
//!         sleep(secs(1)).await;
//!     }
//! });
//! sleep(secs(2)).await;
//! counter.crash_with_resets();
//! counter.restart();
//! counter.join().await.unwrap();
//! # });
//! ```
//!
//! # What goes wrong
//!
//! - **A value that the factory has captured** survives a crash: hosts are not kept from sharing
//!   memory. What a program keeps across restarts belongs on its [disk].
//! - **A write that was not synced** may be lost or torn, and a new name undone: see [`disk`].
//! - **Clocks differ.** With a [`Skew`], [`system_time`](crate::time::system_time) is ahead or
//!   behind; with a [drift](Skew::drift), timers are early or late too. [`time::now`] is the run's,
//!   and right everywhere.
//! - **A host whose main future fails** fails the run, unless someone [joins](Host::join) it.
//!
//! [`time::now`]: crate::time::now

mod clock;
mod control;
pub mod disk;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

pub use clock::Skew;

use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::Key;
use crate::event_loop::{BoxedBody, Clock, Family};
use crate::net::{self, HostId, Net};
use crate::task::{Ending, Fallible, Task};

/// The main future of a host, as the loop's table keeps it.
pub(crate) type Main = BoxedBody;

/// Makes it anew at every start. A run takes it over from the simulation, which can start several
/// runs at once.
type Start = Arc<dyn Fn() -> Main>;

pub(crate) fn main_of<F>(main: F) -> Main
where
    F: Future + 'static,
    F::Output: Ending,
{
    let future = async move { main.await.ending() };
    Box::pin(Fallible::Future { future })
}

/// The hosts of a run.
#[derive(Default)]
struct Hosts(RefCell<Vec<Record>>);

struct Record {
    name: Arc<str>,
    id: HostId,
    start: Start,
    /// What runs on it; nothing if it is down.
    running: Option<Running>,
    clock: Clock,
    started: &'static Location<'static>,
}

#[derive(Clone, Copy)]
struct Running {
    head: Key,
    family: Family,
}

/// A host, from outside.
///
/// Clones are the same host. Dropping them does nothing to it.
///
/// ```
/// use simrun::host;
/// use simrun::time::{now, secs, sleep};
///
/// # simrun::run(async {
/// let worker = host::start("worker", || sleep(secs(10)));
/// sleep(secs(5)).await;
/// worker.crash();
/// assert!(!worker.is_up());
/// worker.restart(); // its future begins anew
/// worker.join().await.unwrap();
/// assert_eq!(now().since_start(), secs(15));
/// # });
/// ```
#[derive(Clone)]
pub struct Host {
    serial: u32,
    place: usize,
    name: Arc<str>,
}

/// Starts a host. Its name is also the name by which others find it in the network.
///
/// If its main future ends with an error, the run fails, unless someone [joins](Host::join) the
/// host.
///
/// # Panics
///
/// Outside a run, or if there is a host of that name.
///
/// ```
/// use simrun::net::UdpSocket;
/// use simrun::{host, time};
///
/// # simrun::run(async {
/// let echo = host::start("echo", || async {
///     let socket = UdpSocket::bind("0.0.0.0:7").await?;
///     loop {
///         let mut datagram = [0; 100];
///         let (length, from) = socket.recv_from(&mut datagram).await?;
///         socket.send_to(&datagram[..length], from).await?;
///     }
///     # #[expect(unreachable_code)]
///     Ok::<(), std::io::Error>(())
/// });
/// time::sleep(time::millis(1)).await;
/// let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
/// socket.send_to(b"hello", "echo:7").await.unwrap();
/// assert_eq!(socket.recv(&mut [0; 100]).await.unwrap(), 5);
/// assert!(echo.is_up());
/// # });
/// ```
#[track_caller]
pub fn start<F, Fut>(name: impl Into<Arc<str>>, main: F) -> Host
where
    F: Fn() -> Fut + 'static,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    let start: Start = Arc::new(move || main_of(main()));
    add(&core::current(), name.into(), start, Location::caller())
}

#[track_caller]
pub(crate) fn add(
    core: &Core,
    name: Arc<str>,
    start: Start,
    started: &'static Location<'static>,
) -> Host {
    let hosts = core.extension::<Hosts>();
    let taken = hosts.0.borrow().iter().any(|host| host.name == name);
    assert!(!taken, "there is a host called `{name}` already");
    let id = Net::of(core).add_host(name.clone());
    let place = hosts.0.borrow().len();
    let record = Record {
        name,
        id,
        start,
        running: None,
        clock: Clock::default(),
        started,
    };
    let host = Host::at(core, place, &record);
    hosts.0.borrow_mut().push(record);
    host.begin(core);
    host
}

/// Returns the host of this name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::host;
///
/// # simrun::run(async {
/// host::start("db", || async { std::future::pending::<()>().await });
/// host::find("db").unwrap().crash();
/// assert!(!host::find("db").unwrap().is_up());
/// assert!(host::find("cache").is_none());
/// # });
/// ```
#[track_caller]
pub fn find(name: &str) -> Option<Host> {
    let core = core::current();
    let hosts = core.extension::<Hosts>();
    let hosts = hosts.0.borrow();
    let place = hosts.iter().position(|host| &*host.name == name)?;
    Some(Host::at(&core, place, &hosts[place]))
}

/// Returns the host that the code runs on, or `None` outside any.
///
/// ```
/// use simrun::host;
///
/// # simrun::run(async {
/// assert!(host::current().is_none());
/// let named = host::start("db", || async {
///     assert_eq!(host::current().unwrap().name(), "db");
/// });
/// named.join().await.unwrap();
/// # });
/// ```
pub fn current() -> Option<Host> {
    let core = core::try_current()?;
    let family = core.host()?;
    let hosts = core.extension::<Hosts>();
    let hosts = hosts.0.borrow();
    let runs = |host: &Record| host.running.is_some_and(|running| running.family == family);
    let place = hosts.iter().position(runs)?;
    Some(Host::at(&core, place, &hosts[place]))
}

impl net::Hosts for Host {
    fn names(&self) -> Vec<String> {
        vec![self.name.to_string()]
    }
}

impl Host {
    fn at(core: &Core, place: usize, record: &Record) -> Self {
        Self {
            serial: core.serial,
            place,
            name: record.name.clone(),
        }
    }

    #[track_caller]
    fn core(&self) -> Rc<Core> {
        core::own(self.serial, "host")
    }

    fn with<R>(&self, core: &Core, act: impl FnOnce(&mut Record) -> R) -> R {
        let hosts = core.extension::<Hosts>();
        let hosts = &mut *hosts.0.borrow_mut();
        act(&mut hosts[self.place])
    }

    /// Starts the main future of a host that is down.
    fn begin(&self, core: &Core) {
        let hosts = core.extension::<Hosts>();
        let (id, start, clock, started) = {
            let host = &hosts.0.borrow()[self.place];
            (host.id, host.start.clone(), host.clock, host.started)
        };
        // Whoever starts it, it belongs to nobody else's family.
        let head = core.as_loop(|| core.spawn_head(start(), self.name.clone(), started));
        let family = core.family_of(head).expect("it has just been made");
        core.make_host(family, self.name.clone(), clock);
        Net::of(core).set_family(family, id);
        let running = Running { head, family };
        hosts.0.borrow_mut()[self.place].running = Some(running);
    }

    /// Returns the host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says whether the host is up.
    #[track_caller]
    pub fn is_up(&self) -> bool {
        self.with(&self.core(), |host| host.running.is_some())
    }

    /// Returns the host's addresses.
    #[track_caller]
    pub fn addresses(&self) -> Vec<std::net::IpAddr> {
        let core = self.core();
        let id = self.with(&core, |host| host.id);
        let net = Net::of(&core);
        net.kernel.borrow().addresses(id).collect()
    }

    /// Returns what the host's clock shows, in nanoseconds.
    #[cfg(feature = "cli")]
    pub(crate) fn clock(&self) -> i128 {
        let core = self.core();
        let clock = self.with(&core, |host| host.clock);
        clock.shows(core.now.get())
    }

    /// Gives the host another address.
    #[track_caller]
    pub fn add_address(&self, address: std::net::IpAddr) {
        let core = self.core();
        let id = self.with(&core, |host| host.id);
        Net::of(&core).kernel.borrow_mut().add_address(id, address);
    }

    /// Waits for the main future of the host, as it runs now.
    ///
    /// # Errors
    ///
    /// If it gave an error, panicked, or was cut short because the host crashed or was stopped.
    ///
    /// It is awaited like any task: cancelling the one who waits cancels what runs on the host,
    /// unless that is [shielded](crate::task::shield).
    ///
    /// ```
    /// use simrun::time::{secs, sleep, timeout};
    /// use simrun::{host, task};
    ///
    /// # simrun::run(async {
    /// let worker = host::start("worker", || sleep(secs(10)));
    /// assert!(timeout(secs(1), task::shield(worker.join())).await.is_err());
    /// worker.join().await.unwrap(); // it was not disturbed
    /// worker.restart();
    /// assert!(timeout(secs(1), worker.join()).await.is_err());
    /// assert!(worker.join().await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    #[track_caller]
    pub fn join(&self) -> Task<()> {
        let core = self.core();
        let running = self.with(&core, |host| host.running);
        match running {
            Some(running) => {
                core.hold_task(running.head);
                Task::from_key(running.head)
            }
            None => {
                crate::task::try_spawn(async { Err::<(), _>(TaskError::new("the host is down")) })
            }
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}
