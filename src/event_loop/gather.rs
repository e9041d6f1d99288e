//! Gathering: one future that is done when many are.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use super::core::{self, Core};
use super::table::{End, Flags, Key, Kind, State as Progress};
use crate::error::TaskError;

/// The state shared by the done-callbacks of one gather.
struct Gathering {
    outer: Key,
    children: usize,
    finished: Cell<usize>,
    keep_errors: bool,
}

impl Core {
    /// Makes a future that is done when all `children` are, or fails with the first error among
    /// them unless errors are kept.
    pub(crate) fn gather(
        self: &Rc<Self>,
        children: &[Key],
        keep_errors: bool,
        at: &'static Location<'static>,
    ) -> Key {
        let outer = self.add_promise(Kind::Gather, at);
        if children.is_empty() {
            self.finish(outer.slot, End::Value, None);
            return outer;
        }
        let mut distinct: Vec<Key> = Vec::with_capacity(children.len());
        let mut seen = std::collections::BTreeSet::new();
        distinct.extend(children.iter().filter(|child| seen.insert(**child)));
        let gathering = Rc::new(Gathering {
            outer,
            children: distinct.len(),
            finished: Cell::new(0),
            keep_errors,
        });
        if let Some(slot) = self.state.borrow_mut().slot(outer) {
            slot.rare().children = children.to_vec();
        }
        let done: RefCell<Vec<Key>> = RefCell::default();
        for child in distinct {
            let is_done = self
                .state
                .borrow_mut()
                .slot(child)
                .is_none_or(|slot| slot.is_done());
            if is_done {
                done.borrow_mut().push(child);
            } else {
                let gathering = gathering.clone();
                self.add_done_callback(child, Box::new(move || gathering.child_done(child)));
            }
        }
        done.take()
            .into_iter()
            .for_each(|child| gathering.child_done(child));
        outer
    }
}

impl Gathering {
    fn child_done(&self, child: Key) {
        let Some(core) = core::try_own(self.outer.serial) else {
            return;
        };
        self.finished.set(self.finished.get() + 1);
        let end = {
            let state = &mut *core.state.borrow_mut();
            let open = state.slot(self.outer).is_some_and(|outer| !outer.is_done());
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
                None if self.finished.get() < self.children => None,
                None => {
                    // Whoever ended last, the cancellation is that of the last in the list.
                    let last = state.slot(self.outer).and_then(|outer| {
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
            core.finish(self.outer.slot, end, None);
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
