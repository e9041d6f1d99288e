//! Connecting: one address after the other, or happy eyeballs.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use super::gate::{Gate, Unless};
use super::protocol::{AnyProtocol, Party};
use super::resolve::{ToSocketAddrs, lookup_host};
use super::server::Roster;
use super::tcp::{End, TcpStream};
use super::transport::Transport;
use crate::event_loop::core;
use crate::time;

/// How a connection is made: from which address, and how patiently.
///
/// ```
/// use simrun::net::{self, ConnectOptions};
/// use simrun::time::millis;
///
/// # simrun::run(async {
/// let _server = net::start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
/// let options = ConnectOptions::new().happy_eyeballs(millis(250));
/// let (_, writer) = net::open_connection_with(options, "localhost:80").await.unwrap();
/// assert_eq!(writer.peer_addr().port(), 80);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    local: Option<SocketAddr>,
    delay: Option<Duration>,
    pub(super) limit: Option<usize>,
}

impl ConnectOptions {
    /// Connects from any address, to one address after the other.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the address to connect from.
    pub fn local_addr(mut self, local: SocketAddr) -> Self {
        self.local = Some(local);
        self
    }

    /// Sets the limit of the reader, for streams: how long a line may be; at twice as much, reading
    /// pauses. It is 64 KiB unless it is set.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a reader that holds nothing could read nothing");
        self.limit = Some(limit);
        self
    }

    /// Tries the next address when nothing was heard of those before for this long, or one has
    /// failed; kinds of addresses take turns. The first connection that is made is taken.
    pub fn happy_eyeballs(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }
}

