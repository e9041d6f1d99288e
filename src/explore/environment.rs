//! What a check and a program's `main` read from the environment, and nothing else in the library
//! does.
//!
//! A test has no command line of its own, so this is how the line that replays a failure says what
//! is to be run. No run sees any of it. What the variables mean is written for users in the
//! documentation of [`explore`](super).

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Once;

use super::show::Show;
use crate::sim::Sim;
use crate::strategy::Strategy;

/// The variables that mean something.
const KNOWN: [&str; 6] = [
    "SIMRUN_SEED",
    "SIMRUN_STRATEGY",
    "SIMRUN_RUNS",
    "SIMRUN_JOBS",
    "SIMRUN_PLAN",
    "SIMRUN_SHOW",
];

/// What the variables say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `SIMRUN_SEED`: run this seed alone.
    pub(crate) seed: Option<u64>,
    /// `SIMRUN_STRATEGY`: this is who goes next.
    pub(crate) strategy: Option<Strategy>,
    /// `SIMRUN_RUNS`: make so many runs.
    pub(crate) runs: Option<u64>,
    /// `SIMRUN_JOBS`: run so many at a time.
    pub(crate) jobs: Option<usize>,
    /// `SIMRUN_PLAN`: replay the plan, or the regressions, in this file alone.
    pub(crate) plan: Option<String>,
    /// `SIMRUN_SHOW`: print the run that fails, or is replayed.
    pub(crate) show: Option<Show>,
    /// `CI`: write no files.
    pub(crate) is_ci: bool,
}

impl Environment {
    /// Reads the variables, and warns once of those that look as if they meant something.
    ///
    /// # Panics
    ///
    /// If one of them is not what it should be: to ignore it would be to run something else.
    #[track_caller]
    pub(crate) fn read() -> Self {
        warn_once();
        Self {
            seed: value("SIMRUN_SEED", "write a number"),
            strategy: value("SIMRUN_STRATEGY", "write a name"),
            runs: value("SIMRUN_RUNS", "write a number"),
            jobs: value("SIMRUN_JOBS", "write a number"),
            plan: variable("SIMRUN_PLAN"),
            show: value("SIMRUN_SHOW", "write `all`"),
            is_ci: variable("CI").is_some_and(|value| !["false", "0"].contains(&&*value)),
        }
    }

    /// Changes what one run is given.
    pub(crate) fn change(&self, mut sim: Sim) -> Sim {
        sim.seed = self.seed.unwrap_or(sim.seed);
        if let Some(strategy) = &self.strategy {
            sim.strategy = strategy.clone();
        }
        sim
    }

    /// Writes the settings that make the same run again, before the command.
    pub(super) fn settings(&self, seed: u64) -> String {
        match &self.strategy {
            Some(strategy) => format!("SIMRUN_SEED={seed} SIMRUN_STRATEGY='{strategy}'"),
            None => format!("SIMRUN_SEED={seed}"),
        }
    }
}

#[track_caller]
fn value<T: FromStr<Err: Display>>(name: &str, advice: &str) -> Option<T> {
    let text = variable(name)?;
    match text.trim().parse() {
        Ok(value) => Some(value),
        Err(error) => panic!("{name} is `{text}`: {error}; {advice}, or unset it"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it says which runs are made, and no run sees it"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mut unknown: Vec<String> = names.filter_map(|name| warning(&name)).collect();
        unknown.sort_unstable();
        unknown.iter().for_each(|warning| eprintln!("{warning}"));
    });
}

/// Returns what is said of a variable that begins like ours and means nothing.
fn warning(name: &str) -> Option<String> {
    if !name.starts_with("SIMRUN_") || KNOWN.contains(&name) {
        return None;
    }
    let nearest = KNOWN.iter().min_by_key(|known| distance(name, known))?;
    // A third of the letters after the prefix may be wrong.
    let is_near = distance(name, nearest) * 3 <= nearest.len() - "SIMRUN_".len() + 2;
    let advice = match is_near {
        true => format!("did you mean {nearest}?"),
        false => format!("there are {}", KNOWN.join(", ")),
    };
    Some(format!("simrun: {name} means nothing: {advice}"))
}

/// Returns how many letters are to be added, removed or changed to make one word of another.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, another) in (1..).zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != another);
            diagonal = row[place];
            row[place] = changed.min(row[place] + 1).min(row[place - 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_means_nothing_is_told_with_what_was_meant() {
        for known in KNOWN {
            assert_eq!(warning(known), None);
        }
        assert_eq!(warning("SIMRUNNER"), None);
        let advice = |name: &str| {
            warning(name)
                .unwrap()
                .split_once(": ")
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(
            advice("SIMRUN_SEDE"),
            "SIMRUN_SEDE means nothing: did you mean SIMRUN_SEED?"
        );
        assert!(advice("SIMRUN_STRATGY").ends_with("did you mean SIMRUN_STRATEGY?"));
        assert!(advice("SIMRUN_COLOR").contains("there are SIMRUN_SEED, SIMRUN_STRATEGY"));
    }

    #[test]
    fn distances_count_letters() {
        let cases = [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ];
        for (one, other, letters) in cases {
            assert_eq!(distance(one, other), letters);
            assert_eq!(distance(other, one), letters);
        }
    }
}
