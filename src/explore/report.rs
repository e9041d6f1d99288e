//! What a campaign has come to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Coverage;
use super::coverage::MIN_RUNS;
use super::finding::Finding;
use super::regression::Replayed;
use super::sighting::Sighting;
use super::words::{count, grouped};

/// Why a campaign ended.
///
/// ```
/// use simrun::explore::{Ended, Explorer};
///
/// let explorer = Explorer::new().runs(20);
/// assert_eq!(explorer.explore(|| async {}).ended(), Ended::AllRuns);
/// let fails = explorer.replays(1).explore(|| async { panic!("at once") });
/// assert_eq!(fails.ended(), Ended::Failed);
/// assert_eq!(fails.ended().to_string(), "a run failed");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub enum Ended {
    /// All the runs that were asked for were made.
    #[default]
    AllRuns,
    /// A run failed.
    Failed,
    /// The next run would hardly have shown anything new.
    Saturated,
    /// The real time was up.
    OutOfTime,
}

/// What a campaign has come to. Its text depends on the program and the campaign alone, not on the
/// machine: real time is in [`took`](Self::took).
///
/// ```
/// use simrun::explore::Explorer;
///
/// let report = Explorer::new().runs(100).explore(|| async {});
/// assert!(report.is_passed());
/// assert!(report.to_string().starts_with("0 failures in 100 runs: p < 3.0 % at 95 %"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub(super) coverage: Coverage,
    pub(super) first_seed: u64,
    pub(super) steps: u64,
    pub(super) checked: u64,
    pub(super) failed: u64,
    /// The runs for the profile, and how many of them have failed.
    pub(super) profile_runs: u64,
    pub(super) profile_failed: u64,
    pub(super) strategies: BTreeMap<String, u64>,
    pub(super) properties: Vec<Sighting>,
    pub(super) findings: Vec<Finding>,
    pub(super) regressions: Vec<Replayed>,
    pub(super) ended: Ended,
    pub(super) took: Duration,
}

impl Report {
    /// Says whether no run has failed, no regression among them.
    pub fn is_passed(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the failures, one for each key, those with the lowest seeds first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns what came of the regressions that were replayed first.
    pub fn regressions(&self) -> &[Replayed] {
        &self.regressions
    }

    /// Returns how many runs there were: repetitions, regressions and replays are not counted.
    pub fn runs(&self) -> u64 {
        self.coverage.runs()
    }

    /// Returns how many of them failed. What fails in the runs for the profile is not counted.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns what they have covered.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns the [properties](crate::assure) that the runs have come to, by name.
    pub fn properties(&self) -> &[Sighting] {
        &self.properties
    }

    /// Returns those of which one run is enough in which they hold, and none was seen. In a
    /// campaign of few runs that says little; in one of [many](Self::is_telling), that the program
    /// or its test is not what it is thought to be.
    pub fn unmet(&self) -> impl Iterator<Item = &Sighting> {
        let properties = self.properties.iter();
        properties.filter(|property| property.is_goal() && !property.is_met())
    }

    /// Says whether there were so many runs that what was not seen in them is worth telling: 256.
    pub fn is_telling(&self) -> bool {
        self.runs() >= MIN_RUNS
    }

    /// Returns why there were not more.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Adds what came of the regressions that were replayed first.
    pub(crate) fn after(mut self, cases: Self) -> Self {
        self.regressions = cases.regressions;
        self
    }

    /// Returns how long it took in real time.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs();
        write!(
            f,
            "{} in {}",
            count(self.failed, "failure"),
            count(runs, "run")
        )?;
        let residual = percent(self.coverage.residual());
        match self.failed {
            0 => writeln!(f, ": p < {residual} at 95 %")?,
            _ => writeln!(f, "; of any other, p < {residual} at 95 %")?,
        }
        if self.profile_failed > 0 {
            let failures = count(self.profile_failed, "failure");
            let runs = count(self.profile_runs, "run");
            writeln!(f, "{failures} in {runs} for the profile")?;
        }
        if runs > 0 {
            let last = self.first_seed.saturating_add(runs - 1);
            let by = |(name, count): (&String, &u64)| format!("{name} {}", grouped(*count));
            let strategies: Vec<String> = self.strategies.iter().map(by).collect();
            writeln!(
                f,
                "seeds {} to {last}, {}, {}",
                self.first_seed,
                count(self.steps, "step"),
                strategies.join(", ")
            )?;
            writeln!(
                f,
                "{}, {} of them seen once: the next is new with p = {}",
                count(self.coverage.distinct(), "different trace"),
                grouped(self.coverage.singletons()),
                percent(self.coverage.probability_of_new())
            )?;
        }
        if self.coverage.handoffs() > 0 {
            let handoffs = count(self.coverage.handoffs(), "hand-off");
            writeln!(f, "{handoffs} between tasks")?;
        }
        for property in self.properties.iter().filter(|property| property.is_goal()) {
            writeln!(f, "{property}")?;
        }
        if self.checked > 0 {
            writeln!(f, "{} twice as a check", count(self.checked, "run"))?;
        }
        writeln!(f, "ended: {}", self.ended)?;
        for regression in &self.regressions {
            writeln!(f, "{regression}")?;
        }
        self.findings
            .iter()
            .try_for_each(|finding| writeln!(f, "\n{finding}"))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllRuns => "all runs were made",
            Self::Failed => "a run failed",
            Self::Saturated => "the last half of the runs showed nothing new",
            Self::OutOfTime => "the time was up",
        })
    }
}

/// Writes a probability with two digits.
fn percent(probability: f64) -> String {
    let percent = probability * 100.0;
    match percent {
        _ if percent == 0.0 => "0 %".to_owned(),
        _ if percent < 0.1 => format!("{percent:.3} %"),
        _ => format!("{percent:.1} %"),
    }
}
