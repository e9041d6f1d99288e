//! Two runs of one seed: the first event at which they differ.

use std::future::Future;

use super::{Run, Sim};
use crate::assure::{Failure, FailureKind};

impl Sim {
    /// Runs a program twice and compares the runs, event by event.
    ///
    /// # Errors
    ///
    /// If they differ: the failure tells the first event at which they do.
    ///
    /// ```
    /// use simrun::{Sim, task};
    ///
    /// Sim::new().check_determinism(|| async { task::yield_now().await }).unwrap();
    /// ```
    #[track_caller]
    pub fn check_determinism<F, Fut>(&self, main: F) -> Result<Run<Fut::Output>, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        let sim = self.clone().record(true);
        let (first, second) = (sim.run(&main), sim.run(&main));
        match Self::compare(&first, &second) {
            None => Ok(first),
            Some(failure) => Err(failure),
        }
    }

    /// Tells where two recorded runs of one seed differ, if they do.
    pub(crate) fn compare<T>(first: &Run<T>, second: &Run<T>) -> Option<Failure> {
        let Some(index) = first.trace.first_difference(&second.trace) else {
            if first.fingerprint == second.fingerprint {
                return None;
            }
            let message = "two runs of one seed have the same events but different fingerprints";
            return Some(Failure::new(
                FailureKind::Nondeterminism,
                message,
                first.now,
            ));
        };
        let (one, other) = (
            first.trace.events().get(index),
            second.trace.events().get(index),
        );
        let text = |event: Option<&crate::trace::Event>| {
            event.map_or_else(|| "the run is over".to_owned(), |event| event.to_string())
        };
        let message = format!(
            "two runs of seed {} differ at event {index}\n  first:  {}\n  second: {}\nlook there \
             for the order of a hash map, real time, an address, another thread, or a generator \
             of random numbers that is not the run's",
            first.seed,
            text(one).trim(),
            text(other).trim(),
        );
        let at = one.or(other).map_or(first.now, |event| event.at);
        let mut failure = Failure::new(FailureKind::Nondeterminism, message, at);
        failure.task = one.or(other).map(|event| event.task.clone());
        Some(failure)
    }
}
