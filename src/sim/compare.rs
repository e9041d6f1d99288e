//! Two runs of one seed: the first event at which they differ.

use std::future::Future;

use super::{Run, Sim};
use crate::assure::{Failure, FailureKind};
use crate::trace::{Event, EventKind};

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
        let Some((index, index_of_other)) = first.trace.parting(&second.trace) else {
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
        let (events, others) = (first.trace.events(), second.trace.events());
        let (one, other) = (events.get(index), others.get(index_of_other));
        let text = |event: Option<&Event>| {
            let text = event.map_or_else(|| "the run is over".to_owned(), Event::to_string);
            text.trim().to_owned()
        };
        let message = format!(
            "two runs of seed {} differ at event {index}\n  first:  {}\n  second: {}\nlook there \
             for the order of a hash map, real time, an address, another thread, or a generator \
             of random numbers that is not the run's",
            first.seed,
            text(one),
            text(other),
        );
        let at = one.or(other).map_or(first.now, |event| event.at);
        let mut failure = Failure::new(FailureKind::Nondeterminism, message, at);
        // Who was at it when the runs parted: mostly it is what one of the events tells of.
        let before = events[..index]
            .iter()
            .rfind(|event| event.kind == EventKind::Stepped);
        let of_stepper = |event: &&Event| before.is_some_and(|before| before.task == event.task);
        let differing = one.into_iter().chain(other);
        let told = differing.clone().find(of_stepper).or(one).or(other);
        failure.task = told.map(|event| event.task.clone());
        Some(failure)
    }
}
