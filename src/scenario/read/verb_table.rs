//! The table of verbs, in the order of the reference.

use super::kinds::{
    ANY, BARRIER, CALLBACK, CONDITION, CONNECTION, DURATION, EVENT, FUTURE, INPUT, INT, Kinds,
    LISTENER, LOCK, NONE, OUTPUT, POOL, PROCESS, QUEUE, SEMAPHORE, SOCKET, TASK, TEXT, TIMEOUT,
};
use super::parser::How;
use super::verbs::Slot::{
    self, Awaitable, Awaitables, Call, Clause, Error, Flag, Handler, Maybe, One, Several,
};
use super::verbs::{Form, Taken, Verb};
use crate::scenario::tree::Act;

const fn verb(
    name: &'static str,
    usage: &'static str,
    slots: &'static [Slot],
    act: fn(&mut Taken) -> Act,
) -> Verb {
    let form = Form::Plain(slots, act);
    Verb { name, usage, form }
}

const fn special(name: &'static str, usage: &'static str) -> Verb {
    let form = Form::Special;
    Verb { name, usage, form }
}

const fn fault(name: &'static str, usage: &'static str) -> Verb {
    let form = Form::Fault;
    Verb { name, usage, form }
}

const LIMIT: Kinds = DURATION.or(NONE);
const READABLE: Kinds = CONNECTION.or(PROCESS).or(INPUT);
const WRITABLE: Kinds = CONNECTION.or(PROCESS).or(OUTPUT);
const CLOSABLE: Kinds = CONNECTION
    .or(PROCESS)
    .or(OUTPUT)
    .or(Kinds::or(super::kinds::LISTENER, super::kinds::SERVER))
    .or(SOCKET);
const ACQUIRABLE: Kinds = LOCK.or(CONDITION).or(SEMAPHORE);

pub(super) static FLOW: &[Verb] = &[
    verb("log", "log VALUE…", &[Several(ANY)], |t| {
        Act::Log(std::mem::take(&mut t.several))
    }),
    special("return", "return [VALUE]"),
    special("raise", "raise [ERROR [TEXT]]"),
    special("expect", "expect CONDITION[, TEXT]"),
    verb("fail", "fail TEXT", &[One(TEXT)], |t| Act::Fail(t.value())),
    special("if", "if CONDITION { } else if CONDITION { } else { }"),
    special("loop", "loop { }"),
    special("while", "while CONDITION { }"),
    special("repeat", "repeat TIMES [as NAME] { }"),
    special("for", "for NAME in LIST { }"),
    special("break", "break"),
    special("continue", "continue"),
    special("try", "try { } on ERROR [as NAME] { } else { } finally { }"),
    special("retry", "retry TIMES [every DURATION] { }"),
    special("within", "within DURATION [as NAME] { }"),
    verb(
        "reschedule",
        "reschedule TIMEOUT DURATION",
        &[One(TIMEOUT), One(LIMIT)],
        |t| Act::Reschedule {
            timeout: t.value(),
            limit: t.value(),
        },
    ),
    special("group", "group as NAME { }"),
    special("with", "with LOCK { }"),
    verb(
        "call_soon",
        "call_soon TASK(…)",
        &[Call(How::Callback)],
        |t| Act::CallSoon(t.call()),
    ),
    verb(
        "call_later",
        "call_later DURATION TASK(…)",
        &[One(DURATION), Call(How::Callback)],
        |t| Act::CallLater {
            delay: t.value(),
            call: t.call(),
        },
    ),
];

