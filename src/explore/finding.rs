//! Failures that a campaign has found: one for each key, with the lowest seed that shows it.

use std::fmt;

use super::Shrunk;
use crate::assure::{Failure, FailureKey};
use crate::chance::Plan;
use crate::sim::Run;

/// A failure, and all that is needed to see it again.
///
/// ```
/// use simrun::chance;
/// use simrun::explore::Explorer;
///
/// let explorer = Explorer::new().runs(64).replays(200);
/// let report = explorer.explore(|| async {
///     let number = chance::below("number", 100);
///     assert!(number < 20, "too much");
/// });
/// let finding = &report.findings()[0];
/// assert_eq!(finding.failure().message(), "too much");
/// assert_eq!(finding.count(), report.failed());
/// let best = finding.best_plan().to_string();
/// assert_eq!(best, "simrun plan 1\nuser main#0 number -> 20\n");
/// ```
#[derive(Clone, Debug)]
pub struct Finding {
    pub(super) failure: Failure,
    pub(super) seed: u64,
    pub(super) strategy: String,
    pub(super) plan: Plan,
    pub(super) fingerprint: u64,
    pub(super) count: u64,
    pub(super) shrunk: Option<Shrunk>,
}

impl Finding {
    /// Writes down how one run has failed.
    pub(super) fn of(run: &Run<()>, failure: &Failure) -> Self {
        Self {
            failure: failure.clone(),
            seed: run.seed(),
            strategy: run.strategy().to_string(),
            plan: run.plan().clone(),
            fingerprint: run.fingerprint(),
            count: 1,
            shrunk: None,
        }
    }

    /// Returns the failure of the run with the lowest seed.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Returns what the counted failures have in common.
    pub fn key(&self) -> FailureKey {
        self.failure.key()
    }

    /// Returns the lowest seed whose run fails so.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the name of the strategy of that run.
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Returns the decisions of that run: all of them.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the fingerprint of that run.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Returns how many runs failed so.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns what is left of the plan if only those decisions are kept that matter.
    /// Nondeterminism is not shrunk, nor what real time has ended.
    pub fn shrunk(&self) -> Option<&Shrunk> {
        self.shrunk.as_ref()
    }

    /// Returns the shortest plan there is for the failure.
    pub fn best_plan(&self) -> &Plan {
        self.shrunk.as_ref().map_or(&self.plan, Shrunk::plan)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.failure.message().lines().next().unwrap_or_default();
        write!(
            f,
            "{}: {first}\n  seed {} ({}), {}",
            self.failure.kind().word(),
            self.seed,
            self.strategy,
            super::words::count(self.count, "run"),
        )?;
        match &self.shrunk {
            Some(shrunk) => write!(f, ", {shrunk}"),
            None => Ok(()),
        }
    }
}
