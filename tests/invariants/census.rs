//! Books about failures: which there were, and which of them a group should give.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use simrun::task::{GroupError, Task};
use simrun::time::{Instant, now};

use super::Findings;

/// A failure of the program's own, each with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Oops(u32);

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oops {}", self.0)
    }
}

impl Error for Oops {}

/// How a piece of a program ends, if it is not cancelled.
pub(super) type Ended = Result<(), Oops>;

/// What all tasks of a program share.
#[derive(Default)]
pub(super) struct World {
    failures: Cell<u32>,
    findings: RefCell<Findings>,
    /// What was shielded from a cancellation.
    pub(super) shielded: RefCell<Vec<Task<()>>>,
}

impl World {
    /// Fails in a way of its own.
    pub(super) fn fail(&self) -> Ended {
        let number = self.failures.get();
        self.failures.set(number + 1);
        Err(Oops(number))
    }

    /// Writes down that something is wrong.
    pub(super) fn problem(&self, problem: impl Into<String>) {
        self.findings.borrow_mut().problems.push(problem.into());
    }

    /// Writes down that something worth mentioning has happened.
    pub(super) fn saw(&self, what: &'static str) {
        *self.findings.borrow_mut().seen.entry(what).or_default() += 1;
    }

    pub(super) fn take_findings(&self) -> Findings {
        self.findings.take()
    }
}

/// The books of one group.
pub(super) struct Census {
    living: Cell<usize>,
    failed: RefCell<Vec<Oops>>,
    /// When the first failed.
    first_failed: Cell<Option<Instant>>,
    /// How many cancellations had been heard of when the group began.
    heard_before: u32,
}

impl Census {
    pub(super) fn new(heard: u32) -> Rc<Self> {
        Rc::new(Self {
            living: Cell::new(0),
            failed: RefCell::default(),
            first_failed: Cell::new(None),
            heard_before: heard,
        })
    }

    /// Says whether all tasks and the body have ended.
    pub(super) fn is_over(&self) -> bool {
        self.living.get() == 0
    }

    /// Says whether nothing has failed.
    pub(super) fn is_good(&self) -> bool {
        self.failed.borrow().is_empty()
    }

    /// Says whether the group has been aborting for longer than the moment, and no cancellation
    /// has been heard of since it began: not even one from outside, after which a group does not
    /// cancel its tasks a second time.
    pub(super) fn is_unheard(&self, heard: u32) -> bool {
        let first = self.first_failed.get();
        first.is_some_and(|at| at < now()) && self.heard_before == heard
    }

    /// Says whether the errors of the group are the failures that there were, each once.
    pub(super) fn agrees(&self, result: &Result<(), GroupError>) -> bool {
        let errors = result.as_ref().err().map_or(&[][..], GroupError::errors);
        let errors = errors
            .iter()
            .map(|error| error.downcast_ref::<Oops>().copied());
        let mut errors: Vec<Option<Oops>> = errors.collect();
        let mut failed: Vec<_> = self.failed.borrow().iter().copied().map(Some).collect();
        errors.sort_unstable();
        failed.sort_unstable();
        errors == failed
    }
}

/// A task or body of a group that has not ended.
pub(super) struct Living {
    pub(super) census: Rc<Census>,
}

impl Living {
    pub(super) fn new(census: &Rc<Census>) -> Self {
        census.living.set(census.living.get() + 1);
        Self {
            census: census.clone(),
        }
    }

    /// Takes note of how it ends, if it is not cancelled.
    pub(super) fn ends(&self, ended: Ended) {
        if let Err(oops) = ended {
            self.census.failed.borrow_mut().push(oops);
            let first = self.census.first_failed.get().unwrap_or_else(now);
            self.census.first_failed.set(Some(first));
        }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.census.living.set(self.census.living.get() - 1);
    }
}
