//! Signals: what they do to a process, and how it catches them.
//!
//! A signal is delivered in a callback of the loop. By default it ends the process; a process that
//! [listens](super::Context::signal) for it hears of it instead.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::ExitStatus;
use super::table::{self, Process};
use crate::event_loop::core::{self, Core};
use crate::event_loop::{Access, Wait, Waited};
use crate::sync::home::{Home, Waiters};

/// A signal, with the number that it has in Linux.
///
/// Writing to a pipe that nobody reads gives an error and no `SIGPIPE`, as it does in Rust and
/// Python. Processes cannot be stopped and continued.
///
/// ```
/// use simrun::process::Signal;
///
/// assert_eq!(Signal::Term.number(), 15);
/// assert_eq!(Signal::Term.to_string(), "SIGTERM");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Signal {
    /// The terminal is gone, or: read your configuration again.
    Hup,
    /// Someone has pressed Ctrl-C.
    Int,
    /// Someone has pressed Ctrl-\.
    Quit,
    /// End at once. It cannot be caught.
    Kill,
    /// For the program's own use.
    Usr1,
    /// For the program's own use.
    Usr2,
    /// Nobody reads what is written.
    Pipe,
    /// Please end.
    Term,
    /// A child has ended. By default nothing happens.
    Chld,
}

impl Signal {
    /// Returns the signal's number in Linux.
    pub fn number(self) -> i32 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Pipe => 13,
            Self::Term => 15,
            Self::Chld => 17,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Kill => "SIGKILL",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Pipe => "SIGPIPE",
            Self::Term => "SIGTERM",
            Self::Chld => "SIGCHLD",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Process {
    /// Sends a signal to a process that may have ended, but has not been reaped.
    pub(super) fn send(self: &Arc<Self>, core: &Core, signal: Signal) {
        let process = self.clone();
        let deliver = move || process.deliver(&core::current(), signal);
        core.as_loop(|| core.call_soon(Box::new(deliver)));
    }

    /// Does the same for the program, with an error for a process that is known to have ended.
    pub(super) fn send_checked(self: &Arc<Self>, signal: Signal) -> io::Result<()> {
        let (core, _) = self.life.enter(Access::Write);
        if self.life.with(|life| life.reaped) {
            let message = format!("there is no process {self} any more: it was waited for");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.send(&core, signal);
        Ok(())
    }

    /// Delivers a signal. Nothing happens to a process that has ended.
    pub(super) fn deliver(self: &Arc<Self>, core: &Rc<Core>, signal: Signal) {
        let (ended, ignored, inboxes) = self.life.with(|life| {
            let listening = life.inboxes.iter().filter(|inbox| inbox.signal == signal);
            let ignored = life.ignored.contains(&signal);
            (
                life.status.is_some(),
                ignored,
                listening.cloned().collect::<Vec<_>>(),
            )
        });
        if ended {
            return;
        }
        if !inboxes.is_empty() {
            self.record(core, &format!("catches {signal}"));
            inboxes.iter().for_each(|inbox| inbox.put());
        } else if ignored {
            self.record(core, &format!("ignores {signal}"));
        } else if signal != Signal::Chld {
            self.end(core, ExitStatus::killed(signal));
        }
    }
}

/// Where a signal lies until its receiver looks.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) signal: Signal,
    home: Home<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    signalled: bool,
    waiters: Waiters,
}

impl Inbox {
    fn put(&self) {
        let (core, waiter) = self.home.visit(Access::Write, |core, _, pending| {
            pending.signalled = true;
            (core.clone(), pending.waiters.pop())
        });
        if let Some(waiter) = waiter {
            core.wake(waiter);
        }
    }
}

/// The deliveries of one signal to a process that listens for it: what
/// [`Context::signal`](super::Context::signal) returns.
///
/// While it lives, the signal does nothing by default; when the last one is dropped, it does again.
/// Deliveries that come before the receiver looks count as one, as in Unix.
///
/// ```
/// use simrun::process::{self, Command, Context, Signal};
/// use simrun::task;
///
/// # simrun::run(async {
/// process::register("reload", |context: Context| async move {
///     let mut hup = context.signal(Signal::Hup);
///     for _ in 0..2 {
///         hup.recv().await;
///     }
/// });
/// let mut child = Command::new("reload").spawn().unwrap();
/// task::yield_now().await;
/// child.send_signal(Signal::Hup).unwrap();
/// child.send_signal(Signal::Hup).unwrap(); // both before it looks: they count as one
/// simrun::time::sleep(simrun::time::secs(1)).await;
/// assert!(child.try_wait().unwrap().is_none());
/// child.send_signal(Signal::Hup).unwrap();
/// assert!(child.wait().await.unwrap().success());
/// # });
/// ```
#[derive(Debug)]
pub struct Signals {
    inbox: Arc<Inbox>,
    process: Arc<Process>,
}

impl Signals {
    pub(super) fn new(
        process: &Arc<Process>,
        signal: Signal,
        at: &'static Location<'static>,
    ) -> Self {
        let home = Home::born("signal", at, Pending::default());
        home.rename(signal.name());
        let inbox = Arc::new(Inbox { signal, home });
        process.life.with(|life| life.inboxes.push(inbox.clone()));
        Self {
            inbox,
            process: process.clone(),
        }
    }

    /// Waits until the signal is delivered, unless it was since the last time. Dropping the future
    /// loses nothing.
    #[track_caller]
    pub fn recv(&mut self) -> Receive<'_> {
        Receive {
            inbox: &self.inbox,
            wait: Wait::new(),
            at: Location::caller(),
        }
    }
}

/// Has the current process listen for a signal, if this is a process.
#[cfg(feature = "cli")]
pub(crate) fn listen(signal: Signal) -> Option<Signals> {
    let core = core::current();
    let process = table::Table::of(&core).current(&core)?;
    Some(Signals::new(&process, signal, Location::caller()))
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.process.life.with(|life| {
            let inboxes = &mut life.inboxes;
            inboxes.retain(|inbox| !Arc::ptr_eq(inbox, &self.inbox));
        });
    }
}

/// Waiting for a signal: what [`Signals::recv`] returns.
///
/// ```
/// use simrun::process::{self, Command, Context, Signal};
/// use simrun::time::{secs, timeout};
///
/// # simrun::run(async {
/// process::register("patient", |context: Context| async move {
///     let mut term = context.signal(Signal::Term);
///     if timeout(secs(5), term.recv()).await.is_err() { 1 } else { 0 }
/// });
/// let status = Command::new("patient").status().await.unwrap();
/// assert_eq!(status.code(), Some(1), "nobody has asked it to end");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Receive<'a> {
    inbox: &'a Inbox,
    wait: Wait,
    at: &'static Location<'static>,
}

impl Future for Receive<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let core = core::current();
        let waited = this.wait.poll(&core, cx);
        if waited == Waited::Still || !table::pass(&core, waited == Waited::Not) {
            return Poll::Pending;
        }
        this.wait.stop();
        this.inbox.home.visit(Access::Write, |core, key, pending| {
            if std::mem::take(&mut pending.signalled) {
                return Poll::Ready(());
            }
            let waiter = this.wait.start(core, cx, key.on(), this.at);
            pending.waiters.push(waiter);
            Poll::Pending
        })
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.wait.key() {
            let home = &self.inbox.home;
            home.with(|pending| pending.waiters.remove(waiter));
        }
    }
}
