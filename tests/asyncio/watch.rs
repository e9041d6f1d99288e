//! What must be true of any program's objects when it stands still, in whatever order it has run.
//!
//! Nobody sleeps beside what he waits for: not before a free lock or permit, not before a set
//! event, a queue that has what he wants, or a future that is done. And no item is lost: as many
//! have been put into a queue as were got out of it and are still in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::machine::Machine;
use super::object::{Lockable, Object, Queue};
use super::program::{Awaitable, Block, Program, Statement};

/// Looks at a program's objects whenever it stands still.
pub(super) struct Watch {
    /// The names of what statements are about, by the names that traces have for the statements.
    objects: BTreeMap<String, String>,
    /// The queues whose items are thrown away when they are shut down.
    thrown_away: BTreeSet<String>,
    problems: RefCell<Vec<String>>,
}

impl Watch {
    pub(super) fn new(program: &Program) -> Self {
        let mut watch = Self {
            objects: BTreeMap::new(),
            thrown_away: BTreeSet::new(),
            problems: RefCell::default(),
        };
        watch.visit(&program.main);
        watch
    }

    /// Takes what was found to be wrong.
    pub(super) fn take_problems(&self) -> Vec<String> {
        self.problems.take()
    }

    /// Looks at a program that can do nothing more, or is over.
    pub(super) fn look(&self, machine: &Machine) {
        let waiting = machine.blocked();
        let sites = waiting.split(',').filter_map(|place| place.split_once('@'));
        for (label, site) in sites {
            let object = self.objects.get(site);
            let slept = object.and_then(|object| sleeps_beside(machine, site, object));
            if let Some(what) = slept {
                self.found(format!("{label} sleeps at {site} beside {what}"));
            }
        }
        for (name, object) in machine.objects() {
            if let Object::Queue(queue) = object {
                self.count(machine, name, queue);
            }
        }
    }

    fn found(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }

    /// Checks that no item of a queue was lost or came from nowhere, going by the trace.
    fn count(&self, machine: &Machine, name: &str, queue: &Queue) {
        let (mut put, mut got) = (0, 0);
        machine.each_line(|line| {
            let event = line.split_once("event=").map_or("", |(_, event)| event);
            let (Some(succeeded), Some(rest)) = (event.get(..1), event.get(1..)) else {
                return;
            };
            let (end, site) = match succeeded {
                "-" => ('=', rest),
                "=" => (':', rest),
                _ => return,
            };
            let site = site.split(end).next().unwrap_or_default();
            if self.objects.get(site).map(String::as_str) != Some(name) {
                return;
            }
            match site.split('#').next() {
                Some("put" | "put_nowait") => put += 1,
                Some("get" | "get_nowait") => got += 1,
                _ => {}
            }
        });
        let left = queue.len();
        let lost = put != got + left;
        if lost && !self.thrown_away.contains(name) {
            self.found(format!("{put} put into {name}, {got} got, {left} left"));
        }
    }

    /// Learns what the statements of a block are about.
    fn visit(&mut self, block: &Block) {
        for statement in &**block {
            if let Some(object) = object(statement) {
                self.objects.insert(statement.site(), object.to_owned());
            }
            if let Statement::ShutDownQueue { o, imm: true, .. } = statement {
                self.thrown_away.insert(o.clone());
            }
            for block in blocks(statement) {
                self.visit(block);
            }
        }
    }
}

/// Describes what a waiting statement waits for although it is there.
fn sleeps_beside(machine: &Machine, site: &str, name: &str) -> Option<String> {
    let state = match (machine.object(name), site.split('#').next()?) {
        (_, "await") => machine.handle(name)?.is_done().then_some("done"),
        (Some(Object::Lockable(lockable)), "with" | "acquire") => {
            is_free(lockable).then_some("free")
        }
        (Some(Object::Event(event)), _) => event.is_set().then_some("set"),
        (Some(Object::Barrier(barrier)), _) => barrier.is_broken().then_some("broken"),
        (Some(Object::Queue(queue)), "get") => (queue.len() > 0).then_some("not empty"),
        (Some(Object::Queue(queue)), "put") => (!queue.is_full()).then_some("not full"),
        _ => None,
    };
    state.map(|state| format!("{name}, which is {state}"))
}

fn is_free(lockable: &Lockable) -> bool {
    match lockable {
        Lockable::Lock(lock) => !lock.is_locked(),
        Lockable::Condition(condition) => !condition.is_locked(),
        Lockable::Semaphore(semaphore) => semaphore.permits() > 0,
        Lockable::Bounded(semaphore) => semaphore.permits() > 0,
    }
}

/// Returns the name of what a statement waits for, puts into or gets out of.
fn object(statement: &Statement) -> Option<&str> {
    Some(match statement {
        Statement::Await { h, .. } => h,
        Statement::With { o, .. }
        | Statement::Acquire { o, .. }
        | Statement::EventWait { o, .. }
        | Statement::BarrierWait { o, .. }
        | Statement::Put { o, .. }
        | Statement::PutNowait { o, .. }
        | Statement::Get { o, .. }
        | Statement::GetNowait { o, .. } => o,
        _ => return None,
    })
}

/// Returns the blocks within a statement.
fn blocks(statement: &Statement) -> Vec<&Block> {
    match statement {
        Statement::Try {
            body,
            handlers,
            otherwise,
            last,
            ..
        } => {
            let handlers = handlers.iter().map(|(_, handler)| handler);
            let rest = handlers.chain(otherwise).chain(last);
            [body].into_iter().chain(rest).collect()
        }
        Statement::Loop { body, .. }
        | Statement::Spawn { body, .. }
        | Statement::Timeout { body, .. }
        | Statement::Group { body, .. }
        | Statement::GroupSpawn { body, .. }
        | Statement::With { body, .. } => vec![body],
        Statement::Gather { aws, .. } | Statement::AsCompleted { aws, .. } => {
            aws.iter().filter_map(coroutine).collect()
        }
        Statement::WaitFor { aw, .. } | Statement::Shield { aw, .. } => {
            coroutine(aw).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn coroutine(awaitable: &Awaitable) -> Option<&Block> {
    match awaitable {
        Awaitable::Handle(_) => None,
        Awaitable::Coroutine(_, body) => Some(body),
    }
}
