//! Stacks of their own: what lets a thread suspend in the middle of a blocking call.
//!
//! A fiber is a stackful coroutine that stands in the loop's table like the future of a task:
//! polling it resumes its stack, and a blocking call on that stack suspends it again. A thread that
//! is dropped before it has ended is *cut off*: its stack is unwound from where it stands, so that
//! everything on it is dropped.
//!
//! This is one of the few modules with unsafe code.
#![expect(
    unsafe_code,
    reason = "a blocking call finds the stack it stands on through a thread-local"
)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::task::{Context, Poll};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::local::Locals;
use crate::error::TaskError;
use crate::event_loop::core;
use crate::event_loop::table::Body;
use crate::panics;

/// What a thread's stack holds at least, unless something else is asked for: as in `std`. Pages of
/// it that are never touched cost nothing.
pub(crate) const STACK_SIZE: usize = 2 << 20;

/// How many stacks of ended threads are kept for the next ones.
const KEPT_STACKS: usize = 64;

/// How often a thread may catch the unwinding that cuts it off and block again. One that does so in
/// a loop would never end.
const MAX_CAUGHT: u32 = 1_000;

/// How many points destructors may pass while their thread is cut off: many, for each of many
/// values may pass a few when it is dropped. Destructors that wait in a loop until something
/// changes would never end, for nothing does.
const MAX_VAIN: u32 = 10_000_000;

/// How many points a wait in vain counts for.
const VAIN_WAIT: u32 = 1_000;

/// Why a suspended fiber is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    GoOn,
    /// It is being dropped, and has to unwind.
    CutOff,
}

/// The payload of the unwinding that cuts a thread off.
pub(crate) struct CutOff;

/// A stack that gives what its function returned, or the payload of its panic, or nothing if it was
/// cut off before it began.
type Stackful<T> = Coroutine<Signal, (), Option<std::thread::Result<T>>, DefaultStack>;

/// What code on a fiber's stack knows of its fiber.
pub(crate) struct Link {
    /// The serial of its loop.
    pub(super) serial: u32,
    yielder: Cell<*const Yielder<Signal, ()>>,
    cut_off: Cell<bool>,
    /// It was panicking when it was last suspended, in a destructor that waits.
    panicking: Cell<bool>,
    /// Others on this thread of the machine were panicking when it was last resumed.
    others_panicking: Cell<bool>,
    /// How many panics others have seen until then.
    panics_of_others: Cell<u32>,
    /// It was cut off and unwinds, because of that or of the panic that it was in.
    unwinding: Cell<bool>,
    /// How often it has been suspended.
    suspended: Cell<u32>,
    /// How many points it has passed since.
    passed: Cell<u32>,
    /// How often it was cut off, for it may catch that.
    caught: Cell<u32>,
    /// What it has waited in vain since.
    vain: Cell<u32>,
    /// It is never resumed again, nor unwound.
    abandoned: Cell<bool>,
    /// How many scopes are open on its stack.
    pub(super) scopes: Cell<u32>,
    pub(super) locals: Locals,
}

impl Link {
    fn new(locals: Locals) -> Self {
        Self {
            serial: core::current().serial,
            yielder: Cell::new(ptr::null()),
            cut_off: Cell::new(false),
            panicking: Cell::new(false),
            others_panicking: Cell::new(false),
            panics_of_others: Cell::new(0),
            unwinding: Cell::new(false),
            suspended: Cell::new(0),
            passed: Cell::new(0),
            caught: Cell::new(0),
            vain: Cell::new(0),
            abandoned: Cell::new(false),
            scopes: Cell::new(0),
            locals,
        }
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off.get()
    }

    /// Says whether it runs destructors because of a panic or a cut of its own. While others are
    /// panicking, a panic since then is taken for one that it has not caught.
    pub(super) fn is_panicking(&self) -> bool {
        let is_own = || {
            let panicked = panics::count() != self.panics_of_others.get();
            !self.others_panicking.get() || self.unwinding.get() || panicked
        };
        std::thread::panicking() && is_own()
    }

