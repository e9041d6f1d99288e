//! What the text of a task is read into: blocks of steps over resolved names.

use std::sync::Arc;
use std::time::Duration;

use super::source::Span;

/// The steps between two braces, or of a whole body.
pub(crate) type Block = Arc<[Step]>;

/// A line of a body.
#[derive(Debug)]
pub(crate) struct Step {
    /// From the first word to the last, without the blocks that belong to it.
    pub(crate) span: Span,
    /// Where its result goes.
    pub(crate) keep: Option<Place>,
    pub(crate) act: Act,
    /// `} on .. {` after its block.
    pub(crate) handlers: Vec<Handler>,
}

/// What a handler catches, and what it does then.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) kinds: Vec<ErrorName>,
    /// `as e`
    pub(crate) keep: Option<Place>,
    pub(crate) block: Block,
    pub(crate) span: Span,
}

/// What an error is called in `on ..` and `raise ..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ErrorName {
    /// Every error but `cancelled`.
    Error,
    /// All.
    Any,
    Cancelled,
    Timeout,
    Closed,
    Refused,
    Reset,
    Unreachable,
    Address,
    Network,
    Empty,
    Full,
    ShutDown,
    Broken,
    InvalidState,
    Misuse,
    Invalid,
    Group,
    Exit,
    File,
    /// One of the scenario's own.
    Own(Arc<str>),
}

/// Where a variable stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the body's own table.
    Local(u16),
    /// In the run's, an index into `[shared]`.
    Shared(u16),
    /// In the task's context, an index into `[context]`.
    Context(u16),
}

/// A value to be worked out.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Const(Const),
    /// A string with values in it.
    Text(Vec<Piece>),
    /// A range of durations or of integers (both ends count), of which one is drawn.
    Drawn(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Item(Box<Expr>, Box<Expr>),
    Variable(Place),
    /// An index into the scenario's objects.
    Object(u16),
    /// `self`, `main`
    CurrentTask,
    MainTask,
    /// The streams of a process.
    Stdin,
    Stdout,
    Stderr,
    /// `now`: since the start of the run.
    Now,
    /// `clock`: what the host's own clock shows; in checks `clock(host)`.
    Clock(Option<HostIndex>),
    /// `cancelling`: how many requests there are to cancel the task.
    Cancelling,
    Not(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `len(x)`, `state(t)` and others.
    Call(Function, Box<Expr>),
    /// What only checks can ask.
    Probe(Probe),
}

#[derive(Debug)]
pub(crate) enum Piece {
    Text(Arc<str>),
    Value(Expr),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Const {
    None,
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
    Duration(Duration),
    List(Vec<Const>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// Items of a list, characters of a string, items in a queue.
    Len,
    /// `"pending"`, `"returned"`, `"failed"`, `"cancelled"`
    State,
    /// What a task returned or raised; none before it has ended.
    Result,
    Locked,
    /// Bytes in a write buffer.
    Size,
    Permits,
    /// Tasks that wait for an object.
    Waiting,
    /// Whether a timeout has expired.
    Expired,
    IsSet,
}

/// What only checks can ask.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// An index into the scenario's counters.
    Count(u16),
    /// Tasks that have not ended.
    Pending,
    /// Connections, listeners and processes in variables of that name that are not closed.
    Open(Arc<str>),
    Up(HostIndex),
    /// The state of the task of that name, or `none` before there is one.
    TaskState(Arc<str>),
}

/// What a `count(..)` of a check counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Steps of that verb that were done, on that object if one is named.
    Step {
        verb: &'static str,
        object: Option<u16>,
    },
    /// Lines logged that begin with that text.
    Logged(Arc<str>),
    /// Tasks of that name, or of the body of that name.
    Spawned(Arc<str>),
    Returned(Arc<str>),
    Failed(Arc<str>),
    Cancelled(Arc<str>),
    /// Faults of that word that struck.
    Fault(Arc<str>),
}

/// An index into the scenario's hosts.
pub(crate) type HostIndex = u16;

/// A body called with arguments.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) span: Span,
    pub(crate) callee: Callee,
    pub(crate) arguments: Vec<Expr>,
    /// The names of the arguments, which only functions in Rust take: `kv_server(port = 7)`.
    pub(crate) names: Vec<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    /// An index into the scenario's bodies.
    Body(u16),
    /// An index into the registered functions in Rust.
    Rust(u16),
}

/// What can be awaited.
#[derive(Debug)]
pub(crate) enum Awaitable {
    /// A task, a future, or (where several are taken) a list of them.
    Value(Expr),
    Call(Call),
}

/// When a `wait` for tasks is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    All,
    First,
    Failed,
}

/// What a step does. The verbs stand in the order of the language's reference.
#[derive(Debug)]
pub(crate) enum Act {
    Log(Vec<Expr>),
    Return(Option<Expr>),
    /// Raises an error, or (`None`) the one that is being handled.
    Raise(Option<(ErrorName, Option<Expr>)>),
    Expect {
        holds: Expr,
        text: Option<Expr>,
    },
    Fail(Expr),
    /// `x = expression`
    Value(Expr),
    If {
        branches: Vec<(Expr, Block)>,
        otherwise: Option<Block>,
    },
    Loop(Block),
    While(Expr, Block),
    Repeat {
        times: Expr,
        count: Option<Place>,
        block: Block,
    },
    For {
        item: Place,
        list: Expr,
        block: Block,
    },
    Break,
    Continue,
    Try {
        block: Block,
        otherwise: Option<Block>,
        finally: Option<Block>,
    },
    Retry {
        times: Expr,
        every: Option<Expr>,
        block: Block,
    },
    Within {
        limit: Expr,
        name: Option<Place>,
        block: Block,
    },
    Reschedule {
        timeout: Expr,
        limit: Expr,
    },
    Group {
        name: Place,
        block: Block,
    },
    With {
        object: Expr,
        block: Block,
    },
    CallSoon(Call),
    CallLater {
        delay: Expr,
        call: Call,
    },
    /// A call as a step.
    Inline(Call),

