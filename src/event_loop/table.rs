//! The table of futures: everything in a loop that will one day be done, be it a task, a promise,
//! the outer future of a gather or that of a shield. They differ in how they are cancelled and in
//! who completes them; states, done-callbacks and results are the same for all.

use std::any::Any;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::context::Locals;
use crate::error::{Cancelled, TaskError};

/// Names one future of one loop for ever: slots are reused, keys are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub(crate) serial: u32,
    pub(crate) slot: u32,
    pub(crate) id: u64,
}

/// What a future is, which decides how it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Driven by the loop; a cancel is a request that goes to what it awaits.
    Task,
    /// Driven by the loop as a task is, but beside its iterations; nobody can cancel it.
    Thread,
    /// Completed by someone's hand; a cancel ends it at once.
    Promise,
    /// Completed when others are; a cancel goes to all of them.
    Gather,
}

/// How far a future has come. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Value,
    Failed,
    Cancelled,
}

/// How a future ends.
pub(crate) enum End {
    Value,
    Failed(TaskError),
    /// With the cancellation that ended it, handed to the first who asks, and the message for all
    /// who ask later.
    Cancelled(Option<Cancelled>, Option<Arc<str>>),
}

/// The program's part of a future: first a Rust future to poll, then its value.
pub(crate) trait Body {
    /// Polls; `Ready` means that the value is there or what went wrong instead.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>>;

    /// Gives access to the value as `&mut Option<T>`.
    fn value(self: Pin<&mut Self>) -> Option<&mut dyn Any>;
}

/// What a suspended task waits for: a waiter's slot, or one of two numbers that no slot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting(u32);

impl Waiting {
    /// Nothing that the loop knows of.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);
    /// Several waiters: the task joins or selects.
    pub(crate) const MANY: Self = Self(u32::MAX - 1);

    /// Adds a waiter to what the task waits for.
    #[inline]
    pub(crate) fn add(&mut self, waiter: u32) {
        if *self == Self::UNKNOWN {
            *self = Self(waiter);
        } else if self.0 != waiter {
            *self = Self::MANY;
        }
    }

    /// Takes a waiter away that is no more.
    #[inline]
    pub(crate) fn remove(&mut self, waiter: u32) {
        if self.0 == waiter {
            *self = Self::UNKNOWN;
        }
    }

    /// Returns what a task waits for that waits for this and that.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::UNKNOWN, one) | (one, Self::UNKNOWN) => one,
            (one, same) if one == same => one,
            _ => Self::MANY,
        }
    }

    /// Returns the waiter, if the task waits for one and no more.
    pub(crate) fn one(self) -> Option<u32> {
        (self != Self::UNKNOWN && self != Self::MANY).then_some(self.0)
    }
}

/// What is to happen when a future is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoneCallback {
    /// Complete the waiter in this slot; it takes itself off the list before it goes.
    Wake(u32),
    /// Queue the callback in this slot.
    Call(u32),
}

/// Done-callbacks, in the order in which they were added; mostly there is one.
#[derive(Debug, Default)]
pub(crate) struct DoneCallbacks {
    first: Option<DoneCallback>,
    #[expect(
        clippy::box_collection,
        reason = "most futures have no second callback"
    )]
    rest: Option<Box<Vec<DoneCallback>>>,
}

impl DoneCallbacks {
    pub(crate) fn push(&mut self, callback: DoneCallback) {
        if self.first.is_none() && self.rest.is_none() {
            self.first = Some(callback);
        } else {
            self.rest.get_or_insert_default().push(callback);
        }
    }

    pub(crate) fn remove(&mut self, callback: DoneCallback) -> bool {
        if self.first == Some(callback) {
            self.first = None;
            return true;
        }
        let Some(rest) = &mut self.rest else {
            return false;
        };
        let place = rest.iter().position(|other| *other == callback);
        place.map(|place| rest.remove(place)).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = DoneCallback> {
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        self.first.iter().chain(rest).copied()
    }

    #[inline]
    pub(crate) fn for_each(self, mut act: impl FnMut(DoneCallback)) {
        self.first.into_iter().for_each(&mut act);
        if let Some(rest) = self.rest {
            rest.into_iter().for_each(act);
        }
    }
}

/// One future, or a thread.
pub(crate) struct Slot {
    pub(crate) id: u64,
    pub(crate) body: Option<Pin<Box<dyn Body>>>,
    pub(crate) callbacks: DoneCallbacks,
    /// Hash of the task's path, which names it in the fingerprint.
    pub(crate) path_hash: u64,
    /// The task's place in the tree of paths.
    pub(crate) path: u32,
    pub(crate) steps: u32,
    /// How many cancel requests have not been taken back.
    pub(crate) cancelling: u32,
    /// Handles and callbacks that still need the result.
    pub(crate) holds: u32,
    pub(crate) waiting: Waiting,
    pub(crate) spawned: &'static Location<'static>,
    pub(crate) rare: Option<Box<Rare>>,
    pub(crate) kind: Kind,
    pub(crate) state: State,
    pub(crate) flags: Flags,
}

/// What else there is to know about a future, one bit each, so that a step can look at all of them
/// at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// A step is queued.
    pub(crate) const SCHEDULED: Self = Self(1);
    /// A step is being made: the body is out of the table.
    pub(crate) const POLLING: Self = Self(1 << 1);
    /// The first step has been made.
    pub(crate) const STARTED: Self = Self(1 << 2);
    /// A cancellation is to be delivered at the next step.
    pub(crate) const MUST_CANCEL: Self = Self(1 << 3);
    /// The next step drops the body.
    pub(crate) const ABORTED: Self = Self(1 << 4);
    /// Someone has seen how it ended, or has said not to care.
    pub(crate) const RETRIEVED: Self = Self(1 << 5);

