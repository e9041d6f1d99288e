//! Someone who looks after runs that never come back.
//!
//! A run is ended by its limits when it makes a step. A step that never returns cannot be ended
//! from within its process, nor can its thread. What is left is to say which run it is, and what is
//! known of the others, and to end the process: a test that hangs tells nothing.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::stopwatch::Stopwatch;
use super::words::count;
use crate::assure::FailureKey;
use crate::sim::{Run, Sim};

/// So much longer than its limit a run may take, as the limit is looked at between steps.
const GRACE: Duration = Duration::from_secs(1);

/// The exit code of a process of tests one of which has failed.
const FAILED: i32 = 101;

/// Knows which runs have begun.
pub(super) struct Watchdog {
    name: String,
    limit: Duration,
    watch: Stopwatch,
    known: Mutex<Known>,
    is_over: Condvar,
}

#[derive(Default)]
struct Known {
    is_over: bool,
    next: u64,
    begun: BTreeMap<u64, Begun>,
    ended: u64,
    /// The first run of each failure.
    failed: BTreeMap<FailureKey, String>,
}

struct Begun {
    at: Duration,
    who: String,
    replay: String,
}

impl Watchdog {
    /// Makes one for the runs of a simulation: none, if they have no limit on real time.
    pub(super) fn of(sim: &Sim, name: Option<&str>) -> Option<Self> {
        let limit = sim.wall_limit()?;
        let thread = std::thread::current();
        let name = name.or(thread.name()).unwrap_or_default();
        Some(Self {
            name: name.to_owned(),
            limit,
            watch: Stopwatch::start(None),
            known: Mutex::default(),
            is_over: Condvar::new(),
        })
    }

    /// Makes a run, and looks after it.
    pub(super) fn run(&self, sim: &Sim, make: impl FnOnce() -> Run<()>) -> Run<()> {
        let id = {
            let mut known = self.known();
            known.next += 1;
            let id = known.next;
            known.begun.insert(id, self.begun(sim));
            id
        };
        let run = make();
        let mut known = self.known();
        let begun = known.begun.remove(&id);
        known.ended += 1;
        if let (Some(failure), Some(begun)) = (run.failure(), begun) {
            let first = failure.message().lines().next().unwrap_or_default();
            let told = || format!("{}: {}: {first}", begun.who, failure.kind().word());
            known.failed.entry(failure.key()).or_insert_with(told);
        }
        run
    }

    fn begun(&self, sim: &Sim) -> Begun {
        let (seed, name) = (sim.seed, &self.name);
        Begun {
            at: self.watch.took(),
            who: format!("seed {seed} ({})", sim.strategy),
            replay: format!("SIMRUN_SEED={seed} cargo test {name}"),
        }
    }

    /// Looks after the runs that `act` makes.
    pub(super) fn during<T>(&self, act: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| self.look());
            let _over = Over(self);
            act()
        })
    }

    /// Waits until all is over, or a run has taken too long.
    fn look(&self) {
        let mut known = self.known();
        while !known.is_over {
            let now = self.watch.took();
            let limit = self.limit + GRACE;
            if let Some(lost) = known.begun.values().find(|run| now - run.at > limit) {
                self.give_up(&known, lost);
            }
            let waited = self.is_over.wait_timeout(known, GRACE);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells what is known, and ends the process.
    fn give_up(&self, known: &Known, lost: &Begun) -> ! {
        let Begun { who, replay, .. } = lost;
        let mut text = format!(
            "{}: the run of {who} has not come back after {:?}: one of its steps never returns. \
             Nothing but the end of the process ends it.\n",
            self.name, self.limit
        );
        let ended = count(known.ended, "run");
        text.push_str(&match known.failed.is_empty() {
            true => format!("{ended} had come back before, and none had failed.\n"),
            false => format!("{ended} had come back before, and some had failed:\n"),
        });
        for failed in known.failed.values() {
            text.push_str(&format!("  {failed}\n"));
        }
        text.push_str(&format!("replay   {replay}\n"));
        // A test's own output may be held back until it ends, which it does not.
        let _ = std::io::stderr().write_all(text.as_bytes());
        std::process::exit(FAILED)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the watch, even if the campaign panics.
struct Over<'a>(&'a Watchdog);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.known().is_over = true;
        self.0.is_over.notify_all();
    }
}
