//! The loop's side of the [moves](super::moves): what it tells of them, if anyone wants to know.

use slab::Slab;

use super::callbacks::{Callback, CallbackKey};
use super::core::{Core, State};
use super::moves::{Moves, Shown, of_actor};
use super::ready::{Entry, Kind};
use super::resources::Access;
use super::table::{self, DoneCallback, Key, WaiterKey};
use super::timers::{Target, Timer};
use crate::chance::mix;
use crate::trace::Left;

/// Something that is shared within the crate and that no program knows of, such as what a group
/// knows of its tasks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hidden(u64);

impl Hidden {
    /// Names one that is being made.
    pub(crate) fn now() -> Self {
        super::core::try_current()
            .and_then(|core| {
                let moves = &mut core.state.borrow_mut().moves;
                moves.as_mut().map(|moves| Self(moves.give_name()))
            })
            .unwrap_or_default()
    }

    /// Takes note that it is looked at or changed.
    #[inline]
    pub(crate) fn touch(self) {
        if self.0 != 0 {
            self.tell(|moves, resource| moves.touch(resource, Access::Write));
        }
    }

    /// Takes note that something is added to it, in whatever order, and that whoever is last
    /// completes a wait.
    #[inline]
    pub(crate) fn add_to(self, wait: Option<WaiterKey>) {
        if self.0 == 0 {
            return;
        }
        self.tell(Moves::add_to);
        if let Some(wait) = wait
            && let Some(core) = super::core::try_own(wait.serial)
        {
            let state = &mut *core.state.borrow_mut();
            state.link_wake(wait.generation);
        }
    }

    #[cold]
    fn tell(self, act: impl FnOnce(&mut Moves, u64)) {
        let Some(core) = super::core::try_current() else {
            return;
        };
        // A destructor may come by while the state is borrowed by whoever has dropped it.
        if let Ok(mut state) = core.state.try_borrow_mut()
            && let Some(moves) = &mut state.moves
        {
            act(moves, self.0);
        }
    }
}

/// Takes note that the program looks at things of which no move tells.
#[cfg(feature = "cli")]
pub(crate) fn look_beyond(what: &'static str) {
    if let Some(core) = super::core::try_current() {
        core.state.borrow_mut().use_beyond(what);
    }
}

impl Core {
    /// Takes note that an end of the ready queue cuts off what is left in it.
    pub(super) fn end_moves(&self, state: &mut State) {
        if let Some(moves) = &mut state.moves {
            moves.end();
            if !state.ready.is_empty() {
                moves.count();
            }
        }
    }
}

impl State {
    /// Takes note that the current move touches something that only the loop knows of.
    #[inline]
    pub(super) fn link(&mut self, resource: impl FnOnce(&Moves) -> u64, access: Access) {
        if let Some(moves) = &mut self.moves {
            let resource = resource(moves);
            moves.touch(resource, access);
        }
    }

    /// Stops looking at the moves, of which there were many: what they have shown of their order is
    /// kept, and the fingerprint tells of what is to come.
    #[cold]
    pub(super) fn leave_moves(&mut self) {
        let moves = self.moves.take().map(|moves| moves.conclude());
        self.order_before = moves.and_then(|(order, _)| order);
    }

    /// Returns the hash of the order of the moves, if anyone wants to know, and what they have
    /// shown.
    pub(crate) fn conclude_moves(&mut self) -> (Option<u64>, Shown) {
        match (self.order_before, self.moves.take()) {
            (Some(order), _) => {
                let hash = mix(order, self.fingerprint.finish());
                (Some(hash), Shown::default())
            }
            (None, Some(moves)) => moves.conclude(),
            (None, None) => <_>::default(),
        }
    }

    /// Takes note that a wait is looked at or ended, even if it is gone.
    #[inline]
    pub(super) fn link_waiter(&mut self, generation: u32, access: Access) {
        self.link(|moves| moves.waiter(generation).0, access);
    }

    #[inline]
    pub(super) fn link_future(&mut self, slot: u32, access: Access) {
        let id = self.slots[slot as usize].id;
        self.link(|moves| moves.future(id).0, access);
    }

    /// Takes note that what a task does next is changed.
    #[inline]
    pub(super) fn link_task(&mut self, slot: u32) {
        if self.moves.is_some() {
            let actor = of_actor(self.slots[slot as usize].path_hash);
            self.link(|_| actor, Access::Write);
        }
    }

    /// Takes note that a future is looked at, even if it is gone. Who looks at a gather does so
    /// among those that complete it together.
    #[inline]
    pub(super) fn link_look(&mut self, key: Key) {
        if let Some(trace) = &mut self.trace {
            trace.causes.find(Left::Done(key.id));
        }
        if let Some(moves) = &mut self.moves {
            let (future, look) = moves.future(key.id);
            moves.touch(future, look);
        }
    }

