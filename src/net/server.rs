//! Servers: listening sockets, and the connections that were accepted at them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connect::establish;
use super::driver::{Direction, Net};
use super::gate::Gate;
use super::protocol::{AnyProtocol, Party};
use super::resolve::{ToSocketAddrs, lookup_host};
use super::tcp::{End, TcpListener};
use super::transport::{Transport, report};
use crate::error::TaskError;
use crate::event_loop::CallbackKey;
use crate::event_loop::core::{self, Core};
use crate::panics;
use crate::task::{self, spawn_on};

/// How many connections wait to be accepted before others are turned away: asyncio's.
const BACKLOG: usize = 100;

/// How a server is created: see [`create_server_with`] and
/// [`start_server_with`](super::start_server_with).
///
/// ```
/// use simrun::net::{self, ServerOptions, TcpStream};
///
/// # simrun::run(async {
/// let options = ServerOptions::new().serving_later();
/// let server = net::start_server_with(options, |_, _| async {}, "127.0.0.1:80").await.unwrap();
/// assert!(TcpStream::connect("127.0.0.1:80").await.is_err());
/// server.start_serving().await.unwrap();
/// assert!(TcpStream::connect("127.0.0.1:80").await.is_ok());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    backlog: usize,
    serves_later: bool,
    pub(super) limit: Option<usize>,
}

impl ServerOptions {
    /// Serves from the start, with room for 100 connections that wait to be accepted.
    pub fn new() -> Self {
        Self {
            backlog: BACKLOG,
            serves_later: false,
            limit: None,
        }
    }

    /// Binds the addresses and does not listen there before it is told to: connections are refused
    /// until then. asyncio's `start_serving=False`.
    pub fn serving_later(mut self) -> Self {
        self.serves_later = true;
        self
    }

    /// Sets how many connections may wait to be accepted; others are turned away, and try again.
    pub fn backlog(mut self, connections: usize) -> Self {
        self.backlog = connections;
        self
    }

