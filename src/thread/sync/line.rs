//! What the blocking primitives have in common: they are used in a run or outside any, and who
//! cannot go on yet stands in line.
//!
//! Nobody is handed anything. Who is woken tries again and may find that another was faster, as it
//! is with `std`'s primitives; so it is the strategy that decides who comes first.

use std::future::Future;
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::chance::{self, Stream};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::WaiterKey;
use crate::event_loop::{Access, ResourceKey, Wait, Waited};
use crate::sync::home::{Home, Waiters};

/// A primitive's entry in the books of the run that uses it, if it is used in one.
#[derive(Clone, Copy)]
pub(super) struct Books<'a>(Option<(&'a Core, ResourceKey)>);

impl Books<'_> {
    /// Takes note that the one who is running holds the primitive from now on.
    pub(super) fn hold(self) {
        if let Some((core, key)) = self.0 {
            core.hold(key);
        }
    }

    /// Takes note that it no longer does.
    pub(super) fn let_go(self) {
        if let Some((core, key)) = self.0 {
            core.let_go(key);
        }
    }

    /// Returns whom to wake when one of those in line can go on: the first, or under a strategy any
    /// of them, which is a decision of the plan.
    pub(super) fn one(self, line: &Waiters) -> Due {
        let Some((core, _)) = self.0 else {
            return Due::default();
        };
        let mut waiting = line.iter().filter(|waiter| core.is_waiting(*waiter));
        let (first, second) = (waiting.next(), waiting.next());
        match (first, second) {
            (Some(_), Some(_)) => decide(&self.waiting(line), "who goes on").into(),
            _ => first.into(),
        }
    }

    /// Returns those in line who have not been woken.
    pub(super) fn waiting(self, line: &Waiters) -> Vec<WaiterKey> {
        let mut all = line.all();
        all.retain(|waiter| self.0.is_some_and(|(core, _)| core.is_waiting(*waiter)));
        all
    }
}

/// Decides who of several is woken: the first, unless there is a strategy.
pub(super) fn decide(waiting: &[WaiterKey], label: &str) -> Option<WaiterKey> {
    let first = waiting.first()?;
    if waiting.len() < 2 {
        return Some(*first);
    }
    let has_strategy = core::current().state.borrow().chooser.is_some();
    let count = waiting.len() as u64;
    let draw = |stream: &mut Stream| if has_strategy { stream.below(count) } else { 0 };
    let chosen = chance::decide(label, count, draw);
    waiting.get(chosen as usize).copied()
}

/// Reads or changes a primitive's state, on behalf of the run if there is one.
///
/// # Panics
///
/// If the primitive belongs to another run.
#[track_caller]
pub(super) fn look<S, R>(
    home: &Home<S>,
    access: Access,
    act: impl FnOnce(Books<'_>, &mut S) -> R,
) -> R {
    if core::try_current().is_none() {
        return home.with(|state| act(Books(None), state));
    }
    home.visit(access, |core, key, state| {
        act(Books(Some((core, key))), state)
    })
}

/// Those who are to be woken when the state is no longer looked at: mostly one, if any.
#[derive(Debug, Default)]
pub(super) struct Due {
    first: Option<WaiterKey>,
    rest: Vec<WaiterKey>,
}

impl Due {
    /// Adds others, who come after.
    pub(super) fn and(self, others: Self) -> Self {
        if self.first.is_none() {
            return others;
        }
        self.into_iter().chain(others.into_iter()).into()
    }

    fn into_iter(self) -> impl Iterator<Item = WaiterKey> {
        self.first.into_iter().chain(self.rest)
    }

    /// Lets them go on.
    pub(super) fn wake(self) {
        self.into_iter().for_each(WaiterKey::wake);
    }
}

impl<I: IntoIterator<Item = WaiterKey>> From<I> for Due {
    fn from(waiters: I) -> Self {
        let mut waiters = waiters.into_iter();
        let first = waiters.next();
        let rest = waiters.collect();
        Self { first, rest }
    }
}

/// The state of a primitive at which one can stand in line.
pub(super) trait Lines {
    /// Returns those in line who could go on as things stand.
    fn due(&self, books: Books<'_>) -> Due;
}

/// Waits until an attempt gives something. Who leaves without it has the others try.
pub(super) struct Until<H, S, A>
where
    H: Deref<Target = Home<S>>,
    S: Lines,
{
    home: H,
    access: Access,
    line: fn(&mut S) -> &mut Waiters,
    attempt: A,
    wait: Wait,
    at: &'static Location<'static>,
}

impl<H, S, A> Until<H, S, A>
where
    H: Deref<Target = Home<S>>,
    S: Lines,
{
    /// Makes a wait that stands in one of the state's lines. Each attempt is an access of that
    /// kind.
    pub(super) fn new<R>(
        home: H,
        access: Access,
        line: fn(&mut S) -> &mut Waiters,
        attempt: A,
        at: &'static Location<'static>,
    ) -> Self
    where
        A: FnMut(Books<'_>, &mut S) -> Option<R>,
    {
        Self {
            home,
            access,
            line,
            attempt,
            wait: Wait::new(),
            at,
        }
    }

    fn leave(&mut self, waiter: WaiterKey) {
        self.wait.stop();
        self.home.with(|state| (self.line)(state).remove(waiter));
    }
}

// Nothing in it is ever pinned.
impl<H, S, A> Unpin for Until<H, S, A>
where
    H: Deref<Target = Home<S>>,
    S: Lines,
{
}

impl<H, S, A, R> Future for Until<H, S, A>
where
    H: Deref<Target = Home<S>>,
    S: Lines,
    A: FnMut(Books<'_>, &mut S) -> Option<R>,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        if let Some(waiter) = this.wait.key() {
            let core = core::own(waiter.serial, "primitive");
            if this.wait.poll(&core, cx) != Waited::Over {
                return Poll::Pending;
            }
            this.leave(waiter);
        }
        let (given, resource) = look(&this.home, this.access, |books, state| {
            let given = (this.attempt)(books, state);
            (given, books.0.map(|(_, key)| key))
        });
        if let Some(given) = given {
            return Poll::Ready(given);
        }
        let core = core::current();
        let on = resource.expect("it was looked at in this run").on();
        let waiter = this.wait.start(&core, cx, on, this.at);
        this.home.with(|state| (this.line)(state).push(waiter));
        Poll::Pending
    }
}

impl<H, S, A> Drop for Until<H, S, A>
where
    H: Deref<Target = Home<S>>,
    S: Lines,
{
    fn drop(&mut self) {
        let Some(waiter) = self.wait.key() else {
            return;
        };
        self.leave(waiter);
        if core::try_own(waiter.serial).is_some() {
            let due = look(&self.home, self.access, |books, state| state.due(books));
            due.wake();
        }
    }
}
