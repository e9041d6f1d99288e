//! What strategies are called: the texts that users write and reports show.

use std::fmt;
use std::str::FromStr;

use super::{Kind, Strategy};
use crate::chance::TaskPath;

/// The names, as an error lists them.
const NAMES: &str = "`fifo`, `random`, `pct`, `pct DEPTH`, `pos`, `urw`, `surw`, `starve`, \
                     `portfolio`, `cancel-sweep` or `cancel PATH#STEP`";

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fifo => "fifo",
            Self::Random => "random",
            Self::Pct(None) => "pct",
            Self::Pct(Some(depth)) => return write!(f, "pct {depth}"),
            Self::Pos => "pos",
            Self::Urw => "urw",
            Self::Surw => "surw",
            Self::Starve => "starve",
            Self::Portfolio => "portfolio",
            Self::CancelSweep => "cancel-sweep",
            Self::Cancel(task, step) => return write!(f, "cancel {task}#{step}"),
            Self::Replay(..) => "replay",
            Self::Custom(name, _) => name,
        })
    }
}

/// Reads what [`Display`](fmt::Display) writes, of all strategies but replays and custom ones,
/// which no text names.
///
/// ```
/// use simrun::Strategy;
///
/// let strategy: Strategy = "pct 3".parse().unwrap();
/// assert_eq!(strategy.to_string(), "pct 3");
///
/// let error = "pcz".parse::<Strategy>().unwrap_err();
/// assert!(error.to_string().starts_with("there is no strategy `pcz`: say `fifo`, `random`"));
/// let error = "pct 0".parse::<Strategy>().unwrap_err();
/// assert!(error.to_string().ends_with("the depth is a number from 1 on, as in `pct 3`"));
/// ```
impl FromStr for Strategy {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| ParseStrategyError {
            text: text.to_owned(),
            problem,
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let strategy = match words[..] {
            ["fifo"] => Self::fifo(),
            ["random"] => Self::random(),
            ["pct"] => Self::pct(),
            ["pct", depth] => {
                let depth = depth.parse().ok().filter(|depth| *depth > 0);
                Self::pct_with_depth(depth.ok_or_else(|| error(Problem::Depth))?)
            }
            ["pos"] => Self::pos(),
            ["urw"] => Self::urw(),
            ["surw"] => Self::surw(),
            ["starve"] => Self::starve(),
            ["portfolio"] => Self::portfolio(),
            ["cancel-sweep"] => Self::cancel_sweep(),
            ["cancel", site] => {
                let (task, step) = cancel(site).ok_or_else(|| error(Problem::Site))?;
                Self::cancel_at(task, step)
            }
            [known, _, ..] if known.parse::<Self>().is_ok() => {
                return Err(error(Problem::Argument));
            }
            _ => return Err(error(Problem::Name)),
        };
        Ok(strategy)
    }
}

fn cancel(site: &str) -> Option<(TaskPath, u32)> {
    let (task, step) = site.split_once('#')?;
    Some((
        task.parse().ok()?,
        step.parse().ok().filter(|step| *step > 0)?,
    ))
}

/// A text that names no strategy.
///
/// ```
/// use simrun::Strategy;
///
/// let error = "randon".parse::<Strategy>().unwrap_err();
/// assert!(error.to_string().starts_with("there is no strategy `randon`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStrategyError {
    text: String,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Name,
    Argument,
    Depth,
    Site,
}

impl fmt::Display for ParseStrategyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.problem {
            Problem::Name => write!(f, "there is no strategy `{text}`: say {NAMES}"),
            Problem::Argument => write!(f, "there is no strategy `{text}`: it takes no argument"),
            Problem::Depth => write!(
                f,
                "there is no strategy `{text}`: the depth is a number from 1 on, as in `pct 3`"
            ),
            Problem::Site => write!(
                f,
                "there is no strategy `{text}`: name a task and its step, as in `cancel main/1#2`"
            ),
        }
    }
}

impl std::error::Error for ParseStrategyError {}
