//! Properties that have failed, as text files for version control.
//!
//! A workload is not written down, for not all of them can be read: what is kept is its number and
//! the steps in which it was made simpler. Its text stands beside them, so that it is seen if a
//! changed strategy makes another one of the same number; then the case says so, and nothing is
//! guessed. The run is kept as its decisions.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::steps::Steps;
use crate::explore::{Case, Regressions};

/// The first line of a file. The number rises when older files can no longer be read.
const HEADER: &str = "simrun properties 1";

/// The first line of the files that hold runs alone, as whose cases these are read.
const RUNS_HEADER: &str = "simrun regressions 1";

/// A workload, and a run that it fails in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) number: u32,
    pub(super) steps: Steps,
    /// The workload, in one line.
    pub(super) value: String,
    pub(super) run: Case,
}

/// The cases of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) cases: Vec<Kept>,
}

impl Properties {
    /// Reads a file: no file holds no cases.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => text.parse().map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, and the folder that it is in.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, self.to_string())
    }

    /// Adds a case. One with the same workload and decisions is replaced, for it is the same run.
    pub(super) fn add(&mut self, kept: Kept) {
        let is_same =
            |other: &&mut Kept| other.value == kept.value && other.run.plan() == kept.run.plan();
        match self.cases.iter_mut().find(is_same) {
            Some(other) => *other = kept,
            None => self.cases.push(kept),
        }
    }
}

impl fmt::Display for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for kept in &self.cases {
            writeln!(f)?;
            let run = kept.run.to_string();
            let run = run.strip_prefix("case\n").unwrap_or(&run);
            writeln!(f, "case")?;
            writeln!(f, "workload {} {}", kept.number, kept.steps)?;
            writeln!(f, "value {}", kept.value)?;
            f.write_str(run)?;
        }
        Ok(())
    }
}

impl FromStr for Properties {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<&str> = lines.collect();
        let mut blocks = lines.split(|line| *line == "case");
        if blocks.next() != Some(&[HEADER]) {
            return Err(format!("expected `{HEADER}`, and then cases"));
        }
        let cases = blocks.map(read_case).collect::<Result<_, _>>()?;
        Ok(Self { cases })
    }
}

fn read_case(lines: &[&str]) -> Result<Kept, String> {
    let [workload, value, run @ ..] = lines else {
        return Err("a case begins with `workload` and `value`".to_owned());
    };
    let wrong = || format!("`{workload}`: expected `workload NUMBER STEPS`");
    let workload = workload.strip_prefix("workload ").ok_or_else(wrong)?;
    let (number, steps) = workload.split_once(' ').ok_or_else(wrong)?;
    let value = value.strip_prefix("value ");
    let run = format!("{RUNS_HEADER}\n\ncase\n{}\n", run.join("\n"));
    let runs: Regressions = run.parse().map_err(|error| format!("{error}"))?;
    Ok(Kept {
        number: number.parse().map_err(|_| wrong())?,
        steps: steps.parse().map_err(|()| wrong())?,
        value: value.ok_or("expected `value` after `workload`")?.to_owned(),
        run: runs.cases()[0].clone(),
    })
}

/// Writes a workload in one line.
pub(super) fn one_line(workload: &impl fmt::Debug) -> String {
    let text = format!("{workload:?}");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "simrun properties 1

case
workload 17 s3c1
value [Put(1), Get]
version 0.1.0
program 8c5a31f20b6e94d7
seed 1114112
strategy random
failure panic src/bank.rs:31:5
schedule main#2 -> task main/2
";

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let properties: Properties = TEXT.parse().unwrap();
        assert_eq!(properties.cases[0].number, 17);
        assert_eq!(properties.cases[0].run.plan().len(), 1);
        assert_eq!(properties.to_string(), TEXT);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |from: &str, to: &str| TEXT.replace(from, to).parse::<Properties>();
        assert!(wrong("properties 1", "properties 9").is_err());
        assert!(wrong("s3c1", "sideways").unwrap_err().contains("STEPS"));
        assert!(wrong("value ", "valve ").unwrap_err().contains("`value`"));
        assert!(wrong("seed 1114112", "seed x").is_err());
        assert!(
            "simrun properties 1\n\ncase\n"
                .parse::<Properties>()
                .is_err()
        );
    }
}