    /// Takes note that a gather is closer to its end. Whoever is last ends it, so each touches what
    /// the last does: which of them that is makes no difference.
    pub(super) fn add_to_gather(&mut self, gather: Key) {
        let Some(moves) = &mut self.moves else { return };
        moves.add_to(moves.future(gather.id).0);
        let Some(slot) = self.slots.get(gather.slot as usize) else {
            return;
        };
        let callbacks: Vec<DoneCallback> = slot.callbacks.iter().collect();
        for callback in callbacks {
            match callback {
                DoneCallback::Wake(slot) => {
                    let generation = self.waiters[slot as usize].generation;
                    self.link_wake(generation);
                }
                DoneCallback::Call(slot) => {
                    let generation = self.callbacks[slot as usize].generation;
                    let actor = |moves: &Moves| of_actor(moves.callback(generation));
                    self.link(actor, Access::Read);
                }
            }
        }
    }

    /// Takes note of what is touched when a wait is completed, whether it is over already or not.
    #[inline]
    pub(super) fn link_wake(&mut self, generation: u32) {
        if let Some(moves) = &mut self.moves {
            let (waiter, task) = moves.waiter(generation);
            moves.touch(waiter, Access::Read);
            moves.touch(of_actor(task), Access::Read);
        }
    }

    /// Takes note of a callback that is looked at or called off, even if it is gone.
    pub(super) fn link_callback(&mut self, key: CallbackKey, access: Access) {
        let callback = |moves: &Moves| moves.callback(key.generation);
        self.link(|moves| of_actor(callback(moves)), access);
    }

    /// Takes note that a wait is looked at by whoever waits, or ended.
    #[inline]
    pub(super) fn link_wait(&mut self, key: WaiterKey) {
        self.link_waiter(key.generation, Access::Write);
    }

    #[inline]
    pub(super) fn use_beyond(&mut self, what: &'static str) {
        if let Some(moves) = &mut self.moves {
            moves.use_beyond(what);
        }
    }

    /// Queues the step of a task.
    #[inline]
    pub(super) fn queue_task(&mut self, slot: u32) {
        self.ready.push(Entry::task(slot));
        if let Some(moves) = &mut self.moves {
            moves.queue(self.slots[slot as usize].path_hash);
        }
    }

    /// Queues a callback.
    #[inline]
    pub(super) fn queue_callback(&mut self, slot: u32) {
        self.ready.push(Entry::callback(slot));
        if let Some(moves) = &mut self.moves {
            moves.queue_callback(self.callbacks[slot as usize].generation);
        }
    }

    /// Queues a timer that is due.
    #[inline]
    pub(super) fn queue_timer(&mut self, timer: Timer) {
        self.ready.push(Entry::timer(timer));
        if let Some(moves) = &mut self.moves {
            let name = match timer.target() {
                Target::Waiter(_, generation) => moves.waiter(generation).0,
                Target::Callback(_, generation) => moves.callback(generation),
                Target::Alarm(token, _) => u64::from(token),
            };
            moves.queue_timer(timer.bits(), name);
        }
    }

    /// Begins the move of an entry that has its turn.
    #[cold]
    pub(super) fn begin_move(&mut self, entry: Entry, now: u64) {
        let Some(moves) = &mut self.moves else {
            return;
        };
        if self.stopping {
            moves.count();
        }
        let actor = actor(&self.slots, &self.callbacks, moves, entry);
        let mut nth = 0;
        match entry.kind() {
            Kind::Task(slot) => nth = self.slots[slot as usize].steps,
            Kind::Callback(_) => moves.take_callback(),
            Kind::Timer(timer) => moves.take_timer(timer.bits()),
        }
        moves.begin(actor, mix(actor, u64::from(nth)), now);
        if !moves.is_named(actor) {
            let name = match entry.kind() {
                Kind::Task(slot) => self.name(slot),
                Kind::Callback(_) => "a callback".to_owned(),
                Kind::Timer(_) => "a timer".to_owned(),
            };
            if let Some(moves) = &mut self.moves {
                moves.call(actor, name);
            }
        }
    }
}

/// Names whoever an entry is for: the same number in every interleaving.
pub(super) fn actor(
    slots: &Slab<table::Slot>,
    callbacks: &Slab<Callback>,
    moves: &Moves,
    entry: Entry,
) -> u64 {
    match entry.kind() {
        Kind::Task(slot) => slots[slot as usize].path_hash,
        Kind::Callback(slot) => moves.callback(callbacks[slot as usize].generation),
        Kind::Timer(timer) => moves.timer(timer.bits()),
    }
}
