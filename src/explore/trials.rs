//! Trials: a plan is replayed again and again with a part of it left to chance.
//!
//! If a decision can be left to chance and the run fails all the same, it does not matter how it
//! goes, only that it does not go as usual. If everything after some step can, the failure is
//! inevitable from there on. The words come from seeds that are made of the plan, so the same plan
//! is always told in the same way.

use std::future::Future;
use std::panic::Location;

use super::Explorer;
use super::past::Past;
use super::program::{Program, aside, program};
use super::stopwatch::Stopwatch;
use super::why::{Why, recorded};
use crate::assure::FailureKey;
use crate::chance::{Choice, Decision, Freedom, Plan, Site, mix};
use crate::sim::Sim;
use crate::strategy::Strategy;
use crate::task::Ending;

/// How often a decision is left to chance before it counts as irrelevant: one that matters one time
/// in thirty is noticed with a probability of 97 %.
const DRAWS: u64 = 100;

/// How often everything after a step is left to chance before the failure counts as inevitable.
const CONTINUATIONS: u64 = 50;

/// How often that is tried while the step is looked for.
const FEW_CONTINUATIONS: u64 = 8;

/// A run that goes another way may go on for ever: it is given so many times the steps of the one
/// that fails, and so many more.
const PATIENCE: u64 = 4;
const MORE_PATIENCE: u64 = 300;

/// The replays of one plan.
pub(super) struct Trials<'a> {
    program: &'a Program<'a>,
    sim: Sim,
    plan: &'a Plan,
    key: &'a FailureKey,
    seed: u64,
    left: u64,
    made: u64,
    watch: Stopwatch,
}

/// What is left to chance without making a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Irrelevance {
    /// Any alternative but the usual one fails.
    Choice,
    /// Any number from this one on fails.
    Above,
}

impl<'a> Trials<'a> {
    /// Prepares trials of the plan of a run with so many steps: so many, and not for longer than
    /// the watch says.
    pub(super) fn new(
        program: &'a Program<'a>,
        sim: &Sim,
        (plan, key, steps): (&'a Plan, &'a FailureKey, u64),
        left: u64,
        watch: Stopwatch,
    ) -> Self {
        let limit = steps.saturating_mul(PATIENCE).saturating_add(MORE_PATIENCE);
        let text = plan.to_string();
        let seed = text
            .bytes()
            .fold(0x7214, |hash, byte| mix(hash, u64::from(byte)));
        Self {
            program,
            sim: sim.clone().at_most_steps(limit).write_plan(true),
            plan,
            key,
            seed,
            left,
            made: 0,
            watch,
        }
    }

    /// Returns how many runs there were.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Says whether so many runs fail in the same way with this left to chance. It is not known if
    /// the budget does not suffice.
    fn all_fail(&mut self, freedom: Freedom, runs: u64) -> Option<bool> {
        for run in 0..runs {
            if self.left == 0 || self.watch.is_over() {
                return None;
            }
            self.left -= 1;
            self.made += 1;
            if !self.fails(freedom, run) {
                return Some(false);
            }
        }
        Some(true)
    }

    fn fails(&self, freedom: Freedom, run: u64) -> bool {
        let strategy = Strategy::replay_freely(self.plan.clone(), freedom);
        let seed = mix(self.seed, run);
        let sim = self.sim.clone().seed(seed).strategy(strategy);
        let run = (self.program)(&sim);
        run.failure()
            .is_some_and(|failure| failure.key() == *self.key)
    }

    /// Says whether it matters how a decision goes, as long as it does not go as usual.
    pub(super) fn irrelevance(&mut self, decision: &Decision) -> Option<Irrelevance> {
        let (site, count) = (decision.site.key(), decision.alternatives.count);
        let (freedom, meaning) = match self.choice_at(&decision.site)? {
            // The number has been made as small as it can be.
            Choice::Number(number) => {
                let most = number.saturating_mul(4).max(number + 100).min(count - 1);
                if most == *number {
                    return None;
                }
                let meaning = match number {
                    1 => Irrelevance::Choice,
                    _ => Irrelevance::Above,
                };
                (Freedom::At(site, *number, most), meaning)
            }
            // With two candidates, the other one is all there is.
            _ if count < 3 => return None,
            _ => (Freedom::At(site, 1, count - 1), Irrelevance::Choice),
        };
        let all_fail = self.all_fail(freedom, DRAWS)?;
        all_fail.then_some(meaning)
    }

