//! Shrinking: from the plan of a run that fails to the few decisions that matter.
//!
//! A plan is sparse and its sites are local, so to leave a decision out is to edit a map and run
//! again. A candidate is taken if the run fails for the same key and costs less. What the run wrote
//! down replaces the candidate, so decisions that no longer come up, such as those after the
//! failure, are gone at once. The cheap passes go first and are repeated as long as they help; then
//! the dear ones, which move a switch in order to be rid of another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::cost::{Class, Cost, in_order, plan_of};
use super::past::Past;
use super::program::{Program, repeats};
use super::shrunk::{Shrunk, Slip, Threshold};
use super::stopwatch::Stopwatch;
use super::why;
use crate::assure::{Failure, FailureKey, FailureKind};
use crate::chance::{Choice, Decision, Plan, Site};
use crate::sim::Sim;

/// With more decisions than this, pairs of them are not tried: they would be too many.
const MAX_FOR_PAIRS: usize = 40;

/// How far apart the two of a pair may be.
const NEAR: usize = 12;

/// With more decisions than this, none is moved to be rid of another.
const MAX_FOR_MOVES: usize = 12;

/// With fewer decisions than this, to leave them out one by one takes no longer than to record a
/// run and look what the failure depends on.
const MIN_FOR_PAST: usize = 4;

/// A candidate may go another way for ever, trying again and again what never succeeds: it is given
/// so many times the steps of the run that fails, and so many more.
const PATIENCE: u64 = 16;
const MORE_PATIENCE: u64 = 10_000;

/// What shrinking one failure may use up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) replays: u64,
    pub(super) time: Option<Duration>,
    /// Runs may be made that differ at random from the shortest one, to find out why it fails.
    pub(super) has_trials: bool,
}

impl Default for Budget {
    /// Long enough for nearly all failures, short enough for a test that someone waits for.
    fn default() -> Self {
        Self {
            replays: 5_000,
            time: Some(Duration::from_secs(2)),
            has_trials: true,
        }
    }
}

pub(super) struct Shrinker<'a> {
    program: &'a Program<'a>,
    /// What every candidate is run in, and how many steps that gives it.
    sim: Sim,
    limit: u64,
    key: FailureKey,
    best: Plan,
    cost: Cost,
    failure: Failure,
    /// The plans that were tried and not taken.
    tried: BTreeSet<String>,
    slips: BTreeMap<FailureKey, Slip>,
    /// The numbers with which the run fails, and with one less does not.
    thresholds: BTreeMap<Site, u64>,
    replays: u64,
    budget: Budget,
    watch: Stopwatch,
}

/// A run that fails in the same way.
struct Attempt {
    plan: Plan,
    cost: Cost,
    failure: Failure,
}

/// Shrinks a plan, if its run fails.
pub(super) fn shrink(
    program: &Program<'_>,
    sim: &Sim,
    plan: &Plan,
    budget: Budget,
) -> Option<Shrunk> {
    let mut shrinker = Shrinker::start(program, sim, plan, budget)?;
    shrinker.shrink();
    Some(shrinker.finish(plan.len()))
}

/// What shrinking a plan in few runs has come to.
#[cfg(feature = "proptest")]
pub(super) struct Rough {
    pub(super) plan: Plan,
    pub(super) failure: Failure,
    pub(super) replays: u64,
}

/// Shrinks a plan, if its run fails, by the cheap passes alone.
#[cfg(feature = "proptest")]
pub(super) fn roughly(
    program: &Program<'_>,
    sim: &Sim,
    plan: &Plan,
    budget: Budget,
) -> Option<Rough> {
    let mut shrinker = Shrinker::start(program, sim, plan, budget)?;
    if !shrinker.accepts(Plan::new()) {
        shrinker.drop_classes();
        shrinker.drop_chunks();
    }
    Some(Rough {
        plan: shrinker.best,
        failure: shrinker.failure,
        replays: shrinker.replays,
    })
}

impl<'a> Shrinker<'a> {
    /// Runs the plan for the first time: `None` if it passes.
    fn start(program: &'a Program<'a>, sim: &Sim, plan: &Plan, budget: Budget) -> Option<Self> {
        let run = program(&repeats(sim, plan));
        let failure = run.failure()?.clone();
        let limit = run.steps().saturating_mul(PATIENCE);
        let limit = limit.saturating_add(MORE_PATIENCE);
        Some(Self {
            program,
            sim: sim.clone().at_most_steps(limit),
            limit,
            key: failure.key(),
            cost: Cost::of(run.plan(), run.now()),
            best: run.plan().clone(),
            failure,
            tried: BTreeSet::new(),
            slips: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            replays: 1,
            budget,
            watch: Stopwatch::start(budget.time),
        })
    }
}

