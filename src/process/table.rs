//! The processes of a run: which there are, what they own, and how they end.
//!
//! A process is a family of tasks and threads whose head runs its program. It ends in a callback of
//! the loop: then the rest of the family is killed, its streams are closed, and last those hear of
//! it who wait. What it has done until then, it has done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::faults::Faults;
use super::program::Program;
use super::signal::Inbox;
use super::streams::Streams;
use super::{ExitStatus, Signal};
use crate::chance::{TaskPath, decide_fault, mix};
use crate::event_loop::core::{self, Core};
use crate::event_loop::table::Key;
use crate::event_loop::{Access, Family, Report, ReportKind};
use crate::sync::home::{Home, Waiters};
use crate::trace::EventKind;

/// The id of what is no simulated process: the run itself, which spawns the first ones.
pub(super) const RUN: u32 = 1;

/// One process.
pub(super) struct Process {
    serial: u32,
    pub(super) id: u32,
    pub(super) program: Arc<str>,
    pub(super) life: Home<Life>,
}

/// What may change while a process lives.
#[derive(Default)]
pub(super) struct Life {
    pub(super) parent: u32,
    pub(super) env: BTreeMap<String, String>,
    pub(super) streams: Streams,
    pub(super) inboxes: Vec<Arc<Inbox>>,
    pub(super) ignored: BTreeSet<Signal>,
    /// The family, and its head with its path, once the process has started.
    head: Option<Head>,
    /// How it is about to end: nothing it does has any effect from now on.
    fate: Option<ExitStatus>,
    /// How it has ended.
    pub(super) status: Option<ExitStatus>,
    pub(super) waiters: Waiters,
    /// Someone has been told how it ended.
    pub(super) reaped: bool,
    /// Nobody is left who could wait for it.
    released: bool,
    /// It was killed because its handle was dropped.
    dropped: bool,
}

struct Head {
    key: Key,
    family: Family,
    path: TaskPath,
}

impl Life {
    pub(super) fn new(parent: u32, env: BTreeMap<String, String>) -> Self {
        Self {
            parent,
            env,
            ..Self::default()
        }
    }
}

impl Process {
    pub(super) fn new(
        id: u32,
        program: Arc<str>,
        life: Life,
        at: &'static Location<'static>,
    ) -> Self {
        let life = Home::born("process", at, life);
        life.rename(format!("{program}({id})"));
        Self {
            serial: core::current().serial,
            id,
            program,
            life,
        }
    }

    /// Takes note of the task that runs the program.
    pub(super) fn start(self: &Arc<Self>, core: &Rc<Core>, key: Key) {
        let table = Table::of(core);
        let family = core.family_of(key).expect("the head was just made");
        let path = {
            let state = &mut *core.state.borrow_mut();
            let node = state.slot(key).expect("the head was just made").path;
            state.paths.path(node)
        };
        let (_, resource) = self.life.enter(Access::Write);
        core.stand_for(resource, key);
        self.life.with(|life| {
            life.streams.give(Some((key.id, key.slot)));
            life.head = Some(Head { key, family, path });
        });
        table.families.borrow_mut().insert(family, self.clone());
        table.processes.borrow_mut().insert(self.id, self.clone());
        self.record(core, "starts");
        let process = self.clone();
        let ended = move || {
            // Whoever has cancelled the program's own task has not said how it ends.
            process.end(&core::current(), ExitStatus::exited(1));
        };
        core.as_loop(|| core.add_done_callback(key, Box::new(ended)));
    }

    /// Takes note of how the process is about to end, unless that is known.
    pub(super) fn doom(&self, status: ExitStatus) {
        self.life.with(|life| {
            life.fate.get_or_insert(status);
        });
    }

    /// Ends the process in a callback: no step of its own can.
    pub(super) fn end_soon(self: &Arc<Self>, core: &Core, status: ExitStatus) {
        self.doom(status);
        let process = self.clone();
        let end = move || process.end(&core::current(), status);
        core.as_loop(|| core.call_soon(Box::new(end)));
    }

    /// Ends the process, unless it has ended: in this way, or in the one that was its fate before.
    pub(super) fn end(self: &Arc<Self>, core: &Rc<Core>, status: ExitStatus) {
        let Some((head, status)) = self.life.with(|life| {
            let status = *life.fate.get_or_insert(status);
            Some((life.head.take()?, status))
        }) else {
            return;
        };
        let table = Table::of(core);
        core.kill_family(head.family);
        let (streams, _inboxes) = self.life.with(|life| {
            let inboxes = std::mem::take(&mut life.inboxes);
            (std::mem::take(&mut life.streams), inboxes)
        });
        drop(streams);
        table.families.borrow_mut().remove(&head.family);
        core.let_go_of(head.key);
        core.forget_family(head.family);
        table.orphan_children(self.id);
        self.record(core, &status.verb());
        let word = mix(head.path.hash(), status.returncode() as u64);
        core.state.borrow_mut().fingerprint.add(word);
        let (waiters, parent, released) = self.life.visit(Access::Write, |_, _, life| {
            life.status = Some(status);
            let waiters: Vec<_> = std::iter::from_fn(|| life.waiters.pop()).collect();
            (waiters, life.parent, life.released)
        });
        if released {
            self.reap(core);
        }
        for waiter in waiters {
            core.wake(waiter);
        }
        if let Some(parent) = table.get(parent) {
            parent.deliver(core, Signal::Chld);
        }
    }

