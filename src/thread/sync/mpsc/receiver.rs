//! The receiving end.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use super::channel::{Channel, Disconnected};
use super::{Iter, RecvError, RecvTimeoutError, Shared, TryIter, TryRecvError};
use crate::event_loop::Access;
use crate::thread::current::before;
use crate::thread::sync::line::{Books, Due, Until, look};
use crate::thread::{block_on, point};

/// The receiver of a channel.
///
/// ```
/// use simrun::thread::sync::mpsc::{self, Receiver, RecvTimeoutError};
/// use simrun::time::secs;
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = mpsc::channel();
/// let receiver: Receiver<u8> = receiver.named("numbers");
/// assert_eq!(receiver.recv_timeout(secs(1)), Err(RecvTimeoutError::Timeout));
/// sender.send(7).unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok(7));
/// assert!(receiver.recv().is_err());
/// # }).unwrap();
/// ```
pub struct Receiver<T> {
    end: ReceivingEnd<T>,
    /// One thread at a time may have it.
    shared: PhantomData<Cell<()>>,
}

/// The receiver, apart from its handle: it leaves even if the thread is cut off at the point
/// before.
struct ReceivingEnd<T> {
    home: Shared<T>,
}

impl<T> Drop for ReceivingEnd<T> {
    fn drop(&mut self) {
        let (_values, due) = look(&self.home, Access::Write, |books, channel| {
            let values = channel.remove_receiver();
            (values, channel.due_to_send(books))
        });
        due.wake();
    }
}

/// What one receives, and the senders that can go on then.
type Received<T> = Result<(T, Due), Disconnected>;

fn receive<T>(books: Books<'_>, channel: &mut Channel<T>) -> Option<Received<T>> {
    let received = channel.receive()?;
    Some(received.map(|value| (value, channel.due_to_send(books))))
}

/// Lets the senders go on.
fn settle<T>(received: Received<T>) -> Result<T, Disconnected> {
    let (value, due) = received?;
    due.wake();
    Ok(value)
}

impl<T> Receiver<T> {
    pub(super) fn new(home: Shared<T>) -> Self {
        let (end, shared) = (ReceivingEnd { home }, PhantomData);
        Self { end, shared }
    }

    /// Gives the channel a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.end.home.rename(name);
        self
    }

    /// Waits in the line of those who receive.
    fn receiving(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Received<T>> + use<'_, T> {
        Until::new(
            &*self.end.home,
            Access::Write,
            |channel| &mut channel.to_receive,
            receive,
            at,
        )
    }

    /// Receives a value; blocks until there is one.
    ///
    /// # Errors
    ///
    /// If there is none and all senders are gone.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        point();
        let received = block_on(self.receiving(Location::caller()), "receiving");
        // A thread that is cut off waits only as long as someone is left who could send.
        let received = received.unwrap_or(Err(Disconnected));
        settle(received).map_err(|Disconnected| RecvError)
    }

    /// Receives a value, if there is one.
    ///
    /// # Errors
    ///
    /// If there is none, or if all senders are gone as well.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        point();
        let received = look(&self.end.home, Access::Write, receive);
        settle(received.ok_or(TryRecvError::Empty)?)
            .map_err(|Disconnected| TryRecvError::Disconnected)
    }

    /// Receives a value; blocks until there is one, but for no longer than this.
    ///
    /// # Errors
    ///
    /// If the time is up, or if there is none and all senders are gone.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn recv_timeout(&self, duration: Duration) -> Result<T, RecvTimeoutError> {
        point();
        let receiving = before(duration, self.receiving(Location::caller()));
        let received = block_on(receiving, "receiving").unwrap_or(Some(Err(Disconnected)));
        settle(received.ok_or(RecvTimeoutError::Timeout)?)
            .map_err(|Disconnected| RecvTimeoutError::Disconnected)
    }

    /// Goes through the values, blocking for each, until all senders are gone.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Goes through the values that are there.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        point();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