impl Shrinker<'_> {
    fn shrink(&mut self) {
        if self.accepts(Plan::new()) {
            return;
        }
        self.drop_what_no_cause_is();
        self.drop_classes();
        loop {
            self.drop_chunks();
            self.lower_numbers();
            if !self.drop_pairs() && !self.move_switches() {
                break;
            }
        }
        if self.slide() {
            self.drop_chunks();
        }
    }

    fn finish(self, before: usize) -> Shrunk {
        let is_over = self.is_over();
        let rest = Budget {
            replays: self.budget.replays.saturating_sub(self.replays),
            ..self.budget
        };
        let told = (&self.best, &self.key);
        let why = why::explain(self.program, &self.sim, told, rest, self.watch);
        let stands = |(site, fails): (Site, u64)| {
            let mut decisions = self.best.iter();
            decisions
                .any(|found| found == (&site, &Choice::Number(fails)))
                .then(|| Threshold::new(site, fails, &why))
        };
        let thresholds = self.thresholds.into_iter().filter_map(stands).collect();
        Shrunk {
            plan: self.best,
            failure: self.failure,
            before,
            replays: self.replays,
            is_cut_short: is_over,
            thresholds,
            slips: self.slips.into_values().collect(),
            why,
        }
    }

    fn is_over(&self) -> bool {
        self.replays >= self.budget.replays || self.watch.is_over()
    }

    /// Runs a candidate, unless it was tried before, and takes it if it fails in the same way at
    /// less cost.
    fn accepts(&mut self, candidate: Plan) -> bool {
        if self.is_over() || !self.tried.insert(candidate.to_string()) {
            return false;
        }
        match self.attempt(&candidate) {
            Some(attempt) if attempt.cost < self.cost => {
                self.take(attempt);
                true
            }
            _ => false,
        }
    }

    /// Runs a candidate, and returns what came of it if it fails in the same way. Another failure
    /// is remembered.
    fn attempt(&mut self, candidate: &Plan) -> Option<Attempt> {
        self.replays += 1;
        let run = (self.program)(&repeats(&self.sim, candidate));
        let (plan, failure) = (run.plan().clone(), run.failure()?.clone());
        if failure.key() != self.key {
            if failure.kind() == FailureKind::Steps && run.steps() >= self.limit {
                // It is not the program that has failed.
                return None;
            }
            let slip = self.slips.entry(failure.key());
            slip.or_insert(Slip { failure, plan });
            return None;
        }
        let cost = Cost::of(&plan, run.now());
        Some(Attempt {
            plan,
            cost,
            failure,
        })
    }

    fn take(&mut self, attempt: Attempt) {
        self.best = attempt.plan;
        self.cost = attempt.cost;
        self.failure = attempt.failure;
    }

    /// Leaves out what has come about by decisions on which nothing that the failure depends on
    /// depends.
    fn drop_what_no_cause_is(&mut self) {
        if self.best.len() < MIN_FOR_PAST {
            return;
        }
        self.replays += 1;
        let run = why::recorded(self.program, &self.sim, &self.best);
        let past = Past::of(&self.failure, run.trace());
        let matters = |decision: &&Decision| match decision.site {
            // What was chosen comes next; a number is drawn in what came last.
            Site::Schedule { .. } => past.has(decision.moment),
            _ => decision.moment == 0 || past.has(decision.moment - 1),
        };
        let kept: BTreeSet<&Site> = run
            .decisions()
            .iter()
            .filter(matters)
            .map(|decision| &decision.site)
            .collect();
        let decisions = in_order(&self.best);
        let rest = decisions.iter().filter(|(site, _)| kept.contains(site));
        let rest = plan_of(rest);
        if rest.len() < decisions.len() {
            self.accepts(rest);
        }
    }

    /// Leaves out all faults, all that happens to packets, all switches, all draws.
    fn drop_classes(&mut self) {
        for class in Class::ALL {
            let decisions = in_order(&self.best);
            let rest = decisions
                .iter()
                .filter(|(site, _)| Class::of(site) != class);
            let rest = plan_of(rest);
            if !rest.is_empty() && rest.len() < decisions.len() {
                self.accepts(rest);
            }
        }
    }

    /// Leaves out runs of neighbours, half of all at first and one at last, until no single one can
    /// be left out. The last ones first: they depend on those before.
    fn drop_chunks(&mut self) {
        let mut size = self.best.len().div_ceil(2).max(1);
        loop {
            let mut end = self.best.len();
            let mut has_helped = false;
            while end > 0 && !self.is_over() {
                let decisions = in_order(&self.best);
                end = end.min(decisions.len());
                let start = end.saturating_sub(size);
                let rest = decisions[..start].iter().chain(&decisions[end..]);
                has_helped |= self.accepts(plan_of(rest));
                end = start;
            }
            if size == 1 && (!has_helped || self.is_over()) {
                return;
            }
            size = (size / 2).max(1);
        }
    }

    /// Makes every number as small as it can be: halving what is left between one that passes and
    /// one that fails ends at the threshold.
    fn lower_numbers(&mut self) {
        for (site, choice) in in_order(&self.best) {
            let Choice::Number(number) = choice else {
                continue;
            };
            let (mut passes, mut fails) = (0, number);
            while fails - passes > 1 && !self.is_over() {
                let middle = passes + (fails - passes) / 2;
                let mut candidate = self.best.clone();
                candidate.insert(site.clone(), Choice::Number(middle));
                match self.accepts(candidate) {
                    true => fails = middle,
                    false => passes = middle,
                }
            }
            if fails > 1 && fails - passes == 1 {
                self.thresholds.insert(site, fails);
            }
        }
    }

    /// Leaves out two decisions that are near each other: one to go to a task and one to come back,
    /// or one for each of two tasks that get ahead of each other in turn.
    fn drop_pairs(&mut self) -> bool {
        let mut has_helped = false;
        let mut one = self.best.len();
        if !(3..=MAX_FOR_PAIRS).contains(&one) {
            return false;
        }
        while one > 0 && !self.is_over() {
            one = (one - 1).min(self.best.len());
            let decisions = in_order(&self.best);
            let others = (0..one.min(decisions.len())).rev().take(NEAR);
            for other in others {
                if self.accepts(plan_of(without(&decisions, &[one, other]))) {
                    has_helped = true;
                    break;
                }
            }
        }
        has_helped
    }

    /// Takes a switch a step earlier or later, and leaves out another decision.
    fn move_switches(&mut self) -> bool {
        let decisions = in_order(&self.best);
        if !(2..=MAX_FOR_MOVES).contains(&decisions.len()) {
            return false;
        }
        for (moved, decision) in decisions.iter().enumerate() {
            for variant in moves(decision) {
                for dropped in (0..decisions.len()).filter(|dropped| *dropped != moved) {
                    let left_out = [moved, dropped];
                    let rest = without(&decisions, &left_out);
                    if self.accepts(plan_of(rest.chain([&variant]))) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Puts each switch off for as long as that makes no difference. It then stands next to what
    /// it is about, and not somewhere in the twenty steps before.
    fn slide(&mut self) -> bool {
        let mut has_moved = false;
        for (mut site, choice) in in_order(&self.best).into_iter().rev() {
            let mut stride: u32 = 1;
            let mut grows = true;
            while stride > 0 && !self.is_over() {
                let Some(later) = later(&site, stride) else {
                    break;
                };
                let mut candidate = self.best.clone();
                candidate.remove(&site);
                candidate.insert(later.clone(), choice.clone());
                let attempt = self.attempt(&candidate);
                match attempt.filter(|attempt| attempt.cost.is_no_worse_than(&self.cost)) {
                    Some(attempt) if attempt.plan == candidate => {
                        self.take(attempt);
                        site = later;
                        has_moved = true;
                    }
                    _ => grows = false,
                }
                stride = if grows { stride * 2 } else { stride / 2 };
            }
        }
        has_moved
    }
}

/// Returns the site of a switch so many steps later.
fn later(site: &Site, steps: u32) -> Option<Site> {
    let Site::Schedule { after, step, .. } = site else {
        return None;
    };
    Some(Site::Schedule {
        after: after.clone(),
        step: step.checked_add(steps)?,
        since: 0,
    })
}

fn without<'a>(
    decisions: &'a [(Site, Choice)],
    left_out: &'a [usize],
) -> impl Iterator<Item = &'a (Site, Choice)> {
    let decisions = decisions.iter().enumerate();
    decisions.filter_map(|(index, decision)| (!left_out.contains(&index)).then_some(decision))
}

/// Returns the same switch at the task's steps before and after.
fn moves((site, choice): &(Site, Choice)) -> Vec<(Site, Choice)> {
    let Site::Schedule { after, step, .. } = site else {
        return Vec::new();
    };
    [step.checked_sub(1), step.checked_add(1)]
        .into_iter()
        .flatten()
        .map(|step| {
            let (after, since) = (after.clone(), 0);
            (Site::Schedule { after, step, since }, choice.clone())
        })
        .collect()
}