    /// It was woken while its step was being made: if it suspends, a step is queued.
    pub(crate) const WOKEN: Self = Self(1 << 6);
    /// A thread that suspends because it is another's turn, and stands in the lane already.
    pub(crate) const INTERRUPTED: Self = Self(1 << 7);

    #[inline]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Says whether any of these is set.
    #[inline]
    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, flags: Self) {
        self.0 |= flags.0;
    }

    #[inline]
    pub(crate) fn clear(&mut self, flags: Self) {
        self.0 &= !flags.0;
    }
}

/// What few futures have.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) locals: Locals,
    pub(crate) error: Option<TaskError>,
    pub(crate) cancelled: Option<Cancelled>,
    pub(crate) cancel_message: Option<Arc<str>>,
    /// The message of the cancel that hit the task's own waiter.
    pub(crate) waiter_message: Option<Arc<str>>,
    /// The futures a gather waits for.
    pub(crate) children: Vec<Key>,
    pub(crate) cancel_requested: bool,
    /// For an eager task, the id it would have if it had been made when its first step was over:
    /// its place among the tasks.
    pub(crate) place: Option<u64>,
    pub(crate) parking: Parking,
}

/// How a thread stands with those who unpark it.
#[derive(Default)]
pub(crate) struct Parking {
    /// It was unparked since it last parked.
    pub(crate) token: bool,
    pub(crate) waiter: Option<WaiterKey>,
}

impl Kind {
    /// Says whether it makes steps of its own.
    pub(crate) fn is_driven(self) -> bool {
        matches!(self, Self::Task | Self::Thread)
    }
}

impl Slot {
    pub(crate) fn is_done(&self) -> bool {
        self.state != State::Pending
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Returns what was said with the last cancel request that was kept.
    pub(crate) fn cancel_message(&self) -> Option<Arc<str>> {
        self.rare.as_ref()?.cancel_message.clone()
    }

    /// Makes the cancellation that an asker gets: the one that ended the task goes to the first.
    pub(crate) fn make_cancelled(&mut self) -> Cancelled {
        let Some(rare) = &mut self.rare else {
            return Cancelled::new();
        };
        let message = || Cancelled::from_message(rare.cancel_message.clone());
        rare.cancelled.take().unwrap_or_else(message)
    }
}

/// A waiter: the private future on which a suspended step waits, and its waker.
pub(crate) struct Waiter {
    pub(crate) waker: Option<Waker>,
    pub(crate) at: &'static Location<'static>,
    pub(crate) since: u64,
    pub(crate) generation: u32,
    pub(crate) state: WaiterState,
    /// A cancel request was passed on to the future it waits for.
    pub(crate) forwarded: bool,
    // An `On`, taken apart: there are as many waiters as tasks, and so it takes eight bytes less.
    on: OnKind,
    slot: u32,
    id: u32,
}

#[derive(Clone, Copy)]
enum OnKind {
    Timer,
    Future,
    Resource,
    Tasks(Tasks),
}

impl Waiter {
    pub(crate) fn new(
        generation: u32,
        on: On,
        waker: Waker,
        at: &'static Location<'static>,
        since: u64,
    ) -> Self {
        let (on, slot, id) = match on {
            On::Timer => (OnKind::Timer, 0, 0),
            On::Future(slot, id) => (OnKind::Future, slot, id),
            On::Resource(slot) => (OnKind::Resource, slot, 0),
            On::Tasks(tasks) => (OnKind::Tasks(tasks), 0, 0),
        };
        let (waker, state, forwarded) = (Some(waker), WaiterState::Pending, false);
        Self {
            waker,
            at,
            since,
            generation,
            state,
            forwarded,
            on,
            slot,
            id,
        }
    }

    /// Returns what it waits for.
    pub(crate) fn on(&self) -> On {
        match self.on {
            OnKind::Timer => On::Timer,
            OnKind::Future => On::Future(self.slot, self.id),
            OnKind::Resource => On::Resource(self.slot),
            OnKind::Tasks(tasks) => On::Tasks(tasks),
        }
    }
}

/// How far a waiter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaiterState {
    Pending,
    Woken,
    /// It was cancelled, and its future has not heard of it.
    Cancelled,
    /// It was cancelled, and its future has raised that.
    Raised,
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// A moment in virtual time.
    Timer,
    /// A future in this slot, whose id ends in these bits.
    Future(u32, u32),
    /// The resource in this slot.
    Resource(u32),
    /// Tasks of some number, in one of these ways.
    Tasks(Tasks),
}

/// Why a waiter waits for tasks otherwise than by awaiting one future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    Some,
    Next,
    OfGroup,
    OutOfTime,
    /// A thread is parked.
    Unpark,
}

impl Tasks {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Some => "some of several tasks",
            Self::Next => "the next of several tasks",
            Self::OfGroup => "the tasks of its group",
            Self::OutOfTime => "a task that has no time left",
            Self::Unpark => "someone to unpark it",
        }
    }
}

/// Names one waiter of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaiterKey {
    pub(crate) serial: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}
#[cfg(test)]
mod tests {
    use super::*;

    /// What a sleeping task takes is mostly these two, and there may be a million of them.
    #[test]
    fn slots_and_waiters_stay_small() {
        assert!(
            size_of::<Slot>() <= 88,
            "a slot takes {} bytes",
            size_of::<Slot>()
        );
        assert!(
            size_of::<Waiter>() <= 48,
            "a waiter takes {} bytes",
            size_of::<Waiter>()
        );
        assert!(size_of::<crate::time::Sleep>() <= 40);
    }
}
