//! An allocator that knows how many bytes are in use.
//!
//! It counts for each thread apart, in a plain cell: an atomic counter would slow down every
//! allocation of what is being measured.
#![expect(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// Returns how many more bytes this thread has allocated than freed.
pub(crate) fn live() -> isize {
    LIVE.get()
}

/// The system's allocator, and a count of the bytes it was asked for.
struct Counting;

impl Counting {
    fn count(bytes: isize) {
        // A thread that is ending still frees memory; by then nobody asks for its count.
        let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
    }
}

// SAFETY: every method hands its arguments on to the system's allocator as they are and returns
// what that returns, so it keeps the contract as the system's does. Counting neither allocates
// (the cell is made without) nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
