//! What a run of a scenario leaves: its events, its checks, its verdict.

use std::sync::Arc;
use std::time::Duration;

use super::source::Span;
use crate::time::Instant;

/// Which events are kept. What is not asked for costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Show {
    /// Lines that tasks log, and faults.
    pub(crate) log: bool,
    /// Tasks, threads and processes that begin and end.
    pub(crate) tasks: bool,
    /// Packets.
    pub(crate) net: bool,
    /// What every step gives.
    pub(crate) steps: bool,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Instant,
    pub(crate) host: Option<Arc<str>>,
    /// The name of the task, `loop` when none was running.
    pub(crate) task: Arc<str>,
    /// The body whose step it was: another one than the task's own where a body calls another.
    pub(crate) body: Option<Arc<str>>,
    /// The step.
    pub(crate) span: Option<Span>,
    pub(crate) what: What,
}

/// What an [`Event`] is about.
#[derive(Clone, Debug)]
pub(crate) enum What {
    // log
    Logged(String),
    /// A fault struck, or was mended: `cut client | server`.
    Fault(String),
    // tasks
    /// A task, thread or process of that name.
    Spawned(Arc<str>),
    Returned(String),
    Failed(String),
    Cancelled,
    /// Someone asked the task of that name to stop.
    CancelRequested(Arc<str>),
    /// An exception handler of the loop was called: the kind of the report, and the error.
    Reported(String, Option<String>),
    // net
    /// A packet, as one line of text.
    Packet(String),
    // steps
    /// A body begins, in a task of its own or within another body.
    BodyBegan,
    BodyReturned(String),
    BodyFailed(String),
    /// A step that may wait begins.
    Began,
    Gave(String),
    Raised(String),
    /// A handler of the step takes the error.
    Caught(String),
    /// The step's `finally` block begins.
    Finally,
    /// A loop's round, from 0.
    Round(u64),
    /// `completed` has a result for its block.
    Item(String),
    /// `with` holds its object.
    Entered,
    // the run
    /// Nothing can go on: every body that is not over, in the order in which they began.
    Stuck(Vec<Standing>),
    /// The main task is cancelled, as by Ctrl-C.
    Interrupted,
    /// Nothing can go on, and it is not interrupted any more.
    GivenUp,
    /// The main task is done.
    MainReturned(String),
    MainFailed(String),
}

impl What {
    /// Returns which part of `--show` an event belongs to; what ends the run belongs to all.
    pub(crate) fn class(&self) -> Option<&'static str> {
        match self {
            Self::Logged(_) | Self::Fault(_) => Some("log"),
            Self::Spawned(_)
            | Self::Returned(_)
            | Self::Failed(_)
            | Self::Cancelled
            | Self::CancelRequested(_)
            | Self::Reported(..)
            | Self::GivenUp
            | Self::MainReturned(_)
            | Self::MainFailed(_) => Some("tasks"),
            Self::Packet(_) => Some("net"),
            Self::BodyBegan
            | Self::BodyReturned(_)
            | Self::BodyFailed(_)
            | Self::Began
            | Self::Gave(_)
            | Self::Raised(_)
            | Self::Caught(_)
            | Self::Finally
            | Self::Round(_)
            | Self::Item(_)
            | Self::Entered => Some("steps"),
            Self::Stuck(_) | Self::Interrupted => None,
        }
    }
}

impl Show {
    /// Everything.
    #[cfg(test)]
    pub(crate) fn all() -> Self {
        Self {
            log: true,
            tasks: true,
            net: true,
            steps: true,
        }
    }

    /// Says whether an event is among those that are asked for.
    pub(crate) fn includes(self, what: &What) -> bool {
        match what.class() {
            Some("log") => self.log,
            Some("tasks") => self.tasks,
            Some("net") => self.net,
            Some(_) => self.steps,
            None => true,
        }
    }
}

/// How a run of a scenario went.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) seed: u64,
    pub(crate) strategy: String,
    pub(crate) verdict: Verdict,
    /// Virtual time at the end.
    pub(crate) now: Instant,
    pub(crate) steps: u64,
    pub(crate) fingerprint: u64,
    /// The checks, in the order of the file.
    pub(crate) checks: Vec<Checked>,
    pub(crate) events: Vec<Event>,
    /// How every task ended, if events about tasks were kept.
    pub(crate) tasks: Vec<Ended>,
}

/// A body that stands still.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) host: Option<Arc<str>>,
    pub(crate) task: Arc<str>,
    pub(crate) body: Arc<str>,
    /// The step in which it waits.
    pub(crate) span: Option<Span>,
    /// What it waits for although it is there: a mistake of ours, not of the scenario.
    pub(crate) beside: Option<String>,
}

/// How a task ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) name: Arc<str>,
    /// `pending`, `returned`, `failed` or `cancelled`.
    pub(crate) state: &'static str,
    /// What it returned, or its error.
    pub(crate) result: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Passed,
    Failed(Problem),
    /// A limit of steps, virtual time or real time ended the run before it was over.
    Undecided(Problem),
}

/// Why a run did not pass.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// One word: `check`, `expect`, `error`, `panic`, `deadlock`, `livelock`, `budget`, ...
    pub(crate) kind: &'static str,
    /// Two failures with the same key are the same failure.
    pub(crate) key: String,
    /// One or more lines.
    pub(crate) message: String,
    pub(crate) host: Option<Arc<str>>,
    pub(crate) task: Option<Arc<str>>,
    pub(crate) at: Instant,
    /// Where in the file.
    pub(crate) span: Option<Span>,
    /// Values of the parts of a comparison that did not hold, each with its place.
    pub(crate) values: Vec<(Span, String)>,
}

/// What became of a check.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) name: Arc<str>,
    /// `None` if the run ended before it could be said, and for `sometimes` if it did not hold in
    /// this run.
    pub(crate) held: Option<bool>,
}

/// What a run is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunOptions {
    /// Instead of the file's.
    pub(crate) seed: Option<u64>,
    pub(crate) strategy: Option<crate::Strategy>,
    pub(crate) until: Option<Duration>,
    pub(crate) max_steps: Option<u64>,
    pub(crate) wall_clock: Option<Duration>,
    pub(crate) show: Show,
    /// Called every 4,096 steps or so, while the run goes on.
    pub(crate) progress: Option<Progress>,
}

/// What is told how far a run has come: its virtual time and its steps.
#[derive(Clone)]
pub(crate) struct Progress(pub(crate) Arc<dyn Fn(Instant, u64) + Send + Sync>);

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}
