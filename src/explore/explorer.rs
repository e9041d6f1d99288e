//! What a campaign is given.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::campaign::{Campaign, FIRST_BATCH, is_the_runs_own};
use super::exhaustive::Search;
use super::local::{Local, Look};
use super::pace::{Listener, Progress};
use super::program::{Program, aside, program};
use super::shrink::{self, Budget};
use super::stopwatch::Stopwatch;
use super::watchdog::Watchdog;
use super::{Exhaustion, Finding, Report, Shrunk};
use crate::chance::Plan;
use crate::sim::Sim;
use crate::strategy::Strategy;
use crate::task::Ending;

/// How many runs a campaign makes unless it is told otherwise: enough for what one run in three
/// hundred shows, and for most tests less than a second.
const RUNS: u64 = 1_000;

/// Many runs of one program, each under a seed of its own.
///
/// Seed 0 is always run in asyncio's own order: what fails there fails without any search. The
/// others are run by a [strategy](Self::strategy): by the [portfolio](Strategy::portfolio), in
/// which each seed names one of several, unless it is set.
///
/// Most strategies plan ahead, so a campaign begins with a few runs from which it makes a
/// [profile](crate::strategy::Profile): one in asyncio's order and eight of `pct 1`. Those are the
/// same in every campaign of a program. So a seed means the same run in all of them, and whoever
/// runs it alone computes the profile first. They are not counted among the runs, but what fails in
/// one of them is reported too.
///
/// The runs are spread over the cores, one at a time on each, and share nothing. What comes of them
/// does not depend on how many there are at a time. A panic fails its run and nothing else.
///
/// What the limits of a [`Sim`] do not end cannot be ended here either: a step that never returns,
/// and an abort of the process. If a run does not come back although its
/// [limit on real time](Sim::wall_clock) is over, the campaign says which one it is, and what has
/// failed so far, and ends the process. The command makes such runs in processes of their own,
/// where they are failures as any other.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{spawn, task};
/// use std::sync::{Arc, Mutex};
///
/// async fn order_is_kept() {
///     let order = Arc::new(Mutex::new(Vec::new()));
///     let tasks = [1, 2].map(|number| {
///         let order = order.clone();
///         spawn(async move { order.lock().unwrap().push(number) })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*order.lock().unwrap(), [1, 2], "nobody promised that");
/// }
///
/// let report = Explorer::new().runs(100).explore(order_is_kept);
/// let finding = &report.findings()[0];
/// assert!(finding.failure().message().contains("nobody promised that"));
/// assert_eq!(finding.shrunk().unwrap().plan().len(), 1);
/// ```
#[derive(Clone)]
pub struct Explorer {
    pub(super) sim: Sim,
    pub(super) runs: Option<u64>,
    pub(super) first_seed: u64,
    pub(super) time: Option<Duration>,
    pub(super) keeps_going: bool,
    pub(super) checks_all: bool,
    pub(super) stops_when_saturated: bool,
    pub(super) name: Option<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) jobs: Option<usize>,
    pub(super) must_hit: bool,
    /// Only the seeds count, whatever the runs for the profile show.
    pub(super) is_replay: bool,
    pub(super) listener: Option<Listener>,
    every_interleaving: bool,
    budget: Budget,
    pub(super) strategy: Arc<dyn Fn(u64) -> Strategy + Send + Sync>,
}

impl Explorer {
    /// Makes the default: a thousand runs of the portfolio on all cores, until one fails.
    pub fn new() -> Self {
        Self {
            sim: Sim::new(),
            runs: Some(RUNS),
            first_seed: 0,
            time: None,
            keeps_going: false,
            checks_all: false,
            stops_when_saturated: true,
            name: None,
            folder: Some(PathBuf::from("sim-regressions")),
            jobs: None,
            must_hit: false,
            is_replay: false,
            listener: None,
            every_interleaving: false,
            budget: Budget::default(),
            strategy: Arc::new(|_| Strategy::portfolio()),
        }
    }

