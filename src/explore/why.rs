//! Why a run fails: the nearest run that passes, the two events whose order decides, what does not
//! matter, and from where on nothing helps any more.
//!
//! The neighbour is the plan without one of its decisions. Up to there the two runs are the same;
//! then one thing happens first in the one and another in the other. If both happen in both, their
//! order is what matters.

use std::collections::BTreeSet;

use super::cost::in_order;
use super::past::Past;
use super::program::{Program, repeats};
use super::shrink::Budget;
use super::stopwatch::Stopwatch;
use super::trials::{Irrelevance, Trials};
use crate::assure::FailureKey;
use crate::chance::{Choice, Decision, Plan, Site};
use crate::sim::{Run, Sim};
use crate::trace::{Event, EventKind, Trace};

/// So many neighbours are looked at: the last decisions of a longer plan will do.
const MAX_NEIGHBOURS: usize = 16;

/// What decides between a failure and a run that passes.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{spawn, time};
/// use std::{cell::Cell, rc::Rc};
///
/// let explorer = Explorer::new().replays(2_000);
/// let report = explorer.explore(|| async {
///     let first = Rc::new(Cell::new(0));
///     for number in 1..=3 {
///         let first = first.clone();
///         let note = move || if first.get() == 0 { first.set(number) };
///         spawn(async move { note() }).detach();
///     }
///     time::sleep(time::secs(1)).await;
///     assert_eq!(first.get(), 1, "another one has gone first");
/// });
/// let why = report.findings()[0].shrunk().unwrap().why();
/// // Who goes first does not matter, as long as it is not the first.
/// assert_eq!(why.irrelevant().len(), 1);
/// assert_eq!(why.irrelevant()[0].to_string(), "schedule main#1");
/// assert!(!why.is_inevitable());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Why {
    pub(super) pair: Option<CriticalPair>,
    /// The trace of the shortest run.
    pub(super) trace: Trace,
    pub(super) past: Past,
    pub(super) decisions: Vec<Decision>,
    pub(super) irrelevant: Vec<Site>,
    /// The decisions for numbers from which on every larger one fails as well.
    pub(super) sharp: BTreeSet<Site>,
    pub(super) inevitable: Option<Inevitable>,
    pub(super) replays: u64,
}

/// From where on a failure cannot be avoided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inevitable {
    /// It is from the start.
    Always,
    /// It is once the step that begins with this event is made.
    From(usize),
}

impl Why {
    /// Returns the two events whose order decides, if the nearest run that passes shows them.
    pub fn pair(&self) -> Option<&CriticalPair> {
        self.pair.as_ref()
    }

    /// Returns the events of the shortest run that fails.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Says whether the failure depends on the event at this position in the trace: see
    /// [`Trace::past`]. Where that is not known, it depends on all of them.
    pub fn is_cause(&self, event: usize) -> bool {
        self.past.has(event)
    }

    /// Returns the decisions of which it does not matter how they go, as long as they do not go as
    /// usual: left to chance a hundred times, the run failed a hundred times.
    pub fn irrelevant(&self) -> &[Site] {
        &self.irrelevant
    }

    /// Returns the position in the trace of the step after which every run fails, whatever comes
    /// then: 50 that went on at random all did. There is none if the run fails only with its last
    /// step, if it fails from the start whatever happens, or if the budget did not suffice.
    pub fn inevitable_from(&self) -> Option<usize> {
        match self.inevitable {
            Some(Inevitable::From(step)) => Some(step),
            Some(Inevitable::Always) | None => None,
        }
    }

    /// Says whether every run fails, whatever happens in it: 50 random ones all did.
    pub fn is_inevitable(&self) -> bool {
        self.inevitable == Some(Inevitable::Always)
    }

    /// Returns how many runs it took to find that out, beside those that shrinking has made.
    pub fn replays(&self) -> u64 {
        self.replays
    }
}

/// Two events of a run that fails, and that passes if the second goes first.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{spawn, time};
/// use std::{cell::Cell, rc::Rc};
///
/// let explorer = Explorer::new().replays(500);
/// let report = explorer.explore(|| async {
///     let last = Rc::new(Cell::new("nobody"));
///     for name in ["ada", "bob"] {
///         let last = last.clone();
///         spawn(async move { last.set(name) }).name(name).detach();
///     }
///     time::sleep(time::secs(1)).await;
///     assert_eq!(last.get(), "bob", "ada comes last");
/// });
/// let why = report.findings()[0].shrunk().unwrap().why();
/// let pair = why.pair().unwrap();
/// let task = |event: usize| &*why.trace().events()[event].task;
/// assert_eq!((task(pair.first()), task(pair.second())), ("bob", "ada"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalPair {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) site: Site,
}