/// Connects to an address and has a protocol made for the connection: asyncio's
/// `create_connection`. If the address is a name that stands for several, the first is taken that
/// can be connected to.
///
/// It is over when `connection_made` was called and reading has begun. The protocol is locked while
/// it is called: a lock on it must not be held while awaiting.
///
/// # Errors
///
/// If none of the addresses can be connected to, or there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{Protocol, StreamWriter, create_connection, start_server};
///
/// #[derive(Default)]
/// struct Keep(Vec<u8>);
///
/// impl Protocol for Keep {
///     fn data_received(&mut self, data: &[u8]) {
///         self.0.extend(data);
///     }
/// }
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move { writer.write(b"hello") };
/// let _server = start_server(greet, "127.0.0.1:80").await.unwrap();
/// let (transport, keep) = create_connection(Keep::default, "127.0.0.1:80").await.unwrap();
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(keep.lock().unwrap().0, b"hello");
/// transport.close();
/// # });
/// ```
#[track_caller]
pub fn create_connection<P: AnyProtocol>(
    factory: impl FnOnce() -> P,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<(Transport, Arc<Mutex<P>>)>> {
    create_connection_with(ConnectOptions::new(), factory, address)
}

/// Connects to an address in a certain way: otherwise as [`create_connection`].
///
/// # Errors
///
/// If none of the addresses can be connected to, or there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{ConnectOptions, Protocol, create_connection_with, start_server};
///
/// struct Deaf;
///
/// impl Protocol for Deaf {
///     fn data_received(&mut self, _: &[u8]) {}
/// }
///
/// # simrun::run(async {
/// let _server = start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
/// let options = ConnectOptions::new().local_addr("127.0.0.1:4000".parse().unwrap());
/// let connected = create_connection_with(options, || Deaf, "127.0.0.1:80").await;
/// assert_eq!(connected.unwrap().0.local_addr().port(), 4000);
/// # });
/// ```
#[track_caller]
pub fn create_connection_with<P: AnyProtocol>(
    options: ConnectOptions,
    factory: impl FnOnce() -> P,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<(Transport, Arc<Mutex<P>>)>> {
    let at = Location::caller();
    async move {
        let addresses = lookup_host(address).await?;
        let stream = connect(options, addresses, at).await?;
        let protocol = Arc::new(Mutex::new(factory()));
        let transport = establish(stream.into_end(), protocol.clone(), None, at).await;
        Ok((transport, protocol))
    }
}

/// Makes the transport of a connection and waits until it is ready. If that is given up, the
/// transport is closed.
pub(super) fn establish(
    end: Arc<End>,
    party: Arc<Mutex<dyn Party>>,
    server: Option<Arc<Roster>>,
    at: &'static Location<'static>,
) -> impl Future<Output = Transport> + Send {
    let core = core::current();
    let name = format!("{} - {}", end.local, end.remote);
    let gate = Arc::new(Gate::new("connection", name, at));
    let opens = gate.clone();
    let transport = Transport::start(&core, end, party, server, move || opens.open());
    let made = Unless::taken(transport, Transport::close_if_open);
    async move {
        // It is opened without an error.
        let _ = gate.pass(at).await;
        made.take()
    }
}

/// Connects to one of several addresses.
pub(super) async fn connect(
    options: ConnectOptions,
    addresses: Vec<SocketAddr>,
    at: &'static Location<'static>,
) -> io::Result<TcpStream> {
    let mut failures = Vec::new();
    let Some(delay) = options.delay else {
        for address in addresses {
            match connect_to(options, address, at).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => failures.push(failure),
            }
        }
        return Err(all_of(failures));
    };
    let race = Race {
        options,
        at,
        delay,
        addresses: interleave(addresses),
        attempts: Vec::new(),
        failures,
        pause: None,
    };
    race.await
}

async fn connect_to(
    options: ConnectOptions,
    remote: SocketAddr,
    at: &'static Location<'static>,
) -> io::Result<TcpStream> {
    let local = options.local;
    if local.is_some_and(|local| local.is_ipv4() != remote.is_ipv4()) {
        let text = format!("{remote} cannot be reached from an address of another kind");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
    }
    TcpStream::connect_to(remote, local, at).await
}

/// Makes one error of several: it says what they say, once if that is the same.
fn all_of(mut failures: Vec<io::Error>) -> io::Error {
    let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
    if failures.is_empty() {
        return io::Error::new(io::ErrorKind::NotFound, "there is no address to connect to");
    }
    let first = failures.swap_remove(0);
    if texts.iter().all(|text| *text == texts[0]) {
        return first;
    }
    io::Error::new(first.kind(), texts.join("; "))
}

/// Lets addresses of both kinds take turns, beginning with the first.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv4) else {
        return VecDeque::new();
    };
    let of = |kind: bool| {
        let same = addresses
            .iter()
            .filter(move |other| other.is_ipv4() == kind);
        same.copied().collect::<VecDeque<_>>()
    };
    let (mut same, mut other) = (of(first), of(!first));
    let mut all = VecDeque::new();
    while let Some(address) = same.pop_front() {
        all.push_back(address);
        all.extend(other.pop_front());
    }
    all.extend(other);
    all
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Several attempts to connect, each begun some time after the one before: happy eyeballs.
struct Race {
    options: ConnectOptions,
    at: &'static Location<'static>,
    delay: Duration,
    /// Those that have not been tried.
    addresses: VecDeque<SocketAddr>,
    attempts: Vec<Attempt>,
    failures: Vec<io::Error>,
    /// Until the next attempt begins.
    pause: Option<Pin<Box<time::Sleep>>>,
}

impl Race {
    fn begin_next(&mut self) {
        let next = self.addresses.pop_front();
        let attempt = next.map(|address| connect_to(self.options, address, self.at));
        self.attempts
            .extend(attempt.map(|attempt| Box::pin(attempt) as Attempt));
        let is_last = self.addresses.is_empty();
        self.pause = (!is_last).then(|| Box::pin(time::sleep(self.delay)));
    }
}

impl Future for Race {
    type Output = io::Result<TcpStream>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let mut has_latest_failed = this.attempts.is_empty();
            let mut place = 0;
            while place < this.attempts.len() {
                match this.attempts[place].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(failure)) => {
                        this.failures.push(failure);
                        has_latest_failed = place + 1 == this.attempts.len();
                        drop(this.attempts.remove(place));
                    }
                    Poll::Pending => place += 1,
                }
            }
            let pause = this.pause.as_mut().map(|pause| pause.as_mut().poll(cx));
            let is_next_due = has_latest_failed || pause.is_some_and(|pause| pause.is_ready());
            if this.addresses.is_empty() || !is_next_due {
                break;
            }
            this.begin_next();
        }
        if this.attempts.is_empty() && this.addresses.is_empty() {
            return Poll::Ready(Err(all_of(std::mem::take(&mut this.failures))));
        }
        Poll::Pending
    }
}
