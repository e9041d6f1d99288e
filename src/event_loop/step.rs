//! What the code of a step needs to know at every turn, kept where it costs one load: whose step it
//! is, whether it woke its own task, and whether a cancellation is on its way up through it.

use std::cell::Cell;

use super::waker::Word;

/// The step that is being made on this thread.
struct Step {
    word: Cell<Word>,
    woken: Cell<bool>,
    /// A cancellation goes up through the futures that are being polled.
    raising: Cell<bool>,
    /// A cancellation waits for a suspended future that it can be raised in.
    delivering: Cell<bool>,
}

thread_local! {
    static STEP: Step = const {
        Step {
            word: Cell::new(Word::NOBODY),
            woken: Cell::new(false),
            raising: Cell::new(false),
            delivering: Cell::new(false),
        }
    };
}

/// What a step within another one has to put back.
pub(crate) struct Outer {
    word: Word,
    woken: bool,
    raising: bool,
    delivering: bool,
}

/// Begins the step of the task that `word` names.
#[inline]
pub(crate) fn begin(word: Word) {
    STEP.with(|step| {
        step.word.set(word);
        step.raising.set(false);
        step.delivering.set(false);
    });
}

/// Returns the word of the task whose step it is.
#[inline]
pub(crate) fn word() -> Word {
    STEP.with(|step| step.word.get())
}

/// Ends the step. Says whether the task has woken itself.
#[inline]
pub(crate) fn end() -> bool {
    STEP.with(|step| {
        step.word.set(Word::NOBODY);
        step.woken.replace(false)
    })
}

/// Interrupts a step for one within it.
pub(crate) fn interrupt() -> Outer {
    STEP.with(|step| Outer {
        word: step.word.replace(Word::NOBODY),
        woken: step.woken.replace(false),
        raising: step.raising.replace(false),
        delivering: step.delivering.replace(false),
    })
}

/// Goes on with a step that was interrupted.
pub(crate) fn resume(outer: Outer) {
    STEP.with(|step| {
        step.word.set(outer.word);
        step.woken.set(outer.woken);
        step.raising.set(outer.raising);
        step.delivering.set(outer.delivering);
    });
}

/// Takes note that the task wakes itself, if the word is that of the task whose step it is. It
/// is queued when the step ends, behind everything that the step has queued.
#[inline]
pub(crate) fn wake_itself(word: Word) -> bool {
    let itself = STEP.try_with(|step| {
        let itself = step.word.get() == word;
        if itself {
            step.woken.set(true);
        }
        itself
    });
    itself.unwrap_or(false)
}

/// Says whether a cancellation is on its way up through the step.
#[inline]
pub(crate) fn is_raising() -> bool {
    STEP.with(|step| step.raising.get())
}

#[inline]
pub(crate) fn set_raising(raising: bool) {
    STEP.with(|step| step.raising.set(raising));
}

/// Says whether a cancellation waits to be raised.
#[inline]
pub(crate) fn is_delivering() -> bool {
    STEP.with(|step| step.delivering.get())
}

#[inline]
pub(crate) fn set_delivering(delivering: bool) {
    STEP.with(|step| step.delivering.set(delivering));
}

/// Says whether the step would end the task if it suspended now.
#[inline]
pub(crate) fn is_cancelled() -> bool {
    STEP.with(|step| step.raising.get() || step.delivering.get())
}
