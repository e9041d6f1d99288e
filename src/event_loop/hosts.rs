//! Hosts, as far as the loop is concerned: families with whatever families are made in them, which
//! can be killed and paused as a whole and have clocks of their own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::choose::sleeper;
use super::core::{Core, State};
use super::families::Family;
use super::paths::ROOT;
use super::ready::{Entry, Kind};
use super::table::Key;
use super::timers::Target;
#[cfg(feature = "hyper")]
use crate::time::Instant;

/// What the loop knows of hosts.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    hosts: BTreeMap<u32, Host>,
    /// How many of them are paused.
    pub(super) paused: u32,
}

#[derive(Debug)]
struct Host {
    name: Arc<str>,
    clock: Clock,
    /// What has come up for a host while it is paused.
    kept: Option<VecDeque<Entry>>,
}

/// How a host's clock differs from the run's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// By how much it is ahead, in nanoseconds.
    pub(crate) ahead: i64,
    /// How many billionths of a second it gains in a second.
    pub(crate) gains: i64,
}

const BILLION: i128 = 1_000_000_000;

impl Clock {
    /// Returns what it shows after so many nanoseconds of the run.
    pub(crate) fn shows(self, nanos: u64) -> i128 {
        let nanos = i128::from(nanos);
        nanos + nanos * i128::from(self.gains) / BILLION + i128::from(self.ahead)
    }

    /// Returns what it has measured after so many nanoseconds of the run, wherever it began.
    #[cfg(feature = "hyper")]
    fn measures(self, nanos: u64) -> u64 {
        let ahead = 0;
        u64::try_from(Self { ahead, ..self }.shows(nanos)).unwrap_or(0)
    }

    /// Returns after how many nanoseconds of the run it has measured so many, or just more.
    #[cfg(feature = "hyper")]
    fn has_measured(self, nanos: u64) -> u64 {
        let rate = (BILLION + i128::from(self.gains)).max(1);
        let after = (i128::from(nanos) * BILLION + rate - 1) / rate;
        u64::try_from(after).unwrap_or(u64::MAX)
    }

    /// Returns how long the run takes for what the clock measures as so many nanoseconds.
    fn takes(self, nanos: u64) -> u64 {
        let rate = (BILLION + i128::from(self.gains)).max(1);
        let takes = i128::from(nanos) * BILLION / rate;
        u64::try_from(takes).unwrap_or(u64::MAX)
    }
}

impl Core {
    /// Takes note that a family is a host.
    pub(crate) fn make_host(&self, family: Family, name: Arc<str>, clock: Clock) {
        let kept = None;
        let host = Host { name, clock, kept };
        let state = &mut *self.state.borrow_mut();
        state.use_beyond("hosts");
        state.hosts.hosts.insert(family.node(), host);
    }

    /// Returns the host of whoever is running.
    pub(crate) fn host(&self) -> Option<Family> {
        let state = &*self.state.borrow();
        state.host(state.path()).map(Family::of)
    }

    /// Kills what a host has, processes and all, and forgets the host.
    pub(crate) fn kill_host(&self, host: Family) {
        self.resume_host(host);
        let families = self.state.borrow().families_of_host(host.node());
        for family in families {
            self.kill_family(Family::of(family));
        }
        self.state.borrow_mut().hosts.hosts.remove(&host.node());
    }

    /// Returns the tasks of a host that have not ended, oldest first.
    pub(crate) fn tasks_of_host(&self, host: Family) -> Vec<Key> {
        let state = self.state.borrow();
        let families = state.families_of_host(host.node());
        let members = families.into_iter();
        let members = members.flat_map(|family| state.members(self.serial, Family::of(family)));
        members.collect()
    }

    /// Sets a host's clock.
    pub(crate) fn set_host_clock(&self, host: Family, clock: Clock) {
        let state = &mut *self.state.borrow_mut();
        if let Some(host) = state.hosts.hosts.get_mut(&host.node()) {
            host.clock = clock;
        }
    }

    /// Returns the clock of whoever is running.
    #[inline]
    pub(crate) fn clock(&self) -> Clock {
        let state = &*self.state.borrow();
        if state.hosts.hosts.is_empty() {
            return Clock::default();
        }
        state.clock()
    }

    /// Returns how long the run takes for what the clock of whoever is running measures as so many
    /// nanoseconds.
    #[inline]
    pub(crate) fn takes(&self, nanos: u64) -> u64 {
        let clock = self.clock();
        if clock.gains == 0 {
            nanos
        } else {
            clock.takes(nanos)
        }
    }

