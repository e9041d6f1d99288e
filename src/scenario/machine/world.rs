//! What lies outside of tasks: hosts, links, processes, threads, files; and the doors to the steps
//! that are about them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::future::LocalBoxFuture;

use super::Machine;
use super::connections::{Connection, Door};
use super::datagrams::Socket;
use super::eval::wrong;
use super::faults::Aspect;
use super::frame::Frame;
use super::hosts::HostState;
use super::processes::{Child, Launch, Running};
use super::thing::Thing;
use crate::host::disk;
use crate::net::{self, Server};
use crate::scenario::model::Model;
use crate::scenario::tree::{Act, Expr, HostIndex, Step};
use crate::scenario::value::{Error, Value};
use crate::sync::Event;

/// The machines and the wire of a run.
pub(super) struct World {
    pub(super) hosts: Vec<HostState>,
    /// Something has changed that may end the run of the hosts.
    pub(super) news: Event,
    /// What is open, by the names of the variables that it was assigned to.
    opened: RefCell<Vec<(Arc<str>, Open)>>,
    /// The default executor is as large as the scenario asks for.
    pub(super) has_executor: Cell<bool>,
    /// How many processes were started: each has a number of its own.
    pub(super) launched: Cell<u32>,
    /// What processes are given that have not begun, by their number.
    pub(super) launches: RefCell<BTreeMap<u32, Launch>>,
    /// The processes that have begun and not ended, by their ids.
    pub(super) running: RefCell<BTreeMap<u32, Rc<Running>>>,
    /// How often something was done to a link or a host: only the last one is taken back.
    pub(super) touched: RefCell<BTreeMap<(Aspect, HostIndex, HostIndex), u32>>,
}

/// Something that can be closed. What nobody holds any more is closed, but for servers.
pub(super) enum Open {
    Connection(Weak<Connection>),
    Listener(Weak<Door>),
    Server(Server),
    Socket(Weak<Socket>),
    Process(Weak<Child>),
}

impl Open {
    fn is_open(&self) -> bool {
        match self {
            Self::Connection(weak) => weak.upgrade().is_some_and(|it| it.is_open()),
            Self::Listener(weak) => weak.upgrade().is_some_and(|it| it.is_open()),
            Self::Server(server) => server.is_serving(),
            Self::Socket(weak) => weak.upgrade().is_some_and(|it| it.is_open()),
            Self::Process(weak) => weak.upgrade().is_some_and(|it| it.is_open()),
        }
    }
}

impl World {
    pub(super) fn new(model: &Arc<Model>) -> Self {
        Self {
            hosts: model.hosts.iter().map(|_| HostState::default()).collect(),
            news: Event::new().named("the end of all hosts"),
            opened: RefCell::default(),
            has_executor: Cell::default(),
            launched: Cell::default(),
            launches: RefCell::default(),
            running: RefCell::default(),
            touched: RefCell::default(),
        }
    }

    /// Takes note of something under the name of its variable.
    pub(super) fn opened(&self, name: Option<Arc<str>>, open: Open) {
        let Some(name) = name else { return };
        let mut opened = self.opened.borrow_mut();
        // What is closed is forgotten when the list would grow: that is often enough.
        if opened.len() == opened.capacity() {
            opened.retain(|(_, open)| open.is_open());
        }
        opened.push((name, open));
    }
}

impl Machine {
    /// Makes what must be there before the first task: links, files, programs.
    pub(super) fn prepare(self: &Rc<Self>) {
        if let Some(link) = self.model.links.default {
            net::set_default_link(link);
        }
        let core = crate::event_loop::core::current();
        for file in self.model.files.iter().filter(|file| file.host.is_none()) {
            disk::put(&core, "", &file.name, file.text.as_bytes());
        }
        self.register_programs();
        self.listen_in();
    }

    /// Makes the hosts, and what happens to them.
    pub(super) fn build(self: &Rc<Self>) {
        self.start_hosts();
        for (from, to, link) in &self.model.links.pairs {
            if from != to {
                net::set_link(self.host_name(*from), self.host_name(*to), *link);
            }
        }
        self.start_timeline();
        self.start_faults();
    }

    /// Returns how many things of variables of that name are not closed.
    pub(super) fn open(&self, name: &str) -> usize {
        let opened = self.world.opened.borrow();
        let of_name = opened.iter().filter(|(other, _)| **other == *name);
        of_name.filter(|(_, open)| open.is_open()).count()
    }
}

impl Thing {
    /// Returns how many bytes were written to it and have not left, if anything is written to it.
    pub(super) fn unsent(&self) -> Option<usize> {
        Some(match self {
            Self::Connection(connection) => connection.unsent(),
            Self::Process(child) => child.stdin.unsent(),
            Self::Output(outlet) => outlet.unsent(),
            _ => return None,
        })
    }
}

