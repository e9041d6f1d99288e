//! Files of programs, and of the traces that CPython left when it ran them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::program::{self, Program};

/// What introduces the trace of a program.
const HEADER: &str = "# program ";

/// Reads a file of programs, one to a line. It may be compressed.
///
/// # Panics
///
/// If it cannot be read, or has a line that is not a program.
pub(crate) fn programs(path: &Path) -> impl Iterator<Item = Program> + use<> {
    lines(path).map(|line| program::parse(&line))
}

/// The traces of CPython, by the numbers of their programs.
#[derive(Debug)]
pub(crate) struct Reference {
    traces: BTreeMap<u64, Vec<String>>,
}

impl Reference {
    /// Reads a file, which may be compressed.
    ///
    /// # Panics
    ///
    /// If it cannot be read, or is not a file of traces.
    pub(crate) fn read(path: &Path) -> Self {
        let mut traces: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut trace = None;
        for line in lines(path) {
            match line.strip_prefix(HEADER) {
                Some(pid) => {
                    let pid = pid.trim().parse().expect("a program has a number");
                    trace = Some(traces.entry(pid).or_default());
                }
                None => trace.as_mut().expect("a trace has a header").push(line),
            }
        }
        Self { traces }
    }

    /// Describes the first line at which a trace differs from CPython's, if there is one.
    pub(crate) fn difference(&self, pid: u64, trace: &[String]) -> Option<String> {
        let Some(expected) = self.traces.get(&pid) else {
            return Some(format!("program {pid}: there is no trace of CPython's"));
        };
        let longest = expected.len().max(trace.len());
        let line = (0..longest).find(|line| expected.get(*line) != trace.get(*line))?;
        let text = |trace: &[String]| trace.get(line).map_or("(the end)".to_owned(), Clone::clone);
        Some(format!(
            "program {pid}, line {}\n  CPython: {}\n  simrun:  {}",
            line + 1,
            text(expected),
            text(trace),
        ))
    }
}

fn lines(path: &Path) -> impl Iterator<Item = String> + use<> {
    let open = || File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let compressed = path.extension().is_some_and(|extension| extension == "gz");
    let text: Box<dyn Read> = if compressed {
        Box::new(GzDecoder::new(open()))
    } else {
        Box::new(open())
    };
    let lines = BufReader::new(text).lines();
    lines.map(|line| line.expect("a corpus is text"))
}