pub(super) static TASKS: &[Verb] = &[
    verb(
        "spawn",
        "spawn TASK(…) [in GROUP]",
        &[Call(How::Task), Clause("in", super::kinds::GROUP)],
        |t| Act::Spawn {
            call: t.call(),
            group: t.maybe(),
        },
    ),
    verb("await", "await TASK", &[Awaitable(How::Within)], |t| {
        Act::Await(t.awaitable())
    }),
    verb(
        "cancel",
        "cancel TASK [MESSAGE]",
        &[One(TASK.or(FUTURE).or(CALLBACK).or(NONE)), Maybe(TEXT)],
        |t| Act::Cancel {
            what: t.value(),
            message: t.maybe(),
        },
    ),
    verb("uncancel", "uncancel", &[], |_| Act::Uncancel),
    verb("sleep", "sleep DURATION", &[One(DURATION)], |t| {
        Act::Sleep(t.value())
    }),
    verb("yield", "yield", &[], |_| Act::Yield),
    verb(
        "gather",
        "gather TASK… [keep_errors]",
        &[Awaitables, Flag("keep_errors")],
        |t| Act::Gather {
            awaitables: t.awaitables(),
            keep_errors: t.flag,
        },
    ),
    special(
        "wait",
        "wait WHAT… [until first|all|failed] [within DURATION]",
    ),
    verb(
        "wait_for",
        "wait_for TASK DURATION",
        &[Awaitable(How::Within), One(LIMIT)],
        |t| Act::WaitFor {
            awaitable: t.awaitable(),
            limit: t.value(),
        },
    ),
    verb("shield", "shield TASK", &[Awaitable(How::Task)], |t| {
        Act::Shield(t.awaitable())
    }),
    special("completed", "completed TASK… [within DURATION] as NAME { }"),
    verb(
        "set",
        "set FUTURE VALUE",
        &[One(EVENT.or(FUTURE)), Maybe(ANY)],
        |t| Act::Set {
            what: t.value(),
            value: t.maybe(),
        },
    ),
    verb(
        "fail_future",
        "fail_future FUTURE ERROR",
        &[One(FUTURE), Error],
        |t| Act::FailFuture {
            future: t.value(),
            error: t.error(),
        },
    ),
];

pub(super) static TOOLS: &[Verb] = &[
    verb("acquire", "acquire LOCK", &[One(ACQUIRABLE)], |t| {
        Act::Acquire(t.value())
    }),
    verb("release", "release LOCK", &[One(ACQUIRABLE)], |t| {
        Act::Release(t.value())
    }),
    verb("clear", "clear EVENT", &[One(EVENT)], |t| {
        Act::Clear(t.value())
    }),
    verb(
        "notify",
        "notify CONDITION [TASKS]",
        &[One(CONDITION), Maybe(INT)],
        |t| Act::Notify {
            condition: t.value(),
            count: t.maybe(),
        },
    ),
    verb(
        "notify_all",
        "notify_all CONDITION",
        &[One(CONDITION)],
        |t| Act::NotifyAll(t.value()),
    ),
    verb("reset", "reset BARRIER", &[One(BARRIER)], |t| {
        Act::Reset(t.value())
    }),
    verb(
        "abort",
        "abort BARRIER",
        &[One(BARRIER.or(CONNECTION))],
        |t| Act::Abort(t.value()),
    ),
    verb("put", "put QUEUE VALUE", &[One(QUEUE), One(ANY)], |t| {
        Act::Put {
            queue: t.value(),
            item: t.value(),
        }
    }),
    verb("get", "get QUEUE", &[One(QUEUE)], |t| Act::Get(t.value())),
    verb(
        "put_now",
        "put_now QUEUE VALUE",
        &[One(QUEUE), One(ANY)],
        |t| Act::PutNow {
            queue: t.value(),
            item: t.value(),
        },
    ),
    verb("get_now", "get_now QUEUE", &[One(QUEUE)], |t| {
        Act::GetNow(t.value())
    }),
    verb("join", "join QUEUE", &[One(QUEUE)], |t| {
        Act::Join(t.value())
    }),
    verb("done", "done QUEUE", &[One(QUEUE)], |t| {
        Act::Done(t.value())
    }),
    verb(
        "shut_down",
        "shut_down QUEUE [now]",
        &[One(QUEUE), Flag("now")],
        |t| Act::ShutDown {
            queue: t.value(),
            now: t.flag,
        },
    ),
];