    /// Sets the limit of the readers, for streams: how long a line may be; at twice as much,
    /// reading pauses. It is 64 KiB unless it is set.
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
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What makes the protocols of a server's connections.
pub(super) type Factory = Rc<dyn Fn() -> Arc<Mutex<dyn Party>>>;

/// Listens at an address, and has a protocol made for every connection: asyncio's `create_server`.
/// If the address is a name that stands for several, it listens at all of them.
///
/// A connection is accepted in the iteration that finds it waiting; in the next one its protocol is
/// made, and in the one after that `connection_made` is called. A factory that panics is reported,
/// and its connection closed.
///
/// # Errors
///
/// If an address is in use, or not one of the host's, or if there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use futures::AsyncReadExt;
/// use simrun::net::{Protocol, TcpStream, Transport, create_server};
///
/// /// Says hello and closes.
/// struct Greet;
///
/// impl Protocol for Greet {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"hello");
///         transport.close();
///     }
///
///     fn data_received(&mut self, _: &[u8]) {}
/// }
///
/// # simrun::run(async {
/// let server = create_server(|| Greet, "127.0.0.1:80").await.unwrap();
/// let mut stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
/// let mut word = String::new();
/// stream.read_to_string(&mut word).await.unwrap();
/// assert_eq!(word, "hello");
/// server.close();
/// # });
/// ```
#[track_caller]
pub fn create_server<P: AnyProtocol>(
    factory: impl Fn() -> P + 'static,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<Server>> {
    create_server_with(ServerOptions::new(), factory, address)
}

/// Creates a server in a certain way: otherwise as [`create_server`].
///
/// # Errors
///
/// If an address is in use, or not one of the host's, or if there is no such name.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{Protocol, ServerOptions, create_server_with};
///
/// struct Deaf;
///
/// impl Protocol for Deaf {
///     fn data_received(&mut self, _: &[u8]) {}
/// }
///
/// # simrun::run(async {
/// let later = ServerOptions::new().serving_later();
/// let server = create_server_with(later, || Deaf, "127.0.0.1:80").await.unwrap();
/// assert!(!server.is_serving());
/// server.start_serving().await.unwrap();
/// assert!(server.is_serving());
/// # });
/// ```
#[track_caller]
pub fn create_server_with<P: AnyProtocol>(
    options: ServerOptions,
    factory: impl Fn() -> P + 'static,
    address: impl ToSocketAddrs,
) -> impl Future<Output = io::Result<Server>> {
    create_server_at(options, || make_with(factory), address, Location::caller())
}

/// Makes the factory of a server of what makes a protocol.
pub(super) fn make_with<P: AnyProtocol>(factory: impl Fn() -> P + 'static) -> Factory {
    Rc::new(move || Arc::new(Mutex::new(factory())))
}

/// Creates a server whose factory is made when it is bound: until then, it can be sent.
pub(super) async fn create_server_at(
    options: ServerOptions,
    factory: impl FnOnce() -> Factory,
    address: impl ToSocketAddrs,
    at: &'static Location<'static>,
) -> io::Result<Server> {
    let mut listeners = Vec::new();
    for address in lookup_host(address).await? {
        listeners.push(Arc::new(TcpListener::bind_only(address, at)?));
    }
    let server = Server::bind(listeners, options.backlog, factory(), at);
    if !options.serves_later {
        server.0.begin();
        task::yield_now().await;
    }
    Ok(server)
}

/// A server: asyncio's `Server`. It listens from the start, unless it was created otherwise. Clones
/// are the same server, and dropping them does not stop it.
///
/// ```
/// use futures::AsyncReadExt;
/// use simrun::net::{self, StreamWriter, TcpStream};
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move {
///     writer.write(b"hello");
///     writer.close();
/// };
/// let server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let mut stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
/// let mut word = String::new();
/// stream.read_to_string(&mut word).await.unwrap();
/// assert_eq!(word, "hello");
/// drop(stream);
/// server.close();
/// server.wait_closed().await;
/// assert!(TcpStream::connect("127.0.0.1:80").await.is_err());
/// # });
/// ```
#[derive(Clone)]
pub struct Server(Arc<Roster>);

/// What a server knows of itself.
pub(super) struct Roster {
    serial: u32,
    backlog: usize,
    state: Mutex<State>,
    /// Where those wait who serve for ever.
    serving: Gate,
    /// Where those wait who want all to be over.
    closing: Gate,
    at: &'static Location<'static>,
}

struct State {
    /// Until the server is closed.
    listeners: Option<Vec<Arc<TcpListener>>>,
    clients: Vec<Transport>,
    /// It has begun to listen.
    has_begun: bool,
    is_served: bool,
    /// What closes the server with its family.
    guard: Option<CallbackKey>,
}

/// Closes a server whose family was killed.
struct Guard(Arc<Roster>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(core) = core::try_current().filter(|core| !core.closed.get()) {
            self.0.close(&core);
        }
    }
}

impl Server {
    fn bind(
        listeners: Vec<Arc<TcpListener>>,
        backlog: usize,
        factory: Factory,
        at: &'static Location<'static>,
    ) -> Self {
        let core = core::current();
        let addresses = listeners.iter().flat_map(|listener| listener.local_addr());
        let name = addresses.map(|address| address.to_string());
        let name = name.collect::<Vec<_>>().join(" and ");
        let roster = Arc::new(Roster {
            serial: core.serial,
            backlog,
            state: Mutex::new(State {
                listeners: Some(listeners.clone()),
                clients: Vec::new(),
                has_begun: false,
                is_served: false,
                guard: None,
            }),
            serving: Gate::new("serving of server", name.clone(), at),
            closing: Gate::new("end of server", name, at),
            at,
        });
        roster.state().guard = Some(core.keep(Guard(roster.clone())));
        let net = Net::of(&core);
        for listener in listeners {
            let (weak, factory) = (Arc::downgrade(&listener), factory.clone());
            let (roster, socket) = (roster.clone(), listener.socket());
            let watcher = core.add_watcher(move || {
                if let Some(listener) = weak.upgrade() {
                    roster.accept_ready(&listener, &factory);
                }
            });
            net.watch(&core, socket, Direction::In, watcher);
        }
        Self(roster)
    }

    #[track_caller]
    fn core(&self) -> Rc<Core> {
        core::own(self.0.serial, "server")
    }

    /// Listens no more. Connections go on that were made. Does nothing the second time.
    #[track_caller]
    pub fn close(&self) {
        self.0.close(&self.core());
    }

    /// Closes every connection: what is buffered there is still sent.
    #[track_caller]
    pub fn close_clients(&self) {
        self.core();
        let clients = self.0.state().clients.clone();
        clients.iter().for_each(Transport::close);
    }

    /// Aborts every connection: what is buffered there is forgotten.
    #[track_caller]
    pub fn abort_clients(&self) {
        self.core();
        let clients = self.0.state().clients.clone();
        clients.iter().for_each(Transport::abort);
    }

    /// Waits until the server is closed and has no connections any more.
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = ()> {
        let (roster, at) = (self.0.clone(), Location::caller());
        async move {
            if !roster.is_over() {
                // It is opened without an error.
                let _ = roster.closing.pass(at).await;
            }
        }
    }