    Spawn {
        call: Call,
        group: Option<Expr>,
    },
    Await(Awaitable),
    Cancel {
        what: Expr,
        message: Option<Expr>,
    },
    Uncancel,
    Sleep(Expr),
    Yield,
    Gather {
        awaitables: Vec<Awaitable>,
        keep_errors: bool,
    },
    /// `wait` for one thing: a set of tasks if there are options or several, else whatever it is.
    Wait {
        what: Vec<Expr>,
        until: Option<Until>,
        within: Option<Expr>,
    },
    /// `wait c until ..`
    WaitUntil {
        condition: Expr,
        holds: Expr,
    },
    WaitFor {
        awaitable: Awaitable,
        limit: Expr,
    },
    Shield(Awaitable),
    Completed {
        awaitables: Vec<Awaitable>,
        within: Option<Expr>,
        item: Place,
        block: Block,
    },
    /// An event, or a future with a value.
    Set {
        what: Expr,
        value: Option<Expr>,
    },
    FailFuture {
        future: Expr,
        error: ErrorName,
    },

    Acquire(Expr),
    Release(Expr),
    Clear(Expr),
    Notify {
        condition: Expr,
        count: Option<Expr>,
    },
    NotifyAll(Expr),
    Reset(Expr),
    /// A barrier, or a connection.
    Abort(Expr),
    Put {
        queue: Expr,
        item: Expr,
    },
    Get(Expr),
    PutNow {
        queue: Expr,
        item: Expr,
    },
    GetNow(Expr),
    Join(Expr),
    Done(Expr),
    ShutDown {
        queue: Expr,
        now: bool,
    },

    ToThread {
        call: Call,
        pool: Option<Expr>,
    },
    SpawnThread(Call),
    Start(Call),
    Communicate {
        process: Expr,
        input: Expr,
    },
    Signal {
        process: Expr,
        signal: Expr,
    },
    Kill(Expr),
    Terminate(Expr),
    Pipe {
        from: Expr,
        to: Expr,
    },
    Exit(Expr),
    OnSignal {
        signal: Expr,
        block: Block,
    },

    Listen {
        address: Expr,
        backlog: Option<Expr>,
    },
    Accept(Expr),
    Serve {
        port: Expr,
        handler: Callee,
    },
    Connect {
        address: Expr,
        port: Option<Expr>,
        limit: Option<Expr>,
    },
    Send {
        to: Expr,
        line: Expr,
    },
    Recv(Expr),
    Write {
        to: Expr,
        bytes: Expr,
    },
    Drain(Expr),
    Read {
        from: Expr,
        count: Option<Expr>,
    },
    ReadUntil {
        from: Expr,
        separator: Expr,
    },
    ReadAll(Expr),
    WriteEof(Expr),
    Close(Expr),
    PauseReading(Expr),
    ResumeReading(Expr),
    Limits {
        of: Expr,
        high: Expr,
        low: Expr,
    },
    Bind(Expr),
    SendTo {
        socket: Expr,
        host: Expr,
        port: Expr,
        text: Expr,
    },
    RecvFrom(Expr),
    Resolve(Expr),

    WriteFile {
        name: Expr,
        text: Expr,
    },
    AppendFile {
        name: Expr,
        text: Expr,
    },
    ReadFile(Expr),
    SyncFile(Expr),
    SyncFiles,
    RenameFile {
        from: Expr,
        to: Expr,
    },
    RemoveFile(Expr),
    ListFiles,

    Fault(Fault),
}

/// Something that goes wrong, or is mended.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) kind: FaultKind,
    /// `for 3s`: how long, before it is taken back.
    pub(crate) lasting: Option<Expr>,
}

/// Between which hosts: all of `some` and all of `others`, one way or both.
#[derive(Clone, Debug)]
pub(crate) struct Between {
    pub(crate) some: Vec<HostIndex>,
    pub(crate) others: Vec<HostIndex>,
    pub(crate) both_ways: bool,
}

#[derive(Debug)]
pub(crate) enum FaultKind {
    Cut(Between),
    Hold(Between),
    /// `None` heals everything.
    Heal(Option<Between>),
    Slow(Between, Expr),
    Drop(Between, f64),
    Duplicate(Between, f64),
    Clear(Between),
    Crash(Vec<HostIndex>),
    Stop(Vec<HostIndex>),
    Restart {
        hosts: Vec<HostIndex>,
        after: Option<Expr>,
    },
    Pause(Vec<HostIndex>),
    Resume(Vec<HostIndex>),
    /// Ahead, or (`true`) behind.
    Skew {
        hosts: Vec<HostIndex>,
        by: Expr,
        behind: bool,
    },
}
