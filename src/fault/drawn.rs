//! Faults that are drawn from the seed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use crate::chance::{Alternatives, TaskPath, decide_fault, decide_fault_with};
use crate::event_loop::core::{self, Core};
use crate::host::{self, Host};
use crate::net;
use crate::task;
use crate::time::{self, Instant};

/// What goes wrong at random, and how much of it at once.
///
/// Time is cut into ticks. At every tick, each kind of fault is decided for each host or pair of
/// hosts it is meant for: `crash of a`, `partition of a and b`. How long a fault lasts is another
/// decision: its logarithm is uniform, so that short and long ones are as frequent.
///
/// ```
/// use simrun::fault::Faults;
/// use simrun::time::{millis, secs};
/// use simrun::{host, time};
///
/// # simrun::run(async {
/// for name in ["a", "b", "c"] {
///     host::start(name, || async { std::future::pending::<()>().await });
/// }
/// Faults::among(["a", "b", "c"])
///     .crashes(0.01)
///     .partitions(0.01)
///     .at_most_down(1)
///     .lasting(millis(10), secs(10))
///     .until(secs(60))
///     .start();
/// time::sleep(secs(70)).await;
/// # });
/// ```
#[derive(Clone, Debug)]
#[must_use = "no fault happens before they are started"]
pub struct Faults {
    hosts: Vec<String>,
    tick: Duration,
    crashes: f64,
    pauses: f64,
    partitions: f64,
    one_way: f64,
    clogs: f64,
    at_most_down: usize,
    shortest: Duration,
    longest: Duration,
    until: Option<Duration>,
}

impl Faults {
    /// Makes no faults yet, among these hosts.
    pub fn among<N: Into<String>>(hosts: impl IntoIterator<Item = N>) -> Self {
        Self {
            hosts: hosts.into_iter().map(Into::into).collect(),
            tick: Duration::from_millis(100),
            crashes: 0.0,
            pauses: 0.0,
            partitions: 0.0,
            one_way: 0.0,
            clogs: 0.0,
            at_most_down: usize::MAX,
            shortest: Duration::from_millis(1),
            longest: Duration::from_secs(10),
            until: None,
        }
    }

