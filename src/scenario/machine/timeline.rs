//! Faults at times that are known before, and faults that are drawn from the seed.

use std::rc::Rc;
use std::time::Duration;

use super::Machine;
use super::eval::Scope;
use crate::fault::{self, Drawn, Faults, Timeline};
use crate::scenario::tree::{Expr, FaultKind, HostIndex};
use crate::scenario::value::{Error, Value};

impl Machine {
    /// Sets the times at which something goes wrong.
    pub(super) fn start_timeline(self: &Rc<Self>) {
        let mut timeline = Timeline::new();
        for (index, entry) in self.model.timeline.iter().enumerate() {
            for fault in &entry.faults {
                if let FaultKind::Restart { hosts, .. } = &fault.kind {
                    hosts
                        .iter()
                        .for_each(|host| self.expect_restart(*host, true));
                }
            }
            match self.scope().value(&entry.at) {
                Ok(Value::Duration(at)) => {
                    let machine = self.clone();
                    timeline = timeline.at(at, move || machine.strike_on_time(index));
                }
                Ok(_) => {}
                Err(error) => self.unfit(&entry.at, &error),
            }
        }
        timeline.start();
    }

    fn scope(&self) -> Scope<'_> {
        let (machine, frame) = (self, None);
        Scope { machine, frame }
    }

    fn unfit(&self, expr: &Expr, error: &Error) {
        let text = format!("the timeline cannot be followed: {error}");
        self.failed("error", &self.nobody, Some(expr.span), &text, Vec::new());
    }

    fn strike_on_time(self: &Rc<Self>, index: usize) {
        let entry = &self.model.timeline[index];
        for fault in &entry.faults {
            let struck = self.strike(fault, self.scope());
            if let FaultKind::Restart { hosts, .. } = &fault.kind {
                // If it comes later, it is expected for its own sake.
                hosts
                    .iter()
                    .for_each(|host| self.expect_restart(*host, false));
            }
            if let Err(error) = struck {
                self.unfit(&entry.at, &error);
            }
        }
    }

    /// Draws faults from the seed, if the file asks for it.
    pub(super) fn start_faults(self: &Rc<Self>) {
        let Some(table) = &self.model.faults else {
            return;
        };
        let weak = Rc::downgrade(self);
        fault::listen(Rc::new(move |drawn| {
            if let Some(machine) = weak.upgrade() {
                machine.drawn(drawn);
            }
        }));
        let mut faults = Faults::among(table.hosts.iter().map(|host| self.host_name(*host)))
            .crashes(table.crash.unwrap_or(0.0))
            .pauses(table.pause.unwrap_or(0.0))
            .partitions(table.partition.unwrap_or(0.0))
            .one_way_partitions(table.one_way.unwrap_or(0.0))
            .clogs(table.clog.unwrap_or(0.0));
        if let Some(every) = table.every {
            faults = faults.every(every.max(Duration::from_nanos(1)));
        }
        if let Some(most) = table.at_most_down {
            faults = faults.at_most_down(most);
        }
        if let Some((shortest, longest)) = table.lasting {
            faults = faults.lasting(shortest, longest);
        }
        if let Some(until) = table.until {
            faults = faults.until(until);
        }
        faults.start();
    }

    /// Takes note of a fault that was drawn.
    fn drawn(&self, drawn: Drawn<'_>) {
        let place = |name: &str| {
            let mut hosts = self.model.hosts.iter();
            let place = hosts.position(|host| *host.name == *name);
            HostIndex::try_from(place.unwrap_or_default()).unwrap_or_default()
        };
        let text = match drawn {
            Drawn::Crash(host) => {
                self.expect_restart(place(host), true);
                format!("crash {host}")
            }
            Drawn::Restart(host) => {
                self.expect_restart(place(host), false);
                if self.is_up(place(host)) {
                    return;
                }
                format!("restart {host}")
            }
            Drawn::Pause(host) => format!("pause {host}"),
            Drawn::Resume(host) => format!("resume {host}"),
            Drawn::Partition(one, other) => format!("cut {one} | {other}"),
            Drawn::Cut(from, to) => format!("cut {from} -> {to}"),
            Drawn::Hold(from, to) => format!("hold {from} -> {to}"),
            Drawn::Open(from, to) => format!("heal {from} -> {to}"),
        };
        let word = text.split(' ').next().unwrap_or_default();
        self.struck(word);
        self.note_fault(text.clone());
    }
}
