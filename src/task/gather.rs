//! Gather: many results as one.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handle::{Waitable, private::Sealed};
use crate::error::{Cancelled, TaskError};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::{Flags, Key, State};
use crate::event_loop::{Wait, poll_done};

/// Waits for all of them and gives their values in order; the first to fail ends it at once, and
/// the others run on.
///
/// Takes a collection of tasks or promises of one type, or a tuple of up to eight of any types.
/// Cancelling the task that awaits a gather cancels everything in it.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::task::{self, gather};
///
/// # simrun::run(async {
/// let squares = gather((1..=3).map(|n| task::spawn(async move { n * n }))).await;
/// assert_eq!(squares.unwrap(), [1, 4, 9]);
///
/// let both = gather((task::spawn(async { "Ada" }), task::spawn(async { 36 }))).await;
/// assert_eq!(both.unwrap(), ("Ada", 36));
/// # });
/// ```
#[track_caller]
pub fn gather<G: Gatherable<M>, M>(items: G) -> Gather<G::Set> {
    Gather::new(items, false, Location::caller())
}

/// Waits for all of them and gives their results in order, errors among them.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::task::{self, gather_keeping_errors};
///
/// # simrun::run(async {
/// let good = task::try_spawn(async { Ok::<_, String>(1) });
/// let bad = task::try_spawn(async { Err("out of paper".to_owned()) });
/// let results = gather_keeping_errors([good, bad]).await;
/// assert_eq!(results[0].as_ref().unwrap(), &1);
/// assert_eq!(results[1].as_ref().unwrap_err().to_string(), "out of paper");
/// # });
/// ```
#[track_caller]
pub fn gather_keeping_errors<G: Gatherable<M>, M>(items: G) -> GatherKeepingErrors<G::Set> {
    GatherKeepingErrors(Gather::new(items, true, Location::caller()))
}

/// What can be gathered: collections, and tuples of up to eight.
///
/// ```
/// use simrun::task::{Gatherable, gather, spawn};
///
/// /// Says whether all of them gave a value.
/// async fn all_well<G: Gatherable<M>, M>(tasks: G) -> bool {
///     gather(tasks).await.is_ok()
/// }
///
/// # simrun::run(async {
/// assert!(all_well([spawn(async { 1 }), spawn(async { 2 })]).await);
/// assert!(!all_well((spawn(async { "text" }), spawn(async { panic!("oops") }))).await);
/// # });
/// ```
pub trait Gatherable<Marker> {
    /// What the gather keeps while it waits.
    type Set: GatherSet;

    /// Turns it into that, and adds each of the futures when it comes to it.
    #[doc(hidden)]
    fn into_set(self, add: &mut dyn FnMut(Key)) -> Self::Set;
}

/// The futures of one gather.
///
/// See [`Gatherable`].
///
/// ```
/// use simrun::task::{Gather, GatherSet, gather, spawn};
///
/// async fn settle<S: GatherSet>(gather: Gather<S>) {
///     assert!(gather.await.is_ok());
/// }
///
/// # simrun::run(async {
/// settle(gather([spawn(async { 1 })])).await;
/// # });
/// ```
pub trait GatherSet: sealed::Set {}

mod sealed {
    use super::TaskError;

    pub trait Set: Unpin {
        type Values;
        type Results;
        fn values(&self) -> Result<Self::Values, TaskError>;
        fn results(&self) -> Self::Results;
    }
}

use sealed::Set;

/// Marks the collections among what can be gathered.
///
/// Nobody names it: see [`Gatherable`].
///
/// ```
/// use simrun::task::{gather, spawn};
///
/// # simrun::run(async {
/// assert_eq!(gather(vec![spawn(async { 1 })]).await.unwrap(), [1]);
/// # });
/// ```
#[derive(Debug)]
pub struct Collection;

/// Marks the tuples among what can be gathered.
///
/// Nobody names it: see [`Gatherable`].
///
/// ```
/// use simrun::task::{gather, spawn};
///
/// # simrun::run(async {
/// assert_eq!(gather((spawn(async { 1 }), spawn(async { "a" }))).await.unwrap(), (1, "a"));
/// # });
/// ```
#[derive(Debug)]
pub struct Tuple;

impl<I> Gatherable<Collection> for I
where
    I: IntoIterator,
    I::Item: Waitable,
{
    type Set = Vec<I::Item>;

    fn into_set(self, add: &mut dyn FnMut(Key)) -> Self::Set {
        self.into_iter().inspect(|item| add(item.key())).collect()
    }
}

impl<W: Waitable> GatherSet for Vec<W> {}

impl<W: Waitable> Set for Vec<W> {
    type Values = Vec<W::Value>;
    type Results = Vec<Result<W::Value, TaskError>>;

    fn values(&self) -> Result<Self::Values, TaskError> {
        self.iter().map(Sealed::collect).collect()
    }

    fn results(&self) -> Self::Results {
        self.iter().map(kept).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Waitable),+> Gatherable<Tuple> for ($($name,)+) {
            type Set = Self;

            fn into_set(self, add: &mut dyn FnMut(Key)) -> Self {
                $(add(self.$index.key());)+
                self
            }
        }

        impl<$($name: Waitable),+> GatherSet for ($($name,)+) {}