    /// Sets how often faults are decided: every tenth of a second, unless it is set.
    pub fn every(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// Crashes hosts, each with this probability a tick, and restarts them.
    pub fn crashes(mut self, probability: f64) -> Self {
        self.crashes = probability;
        self
    }

    /// Lets hosts stand still.
    pub fn pauses(mut self, probability: f64) -> Self {
        self.pauses = probability;
        self
    }

    /// Cuts the links between two hosts, in both directions.
    pub fn partitions(mut self, probability: f64) -> Self {
        self.partitions = probability;
        self
    }

    /// Cuts the link from one host to another, but not the way back.
    pub fn one_way_partitions(mut self, probability: f64) -> Self {
        self.one_way = probability;
        self
    }

    /// Clogs the links from a host to all others: packets wait, and links are opened one after
    /// another, in another order than they were clogged in.
    pub fn clogs(mut self, probability: f64) -> Self {
        self.clogs = probability;
        self
    }

    /// Sets how many hosts may be down or stand still at once.
    pub fn at_most_down(mut self, hosts: usize) -> Self {
        self.at_most_down = hosts;
        self
    }

    /// Sets how short and how long faults are: from a millisecond to ten seconds, unless it is set.
    pub fn lasting(mut self, shortest: Duration, longest: Duration) -> Self {
        (self.shortest, self.longest) = (shortest, longest.max(shortest));
        self
    }

    /// Sets when faults end: then every host is up and every link is open. Without it they go on as
    /// long as the run.
    pub fn until(mut self, end: Duration) -> Self {
        self.until = Some(end);
        self
    }

    /// Lets faults happen from now on.
    ///
    /// # Panics
    ///
    /// Outside a run, or if there is no host of such a name.
    #[track_caller]
    pub fn start(self) {
        let core = core::current();
        let hosts: Vec<Host> = self.hosts.iter().map(|name| found(name)).collect();
        let state = State {
            hosts,
            down: BTreeSet::new(),
            cuts: BTreeSet::new(),
            back: Vec::new(),
            faults: self,
        };
        core.as_loop(|| task::spawn(state.run()).name("faults").detach());
    }
}

#[track_caller]
fn found(name: &str) -> Host {
    host::find(name).unwrap_or_else(|| panic!("there is no host called `{name}`"))
}

/// What is told of faults that were drawn, before they strike or are taken back.
pub(crate) type Listener = Rc<dyn Fn(Drawn<'_>)>;

#[derive(Default)]
struct Listening(RefCell<Option<Listener>>);

/// A fault that was drawn, or the end of one, with the names of the hosts it is about.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "only scenarios listen to it")
)]
pub(crate) enum Drawn<'a> {
    Crash(&'a str),
    Restart(&'a str),
    Pause(&'a str),
    Resume(&'a str),
    Partition(&'a str, &'a str),
    Cut(&'a str, &'a str),
    Hold(&'a str, &'a str),
    Open(&'a str, &'a str),
}

/// Has someone be told of all faults that are drawn in this run.
#[cfg(feature = "cli")]
pub(crate) fn listen(listener: Listener) {
    let listening = core::current().extension::<Listening>();
    listening.0.replace(Some(listener));
}

fn tell(drawn: Drawn<'_>) {
    let listening = core::current().extension::<Listening>();
    let listener = listening.0.borrow().clone();
    if let Some(listener) = listener {
        listener(drawn);
    }
}

struct State {
    faults: Faults,
    hosts: Vec<Host>,
    /// Who is down or stands still.
    down: BTreeSet<usize>,
    /// Which links are not open.
    cuts: BTreeSet<(usize, usize)>,
    /// What is taken back, and when.
    back: Vec<(Instant, Back)>,
}

#[derive(Clone, Copy, Debug)]
enum Back {
    Restart(usize),
    Resume(usize),
    Open(usize, usize),
}

impl State {
    async fn run(mut self) {
        let end = self.faults.until.map(|until| time::now() + until);
        loop {
            let tick = time::now() + self.faults.tick;
            self.take_back_until(tick).await;
            if end.is_some_and(|end| time::now() >= end) {
                break;
            }
            self.decide(&core::current());
        }
        for (_, back) in std::mem::take(&mut self.back) {
            self.take_back(back);
        }
    }

    /// Takes back what is due before the next tick.
    async fn take_back_until(&mut self, tick: Instant) {
        loop {
            let next = self.back.iter().map(|(at, _)| *at).min();
            let Some(next) = next.filter(|next| *next < tick) else {
                break;
            };
            time::sleep_until(next).await;
            let due = self.back.iter().position(|(at, _)| *at == next);
            let (_, back) = self.back.remove(due.expect("it was found"));
            self.take_back(back);
        }
        time::sleep_until(tick).await;
    }

    fn take_back(&mut self, back: Back) {
        match back {
            Back::Restart(host) => {
                self.down.remove(&host);
                tell(Drawn::Restart(self.hosts[host].name()));
                if !self.hosts[host].is_up() {
                    self.hosts[host].restart();
                }
            }
            Back::Resume(host) => {
                self.down.remove(&host);
                tell(Drawn::Resume(self.hosts[host].name()));
                self.hosts[host].resume();
            }
            Back::Open(from, to) => {
                self.cuts.remove(&(from, to));
                tell(Drawn::Open(self.hosts[from].name(), self.hosts[to].name()));
                net::open(&self.hosts[from], &self.hosts[to]);
            }
        }
    }

    /// Decides what goes wrong at this tick.
    fn decide(&mut self, core: &Core) {
        for host in 0..self.hosts.len() {
            let name = self.hosts[host].name().to_owned();
            if self.happens(core, &format!("crash of {name}"), self.faults.crashes)
                && self.may_go_down(host)
            {
                self.down.insert(host);
                tell(Drawn::Crash(&name));
                self.hosts[host].crash();
                self.later(core, &format!("crash of {name}"), Back::Restart(host));
            }
            if self.happens(core, &format!("pause of {name}"), self.faults.pauses)
                && self.may_go_down(host)
            {
                self.down.insert(host);
                tell(Drawn::Pause(&name));
                self.hosts[host].pause();
                self.later(core, &format!("pause of {name}"), Back::Resume(host));
            }
            if self.happens(core, &format!("clog of {name}"), self.faults.clogs) {
                for other in (0..self.hosts.len()).filter(|other| *other != host) {
                    let (from, to) = (&self.hosts[host], &self.hosts[other]);
                    if self.cuts.insert((host, other)) {
                        tell(Drawn::Hold(from.name(), to.name()));
                        net::hold(from, to);
                        let what = format!("clog from {name} to {}", to.name());
                        self.later(core, &what, Back::Open(host, other));
                    }
                }
            }
            for other in (0..self.hosts.len()).filter(|other| *other != host) {
                self.decide_link(core, host, other);
            }
        }
    }

    fn decide_link(&mut self, core: &Core, from: usize, to: usize) {
        let (one, other) = (self.hosts[from].clone(), self.hosts[to].clone());
        let both = format!("partition of {} and {}", one.name(), other.name());
        let single = format!("cut from {} to {}", one.name(), other.name());
        let ways: &[(usize, usize)] =
            if from < to && self.happens(core, &both, self.faults.partitions) {
                &[(from, to), (to, from)]
            } else if self.happens(core, &single, self.faults.one_way) {
                &[(from, to)]
            } else {
                return;
            };
        tell(match ways {
            [_] => Drawn::Cut(one.name(), other.name()),
            _ => Drawn::Partition(one.name(), other.name()),
        });
        let lasts = self.duration(core, if ways.len() == 2 { &both } else { &single });
        for (from, to) in ways {
            if self.cuts.insert((*from, *to)) {
                net::cut(&self.hosts[*from], &self.hosts[*to]);
                self.back
                    .push((time::now() + lasts, Back::Open(*from, *to)));
            }
        }
    }

    fn may_go_down(&self, host: usize) -> bool {
        !self.down.contains(&host) && self.down.len() < self.faults.at_most_down
    }

    fn happens(&self, core: &Core, what: &str, probability: f64) -> bool {
        probability > 0.0 && decide_fault(core, TaskPath::default(), what, 1, probability) == 1
    }

    fn later(&mut self, core: &Core, what: &str, back: Back) {
        let lasts = self.duration(core, what);
        self.back.push((time::now() + lasts, back));
    }

    /// Decides how long a fault lasts; the default is the shortest.
    fn duration(&self, core: &Core, what: &str) -> Duration {
        let (shortest, longest) = (self.faults.shortest, self.faults.longest);
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (least, most) = (nanos(shortest).max(1), nanos(longest).max(1));
        let what = format!("{what} lasts longer");
        let span = most.saturating_sub(least).saturating_add(1);
        let lengths = Alternatives::lengths(least, span);
        let extra = decide_fault_with(core, TaskPath::default(), &what, lengths, |stream| {
            // Which power of two it is in is uniform, and so is its place in there.
            let powers = u64::from(most.ilog2() - least.ilog2()) + 1;
            let low = 1_u64 << (u64::from(least.ilog2()) + stream.below(powers));
            (low + stream.below(low)).clamp(least, most) - least
        });
        Duration::from_nanos(least + extra)
    }
}