    /// Says whether it listens.
    pub fn is_serving(&self) -> bool {
        let state = self.0.state();
        state.has_begun && state.listeners.is_some()
    }

    /// Begins to listen, unless it does so already, and yields once.
    ///
    /// # Errors
    ///
    /// If the server is closed.
    ///
    /// # Panics
    ///
    /// In another run.
    pub async fn start_serving(&self) -> io::Result<()> {
        self.core();
        self.0.check_open()?;
        self.0.begin();
        task::yield_now().await;
        Ok(())
    }

    /// Begins to listen, unless it does so already, and serves until the server is closed, or the
    /// task cancelled: then the server is closed, with all its connections, and waited for.
    ///
    /// # Errors
    ///
    /// That is how it ends; or if the server was closed before, or is being served already.
    #[track_caller]
    pub fn serve_forever(&self) -> impl Future<Output = io::Result<std::convert::Infallible>> {
        let (server, at) = (self.clone(), Location::caller());
        async move {
            server.0.check_open()?;
            server.0.begin();
            if std::mem::replace(&mut server.0.state().is_served, true) {
                let text = "the server is being served already: await that instead";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            let serving = Serving(server.clone());
            let served = task::cancellable(server.0.serving.pass(at)).await;
            drop(serving);
            server.wait_closed().await;
            match served {
                Ok(_) => Err(closed()),
                Err(cancelled) => cancelled.raise().await,
            }
        }
    }

    /// Returns the addresses at which it listens or will: none once it is closed.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let state = self.0.state();
        let listeners = state.listeners.iter().flatten();
        listeners
            .flat_map(|listener| listener.local_addr())
            .collect()
    }
}

/// While it lives, a server is served; dropping it closes the server with its connections.
struct Serving(Server);

impl Drop for Serving {
    fn drop(&mut self) {
        let Self(server) = self;
        server.0.state().is_served = false;
        if let Some(core) = core::try_own(server.0.serial).filter(|core| !core.closed.get()) {
            server.0.close(&core);
            server.close_clients();
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the server is closed")
}

impl Roster {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.state().listeners.is_none()
    }

    fn is_over(&self) -> bool {
        let state = self.state();
        state.listeners.is_none() && state.clients.is_empty()
    }

    fn check_open(&self) -> io::Result<()> {
        if self.is_closed() {
            return Err(closed());
        }
        Ok(())
    }

    /// Begins to listen.
    fn begin(&self) {
        let listeners = {
            let state = &mut *self.state();
            let begins = !std::mem::replace(&mut state.has_begun, true);
            state.listeners.clone().filter(|_| begins)
        };
        for listener in listeners.into_iter().flatten() {
            listener.begin(self.backlog);
        }
    }

    fn close(&self, core: &Core) {
        let (listeners, guard) = {
            let state = &mut *self.state();
            (state.listeners.take(), state.guard.take())
        };
        let Some(listeners) = listeners else { return };
        let net = Net::of(core);
        for listener in listeners {
            net.unwatch(listener.socket(), Direction::In);
        }
        if let Some(guard) = guard {
            core.cancel_callback(guard);
        }
        self.serving.open();
        if self.is_over() {
            self.closing.open();
        }
    }

    /// Takes note of a connection.
    pub(super) fn attach(&self, client: &Transport) {
        self.state().clients.push(client.clone());
    }

    /// Takes note that a connection is no more.
    pub(super) fn detach(&self, client: &Transport) {
        self.state().clients.retain(|other| !other.is_same(client));
        if self.is_over() {
            self.closing.open();
        }
    }

    /// A connection waits to be accepted.
    fn accept_ready(self: &Arc<Self>, listener: &TcpListener, factory: &Factory) {
        let core = core::current();
        // No more at a time than can wait: others have a turn in between.
        for _ in 0..=self.backlog {
            let Ok(stream) = listener.try_accept(&core) else {
                return;
            };
            let accepted = self.clone().accept(stream.into_end(), factory.clone());
            spawn_on(&core, accepted, self.at, core.eager.get()).detach();
        }
        Net::of(&core).look_again(&core, listener.socket(), Direction::In);
    }

    async fn accept(self: Arc<Self>, end: Arc<End>, factory: Factory) {
        let party = match catch_unwind(AssertUnwindSafe(|| factory())) {
            Ok(party) => party,
            Err(payload) => {
                let error = TaskError::panicked(payload, panics::take_location());
                let message = "error on transport creation for incoming connection";
                return report(&core::current(), message.to_owned(), error);
            }
        };
        if self.is_closed() {
            // It was closed since it has accepted this.
            return;
        }
        let at = self.at;
        establish(end, party, Some(self), at).await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}