    /// Says that someone knows how the process has ended, or nobody ever will.
    pub(super) fn reap(&self, core: &Core) {
        self.life.with(|life| life.reaped = true);
        Table::of(core).processes.borrow_mut().remove(&self.id);
    }

    /// Leaves the process to itself: nobody will wait for it.
    fn release(&self, core: &Core) {
        let ended = self.life.with(|life| {
            life.released = true;
            life.status.is_some()
        });
        if ended {
            self.reap(core);
        }
    }

    /// Kills the process, if it has not ended, because its handle was dropped.
    pub(super) fn kill_dropped(self: &Arc<Self>) {
        let ended = self.life.with(|life| {
            life.dropped = true;
            life.status.is_some()
        });
        let Some(core) = core::try_own(self.serial) else {
            return;
        };
        if !ended && !core.closed.get() {
            self.send(&core, Signal::Kill);
        }
        self.release(&core);
    }

    pub(super) fn record(&self, core: &Core, what: &str) {
        let state = &mut *core.state.borrow_mut();
        state.record(core.now(), || EventKind::Process(format!("{self} {what}")));
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.program, self.id)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({self})")
    }
}

/// What a run keeps of its processes and programs.
pub(super) struct Table {
    pub(super) programs: RefCell<BTreeMap<String, Program>>,
    pub(super) faults: Cell<Faults>,
    /// Those that have not been reaped.
    processes: RefCell<BTreeMap<u32, Arc<Process>>>,
    /// Those that run, by family.
    families: RefCell<BTreeMap<Family, Arc<Process>>>,
    last_id: Cell<u32>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            programs: RefCell::default(),
            faults: Cell::default(),
            processes: RefCell::default(),
            families: RefCell::default(),
            last_id: Cell::new(RUN),
        }
    }
}

impl Table {
    pub(super) fn of(core: &Core) -> Rc<Self> {
        core.extension()
    }

    pub(super) fn next_id(&self) -> u32 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    /// Returns the process whose code is running, unless it is the run's own.
    pub(super) fn current(&self, core: &Core) -> Option<Arc<Process>> {
        let family = core.family();
        if family.is_of_the_loop() {
            return None;
        }
        self.families.borrow().get(&family).cloned()
    }

    fn get(&self, id: u32) -> Option<Arc<Process>> {
        self.processes.borrow().get(&id).cloned()
    }

    /// Makes the run the parent of the children of a process: it does not wait for them.
    fn orphan_children(&self, id: u32) {
        let processes: Vec<_> = self.processes.borrow().values().cloned().collect();
        let core = core::current();
        for process in processes {
            let orphaned = process.life.with(|life| {
                let orphaned = life.parent == id;
                if orphaned {
                    life.parent = RUN;
                }
                orphaned
            });
            if orphaned {
                process.release(&core);
            }
        }
    }
}

impl Drop for Table {
    /// Reports the processes that were forgotten: those that still run, and those for which nobody
    /// has waited.
    fn drop(&mut self) {
        let Some(core) = core::try_current() else {
            return;
        };
        for process in std::mem::take(&mut *self.processes.borrow_mut()).into_values() {
            let (status, dropped) = process.life.with(|life| (life.status, life.dropped));
            let message = match status {
                _ if dropped => continue,
                None => format!("process {process} was still running when the loop was closed"),
                Some(status) => {
                    format!("process {process} has ended ({status}), but nobody has waited for it")
                }
            };
            let (kind, now) = (ReportKind::Process, core.now());
            core.report(Report::new(
                kind,
                message,
                None,
                Some(process.to_string()),
                now,
            ));
        }
    }
}

/// Passes a point at which a process does something that others could see, and at which it may be
/// killed if it `begins` it there. Says whether it goes on: if not, what it began never ends.
pub(super) fn pass(core: &Rc<Core>, begins: bool) -> bool {
    if core.family().is_of_the_loop() {
        return true;
    }
    let table = Table::of(core);
    let Some(process) = table.current(core) else {
        return true;
    };
    let Some(path) = process.life.with(|life| {
        let lives = life.fate.is_none();
        lives.then(|| life.head.as_ref().map(|head| head.path.clone()))
    }) else {
        return false;
    };
    let Some(path) = path.filter(|_| begins) else {
        return true;
    };
    let fault = format!("kill {}", process.program);
    let probability = table.faults.get().kill_probability();
    let killed = decide_fault(core, path, &fault, 1, probability) != 0;
    if killed {
        process.end_soon(core, ExitStatus::killed(Signal::Kill));
    }
    !killed
}
