//! Hosts: what each runs, when all are over, and what their clocks show.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::Machine;
use super::eval::Scope;
use super::frame::{raising, received};
use super::thing::TaskInfo;
use crate::error::TaskError;
use crate::event_loop::{self, BoxedBody, core};
use crate::host::{self, Host, Skew, disk};
use crate::net;
use crate::panics;
use crate::scenario::model::HostEntry;
use crate::scenario::record::What;
use crate::scenario::tree::{Callee, Const, Expr, ExprKind, FaultKind, HostIndex};
use crate::scenario::value::{Error, Value};
use crate::task::Fallible;

/// A host, as far as the run's end depends on it.
#[derive(Default)]
pub(super) struct HostState {
    pub(super) host: RefCell<Option<Host>>,
    stand: Cell<Stand>,
    /// How many times it was started.
    starts: Cell<u32>,
    /// How many faults are on their way that will start it again.
    pub(super) restarts: Cell<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stand {
    /// It has something to do, or is about to begin.
    #[default]
    Busy,
    /// Its program has ended, well or because it was stopped.
    Done,
    /// It has crashed.
    Down,
}

impl HostState {
    /// Says whether nothing more is to be expected of it.
    fn is_over(&self) -> bool {
        match self.stand.get() {
            Stand::Busy => false,
            Stand::Done => true,
            Stand::Down => self.restarts.get() == 0,
        }
    }
}

/// Tells the run when a host's program is over, even if that is because the host has crashed.
struct Watcher {
    machine: Rc<Machine>,
    index: usize,
    /// Which of its starts this is.
    start: u32,
}

impl Watcher {
    fn tell(&self, stand: Stand) {
        let state = &self.machine.world.hosts[self.index];
        let is_latest = state.starts.get() == self.start && state.stand.get() == Stand::Busy;
        if is_latest && !self.machine.is_closing.get() {
            state.stand.set(stand);
            self.machine.world.news.set();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tell(Stand::Down);
    }
}

impl Machine {
    /// Makes the future that waits for the hosts.
    pub(super) fn hosts(
        self: &Rc<Self>,
        info: &Rc<TaskInfo>,
    ) -> LocalBoxFuture<'static, Result<Value, Error>> {
        let (machine, ending) = (self.clone(), self.ending(info));
        Box::pin(async move {
            let result = machine.all_hosts().await.map(Value::from);
            ending.over(&result);
            raising(async { result }).await
        })
    }

    /// Waits until every host is over that is no daemon.
    async fn all_hosts(&self) -> Result<(), Error> {
        let hosts = || self.model.hosts.iter().zip(&self.world.hosts);
        while hosts().any(|(entry, state)| !entry.daemon && !state.is_over()) {
            self.world.news.clear();
            received(self.world.news.wait()).await?;
        }
        Ok(())
    }

    /// Returns a host's name.
    pub(super) fn host_name(&self, index: HostIndex) -> &str {
        &self.model.hosts[usize::from(index)].name
    }

    pub(super) fn host(&self, index: HostIndex) -> Option<Host> {
        self.world.hosts[usize::from(index)].host.borrow().clone()
    }

