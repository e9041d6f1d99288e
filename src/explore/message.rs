//! What a failing check says: the program's own words first, and last the line that shows the
//! failure again.

use std::fmt::Write;
use std::path::Path;

use super::finding::Finding;
use super::table::{shown_of_turn, table, text};
use super::words::{count, grouped};
use super::{Report, Shrunk};

/// Where a failure was kept.
pub(crate) enum Saved<'a> {
    /// In this file.
    To(&'a Path),
    /// Nowhere: this is what would stand in the file.
    Printed(&'a Path, String),
    /// Nowhere, and nobody asked.
    Not,
}

/// Writes what is said of a failure, which the command `replay` shows again.
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
    let mut out = head(finding, &often);
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

/// What can be said of a failure that was shrunk.
pub(crate) const AGAIN: &str = "; it was run again and failed again";

/// Tells what went wrong, where, and how often.
pub(crate) fn head(finding: &Finding, often: &str) -> String {
    let shrunk = finding.shrunk();
    let failure = shrunk.map_or(finding.failure(), Shrunk::failure);
    let mut out = format!("{}\n", failure.message().trim_end());
    if let Some(location) = failure.location() {
        let _ = writeln!(out, "  at {location}");
    }
    if let Some(task) = failure.task() {
        let _ = writeln!(out, "  in task {task}, {} into the run", failure.at());
    }
    let (seed, strategy) = (finding.seed(), finding.strategy());
    let kind = failure.kind().word();
    let _ = writeln!(out, "  {kind}: seed {seed} ({strategy}), {often}");
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
        let events = shrunk.why().trace().events();
        let tell = |turn: usize| {
            let event = &events[shown_of_turn(events, turn)];
            format!("{} {}", event.task, text(event))
        };
        let _ = writeln!(
            out,
            "\nif B goes before A, the run passes:\n  A  {}\n  B  {}",
            tell(pair.first()),
            tell(pair.second())
        );
    }
    if !shrunk.plan().is_empty() {
        out.push_str("\ndecisions\n");
        for (site, choice) in shrunk.plan().iter() {
            let _ = writeln!(out, "  {site} -> {choice}");
        }
    }
}
