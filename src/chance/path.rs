//! Task paths: names that do not depend on the schedule.
//!
//! A task is called by its parent's path and its birth number there, so the second child of the
//! first child of `main` is `main/1/2` in every run of the program, whichever task ran first.

use std::fmt;
use std::str::FromStr;

use super::mix;

/// The hash of the empty path: the loop itself, from which all tasks descend.
pub(crate) const ROOT_HASH: u64 = 0x51D7_348D_1B03_5AF1;

/// Returns the hash of the path that extends `parent` by one birth number.
pub(crate) fn child_hash(parent: u64, birth: u32) -> u64 {
    mix(parent, u64::from(birth))
}

/// The line of descent of a task, such as `main/2/1`.
///
/// The first task of a loop is `main`; the loop's further first-generation tasks are `main:2`,
/// `main:3`; the loop itself, where callbacks and timers of no task run, is `loop`.
///
/// ```
/// use simrun::chance::TaskPath;
///
/// let path: TaskPath = "main/2/1".parse().unwrap();
/// assert_eq!(path.to_string(), "main/2/1");
/// assert!("main/x".parse::<TaskPath>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskPath {
    births: Vec<u32>,
}

impl TaskPath {
    pub(crate) fn from_births(births: Vec<u32>) -> Self {
        Self { births }
    }

    /// Returns the path of the task that has spawned it; the loop's own has none.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.births.split_last()?;
        Some(Self::from_births(above.to_vec()))
    }

    pub(crate) fn hash(&self) -> u64 {
        self.births
            .iter()
            .fold(ROOT_HASH, |hash, birth| child_hash(hash, *birth))
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.births.split_first() {
            None => return f.write_str("loop"),
            Some((1, _)) => f.write_str("main")?,
            Some((first, _)) => write!(f, "main:{first}")?,
        }
        self.births[1..]
            .iter()
            .try_for_each(|birth| write!(f, "/{birth}"))
    }
}

impl FromStr for TaskPath {
    type Err = ParsePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePathError {
            text: text.to_owned(),
        };
        if text == "loop" {
            return Ok(Self::default());
        }
        let mut parts = text.split('/');
        let first = match parts.next().and_then(|head| head.strip_prefix("main")) {
            Some("") => 1,
            Some(tail) => tail.strip_prefix(':').and_then(birth).ok_or_else(error)?,
            None => return Err(error()),
        };
        let rest = parts.map(|part| birth(part).ok_or_else(error));
        let births = std::iter::once(Ok(first))
            .chain(rest)
            .collect::<Result<_, _>>()?;
        Ok(Self { births })
    }
}

fn birth(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}

/// A text that is no task path.
///
/// ```
/// use simrun::chance::TaskPath;
///
/// let error = "first/2".parse::<TaskPath>().unwrap_err();
/// assert_eq!(error.to_string(), "`first/2` is not a task path: write it like `main/2/1`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePathError {
    text: String,
}

impl fmt::Display for ParsePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a task path: write it like `main/2/1`",
            self.text
        )
    }
}

impl std::error::Error for ParsePathError {}
