//! Channels of many senders and one receiver: `std::sync::mpsc`.
//!
//! Sending over an unbounded channel never blocks, so tasks can do it too. The errors are `std`'s.

mod channel;
mod iter;
mod receiver;
mod sender;

use std::panic::Location;
use std::sync::Arc;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::{Sender, SyncSender};

use crate::sync::home::Home;
use channel::Channel;

type Shared<T> = Arc<Home<Channel<T>>>;

/// Makes a channel that has room for everything: sending never blocks.
///
/// ```
/// use simrun::thread::{self, sync::mpsc};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, words) = mpsc::channel();
/// thread::spawn(move || ["a", "b"].map(|word| sender.send(word).unwrap()));
/// assert_eq!(words.iter().collect::<String>(), "ab");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let home = Arc::new(Home::born(
        "channel",
        Location::caller(),
        Channel::unbounded(),
    ));
    let sender = Sender::new(home.clone());
    (sender, Receiver::new(home))
}

/// Makes a channel that has room for so many values: who sends another blocks until one is
/// received. Without any room, it blocks until its own is.
///
/// ```
/// use simrun::thread::{self, sync::mpsc};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, words) = mpsc::sync_channel(1);
/// thread::spawn(move || ["a", "b", "c"].map(|word| sender.send(word).unwrap()));
/// assert_eq!(words.iter().collect::<String>(), "abc");
/// # }).unwrap();
/// ```
#[track_caller]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let home = Arc::new(Home::born(
        "channel",
        Location::caller(),
        Channel::bounded(bound),
    ));
    let sender = SyncSender::new(home.clone());
    (sender, Receiver::new(home))
}
