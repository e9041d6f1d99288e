//! What all primitives have in common: a state behind a mutex, because handles must be `Send`, and
//! a resource in the loop's books, which names them in traces and reports.

use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{On, WaiterKey, WaiterState};
use crate::event_loop::{Access, Birth, ResourceKey};

/// The state of a primitive. The mutex is never contended, and never held while the program's code
/// or the loop's wakers run.
#[derive(Debug)]
pub(crate) struct Home<S> {
    kind: &'static str,
    made: &'static Location<'static>,
    birth: Birth,
    inner: Mutex<Inner<S>>,
}

#[derive(Debug)]
struct Inner<S> {
    name: Option<String>,
    resource: Option<ResourceKey>,
    state: S,
}

impl<S> Home<S> {
    pub(crate) const fn new(
        kind: &'static str,
        made: &'static Location<'static>,
        state: S,
    ) -> Self {
        Self {
            kind,
            made,
            birth: Birth::UNKNOWN,
            inner: Mutex::new(Inner {
                name: None,
                resource: None,
                state,
            }),
        }
    }

    /// Makes one that strategies know by whoever makes it, not by who uses it first.
    pub(crate) fn born(kind: &'static str, made: &'static Location<'static>, state: S) -> Self {
        let mut home = Self::new(kind, made, state);
        home.birth = Birth::now();
        home
    }

    /// Locks the state. Only a use of the primitive from within a look at it, or from another
    /// thread, could find it locked.
    #[track_caller]
    fn inner(&self) -> MutexGuard<'_, Inner<S>> {
        match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("this {} is in use already", self.kind),
        }
    }

    pub(crate) fn rename(&self, name: impl Into<String>) {
        self.inner().name = Some(name.into());
    }

    /// Reads or changes the state, outside any run's sight.
    #[inline]
    #[track_caller]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut S) -> R) -> R {
        act(&mut self.inner().state)
    }

    /// Changes the state when a wait is given up: that is no step of anyone's, but its order among
    /// others may matter.
    pub(crate) fn leave<R>(&self, access: Access, act: impl FnOnce(&mut S) -> R) -> R {
        let key = self.inner().resource;
        if let Some(key) = key
            && let Some(core) = core::try_own(key.serial)
        {
            core.link_resource(key, access);
        }
        self.with(act)
    }

    /// Returns the loop that runs here and the primitive's entry in its books.
    ///
    /// # Panics
    ///
    /// If the primitive belongs to another run.
    #[track_caller]
    pub(crate) fn enter(&self, access: Access) -> (Rc<Core>, ResourceKey) {
        self.visit(access, |core, key, _| (core.clone(), key))
    }

    /// Reads or changes the state on behalf of the loop that runs here, under one lock. Waiters
    /// can be looked at and lined up in there, but must be woken afterwards.
    ///
    /// # Panics
    ///
    /// If the primitive belongs to another run.
    #[inline]
    #[track_caller]
    pub(crate) fn visit<R>(
        &self,
        access: Access,
        act: impl FnOnce(&Rc<Core>, ResourceKey, &mut S) -> R,
    ) -> R {
        let core = core::current();
        let mut inner = self.inner();
        let key = match inner.resource {
            Some(key) => key,
            None => {
                let key = core.add_born(self.kind, inner.name.clone(), self.made, self.birth);
                *inner.resource.insert(key)
            }
        };
        if key.serial != core.serial {
            drop(inner);
            belongs_elsewhere(self.kind);
        }
        core.touch(key, access);
        act(&core, key, &mut inner.state)
    }
}

#[cold]
#[track_caller]
fn belongs_elsewhere(kind: &str) -> ! {
    panic!("this {kind} belongs to another run: each run needs its own, made inside it");
}

impl<S> Drop for Home<S> {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(key) = inner.resource else { return };
        if let Some(core) = core::try_own(key.serial) {
            core.remove_resource(key);
        }
    }
}

impl ResourceKey {
    /// What a waiter on this resource waits for.
    pub(crate) fn on(self) -> On {
        On::Resource(self.slot)
    }
}

/// Waiters in the order in which they came. Some may be done: they leave when their tasks run.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    queue: VecDeque<WaiterKey>,
}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, waiter: WaiterKey) {
        self.queue.push_back(waiter);
    }

    pub(crate) fn remove(&mut self, waiter: WaiterKey) {
        if self.queue.front() == Some(&waiter) {
            self.queue.pop_front();
        } else if let Some(place) = self.queue.iter().position(|other| *other == waiter) {
            self.queue.remove(place);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<WaiterKey> {
        self.queue.pop_front()
    }

    /// Takes the first out of the line who has neither been woken nor cancelled, and those before.
    #[inline]
    pub(crate) fn pop_waiting(&mut self, core: &Core) -> Option<WaiterKey> {
        while let Some(waiter) = self.queue.pop_front() {
            if core.is_waiting(waiter) {
                return Some(waiter);
            }
        }
        None
    }

    pub(crate) fn first(&self) -> Option<WaiterKey> {
        self.queue.front().copied()
    }

    /// Says whether anyone waits who has not been cancelled.
    pub(crate) fn any_live(&self, core: &Core) -> bool {
        self.queue
            .iter()
            .any(|waiter| core.waiter_state(*waiter) != WaiterState::Cancelled)
    }

    /// Returns the first few waiters that have neither been woken nor cancelled.
    pub(crate) fn waiting(&self, core: &Core) -> Option<WaiterKey> {
        self.queue
            .iter()
            .copied()
            .find(|waiter| core.is_waiting(*waiter))
    }

    pub(crate) fn all(&self) -> Vec<WaiterKey> {
        self.iter().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = WaiterKey> {
        self.queue.iter().copied()
    }
}
