//! Regressions: failures that were found, as small text files for version control.
//!
//! A file belongs to one check, or to the scenario that it names, and holds a case for each
//! failure. A case names what it was found with, and its decisions as a plan writes them. A check
//! replays its file first. What a case is worth after the program has changed is said, never
//! guessed: it still fails, it passes, or it no longer fits, and then where.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::finding::Finding;
use super::program::{Program, repeats};
use crate::assure::FailureKey;
use crate::chance::Plan;
use crate::sim::Sim;

/// The first line of a file. The number rises when older files can no longer be read.
const HEADER: &str = "simrun regressions 1";

/// What makes a plan of a case's decisions.
const PLAN_HEADER: &str = "simrun plan 1\n";

/// A run that has failed.
///
/// ```
/// use simrun::explore::Regressions;
///
/// let text = "simrun regressions 1
///
/// case
/// version 0.1.0
/// program 8c5a31f20b6e94d7
/// seed 17
/// strategy random
/// failure panic src/bank.rs:31:5
/// schedule main#2 -> task main/2
/// ";
/// let regressions: Regressions = text.parse().unwrap();
/// assert_eq!(regressions.cases()[0].seed(), 17);
/// assert_eq!(regressions.cases()[0].plan().len(), 1);
/// assert_eq!(regressions.to_string(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    version: String,
    program: u64,
    seed: u64,
    strategy: String,
    failure: String,
    plan: Plan,
}

impl Case {
    fn empty() -> Self {
        Self {
            version: String::new(),
            program: 0,
            seed: 0,
            strategy: String::new(),
            failure: String::new(),
            plan: Plan::new(),
        }
    }

    /// Writes down a finding of the program with this fingerprint.
    pub(super) fn of(finding: &Finding, program: u64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program,
            seed: finding.seed,
            strategy: finding.strategy.clone(),
            failure: one_line(&finding.key()),
            plan: finding.best_plan().clone(),
        }
    }

    /// Returns the seed with which it was found.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the decisions.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the key of the failure, in one line.
    pub fn failure(&self) -> &str {
        &self.failure
    }

    /// Says whether it was kept for failures with this key. A file may be named from another folder
    /// than it was then.
    fn is_for(&self, key: &FailureKey) -> bool {
        without_folders(&one_line(key)) == without_folders(&self.failure)
    }

    fn is_of_another(&self, program: &Program<'_>, sim: &Sim) -> bool {
        self.program != 0 && self.program != fingerprint(program, sim)
    }

    /// Runs the case, and says what came of it and how it fails, if it does.
    pub(super) fn replay(&self, program: &Program<'_>, sim: &Sim) -> (Replayed, Option<Finding>) {
        let run = program(&repeats(sim, &self.plan));
        let failure = run.failure();
        let verdict = match (failure, run.diverged().first()) {
            // A plan alone does not say how it fails.
            (Some(_), _) if self.failure.is_empty() => Verdict::Fails,
            (Some(failure), _) if self.is_for(&failure.key()) => Verdict::Fails,
            (Some(failure), _) => Verdict::FailsOtherwise(one_line(&failure.key())),
            (None, Some(site)) => Verdict::Diverged(site.to_string()),
            (None, None) if self.is_of_another(program, sim) => Verdict::PassesAnother,
            (None, None) => Verdict::Passes,
        };
        let finding = failure.map(|failure| Finding {
            seed: self.seed,
            strategy: self.strategy.clone(),
            ..Finding::of(&run, failure)
        });
        let case = self.clone();
        (Replayed { case, verdict }, finding)
    }
}

/// Returns the fingerprint of a program: that of its run in asyncio's order.
pub(super) fn fingerprint(program: &Program<'_>, sim: &Sim) -> u64 {
    program(&repeats(sim, &Plan::new())).fingerprint()
}

fn one_line(key: &FailureKey) -> String {
    let text = key.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" / ")
}

fn without_folders(text: &str) -> String {
    let name = |word: &str| word.rsplit(['/', '\\']).next().unwrap_or(word).to_owned();
    let words: Vec<String> = text.split(' ').map(name).collect();
    words.join(" ")
}

