//! Programs as scenarios: each becomes a file of steps, and each line of it knows which statement
//! it stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::program::{Awaitable, Block, Made, Mode, Nanos, Program, Statement};

/// A program as a scenario.
pub(crate) struct Translation {
    pub(crate) text: String,
    /// By line, counted from 1: what traces call the statement that stands there.
    pub(super) sites: BTreeMap<usize, String>,
    /// The labels of the bodies in which jobs for threads stand.
    pub(super) jobs: BTreeMap<String, String>,
}

/// Names in scenarios say what they are of: two of a program may be alike.
pub(super) const OBJECT: &str = "o_";
pub(super) const HANDLE: &str = "h_";
pub(super) const BODY: &str = "b_";
pub(super) const JOB: &str = "j_";
pub(super) const CALLBACK: &str = "cb_";

/// Errors that a program may raise, which are declared by raising them.
const ERRORS: [&str; 3] = ["E1", "E2", "E3"];

impl Translation {
    pub(crate) fn new(program: &Program) -> Self {
        let objects = program.objs.iter();
        let futures = objects.filter(|(_, Made(kind, _))| kind == "future");
        let mut translator = Translator {
            futures: futures.map(|(name, _)| name.clone()).collect(),
            ..Translator::default()
        };
        translator.body("main", "main", &program.main);
        translator.finish(program)
    }
}

/// A body's lines, with the statements that begin on them.
#[derive(Default)]
struct Lines(Vec<(String, Option<String>)>);

#[derive(Default)]
struct Translator {
    futures: BTreeSet<String>,
    /// By name: the bodies of tasks, jobs and callbacks.
    bodies: BTreeMap<String, Lines>,
    /// Names that all tasks share, and what they are at first.
    shared: BTreeMap<String, &'static str>,
    jobs: BTreeMap<String, String>,
    /// The queues whose items are thrown away when they are shut down.
    thrown_away: BTreeSet<String>,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The label of its body.
    label: &'a str,
    depth: usize,
    /// A handler around it has caught an error.
    in_handler: bool,
}

impl Place<'_> {
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    /// In the block of a scope, where what a handler has caught is not known.
    fn scoped(self) -> Self {
        Self {
            in_handler: false,
            ..self.deeper()
        }
    }
}

impl Lines {
    fn add(&mut self, depth: usize, text: &str, site: Option<String>) {
        let indent = "  ".repeat(depth);
        self.0.push((format!("{indent}{text}"), site));
    }
}