    pub(crate) fn takes_duration(&self, duration: Duration) -> Duration {
        if self.clock().gains == 0 {
            return duration;
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.takes(nanos))
    }

    /// Returns the time since the run began, as the clock of whoever is running measures it.
    #[cfg(feature = "hyper")]
    pub(crate) fn measured(&self) -> Duration {
        Duration::from_nanos(self.clock().measures(self.now.get()))
    }

    /// Returns the first moment at which the clock of whoever is running has measured so much time
    /// since the run began.
    #[cfg(feature = "hyper")]
    pub(crate) fn when_measured(&self, measured: Duration) -> Instant {
        let nanos = u64::try_from(measured.as_nanos()).unwrap_or(u64::MAX);
        Instant::from_nanos(self.clock().has_measured(nanos))
    }

    /// Lets a host stand still. Packets still reach it, but nobody there takes note.
    pub(crate) fn pause_host(&self, host: Family) {
        let state = &mut *self.state.borrow_mut();
        let Some(host) = state.hosts.hosts.get_mut(&host.node()) else {
            return;
        };
        if host.kept.is_none() {
            host.kept = Some(VecDeque::new());
            state.hosts.paused += 1;
        }
    }

    /// Lets a host go on with what has come up in the meantime.
    pub(crate) fn resume_host(&self, host: Family) {
        let state = &mut *self.state.borrow_mut();
        let host = state.hosts.hosts.get_mut(&host.node());
        let Some(kept) = host.and_then(|host| host.kept.take()) else {
            return;
        };
        state.hosts.paused -= 1;
        for entry in kept {
            if entry.is_thread() {
                state.ready.open_lane().push(entry);
            } else {
                state.ready.push(entry);
            }
        }
    }
}

impl State {
    /// Returns the node that heads the host of a node.
    fn host(&self, node: u32) -> Option<u32> {
        if self.hosts.hosts.is_empty() {
            return None;
        }
        let mut head = self.paths.head(node);
        while head != ROOT {
            if self.hosts.hosts.contains_key(&head) {
                return Some(head);
            }
            head = self.paths.head(self.paths.parent(head));
        }
        None
    }

    fn clock(&self) -> Clock {
        let host = self.host(self.path());
        let host = host.and_then(|host| self.hosts.hosts.get(&host));
        host.map_or_else(Clock::default, |host| host.clock)
    }

    /// Returns the heads of a host's families, the host's own first.
    fn families_of_host(&self, host: u32) -> Vec<u32> {
        let heads = self
            .paths
            .all_heads()
            .filter(|head| self.host(*head) == Some(host));
        let mut heads: Vec<u32> = heads.filter(|head| *head != host).collect();
        heads.insert(0, host);
        heads
    }

    /// Returns what a task or thread on a host is called, given what it is called there.
    pub(super) fn name_on_host(&self, node: u32, name: Option<&str>) -> Option<String> {
        let host = self.host(node)?;
        let on = &self.hosts.hosts[&host].name;
        Some(match name {
            Some(_) if node == host => String::from(&**on),
            Some(name) => format!("{on}:{name}"),
            None => format!("{on}{}", self.paths.below(host, node)),
        })
    }

    /// Returns the name of the host that a task or thread is on.
    pub(super) fn host_name(&self, slot: u32) -> Option<Arc<str>> {
        let host = self.host(self.slots[slot as usize].path)?;
        Some(self.hosts.hosts[&host].name.clone())
    }

    /// Keeps an entry whose host is paused for later, or else gives it back.
    #[cold]
    pub(super) fn keep_if_paused(&mut self, entry: Entry) -> Option<Entry> {
        let node = match entry.kind() {
            Kind::Task(slot) => Some(self.slots[slot as usize].path),
            Kind::Callback(slot) => Some(self.callbacks[slot as usize].path),
            Kind::Timer(timer) => match timer.target() {
                Target::Waiter(slot, generation) => {
                    sleeper(&self.slots, &self.waiters, slot, generation).map(|task| task.path)
                }
                Target::Callback(slot, _) => self
                    .callbacks
                    .get(slot as usize)
                    .map(|callback| callback.path),
                // The network goes on.
                Target::Alarm(..) => None,
            },
        };
        let host = node.and_then(|node| self.host(node));
        let host = host.and_then(|host| self.hosts.hosts.get_mut(&host));
        let Some(kept) = host.and_then(|host| host.kept.as_mut()) else {
            return Some(entry);
        };
        kept.push_back(entry);
        // Whoever goes next is decided at a site of its own.
        self.site.since += 1;
        None
    }
}
