//! Tier 3, futures in asyncio's sense: a place for a value that will come.

use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;

use crate::error::TaskError;
use crate::event_loop::core;
use crate::event_loop::table::{End, Key, Kind, State};
use crate::task::{Given, Join, Sealed, TaskRef, Waitable, settle};

/// A value that will come: asyncio's `Future`.
///
/// It is pending until someone [sets](Self::set) its value, [fails](Self::fail) it or
/// [cancels](Self::cancel) it, and then it stays as it is. Whoever awaits it gets a copy of the
/// value, in the order in which they came. All clones are the same promise.
///
/// ```
/// use simrun::{Promise, task};
///
/// # simrun::run(async {
/// let promise = Promise::new();
/// let reader = task::spawn({
///     let promise = promise.clone();
///     async move { promise.await.unwrap() }
/// });
/// task::yield_now().await;
/// promise.set(42).unwrap();
/// assert_eq!(reader.await.unwrap(), 42);
/// assert!(promise.set(43).is_err());
/// # });
/// ```
pub struct Promise<T> {
    key: Key,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> Promise<T> {
    /// Makes a pending promise.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    #[expect(
        clippy::new_without_default,
        reason = "it needs a run, which a default should not"
    )]
    pub fn new() -> Self {
        let key = core::current().add_promise(Kind::Promise, Location::caller());
        Self {
            key,
            value: PhantomData,
        }
    }

    #[track_caller]
    fn core(&self) -> std::rc::Rc<core::Core> {
        core::own(self.key.serial, "promise")
    }

    #[track_caller]
    fn state(&self) -> State {
        self.core()
            .state
            .borrow_mut()
            .slot(self.key)
            .map_or(State::Cancelled, |slot| slot.state)
    }

    /// Sets the value and wakes everyone who awaits it.
    ///
    /// # Errors
    ///
    /// If the promise is done.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), InvalidState> {
        self.finish(End::Value, Some(value))
    }

    /// Fails the promise with an error, which everyone who awaits it gets.
    ///
    /// # Errors
    ///
    /// If the promise is done.
    #[track_caller]
    pub fn fail(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> Result<(), InvalidState> {
        self.finish(End::Failed(TaskError::new(error)), None)
    }

    #[track_caller]
    fn finish(&self, end: End, value: Option<T>) -> Result<(), InvalidState> {
        if self.is_done() {
            return Err(InvalidState(()));
        }
        let body = value.map(|value| Box::pin(Given(Some(value))) as _);
        self.core().finish(self.key.slot, end, body);
        Ok(())
    }

    /// Cancels the promise. Says whether it was pending.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.core().cancel(self.key, None)
    }

    /// Cancels the promise and says why.
    #[track_caller]
    pub fn cancel_with(&self, message: impl Into<std::sync::Arc<str>>) -> bool {
        self.core().cancel(self.key, Some(message.into()))
    }

    /// Says whether the promise has a value, has failed or was cancelled.
    #[track_caller]
    pub fn is_done(&self) -> bool {
        self.state() != State::Pending
    }

    /// Says whether the promise was cancelled.
    #[track_caller]
    pub fn is_cancelled(&self) -> bool {
        self.state() == State::Cancelled
    }

    /// Returns a copy of the result, or `None` if the promise is pending.
    #[track_caller]
    pub fn result(&self) -> Option<Result<T, TaskError>>
    where
        T: Clone,
    {
        settle(&self.core(), self.key, Option::clone)
    }

    /// Calls back when the promise is done, in the order in which callbacks were added; if it is
    /// done, the callback is queued at once.
    #[track_caller]
    pub fn on_done(&self, callback: impl FnOnce() + 'static) -> DoneHandle {
        let key = self.core().add_done_callback(self.key, Box::new(callback));
        DoneHandle { of: self.key, key }
    }
}

/// A callback that waits for a promise: with it, the callback can be taken back.
///
/// ```
/// use simrun::{Promise, log, task};
///
/// # simrun::run(async {
/// let promise = Promise::new();
/// let stays = promise.on_done(|| log!("done"));
/// let goes = promise.on_done(|| unreachable!());
/// assert!(goes.remove());
/// promise.set(42).unwrap();
/// task::yield_now().await;
/// assert!(!stays.remove(), "it has run");
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DoneHandle {
    of: Key,
    key: crate::event_loop::CallbackKey,
}

impl DoneHandle {
    /// Takes the callback back. Says whether it had not been queued yet; if it had, it will run.
    #[track_caller]
    pub fn remove(self) -> bool {
        core::own(self.of.serial, "callback").remove_done_callback(self.of, self.key)
    }
}

impl<T: 'static> Clone for Promise<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.core().hold_task(self.key);
        Self {
            key: self.key,
            value: PhantomData,
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(core) = core::try_own(self.key.serial) {
            core.let_go_of(self.key);
        }
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Promise({})", TaskRef::from_key(self.key).id())
    }
}

impl<T: Clone + 'static> Waitable for Promise<T> {}

impl<T: Clone + 'static> Sealed for Promise<T> {
    type Value = T;

    fn key(&self) -> Key {
        self.key
    }

    fn collect(&self) -> Result<T, TaskError> {
        self.result().expect("the promise is done")
    }
}

impl<T: Clone + 'static> Waitable for &Promise<T> {}

impl<T: Clone + 'static> Sealed for &Promise<T> {
    type Value = T;

    fn key(&self) -> Key {
        self.key
    }

    fn collect(&self) -> Result<T, TaskError> {
        self.result().expect("the promise is done")
    }
}

impl<T: Clone + 'static> IntoFuture for Promise<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<Promise<T>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        Join::new(self)
    }
}

impl<'a, T: Clone + 'static> IntoFuture for &'a Promise<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Join<&'a Promise<T>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        Join::new(self)
    }
}

/// The promise was done already.
///
/// ```
/// use simrun::Promise;
///
/// # simrun::run(async {
/// let promise = Promise::new();
/// promise.cancel();
/// let too_late = promise.set(42).unwrap_err();
/// assert!(too_late.to_string().starts_with("the promise is done already"));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidState(());

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the promise is done already: it can be set, failed or cancelled only once")
    }
}

impl Error for InvalidState {}
