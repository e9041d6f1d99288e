//! What the ends of a channel share: the values under way, and who waits at either end.

use std::collections::VecDeque;

use crate::sync::home::Waiters;
use crate::thread::sync::line::{Books, Due, Lines};

/// The state of a channel.
#[derive(Debug)]
pub(super) struct Channel<T> {
    /// Each with its number, by which a sender knows whether it was taken.
    queue: VecDeque<(u64, T)>,
    sent: u64,
    room: Room,
    senders: usize,
    has_receiver: bool,
    pub(super) to_send: Waiters,
    pub(super) to_receive: Waiters,
}

/// How many values can be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Endless,
    For(usize),
    /// A value goes from hand to hand: it is under way while its sender waits.
    None,
}

/// Nobody is at the other end.
pub(super) struct Disconnected;

/// How a value was sent that a receiver may wait for.
pub(super) enum Sent {
    /// The sender has done its part.
    Away,
    /// The sender has it in hand until it is taken.
    InHand(u64),
}

impl<T> Channel<T> {
    pub(super) const fn unbounded() -> Self {
        Self::with_room(Room::Endless)
    }

    pub(super) const fn bounded(bound: usize) -> Self {
        Self::with_room(match bound {
            0 => Room::None,
            bound => Room::For(bound),
        })
    }

    const fn with_room(room: Room) -> Self {
        Self {
            queue: VecDeque::new(),
            sent: 0,
            room,
            senders: 1,
            has_receiver: true,
            to_send: Waiters::new(),
            to_receive: Waiters::new(),
        }
    }

    /// Says whether a value can be sent without waiting for a receiver.
    fn has_room(&self) -> bool {
        match self.room {
            Room::Endless => true,
            Room::For(bound) => self.queue.len() < bound,
            // The receiver that waits will take it.
            Room::None => self.queue.is_empty() && self.to_receive.first().is_some(),
        }
    }

    /// Sends a value if that takes no waiting. It is taken out of its place if it is sent.
    pub(super) fn try_send(&mut self, value: &mut Option<T>) -> Result<bool, Disconnected> {
        if !self.has_receiver {
            return Err(Disconnected);
        }
        let has_room = self.has_room();
        if has_room {
            self.push(value);
        }
        Ok(has_room)
    }

    /// Sends a value, or begins to: `None` if there is no room for it.
    pub(super) fn send(&mut self, value: &mut Option<T>) -> Option<Result<Sent, Disconnected>> {
        match self.try_send(value) {
            Err(disconnected) => Some(Err(disconnected)),
            Ok(true) => Some(Ok(Sent::Away)),
            Ok(false) if self.room == Room::None => Some(Ok(Sent::InHand(self.push(value)))),
            Ok(false) => None,
        }
    }

    fn push(&mut self, value: &mut Option<T>) -> u64 {
        self.sent += 1;
        self.queue
            .extend(value.take().map(|value| (self.sent, value)));
        self.sent
    }

    /// Says whether the value that a sender has in hand was taken, or never will be: `None` if
    /// neither is so.
    pub(super) fn has_taken(&self, number: u64) -> Option<Result<(), Disconnected>> {
        if self.queue.iter().all(|(other, _)| *other != number) {
            return Some(Ok(()));
        }
        (!self.has_receiver).then_some(Err(Disconnected))
    }

    /// Gives a sender back what it has in hand.
    pub(super) fn take_back(&mut self, number: u64) -> Option<T> {
        let place = self.queue.iter().position(|(other, _)| *other == number)?;
        self.queue.remove(place).map(|(_, value)| value)
    }

    /// Receives a value: `None` if there is none yet.
    pub(super) fn receive(&mut self) -> Option<Result<T, Disconnected>> {
        match self.queue.pop_front() {
            Some((_, value)) => Some(Ok(value)),
            None if self.senders == 0 => Some(Err(Disconnected)),
            None => None,
        }
    }

    pub(super) fn add_sender(&mut self) {
        self.senders += 1;
    }

    pub(super) fn remove_sender(&mut self) {
        self.senders -= 1;
    }

    /// Takes the receiver away; gives the values that nobody will receive.
    pub(super) fn remove_receiver(&mut self) -> VecDeque<(u64, T)> {
        self.has_receiver = false;
        match self.room {
            // Their senders take them back.
            Room::None => VecDeque::new(),
            Room::Endless | Room::For(_) => std::mem::take(&mut self.queue),
        }
    }

    /// Returns the receiver, if it waits and has something to hear.
    pub(super) fn due_to_receive(&self) -> Due {
        if self.queue.is_empty() && self.senders > 0 {
            return Due::default();
        }
        self.to_receive.iter().into()
    }

    /// Returns those senders who wait and could go on.
    pub(super) fn due_to_send(&self, books: Books<'_>) -> Due {
        match self.room {
            _ if !self.has_receiver => self.to_send.iter().into(),
            // Only they know whose value was taken.
            Room::None => self.to_send.iter().into(),
            Room::Endless | Room::For(_) if self.has_room() => books.one(&self.to_send),
            Room::Endless | Room::For(_) => Due::default(),
        }
    }
}

impl<T> Lines for Channel<T> {
    fn due(&self, books: Books<'_>) -> Due {
        self.due_to_receive().and(self.due_to_send(books))
    }
}
