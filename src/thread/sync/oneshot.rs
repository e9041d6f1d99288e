//! Channels for one value, from a thread or a task to a thread or a task.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::line::{Books, Due, Lines, Until, look};
use crate::event_loop::Access;
use crate::sync::home::{Home, Waiters};
use crate::thread::current::before;
use crate::thread::{CutShort, block_on, point};

/// Makes a channel for one value. Threads [receive](Receiver::recv) it, tasks await the receiver.
///
/// ```
/// use simrun::thread::{self, sync::oneshot};
///
/// # simrun::run(async {
/// let (sender, answer) = oneshot::channel();
/// drop(thread::spawn(move || sender.send(42)));
/// assert_eq!(answer.await, Ok(42));
/// # });
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = State {
        value: None,
        has_sender: true,
        has_receiver: true,
        line: Waiters::new(),
    };
    let home = Arc::new(Home::born("oneshot", Location::caller(), state));
    let end = ReceivingEnd { home: home.clone() };
    let sender = Sender {
        end: Some(SendingEnd { home }),
    };
    (sender, Receiver { end: Some(end) })
}

type Shared<T> = Arc<Home<State<T>>>;

struct State<T> {
    value: Option<T>,
    has_sender: bool,
    has_receiver: bool,
    line: Waiters,
}

impl<T> State<T> {
    fn line(&mut self) -> &mut Waiters {
        &mut self.line
    }

    /// Receives the value: `None` if it has not been sent yet.
    fn receive(_: Books<'_>, state: &mut Self) -> Option<Result<T, RecvError>> {
        match state.value.take() {
            Some(value) => Some(Ok(value)),
            None => (!state.has_sender).then_some(Err(RecvError)),
        }
    }
}

impl<T> Lines for State<T> {
    fn due(&self, _: Books<'_>) -> Due {
        // Only the receiver waits.
        Due::default()
    }
}

/// Sends the value: see [`channel`].
///
/// ```
/// use simrun::thread::sync::oneshot::{self, Sender};
///
/// # simrun::run(async {
/// let (sender, receiver) = oneshot::channel();
/// let sender: Sender<u8> = sender.named("answer");
/// drop(receiver);
/// assert!(sender.send(42).is_err());
/// # });
/// ```
pub struct Sender<T> {
    /// Absent once the value is sent.
    end: Option<SendingEnd<T>>,
}

/// The sender, apart from its handle: it leaves even if the thread is cut off at the point before.
struct SendingEnd<T> {
    home: Shared<T>,
}

impl<T> Drop for SendingEnd<T> {
    fn drop(&mut self) {
        let due = look(&self.home, Access::Write, |_, state| {
            state.has_sender = false;
            Due::from(state.line.iter())
        });
        due.wake();
    }
}

impl<T> Sender<T> {
    fn home(&self) -> &Home<State<T>> {
        let end = self.end.as_ref();
        &end.expect("nothing has been sent yet").home
    }

    /// Gives the channel a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home().rename(name);
        self
    }

    /// Sends the value. Never blocks.
    ///
    /// # Errors
    ///
    /// If the receiver is gone; the error has the value.
    #[track_caller]
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        point();
        let refused = look(self.home(), Access::Write, |_, state| {
            if !state.has_receiver {
                return Some(value);
            }
            state.value = Some(value);
            None
        });
        self.end = None;
        refused.map_or(Ok(()), |value| Err(SendError(value)))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.end.is_some() {
            point();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Receives the value: see [`channel`].
///
/// ```
/// use simrun::thread::sync::oneshot::{self, Receiver, TryRecvError};
/// use simrun::time::secs;
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = oneshot::channel();
/// let receiver: Receiver<u8> = receiver.named("answer");
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// assert!(receiver.recv_timeout(secs(1)).is_err());
/// sender.send(42).unwrap();
/// assert_eq!(receiver.recv(), Ok(42));
/// # }).unwrap();
/// ```
pub struct Receiver<T> {
    /// Absent once it is known what comes.
    end: Option<ReceivingEnd<T>>,
}

/// The receiver, apart from its handle: it leaves even if the thread is cut off at the point
/// before.
struct ReceivingEnd<T> {
    home: Shared<T>,
}

impl<T> Drop for ReceivingEnd<T> {
    fn drop(&mut self) {
        let _unheard = look(&self.home, Access::Write, |_, state| {
            state.has_receiver = false;
            state.value.take()
        });
    }
}

impl<T> Receiver<T> {
    fn home(&self) -> &Shared<T> {
        let end = self.end.as_ref();
        &end.expect("nothing has been received yet").home
    }

    /// Gives the channel a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.home().rename(name);
        self
    }

    fn receiving(&self, at: &'static Location<'static>) -> Receiving<T> {
        let home = self.home().clone();
        Until::new(home, Access::Write, State::line, State::receive, at)
    }

    /// Receives the value; blocks until it is sent.
    ///
    /// # Errors
    ///
    /// If the sender is gone and has not sent it.
    ///
    /// # Panics
    ///
    /// In a task, if it would block: await the receiver there.
    #[track_caller]
    pub fn recv(mut self) -> Result<T, RecvError> {
        point();
        let received = block_on(self.receiving(Location::caller()), "receiving");
        self.end = None;
        received.unwrap_or_else(|CutShort| Err(RecvError))
    }

    /// Receives the value, if it is there.
    ///
    /// # Errors
    ///
    /// If it is not, or if it never will be.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        point();
        let received = look(self.home(), Access::Write, State::receive);
        let received = received.ok_or(TryRecvError::Empty)?;
        received.map_err(|RecvError| TryRecvError::Disconnected)
    }

    /// Receives the value; blocks until it is sent, but for no longer than this.
    ///
    /// # Errors
    ///
    /// If the time is up, or if the sender is gone and has not sent it.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn recv_timeout(&self, duration: Duration) -> Result<T, RecvTimeoutError> {
        point();
        let receiving = before(duration, self.receiving(Location::caller()));
        match block_on(receiving, "receiving") {
            Ok(Some(received)) => received.map_err(|RecvError| RecvTimeoutError::Disconnected),
            Ok(None) => Err(RecvTimeoutError::Timeout),
            Err(CutShort) => Err(RecvTimeoutError::Disconnected),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.end.is_some() {
            point();
        }
    }
}

impl<T> IntoFuture for Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = Recv<T>;

    /// Waits for the value in a task.
    #[track_caller]
    fn into_future(mut self) -> Recv<T> {
        let until = self.receiving(Location::caller());
        let end = self.end.take();
        Recv { until, _end: end }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

type Receive<T> = fn(Books<'_>, &mut State<T>) -> Option<Result<T, RecvError>>;
type Receiving<T> = Until<Shared<T>, State<T>, Receive<T>>;

/// Waiting for the value in a task: what awaiting a [`Receiver`] does.
///
/// ```
/// use simrun::thread::sync::oneshot::{self, Recv};
///
/// # simrun::run(async {
/// let (sender, receiver) = oneshot::channel();
/// let receiving: Recv<u8> = receiver.into_future();
/// drop(sender);
/// assert!(receiving.await.is_err());
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<T> {
    until: Receiving<T>,
    _end: Option<ReceivingEnd<T>>,
}

impl<T> Future for Recv<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.get_mut().until).poll(cx)
    }
}

impl<T> fmt::Debug for Recv<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}