/// The cases of one check, or of one scenario.
///
/// ```
/// use simrun::explore::Regressions;
///
/// let text = "simrun regressions 1\nscenario ../bank.toml\n";
/// let regressions: Regressions = text.parse().unwrap();
/// assert_eq!(regressions.scenario(), Some("../bank.toml"));
/// assert_eq!(regressions.to_string(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regressions {
    scenario: Option<String>,
    cases: Vec<Case>,
}

impl Regressions {
    /// Returns the cases.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Returns the file of the scenario, as seen from the folder of this one, if they are of one.
    pub fn scenario(&self) -> Option<&str> {
        self.scenario.as_deref()
    }

    /// Names the file of the scenario.
    #[cfg(feature = "cli")]
    pub(crate) fn of_scenario(mut self, scenario: String) -> Self {
        self.scenario = Some(scenario);
        self
    }

    /// Makes a case of a plan that someone has written.
    fn of_plan(plan: Plan) -> Self {
        let case = Case {
            plan,
            ..Case::empty()
        };
        Self {
            scenario: None,
            cases: vec![case],
        }
    }

    /// Adds a case. One with the same decisions is replaced, for it is the same run.
    pub(super) fn add(&mut self, case: Case) {
        match self.cases.iter_mut().find(|other| other.plan == case.plan) {
            Some(other) => *other = case,
            None => self.cases.push(case),
        }
    }

    /// Reads a file: no file holds no cases.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => text.parse().map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads a file that may be a plan instead, and has to be there.
    pub(crate) fn read_plan(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        if text.starts_with("simrun plan") {
            return text.parse().map(Self::of_plan).map_err(io::Error::other);
        }
        text.parse().map_err(io::Error::other)
    }

    /// Writes the file, and the folder that it is in.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, self.to_string())
    }
}

impl fmt::Display for Regressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(scenario) = &self.scenario {
            writeln!(f, "scenario {scenario}")?;
        }
        self.cases.iter().try_for_each(|case| write!(f, "\n{case}"))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case")?;
        writeln!(f, "version {}", self.version)?;
        writeln!(f, "program {:016x}", self.program)?;
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "strategy {}", self.strategy)?;
        writeln!(f, "failure {}", self.failure)?;
        let plan = self.plan.to_string();
        f.write_str(plan.strip_prefix(PLAN_HEADER).unwrap_or(&plan))
    }
}

impl FromStr for Regressions {
    type Err = ParseRegressionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut regressions = Self::default();
        let lines = (1..).zip(text.lines().map(str::trim));
        let mut lines = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
        if lines.next().is_none_or(|(_, first)| first != HEADER) {
            return Err(error(1, "`simrun regressions 1`"));
        }
        for (line, text) in lines {
            if text == "case" {
                regressions.cases.push(Case::empty());
                continue;
            }
            let case = regressions.cases.last_mut();
            if let (None, Some(scenario)) = (&case, text.strip_prefix("scenario ")) {
                regressions.scenario = Some(scenario.to_owned());
                continue;
            }
            let case = case.ok_or_else(|| error(line, "`scenario FILE` or `case`"))?;
            case.read_line(line, text)?;
        }
        Ok(regressions)
    }
}

impl Case {
    fn read_line(&mut self, line: usize, text: &str) -> Result<(), ParseRegressionsError> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "version" => rest.clone_into(&mut self.version),
            "strategy" => rest.clone_into(&mut self.strategy),
            "failure" => rest.clone_into(&mut self.failure),
            "program" => {
                let number = u64::from_str_radix(rest, 16);
                self.program = number.map_err(|_| error(line, "a fingerprint, in hexadecimal"))?;
            }
            "seed" => self.seed = rest.parse().map_err(|_| error(line, "a number"))?,
            _ => {
                let plan: Plan = format!("{PLAN_HEADER}{text}\n").parse().map_err(|_| {
                    error(
                        line,
                        "`version`, `program`, `seed`, `strategy`, `failure` or a decision, such \
                         as `schedule main#2 -> task main/2`",
                    )
                })?;
                for (site, choice) in plan.iter() {
                    self.plan.insert(site.clone(), choice.clone());
                }
            }
        }
        Ok(())
    }
}

