//! Blocking: how a thread waits, and where it can be interrupted.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::fiber;
use crate::event_loop::core::{self, Core};
use crate::event_loop::step;

/// How many points a thread may pass before it gives way to those who are ready. A thread that
/// waits in a loop for what another one does would keep that from happening.
const TIME_SLICE: u32 = 1_000;

/// The thread is being cut off, and what it waits for cannot come any more.
pub(crate) struct CutShort;

/// Blocks the thread until a future is ready.
///
/// A thread that is cut off waits no longer: it unwinds from here. Only a destructor that waits
/// while that happens gets an answer instead, once nobody is left who could help it.
///
/// # Panics
///
/// In a task, if the future is not ready: to wait there would stop the whole loop.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F, what: &str) -> Result<F::Output, CutShort> {
    let mut future = pin!(future);
    let Some((link, core)) = here() else {
        let mut cx = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending => panic!(
                "{what} would block the event loop, and everything in it: do it in a thread, or \
                 await what tasks have for it"
            ),
        }
    };
    // What a timeout around this call has to say waits until the call is over.
    let outer = core.begin_blocking();
    let value = wait_for(&link, &core, future);
    core.end_blocking(outer);
    value
}

fn wait_for<F: Future>(
    link: &fiber::Link,
    core: &Core,
    mut future: Pin<&mut F>,
) -> Result<F::Output, CutShort> {
    loop {
        let suspended = link.times_suspended();
        let waker = step::waker();
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(value);
        }
        if link.is_cut_off() {
            if !link.is_panicking() {
                fiber::unwind(link);
            }
            // This is a destructor. Who else is to be cut off may have what it waits for.
            if !core.cut_off_another() {
                link.count_vain_wait();
                return Err(CutShort);
            }
        } else if step::is_raising() {
            let cancelled = core.state.borrow_mut().take_cancelled();
            panic!("a thread cannot be cancelled, but {cancelled:?} was raised in it");
        } else if link.times_suspended() == suspended {
            suspend(core);
        }
        // Otherwise a call within the future has blocked, and a wake may have been missed.
    }
}

/// Does as [`block_on`], for those whose destructors have no way to go on without.
#[track_caller]
pub(crate) fn block_for<F: Future>(future: F, what: &str) -> F::Output {
    match block_on(future, what) {
        Ok(value) => value,
        Err(CutShort) => {
            eprintln!("{what} in a destructor, while its thread is cut off, cannot succeed");
            std::process::abort();
        }
    }
}

/// A point at which the thread can be interrupted: before everything it does that others could
/// see. Tasks are interrupted only where they await.
#[inline]
pub(crate) fn point() {
    if let Some((link, core)) = here() {
        pass_point(&link, &core, false);
    }
}

/// Has the thread give way to everyone who is ready. Says whether this is called in a thread.
pub(crate) fn give_way() -> bool {
    let here = here();
    if let Some((link, core)) = &here {
        pass_point(link, core, true);
    }
    here.is_some()
}

fn pass_point(link: &fiber::Link, core: &Core, gives_way: bool) {
    if link.is_cut_off() {
        return link.count_vain_point();
    }
    let gives_way = gives_way || link.count_point() >= TIME_SLICE;
    // While it panics it is not interrupted, but it must not keep the others from going on.
    if link.is_panicking() && !gives_way {
        return;
    }
    if core.pass_point(gives_way) {
        suspend(core);
        if link.is_cut_off() && !link.is_panicking() {
            fiber::unwind(link);
        }
    }
}

/// Says whether this is called on a thread's stack.
pub(crate) fn is_thread() -> bool {
    here().is_some()
}

/// Says whether this is called in a thread that is being cut off.
pub(crate) fn is_cut_off() -> bool {
    fiber::current().is_some_and(|link| link.is_cut_off())
}

/// Returns the thread on whose stack this is called.
pub(super) fn own_link() -> Option<Rc<fiber::Link>> {
    here().map(|(link, _)| link)
}

/// Returns the thread on whose stack this is called, and its loop. Where another loop is the
/// current one, there is no thread that could block: what it waited for would happen over there.
fn here() -> Option<(Rc<fiber::Link>, Rc<Core>)> {
    let link = fiber::current()?;
    let core = core::try_own(link.serial)?;
    Some((link, core))
}

/// Suspends the thread, perhaps in the middle of a future that it polls.
fn suspend(core: &Core) {
    let depth = core.state.borrow().depth;
    fiber::suspend();
    core.state.borrow_mut().depth = depth;
}
