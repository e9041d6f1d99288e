//! Faults: what goes wrong on the timeline, in steps, and drawn from the seed.

use std::rc::Rc;
use std::time::Duration;

use super::Machine;
use super::eval::Scope;
use super::frame::{Frame, received};
use super::hosts::skewed;
use crate::event_loop::{self, core};
use crate::host::{self, Host};
use crate::net::{self, Latency, Link};
use crate::scenario::record::What;
use crate::scenario::tree::{Between, Expr, ExprKind, Fault, FaultKind, HostIndex};
use crate::scenario::value::{Error, Value};
use crate::task::{self, Task};

/// What a fault changes. A later fault that changes the same is not taken back with an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Passage,
    Latency,
    Loss,
    Duplication,
    Pause,
}

/// What a step that causes a fault has to wait for.
pub(super) enum After {
    Nothing,
    /// The host of the step goes down: nothing follows.
    End,
    /// The host of the step stands still.
    Yield,
    Task(Task<()>),
}

impl Frame {
    pub(super) async fn fault(&self, fault: &Fault) -> Result<Value, Error> {
        match self.machine.strike(fault, self.scope())? {
            After::Nothing => {}
            After::End => std::future::pending::<()>().await,
            After::Yield => received(task::yield_now()).await?,
            // Whoever waits is cancelled if it is a task of the host: that must not stop halfway.
            After::Task(stopped) => received(task::shield(stopped)).await??,
        }
        Ok(Value::None)
    }
}

impl Machine {
    pub(super) fn note_fault(&self, text: String) {
        self.notes
            .note(&self.nobody, None, None, || What::Fault(text));
        self.look(&self.nobody);
    }

    /// Lets a fault strike, and has it taken back in time if it does not last.
    pub(super) fn strike(self: &Rc<Self>, fault: &Fault, scope: Scope<'_>) -> Result<After, Error> {
        let lasting = fault.lasting.as_ref();
        let lasting = lasting
            .map(|lasting| duration(scope, lasting))
            .transpose()?;
        let words = self.model.source.slice(fault.span).split_whitespace();
        let text = words.collect::<Vec<_>>().join(" ");
        self.struck(fault.kind.word());
        match scope.frame {
            Some(frame) => frame.note(Some(fault.span), || What::Fault(text)),
            None => self
                .notes
                .note(&self.nobody, None, Some(fault.span), || What::Fault(text)),
        }
        let after = match &fault.kind {
            FaultKind::Crash(_) | FaultKind::Stop(_) | FaultKind::Restart { .. } => {
                self.take_down(&fault.kind, scope)?
            }
            FaultKind::Pause(hosts) => self.pause(hosts, lasting),
            FaultKind::Resume(hosts) => {
                for host in hosts {
                    self.touch(Aspect::Pause, *host, *host);
                    self.with_host(*host, Host::resume);
                }
                After::Nothing
            }
            FaultKind::Skew { hosts, by, behind } => {
                let by = duration(scope, by)?;
                for host in hosts {
                    let entry = &self.model.hosts[usize::from(*host)];
                    self.with_host(*host, |host| host.set_skew(skewed(entry, by, *behind)));
                }
                After::Nothing
            }
            kind => {
                self.change_links(kind, lasting, scope)?;
                After::Nothing
            }
        };
        self.look(scope.frame.map_or(&self.nobody, |frame| &frame.task));
        Ok(after)
    }

    fn with_host(&self, host: HostIndex, act: impl FnOnce(&Host)) {
        if let Some(host) = self.host(host) {
            act(&host);
        }
    }

    /// Does something to a host. If its own code asks for it, it happens when its step is over.
    fn outside_steps_of(&self, host: HostIndex, act: impl FnOnce(&Host) + 'static) -> bool {
        let Some(host) = self.host(host) else {
            return false;
        };
        let is_here = host::current().is_some_and(|here| here.name() == host.name());
        if is_here {
            core::current().as_loop(|| event_loop::call_soon(move || act(&host)));
        } else {
            act(&host);
        }
        is_here
    }

