//! Tier 7, transports: connections that call a protocol, with asyncio's order of calls and its flow
//! control.
//!
//! A transport is what asyncio's `_SelectorSocketTransport` is, method by method. What is the
//! program's own, the protocol, is in a table of the loop's, because it need not be `Send`; a
//! handle is shared memory, and is.

mod reading;
mod telling;
mod writing;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::driver::{Direction, Net};
use super::kernel::{NetError, Socket};
use super::link::{Link, Links};
use super::marks::Marks;
use super::protocol::Party;
use super::server::Roster;
use super::tcp::End;
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, Report, ReportKind};

/// How many writes to a closed transport are ignored before they are warned of: asyncio's.
pub(in crate::net) const IGNORED_WRITES: u32 = 5;

/// A connection, as its [`Protocol`](super::Protocol) sees it. All clones are the same, and
/// dropping them closes nothing.
///
/// ```
/// use simrun::net::{Protocol, Transport, create_connection, create_server};
///
/// struct Greet;
///
/// impl Protocol for Greet {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"hello");
///         transport.close();
///         assert!(transport.is_closing());
///     }
///
///     fn data_received(&mut self, _: &[u8]) {}
/// }
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
/// let server = create_server(|| Greet, "127.0.0.1:80").await.unwrap();
/// let (_, keep) = create_connection(Keep::default, "127.0.0.1:80").await.unwrap();
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert_eq!(keep.lock().unwrap().0, b"hello");
/// server.close();
/// # });
/// ```
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    serial: u32,
    local: SocketAddr,
    remote: SocketAddr,
    state: Mutex<State>,
}

struct State {
    /// Until the connection is lost, or its family killed.
    end: Option<Arc<End>>,
    /// Its place in the table of links.
    link: usize,
    buffer: VecDeque<u8>,
    marks: Marks,
    is_closing: bool,
    /// 0 until `connection_lost` is queued, then 1 and the writes since.
    lost: u32,
    /// Nothing is written any more.
    is_write_ended: bool,
    /// Nothing is to be read for the time being.
    is_paused: bool,
    /// The end of the data was read.
    is_read_ended: bool,
}

/// Why a connection ends before its time.
enum Fatal {
    Socket(NetError),
    /// The protocol's method of this name has panicked.
    Call(&'static str, TaskError),
}

impl Transport {
    /// Makes the transport of a connection and queues what comes first: `connection_made`, the
    /// beginning of reading, and `ready`.
    pub(in crate::net) fn start(
        core: &Core,
        end: Arc<End>,
        party: Arc<Mutex<dyn Party>>,
        server: Option<Arc<Roster>>,
        ready: impl FnOnce() + 'static,
    ) -> Self {
        let transport = Self(Arc::new(Shared {
            serial: core.serial,
            local: end.local,
            remote: end.remote,
            state: Mutex::new(State {
                end: Some(end),
                link: 0,
                buffer: VecDeque::new(),
                marks: Marks::default(),
                is_closing: false,
                lost: 0,
                is_write_ended: false,
                is_paused: false,
                is_read_ended: false,
            }),
        }));
        if let Some(server) = &server {
            server.attach(&transport);
        }
        let link = Link::new(core, &transport, party, server);
        transport.state().link = core.extension::<Links>().add(link);
        let (made, reads) = (transport.clone(), transport.clone());
        core.call_soon(Box::new(move || made.tell_made()));
        core.call_soon(Box::new(move || reads.begin_reading(&reads.core())));
        core.call_soon(Box::new(ready));
        transport
    }

    #[track_caller]
    fn core(&self) -> Rc<Core> {
        core::own(self.0.serial, "transport")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the loop and the socket, as long as there is one.
    #[track_caller]
    fn open(&self) -> (Rc<Core>, Option<Arc<End>>) {
        let core = self.core();
        let end = self.state().end.clone();
        if let Some(end) = &end {
            core.touch(end.resource, Access::Write);
        }
        (core, end)
    }

    /// Returns the link to the protocol, as long as there is one.
    fn link(&self, core: &Core) -> Option<Rc<Link>> {
        let place = {
            let state = self.state();
            state.end.as_ref()?;
            state.link
        };
        core.extension::<Links>().get(place, self)
    }

    pub(in crate::net) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns the address of the other end.
    pub fn peer_addr(&self) -> SocketAddr {
        self.0.remote
    }

    /// Returns the address of this end.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local
    }

