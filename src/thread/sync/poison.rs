//! Poison: what a lock keeps of a panic.

use crate::thread::fiber;

/// Says whether the thread unwinds because of a panic. One that is cut off unwinds too, but as far
/// as the program can tell it has just stopped: nothing is poisoned by that.
pub(super) fn is_panicking() -> bool {
    match fiber::current() {
        Some(link) => link.is_panicking() && !link.is_cut_off(),
        None => std::thread::panicking(),
    }
}
