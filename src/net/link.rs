//! Links: what the loop keeps of a transport that need not be `Send`, above all the protocol.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, TryLockError};

use slab::Slab;

use super::protocol::Party;
use super::server::Roster;
use super::transport::Transport;
use crate::error::TaskError;
use crate::event_loop::core::{self, Core};
use crate::event_loop::{CallbackKey, Watcher};
use crate::panics;

/// How much is read at once, at most: asyncio's.
const CHUNK: usize = 256 << 10;

/// The links of a run.
#[derive(Default)]
pub(super) struct Links {
    links: RefCell<Slab<Rc<Link>>>,
    /// Where data are read into.
    chunk: RefCell<Vec<u8>>,
}

/// What ties a transport to its protocol.
pub(super) struct Link {
    transport: Transport,
    party: Arc<Mutex<dyn Party>>,
    pub(super) reader: Rc<Watcher>,
    pub(super) writer: Rc<Watcher>,
    /// The server that has accepted the connection.
    pub(super) server: Option<Arc<Roster>>,
    /// The protocol is being called.
    is_calling: Cell<bool>,
    /// The protocol was told to pause.
    pub(super) paused: Cell<bool>,
    /// What closes the connection with its family.
    guard: CallbackKey,
}

/// Closes a connection whose family was killed.
struct Guard(Transport);

impl Drop for Guard {
    fn drop(&mut self) {
        // A loop that is closed drops its network with everything else.
        if let Some(core) = core::try_current().filter(|core| !core.closed.get()) {
            self.0.let_go(&core);
        }
    }
}

impl Links {
    pub(super) fn add(&self, link: Link) -> usize {
        self.links.borrow_mut().insert(Rc::new(link))
    }

    /// Returns the link of a transport.
    pub(super) fn get(&self, place: usize, of: &Transport) -> Option<Rc<Link>> {
        let links = self.links.borrow();
        let link = links.get(place)?;
        link.transport.is_same(of).then(|| link.clone())
    }

    pub(super) fn remove(&self, place: usize) -> Option<Rc<Link>> {
        self.links.borrow_mut().try_remove(place)
    }

    pub(super) fn take_chunk(&self) -> Vec<u8> {
        let mut chunk = self.chunk.take();
        chunk.resize(CHUNK, 0);
        chunk
    }

    pub(super) fn give_chunk(&self, chunk: Vec<u8>) {
        self.chunk.replace(chunk);
    }
}

impl Link {
    pub(super) fn new(
        core: &Core,
        transport: &Transport,
        party: Arc<Mutex<dyn Party>>,
        server: Option<Arc<Roster>>,
    ) -> Self {
        let (reads, writes) = (transport.clone(), transport.clone());
        Self {
            transport: transport.clone(),
            party,
            reader: core.add_watcher(move || reads.read_ready()),
            writer: core.add_watcher(move || writes.write_ready()),
            server,
            is_calling: Cell::new(false),
            paused: Cell::new(false),
            guard: core.keep(Guard(transport.clone())),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_calling.get()
    }

    pub(super) fn is_locked(&self) -> bool {
        matches!(self.party.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Calls the protocol. The error is what it has panicked with.
    pub(super) fn call<R>(&self, act: impl FnOnce(&mut dyn Party) -> R) -> Result<R, TaskError> {
        self.is_calling.set(true);
        let called = catch_unwind(AssertUnwindSafe(|| act(&mut *lock(&self.party))));
        self.party.clear_poison();
        self.is_calling.set(false);
        called.map_err(|payload| TaskError::panicked(payload, panics::take_location()))
    }

    /// Calls the protocol never again.
    pub(super) fn cut(&self, core: &Core) {
        self.reader.retire();
        self.writer.retire();
        core.cancel_callback(self.guard);
    }
}

/// Locks a protocol in order to call it.
pub(super) fn lock<P: ?Sized>(protocol: &Mutex<P>) -> std::sync::MutexGuard<'_, P> {
    match protocol.try_lock() {
        Ok(protocol) => protocol,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => panic!(
            "the protocol is locked while the loop calls it: let go of the lock before awaiting"
        ),
    }
}
