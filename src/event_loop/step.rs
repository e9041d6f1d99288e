//! What the code of a step needs to know at every turn, kept where it costs one load: whose step it
//! is, whether it woke its own task, and whether a cancellation is on its way up through it.

use std::cell::Cell;

use super::waker::Word;

/// The step that is being made on this thread.
struct Step {
    word: Cell<Word>,
    woken: Cell<bool>,
    raising: Cell<bool>,
}

thread_local! {
    static STEP: Step = const {
        Step { word: Cell::new(Word::NOBODY), woken: Cell::new(false), raising: Cell::new(false) }
    };
}

/// What a step within another one has to put back.
pub(crate) struct Outer {
    word: Word,
    woken: bool,
    raising: bool,
}

/// Begins the step of the task that `word` names.
#[inline]
pub(crate) fn begin(word: Word) {
    STEP.with(|step| step.word.set(word));
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
    })
}

/// Goes on with a step that was interrupted.
pub(crate) fn resume(outer: Outer) {
    STEP.with(|step| {
        step.word.set(outer.word);
        step.woken.set(outer.woken);
        step.raising.set(outer.raising);
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
