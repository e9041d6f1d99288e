//! Invariants: properties that are looked at after every step.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::claim::Claim;
use super::outcome::Origin;
use super::{Failure, FailureKind, PropertyKind};
use crate::error::{TaskError, place};
use crate::event_loop::core::{self, Core};
use crate::panics;

/// What is looked at after every step.
#[derive(Default)]
pub(crate) struct Invariants(RefCell<Vec<Rc<Invariant>>>);

struct Invariant {
    name: Arc<str>,
    holds: RefCell<Box<dyn FnMut() -> bool>>,
    at: &'static Location<'static>,
}

/// Has something looked at after every step, callback and timer, until the run ends. If it does not
/// hold, the run fails at once, as with [`always!`](crate::always!), and its task is the one whose
/// step it was.
///
/// It sees what others see between steps, and must not change anything. What a task changes and
/// changes back within one step is not seen; nor is what a thread does where it could be
/// interrupted and is not. A run takes as much longer as the look takes, after each of its steps;
/// a run without invariants takes no longer.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::{Sim, assure, task};
/// use std::{cell::Cell, rc::Rc};
///
/// let run = Sim::new().run(|| async {
///     let accounts = Rc::new([Cell::new(50), Cell::new(50)]);
///     let seen = accounts.clone();
///     assure::invariant("money is kept", move || seen[0].get() + seen[1].get() == 100);
///     accounts[0].set(40);
///     // Anyone could look now.
///     task::yield_now().await;
///     accounts[1].set(60);
/// });
/// assert_eq!(run.failure().unwrap().property(), Some("money is kept"));
/// ```
#[track_caller]
pub fn invariant(name: impl Into<Arc<str>>, holds: impl FnMut() -> bool + 'static) {
    let core = core::current();
    let invariant = Invariant {
        name: name.into(),
        holds: RefCell::new(Box::new(holds)),
        at: Location::caller(),
    };
    let invariants = core.extension::<Invariants>();
    invariants.0.borrow_mut().push(Rc::new(invariant));
    core.has_invariants.set(true);
}

impl Core {
    /// Looks at the invariants, after a step of the task of that name.
    #[cold]
    pub(crate) fn look_at_invariants(&self, task: Option<&str>) {
        let invariants = self.extension::<Invariants>().0.borrow().clone();
        for invariant in invariants {
            let mut look = invariant.holds.borrow_mut();
            let result = catch_unwind(AssertUnwindSafe(&mut *look));
            let claim = Claim {
                kind: PropertyKind::Always,
                name: &invariant.name,
                holds: matches!(result, Ok(true)),
                extreme: None,
                details: format_args!(""),
                at: invariant.at,
            };
            claim.count(self);
            if claim.holds {
                continue;
            }
            let mut message = claim.to_string();
            if let Err(payload) = result {
                let panic = TaskError::panicked(payload, panics::take_location());
                let from = panic.location().unwrap_or("an unknown place");
                message = format!("{message}: it panicked at {from}: {panic}");
            }
            let mut failure = Failure::new(FailureKind::Property, message, self.now());
            failure.origin = Some(Box::new(Origin::Property(invariant.name.to_string())));
            failure.location = Some(place(invariant.at));
            failure.task = task.map(ToOwned::to_owned);
            self.violate(failure);
        }
    }
}
