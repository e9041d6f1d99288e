//! Runs printed event by event, for whoever asks for that in the environment.

use std::fmt::Write;
use std::str::FromStr;

use super::environment::Environment;
use super::local::Local;
use super::program::{Program, aside, repeats};
use super::{Explorer, Report};
use crate::chance::Plan;
use crate::sim::{Run, Sim};
use crate::trace::EventKind;

/// The words for kinds of events, as in the command's `--show`.
const WORDS: [&str; 4] = ["log", "tasks", "steps", "all"];

/// Which kinds of events are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Show(Vec<String>);

impl FromStr for Show {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
        match words.iter().find(|word| !WORDS.contains(&&***word)) {
            None => Ok(Self(words)),
            Some(word) => Err(format!("`{word}` is none of {}", WORDS.join(", "))),
        }
    }
}

impl Show {
    fn includes(&self, kind: &EventKind) -> bool {
        self.0
            .iter()
            .any(|word| word == "all" || word == kind.class())
    }

    /// Writes a run event by event, and how it ended.
    pub(crate) fn text<T>(&self, run: &Run<T>) -> String {
        let events = run.trace().events().iter();
        let mut text = String::new();
        for event in events.filter(|event| self.includes(&event.kind)) {
            let _ = writeln!(text, "{event}");
        }
        let _ = write!(text, "{}", run.outcome());
        text
    }
}

impl Environment {
    /// Prints what was replayed, or else the shortest run that fails, if that is asked for.
    pub(super) fn print(
        &self,
        name: &str,
        explorer: &Explorer,
        program: &Program<'_>,
        report: &Report,
    ) {
        let Some(show) = &self.show else { return };
        let print = |what: &str, sim: Sim| {
            let run = aside(|| program(&sim.record(true)));
            eprintln!("{name}: {what}, event by event\n{}", show.text(&run));
        };
        let repeat = |plan: &Plan| repeats(&explorer.sim, plan);
        if let Some(plan) = &self.plan {
            for regression in report.regressions() {
                print(
                    &format!("the run of {plan}"),
                    repeat(regression.case().plan()),
                );
            }
        } else if let Some(seed) = self.seed {
            print(
                &format!("seed {seed}"),
                Local::new(explorer, program).sim_of(seed),
            );
        } else if let Some(finding) = report.findings().first() {
            print("the shortest run that fails", repeat(finding.best_plan()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_command() {
        let show: Show = "log, steps".parse().unwrap();
        assert!(show.includes(&EventKind::Logged(String::new())));
        assert!(show.includes(&EventKind::Stepped));
        assert!(!show.includes(&EventKind::Spawned(String::new())));
        let all: Show = "all".parse().unwrap();
        assert!(all.includes(&EventKind::Spawned(String::new())));
        let error = "net".parse::<Show>().unwrap_err();
        assert_eq!(error, "`net` is none of log, tasks, steps, all");
    }
}
