//! Tier 7 and 8 for datagrams: endpoints that call a protocol.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::driver::{Direction, Net};
use super::gate::{Gate, Unless};
use super::kernel::{DatagramId, NetError, Socket};
use super::link::lock;
use super::protocol::DatagramProtocol;
use super::transport::IGNORED_WRITES;
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, CallbackKey, ResourceKey};
use crate::panics;

/// Opens an endpoint for datagrams and has a protocol made for it: asyncio's
/// `create_datagram_endpoint`. Without an address of its own it gets any free port; with a remote
/// address it sends to that, and receives from nobody else.
///
/// # Errors
///
/// If the own address is in use, or not one of the host's, or if neither address is given.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::net::{DatagramProtocol, DatagramTransport, create_datagram_endpoint};
/// use std::net::SocketAddr;
///
/// #[derive(Default)]
/// struct Echo(Option<DatagramTransport>);
///
/// impl DatagramProtocol for Echo {
///     fn connection_made(&mut self, transport: &DatagramTransport) {
///         self.0 = Some(transport.clone());
///     }
///
///     fn datagram_received(&mut self, data: &[u8], from: SocketAddr) {
///         self.0.as_ref().unwrap().sendto(data, from);
///     }
/// }
///
/// #[derive(Default)]
/// struct Keep(Vec<Vec<u8>>);
///
/// impl DatagramProtocol for Keep {
///     fn datagram_received(&mut self, data: &[u8], _: SocketAddr) {
///         self.0.push(data.to_vec());
///     }
/// }
///
/// # simrun::run(async {
/// let seven: SocketAddr = "127.0.0.1:7".parse().unwrap();
/// let echo = create_datagram_endpoint(Echo::default, seven, None).await.unwrap();
/// let keep = create_datagram_endpoint(Keep::default, None, seven).await;
/// let (transport, keep) = keep.unwrap();
/// transport.sendto(b"hello", None);
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(keep.lock().unwrap().0, [b"hello"]);
/// transport.close();
/// echo.0.close();
/// # });
/// ```
#[track_caller]
pub fn create_datagram_endpoint<P: DatagramProtocol>(
    factory: impl FnOnce() -> P,
    local: impl Into<Option<SocketAddr>>,
    remote: impl Into<Option<SocketAddr>>,
) -> impl Future<Output = io::Result<(DatagramTransport, Arc<Mutex<P>>)>> {
    let at = Location::caller();
    let (local, remote) = (local.into(), remote.into());
    async move {
        let (transport, protocol, gate) = {
            let core = core::current();
            let end = End::bind(&core, local, remote, at)?;
            let protocol = Arc::new(Mutex::new(factory()));
            let gate = Arc::new(Gate::new("endpoint", end.local.to_string(), at));
            let opens = gate.clone();
            let transport =
                DatagramTransport::start(&core, end, protocol.clone(), move || opens.open());
            let close = DatagramTransport::close_if_open;
            (Unless::taken(transport, close), protocol, gate)
        };
        // It is opened without an error.
        let _ = gate.pass(at).await;
        Ok((transport.take(), protocol))
    }
}

/// An endpoint for datagrams, as its [`DatagramProtocol`] sees it. All clones are the same, and
/// dropping them closes nothing.
///
/// ```
/// use simrun::net::{DatagramProtocol, create_datagram_endpoint};
/// use std::net::SocketAddr;
///
/// struct Deaf;
///
/// impl DatagramProtocol for Deaf {
///     fn datagram_received(&mut self, _: &[u8], _: SocketAddr) {}
/// }
///
/// # simrun::run(async {
/// let remote: SocketAddr = "127.0.0.1:7".parse().unwrap();
/// let (transport, _) = create_datagram_endpoint(|| Deaf, None, remote).await.unwrap();
/// assert_eq!(transport.peer_addr(), Some(remote));
/// transport.sendto(b"hello", None);
/// transport.close();
/// assert!(transport.is_closing());
/// # });
/// ```
#[derive(Clone)]
pub struct DatagramTransport(Arc<Shared>);

struct Shared {
    serial: u32,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    state: Mutex<State>,
}

struct State {
    /// Until the endpoint is closed.
    end: Option<Arc<End>>,
    is_closing: bool,
    /// 0 until `connection_lost` is queued, then 1 and what was sent since.
    lost: u32,
    /// What closes the endpoint with its family, and keeps the protocol.
    guard: Option<CallbackKey>,
    place: usize,
}