    /// Sets how many runs there are.
    pub fn runs(mut self, runs: u64) -> Self {
        self.runs = Some(runs);
        self
    }

    /// Sets the seeds: one run for each.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.runs = Some(seeds.end.saturating_sub(seeds.start));
        self.first_seed = seeds.start;
        self
    }

    /// Sets one seed: one run, and nothing else counts. Seed 0 is run in asyncio's order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.is_replay = true;
        self.seeds(seed..seed.saturating_add(1))
    }

    /// Goes on for so long in real time, however many runs that are. Which runs are made then
    /// depends on the machine; what comes of each does not.
    pub fn for_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self.runs = None;
        self
    }

    /// Sets the strategy of each seed but 0.
    ///
    /// ```
    /// use simrun::Strategy;
    /// use simrun::explore::Explorer;
    ///
    /// let report = Explorer::new().runs(10).strategy(Strategy::pos()).explore(|| async {});
    /// assert!(report.to_string().contains("fifo 1, pos 9"));
    /// ```
    pub fn strategy(self, strategy: Strategy) -> Self {
        self.strategies(move |_| strategy.clone())
    }

    /// Sets the strategy of each seed but 0, for each its own.
    ///
    /// ```
    /// use simrun::Strategy;
    /// use simrun::explore::Explorer;
    ///
    /// let fifo_or_random = |seed| match seed % 2 {
    ///     0 => Strategy::fifo(),
    ///     _ => Strategy::random(),
    /// };
    /// let report = Explorer::new().runs(10).strategies(fifo_or_random).explore(|| async {});
    /// assert!(report.to_string().contains("fifo 5, random 5"));
    /// ```
    pub fn strategies(
        mut self,
        strategies: impl Fn(u64) -> Strategy + Send + Sync + 'static,
    ) -> Self {
        self.strategy = Arc::new(strategies);
        self
    }

    /// Calls a function a few times a second while the campaign goes on, on the thread of one of
    /// its runs. See [`Progress`].
    pub fn progress(mut self, listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Sets how many runs are made at a time: as many as there are cores, unless it is set.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Sets what all runs have in common: limits and hosts. Its seed and strategy do not count.
    pub fn sim(mut self, sim: Sim) -> Self {
        self.sim = sim;
        self
    }

    /// Fails a run that is not over after this much virtual time: see [`Sim::until`].
    pub fn until(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.sim = self.sim.until(limit);
        self
    }

    /// Fails a run that is not over after this many steps: see [`Sim::max_steps`].
    pub fn max_steps(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.sim = self.sim.max_steps(limit);
        self
    }

    /// Makes every run twice, not one in thirty-two: a program that depends on something beside its
    /// seed fails at once.
    pub fn check_determinism(mut self, check: bool) -> Self {
        self.checks_all = check;
        self
    }

    /// Makes all runs, even if some have failed: for all the failures there are.
    pub fn keep_going(mut self) -> Self {
        self.keeps_going = true;
        self
    }

    /// Makes all runs, even if the next is unlikely to show anything new.
    pub fn make_all_runs(mut self) -> Self {
        self.stops_when_saturated = false;
        self
    }

    /// Makes a [check](Self::check) fail if something that [must hold sometimes](crate::sometimes!)
    /// holds in none of its runs, and there were at least [256](Report::is_telling). Unless this is
    /// set, that is a warning on standard error.
    pub fn must_hit(mut self) -> Self {
        self.must_hit = true;
        self
    }

    /// Shrinks each failure in so many runs at most, however long they take. Unless this is set, it
    /// is 5,000 runs or two seconds.
    pub fn replays(mut self, replays: u64) -> Self {
        let time = None;
        self.budget = Budget {
            replays,
            time,
            ..self.budget
        };
        self
    }

    /// Names the program: after the test that it stands in, unless it is set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(crate) fn named_if_it_is_not(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.to_owned());
        self
    }

    /// Sets the folder for regressions: `sim-regressions`, unless it is set.
    pub fn regressions_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Neither replays regressions nor writes them.
    pub fn without_regressions(mut self) -> Self {
        self.folder = None;
        self
    }

    /// Runs the program under all seeds, and shrinks what fails.
    ///
    /// It reads no regressions and nothing of the environment: that is what
    /// [`check`](Self::check) does.
    #[track_caller]
    pub fn explore<F, Fut>(&self, main: F) -> Report
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.explore_program(&program(main, Location::caller()))
    }

    pub(crate) fn explore_program(&self, program: &Program<'_>) -> Report {
        let watch = Stopwatch::start(None);
        let mut report = match Watchdog::of(&self.sim, self.name.as_deref()) {
            None => self.explore_locally(program),
            Some(dog) => {
                dog.during(|| self.explore_locally(&|sim: &Sim| dog.run(sim, || program(sim))))
            }
        };
        report.took = watch.took();
        report
    }

    fn explore_locally(&self, program: &Program<'_>) -> Report {
        let local = Local::new(self, program);
        let first = FIRST_BATCH.min(self.runs.unwrap_or(u64::MAX));
        local.prepare((0..first).map(|number| (self.strategy)(self.seed_of(number))));
        let summary = Campaign::new(self, &local).run();
        local.report(summary, |_| Look::Closely)
    }

    /// Shrinks a plan whose run fails: `None` if it passes.
    #[track_caller]
    pub fn shrink<F, Fut>(&self, main: F, plan: &Plan) -> Option<Shrunk>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.shrink_program(&program(main, Location::caller()), plan)
    }

    pub(super) fn shrink_program(&self, program: &Program<'_>, plan: &Plan) -> Option<Shrunk> {
        aside(|| shrink::shrink(program, &self.sim, plan, self.budget))
    }

    /// Shrinks what was found, if it comes from the program and the plan alone.
    pub(super) fn shrink_finding(&self, program: &Program<'_>, finding: &mut Finding) {
        if is_the_runs_own(&finding.failure) {
            finding.shrunk = self.shrink_program(program, &finding.plan);
        }
    }

    /// Shrinks a plan, and tries nothing at random then.
    pub(super) fn shrink_without_trials(
        &self,
        program: &Program<'_>,
        plan: &Plan,
    ) -> Option<Shrunk> {
        let has_trials = false;
        let budget = Budget {
            has_trials,
            ..self.budget
        };
        aside(|| shrink::shrink(program, &self.sim, plan, budget))
    }

    /// Runs each interleaving when a program is [exhausted](Self::exhaust), and not one of each
    /// trace: for programs whose tasks share what is not tracked, or to see how many there are.
    pub fn every_interleaving(mut self) -> Self {
        self.every_interleaving = true;
        self
    }

    /// Runs all that a small program can do: see [`Exhaustion`]. There are as many runs as
    /// [`runs`](Self::runs) says, at most.
    #[track_caller]
    pub fn exhaust<F, Fut>(&self, main: F) -> Exhaustion
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.exhaust_program(&program(main, Location::caller()))
    }

    pub(crate) fn exhaust_program(&self, program: &Program<'_>) -> Exhaustion {
        let search = Search {
            program,
            sim: &self.sim,
            max_runs: self.runs.unwrap_or(u64::MAX),
            time: self.time,
            every: self.every_interleaving,
        };
        let mut all = aside(|| search.run());
        for finding in all.findings_mut() {
            self.shrink_finding(program, finding);
        }
        all
    }

    pub(super) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.unwrap_or_else(cores).max(1)
    }

    /// Returns the seeds of all its runs.
    #[cfg(feature = "cli")]
    pub(crate) fn all_seeds(&self) -> Range<u64> {
        let runs = self.runs.unwrap_or(0);
        self.first_seed..self.first_seed.saturating_add(runs)
    }

    /// Returns the seed of the run with this number.
    pub(super) fn seed_of(&self, number: u64) -> u64 {
        self.first_seed.wrapping_add(number)
    }
}

impl Default for Explorer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Explorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer")
            .field("runs", &self.runs)
            .field("first_seed", &self.first_seed)
            .field("time", &self.time)
            .field("jobs", &self.jobs)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