    /// Counts a point that a destructor has passed since the thread was cut off.
    pub(super) fn count_vain_point(&self) {
        self.count_vain(1);
    }

    /// Counts a wait of such a destructor that could not succeed.
    pub(super) fn count_vain_wait(&self) {
        self.count_vain(VAIN_WAIT);
    }

    fn count_vain(&self, count: u32) {
        self.vain.set(self.vain.get() + count);
        if self.vain.get() > MAX_VAIN {
            eprintln!(
                "a destructor waits in a loop, while its thread is cut off, for what cannot come: \
                 have the run wait for its threads"
            );
            std::process::abort();
        }
    }

    pub(super) fn times_suspended(&self) -> u32 {
        self.suspended.get()
    }

    /// Counts a point that the thread passes without being suspended.
    pub(super) fn count_point(&self) -> u32 {
        let passed = self.passed.get() + 1;
        self.passed.set(passed);
        passed
    }
}

thread_local! {
    /// The fiber whose stack this thread of the machine is on.
    static CURRENT: RefCell<ManuallyDrop<Option<Rc<Link>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };

    static STACKS: RefCell<Vec<(usize, DefaultStack)>> = const { RefCell::new(Vec::new()) };
}

/// Returns the fiber on whose stack this is called.
#[inline]
pub(super) fn current() -> Option<Rc<Link>> {
    CURRENT.with_borrow(|current| (**current).clone())
}

/// Suspends the fiber on whose stack this is called, until it is polled again or cut off.
///
/// # Panics
///
/// If it is called elsewhere.
pub(super) fn suspend() {
    let link = current().expect("only a thread can be suspended");
    link.suspended.set(link.suspended.get().wrapping_add(1));
    link.passed.set(0);
    link.panicking.set(link.is_panicking());
    let yielder = NonNull::new(link.yielder.get().cast_mut()).expect("the fiber has begun");
    // SAFETY: `current` gave the link of the fiber on whose stack this runs: `Stack::resume` sets
    // it before that stack is entered and takes it back when it is left. The fiber's root has put
    // its yielder there, which lives at the root of that very stack until the fiber has ended; it
    // has not, for this code runs above it. Only shared references to it are ever made.
    let yielder = unsafe { yielder.as_ref() };
    if yielder.suspend(()) == Signal::CutOff {
        link.cut_off.set(true);
        link.unwinding.set(link.panicking.get());
    }
}

/// A suspended stack, and the way to resume it.
struct Stack<T> {
    coroutine: ManuallyDrop<Stackful<T>>,
    link: Rc<Link>,
    size: usize,
}

impl<T: 'static> Stack<T> {
    fn new(size: usize, locals: Locals, function: impl FnOnce() -> T + 'static) -> Self {
        let link = Rc::new(Link::new(locals));
        let own = link.clone();
        let coroutine = Coroutine::with_stack(take_stack(size), move |yielder, signal| {
            own.yielder.set(yielder);
            let begins = signal == Signal::GoOn;
            begins.then(|| catch_unwind(AssertUnwindSafe(function)))
        });
        let coroutine = ManuallyDrop::new(coroutine);
        Self {
            coroutine,
            link,
            size,
        }
    }
}

impl<T> Stack<T> {
    /// Runs it until it suspends or ends.
    fn resume(&mut self, signal: Signal) -> CoroutineResult<(), Option<std::thread::Result<T>>> {
        let others = std::thread::panicking() && !self.link.panicking.get();
        self.link.others_panicking.set(others);
        let panics = panics::count();
        self.link.panics_of_others.set(panics);
        let link = ManuallyDrop::new(Some(self.link.clone()));
        let before = CURRENT.replace(link);
        let resumed = self.coroutine.resume(signal);
        let _left = ManuallyDrop::into_inner(CURRENT.replace(before));
        if let Some(below) = current() {
            // What has happened on this stack is none of its business.
            let own = panics::count().wrapping_sub(panics);
            let others = below.panics_of_others.get().wrapping_add(own);
            below.panics_of_others.set(others);
        }
        resumed
    }
}

