//! What the check of a property has come to.

use std::fmt::Debug;

use super::steps::Steps;
use crate::explore::Finding;
use crate::explore::probe::{AGAIN, Saved, ending, head, tell_shortest};

/// What the check of a property has come to.
///
/// ```
/// use simrun::proptest::Properties;
///
/// let properties = Properties::new().cases(10).runs(3);
/// let explored = properties.explore(0..100_u32, |number| async move { assert!(number < 100) });
/// assert!(explored.found().is_none());
/// // Each workload is run under three seeds, and in asyncio's order.
/// assert_eq!((explored.cases(), explored.runs(), explored.replays()), (10, 40, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Explored<W> {
    pub(super) cases: u32,
    pub(super) runs: u64,
    pub(super) all_runs: u64,
    pub(super) regressions: Vec<String>,
    pub(super) found: Option<Found<W>>,
}

impl<W> Explored<W> {
    pub(super) fn nothing(regressions: Vec<String>) -> Self {
        Self {
            cases: 0,
            runs: 0,
            all_runs: 0,
            regressions,
            found: None,
        }
    }

    /// Returns how many workloads were made, simpler ones not among them.
    pub fn cases(&self) -> u32 {
        self.cases
    }

    /// Returns how many runs there were until one failed.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns how many runs it took to make the failure simpler.
    pub fn replays(&self) -> u64 {
        self.all_runs - self.runs
    }

    /// Returns what became of the regressions that were replayed first, a text for each.
    pub fn regressions(&self) -> &[String] {
        &self.regressions
    }

    /// Returns the failure, if there is one.
    pub fn found(&self) -> Option<&Found<W>> {
        self.found.as_ref()
    }
}

/// A workload that fails, as simple as it could be made, and how it does.
///
/// ```
/// use simrun::proptest::Properties;
///
/// let explored = Properties::new().explore(0..100_u32, |number| async move {
///     assert!(number < 20, "too much");
/// });
/// let found = explored.found().unwrap();
/// assert_eq!(*found.workload(), 20);
/// assert_eq!(found.finding().failure().message(), "too much");
/// assert!(found.finding().best_plan().is_empty(), "it fails in asyncio's own order");
/// ```
#[derive(Clone, Debug)]
pub struct Found<W> {
    pub(super) workload: W,
    pub(super) finding: Finding,
    pub(super) number: u32,
    pub(super) steps: Steps,
    pub(super) how: String,
}

impl<W> Found<W> {
    /// Returns the workload.
    pub fn workload(&self) -> &W {
        &self.workload
    }

    /// Returns the failure of the program with that workload, and the shortest run that shows it.
    /// Its seed is that of the run in which it was found, with a workload that was less simple.
    pub fn finding(&self) -> &Finding {
        &self.finding
    }
}

impl<W: Debug> Found<W> {
    /// Writes all that is known of it.
    pub(super) fn message(&self, regressions: &[String], replay: &str, saved: Saved<'_>) -> String {
        let again = self.finding.shrunk().map_or("", |_| AGAIN);
        let mut text = head(&self.finding, Some(&format!("{}{again}", self.how)));
        text.push_str(&format!("\nworkload {}\n", self.shown()));
        if let Some(shrunk) = self.finding.shrunk() {
            tell_shortest(&mut text, shrunk);
        }
        for regression in regressions {
            text.push_str(&format!("\n{regression}\n"));
        }
        text + &ending(replay, saved)
    }

    /// Writes the workload in a line, or in several if one is too long.
    fn shown(&self) -> String {
        let short = format!("{:?}", self.workload);
        match short.chars().count() {
            0..=80 => short,
            _ => format!("{:#?}", self.workload),
        }
    }
}
