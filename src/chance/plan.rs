//! Plans: the decisions of a run that differ from their defaults.
//!
//! A seed generates a plan while the run goes on, a replay reads one. A plan is sparse: what it
//! does not mention takes its default, so the empty plan is asyncio's own run. Its text form is
//! one decision a line and made to be read, edited and kept under version control.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{TaskPath, mix};

/// The first line of a plan's text. The number rises when older texts can no longer be read.
const HEADER: &str = "simrun plan 1";

/// Where a decision is taken. Sites are named by what is local and stable, never by a count of
/// the whole run's steps, so that changing one decision leaves the others where they are.
///
/// ```
/// use simrun::chance::Site;
/// use simrun::{Sim, chance};
///
/// let sim = Sim::new().write_plan(true);
/// let plans = (0..10).map(|seed| {
///     let run = sim.clone().seed(seed).run(|| async { chance::below("dice", 6) });
///     run.plan().clone()
/// });
/// let plan = plans.into_iter().find(|plan| !plan.is_empty()).unwrap();
/// let (site, _) = plan.iter().next().unwrap();
/// assert!(matches!(site, Site::User { label, nth: 0, .. } if label == "dice"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Who goes next, after the task at `after` has made its `step`-th step and `since` other
    /// things (callbacks, timers) have happened.
    Schedule {
        /// The task that made the last step.
        after: TaskPath,
        /// How many steps it had made.
        step: u32,
        /// How many callbacks and timers have run since.
        since: u32,
    },
    /// The `nth` draw that the task at `task` made under the name `label`.
    User {
        /// The task that draws.
        task: TaskPath,
        /// What the draw is for.
        label: String,
        /// Which of its draws under that label, from 0.
        nth: u32,
    },
    /// Whether something goes wrong at the `nth` opportunity that there is for it in the task at
    /// `task`, which for a process is the one that runs its program.
    Fault {
        /// The task that it happens to.
        task: TaskPath,
        /// What goes wrong, and with what.
        fault: String,
        /// Which of the opportunities, from 0.
        nth: u32,
    },
    /// Whether the task at `task` is cancelled when its `step`-th step has suspended it.
    Cancel {
        /// The task.
        task: TaskPath,
        /// How many steps it has made.
        step: u32,
    },
    /// What happens to the `nth` packet on a link.
    Packet {
        /// The names of the hosts: `from>to`.
        link: String,
        /// Which of the packets that were sent there, from 0.
        nth: u64,
        /// What is decided: whether it is lost, how long it takes.
        what: String,
    },
}

/// The hash under which a site is looked up while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SiteKey(u64);

impl SiteKey {
    pub(crate) fn schedule(after: u64, step: u32, since: u32) -> Self {
        Self(mix(mix(after, 1), u64::from(step) << 32 | u64::from(since)))
    }

    pub(crate) fn user(task: u64, label: &str, nth: u32) -> Self {
        Self::labelled(2, task, label, nth)
    }

    pub(crate) fn fault(task: u64, fault: &str, nth: u32) -> Self {
        Self::labelled(3, task, fault, nth)
    }

    pub(crate) fn cancel(task: u64, step: u32) -> Self {
        Self(mix(mix(task, 6), u64::from(step)))
    }

    pub(crate) fn packet(link: &str, nth: u64, what: &str) -> Self {
        Self(mix(mix(hash(4, link), hash(5, what)), nth))
    }

    fn labelled(kind: u64, task: u64, label: &str, nth: u32) -> Self {
        Self(mix(mix(task, hash(kind, label)), u64::from(nth)))
    }
}

fn hash(kind: u64, text: &str) -> u64 {
    text.bytes()
        .fold(kind, |hash, byte| mix(hash, u64::from(byte)))
}

impl Site {
    pub(crate) fn key(&self) -> SiteKey {
        match self {
            Self::Schedule { after, step, since } => SiteKey::schedule(after.hash(), *step, *since),
            Self::User { task, label, nth } => SiteKey::user(task.hash(), label, *nth),
            Self::Fault { task, fault, nth } => SiteKey::fault(task.hash(), fault, *nth),
            Self::Cancel { task, step } => SiteKey::cancel(task.hash(), *step),
            Self::Packet { link, nth, what } => SiteKey::packet(link, *nth, what),
        }
    }
}

/// What was decided.
///
/// ```
/// use simrun::chance::{Choice, Plan, Site};
/// use simrun::{Sim, Strategy, chance};
///
/// let mut plan = Plan::new();
/// let site = Site::User { task: "main".parse().unwrap(), label: "dice".to_owned(), nth: 0 };
/// plan.insert(site, Choice::Number(5));
/// assert_eq!(plan.to_string(), "simrun plan 1\nuser main#0 dice -> 5\n");
///
/// let sim = Sim::new().strategy(Strategy::replay(plan));
/// let run = sim.run(|| async { chance::below("dice", 6) });
/// assert_eq!(run.unwrap(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The task at this path goes next.
    Task(TaskPath),
    /// A ready timer goes next.
    Timer {
        /// The task that set it.
        owner: TaskPath,
        /// Which of the task's ready timers it is, from 0, the one that became ready first.
        nth: u32,
    },
    /// The oldest queued callback goes next.
    Callback,
    /// Nobody goes next: time moves to the next deadline, as if those who are ready were slow. Then
    /// it is decided again.
    Time,
    /// The alternative with this number, from 0, which is the default.
    Number(u64),
}

/// The decisions of a run that differ from their defaults.
///
/// ```
/// use simrun::chance::Plan;
///
/// let text = "simrun plan 1\nschedule main#2 -> task main/2\n";
/// let plan: Plan = text.parse().unwrap();
/// assert_eq!(plan.len(), 1);
/// assert_eq!(plan.to_string(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    decisions: BTreeMap<Site, Choice>,
}

