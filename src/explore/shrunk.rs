//! A failure in its shortest form, and what is known of why it fails.

use std::fmt;

use super::why::Why;
use super::words::{count, grouped};
use crate::assure::Failure;
use crate::chance::{Plan, Site};

/// What shrinking has come to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub(super) plan: Plan,
    pub(super) failure: Failure,
    pub(super) before: usize,
    pub(super) replays: u64,
    pub(super) is_cut_short: bool,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) slips: Vec<Slip>,
    pub(super) why: Why,
}

impl Shrunk {
    /// Returns the decisions that matter.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the failure as it is in the run of that plan.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Returns how many decisions there were before.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Returns how many runs it took.
    pub fn replays(&self) -> u64 {
        self.replays
    }

    /// Says whether the budget was used up, so that there may be a shorter plan.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    /// Returns the numbers at which the run begins to fail.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// Returns other failures that were met on the way, one for each key.
    pub fn slips(&self) -> &[Slip] {
        &self.slips
    }

    /// Returns what decides between the failure and a run that passes.
    pub fn why(&self) -> &Why {
        &self.why
    }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, before) = (self.plan.len() as u64, self.before as u64);
        match left {
            0 => write!(f, "fails in asyncio's own order")?,
            _ => write!(f, "{} of {} left", count(left, "decision"), grouped(before))?,
        }
        write!(f, " after {}", count(self.replays, "replay"))?;
        if self.is_cut_short {
            f.write_str(", and then the budget was used up")?;
        }
        let mut thresholds = self.thresholds.iter();
        thresholds.try_for_each(|threshold| write!(f, "\n  {threshold}"))?;
        for slip in &self.slips {
            let key = slip.failure.key();
            write!(f, "\n  on the way, another failure was met: {key}")?;
        }
        Ok(())
    }
}

/// A number that a decision has, and below which the run does not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    pub(super) site: Site,
    pub(super) fails: u64,
}

impl Threshold {
    /// Returns where the number is decided.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Returns the number with which the run fails, while with one less it does not.
    pub fn fails(&self) -> u64 {
        self.fails
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fails when `{}` is {}, and not when it is {}",
            self.site,
            grouped(self.fails),
            grouped(self.fails - 1)
        )
    }
}

/// Another failure that was met while one was shrunk.
#[derive(Clone, Debug)]
pub struct Slip {
    pub(super) failure: Failure,
    pub(super) plan: Plan,
}

impl Slip {
    /// Returns the failure.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Returns the decisions of the run that fails so.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}
