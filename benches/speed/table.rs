//! The table of works: a line each, printed as soon as it is known.

use std::fmt;

use super::clock::{Cost, Effort, take_turns};
use super::works::{Goal, MEMORY_GOALS, SLEEPERS, WORKS};
use super::{on_simrun, on_tokio};

/// Whether goals are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
}

impl Verdict {
    pub(crate) fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    pub(crate) fn is_met(self) -> bool {
        self == Self::Met
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
        })
    }
}

impl Goal {
    fn is_met(self, cost: Cost) -> bool {
        match self {
            Self::Ratio(most) => cost.ratio() <= most,
            Self::Nanos(most) | Self::Bytes(most) => cost.simrun <= most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "<= {most}"),
            Self::Nanos(most) => write!(f, "<= {most} ns"),
            Self::Bytes(most) => write!(f, "<= {most} B"),
        }
    }
}

/// Measures and prints every work; returns how many miss a goal.
pub(crate) fn print_works(effort: Effort) -> usize {
    println!(
        "| {:<37} | {:>9} | {:<7} | {:>9} | {:>5} | {:<19} | {:<6} |",
        "work", "simrun ns", "peer", "its ns", "ratio", "goal", "met?"
    );
    println!(
        "|{:-<39}|{:->10}:|{:-<9}|{:->10}:|{:->6}:|{:-<21}|{:-<8}|",
        "", "", "", "", "", "", ""
    );
    let mut missed = 0;
    for work in &WORKS {
        let operations = effort.of(work.operations);
        let cost = take_turns(effort, operations, work.simrun, work.peer.work);
        missed += usize::from(!print_row(work.name, work.peer.name, "", cost, work.goals).is_met());
    }
    let bytes = Cost {
        simrun: on_simrun::bytes_per_sleeper(SLEEPERS),
        peer: on_tokio::bytes_per_sleeper(SLEEPERS),
    };
    let memory = print_row(
        "memory of a sleeping task",
        "tokio",
        " B",
        bytes,
        MEMORY_GOALS,
    );
    missed + usize::from(!memory.is_met())
}

fn print_row(work: &str, peer: &str, unit: &str, cost: Cost, goals: &[Goal]) -> Verdict {
    let verdict = Verdict::of(goals.iter().all(|goal| goal.is_met(cost)));
    let texts: Vec<String> = goals.iter().map(Goal::to_string).collect();
    println!(
        "| {work:<37} | {:>9} | {peer:<7} | {:>9} | {:>5.2} | {:<19} | {verdict:<6} |",
        rounded(cost.simrun) + unit,
        rounded(cost.peer) + unit,
        cost.ratio(),
        texts.join(", "),
    );
    verdict
}

/// Writes a number with as many digits as mean something.
pub(crate) fn rounded(number: f64) -> String {
    let digits = usize::from(number < 100.0);
    format!("{number:.digits$}")
}