impl<T> Drop for Stack<T> {
    /// Cuts off what has not ended, and keeps the stack for another fiber.
    fn drop(&mut self) {
        while !self.coroutine.done() {
            if self.link.abandoned.get() {
                // It stays where it is, and so does all that stands on it.
                return;
            }
            // What the program makes of it, a value or another panic, has nowhere to go.
            let _ended = self.resume(Signal::CutOff);
        }
        // SAFETY: this is the only place that takes the coroutine out, and nothing looks at it
        // afterwards.
        let coroutine = unsafe { ManuallyDrop::take(&mut self.coroutine) };
        let stack = coroutine.into_stack();
        let _ended = STACKS.try_with(|stacks| {
            let stacks = &mut *stacks.borrow_mut();
            if stacks.len() < KEPT_STACKS {
                stacks.push((self.size, stack));
            }
        });
    }
}

fn take_stack(size: usize) -> DefaultStack {
    let kept = STACKS.with_borrow_mut(|stacks| {
        let place = stacks.iter().rposition(|(other, _)| *other == size)?;
        Some(stacks.swap_remove(place).1)
    });
    kept.unwrap_or_else(|| {
        DefaultStack::new(size).unwrap_or_else(|error| {
            panic!("no stack of {size} bytes could be had for a thread: {error}")
        })
    })
}

/// A thread's body: its function until it begins, then its stack, then its value.
pub(crate) enum Fiber<F, T> {
    New {
        function: F,
        size: usize,
        /// The thread-locals that it begins with.
        locals: Locals,
    },
    Begun(FiberStack<T>),
    Over(Option<T>),
}

/// The stack of a [`Fiber`].
pub(crate) struct FiberStack<T>(Stack<T>);

// Nothing in it is ever pinned: what must not move lies on the stack.
impl<F, T> Unpin for Fiber<F, T> {}

impl<F, T> Fiber<F, T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    /// Gives a thread that has not begun its stack.
    fn begin(&mut self) {
        if let Self::New {
            function,
            size,
            locals,
        } = std::mem::replace(self, Self::Over(None))
        {
            *self = Self::Begun(FiberStack(Stack::new(size, locals, function)));
        }
    }
}

impl<F, T> Body for Fiber<F, T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        let fiber = self.get_mut();
        if matches!(fiber, Self::New { .. }) {
            fiber.begin();
        }
        let Self::Begun(FiberStack(stack)) = fiber else {
            return Poll::Ready(Ok(()));
        };
        match stack.resume(Signal::GoOn) {
            CoroutineResult::Yield(()) => Poll::Pending,
            CoroutineResult::Return(Some(Err(payload))) => {
                let place = panics::take_location();
                *fiber = Self::Over(None);
                Poll::Ready(Err(TaskError::panicked(payload, place)))
            }
            CoroutineResult::Return(given) => {
                *fiber = Self::Over(given.and_then(Result::ok));
                Poll::Ready(Ok(()))
            }
        }
    }

    fn value(self: Pin<&mut Self>) -> Option<&mut dyn Any> {
        match self.get_mut() {
            Self::Over(value) => Some(value),
            Self::New { .. } | Self::Begun(_) => None,
        }
    }
}

/// Unwinds a thread that is cut off, or abandons it if it has caught that time and again.
pub(super) fn unwind(link: &Link) -> ! {
    link.caught.set(link.caught.get() + 1);
    if link.caught.get() > MAX_CAUGHT {
        abandon(link);
    }
    link.unwinding.set(true);
    resume_unwind(Box::new(CutOff))
}

/// Leaves a stack as it is for good: nothing on it will be dropped.
fn abandon(link: &Link) -> ! {
    eprintln!("a thread that is cut off has caught that {MAX_CAUGHT} times, and is left as it is");
    if link.scopes.get() > 0 || std::thread::panicking() {
        // Others borrow from it, or would take its panic for theirs.
        std::process::abort();
    }
    link.abandoned.set(true);
    loop {
        suspend();
    }
}