pub(super) static PROCESSES: &[Verb] = &[
    verb(
        "to_thread",
        "to_thread TASK(…) [on POOL]",
        &[Call(How::Thread), Clause("on", POOL)],
        |t| Act::ToThread {
            call: t.call(),
            pool: t.maybe(),
        },
    ),
    verb(
        "spawn_thread",
        "spawn_thread TASK(…)",
        &[Call(How::Thread)],
        |t| Act::SpawnThread(t.call()),
    ),
    verb("start", "start PROGRAM(…)", &[Call(How::Process)], |t| {
        Act::Start(t.call())
    }),
    verb(
        "communicate",
        "communicate PROCESS TEXT",
        &[One(PROCESS), One(TEXT)],
        |t| Act::Communicate {
            process: t.value(),
            input: t.value(),
        },
    ),
    verb(
        "signal",
        "signal PROCESS SIGNAL",
        &[One(PROCESS), One(TEXT)],
        |t| Act::Signal {
            process: t.value(),
            signal: t.value(),
        },
    ),
    verb("kill", "kill PROCESS", &[One(PROCESS)], |t| {
        Act::Kill(t.value())
    }),
    verb("terminate", "terminate PROCESS", &[One(PROCESS)], |t| {
        Act::Terminate(t.value())
    }),
    verb(
        "pipe",
        "pipe PROCESS PROCESS",
        &[One(PROCESS), One(PROCESS)],
        |t| Act::Pipe {
            from: t.value(),
            to: t.value(),
        },
    ),
    verb("exit", "exit STATUS", &[One(INT)], |t| Act::Exit(t.value())),
    special("on_signal", "on_signal SIGNAL { }"),
];

pub(super) static NETWORK: &[Verb] = &[
    verb(
        "listen",
        "listen PORT [backlog CONNECTIONS]",
        &[One(INT.or(TEXT)), Clause("backlog", INT)],
        |t| Act::Listen {
            address: t.value(),
            backlog: t.maybe(),
        },
    ),
    verb("accept", "accept LISTENER", &[One(LISTENER)], |t| {
        Act::Accept(t.value())
    }),
    verb("serve", "serve PORT TASK", &[One(INT), Handler], |t| {
        Act::Serve {
            port: t.value(),
            handler: t.handler(),
        }
    }),
    verb(
        "connect",
        "connect HOST PORT [limit BYTES]",
        &[One(TEXT), Maybe(INT), Clause("limit", INT)],
        |t| Act::Connect {
            address: t.value(),
            port: t.maybe(),
            limit: t.maybe(),
        },
    ),
    verb(
        "send",
        "send CONNECTION LINE",
        &[One(WRITABLE), One(ANY)],
        |t| Act::Send {
            to: t.value(),
            line: t.value(),
        },
    ),
    verb("recv", "recv CONNECTION", &[One(READABLE)], |t| {
        Act::Recv(t.value())
    }),
    verb(
        "write",
        "write CONNECTION TEXT",
        &[One(WRITABLE), One(ANY)],
        |t| Act::Write {
            to: t.value(),
            bytes: t.value(),
        },
    ),
    verb("drain", "drain CONNECTION", &[One(WRITABLE)], |t| {
        Act::Drain(t.value())
    }),
    verb(
        "read",
        "read CONNECTION [BYTES]",
        &[One(READABLE), Maybe(INT)],
        |t| Act::Read {
            from: t.value(),
            count: t.maybe(),
        },
    ),
    verb(
        "read_until",
        "read_until CONNECTION SEPARATOR",
        &[One(READABLE), One(TEXT)],
        |t| Act::ReadUntil {
            from: t.value(),
            separator: t.value(),
        },
    ),
    verb("read_all", "read_all CONNECTION", &[One(READABLE)], |t| {
        Act::ReadAll(t.value())
    }),
    verb("write_eof", "write_eof CONNECTION", &[One(WRITABLE)], |t| {
        Act::WriteEof(t.value())
    }),
    verb("close", "close CONNECTION", &[One(CLOSABLE)], |t| {
        Act::Close(t.value())
    }),
    verb(
        "pause_reading",
        "pause_reading CONNECTION",
        &[One(CONNECTION)],
        |t| Act::PauseReading(t.value()),
    ),
    verb(
        "resume_reading",
        "resume_reading CONNECTION",
        &[One(CONNECTION)],
        |t| Act::ResumeReading(t.value()),
    ),
    verb(
        "limits",
        "limits CONNECTION HIGH LOW",
        &[One(CONNECTION), One(INT), One(INT)],
        |t| Act::Limits {
            of: t.value(),
            high: t.value(),
            low: t.value(),
        },
    ),
    verb("bind", "bind PORT", &[One(INT)], |t| Act::Bind(t.value())),
    verb(
        "send_to",
        "send_to SOCKET HOST PORT TEXT",
        &[One(SOCKET), One(TEXT), One(INT), One(ANY)],
        |t| Act::SendTo {
            socket: t.value(),
            host: t.value(),
            port: t.value(),
            text: t.value(),
        },
    ),
    verb("recv_from", "recv_from SOCKET", &[One(SOCKET)], |t| {
        Act::RecvFrom(t.value())
    }),
    verb("resolve", "resolve NAME", &[One(TEXT)], |t| {
        Act::Resolve(t.value())
    }),
];