        impl<$($name: Waitable),+> Set for ($($name,)+) {
            type Values = ($($name::Value,)+);
            type Results = ($(Result<$name::Value, TaskError>,)+);

            fn values(&self) -> Result<Self::Values, TaskError> {
                Ok(($(self.$index.collect()?,)+))
            }

            fn results(&self) -> Self::Results {
                ($(kept(&self.$index),)+)
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Reads a result that is kept. A cancellation in it is one of the gather's own making: the one
/// that ended the child is for whoever awaits the child.
fn kept<W: Sealed>(item: &W) -> Result<W::Value, TaskError> {
    let key = item.key();
    let core = core::own(key.serial, "task");
    let cancelled = core.state.borrow_mut().slot(key).and_then(|slot| {
        (slot.state == State::Cancelled).then(|| Cancelled::from_message(slot.cancel_message()))
    });
    match cancelled {
        Some(cancelled) => Err(cancelled.into()),
        None => item.collect(),
    }
}

/// Many results being waited for: what [`gather`] returns.
///
/// It can be gathered itself, waited for, and cancelled, which cancels everything in it:
///
/// ```
/// use simrun::task::{self, gather};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let (one, other) = (task::spawn(sleep(secs(9))), task::spawn(sleep(secs(9))));
/// let both = gather([&one, &other]);
/// task::yield_now().await;
/// assert!(both.cancel());
/// assert!(both.await.unwrap_err().is_cancelled());
/// assert!(one.is_cancelled() && other.is_cancelled());
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Gather<S> {
    items: S,
    outer: Key,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<S: GatherSet> Gather<S> {
    #[track_caller]
    fn new<G, M>(items: G, keep_errors: bool, at: &'static Location<'static>) -> Self
    where
        G: Gatherable<M, Set = S>,
    {
        let core = core::current();
        let mut gather = core.gather(keep_errors);
        let items = items.into_set(&mut |key| {
            assert!(
                key.serial == core.serial,
                "a gathered task belongs to another run"
            );
            gather.add(key);
        });
        Self {
            items,
            outer: gather.finish(at),
            wait: Wait::new(),
            at,
        }
    }

    fn poll_outer(&mut self, cx: &Context<'_>) -> Poll<(std::rc::Rc<Core>, Result<(), TaskError>)> {
        let core = core::own(self.outer.serial, "gather");
        match poll_done(&mut self.wait, &core, self.outer, cx, self.at) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let outcome = core.state.borrow_mut().outcome(self.outer);
                Poll::Ready((core, outcome.unwrap_or(Ok(()))))
            }
        }
    }

    /// Asks everything in it to stop. Says whether anything took the request.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        core::own(self.outer.serial, "gather").cancel(self.outer, None)
    }
}

impl<S: GatherSet> Future for Gather<S> {
    type Output = Result<S::Values, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let gather = self.get_mut();
        gather
            .poll_outer(cx)
            .map(|(_, outcome)| outcome.and_then(|()| gather.items.values()))
    }
}

impl<S: GatherSet> Waitable for Gather<S> {}

impl<S: GatherSet> Sealed for Gather<S> {
    type Value = S::Values;

    fn key(&self) -> Key {
        self.outer
    }

    fn collect(&self) -> Result<Self::Value, TaskError> {
        let core = core::own(self.outer.serial, "gather");
        let outcome = core.state.borrow_mut().outcome(self.outer);
        outcome.unwrap_or(Ok(())).and_then(|()| self.items.values())
    }
}

impl<S> Drop for Gather<S> {
    fn drop(&mut self) {
        self.wait.stop();
        if let Some(core) = core::try_own(self.outer.serial) {
            // Nobody is left to be told of the first error.
            if let Some(slot) = core.state.borrow_mut().slot(self.outer) {
                slot.flags.set(Flags::RETRIEVED);
            }
            core.let_go_of(self.outer);
        }
    }
}

impl<S> fmt::Debug for Gather<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

/// Many results being waited for, errors among them: what [`gather_keeping_errors`] returns.
///
/// ```
/// use simrun::task::{self, gather_keeping_errors};
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let (one, other) = (task::spawn(sleep(secs(9))), task::spawn(sleep(secs(9))));
/// task::yield_now().await;
/// one.cancel();
/// let results = gather_keeping_errors([one, other]).await;
/// assert!(results[0].as_ref().unwrap_err().is_cancelled());
/// assert!(results[1].is_ok(), "the other one was not disturbed");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct GatherKeepingErrors<S>(Gather<S>);

impl<S: GatherSet> GatherKeepingErrors<S> {
    /// Asks everything in it to stop. Says whether anything took the request.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

impl<S: GatherSet> Future for GatherKeepingErrors<S> {
    type Output = S::Results;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let gather = &mut self.get_mut().0;
        match gather.poll_outer(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready((_, Ok(()))) => Poll::Ready(gather.items.results()),
            // A gather that was cancelled by its own handle has no results: its awaiter is.
            Poll::Ready((core, Err(error))) => {
                let cancelled = error.cancelled().cloned().unwrap_or_default();
                core.state.borrow_mut().raise(cancelled);
                Poll::Pending
            }
        }
    }
}