fn error(line: usize, expected: &'static str) -> ParseRegressionsError {
    ParseRegressionsError { line, expected }
}

/// A text that is no file of regressions.
///
/// ```
/// use simrun::explore::Regressions;
///
/// let text = "simrun regressions 1\n\ncase\nseed seventeen\n";
/// let error = text.parse::<Regressions>().unwrap_err();
/// assert_eq!(error.to_string(), "line 4 of the regressions: expected a number");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseRegressionsError {
    line: usize,
    expected: &'static str,
}

impl fmt::Display for ParseRegressionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, expected } = self;
        write!(f, "line {line} of the regressions: expected {expected}")
    }
}

impl std::error::Error for ParseRegressionsError {}

/// What has become of a regression.
///
/// ```
/// use simrun::chance;
/// use simrun::explore::{Explorer, Verdict};
/// # let folder = std::env::temp_dir().join(format!("simrun-verdict-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
///
/// let case = "simrun regressions 1\n\ncase\nseed 5\nuser main#0 number -> 7\n";
/// std::fs::write(folder.join("bank.txt"), case).unwrap();
/// let explorer = Explorer::new().name("bank").regressions_in(&folder).runs(1);
/// let report = explorer.check(|| async { assert!(chance::below("number", 10) < 10) });
/// assert_eq!(*report.regressions()[0].verdict(), Verdict::Passes);
///
/// // The program no longer draws the number that the case is about.
/// let report = explorer.check(|| async {});
/// let left = Verdict::Diverged("user main#0 number".to_owned());
/// assert_eq!(*report.regressions()[0].verdict(), left);
/// # std::fs::remove_dir_all(folder).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It still fails.
    Fails,
    /// It fails, but with another key: this one.
    FailsOtherwise(String),
    /// It passes, and the program's run in asyncio's order is what it was.
    Passes,
    /// It passes, and the program has changed.
    PassesAnother,
    /// It passes, but the program has left the decisions at this site, so nothing is known.
    Diverged(String),
}

/// A regression, and what has become of it.
///
/// ```
/// use simrun::chance;
/// use simrun::explore::Explorer;
/// # let folder = std::env::temp_dir().join(format!("simrun-replayed-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
///
/// let case = "simrun regressions 1\n\ncase\nseed 5\nfailure panic\nuser main#0 number -> 7\n";
/// std::fs::write(folder.join("bank.txt"), case).unwrap();
/// let explorer = Explorer::new().name("bank").regressions_in(&folder).runs(1);
/// let report = explorer.check(|| async { assert!(chance::below("number", 10) < 10) });
/// let replayed = &report.regressions()[0];
/// assert_eq!(replayed.case().plan().len(), 1);
/// assert_eq!(replayed.to_string(), "regression of seed 5 (panic) passes");
/// # std::fs::remove_dir_all(folder).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Replayed {
    case: Case,
    verdict: Verdict,
}

impl Replayed {
    /// Returns the regression.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Returns what has become of it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            seed,
            failure,
            version,
            ..
        } = &self.case;
        match failure.is_empty() {
            true => f.write_str("the plan ")?,
            false => write!(f, "regression of seed {seed} ({failure}) ")?,
        }
        match &self.verdict {
            Verdict::Fails if failure.is_empty() => f.write_str("fails"),
            Verdict::Fails => f.write_str("still fails"),
            Verdict::FailsOtherwise(key) => write!(f, "now fails otherwise: {key}"),
            Verdict::Passes => f.write_str("passes"),
            Verdict::PassesAnother => f.write_str("passes now; the program has changed"),
            Verdict::Diverged(site) => {
                f.write_str("no longer fits: ")?;
                if !version.is_empty() {
                    write!(f, "recorded with simrun {version}, ")?;
                }
                write!(
                    f,
                    "it left its decisions at `{site}`; find it again or delete it"
                )
            }
        }
    }
}
