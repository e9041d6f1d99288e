//! What the code of a step needs to know at every turn, kept where it costs one load: whose step it
//! is, whether it woke its own task, and whether a cancellation is on its way up through it.

use std::cell::Cell;

use super::waker::Word;

/// The step that is being made on this thread.
struct Step {
    word: Cell<Word>,
    /// Any of the marks below.
    marks: Cell<u8>,
}

/// The task has woken itself.
const WOKEN: u8 = 1;
/// A cancellation goes up through the futures that are being polled.
const RAISING: u8 = 1 << 1;
/// A cancellation waits for a suspended future that it can be raised in.
const DELIVERING: u8 = 1 << 2;

thread_local! {
    static STEP: Step = const {
        Step {
            word: Cell::new(Word::NOBODY),
            marks: Cell::new(0),
        }
    };
}

/// What a step within another one has to put back.
pub(crate) struct Outer {
    word: Word,
    marks: u8,
}

/// Begins the step of the task that `word` names.
#[inline]
pub(crate) fn begin(word: Word) {
    STEP.with(|step| {
        step.word.set(word);
        step.marks.set(0);
    });
}

/// Returns the word of the task whose step it is.
#[inline]
pub(crate) fn word() -> Word {
    STEP.with(|step| step.word.get())
}

/// Returns a waker of that task.
#[inline]
pub(crate) fn waker() -> std::task::Waker {
    super::waker::waker(word())
}

/// Ends the step. Says whether the task has woken itself.
#[inline]
pub(crate) fn end() -> bool {
    STEP.with(|step| {
        step.word.set(Word::NOBODY);
        step.marks.replace(0) & WOKEN != 0
    })
}

/// Interrupts a step for one within it.
pub(crate) fn interrupt() -> Outer {
    STEP.with(|step| Outer {
        word: step.word.replace(Word::NOBODY),
        marks: step.marks.replace(0),
    })
}

/// Goes on with a step that was interrupted.
pub(crate) fn resume(outer: Outer) {
    STEP.with(|step| {
        step.word.set(outer.word);
        step.marks.set(outer.marks);
    });
}

/// Takes note that the task wakes itself, if the word is that of the task whose step it is. It
/// is queued when the step ends, behind everything that the step has queued.
#[inline]
pub(crate) fn wake_itself(word: Word) -> bool {
    let itself = STEP.try_with(|step| {
        let itself = step.word.get() == word;
        if itself {
            step.marks.set(step.marks.get() | WOKEN);
        }
        itself
    });
    itself.unwrap_or(false)
}

/// Hides the cancellation that goes through the step, if there is one, from a part of it.
pub(crate) fn hide_cancelled() -> u8 {
    STEP.with(|step| {
        let marks = step.marks.get();
        step.marks.set(marks & WOKEN);
        marks & !WOKEN
    })
}

/// Shows it again.
pub(crate) fn show_cancelled(marks: u8) {
    STEP.with(|step| step.marks.set(step.marks.get() | marks));
}

/// Says whether a cancellation is on its way up through the step.
#[inline]
pub(crate) fn is_raising() -> bool {
    is_marked(RAISING)
}

#[inline]
pub(crate) fn set_raising(raising: bool) {
    mark(RAISING, raising);
}

/// Says whether a cancellation waits to be raised.
#[inline]
pub(crate) fn is_delivering() -> bool {
    is_marked(DELIVERING)
}

#[inline]
pub(crate) fn set_delivering(delivering: bool) {
    mark(DELIVERING, delivering);
}

/// Says whether the step would end the task if it suspended now.
#[inline]
pub(crate) fn is_cancelled() -> bool {
    is_marked(RAISING | DELIVERING)
}

#[inline]
fn is_marked(any: u8) -> bool {
    STEP.with(|step| step.marks.get() & any != 0)
}

fn mark(which: u8, on: bool) {
    STEP.with(|step| {
        let others = step.marks.get() & !which;
        step.marks.set(if on { others | which } else { others });
    });
}
