//! Why a run fails: the nearest run that passes, and the two events whose order decides.
//!
//! The neighbour is the plan without one of its decisions. Up to there the two runs are the same;
//! then one thing happens first in the one and another in the other. If both happen in both, their
//! order is what matters.

use super::cost::in_order;
use super::program::{Program, repeats};
use crate::assure::FailureKey;
use crate::chance::{Choice, Plan, Site};
use crate::sim::Sim;
use crate::trace::{Event, EventKind, Trace};

/// So many neighbours are looked at: the last decisions of a longer plan will do.
const MAX_NEIGHBOURS: usize = 16;

/// What decides between a failure and a run that passes.
#[derive(Clone, Debug, Default)]
pub struct Why {
    pub(super) pair: Option<CriticalPair>,
    /// The trace of the shortest run.
    pub(super) trace: Trace,
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
}

/// Two events of a run that fails, and that passes if the second goes first.
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

/// Looks for the critical pair: among the neighbours that pass, the one that parts last.
pub(super) fn explain(program: &Program<'_>, sim: &Sim, plan: &Plan, key: &FailureKey) -> Why {
    let recorded = |plan: &Plan| program(&repeats(sim, plan).record(true));
    let run = recorded(plan);
    if run.failure().is_none_or(|failure| failure.key() != *key) {
        return Why::default();
    }
    let trace = run.trace().clone();
    let switches = in_order(plan)
        .into_iter()
        .rev()
        .filter(|(_, choice)| !matches!(choice, Choice::Number(_)));
    let mut pair: Option<CriticalPair> = None;
    for (site, _) in switches.take(MAX_NEIGHBOURS) {
        let mut neighbour = plan.clone();
        neighbour.remove(&site);
        let other = recorded(&neighbour);
        if other.failure().is_none()
            && let Some((first, second)) = parted(&trace, other.trace())
            && pair.as_ref().is_none_or(|pair| pair.first < first)
        {
            pair = Some(CriticalPair {
                first,
                second,
                site,
            });
        }
    }
    Why { pair, trace }
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