pub(super) static FILES: &[Verb] = &[
    verb(
        "write_file",
        "write_file NAME TEXT",
        &[One(TEXT), One(ANY)],
        |t| Act::WriteFile {
            name: t.value(),
            text: t.value(),
        },
    ),
    verb(
        "append_file",
        "append_file NAME TEXT",
        &[One(TEXT), One(ANY)],
        |t| Act::AppendFile {
            name: t.value(),
            text: t.value(),
        },
    ),
    verb("read_file", "read_file NAME", &[One(TEXT)], |t| {
        Act::ReadFile(t.value())
    }),
    verb("sync_file", "sync_file NAME", &[One(TEXT)], |t| {
        Act::SyncFile(t.value())
    }),
    verb("sync_files", "sync_files", &[], |_| Act::SyncFiles),
    verb(
        "rename_file",
        "rename_file NAME NAME",
        &[One(TEXT), One(TEXT)],
        |t| Act::RenameFile {
            from: t.value(),
            to: t.value(),
        },
    ),
    verb("remove_file", "remove_file NAME", &[One(TEXT)], |t| {
        Act::RemoveFile(t.value())
    }),
    verb("list_files", "list_files", &[], |_| Act::ListFiles),
];

pub(super) static FAULTS: &[Verb] = &[
    fault("cut", "cut HOSTS | HOSTS [for DURATION]"),
    fault("hold", "hold HOSTS -> HOSTS [for DURATION]"),
    fault("heal", "heal [HOSTS | HOSTS]"),
    fault("slow", "slow HOSTS -> HOSTS DURATION [for DURATION]"),
    fault("drop", "drop HOSTS -> HOSTS PERCENT [for DURATION]"),
    fault(
        "duplicate",
        "duplicate HOSTS -> HOSTS PERCENT [for DURATION]",
    ),
    fault("crash", "crash HOSTS"),
    fault("stop", "stop HOSTS"),
    fault("restart", "restart HOSTS [after DURATION]"),
    fault("pause", "pause HOSTS [for DURATION]"),
    fault("resume", "resume HOSTS"),
    fault("skew", "skew HOSTS [-]DURATION"),
];

/// `clear` between hosts; the verb of that name clears an event.
pub(super) const CLEAR: &str = "clear HOSTS -> HOSTS";
