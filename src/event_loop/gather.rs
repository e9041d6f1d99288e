//! Gathering: one future that is done when many are.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::Location;
use std::rc::Rc;

use super::core::{self, Core};
use super::table::{End, Flags, Key, Kind, State as Progress};
use crate::error::TaskError;

/// The state shared by the done-callbacks of one gather.
struct Gathering {
    /// Absent while the children are being added.
    outer: Cell<Option<Key>>,
    children: Cell<usize>,
    finished: Cell<usize>,
    keep_errors: bool,
}

/// A gather in the making. It takes its children one by one, and each as it is at that moment: if a
/// later one, made by an eager task's first step, ends it, that comes as a callback like any other.
pub(crate) struct Gatherer {
    core: Rc<Core>,
    gathering: Rc<Gathering>,
    children: Vec<Key>,
    distinct: BTreeSet<Key>,
    done: Vec<Key>,
}

impl Core {
    /// Begins to make a future that is done when all its children are, or fails with the first
    /// error among them unless errors are kept.
    pub(crate) fn gather(self: &Rc<Self>, keep_errors: bool) -> Gatherer {
        let gathering = Gathering {
            outer: Cell::new(None),
            children: Cell::new(0),
            finished: Cell::new(0),
            keep_errors,
        };
        Gatherer {
            core: self.clone(),
            gathering: Rc::new(gathering),
            children: Vec::new(),
            distinct: BTreeSet::new(),
            done: Vec::new(),
        }
    }
}

impl Gatherer {
    /// Adds a child. One that is added twice is waited for once.
    pub(crate) fn add(&mut self, child: Key) {
        self.children.push(child);
        if !self.distinct.insert(child) {
            return;
        }
        let is_done = self.core.is_done(child);
        if is_done {
            self.done.push(child);
        } else {
            let gathering = self.gathering.clone();
            let on_done = Box::new(move || gathering.child_done(child));
            self.core.add_done_callback(child, on_done);
        }
    }

    /// Makes the future of the children that were added.
    pub(crate) fn finish(self, at: &'static Location<'static>) -> Key {
        let outer = self.core.add_promise(Kind::Gather, at);
        self.gathering.outer.set(Some(outer));
        self.gathering.children.set(self.distinct.len());
        if self.children.is_empty() {
            self.core.finish(outer.slot, End::Value, None);
            return outer;
        }
        if let Some(slot) = self.core.state.borrow_mut().slot(outer) {
            slot.rare().children = self.children;
        }
        for child in self.done {
            self.gathering.child_done(child);
        }
        outer
    }
}

impl Gathering {
    fn child_done(&self, child: Key) {
        let Some(outer) = self.outer.get() else {
            return;
        };
        let Some(core) = core::try_own(outer.serial) else {
            return;
        };
        self.finished.set(self.finished.get() + 1);
        let end = {
            let state = &mut *core.state.borrow_mut();
            state.add_to_gather(outer);
            let open = state.unseen_slot(outer).is_some_and(|slot| !slot.is_done());
            if !open {
                // Nobody will ask for this child's error any more.
                if let Some(child) = state.slot(child) {
                    child.flags.set(Flags::RETRIEVED);
                }
                return;
            }
            let error = state
                .slot(child)
                .and_then(|child| child.first_error(self.keep_errors));
            match error {
                Some(error) => Some(End::Failed(error)),
                None if self.finished.get() < self.children.get() => None,
                None => {
                    // Whoever ended last, the cancellation is that of the last in the list.
                    let last = state.unseen_slot(outer).and_then(|outer| {
                        let rare = outer.rare();
                        let last = rare.children.last().copied();
                        last.filter(|_| rare.cancel_requested)
                    });
                    Some(match last {
                        None => End::Value,
                        Some(last) => {
                            let cancelled = state.slot(last).map(|last| last.make_cancelled());
                            End::Failed(cancelled.unwrap_or_default().into())
                        }
                    })
                }
            }
        };
        if let Some(end) = end {
            core.finish(outer.slot, end, None);
        }
    }
}

impl super::table::Slot {
    /// Returns the error that ends a gather; none does if errors are kept. It counts as seen.
    fn first_error(&mut self, keep_errors: bool) -> Option<TaskError> {
        match self.state {
            Progress::Failed => {
                self.flags.set(Flags::RETRIEVED);
                let error = self.rare().error.clone();
                error.filter(|_| !keep_errors)
            }
            Progress::Cancelled if !keep_errors => Some(self.make_cancelled().into()),
            Progress::Cancelled | Progress::Pending | Progress::Value => None,
        }
    }
}