impl Plan {
    /// Makes the empty plan: every decision takes its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many decisions differ from their defaults.
    pub fn len(&self) -> usize {
        self.decisions.len()
    }

    /// Says whether every decision takes its default.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// Adds a decision, replacing the one that was taken at this site.
    pub fn insert(&mut self, site: Site, choice: Choice) {
        self.decisions.insert(site, choice);
    }

    /// Removes the decision taken at this site, which then takes its default.
    pub fn remove(&mut self, site: &Site) -> Option<Choice> {
        self.decisions.remove(site)
    }

    /// Goes through the decisions, in the order of their sites.
    pub fn iter(&self) -> impl Iterator<Item = (&Site, &Choice)> {
        self.decisions.iter()
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule {
                after,
                step,
                since: 0,
            } => write!(f, "schedule {after}#{step}"),
            Self::Schedule { after, step, since } => write!(f, "schedule {after}#{step}+{since}"),
            Self::User { task, label, nth } => {
                write!(f, "user {task}#{nth} {}", escape(label))
            }
            Self::Fault { task, fault, nth } => {
                write!(f, "fault {task}#{nth} {}", escape(fault))
            }
            Self::Cancel { task, step } => write!(f, "cancel {task}#{step}"),
            Self::Packet { link, nth, what } => {
                write!(f, "packet {}#{nth} {}", escape(link), escape(what))
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(path) => write!(f, "task {path}"),
            Self::Timer { owner, nth: 0 } => write!(f, "timer {owner}"),
            Self::Timer { owner, nth } => write!(f, "timer {owner}~{nth}"),
            Self::Callback => f.write_str("callback"),
            Self::Time => f.write_str("time"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.iter()
            .try_for_each(|(site, choice)| writeln!(f, "{site} -> {choice}"))
    }
}

/// What a line of a plan begins with.
const SITES: &str = "`schedule PATH#STEP`, `cancel PATH#STEP`, `user PATH#NTH LABEL`, \
                     `fault PATH#NTH WHAT` or `packet FROM>TO#NTH WHAT`";

impl FromStr for Plan {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = (1..).zip(text.lines().map(str::trim));
        if lines.next().is_none_or(|(_, first)| first != HEADER) {
            return Err(ParsePlanError {
                line: 1,
                expected: "`simrun plan 1`",
            });
        }
        let mut plan = Self::new();
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            let error = |expected| ParsePlanError { line, expected };
            let (site, choice) = text
                .rsplit_once(" -> ")
                .ok_or_else(|| error("`site -> choice`"))?;
            let site = parse_site(site).ok_or_else(|| error(SITES))?;
            let choice = parse_choice(choice).ok_or_else(|| {
                error("`task PATH`, `timer PATH`, `callback`, `time` or a number")
            })?;
            plan.insert(site, choice);
        }
        Ok(plan)
    }
}

fn parse_site(text: &str) -> Option<Site> {
    let (kind, rest) = text.split_once(' ')?;
    if kind == "packet" {
        // A host's name may have anything in it.
        let (link, rest) = rest.rsplit_once('#')?;
        let (nth, what) = rest.split_once(' ')?;
        return Some(Site::Packet {
            link: unescape(link)?,
            nth: nth.parse().ok()?,
            what: unescape(what)?,
        });
    }
    let (path, rest) = rest.split_once('#')?;
    let path: TaskPath = path.parse().ok()?;
    match kind {
        "schedule" => {
            let (step, since) = rest.split_once('+').unwrap_or((rest, "0"));
            let (step, since) = (step.parse().ok()?, since.parse().ok()?);
            Some(Site::Schedule {
                after: path,
                step,
                since,
            })
        }
        "cancel" => Some(Site::Cancel {
            task: path,
            step: rest.parse().ok()?,
        }),
        "user" => {
            let (nth, label) = rest.split_once(' ')?;
            Some(Site::User {
                task: path,
                label: unescape(label)?,
                nth: nth.parse().ok()?,
            })
        }
        "fault" => {
            let (nth, fault) = rest.split_once(' ')?;
            Some(Site::Fault {
                task: path,
                fault: unescape(fault)?,
                nth: nth.parse().ok()?,
            })
        }
        _ => None,
    }
}

/// Writes a label in one line.
fn escape(label: &str) -> String {
    let label = label.replace('\\', r"\\");
    label.replace('\n', r"\n").replace('\r', r"\r")
}

/// Reads a label that was written in one line.
fn unescape(text: &str) -> Option<String> {
    let mut label = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        label.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(label)
}

fn parse_choice(text: &str) -> Option<Choice> {
    match text.split_once(' ') {
        Some(("task", path)) => path.parse().ok().map(Choice::Task),
        Some(("timer", text)) => {
            let (owner, nth) = text.split_once('~').unwrap_or((text, "0"));
            Some(Choice::Timer {
                owner: owner.parse().ok()?,
                nth: nth.parse().ok()?,
            })
        }
        None if text == "callback" => Some(Choice::Callback),
        None if text == "time" => Some(Choice::Time),
        None => text.parse().ok().map(Choice::Number),
        Some(_) => None,
    }
}

/// A text that is no plan.
///
/// ```
/// use simrun::chance::Plan;
///
/// let error = "simrun plan 1\nschedule main#2\n".parse::<Plan>().unwrap_err();
/// assert!(error.to_string().contains("line 2"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePlanError {
    line: usize,
    expected: &'static str,
}

impl fmt::Display for ParsePlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} of the plan: expected {}",
            self.line, self.expected
        )
    }
}

impl std::error::Error for ParsePlanError {}