    fn choice_at(&self, site: &Site) -> Option<&'a Choice> {
        let mut decisions = self.plan.iter();
        decisions.find_map(|(other, choice)| (other == site).then_some(choice))
    }

    /// Returns after how many steps of tasks, of so many, the failure is inevitable: it is from
    /// then on, so halving finds the first.
    pub(super) fn inevitable_after(&mut self, steps: u64) -> Option<u64> {
        // What always fails is soon known to, and what does not is known sooner.
        if self.all_fail(Freedom::After(0), CONTINUATIONS)? {
            return Some(0);
        }
        let mut open = 0;
        while open < steps {
            let mut lost = steps;
            while lost - open > 1 {
                let middle = open + (lost - open) / 2;
                match self.all_fail(Freedom::After(middle), FEW_CONTINUATIONS)? {
                    true => lost = middle,
                    false => open = middle,
                }
            }
            if lost == steps || self.all_fail(Freedom::After(lost), CONTINUATIONS)? {
                return Some(lost);
            }
            open = lost;
        }
        Some(steps)
    }

    /// Returns the share of so many runs that fail if everything after a step is left to chance.
    fn share(&self, after: u64, runs: u64) -> f64 {
        let fails = |run: &u64| self.fails(Freedom::After(after), *run);
        (0..runs).filter(fails).count() as f64 / runs as f64
    }
}

impl Explorer {
    /// Returns how likely it is that the run of a plan fails once so many steps of its tasks are
    /// made: the first number is the share of `runs` random runs that fail as it does, the second
    /// that of runs which go on at random after its first step, and so on to the step with which it
    /// fails. Where the curve reaches 1 the failure is inevitable. It is empty if the run passes.
    ///
    /// ```
    /// use simrun::chance::Plan;
    /// use simrun::explore::Explorer;
    /// use simrun::{spawn, task};
    /// use std::sync::{Arc, Mutex};
    ///
    /// /// The order of two tasks is decided by who goes first, and looked at some steps later.
    /// async fn race() {
    ///     let first = Arc::new(Mutex::new(None));
    ///     for number in [1, 2] {
    ///         let first = first.clone();
    ///         spawn(async move { _ = first.lock().unwrap().get_or_insert(number) }).detach();
    ///     }
    ///     for _ in 0..9 {
    ///         task::yield_now().await;
    ///     }
    ///     assert_eq!(*first.lock().unwrap(), Some(1));
    /// }
    ///
    /// let plan: Plan = "simrun plan 1\nschedule main#1 -> task main/2\n".parse().unwrap();
    /// let curve = Explorer::new().bug_probability(race, &plan, 100);
    /// assert!(curve[0] < 1.0, "it need not happen");
    /// assert_eq!(curve[2], 1.0, "the second task has gone first");
    /// ```
    #[track_caller]
    pub fn bug_probability<F, Fut>(&self, main: F, plan: &Plan, runs: u64) -> Vec<f64>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let program = program(main, Location::caller());
        aside(|| curve(&program, &self.sim, plan, runs))
    }
}

fn curve(program: &Program<'_>, sim: &Sim, plan: &Plan, runs: u64) -> Vec<f64> {
    let run = recorded(program, sim, plan);
    let Some(failure) = run.failure() else {
        return Vec::new();
    };
    let (key, watch) = (failure.key(), Stopwatch::start(None));
    let trials = Trials::new(program, sim, (plan, &key, run.steps()), u64::MAX, watch);
    let why = Why {
        past: Past::of(failure, run.trace()),
        trace: run.trace().clone(),
        ..Why::default()
    };
    let steps = why.steps().len() as u64;
    (0..=steps).map(|after| trials.share(after, runs)).collect()
}
