//! Claims: what the macros of properties call.
//!
//! Within a run a claim is counted in the loop's state. The first that must hold and does not
//! fails the run: the loop makes no other step, whatever becomes of the panic.

use std::fmt::{self, Arguments};
use std::panic::Location;

use super::outcome::Origin;
use super::quantity::{Extreme, Quantity, Relation};
use super::{Failure, FailureKind, PropertyKind};
use crate::event_loop::core::{self, Core};

/// What a place says of a property.
pub(super) struct Claim<'a> {
    pub(super) kind: PropertyKind,
    pub(super) name: &'a str,
    pub(super) holds: bool,
    pub(super) extreme: Option<Extreme>,
    pub(super) details: Arguments<'a>,
    pub(super) at: &'static Location<'static>,
}

/// Says that something must always or sometimes hold, and whether it does.
#[track_caller]
pub fn claim(kind: PropertyKind, holds: bool, name: &str, details: Arguments<'_>) {
    let at = Location::caller();
    Claim {
        kind,
        name,
        holds,
        extreme: None,
        details,
        at,
    }
    .make();
}

/// Says how two numbers must always or sometimes relate.
#[track_caller]
pub fn compare(
    kind: PropertyKind,
    left: impl Into<Quantity>,
    relation: Relation,
    right: impl Into<Quantity>,
    name: &str,
    details: Arguments<'_>,
) {
    let extreme = Extreme::new(left.into(), relation, right.into());
    let at = Location::caller();
    Claim {
        kind,
        name,
        holds: extreme.holds(),
        extreme: Some(extreme),
        details,
        at,
    }
    .make();
}

impl Claim<'_> {
    #[track_caller]
    fn make(self) {
        let core = core::try_current();
        if let Some(core) = &core {
            self.count(core);
        }
        if self.holds || !self.kind.is_strict() {
            return;
        }
        let message = self.to_string();
        if let Some(core) = core {
            self.violated(&core, &message);
        }
        // A second panic on the way out of a first would end the process.
        if !std::thread::panicking() {
            panic!("{message}");
        }
    }

    pub(super) fn count(&self, core: &Core) {
        let properties = &mut core.state.borrow_mut().properties;
        let location = || crate::error::place(self.at).into();
        let property = properties.entry(self.name, self.kind, location);
        property.count(self.holds);
        if let Some(extreme) = self.extreme {
            property.compared(extreme);
        }
    }

    #[cold]
    fn violated(&self, core: &Core, message: &str) {
        let mut failure = Failure::new(FailureKind::Property, message, core.now());
        failure.origin = Some(Box::new(Origin::Property(self.name.into())));
        failure.location = Some(crate::error::place(self.at));
        failure.task = {
            let state = core.state.borrow();
            state.current.map(|slot| state.name(slot))
        };
        core.violate(failure);
    }
}

impl Core {
    /// Fails the run before its next step, unless something has failed it already.
    pub(super) fn violate(&self, failure: Failure) {
        let state = &mut *self.state.borrow_mut();
        if state.properties.violation.is_some() {
            return;
        }
        state.properties.violation = Some(failure);
        // The limits are looked at before the next step, and this is one.
        state.check_at = 0;
    }
}

impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PropertyKind::Unreachable => write!(f, "`{}` must never be reached", self.name)?,
            _ => write!(f, "`{}` must always hold, and does not", self.name)?,
        }
        let details = self.details.to_string();
        let parts = self.extreme.map(|extreme| extreme.to_string());
        let details = details.trim_end_matches(", ");
        let parts = parts.iter().map(String::as_str).chain([details]);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        match parts.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", parts.join(", ")),
        }
    }
}
