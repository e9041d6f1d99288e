//! What can go wrong with processes, if the run is told that it may.

use crate::event_loop::core;

use super::table::Table;

/// How often something goes wrong with the processes of a run: never, unless it is said.
///
/// Each time it could, that is a decision of the run's plan, whose default is that nothing
/// happens. So a plan says which faults there were, and repeats them.
///
/// ```
/// use simrun::Sim;
/// use simrun::process::{self, Command, Faults};
///
/// let run = Sim::new().write_plan(true).run(|| async {
///     process::register("true", |_| async {});
///     process::set_faults(Faults::new().spawn_failure(1.0));
///     Command::new("true").spawn().is_err()
/// });
/// assert_eq!(run.plan().len(), 1);
/// assert!(run.plan().to_string().contains("fault main#0 spawn true -> "));
/// assert!(run.unwrap());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    spawn_failure: f64,
    kill: f64,
}

impl Faults {
    /// Begins with nothing going wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the probability with which a process cannot be spawned: there are too many
    /// ([`WouldBlock`](std::io::ErrorKind::WouldBlock)) or there is no memory
    /// ([`OutOfMemory`](std::io::ErrorKind::OutOfMemory)).
    pub fn spawn_failure(mut self, probability: f64) -> Self {
        self.spawn_failure = probability;
        self
    }

    /// Sets the probability with which a process is killed, by `SIGKILL`, wherever it begins to
    /// read, to write, to wait for a child or for a signal.
    pub fn kill(mut self, probability: f64) -> Self {
        self.kill = probability;
        self
    }

    pub(super) fn spawn_failure_probability(&self) -> f64 {
        self.spawn_failure
    }

    pub(super) fn kill_probability(&self) -> f64 {
        self.kill
    }
}

/// Says how often something goes wrong from now on.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::process::{self, Faults};
///
/// # simrun::run(async {
/// process::set_faults(Faults::new().kill(0.01));
/// # });
/// ```
#[track_caller]
pub fn set_faults(faults: Faults) {
    Table::of(&core::current()).faults.set(faults);
}
