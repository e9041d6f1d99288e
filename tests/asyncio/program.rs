//! The language: what a program is made of, as it is written in JSON.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A program.
#[derive(Debug, Deserialize)]
pub(crate) struct Program {
    /// Its number.
    pub(crate) pid: u64,
    /// What its tasks share, by name.
    pub(super) objs: BTreeMap<String, Made>,
    /// The body of its main task.
    pub(super) main: Block,
    /// Whether all tasks but the main one are eager.
    #[serde(default)]
    pub(super) eager: bool,
}

impl Program {}

/// What to make of an object: its kind and, for some kinds, a size.
#[derive(Debug, Deserialize)]
pub(super) struct Made(pub(super) String, #[serde(default)] pub(super) usize);

/// Statements one after another. Clones share them.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<Statement>")]
pub(super) struct Block(Rc<[Statement]>);

impl From<Vec<Statement>> for Block {
    fn from(statements: Vec<Statement>) -> Self {
        Self(statements.into())
    }
}

impl Deref for Block {
    type Target = [Statement];

    fn deref(&self) -> &[Statement] {
        &self.0
    }
}

/// A name: of a task, an object, a timeout, a group, a callback or a variable.
pub(super) type Name = String;

/// A span of time, written in nanoseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "u64")]
pub(super) struct Nanos(pub(super) Duration);

impl From<u64> for Nanos {
    fn from(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

/// Something to await.
#[derive(Debug, Deserialize)]
#[serde(from = "Keys")]
pub(super) enum Awaitable {
    /// A task or future that has a name.
    Handle(Name),
    /// A coroutine, passed straight in.
    Coroutine(Name, Block),
}

/// An [`Awaitable`] as it is written: either `t`, or `c` and `body`.
#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    t: Name,
    c: Option<Name>,
    #[serde(default)]
    body: Vec<Statement>,
}

impl From<Keys> for Awaitable {
    fn from(keys: Keys) -> Self {
        match keys.c {
            Some(label) => Self::Coroutine(label, keys.body.into()),
            None => Self::Handle(keys.t),
        }
    }
}

/// When a `wait` is over.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    All,
    First,
    Exc,
}

/// Declares the statements, each with its name in JSON and its fields.
macro_rules! statements {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal {
            $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)?
        }
    )+) => {
        /// A statement.
        #[derive(Debug, Deserialize)]
        #[serde(tag = "op")]
        pub(super) enum Statement {
            $(
                $(#[$doc])*
                #[serde(rename = $name)]
                $variant { id: u32, $($(#[$attribute])* $field: $type),* },
            )+
        }

        impl Statement {
            /// Returns what traces call the statement.
            pub(super) fn site(&self) -> String {
                match self {
                    $(Self::$variant { id, .. } => format!(concat!($name, "#{}"), id),)+
                }
            }
        }
    };
}

statements! {
    Log "log" { msg: Name }
    Return "return" { val: Option<i64> }
    Raise "raise" { exc: Name }
    Reraise "reraise" {}
    Try "try" {
        body: Block,
        handlers: Vec<(Vec<Name>, Block)>,
        #[serde(rename = "else")]
        otherwise: Option<Block>,
        #[serde(rename = "finally")]
        last: Option<Block>,
    }
    Loop "loop" { n: u32, body: Block }

    Spawn "spawn" { label: Name, body: Block }
    Await "await" { h: Name }
    Cancel "cancel" { h: Name, msg: Option<Name> }
    Uncancel "uncancel" {}
    Cancelling "cancelling" {}
    State "state" { h: Name }
    Sleep "sleep" { ns: Nanos }
    Gather "gather" { aws: Vec<Awaitable>, rexc: bool }
    Wait "wait" { hs: Vec<Name>, mode: Mode, timeout: Option<Nanos> }
    WaitFor "wait_for" { aw: Awaitable, timeout: Option<Nanos> }
    Shield "shield" { aw: Awaitable }
    AsCompleted "as_completed" { aws: Vec<Awaitable>, timeout: Option<Nanos> }
    Timeout "timeout" { tid: Name, ns: Option<Nanos>, body: Block }
    Reschedule "reschedule" { tid: Name, ns: Option<Nanos> }
    Expired "expired" { tid: Name }
    Group "tg" { gid: Name, body: Block }
    GroupSpawn "tg_spawn" { gid: Name, label: Name, body: Block }
    CallSoon "call_soon" { tag: Name }
    CallLater "call_later" { tag: Name, ns: Nanos }
    CancelCallback "hcancel" { tag: Name }
    /// Runs a function in a thread, where it takes some time.
    Exec "exec" { ns: Nanos, val: Option<i64>, exc: Option<Name> }
    SetContext "ctx_set" { val: i64 }
    GetContext "ctx_get" {}

    With "with" { o: Name, body: Block }
    Acquire "acquire" { o: Name }
    Release "release" { o: Name }
    Locked "locked" { o: Name }
    EventWait "ev_wait" { o: Name }
    EventSet "ev_set" { o: Name }
    EventClear "ev_clear" { o: Name }
    ConditionWait "cwait" { o: Name }
    ConditionWaitFor "cwait_for" { o: Name, var: Name, ge: i64 }
    Notify "notify" { o: Name, n: usize }
    NotifyAll "notify_all" { o: Name }
    AddVariable "addvar" { var: Name, n: i64 }
    Put "put" { o: Name, val: i64 }
    Get "get" { o: Name }
    JoinQueue "qjoin" { o: Name }
    PutNowait "put_nowait" { o: Name, val: i64 }
    GetNowait "get_nowait" { o: Name }
    QueueSize "qsize" { o: Name }
    TaskDone "task_done" { o: Name }
    ShutDownQueue "qshutdown" { o: Name, imm: bool }
    BarrierWait "bwait" { o: Name }
    BarrierReset "breset" { o: Name }
    BarrierAbort "babort" { o: Name }
    SetFuture "fset" { h: Name, val: i64 }
    FailFuture "fexc" { h: Name, exc: Name }
}

/// Reads a program from its line of JSON.
///
/// # Panics
///
/// If that is not a program.
pub(super) fn parse<T: DeserializeOwned>(line: &str) -> T {
    match serde_json::from_str(line) {
        Ok(program) => program,
        Err(error) => panic!("this is not a program ({error}): {line}"),
    }
}
