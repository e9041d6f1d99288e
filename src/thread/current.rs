//! The thread that is running: its handle, and what it can do with itself.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::block::{block_on, give_way, is_thread, point};
use super::fiber;
use crate::event_loop::core;
use crate::event_loop::table::{Key, Kind, On, Tasks};
use crate::event_loop::{Wait, Waited};
use crate::time;

/// A thread's number. Threads, tasks and promises of a run are numbered as they are made; 0 is the
/// thread of the loop itself.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let first = thread::spawn(|| thread::current().id());
/// let id = first.thread().id();
/// assert_eq!(first.await.unwrap(), id);
/// assert_ne!(thread::current().id(), id);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(u64);

impl ThreadId {
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// A handle to a thread, with which it can be [unparked](Self::unpark).
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let sleeper = thread::spawn(|| thread::park());
/// sleeper.thread().unpark();
/// sleeper.await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Thread {
    /// `None` for the thread of the loop.
    key: Option<Key>,
    name: Option<Arc<str>>,
}

impl Thread {
    pub(super) fn new(key: Key, name: Option<Arc<str>>) -> Self {
        let key = Some(key);
        Self { key, name }
    }

    /// Returns the thread's number.
    pub fn id(&self) -> ThreadId {
        ThreadId(self.key.map_or(0, |key| key.id))
    }

    /// Returns the name that the thread was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Lets the thread's next [`park`], or the one it is in, return. Does nothing to a thread that
    /// has ended, or to that of the loop, which does not park.
    #[track_caller]
    pub fn unpark(&self) {
        point();
        let Some(key) = self.key else { return };
        let core = core::own(key.serial, "thread");
        let parked = {
            let state = &mut *core.state.borrow_mut();
            let Some(slot) = state.slot(key).filter(|slot| !slot.is_done()) else {
                return;
            };
            let parking = &mut slot.rare().parking;
            parking.token = true;
            parking.waiter
        };
        if let Some(waiter) = parked {
            core.wake(waiter);
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name)
            .finish()
    }
}

/// Returns the thread that is running: in a task or a callback, that of the loop.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// let named = thread::Builder::new().name("worker").spawn(|| {
///     thread::current().name().map(str::to_owned)
/// });
/// assert_eq!(named.unwrap().await.unwrap().as_deref(), Some("worker"));
/// assert_eq!(thread::current().name(), Some("loop"), "this is a task");
/// # });
/// ```
#[track_caller]
pub fn current() -> Thread {
    let core = core::current();
    let state = &*core.state.borrow();
    let thread = state.current.and_then(|slot| {
        let entry = &state.slots[slot as usize];
        let name = entry.rare.as_ref().and_then(|rare| rare.name.clone());
        let key = Key {
            serial: core.serial,
            slot,
            id: entry.id,
        };
        (entry.kind == Kind::Thread).then_some((Some(key), name))
    });
    let (key, name) = thread.unwrap_or((None, Some("loop".into())));
    Thread { key, name }
}

/// Blocks the thread until someone [unparks](Thread::unpark) it. Does not block if someone has
/// since it last parked.
///
/// # Panics
///
/// In a task.
///
/// An [`unpark`](Thread::unpark) that came before is not lost: then this returns at once. It may
/// also return for nothing, so look again at what you wait for:
///
/// ```
/// use simrun::thread::{self, sync::atomic::{AtomicBool, Ordering}};
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let ready = Arc::new(AtomicBool::new(false));
/// let waiter = thread::spawn({
///     let ready = ready.clone();
///     move || {
///         while !ready.load(Ordering::Acquire) {
///             thread::park();
///         }
///     }
/// });
/// ready.store(true, Ordering::Release);
/// waiter.thread().unpark();
/// waiter.await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn park() {
    point();
    // A thread that is cut off goes on as if it had been woken for nothing, which may happen.
    let _ = block_on(Park::new(Location::caller()), "parking");
}

