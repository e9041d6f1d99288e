//! Tables of works: a line each, printed as soon as it is known.

use std::fmt;

use super::clock::{Cost, Effort, take_turns};

/// Something that both sides do, and that can be timed.
pub(crate) struct Work {
    /// What it is called in tables.
    pub(crate) name: &'static str,
    /// What it is called in arguments.
    pub(crate) short: &'static str,
    /// How many operations make a round.
    pub(crate) operations: u64,
    pub(crate) simrun: fn(u64),
    /// Whom it is compared with.
    pub(crate) peer: Peer,
    pub(crate) goals: &'static [Goal],
}

/// Another library, and how it does a work.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) work: fn(u64),
}

/// What simrun's cost of one operation must not exceed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// This part of the peer's.
    Ratio(f64),
    /// So many of a unit.
    Most(f64, &'static str),
}

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
            Self::Most(most, _) => cost.simrun <= most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "<= {most}"),
            Self::Most(most, unit) => write!(f, "<= {most} {unit}"),
        }
    }
}

/// Prints what the columns are.
pub(crate) fn print_head() {
    println!(
        "| {:<37} | {:>9} | {:<8} | {:>9} | {:>5} | {:<19} | {:<6} |",
        "work", "simrun ns", "peer", "its ns", "ratio", "goal", "met?"
    );
    println!(
        "|{:-<39}|{:->10}:|{:-<10}|{:->10}:|{:->6}:|{:-<21}|{:-<8}|",
        "", "", "", "", "", "", ""
    );
}

/// Measures and prints every work; returns how many miss a goal.
pub(crate) fn print_works(works: &[Work], effort: Effort) -> usize {
    let mut missed = 0;
    for work in works {
        let operations = effort.of(work.operations);
        let cost = take_turns(effort, operations, work.simrun, work.peer.work);
        missed += usize::from(!print_row(work.name, work.peer.name, "", cost, work.goals).is_met());
    }
    missed
}

/// Prints a line, without a verdict if there is no goal.
pub(crate) fn print_row(work: &str, peer: &str, unit: &str, cost: Cost, goals: &[Goal]) -> Verdict {
    let verdict = Verdict::of(goals.iter().all(|goal| goal.is_met(cost)));
    let said = if goals.is_empty() {
        String::new()
    } else {
        verdict.to_string()
    };
    let texts: Vec<String> = goals.iter().map(Goal::to_string).collect();
    println!(
        "| {work:<37} | {:>9} | {peer:<8} | {:>9} | {:>5.2} | {:<19} | {said:<6} |",
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