impl Translator {
    fn finish(self, program: &Program) -> Translation {
        let mut text = format!(
            "format = 1\nname = \"program {}\"\n[run]\nstuck = \"interrupt\"\nthreads = 4\n\
             eager = {}\n",
            program.pid, program.eager
        );
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, made) in &program.objs {
            let (table, values) = object(made);
            let lines = tables.entry(table).or_default();
            lines.push(format!("{OBJECT}{name} = {values}"));
        }
        let shared = self.shared.iter();
        let shared = shared.map(|(name, first)| format!("{name} = {first}"));
        tables.insert("shared", shared.collect());
        tables.insert("context", vec!["context = 0".to_owned()]);
        let queues = program
            .objs
            .iter()
            .filter(|(name, made)| object(made).0 == "queue" && !self.thrown_away.contains(*name));
        let checks = queues.filter_map(|(name, _)| {
            let queue = format!("{OBJECT}{name}");
            // What no step does cannot be counted.
            let count = |verbs: [&str; 2]| {
                let steps = verbs.map(|verb| format!("{verb} {queue}"));
                let done = steps.iter().filter(|step| self.does(step));
                let counts: Vec<String> = done.map(|step| format!("count({step})")).collect();
                counts.join(" + ")
            };
            let (put, got) = (count(["put", "put_now"]), count(["get", "get_now"]));
            let left = format!("len({queue})");
            let rest = if got.is_empty() {
                left
            } else {
                format!("{got} + {left}")
            };
            let property = format!("\"at end {put} == {rest}\"");
            (!put.is_empty()).then(|| format!("\"no item of {queue} is lost\" = {property}"))
        });
        tables.insert("check", checks.collect());
        for (table, lines) in tables {
            text.push_str(&format!("[{table}]\n{}\n", lines.join("\n")));
        }
        let raised = ERRORS.map(|error| format!("raise {error}\n")).concat();
        text.push_str(&format!("[task]\nerrors = '''\n{raised}'''\n"));
        let mut sites = BTreeMap::new();
        let mut line = text.matches('\n').count() + 1;
        for (name, Lines(lines)) in self.bodies {
            text.push_str(&format!("{name} = '''\n"));
            for (step, site) in lines {
                line += 1;
                text.push_str(&format!("{step}\n"));
                sites.extend(site.map(|site| (line, site)));
            }
            text.push_str("'''\n");
            line += 2;
        }
        Translation {
            text,
            sites,
            jobs: self.jobs,
        }
    }

    /// Says whether some line is that step, with whatever may follow.
    fn does(&self, step: &str) -> bool {
        let mut lines = self.bodies.values().flat_map(|Lines(lines)| lines);
        lines.any(|(line, _)| {
            let rest = line.trim_start().strip_prefix(step);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    }

    fn body(&mut self, name: &str, label: &str, block: &Block) {
        let mut lines = Lines::default();
        let place = Place {
            label,
            depth: 0,
            in_handler: false,
        };
        self.block(&mut lines, place, block);
        self.bodies.insert(name.to_owned(), lines);
    }

    fn block(&mut self, lines: &mut Lines, place: Place<'_>, block: &Block) {
        for statement in &**block {
            self.statement(lines, place, statement);
        }
    }

    /// Returns what a task or future is called.
    fn handle(&mut self, name: &str) -> String {
        match name {
            "main" => return name.to_owned(),
            // It can be cancelled, but is no handle.
            "self" => return self.shared(HANDLE, "nobody"),
            _ => {}
        }
        if self.futures.contains(name) {
            return format!("{OBJECT}{name}");
        }
        self.shared(HANDLE, name)
    }

    /// Returns the name of a variable that all tasks share.
    fn shared(&mut self, prefix: &str, name: &str) -> String {
        let name = format!("{prefix}{name}");
        self.shared.insert(name.clone(), "\"none\"");
        name
    }

    /// Returns a call of a body, which is made.
    fn call(&mut self, label: &str, block: &Block) -> String {
        let name = format!("{BODY}{label}");
        self.body(&name, label, block);
        format!("{name}()")
    }

    fn awaitable(&mut self, awaitable: &Awaitable) -> String {
        match awaitable {
            Awaitable::Handle(name) => self.handle(name),
            Awaitable::Coroutine(label, block) => self.call(label, block),
        }
    }

    /// Returns what stands behind a verb that takes several.
    fn awaitables(&mut self, awaitables: &[Awaitable]) -> String {
        let all = awaitables.iter().map(|one| self.awaitable(one));
        let all: Vec<String> = all.collect();
        if all.is_empty() {
            return "[]".to_owned();
        }
        all.join(" ")
    }

    /// Translates a statement that directs others.
    fn statement(&mut self, lines: &mut Lines, place: Place<'_>, statement: &Statement) {
        let site = || Some(statement.site());
        let depth = place.depth;
        match statement {
            Statement::Reraise { .. } if !place.in_handler => {}
            Statement::Reraise { .. } => lines.add(depth, "raise", site()),
            Statement::Try {
                body,
                handlers,
                otherwise,
                last,
                ..
            } => {
                lines.add(depth, "try {", site());
                self.block(lines, place.deeper(), body);
                for (names, block) in handlers {
                    let kinds: Vec<&str> = names.iter().map(|name| kind(name)).collect();
                    lines.add(depth, &format!("}} on {} {{", kinds.join(", ")), None);
                    let mut handler = place.deeper();
                    handler.in_handler = true;
                    self.block(lines, handler, block);
                }
                for (word, block) in [("else", otherwise), ("finally", last)] {
                    if let Some(block) = block {
                        lines.add(depth, &format!("}} {word} {{"), None);
                        self.block(lines, place.deeper(), block);
                    }
                }
                lines.add(depth, "}", None);
            }
            Statement::Loop { n, body, .. } => {
                lines.add(depth, &format!("repeat {n} {{"), site());
                self.block(lines, place.deeper(), body);
                lines.add(depth, "}", None);
            }
            Statement::Timeout { tid, ns, body, .. } => {
                let name = self.shared("x_", tid);
                let limit = limit(ns.as_ref());
                lines.add(depth, &format!("within {limit} as {name} {{"), site());
                self.block(lines, place.scoped(), body);
                lines.add(depth, "}", None);
            }
            Statement::Group { gid, body, .. } => {
                let name = self.shared("g_", gid);
                lines.add(depth, &format!("group as {name} {{"), site());
                self.block(lines, place.scoped(), body);
                lines.add(depth, "}", None);
            }
            Statement::With { o, body, .. } => {
                lines.add(depth, &format!("with {OBJECT}{o} {{"), site());
                self.block(lines, place.scoped(), body);
                lines.add(depth, "}", None);
            }
            Statement::AsCompleted { aws, timeout, .. } => {
                let mut text = format!("completed {}", self.awaitables(aws));
                if timeout.is_some() {
                    text.push_str(&format!(" within {}", limit(timeout.as_ref())));
                }
                lines.add(depth, &format!("{text} as item {{"), site());
                lines.add(depth, "}", None);
            }
            _ => {
                let text = self.task_step(place, statement);
                let text = text.unwrap_or_else(|| self.tool_step(statement));
                lines.add(depth, &text, site());
            }
        }
    }

    /// Translates a statement about tasks.
    fn task_step(&mut self, place: Place<'_>, statement: &Statement) -> Option<String> {
        Some(match statement {
            Statement::Log { msg, .. } => format!("log {msg:?}"),
            Statement::Return { val: None, .. } => "return".to_owned(),
            Statement::Return { val: Some(val), .. } => format!("return {val}"),
            Statement::Raise { exc, .. } => format!("raise {exc}"),
            Statement::Spawn { label, body, .. } => {
                let (name, call) = (self.handle(label), self.call(label, body));
                format!("{name} = spawn {call}")
            }
            Statement::GroupSpawn {
                gid, label, body, ..
            } => {
                let (name, call) = (self.handle(label), self.call(label, body));
                let group = self.shared("g_", gid);
                format!("{name} = spawn {call} in {group}")
            }
            Statement::Await { h, .. } => format!("await {}", self.handle(h)),
            Statement::Cancel { h, msg, .. } => {
                let task = match h.as_str() {
                    "self" => h.clone(),
                    h => self.handle(h),
                };
                let message = msg.as_ref().map(|msg| format!(" {msg:?}"));
                format!("cancel {task}{}", message.unwrap_or_default())
            }
            Statement::Uncancel { .. } => "uncancel".to_owned(),
            Statement::Cancelling { .. } => "value = cancelling".to_owned(),
            Statement::State { h, .. } => {
                let handle = self.handle(h);
                format!("value = [state({handle}), result({handle})]")
            }
            Statement::Sleep { ns, .. } => format!("sleep {}", span(*ns)),
            Statement::Gather { aws, rexc, .. } => {
                let awaitables = self.awaitables(aws);
                let options = if *rexc { " keep_errors" } else { "" };
                format!("gather {awaitables}{options}")
            }
            Statement::Wait {
                hs, mode, timeout, ..
            } => {
                let handles: Vec<String> = hs.iter().map(|name| self.handle(name)).collect();
                let until = match mode {
                    Mode::All => "all",
                    Mode::First => "first",
                    Mode::Exc => "failed",
                };
                let within = match timeout {
                    None => String::new(),
                    Some(limit) => format!(" within {}", span(*limit)),
                };
                let handles = match &*handles {
                    [] => "[]".to_owned(),
                    handles => handles.join(" "),
                };
                format!("wait {handles} until {until}{within}")
            }
            Statement::WaitFor { aw, timeout, .. } => {
                format!(
                    "wait_for {} {}",
                    self.awaitable(aw),
                    limit(timeout.as_ref())
                )
            }
            Statement::Shield { aw, .. } => format!("shield {}", self.awaitable(aw)),
            Statement::Reschedule { tid, ns, .. } => {
                format!(
                    "reschedule {} {}",
                    self.shared("x_", tid),
                    limit(ns.as_ref())
                )
            }
            Statement::Expired { tid, .. } => {
                format!("value = expired({})", self.shared("x_", tid))
            }
            Statement::CallSoon { tag, .. } => {
                let (name, call) = (self.shared("c_", tag), self.callback(tag));
                format!("{name} = call_soon {call}")
            }
            Statement::CallLater { tag, ns, .. } => {
                let (name, call) = (self.shared("c_", tag), self.callback(tag));
                format!("{name} = call_later {} {call}", span(*ns))
            }
            Statement::CancelCallback { tag, .. } => format!("cancel {}", self.shared("c_", tag)),
            Statement::Exec { id, ns, val, exc } => {
                let name = format!("{JOB}{id}");
                let mut lines = Lines::default();
                lines.add(0, &format!("sleep {}", span(*ns)), None);
                lines.add(0, &format!("log \"thread#{id}\""), None);
                match (exc, val) {
                    (Some(exc), _) => lines.add(0, &format!("raise {exc}"), None),
                    (None, Some(val)) => lines.add(0, &format!("return {val}"), None),
                    (None, None) => {}
                }
                self.bodies.insert(name.clone(), lines);
                self.jobs.insert(name.clone(), place.label.to_owned());
                format!("to_thread {name}()")
            }
            Statement::SetContext { val, .. } => format!("context = {val}"),
            Statement::GetContext { .. } => "value = context".to_owned(),
            _ => return None,
        })
    }

    /// Returns a call of a callback that leaves a line in the trace, which is made.
    fn callback(&mut self, tag: &str) -> String {
        let name = format!("{CALLBACK}{tag}");
        let mut lines = Lines::default();
        lines.add(0, &format!("log \"cb:{tag}\""), None);
        self.bodies.insert(name.clone(), lines);
        format!("{name}()")
    }

    /// Translates a statement about one of the program's objects.
    fn tool_step(&mut self, statement: &Statement) -> String {
        match statement {
            Statement::Acquire { o, .. } => format!("acquire {OBJECT}{o}"),
            Statement::Release { o, .. } => format!("release {OBJECT}{o}"),
            Statement::Locked { o, .. } => format!("value = locked({OBJECT}{o})"),
            Statement::EventWait { o, .. }
            | Statement::ConditionWait { o, .. }
            | Statement::BarrierWait { o, .. } => format!("wait {OBJECT}{o}"),
            Statement::EventSet { o, .. } => format!("set {OBJECT}{o}"),
            Statement::EventClear { o, .. } => format!("clear {OBJECT}{o}"),
            Statement::ConditionWaitFor { o, var, ge, .. } => {
                let variable = self.variable(var);
                format!("wait {OBJECT}{o} until {variable} >= {ge}")
            }
            Statement::Notify { o, n, .. } => format!("notify {OBJECT}{o} {n}"),
            Statement::NotifyAll { o, .. } => format!("notify_all {OBJECT}{o}"),
            Statement::AddVariable { var, n, .. } => {
                let variable = self.variable(var);
                format!("{variable} = {variable} + {n}")
            }
            Statement::Put { o, val, .. } => format!("put {OBJECT}{o} {val}"),
            Statement::Get { o, .. } => format!("get {OBJECT}{o}"),
            Statement::JoinQueue { o, .. } => format!("join {OBJECT}{o}"),
            Statement::PutNowait { o, val, .. } => format!("put_now {OBJECT}{o} {val}"),
            Statement::GetNowait { o, .. } => format!("get_now {OBJECT}{o}"),
            Statement::QueueSize { o, .. } => format!("value = len({OBJECT}{o})"),
            Statement::TaskDone { o, .. } => format!("done {OBJECT}{o}"),
            Statement::ShutDownQueue { o, imm: true, .. } => {
                self.thrown_away.insert(o.clone());
                format!("shut_down {OBJECT}{o} now")
            }
            Statement::ShutDownQueue { o, .. } => format!("shut_down {OBJECT}{o}"),
            Statement::BarrierReset { o, .. } => format!("reset {OBJECT}{o}"),
            Statement::BarrierAbort { o, .. } => format!("abort {OBJECT}{o}"),
            Statement::SetFuture { h, val, .. } => format!("set {OBJECT}{h} {val}"),
            Statement::FailFuture { h, exc, .. } => format!("fail_future {OBJECT}{h} {exc}"),
            _ => panic!("{} cannot be translated", statement.site()),
        }
    }

    /// Returns the name of a variable that counts.
    fn variable(&mut self, name: &str) -> String {
        let name = format!("v_{name}");
        self.shared.insert(name.clone(), "0");
        name
    }
}

/// Returns the scenario's name for the errors that a handler of that name catches.
fn kind(name: &str) -> &str {
    match name {
        "Cancelled" => "cancelled",
        "Timeout" => "timeout",
        "Sim" => "E1, E2, E3",
        "Group" => "group",
        "Runtime" => "misuse",
        "Value" => "invalid",
        "Any" => "error",
        "Base" => "any",
        own => own,
    }
}

fn span(Nanos(span): Nanos) -> String {
    format!("{}ns", span.as_nanos())
}

fn limit(limit: Option<&Nanos>) -> String {
    limit.map_or("none".to_owned(), |limit| span(*limit))
}

/// Returns the table in which an object stands, and what stands there.
fn object(Made(kind, size): &Made) -> (&'static str, String) {
    match kind.as_str() {
        "lock" => ("lock", "{}".to_owned()),
        "cond" => ("condition", "{}".to_owned()),
        "sem" => ("semaphore", format!("{{ permits = {size} }}")),
        "bsem" => (
            "semaphore",
            format!("{{ permits = {size}, bounded = true }}"),
        ),
        "event" => ("event", "{}".to_owned()),
        "queue" => ("queue", format!("{{ capacity = {size} }}")),
        "lifo" => (
            "queue",
            format!("{{ capacity = {size}, order = \"lifo\" }}"),
        ),
        "prio" => (
            "queue",
            format!("{{ capacity = {size}, order = \"priority\" }}"),
        ),
        "barrier" => ("barrier", format!("{{ parties = {size} }}")),
        "future" => ("future", "{}".to_owned()),
        _ => panic!("there are no objects of kind {kind}"),
    }
}
