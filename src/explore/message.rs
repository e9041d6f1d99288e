//! What a failing check says: the program's own words first, and last the line that shows the
//! failure again.

use std::fmt::Write;
use std::path::Path;

use super::finding::Finding;
use super::shrunk::number_text;
use super::table::{marks, shown_of_turn, table, text};
use super::why::Why;
use super::words::{count, grouped};
use super::{Report, Shrunk};
use crate::chance::{Choice, Site};

/// So many decisions are shown: nobody reads more, and the plan has them all.
const MAX_DECISIONS: usize = 40;

/// Where a failure was kept.
pub(crate) enum Saved<'a> {
    /// In this file.
    To(&'a Path),
    /// In this file, which is for this once.
    #[cfg(feature = "cli")]
    Plan(&'a Path),
    /// Nowhere: this is what would stand in the file.
    Printed(&'a Path, String),
    /// Nowhere, and nobody asked.
    Not,
}

/// Writes what is said of a failure that a campaign has found, which the command `replay` shows
/// again.
pub(crate) fn message(
    report: &Report,
    finding: &Finding,
    replay: &str,
    saved: Saved<'_>,
) -> String {
    let often = match report.runs() {
        0 => "a regression that was replayed".to_owned(),
        runs => {
            let (fails, runs) = (grouped(finding.count()), count(runs, "run"));
            let again = finding.shrunk().map_or("", |_| AGAIN);
            format!("{fails} of {runs} failed so{again}")
        }
    };
    let mut out = head(finding, Some(&often));
    if let Some(shrunk) = finding.shrunk() {
        tell_shortest(&mut out, shrunk);
    }
    for other in report
        .findings()
        .iter()
        .filter(|other| other.seed() != finding.seed())
    {
        let _ = writeln!(out, "\nalso {other}");
    }
    for regression in report.regressions() {
        let _ = writeln!(out, "\n{regression}");
    }
    out + &ending(replay, saved)
}

/// Writes what is said of one run that fails.
#[cfg(feature = "cli")]
pub(crate) fn message_of_run(finding: &Finding, replay: &str, saved: Saved<'_>) -> String {
    let mut out = head(finding, None);
    if let Some(shrunk) = finding.shrunk() {
        tell_shortest(&mut out, shrunk);
    }
    out + &ending(replay, saved)
}

/// What can be said of a failure that was shrunk.
pub(crate) const AGAIN: &str = "; it was run again and failed again";

/// Tells what went wrong, where, and how often, if that is known.
pub(crate) fn head(finding: &Finding, often: Option<&str>) -> String {
    let shrunk = finding.shrunk();
    let failure = shrunk.map_or(finding.failure(), Shrunk::failure);
    let mut out = format!("{}\n", failure.message().trim_end());
    if let Some(location) = failure.location() {
        let _ = writeln!(out, "  at {location}");
    }
    if let Some(place) = failure.place() {
        let _ = writeln!(out, "  {place}");
    }
    let (kind, seed, strategy) = (failure.kind().word(), finding.seed(), finding.strategy());
    let often = often.map_or_else(String::new, |often| format!(", {often}"));
    let _ = writeln!(out, "  {kind}: seed {seed} ({strategy}){often}");
    if let Some(deadlock) = failure.deadlock() {
        let _ = write!(out, "\n{deadlock}");
    }
    out
}

/// Tells where the failure was kept, and how to see it again.
pub(crate) fn ending(replay: &str, saved: Saved<'_>) -> String {
    let mut out = String::from("\n");
    match saved {
        Saved::To(path) => {
            let _ = writeln!(out, "saved    {} (commit it)", path.display());
        }
        #[cfg(feature = "cli")]
        Saved::Plan(path) => {
            let _ = writeln!(out, "written  {}", path.display());
        }
        Saved::Printed(path, text) => {
            let _ = writeln!(
                out,
                "to keep it, write this to {}:\n\n{text}",
                path.display()
            );
        }
        Saved::Not => {}
    }
    let _ = write!(out, "replay   {replay}");
    out
}

/// Tells of the shortest run that fails.
pub(crate) fn tell_shortest(out: &mut String, shrunk: &Shrunk) {
    let _ = writeln!(out, "\nshortest run that fails: {shrunk}\n");
    let table = table(shrunk.why());
    if !table.is_empty() {
        let _ = writeln!(out, "{table}");
    }
    if let Some(pair) = shrunk.why().pair() {
        let tell = |turn| shrunk.why().told(turn);
        let _ = writeln!(
            out,
            "\nif B goes before A, the run passes:\n  A  {}\n  B  {}",
            tell(pair.first()),
            tell(pair.second())
        );
    }
    tell_inevitable(out, shrunk.why());
    if !shrunk.plan().is_empty() {
        out.push_str("\ndecisions\n");
        let left_out = shrunk.plan().len().saturating_sub(MAX_DECISIONS);
        for (site, choice) in shrunk.plan().iter().take(MAX_DECISIONS) {
            let meaning = meaning(shrunk.why(), site, choice);
            let _ = writeln!(out, "  {site} -> {choice}{meaning}");
        }
        if left_out > 0 {
            let _ = writeln!(out, "  and {} more", grouped(left_out as u64));
        }
    }
}

/// Says from where on every run fails.
fn tell_inevitable(out: &mut String, why: &Why) {
    if why.is_inevitable() {
        out.push_str("\nevery run fails so, whatever the order\n");
    }
    let Some(step) = why.inevitable_from() else {
        return;
    };
    let events = why.trace().events();
    let shown = shown_of_turn(events, step);
    let marks = marks(events, why);
    let mark = marks.get(&shown).copied().unwrap_or(' ');
    let told = why.told(step);
    let _ = writeln!(out, "\nfrom {mark} on the failure is inevitable: {told}");
}

impl Why {
    /// Returns who does what in the turn that begins at a position.
    pub(crate) fn told(&self, turn: usize) -> String {
        let events = self.trace.events();
        let event = &events[shown_of_turn(events, turn)];
        format!("{} {}", event.task, text(event))
    }
}

/// Says what there is to say of a decision: the length of time that its number stands for, and
/// whether it matters how it goes.
fn meaning(why: &Why, site: &Site, choice: &Choice) -> String {
    let mut decisions = why.decisions.iter();
    let found = decisions.find(|decision| decision.site == *site);
    let shortest = found.and_then(|decision| decision.alternatives.shortest);
    let length = match (choice, shortest) {
        (Choice::Number(number), Some(_)) => format!(" ({})", number_text(*number, shortest)),
        _ => String::new(),
    };
    let irrelevant = match choice {
        _ if !why.irrelevant().contains(site) => "",
        Choice::Number(_) => ", and anything more fails as well",
        _ => ", and anyone else but the usual fails as well",
    };
    format!("{length}{irrelevant}")
}
