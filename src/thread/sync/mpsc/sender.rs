//! The sending end.

use std::fmt;
use std::panic::Location;

use super::channel::{Channel, Disconnected, Sent};
use super::{SendError, Shared, TrySendError};
use crate::event_loop::Access;
use crate::thread::sync::line::{Books, Until, look};
use crate::thread::{block_on, point};

/// One of a channel's senders, apart from its handle: it leaves even if the thread is cut off at
/// the point before.
struct SendingEnd<T> {
    home: Shared<T>,
}

impl<T> SendingEnd<T> {
    /// Sends a value if that takes no waiting. Says whether it was sent; then its place is empty.
    #[track_caller]
    fn try_send(&self, value: &mut Option<T>) -> Result<bool, Disconnected> {
        let (sent, due) = look(&self.home, Access::Write, |_, channel| {
            let sent = channel.try_send(value);
            (sent, channel.due_to_receive())
        });
        due.wake();
        sent
    }
}

impl<T> Clone for SendingEnd<T> {
    fn clone(&self) -> Self {
        self.home.with(Channel::add_sender);
        let home = self.home.clone();
        Self { home }
    }
}

impl<T> Drop for SendingEnd<T> {
    fn drop(&mut self) {
        let due = look(&self.home, Access::Write, |_, channel| {
            channel.remove_sender();
            channel.due_to_receive()
        });
        due.wake();
    }
}

/// Sends over an unbounded channel: see [`channel`](super::channel).
///
/// ```
/// use simrun::thread::sync::mpsc::{self, Sender};
///
/// # simrun::run(async {
/// let (sender, receiver) = mpsc::channel();
/// let sender: Sender<u8> = sender.named("numbers");
/// sender.send(7).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(7));
/// drop(receiver);
/// assert!(sender.send(8).is_err());
/// # });
/// ```
pub struct Sender<T> {
    end: SendingEnd<T>,
}

impl<T> Sender<T> {
    pub(super) fn new(home: Shared<T>) -> Self {
        let end = SendingEnd { home };
        Self { end }
    }

    /// Gives the channel a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.end.home.rename(name);
        self
    }

    /// Sends a value. Never blocks.
    ///
    /// # Errors
    ///
    /// If the receiver is gone; the error has the value.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        point();
        let mut value = Some(value);
        let _ = self.end.try_send(&mut value);
        value.map_or(Ok(()), |value| Err(SendError(value)))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let end = self.end.clone();
        Self { end }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        point();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Sends over a bounded channel: see [`sync_channel`](super::sync_channel).
///
/// ```
/// use simrun::thread::sync::mpsc::{self, SyncSender, TrySendError};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = mpsc::sync_channel(1);
/// let sender: SyncSender<u8> = sender.named("numbers");
/// sender.send(7).unwrap();
/// assert_eq!(sender.try_send(8), Err(TrySendError::Full(8)));
/// assert_eq!(receiver.recv(), Ok(7));
/// # }).unwrap();
/// ```
pub struct SyncSender<T> {
    end: SendingEnd<T>,
}

impl<T> SyncSender<T> {
    pub(super) fn new(home: Shared<T>) -> Self {
        let end = SendingEnd { home };
        Self { end }
    }

    /// Gives the channel a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.end.home.rename(name);
        self
    }

    /// Sends a value; blocks while there is no room for it, or, if the channel never has any, until
    /// it is received.
    ///
    /// # Errors
    ///
    /// If the receiver is gone; the error has the value.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        point();
        let mut place = Some(value);
        let sent = self.send_from(&mut place, Location::caller());
        match (sent, place) {
            // What was handed over when the thread was cut off is as good as sent.
            (Ok(()), _) | (Err(Disconnected), None) => Ok(()),
            (Err(Disconnected), Some(value)) => Err(SendError(value)),
        }
    }

    #[track_caller]
    fn send_from(
        &self,
        place: &mut Option<T>,
        at: &'static Location<'static>,
    ) -> Result<(), Disconnected> {
        let home = &*self.end.home;
        let send = |_: Books<'_>, channel: &mut Channel<T>| {
            let sent = channel.send(place)?;
            Some(sent.map(|sent| (sent, channel.due_to_receive())))
        };
        let sending = Until::new(
            home,
            Access::Write,
            |channel| &mut channel.to_send,
            send,
            at,
        );
        let (sent, due) = block_on(sending, "sending").map_err(|_| Disconnected)??;
        due.wake();
        let Sent::InHand(number) = sent else {
            return Ok(());
        };
        let taken = |_: Books<'_>, channel: &mut Channel<T>| channel.has_taken(number);
        let taken = Until::new(
            home,
            Access::Read,
            |channel| &mut channel.to_send,
            taken,
            at,
        );
        if let Ok(Ok(())) = block_on(taken, "sending") {
            return Ok(());
        }
        *place = look(home, Access::Write, |_, channel| channel.take_back(number));
        Err(Disconnected)
    }

    /// Sends a value if there is room for it, or, if the channel never has any, if the receiver
    /// waits for it.
    ///
    /// # Errors
    ///
    /// If there is no room, or the receiver is gone; the error has the value.
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        point();
        let mut place = Some(value);
        let sent = self.end.try_send(&mut place);
        match (sent, place) {
            (_, None) => Ok(()),
            (Ok(_), Some(value)) => Err(TrySendError::Full(value)),
            (Err(Disconnected), Some(value)) => Err(TrySendError::Disconnected(value)),
        }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        let end = self.end.clone();
        Self { end }
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        point();
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}
