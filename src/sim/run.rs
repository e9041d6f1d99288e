//! What came of a run.

use std::fmt;
use std::sync::Arc;

use crate::assure::{Failure, Outcome, Property};
use crate::chance::{Decision, Plan, Site};
use crate::event_loop::{Profile, Report, Shown};
use crate::strategy::Strategy;
use crate::time::Instant;
use crate::trace::Trace;

/// What came of a run.
///
/// Its text is the run, one event a line if they were recorded, and the verdict.
///
/// ```
/// use simrun::{Sim, log, time};
///
/// let run = Sim::new().seed(3).record(true).run(|| async {
///     time::sleep(time::secs(60)).await;
///     log!("a minute later");
///     42
/// });
/// assert_eq!((run.value(), run.seed()), (Some(&42), 3));
/// assert!(run.outcome().is_passed());
/// assert_eq!(run.now().since_start(), time::secs(60));
/// assert!(run.to_string().contains("main         logs a minute later\n"));
/// ```
#[derive(Debug)]
pub struct Run<T> {
    pub(super) seed: u64,
    pub(super) strategy: Strategy,
    pub(super) value: Option<T>,
    pub(super) outcome: Outcome,
    pub(super) reports: Vec<Report>,
    pub(super) now: Instant,
    pub(super) steps: u64,
    pub(super) fingerprint: u64,
    pub(super) trace: Trace,
    pub(super) profile: Option<Arc<Profile>>,
    pub(super) trace_hash: Option<u64>,
    pub(super) handoffs: Vec<u64>,
    pub(crate) shown: Shown,
    pub(super) plan: Plan,
    pub(super) unmet: Vec<Site>,
    pub(super) properties: Vec<Property>,
    pub(super) decisions: Vec<Decision>,
}

impl<T> Run<T> {
    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the strategy.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Returns what the main task returned, if it did.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Takes what the main task returned, if it did.
    pub fn into_value(self) -> Option<T> {
        self.value
    }

    /// Returns how the run ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns what went wrong, if something did.
    pub fn failure(&self) -> Option<&Failure> {
        self.outcome.failure()
    }

    /// Returns the reports that no exception handler has received.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Returns the virtual time at the end.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Returns how many steps, callbacks and timers there were.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns a number that two runs share if they did the same things in the same order.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Returns a number that two runs share if they did the same things in the same order, up to
    /// the order of steps that do not depend on each other: the number of the run's *trace*, if it
    /// was [asked for](crate::Sim::hash_trace).
    ///
    /// A step depends on the one before it in its task, on those that it shares a resource with of
    /// which one writes, and on the ends of the tasks that it awaits.
    ///
    /// That is found out for the first 65,536 turns of tasks, callbacks and timers. In a longer
    /// run the [fingerprint](Self::fingerprint) stands for the rest.
    ///
    /// ```
    /// use simrun::sync::Tracked;
    /// use simrun::{Sim, Strategy, spawn};
    /// use std::collections::BTreeSet;
    ///
    /// async fn two_pairs_of_writers() {
    ///     let cells = [(); 2].map(|()| std::sync::Arc::new(Tracked::new(0)));
    ///     let writers = cells.into_iter().flat_map(|cell| [(cell.clone(), 1), (cell, 2)]);
    ///     let write = |(cell, value): (std::sync::Arc<Tracked<i32>>, i32)| {
    ///         spawn(async move { cell.write(|cell| *cell = value) })
    ///     };
    ///     for writer in writers.map(write).collect::<Vec<_>>() {
    ///         writer.await.unwrap();
    ///     }
    /// }
    ///
    /// let sim = Sim::new().strategy(Strategy::random()).hash_trace(true);
    /// let runs = || (0..500).map(|seed| sim.clone().seed(seed).run(two_pairs_of_writers));
    /// let traces: BTreeSet<u64> = runs().map(|run| run.trace_hash().unwrap()).collect();
    /// let orders: BTreeSet<u64> = runs().map(|run| run.fingerprint()).collect();
    /// assert!(traces.len() < orders.len() / 2);
    /// ```
    pub fn trace_hash(&self) -> Option<u64> {
        self.trace_hash
    }

    /// Returns the hand-offs of the run, each as a number, if they were
    /// [asked for](crate::Sim::hash_trace): that one task has touched a resource right after
    /// another one had. The tasks, the resource, and whether each has read or written make the
    /// number, so runs of one program have hand-offs in common.
    pub fn handoffs(&self) -> &[u64] {
        &self.handoffs
    }

    /// Returns what the run shows of the program, if it was [asked for](crate::Sim::profile).
    pub fn profile(&self) -> Option<&Arc<Profile>> {
        self.profile.as_ref()
    }

    /// Returns the events, if they were [recorded](crate::Sim::record).
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns the decisions, if they were [written down](crate::Sim::write_plan).
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what is known of the decisions, if they were written down and events recorded.
    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Returns the sites of a replayed plan at which the program has left it: they never came up,
    /// or what they call for was not possible.
    pub fn diverged(&self) -> &[Site] {
        &self.unmet
    }

    /// Returns the [properties](crate::assure) that the run came to, by name.
    ///
    /// ```
    /// use simrun::{Sim, reachable};
    ///
    /// let run = Sim::new().run(|| async { reachable!("the end") });
    /// let property = &run.properties()[0];
    /// assert_eq!((property.name(), property.holds()), ("the end", 1));
    /// ```
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// Returns what the main task returned.
    ///
    /// # Panics
    ///
    /// If the run failed, with the report of the failure.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match (self.outcome, self.value) {
            (Outcome::Passed, Some(value)) => value,
            (Outcome::Failed(failure), _) => panic!(
                "{failure}\n\nseed {}, strategy {}, fingerprint {:016x}",
                self.seed, self.strategy, self.fingerprint
            ),
            (Outcome::Passed, None) => unreachable!("a run that passed has a value"),
        }
    }
}

impl<T> fmt::Display for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace)?;
        writeln!(f, "{}", self.outcome)?;
        write!(
            f,
            "seed {}, strategy {}, {} of virtual time, {} steps, fingerprint {:016x}",
            self.seed, self.strategy, self.now, self.steps, self.fingerprint
        )
    }
}