    /// Crashes, stops or restarts hosts.
    fn take_down(self: &Rc<Self>, kind: &FaultKind, scope: Scope<'_>) -> Result<After, Error> {
        let mut is_own = false;
        match kind {
            FaultKind::Crash(hosts) => {
                for host in hosts {
                    is_own |= self.outside_steps_of(*host, Host::crash);
                }
            }
            FaultKind::Stop(hosts) => {
                let (machine, hosts) = (self.clone(), hosts.clone());
                let stop = async move {
                    for index in hosts {
                        if let Some(host) = machine.host(index) {
                            host.stop().await;
                            machine.stopped(index);
                        }
                    }
                };
                // A host's own task would be cancelled half way.
                let stopped = core::current().as_loop(|| task::spawn(stop).name("stop"));
                return Ok(match scope.frame {
                    Some(_) => After::Task(stopped),
                    None => After::Nothing,
                });
            }
            FaultKind::Restart { hosts, after } => {
                let after = after.as_ref();
                let after = after.map(|after| duration(scope, after)).transpose()?;
                for host in hosts {
                    is_own |= self.restart(*host, after);
                }
            }
            _ => {}
        }
        Ok(if is_own { After::End } else { After::Nothing })
    }

    /// Starts a host again, now or later; meanwhile it is down.
    fn restart(self: &Rc<Self>, index: HostIndex, after: Option<Duration>) -> bool {
        let Some(after) = after else {
            self.expect_restart(index, true);
            let machine = self.clone();
            return self.outside_steps_of(index, move |host| {
                host.restart();
                machine.expect_restart(index, false);
            });
        };
        self.expect_restart(index, true);
        let is_own = self.outside_steps_of(index, Host::crash);
        let machine = self.clone();
        later(after, move || {
            machine.note_fault(format!("restart {}", machine.host_name(index)));
            machine.with_host(index, Host::restart);
            machine.expect_restart(index, false);
        });
        is_own
    }

    fn pause(self: &Rc<Self>, hosts: &[HostIndex], lasting: Option<Duration>) -> After {
        let mut is_own = false;
        for host in hosts.iter().copied() {
            let here = host::current();
            self.with_host(host, |host| {
                is_own |= here.is_some_and(|here| here.name() == host.name());
                host.pause();
            });
            let touched = self.touch(Aspect::Pause, host, host);
            let Some(lasting) = lasting else { continue };
            let machine = self.clone();
            later(lasting, move || {
                if machine.is_latest(Aspect::Pause, host, host, touched) {
                    machine.with_host(host, Host::resume);
                    machine.note_fault(format!("resume {}", machine.host_name(host)));
                }
            });
        }
        if is_own { After::Yield } else { After::Nothing }
    }