/// A socket, as long as anyone holds it.
struct End {
    serial: u32,
    id: DatagramId,
    resource: ResourceKey,
    local: SocketAddr,
    remote: Option<SocketAddr>,
}

/// The protocols of a run's endpoints.
#[derive(Default)]
struct Protocols(std::cell::RefCell<slab::Slab<Party>>);

type Party = Arc<Mutex<dyn DatagramProtocol>>;

/// Closes an endpoint whose family was killed.
struct Guard(DatagramTransport);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(core) = core::try_current().filter(|core| !core.closed.get()) {
            self.0.let_go(&core);
        }
    }
}

impl End {
    fn bind(
        core: &Core,
        local: Option<SocketAddr>,
        remote: Option<SocketAddr>,
        at: &'static Location<'static>,
    ) -> io::Result<Self> {
        let any = |remote: SocketAddr| {
            let ip: IpAddr = match remote {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            SocketAddr::new(ip, 0)
        };
        let Some(local) = local.or(remote.map(any)) else {
            let text = "an endpoint needs an address, its own or a remote one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        let net = Net::of(core);
        let host = net.here(core);
        let (id, local) = net.udp(core, |udp| {
            let (id, _) = udp.bind(host, local)?;
            if let Some(remote) = remote {
                udp.connect(id, remote);
            }
            Ok::<_, NetError>((id, udp.addresses(id).0))
        })?;
        let resource = core.add_resource("endpoint", Some(local.to_string()), at);
        Ok(Self {
            serial: core.serial,
            id,
            resource,
            local,
            remote,
        })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // A loop that is closed drops its network with everything else.
        if let Some(core) = core::try_own(self.serial).filter(|core| !core.closed.get()) {
            Net::of(&core).udp(&core, |udp| udp.close(self.id));
            core.remove_resource(self.resource);
        }
    }
}

impl DatagramTransport {
    fn start(core: &Core, end: End, party: Party, ready: impl FnOnce() + 'static) -> Self {
        let transport = Self(Arc::new(Shared {
            serial: core.serial,
            local: end.local,
            remote: end.remote,
            state: Mutex::new(State {
                end: Some(Arc::new(end)),
                is_closing: false,
                lost: 0,
                guard: None,
                place: 0,
            }),
        }));
        let protocols = core.extension::<Protocols>();
        transport.state().place = protocols.0.borrow_mut().insert(party);
        transport.state().guard = Some(core.keep(Guard(transport.clone())));
        let (made, reads) = (transport.clone(), transport.clone());
        core.call_soon(Box::new(move || {
            made.call(|party| party.connection_made(&made))
        }));
        core.call_soon(Box::new(move || reads.begin_reading()));
        core.call_soon(Box::new(ready));
        transport
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn open(&self) -> (Rc<Core>, Option<Arc<End>>) {
        let core = core::own(self.0.serial, "transport");
        let end = self.state().end.clone();
        if let Some(end) = &end {
            core.touch(end.resource, Access::Write);
        }
        (core, end)
    }

    fn party(&self, core: &Core) -> Option<Party> {
        let place = {
            let state = self.state();
            state.end.as_ref()?;
            state.place
        };
        core.extension::<Protocols>().0.borrow().get(place).cloned()
    }

    /// Calls the protocol. If that panics, it is reported as from any callback.
    fn call(&self, act: impl FnOnce(&mut dyn DatagramProtocol)) {
        let (core, _) = self.open();
        let Some(party) = self.party(&core) else {
            return;
        };
        let called = catch_unwind(AssertUnwindSafe(|| act(&mut *lock(&party))));
        party.clear_poison();
        if let Err(payload) = called {
            TaskError::panicked(payload, panics::take_location()).resume();
        }
    }

    fn begin_reading(&self) {
        let (core, end) = self.open();
        let is_closing = self.is_closing();
        let Some(end) = end.filter(|_| !is_closing) else {
            return;
        };
        let reads = self.clone();
        let watcher = core.add_watcher(move || reads.read_ready());
        let socket = Socket::Datagram(end.id);
        Net::of(&core).watch(&core, socket, Direction::In, watcher);
    }

    fn read_ready(&self) {
        let (core, end) = self.open();
        let Some(end) = end else { return };
        let (net, socket) = (Net::of(&core), Socket::Datagram(end.id));
        let received = net.udp(&core, |udp| udp.receive(end.id));
        // Before the protocol is called, which may panic.
        net.look_again(&core, socket, Direction::In);
        match received {
            Ok(datagram) => {
                self.call(|party| party.datagram_received(&datagram.bytes, datagram.from));
            }
            Err(NetError::WouldBlock) => {}
            Err(error) => self.call(|party| party.error_received(error.into())),
        }
    }

    /// Sends a datagram: to an address, or to the one that the endpoint is connected to. What is
    /// sent after the endpoint was closed is dropped, and from the fifth time on with a warning.
    ///
    /// If it cannot be sent, the protocol receives the error: before this returns, unless that is
    /// called by the protocol itself.
    ///
    /// # Panics
    ///
    /// If the endpoint is connected to another address, or to none and none is given.
    #[track_caller]
    pub fn sendto(&self, data: &[u8], to: impl Into<Option<SocketAddr>>) {
        let (core, end) = self.open();
        let to = to.into();
        if let (Some(remote), Some(to)) = (self.0.remote, to) {
            assert!(remote == to, "the endpoint is connected to {remote}");
        }
        assert!(
            to.or(self.0.remote).is_some(),
            "an endpoint that is not connected sends to an address"
        );
        if self.ignores_sending() {
            return;
        }
        let Some(end) = end else { return };
        let to = if self.0.remote.is_some() { None } else { to };
        let sent = Net::of(&core).udp(&core, |udp| udp.send(end.id, to, data));
        if let Err(error) = sent {
            self.fail(&core, error.into());
        }
    }

    fn fail(&self, core: &Core, error: io::Error) {
        let Some(party) = self.party(core) else {
            return;
        };
        if !matches!(party.try_lock(), Err(TryLockError::WouldBlock)) {
            return self.call(|party| party.error_received(error));
        }
        let transport = self.clone();
        core.call_soon(Box::new(move || {
            transport.call(|party| party.error_received(error));
        }));
    }

    fn ignores_sending(&self) -> bool {
        let state = &mut *self.state();
        if state.lost == 0 {
            return false;
        }
        if state.lost >= IGNORED_WRITES {
            let local = self.0.local;
            tracing::warn!(target: "simrun::net", %local, "sent from a closed endpoint");
        }
        state.lost += 1;
        true
    }

    /// Closes the endpoint: it receives nothing more. Does nothing the second time.
    ///
    /// Nothing is left to be sent, for a datagram is sent at once.
    #[track_caller]
    pub fn close(&self) {
        let (core, end) = self.open();
        {
            let state = &mut *self.state();
            if std::mem::replace(&mut state.is_closing, true) {
                return;
            }
            state.lost = 1;
        }
        if let Some(end) = end {
            Net::of(&core).unwatch(Socket::Datagram(end.id), Direction::In);
        }
        let transport = self.clone();
        core.call_soon(Box::new(move || transport.lose()));
    }

    /// Closes the endpoint, if its loop is still there.
    fn close_if_open(&self) {
        if core::try_own(self.0.serial).is_some_and(|core| !core.closed.get()) {
            self.close();
        }
    }

    /// Closes the endpoint at once, which is what [`close`](Self::close) does.
    #[track_caller]
    pub fn abort(&self) {
        self.close();
    }

    fn lose(&self) {
        let core = core::own(self.0.serial, "transport");
        let lost = Lost(self, &core);
        self.call(|party| party.connection_lost(None));
        drop(lost);
    }

    /// Closes the socket and forgets the protocol, which is not told.
    fn let_go(&self, core: &Core) {
        let (end, guard, place) = {
            let state = &mut *self.state();
            state.is_closing = true;
            state.lost = state.lost.max(1);
            (state.end.take(), state.guard.take(), state.place)
        };
        let Some(end) = end else { return };
        Net::of(core).unwatch(Socket::Datagram(end.id), Direction::In);
        drop(end);
        let party = {
            let protocols = core.extension::<Protocols>();
            protocols.0.borrow_mut().try_remove(place)
        };
        drop(party);
        if let Some(guard) = guard {
            core.cancel_callback(guard);
        }
    }

    /// Says whether the endpoint is closed or about to be.
    pub fn is_closing(&self) -> bool {
        self.state().is_closing
    }

    /// Returns the endpoint's own address.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local
    }

    /// Returns the address that it is connected to.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.remote
    }
}

/// Lets go of an endpoint, even if its protocol has panicked.
struct Lost<'a>(&'a DatagramTransport, &'a Core);

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.0.let_go(self.1);
    }
}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramTransport")
            .field("local_addr", &self.0.local)
            .field("peer_addr", &self.0.remote)
            .finish_non_exhaustive()
    }
}
