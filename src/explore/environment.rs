//! What a check reads from the environment, and nothing else in the library does.
//!
//! A test has no command line of its own, so this is how the line that replays a failure says what
//! is to be run. No run sees any of it.

use std::fmt::Display;
use std::str::FromStr;

/// What the variables say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `SIMRUN_SEED`: run this seed alone.
    pub(crate) seed: Option<u64>,
    /// `SIMRUN_RUNS`: make so many runs.
    pub(crate) runs: Option<u64>,
    /// `SIMRUN_JOBS`: run so many at a time.
    pub(crate) jobs: Option<usize>,
    /// `SIMRUN_PLAN`: replay the plan, or the regressions, in this file alone.
    pub(crate) plan: Option<String>,
    /// `CI`: write no files.
    pub(crate) is_ci: bool,
}

impl Environment {
    /// Reads the variables.
    ///
    /// # Panics
    ///
    /// If one of them is not what it should be: to ignore it would be to run something else.
    #[track_caller]
    pub(crate) fn read() -> Self {
        Self {
            seed: number("SIMRUN_SEED"),
            runs: number("SIMRUN_RUNS"),
            jobs: number("SIMRUN_JOBS"),
            plan: variable("SIMRUN_PLAN"),
            is_ci: variable("CI").is_some(),
        }
    }
}

#[track_caller]
fn number<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = variable(name)?;
    match text.trim().parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name} is `{text}`: {error}; write a number, or unset it"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it says which runs are made, and no run sees it"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
