//! What a scenario file says, read and resolved.

use std::sync::Arc;
use std::time::Duration;

use super::source::{Source, Span};
use super::tree::{Block, Call, Const, Counter, Expr, Fault, HostIndex};
use crate::net::Link;

/// A scenario: what exists and what happens.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) source: Source,
    pub(crate) name: String,
    pub(crate) run: RunTable,
    pub(crate) hosts: Vec<HostEntry>,
    pub(crate) links: Links,
    pub(crate) objects: Vec<ObjectEntry>,
    pub(crate) shared: Vec<(Arc<str>, Const)>,
    pub(crate) context: Vec<(Arc<str>, Const)>,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) faults: Option<FaultsTable>,
    pub(crate) checks: Vec<Check>,
    /// What the checks count.
    pub(crate) counters: Vec<Counter>,
    pub(crate) explore: ExploreTable,
    pub(crate) snapshot: Option<SnapshotTable>,
}

/// `[run]`
#[derive(Clone, Debug, Default)]
pub(crate) struct RunTable {
    pub(crate) seed: Option<u64>,
    pub(crate) strategy: Option<String>,
    pub(crate) until: Option<Duration>,
    pub(crate) max_steps: Option<u64>,
    pub(crate) eager: bool,
    pub(crate) threads: Option<u32>,
    /// `stuck = "interrupt"`
    pub(crate) interrupt: bool,
}

/// A host: one of `[host]`, with `count` already spread out.
#[derive(Debug)]
pub(crate) struct HostEntry {
    pub(crate) name: Arc<str>,
    pub(crate) start: Call,
    pub(crate) daemon: bool,
    pub(crate) address: Option<std::net::IpAddr>,
    /// By how much its clock is ahead, in nanoseconds.
    pub(crate) skew: i64,
    /// By how much its clock is fast, in parts per million.
    pub(crate) drift: i32,
    pub(crate) span: Span,
}

/// `[link]`
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) default: Option<Link>,
    /// In the order of the file: a later entry overrides an earlier one.
    pub(crate) pairs: Vec<(HostIndex, HostIndex, Link)>,
}

/// An object that tasks share.
#[derive(Debug)]
pub(crate) struct ObjectEntry {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ObjectKind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    /// Without a capacity it is unbounded.
    Queue(Option<usize>, QueueOrder),
    Lock,
    Event,
    Condition,
    Future,
    Semaphore {
        permits: usize,
        bounded: bool,
    },
    Barrier(usize),
    Pool(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueOrder {
    Fifo,
    Lifo,
    Priority,
}

/// `[file]`
#[derive(Debug)]
pub(crate) struct FileEntry {
    /// `None` on the one machine of a scenario without hosts.
    pub(crate) host: Option<HostIndex>,
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

/// The steps of a task or of a program.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) name: Arc<str>,
    /// Where it is declared.
    pub(crate) span: Span,
    /// A process of its own.
    pub(crate) is_program: bool,
    /// How many of its locals are parameters: the first ones.
    pub(crate) parameters: usize,
    pub(crate) locals: Vec<Arc<str>>,
    pub(crate) block: Block,
}

/// An entry of `[timeline]`.
#[derive(Debug)]
pub(crate) struct TimelineEntry {
    /// A duration since the start, or a range of which one is drawn.
    pub(crate) at: Expr,
    pub(crate) faults: Vec<Fault>,
}

/// `[faults]`
#[derive(Clone, Debug)]
pub(crate) struct FaultsTable {
    pub(crate) hosts: Vec<HostIndex>,
    pub(crate) every: Option<Duration>,
    pub(crate) crash: Option<f64>,
    pub(crate) pause: Option<f64>,
    pub(crate) partition: Option<f64>,
    pub(crate) one_way: Option<f64>,
    pub(crate) clog: Option<f64>,
    pub(crate) at_most_down: Option<usize>,
    pub(crate) lasting: Option<(Duration, Duration)>,
    pub(crate) until: Option<Duration>,
}

/// A sentence and the property that it stands for.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: Arc<str>,
    pub(crate) when: When,
    pub(crate) holds: Expr,
    /// The whole property, for reports.
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    Never,
    AtEnd,
    EventuallyBy(Duration),
    Sometimes,
}

/// `[explore]`
#[derive(Clone, Debug, Default)]
pub(crate) struct ExploreTable {
    pub(crate) seeds: Option<std::ops::Range<u64>>,
    pub(crate) strategies: Vec<String>,
}

/// `[snapshot]`
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTable {
    pub(crate) seeds: Vec<u64>,
    pub(crate) show: Vec<String>,
}