/// Blocks the thread until someone [unparks](Thread::unpark) it, or the time is up.
///
/// # Panics
///
/// In a task.
///
/// ```
/// use simrun::{thread, time};
///
/// # simrun::run(async {
/// let alone = thread::spawn(|| thread::park_timeout(time::secs(5)));
/// alone.await.unwrap();
/// assert_eq!(time::now().since_start(), time::secs(5));
/// # });
/// ```
#[track_caller]
pub fn park_timeout(duration: Duration) {
    point();
    let park = Park::new(Location::caller());
    let _ = block_on(before(duration, park), "parking");
}

/// Gives what a future gives, or `None` if the time is up before.
#[track_caller]
pub(super) fn before<F: Future>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Option<F::Output>> {
    let sleep = time::sleep(duration);
    async move {
        let (mut future, mut sleep) = (pin!(future), pin!(sleep));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
}

/// Blocks the thread for a while: the other threads and the loop go on, and virtual time moves.
///
/// # Panics
///
/// In a task: await [`time::sleep`](crate::time::sleep) there.
///
/// ```
/// use simrun::{thread, time};
///
/// # simrun::run(async {
/// let before = time::now();
/// thread::spawn(|| thread::sleep(time::secs(5))).await.unwrap();
/// assert_eq!(time::now() - before, time::secs(5));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    let _ = block_on(time::sleep(duration), "sleeping");
}

/// Lets everything else that is ready go first.
///
/// # Panics
///
/// In a task: await [`task::yield_now`](crate::task::yield_now) there.
///
/// ```
/// use simrun::thread::{self, sync::atomic::{AtomicBool, Ordering}};
/// use std::sync::Arc;
///
/// # simrun::run(async {
/// let done = Arc::new(AtomicBool::new(false));
/// let spinning = thread::spawn({
///     let done = done.clone();
///     move || {
///         while !done.load(Ordering::Relaxed) {
///             thread::yield_now();
///         }
///     }
/// });
/// thread::spawn(move || done.store(true, Ordering::Relaxed)).await.unwrap();
/// spinning.await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn yield_now() {
    if !give_way() {
        let _ = block_on(crate::task::yield_now(), "giving way");
    }
}

/// Says whether the thread is unwinding because of a panic.
///
/// ```
/// use simrun::thread;
///
/// struct Guard;
///
/// impl Drop for Guard {
///     fn drop(&mut self) {
///         assert!(thread::panicking());
///     }
/// }
///
/// # simrun::run(async {
/// let broken = thread::spawn(|| {
///     let _guard = Guard;
///     panic!("oops");
/// });
/// assert!(broken.await.is_err());
/// assert!(!thread::panicking());
/// # });
/// ```
pub fn panicking() -> bool {
    fiber::current().map_or_else(std::thread::panicking, |link| link.is_panicking())
}

/// Says whether this is called in a thread, and so may block, and not in a task or callback.
///
/// ```
/// use simrun::thread;
///
/// # simrun::run(async {
/// assert!(!thread::may_block());
/// assert!(thread::to_thread(thread::may_block).await.unwrap());
/// # });
/// ```
pub fn may_block() -> bool {
    is_thread()
}

/// A thread's wait for someone to unpark it.
struct Park {
    wait: Wait,
    at: &'static Location<'static>,
}

impl Park {
    fn new(at: &'static Location<'static>) -> Self {
        let wait = Wait::new();
        Self { wait, at }
    }
}

impl Future for Park {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let park = self.get_mut();
        let core = core::current();
        let waited = park.wait.poll(&core, cx);
        let waker = cx.waker().clone();
        let state = &mut *core.state.borrow_mut();
        let Some(slot) = state.current else {
            return Poll::Pending;
        };
        let parking = &mut state.slots[slot as usize].rare().parking;
        if std::mem::take(&mut parking.token) {
            parking.waiter = None;
            return Poll::Ready(());
        }
        if waited == Waited::Not {
            let on = On::Tasks(Tasks::Unpark);
            let waiter = park.wait.start_in(state, &core, waker, on, park.at);
            state.slots[slot as usize].rare().parking.waiter = Some(waiter);
        }
        Poll::Pending
    }
}
