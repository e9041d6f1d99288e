//! Checks: properties that are looked at in every moment, or in the end.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::Machine;
use super::eval::{Scope, truth};
use super::thing::TaskInfo;
use crate::assure::{Property, PropertyKind};
use crate::event_loop::{self, core, look_beyond};
use crate::scenario::model::{Check, Model, When};
use crate::scenario::record::Checked;
use crate::scenario::value::Error;

/// How far a run has come when it is looked at for the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Over,
    /// A limit ended it at this time.
    Limit(Duration),
    /// It has failed already.
    Failed,
}

/// How the checks stand.
pub(super) struct Watch {
    /// What was found of each check, in the order of the file.
    held: RefCell<Vec<Option<bool>>>,
    /// Some checks are to be looked at in every moment.
    is_watching: Cell<bool>,
}

impl Watch {
    pub(super) fn new(model: &Arc<Model>) -> Self {
        let checks = &model.checks;
        let watching = checks.iter().any(|check| check.when != When::AtEnd);
        if watching {
            look_beyond("checks that look at every step");
        }
        Self {
            held: RefCell::new(vec![None; checks.len()]),
            is_watching: Cell::new(watching),
        }
    }
}

impl Machine {
    /// Looks at the checks, after something has happened.
    #[inline]
    pub(super) fn look(&self, task: &TaskInfo) {
        if self.watch.is_watching.get() && !self.is_closing.get() {
            self.look_at_all(task);
        }
    }

    fn look_at_all(&self, task: &TaskInfo) {
        let now = event_loop::time().since_start();
        for (index, check) in self.model.checks.iter().enumerate() {
            let known = self.watch.held.borrow()[index];
            match check.when {
                When::AtEnd => {}
                When::Always | When::Never => {
                    let wanted = check.when == When::Always;
                    match self.holds(check) {
                        Ok(holds) if holds == wanted => {}
                        result => return self.violated(index, check, task, result.err()),
                    }
                }
                When::Sometimes => {
                    if known.is_none() {
                        let holds = self.holds(check).is_ok_and(|holds| holds);
                        self.property(check, |property| property.count(holds));
                        if holds {
                            self.found(index, true);
                        }
                    }
                }
                When::EventuallyBy(_) if known.is_some() => {}
                When::EventuallyBy(limit) if now <= limit => match self.holds(check) {
                    Ok(true) => self.found(index, true),
                    Ok(false) => {}
                    Err(error) => {
                        return self.violated(index, check, task, Some(error));
                    }
                },
                When::EventuallyBy(_) => return self.violated(index, check, task, None),
            }
        }
    }

    fn holds(&self, check: &Check) -> Result<bool, Error> {
        let scope = Scope {
            machine: self,
            frame: None,
        };
        truth(&scope.value(&check.holds)?)
    }

    /// Tells the run of a check that needs to hold only sometimes, as programs do of theirs.
    fn property(&self, check: &Check, act: impl FnOnce(&mut Property)) {
        let source = &self.model.source;
        let location = || {
            let (line, column) = source.place(check.span.start);
            format!("{}:{line}:{column}", source.name).into()
        };
        let core = core::current();
        let properties = &mut core.state.borrow_mut().properties;
        act(properties.entry(&check.name, PropertyKind::Sometimes, location));
    }

    fn found(&self, index: usize, held: bool) {
        self.watch.held.borrow_mut()[index] = Some(held);
    }

    /// Fails the run for a check's sake.
    fn violated(&self, index: usize, check: &Check, task: &TaskInfo, error: Option<Error>) {
        self.found(index, false);
        let mut values = Vec::new();
        let scope = Scope {
            machine: self,
            frame: None,
        };
        scope.parts(&check.holds, &mut values);
        let text = match error {
            Some(error) => format!("{}: {error}", check.name),
            None => check.name.to_string(),
        };
        self.failed("check", task, Some(check.span), &text, values);
    }

    /// Looks at what must hold in the end, and says how all checks stand. A run that did not get
    /// to its end leaves open what only the end can tell, but not what has come too late.
    pub(super) fn final_checks(&self, end: End) -> Vec<Checked> {
        self.watch.is_watching.set(false);
        let reached = match end {
            End::Over => event_loop::time().since_start(),
            End::Limit(reached) => reached,
            End::Failed => Duration::ZERO,
        };
        for (index, check) in self.model.checks.iter().enumerate() {
            let known = self.watch.held.borrow()[index];
            if known.is_some() {
                continue;
            }
            match check.when {
                When::EventuallyBy(limit) if reached > limit => {
                    self.violated(index, check, &self.nobody, None);
                }
                // The run knows of it, even if it has never looked.
                When::Sometimes => self.property(check, |_| ()),
                _ if end != End::Over => {}
                When::AtEnd | When::EventuallyBy(_) => match self.holds(check) {
                    Ok(true) => self.found(index, true),
                    result => self.violated(index, check, &self.nobody, result.err()),
                },
                When::Always | When::Never => self.found(index, true),
            }
        }
        let held = self.watch.held.borrow();
        let checks = self.model.checks.iter().zip(&*held);
        checks
            .map(|(check, held)| Checked {
                name: check.name.clone(),
                held: *held,
            })
            .collect()
    }
}
