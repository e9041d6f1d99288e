//! What a command and the processes that it starts to make runs tell each other: a line of JSON
//! each.
//!
//! A process is told first what it is for, and then what to do, one thing at a time. It says when
//! it begins a run, so whoever waits knows which one it was if nothing more comes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::explore::{Look, ProfileLine, RanLine, SummaryLine};

/// Stands before each answer: programs in Rust may print what they like, and no line of theirs
/// begins with this.
const MARK: &str = "\u{1}simrun:";

/// What the process is for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Purpose {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) strategies: Vec<String>,
    pub(super) is_steady: bool,
    /// How long a run may take in real time.
    pub(super) limit: Duration,
    /// The runs for the profile that have not come back before.
    pub(super) spared: Vec<u64>,
}

/// What the process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Make the profile, if a strategy wants it.
    Profile,
    /// Make the run of a seed.
    Run(u64),
    /// Look at what has failed, and tell of it.
    Tell(Box<Tell>),
}

/// What is to be told, and how.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tell {
    pub(super) summary: SummaryLine,
    /// How closely to look at some of the failures, by their numbers.
    pub(super) looks: BTreeMap<usize, Look>,
    pub(super) is_json: bool,
    pub(super) program: String,
    pub(super) file: PathBuf,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// A run of this seed begins.
    Begins(u64),
    /// The profile is made.
    Profiled(ProfileLine),
    /// The run is over.
    Ran(RanLine),
    /// The failure of this number is looked at.
    Looks(usize),
    /// This is to be printed, and the exit code.
    Told(String, u8),
}

impl Answer {
    /// Writes it to the standard output of this process.
    pub(super) fn write(&self) -> io::Result<()> {
        let mut line = String::from(MARK);
        line.push_str(&serde_json::to_string(self)?);
        line.push('\n');
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.flush()
    }

    /// Reads a line; what stands before the answer is not ours. Without a result it is no answer.
    pub(super) fn read(line: &str) -> (&str, Option<Self>) {
        match line.split_once(MARK) {
            None => (line, None),
            Some((before, text)) => (before, serde_json::from_str(text).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_print_is_no_answer() {
        let (before, answer) = Answer::read("hello");
        assert!(answer.is_none() && before == "hello");
        let line = format!("no end{MARK}{{\"Begins\":7}}");
        let (before, answer) = Answer::read(&line);
        assert!(matches!(answer, Some(Answer::Begins(7))));
        assert_eq!(before, "no end");
    }
}