impl CriticalPair {
    /// Returns the position in the trace of the event that should have waited.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Returns the position in the trace of the event that should have gone first.
    pub fn second(&self) -> usize {
        self.second
    }

    /// Returns where it was decided.
    pub fn site(&self) -> &Site {
        &self.site
    }
}

/// Explains the run of a plan that fails with this key, with as many trials as the budget allows.
pub(super) fn explain(
    program: &Program<'_>,
    sim: &Sim,
    (plan, key): (&Plan, &FailureKey),
    budget: Budget,
    watch: Stopwatch,
) -> Why {
    let run = recorded(program, sim, plan);
    let Some(failure) = run.failure().filter(|failure| failure.key() == *key) else {
        return Why::default();
    };
    let trace = run.trace().clone();
    let (pair, neighbours) = critical_pair(program, sim, plan, &trace);
    let mut why = Why {
        pair,
        past: Past::of(failure, &trace),
        decisions: run.decisions().to_vec(),
        trace,
        ..Why::default()
    };
    let mut trials = Trials::new(
        program,
        sim,
        (plan, key, run.steps()),
        budget.replays,
        watch,
    );
    if budget.has_trials {
        why.try_out(&mut trials);
    }
    why.replays = 1 + neighbours + trials.made();
    why
}

/// Runs a plan and records it.
pub(super) fn recorded(program: &Program<'_>, sim: &Sim, plan: &Plan) -> Run<()> {
    program(&repeats(sim, plan).record(true))
}

impl Why {
    /// Finds out what does not matter, and from where on nothing does.
    fn try_out(&mut self, trials: &mut Trials<'_>) {
        for decision in &self.decisions {
            match trials.irrelevance(decision) {
                Some(Irrelevance::Choice) => self.irrelevant.push(decision.site.clone()),
                Some(Irrelevance::Above) => {
                    self.sharp.insert(decision.site.clone());
                }
                None => {}
            }
        }
        let steps = self.steps();
        let inevitable = trials.inevitable_after(steps.len() as u64);
        self.inevitable = match inevitable.map(|after| after as usize) {
            Some(0) => Some(Inevitable::Always),
            Some(after) if after < steps.len() => Some(Inevitable::From(steps[after - 1])),
            _ => None,
        };
    }

    /// Returns the steps of tasks up to the failure.
    pub(super) fn steps(&self) -> Vec<usize> {
        let events = self.trace.events();
        let end = self.past.end.map_or(events.len(), |end| end + 1);
        let steps = (0..end).filter(|step| events[*step].kind == EventKind::Stepped);
        steps.collect()
    }
}

/// Looks for the critical pair: among the neighbours that pass, the one that parts last. Says how
/// many it has run.
fn critical_pair(
    program: &Program<'_>,
    sim: &Sim,
    plan: &Plan,
    trace: &Trace,
) -> (Option<CriticalPair>, u64) {
    let switches = in_order(plan)
        .into_iter()
        .rev()
        .filter(|(_, choice)| !matches!(choice, Choice::Number(_)));
    let (mut pair, mut runs): (Option<CriticalPair>, u64) = (None, 0);
    for (site, _) in switches.take(MAX_NEIGHBOURS) {
        let mut neighbour = plan.clone();
        neighbour.remove(&site);
        let other = recorded(program, sim, &neighbour);
        runs += 1;
        if other.failure().is_none()
            && let Some((first, second)) = parted(trace, other.trace())
            && pair.as_ref().is_none_or(|pair| pair.first < first)
        {
            pair = Some(CriticalPair {
                first,
                second,
                site,
            });
        }
    }
    (pair, runs)
}

/// Returns where the first trace leaves the second, and where it does what the second does there.
fn parted(fails: &Trace, passes: &Trace) -> Option<(usize, usize)> {
    let (first, wanted) = fails.parting(passes)?;
    let wanted = passes.events().get(wanted)?;
    let is_wanted = |event: &Event| event.task == wanted.task && is_turn(event);
    let later = fails.events().iter().skip(first + 1);
    let second = later
        .take_while(|event| event.at >= wanted.at)
        .position(is_wanted)?;
    let is_switch = is_turn(wanted) && fails.events().get(first).is_some_and(is_turn);
    is_switch.then_some((first, first + 1 + second))
}

/// Says whether someone's turn begins with an event.
pub(super) fn is_turn(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Stepped | EventKind::Called | EventKind::Fired
    )
}