    /// Changes which packets pass between hosts, or what happens to them on the way.
    fn change_links(
        self: &Rc<Self>,
        kind: &FaultKind,
        lasting: Option<Duration>,
        scope: Scope<'_>,
    ) -> Result<(), Error> {
        match kind {
            FaultKind::Heal(None) => {
                net::heal_all();
                for from in 0..self.model.hosts.len() {
                    for to in 0..self.model.hosts.len() {
                        self.touch(Aspect::Passage, place(from), place(to));
                    }
                }
            }
            FaultKind::Heal(Some(between)) => {
                self.on_links(between, Aspect::Passage, None, |from, to| {
                    net::open(from, to)
                });
            }
            FaultKind::Cut(between) => {
                self.on_links(between, Aspect::Passage, lasting, |from, to| {
                    net::cut(from, to)
                });
            }
            FaultKind::Hold(between) => {
                self.on_links(between, Aspect::Passage, lasting, |from, to| {
                    net::hold(from, to)
                });
            }
            FaultKind::Slow(between, latency) => {
                let latency = latency_of(scope, latency)?;
                self.on_links(between, Aspect::Latency, lasting, |from, to| {
                    net::set_link(from, to, net::link(from, to).latency(latency));
                });
            }
            FaultKind::Drop(between, loss) => {
                self.on_links(between, Aspect::Loss, lasting, |from, to| {
                    net::set_link(from, to, net::link(from, to).loss(*loss));
                });
            }
            FaultKind::Duplicate(between, duplication) => {
                self.on_links(between, Aspect::Duplication, lasting, |from, to| {
                    net::set_link(from, to, net::link(from, to).duplication(*duplication));
                });
            }
            FaultKind::Clear(between) => {
                for (from, to) in between.pairs() {
                    for aspect in [Aspect::Latency, Aspect::Loss, Aspect::Duplication] {
                        self.touch(aspect, from, to);
                        self.restore(aspect, from, to);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Does something to all links between hosts, and takes it back in time if it does not last.
    fn on_links(
        self: &Rc<Self>,
        between: &Between,
        aspect: Aspect,
        lasting: Option<Duration>,
        act: impl Fn(&str, &str),
    ) {
        let touched: Vec<(HostIndex, HostIndex, u32)> = between
            .pairs()
            .map(|(from, to)| {
                act(self.host_name(from), self.host_name(to));
                (from, to, self.touch(aspect, from, to))
            })
            .collect();
        let Some(lasting) = lasting else { return };
        let (machine, text) = (self.clone(), self.taken_back(between, aspect));
        later(lasting, move || {
            let mut is_over = false;
            for (from, to, touched) in touched {
                if machine.is_latest(aspect, from, to, touched) {
                    machine.restore(aspect, from, to);
                    is_over = true;
                }
            }
            // What was done to the links since then lasts.
            if is_over {
                machine.note_fault(text);
            }
        });
    }

    /// Writes what takes a fault back.
    fn taken_back(&self, between: &Between, aspect: Aspect) -> String {
        let list = |hosts: &[HostIndex]| {
            let names: Vec<&str> = hosts.iter().map(|host| self.host_name(*host)).collect();
            names.join(", ")
        };
        let word = match aspect {
            Aspect::Passage => "heal",
            Aspect::Latency => "end of slow",
            Aspect::Loss => "end of drop",
            Aspect::Duplication => "end of duplicate",
            Aspect::Pause => "resume",
        };
        let sign = if between.both_ways { "|" } else { "->" };
        format!(
            "{word} {} {sign} {}",
            list(&between.some),
            list(&between.others)
        )
    }

    /// Makes one aspect of a link as the file has it.
    fn restore(&self, aspect: Aspect, from: HostIndex, to: HostIndex) {
        let (one, other) = (self.host_name(from), self.host_name(to));
        let (link, own) = (net::link(one, other), self.link_of_file(from, to));
        let link = match aspect {
            Aspect::Passage => return net::open(one, other),
            Aspect::Latency => link.latency(own.latency),
            Aspect::Loss => link.loss(own.loss),
            Aspect::Duplication => link.duplication(own.duplication),
            Aspect::Pause => unreachable!("links are not paused"),
        };
        net::set_link(one, other, link);
    }

    fn link_of_file(&self, from: HostIndex, to: HostIndex) -> Link {
        let links = &self.model.links;
        let mut pairs = links.pairs.iter().rev();
        let own = pairs.find(|(one, other, _)| (*one, *other) == (from, to));
        let link = own.map(|(_, _, link)| *link).or(links.default);
        link.unwrap_or_default()
    }

    /// Counts that something was changed, and returns how often it was.
    fn touch(&self, aspect: Aspect, from: HostIndex, to: HostIndex) -> u32 {
        let mut touched = self.world.touched.borrow_mut();
        let times = touched.entry((aspect, from, to)).or_insert(0);
        *times += 1;
        *times
    }

    fn is_latest(&self, aspect: Aspect, from: HostIndex, to: HostIndex, times: u32) -> bool {
        self.world.touched.borrow().get(&(aspect, from, to)) == Some(&times)
    }
}

/// Calls back later, whatever becomes of the host whose code asks for it.
fn later(delay: Duration, act: impl FnOnce() + 'static) {
    core::current().as_loop(|| event_loop::call_later(delay, act));
}

fn place(index: usize) -> HostIndex {
    HostIndex::try_from(index).unwrap_or(HostIndex::MAX)
}

fn duration(scope: Scope<'_>, expr: &Expr) -> Result<Duration, Error> {
    match scope.value(expr)? {
        Value::Duration(duration) => Ok(duration),
        other => Err(super::eval::wrong(expr, "a duration", &other)),
    }
}

/// Returns how long packets take: a range is not drawn from now, but for every packet.
fn latency_of(scope: Scope<'_>, expr: &Expr) -> Result<Latency, Error> {
    let ExprKind::Drawn(least, most) = &expr.kind else {
        return Ok(Latency::Constant(duration(scope, expr)?));
    };
    let (least, most) = (duration(scope, least)?, duration(scope, most)?);
    if most < least {
        return Err(Error::invalid("the range ends before it begins").at(expr.span));
    }
    Ok(Latency::Uniform { least, most })
}

impl Between {
    /// Returns the links that are meant, each once, from one host to another.
    fn pairs(&self) -> impl Iterator<Item = (HostIndex, HostIndex)> {
        let forth = self
            .some
            .iter()
            .flat_map(|from| self.others.iter().map(|to| (*from, *to)));
        let back = forth.clone().map(|(from, to)| (to, from));
        let back = back.filter(|_| self.both_ways);
        forth.chain(back).filter(|(from, to)| from != to)
    }
}