    /// Says whether the transport is closed or about to be.
    pub fn is_closing(&self) -> bool {
        self.state().is_closing
    }

    /// Closes the transport: it reads no more, sends what is buffered, and is then lost. Does
    /// nothing the second time.
    #[track_caller]
    pub fn close(&self) {
        let (core, end) = self.open();
        let is_flushed = {
            let state = &mut *self.state();
            if std::mem::replace(&mut state.is_closing, true) {
                return;
            }
            let is_flushed = state.buffer.is_empty() && state.lost == 0;
            state.lost += u32::from(is_flushed);
            is_flushed
        };
        if let Some(end) = end {
            Net::of(&core).unwatch(Socket::Stream(end.id), Direction::In);
        }
        if is_flushed {
            self.lose_soon(&core, None);
        }
    }

    /// Closes the transport, if its loop is still there.
    pub(in crate::net) fn close_if_open(&self) {
        if core::try_own(self.0.serial).is_some_and(|core| !core.closed.get()) {
            self.close();
        }
    }

    /// Closes the transport and forgets what is buffered. What was handed to the network is still
    /// sent, as everywhere. Does nothing once `connection_lost` is queued.
    #[track_caller]
    pub fn abort(&self) {
        let (core, _) = self.open();
        self.force_close(&core, None);
    }

    fn force_close(&self, core: &Core, error: Option<io::Error>) {
        let (end, forgotten) = {
            let state = &mut *self.state();
            if state.lost > 0 {
                return;
            }
            state.lost = 1;
            state.is_closing = true;
            (state.end.clone(), std::mem::take(&mut state.buffer))
        };
        drop(forgotten);
        if let Some(end) = end {
            let (net, socket) = (Net::of(core), Socket::Stream(end.id));
            net.unwatch(socket, Direction::In);
            net.unwatch(socket, Direction::Out);
        }
        self.lose_soon(core, error);
    }

    fn lose_soon(&self, core: &Core, error: Option<io::Error>) {
        let transport = self.clone();
        core.call_soon(Box::new(move || transport.lose(error)));
    }

    /// Tells the protocol that all is over, and then closes the socket.
    fn lose(&self, error: Option<io::Error>) {
        let core = self.core();
        let Some(link) = self.link(&core) else { return };
        let told = link.call(|party| party.lost(error.as_ref()));
        self.let_go(&core);
        if let Err(error) = told {
            error.resume();
        }
    }

    /// Closes the socket and forgets the protocol, which is not told.
    pub(in crate::net) fn let_go(&self, core: &Core) {
        let (end, place) = {
            let state = &mut *self.state();
            state.is_closing = true;
            state.lost = state.lost.max(1);
            (state.end.take(), state.link)
        };
        let Some(end) = end else { return };
        let (net, socket) = (Net::of(core), Socket::Stream(end.id));
        net.unwatch(socket, Direction::In);
        net.unwatch(socket, Direction::Out);
        let link = core.extension::<Links>().remove(place);
        drop(end);
        if let Some(link) = link {
            link.cut(core);
            if let Some(server) = &link.server {
                server.detach(self);
            }
        }
    }

    fn fail(&self, core: &Core, fatal: Fatal) {
        let error = match fatal {
            Fatal::Socket(error) => error.into(),
            Fatal::Call(method, error) => {
                let message = format!("fatal error: protocol.{method}() call failed");
                report(core, message, error.clone());
                io::Error::other(error)
            }
        };
        self.force_close(core, Some(error));
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("local_addr", &self.0.local)
            .field("peer_addr", &self.0.remote)
            .field("is_closing", &self.is_closing())
            .finish_non_exhaustive()
    }
}

/// Tells the exception handler what a protocol has done.
pub(in crate::net) fn report(core: &Core, message: String, error: TaskError) {
    let kind = ReportKind::Connection;
    core.report(Report::new(kind, message, Some(error), None, core.now()));
}
