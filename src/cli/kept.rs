//! The regressions of scenarios: where they are kept, replayed before a campaign and written after.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::arguments::Manner;
use super::replay::quote;
use super::session::Session;
use super::{exit_code, input};
use crate::explore::{Explorer, Finding, Program, Regressions, Report, Saved};

/// The folder beside a scenario.
const FOLDER: &str = "sim-regressions";

/// The regressions of one scenario.
pub(super) struct Kept {
    path: PathBuf,
    regressions: Regressions,
}

/// Reads the regressions of a scenario. There are none of standard input. A file that cannot be
/// read is complained about.
pub(super) fn read(scenario: &Path, manner: Manner, session: &mut Session<'_>) -> Option<Kept> {
    let path = file_of(scenario)?;
    match Regressions::read(&path) {
        Ok(regressions) => Some(Kept { path, regressions }),
        Err(error) => {
            let (name, reason) = (input::name(&path), input::reason(&error));
            session.complain(manner.color, format_args!("cannot read `{name}`: {reason}"));
            session.count(exit_code::USAGE);
            None
        }
    }
}

/// Replays what is kept.
pub(super) fn replay(explorer: &Explorer, program: &Program<'_>, kept: Option<&Kept>) -> Report {
    kept.map_or_else(Report::default, |kept| {
        explorer.replay_cases(program, &kept.regressions)
    })
}

/// Keeps what a campaign has found. What was replayed is kept already.
pub(super) fn save<'a>(
    (explorer, program): (&Explorer, &Program<'_>),
    report: &Report,
    kept: Option<&'a Kept>,
    scenario: &Path,
    is_ci: bool,
) -> Saved<'a> {
    match kept {
        Some(kept) if report.runs() > 0 => {
            let named = kept.regressions.clone();
            let named = named.of_scenario(seen_from(&kept.path, scenario));
            explorer.save_with(program, (named, report.findings()), &kept.path, is_ci)
        }
        _ => Saved::Not,
    }
}

/// Writes one finding to a file.
pub(super) fn write<'a>(
    (explorer, program): (&Explorer, &Program<'_>),
    finding: &Finding,
    path: &'a Path,
    scenario: &Path,
) -> Saved<'a> {
    let named = Regressions::default().of_scenario(seen_from(path, scenario));
    let findings = std::slice::from_ref(finding);
    match explorer.save_with(program, (named, findings), path, false) {
        Saved::To(path) => Saved::Plan(path),
        other => other,
    }
}

/// Returns the command that replays the regressions of a scenario.
pub(super) fn replay_line(program: &str, scenario: &Path) -> String {
    let file = file_of(scenario).unwrap_or_default();
    format!("{program} replay {}", quote(&file.display().to_string()))
}

/// Returns the file for the regressions of a scenario, if that is a file.
fn file_of(scenario: &Path) -> Option<PathBuf> {
    let name = scenario
        .file_stem()
        .filter(|name| *name != OsStr::new("-"))?;
    let folder = scenario.parent().unwrap_or(Path::new(""));
    let mut file = name.to_owned();
    file.push(".txt");
    Some(folder.join(FOLDER).join(file))
}

/// Returns the scenario that a file names, which lies there as seen from the file's folder.
pub(super) fn scenario_of(file: &Path, named: &str) -> PathBuf {
    let joined = file.parent().unwrap_or(Path::new("")).join(named);
    // `a/b/../c.toml` is `a/c.toml` to those who read it.
    let mut plain = PathBuf::new();
    for component in joined.components() {
        let last = plain.components().next_back();
        match (component, last) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(component),
        }
    }
    plain
}

/// Returns the way from the folder of a file to a scenario, with `/` between folders.
fn seen_from(file: &Path, scenario: &Path) -> String {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = absolute(folder.unwrap_or(Path::new(".")));
    let scenario = absolute(scenario);
    let (from, to): (Vec<_>, Vec<_>) = (
        folder.components().collect(),
        scenario.components().collect(),
    );
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if same == 0 {
        return scenario.display().to_string();
    }
    let up = from[same..].iter().map(|_| "..".to_owned());
    let down = to[same..].iter();
    let down = down.map(|component| component.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    parts.join("/")
}

/// Returns a path from the root, without links as far as it exists.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let (parent, name) = (path.parent(), path.file_name());
    match (parent, name) {
        (Some(parent), Some(name)) => {
            let parent = Some(parent).filter(|parent| !parent.as_os_str().is_empty());
            absolute(parent.unwrap_or(Path::new("."))).join(name)
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regressions_lie_beside_their_scenario() {
        let file = |scenario: &str| file_of(Path::new(scenario));
        assert_eq!(file("a/b.toml"), Some("a/sim-regressions/b.txt".into()));
        assert_eq!(file("b.toml"), Some("sim-regressions/b.txt".into()));
        assert_eq!(file("-"), None);
    }

    #[test]
    fn a_file_names_its_scenario_from_where_it_lies() {
        let seen = |file: &str, scenario: &str| seen_from(Path::new(file), Path::new(scenario));
        assert_eq!(seen("src/sim-regressions/b.txt", "src/b.toml"), "../b.toml");
        assert_eq!(seen("b.plan", "src/b.toml"), "src/b.toml");
        assert_eq!(seen("tests/new/b.plan", "src/b.toml"), "../../src/b.toml");
        let found = scenario_of(Path::new("tests/new/b.plan"), "../../src/b.toml");
        assert_eq!(found, Path::new("src/b.toml"));
        assert_eq!(
            scenario_of(Path::new("b.plan"), "../b.toml"),
            Path::new("../b.toml")
        );
    }
}