impl Frame {
    /// Runs an immediate step about the world outside.
    pub(super) fn world_at_once(&self, step: &Step) -> Result<Value, Error> {
        match &step.act {
            Act::SpawnThread(call) => self.spawn_thread(step, call),
            Act::Signal { process, signal } => self.signal(process, signal),
            Act::Kill(process) => self.send_signal(process, crate::process::Signal::Kill),
            Act::Terminate(process) => self.send_signal(process, crate::process::Signal::Term),
            Act::OnSignal { signal, block } => self.on_signal(signal, block),
            Act::Write { to, bytes } => self.write(to, bytes),
            Act::WriteEof(of) => self.write_eof(of),
            Act::Close(what) => self.close(what),
            Act::PauseReading(of) => self.on_connection(of, Connection::pause_reading),
            Act::ResumeReading(of) => self.on_connection(of, Connection::resume_reading),
            Act::Limits { of, high, low } => self.limits(of, high, low),
            _ => Err(Error::invalid("the step does nothing")),
        }
    }

    /// Runs a step about the world outside that may wait. Each kind has a box of its own, so that
    /// other steps need not make room for it.
    pub(super) fn world_waiting<'a>(
        &'a self,
        step: &'a Step,
    ) -> LocalBoxFuture<'a, Result<Value, Error>> {
        match &step.act {
            Act::ToThread { call, pool } => Box::pin(self.to_thread(call, pool.as_ref())),

            Act::Start(call) => Box::pin(self.start(step, call)),
            Act::Communicate { process, input } => Box::pin(self.communicate(process, input)),
            Act::Pipe { from, to } => Box::pin(self.pipe(from, to)),
            Act::Exit(code) => Box::pin(self.exit(code)),

            Act::Listen { address, backlog } => {
                Box::pin(self.listen(step, address, backlog.as_ref()))
            }
            Act::Accept(listener) => Box::pin(self.accept(step, listener)),
            Act::Serve { port, handler } => Box::pin(self.serve(step, port, *handler)),
            Act::Connect {
                address,
                port,
                limit,
            } => Box::pin(self.connect(step, address, port.as_ref(), limit.as_ref())),
            Act::Send { to, line } => Box::pin(self.send(to, line)),
            Act::Recv(from) => Box::pin(self.recv(from)),
            Act::Drain(of) => Box::pin(self.drain(of)),
            Act::Read { from, count } => Box::pin(self.read(from, count.as_ref())),
            Act::ReadUntil { from, separator } => Box::pin(self.read_until(from, separator)),
            Act::ReadAll(from) => Box::pin(self.read_all(from)),
            Act::Abort(of) => {
                let aborted = self.on_connection(of, Connection::abort);
                Box::pin(std::future::ready(aborted))
            }
            Act::Wait {
                what,
                until: None,
                within: None,
            } if what.len() == 1 => Box::pin(self.wait_for_end(&what[0])),
            Act::Resolve(name) => Box::pin(self.resolve(name)),

            Act::Bind(port) => Box::pin(self.bind(step, port)),
            Act::SendTo {
                socket,
                host,
                port,
                text,
            } => Box::pin(self.send_to(socket, host, port, text)),
            Act::RecvFrom(socket) => Box::pin(self.recv_from(socket)),

            Act::WriteFile { .. }
            | Act::AppendFile { .. }
            | Act::ReadFile(_)
            | Act::SyncFile(_)
            | Act::SyncFiles
            | Act::RenameFile { .. }
            | Act::RemoveFile(_)
            | Act::ListFiles => Box::pin(self.file(&step.act)),

            Act::Fault(fault) => Box::pin(self.fault(fault)),
            Act::Wait { what, .. } if !what.is_empty() => {
                let unfit = self.value(&what[0]);
                let unfit = unfit.and_then(|value| Err(wrong(&what[0], "a task", &value)));
                Box::pin(std::future::ready(unfit))
            }
            _ => Box::pin(std::future::ready(Err(Error::invalid(
                "the step does nothing",
            )))),
        }
    }

    /// Waits until something is over: a connection or a server is closed, a process has ended.
    async fn wait_for_end(&self, what: &Expr) -> Result<Value, Error> {
        match self.value(what)? {
            Value::Thing(Thing::Connection(connection)) => self.closed(&connection).await,
            Value::Thing(Thing::Server(server)) => server.wait().await,
            Value::Thing(Thing::Process(child)) => {
                let status = child.wait().await;
                // One that was killed before it began has left what it was given.
                let left = self
                    .machine
                    .world
                    .launches
                    .borrow_mut()
                    .remove(&child.launch);
                drop(left);
                status
            }
            other => {
                let needed = "a task, a connection, a server or a process";
                Err(wrong(what, needed, &other))
            }
        }
    }
}
