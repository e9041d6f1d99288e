//! Running a program as a scenario, by the command, and reading what it says.

use serde::Deserialize;
use simrun::cli;
use simrun::scenario::Programs;

use super::program::Program;
use super::translate::Translation;

/// In which order the tasks of a program take their turns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// asyncio's own.
    Fifo,
    /// A random one, drawn from a seed.
    Random(u64),
}

/// What the command says of a run.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) virtual_ns: u64,
    pub(super) fingerprint: String,
    pub(super) outcome: String,
    pub(super) events: Vec<Event>,
    pub(super) tasks: Vec<Task>,
    pub(super) checks: Vec<Check>,
}

/// Something that happened.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) kind: String,
    pub(super) body: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) text: Option<String>,
    pub(super) value: Option<String>,
    pub(super) error: Option<String>,
    pub(super) round: Option<u64>,
    #[serde(default)]
    pub(super) bodies: Vec<Body>,
}

/// A body that stands still, and its step.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) name: String,
    pub(super) line: Option<usize>,
    /// What is wrong with that, if something is.
    pub(super) beside: Option<String>,
}

/// How a task ended.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) result: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) held: Option<bool>,
}

/// Runs a program and returns its trace.
pub(crate) fn run(program: &Program, order: Order) -> Vec<String> {
    let translation = Translation::new(program);
    translation.trace(&translation.run(order))
}

impl Translation {
    /// Has the command run the scenario.
    ///
    /// # Panics
    ///
    /// If it cannot be run, or the command does not say what it should.
    pub(super) fn run(&self, order: Order) -> Run {
        let (strategy, seed) = match order {
            Order::Fifo => ("fifo", 0),
            Order::Random(seed) => ("random", seed),
        };
        let seed = seed.to_string();
        let arguments = [
            "simrun",
            "--format",
            "json",
            "--show",
            "all",
            "--strategy",
            strategy,
            "--seed",
            &seed,
            "-",
        ];
        let called = cli::call(Programs::new(), arguments, self.text.as_bytes());
        match serde_json::from_slice(&called.stdout) {
            Ok(run) => run,
            Err(error) => {
                let messages = String::from_utf8_lossy(&called.stderr);
                panic!("{error}\n{messages}\n{}", self.text)
            }
        }
    }
}