    /// Adds the hosts in the order of the file, with what is on their disks.
    pub(super) fn start_hosts(self: &Rc<Self>) {
        let core = core::current();
        for (index, entry) in self.model.hosts.iter().enumerate() {
            let machine = self.clone();
            #[expect(
                clippy::arc_with_non_send_sync,
                reason = "a simulation's own hosts are started from any thread, these from one"
            )]
            let start = Arc::new(move || machine.main_of_host(index));
            let host = host::add(&core, entry.name.clone(), start, Location::caller());
            if let Some(address) = entry.address {
                host.add_address(address);
                net::set_name(&*entry.name, [address]);
            }
            host.set_skew(skew(entry));
            *self.world.hosts[index].host.borrow_mut() = Some(host);
        }
        for file in &self.model.files {
            if let Some(host) = file.host {
                disk::put(
                    &core,
                    self.host_name(host),
                    &file.name,
                    file.text.as_bytes(),
                );
            }
        }
    }

    /// Makes what a host runs once it is started, or started again.
    fn main_of_host(self: &Rc<Self>, index: usize) -> BoxedBody {
        let entry = &self.model.hosts[index];
        let state = &self.world.hosts[index];
        let start = state.starts.get() + 1;
        state.starts.set(start);
        state.stand.set(Stand::Busy);
        let call = &entry.start;
        let name = self.callee(call.callee);
        let info = self.task(None, &name, Some(entry.name.clone()));
        self.notes.note(&info, None, Some(entry.span), || {
            What::Spawned(info.name.clone())
        });
        let (machine, frame) = (&**self, None);
        let scope = Scope { machine, frame };
        let arguments: Result<Vec<Value>, Error> = call
            .arguments
            .iter()
            .map(|value| scope.value(value))
            .collect();
        let rust = match (call.callee, &arguments) {
            (Callee::Rust(index), Ok(values)) => Some(self.rust(index, &call.names, values)),
            _ => None,
        };
        let (arguments, unfit) = match arguments {
            Ok(arguments) => (arguments, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let body = self.coroutine(call.callee, arguments, info.clone(), rust);
        let machine = self.clone();
        let watcher = Watcher {
            machine: self.clone(),
            index,
            start,
        };
        let future = async move {
            let result = match unfit {
                Some(error) => Err(error),
                None => unwinding(body).await,
            };
            if let Err(error) = &result {
                machine.host_failed(&info, error);
            }
            watcher.tell(Stand::Done);
            result
        };
        Box::pin(Fallible::Future { future })
    }

    /// Fails the run because a host's program has failed.
    fn host_failed(&self, info: &TaskInfo, error: &Error) {
        if !self.is_closing.get() {
            self.main_failed(info, error);
            self.is_closing.set(true);
            event_loop::stop();
        }
    }

    /// Says that a host which is up, or will be, has one more fault ahead that starts it again, or
    /// one less.
    pub(super) fn expect_restart(&self, host: HostIndex, is_ahead: bool) {
        let state = &self.world.hosts[usize::from(host)];
        let restarts = state.restarts.get();
        state.restarts.set(match is_ahead {
            true => restarts + 1,
            false => restarts.saturating_sub(1),
        });
        self.world.news.set();
    }

    /// Says that a host was stopped in an orderly way.
    pub(super) fn stopped(&self, host: HostIndex) {
        let state = &self.world.hosts[usize::from(host)];
        if state.stand.get() == Stand::Busy {
            state.stand.set(Stand::Down);
        }
        self.world.news.set();
    }

    /// Returns what a clock shows: a host's, or that of the host whose code asks. A clock that is
    /// behind shows nothing before the run's start.
    pub(super) fn clock(&self, host: Option<HostIndex>) -> Result<Value, Error> {
        let shows = match host {
            Some(host) => self.host(host).map_or(0, |host| host.clock()),
            None => {
                let core = core::current();
                core.clock().shows(core.now.get())
            }
        };
        let shows = shows + i128::from(self.earliest());
        let nanos = u64::try_from(shows.max(0)).unwrap_or(u64::MAX);
        Ok(Duration::from_nanos(nanos).into())
    }

    /// Returns what a clock shows at the start that is right: so much that none of the file's hosts
    /// is ever below zero, in nanoseconds.
    fn earliest(&self) -> u64 {
        let behind = self
            .model
            .hosts
            .iter()
            .map(|host| host.skew.min(0).unsigned_abs());
        let faults = self.model.timeline.iter().flat_map(|entry| &entry.faults);
        let skews = faults.filter_map(|fault| match &fault.kind {
            FaultKind::Skew {
                by, behind: true, ..
            } => longest(by),
            _ => None,
        });
        behind.chain(skews).max().unwrap_or(0)
    }

    pub(super) fn is_up(&self, host: HostIndex) -> bool {
        self.host(host).is_some_and(|host| host.is_up())
    }
}

/// Returns the longest duration that an entry of the timeline may draw, in nanoseconds.
fn longest(expr: &Expr) -> Option<u64> {
    match &expr.kind {
        ExprKind::Const(Const::Duration(duration)) => u64::try_from(duration.as_nanos()).ok(),
        ExprKind::Drawn(_, high) => longest(high),
        _ => None,
    }
}

/// Turns a panic into an error.
async fn unwinding(body: impl Future<Output = Result<Value, Error>>) -> Result<Value, Error> {
    let caught = AssertUnwindSafe(body).catch_unwind().await;
    caught
        .unwrap_or_else(|payload| Err(TaskError::panicked(payload, panics::take_location()).into()))
}

/// Returns how a host's clock differs, as the file has it.
fn skew(entry: &HostEntry) -> Skew {
    let by = Duration::from_nanos(entry.skew.unsigned_abs());
    skewed(entry, by, entry.skew < 0)
}

/// Returns a clock that is ahead or behind, and drifts as the file has it.
pub(super) fn skewed(entry: &HostEntry, by: Duration, behind: bool) -> Skew {
    let skew = if behind {
        Skew::behind(by)
    } else {
        Skew::ahead(by)
    };
    skew.drift(entry.drift)
}
