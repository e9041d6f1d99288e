//! A failure in its shortest form, and what is known of why it fails.

use std::fmt;
use std::time::Duration;

use super::why::Why;
use super::words::{count, grouped};
use crate::assure::Failure;
use crate::chance::{Plan, Site};

/// What shrinking has come to.
///
/// ```
/// use simrun::chance::{self, Plan};
/// use simrun::explore::Explorer;
///
/// let program = || async {
///     let (number, _colour) = (chance::below("number", 100), chance::below("colour", 3));
///     assert!(number < 20, "too much");
/// };
/// let plan = "simrun plan 1\nuser main#0 number -> 70\nuser main#0 colour -> 2\n";
/// let plan: Plan = plan.parse().unwrap();
/// let shrunk = Explorer::new().replays(200).shrink(program, &plan).unwrap();
/// assert_eq!(shrunk.plan().to_string(), "simrun plan 1\nuser main#0 number -> 20\n");
/// assert_eq!((shrunk.before(), shrunk.failure().message()), (2, "too much"));
/// assert!(!shrunk.is_cut_short());
/// ```
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
///
/// ```
/// use simrun::chance::{self, Plan};
/// use simrun::explore::Explorer;
///
/// let program = || async { assert!(chance::below("number", 100) < 20, "too much") };
/// let plan: Plan = "simrun plan 1\nuser main#0 number -> 70\n".parse().unwrap();
/// let shrunk = Explorer::new().replays(200).shrink(program, &plan).unwrap();
/// let [threshold] = shrunk.thresholds() else { panic!("{shrunk}") };
/// assert_eq!(threshold.fails(), 20);
/// assert_eq!(
///     threshold.to_string(),
///     "fails when `user main#0 number` is 20 or more, and not when it is 19",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    site: Site,
    fails: u64,
    /// If the numbers are lengths of time: the shortest, in nanoseconds.
    shortest: Option<u64>,
    is_sharp: bool,
}

impl Threshold {
    pub(super) fn new(site: Site, fails: u64, why: &Why) -> Self {
        let mut decisions = why.decisions.iter();
        let decision = decisions.find(|decision| decision.site == site);
        Self {
            shortest: decision.and_then(|decision| decision.alternatives.shortest),
            is_sharp: why.sharp.contains(&site),
            site,
            fails,
        }
    }

    /// Returns where the number is decided.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Returns the number with which the run fails, while with one less it does not.
    pub fn fails(&self) -> u64 {
        self.fails
    }

    /// Returns the length of time with which the run fails, if it is one that is decided.
    pub fn duration(&self) -> Option<Duration> {
        let shortest = self.shortest?;
        Some(Duration::from_nanos(shortest.saturating_add(self.fails)))
    }

    /// Says whether the run fails with larger numbers as well: a hundred were tried.
    pub fn is_sharp(&self) -> bool {
        self.is_sharp
    }

    fn text(&self, number: u64) -> String {
        number_text(number, self.shortest)
    }
}

/// Writes the number of a decision, as a length of time if it is one.
pub(super) fn number_text(number: u64, shortest: Option<u64>) -> String {
    match shortest {
        Some(shortest) => format!(
            "{:?}",
            Duration::from_nanos(shortest.saturating_add(number))
        ),
        None => grouped(number),
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fails, passes) = (self.text(self.fails), self.text(self.fails - 1));
        let more = if self.is_sharp { " or more" } else { "" };
        let site = &self.site;
        write!(
            f,
            "fails when `{site}` is {fails}{more}, and not when it is {passes}"
        )
    }
}

/// Another failure that was met while one was shrunk.
///
/// ```
/// use simrun::chance::{self, Plan};
/// use simrun::explore::Explorer;
///
/// let program = || async {
///     let (one, other) = (chance::below("one", 100), chance::below("other", 100));
///     assert!(one < 10 || other < 10, "both are large");
///     assert!(one < 10, "only one is large");
/// };
/// let plan = "simrun plan 1\nuser main#0 one -> 50\nuser main#0 other -> 70\n";
/// let plan: Plan = plan.parse().unwrap();
/// let shrunk = Explorer::new().replays(100).shrink(program, &plan).unwrap();
/// assert_eq!(shrunk.failure().message(), "both are large");
/// assert_eq!(shrunk.slips()[0].failure().message(), "only one is large");
/// ```
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
