//! Where a panic happened, which only the panic hook is told.
//!
//! A panic within a run becomes part of the run's report, so the hook keeps its place and does not
//! print it; all other panics go on to the hook that was there before.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{panic_any, resume_unwind};
use std::sync::Once;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
    /// How many panics there were within runs.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// While it lives, panics on this thread are caught and reported by a run.
pub(crate) struct Inside {
    before: bool,
    /// The thread was panicking already, for a reason that is not the run's.
    unwinding: bool,
}

impl Inside {
    pub(crate) fn enter() -> Self {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if INSIDE.try_with(Cell::get) != Ok(true) {
                    return before(info);
                }
                let _ = COUNT.try_with(|count| count.set(count.get().wrapping_add(1)));
                let place = info.location().map(crate::error::place);
                let first = PLACE.try_with(|kept| kept.replace(place)).ok().flatten();
                if let Some(first) = first {
                    // A panic on the way out of another one may end the process without a report.
                    eprintln!("a second panic, after one at {first}:");
                    before(info);
                }
            }));
        });
        Self {
            before: INSIDE.replace(true),
            unwinding: std::thread::panicking(),
        }
    }
}

/// Returns how many panics there were within runs, on this thread of the machine.
pub(crate) fn count() -> u32 {
    COUNT.get()
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
        if std::thread::panicking() && !self.unwinding {
            // It was not caught where the program's code is run: no report will tell of it.
            let place = take_location().unwrap_or_else(|| "an unknown place".to_owned());
            eprintln!("a panic at {place} went through the event loop");
        }
    }
}

/// Lets a panic that was caught within a run go on, as the one it was.
#[track_caller]
pub(crate) fn resume(payload: Box<dyn Any + Send>, place: Option<String>) -> ! {
    if INSIDE.get() {
        PLACE.set(place);
        resume_unwind(payload)
    }
    panic_any(payload)
}

/// Takes the place of the last panic on this thread.
pub(crate) fn take_location() -> Option<String> {
    PLACE.take()
}
