//! The check of a program for all workloads: regressions first, then cases as proptest makes them,
//! and a panic with the simplest that fails.

use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ::proptest::strategy::{Strategy, ValueTree};
use ::proptest::test_runner::{Config, TestError, TestRunner, contextualize_config};

use super::case::{Case, Shared};
use super::found::{Explored, Found};
use super::regression::{Kept, Properties as File, one_line};
use super::runs::{Runs, explorer};
use crate::explore::probe::{Environment, Saved, file_in, name_at, program};
use crate::explore::{Explorer, Finding};
use crate::task::Ending;

/// So many simpler workloads are tried at most, unless the configuration says how many: proptest
/// would go by the number of cases, which may be one.
const SIMPLER: u32 = 4_096;

/// Runs a program with 256 workloads that a strategy makes, each under sixteen seeds, and panics
/// with the simplest workload and the shortest run that fail, if one does.
///
/// The failure is kept in the folder `proptest-regressions`, in a file with the test's name, and is
/// replayed first from then on; on a machine that sets `CI` nothing is written, and the text is
/// printed instead. What proptest reads from the environment holds here too, such as
/// `PROPTEST_CASES` and `PROPTEST_RNG_SEED`; `SIMRUN_RUNS` says how many runs there are of each
/// workload, `SIMRUN_JOBS` how many at a time, `SIMRUN_SEED` makes the workload and the runs of one
/// seed alone, and `SIMRUN_PLAN` replays the file of that name alone.
///
/// [`Properties`] is the same with settings.
///
/// # Panics
///
/// If a run fails.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::sync::Queue;
///
/// let items = prop::collection::vec(any::<u8>(), 0..5);
/// simrun::proptest::check(items, |items| async move {
///     let queue = Queue::unbounded();
///     for item in &items {
///         queue.put(*item).await.unwrap();
///     }
///     for item in items {
///         assert_eq!(queue.get().await.unwrap(), item);
///     }
/// });
/// ```
#[track_caller]
pub fn check<S, F, Fut>(workloads: S, main: F)
where
    S: Strategy<Value: Clone + Send + Sync>,
    F: Fn(S::Value) -> Fut + Send + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    Properties::new().check(workloads, main);
}

/// What a program is checked with for all workloads.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::proptest::Properties;
/// use simrun::sync::Tracked;
/// use simrun::{spawn, task};
/// use std::sync::Arc;
///
/// /// Reads, goes on, and writes: so a deposit can be lost.
/// async fn deposits(sums: Vec<u32>) {
///     let balance = Arc::new(Tracked::new(0));
///     let deposit = |sum: &u32| {
///         let (balance, sum) = (balance.clone(), *sum);
///         spawn(async move {
///             let before = balance.read(|balance| *balance);
///             task::yield_now().await;
///             balance.write(|balance| *balance = before + sum);
///         })
///     };
///     for deposit in sums.iter().map(deposit).collect::<Vec<_>>() {
///         deposit.await.unwrap();
///     }
///     assert_eq!(balance.read(|balance| *balance), sums.iter().sum::<u32>(), "a deposit is lost");
/// }
///
/// let sums = prop::collection::vec(1..100_u32, 1..20);
/// let explored = Properties::new().cases(50).explore(sums, deposits);
/// let found = explored.found().unwrap();
/// assert_eq!(found.workload().len(), 2);
/// assert!(found.finding().best_plan().is_empty());
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before there is a program"]
pub struct Properties {
    config: Config,
    explorer: Explorer,
    name: Option<String>,
    folder: Option<PathBuf>,
}

impl Properties {
    /// Makes the default: proptest's cases, and sixteen runs of each.
    pub fn new() -> Self {
        Self {
            config: Config::default(),
            explorer: explorer(),
            name: None,
            folder: Some(PathBuf::from("proptest-regressions")),
        }
    }

    /// Sets how many workloads there are, whatever the environment says.
    pub fn cases(mut self, cases: u32) -> Self {
        self.config.cases = cases;
        self
    }

    /// Sets how proptest generates and shrinks workloads. What stands in the environment goes
    /// before it. Without a `failure_persistence` no regressions are kept, whatever it is
    /// otherwise.
    pub fn config(mut self, config: Config) -> Self {
        self.config = contextualize_config(config);
        self
    }

    /// Sets how the runs of each workload are made: how many, under which strategy, with which
    /// limits. Its seeds, its name and its folder do not count.
    pub fn explorer(mut self, explorer: Explorer) -> Self {
        self.explorer = explorer;
        self
    }

    /// Sets how many runs there are of each workload, beside the one in asyncio's order.
    pub fn runs(mut self, runs: u64) -> Self {
        self.explorer = self.explorer.runs(runs);
        self
    }

    /// Names the program: after the test that it stands in, unless it is set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the folder for regressions: `proptest-regressions`, unless it is set.
    pub fn regressions_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Neither replays regressions nor writes them.
    pub fn without_regressions(mut self) -> Self {
        self.folder = None;
        self
    }

    /// Runs the program with all workloads, and makes what fails as simple as it can be.
    ///
    /// It reads no regressions: that is what [`check`](Self::check) does.
    #[track_caller]
    pub fn explore<S, F, Fut>(&self, workloads: S, main: F) -> Explored<S::Value>
    where
        S: Strategy<Value: Clone + Send + Sync>,
        F: Fn(S::Value) -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let runs = self.runs_of(workloads, Environment::default());
        explored(self.config.clone(), &runs, &main, Location::caller())
    }

    /// Replays the regressions of a program, runs it with all workloads, and panics with the
    /// simplest that fails, if one does. See [`check`](check()) for what the environment can say.
    ///
    /// # Panics
    ///
    /// If a run fails, or the regressions cannot be read.
    #[track_caller]
    pub fn check<S, F, Fut>(&self, workloads: S, main: F) -> Explored<S::Value>
    where
        S: Strategy<Value: Clone + Send + Sync>,
        F: Fn(S::Value) -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.check_told(workloads, &main, Environment::read(), Location::caller())
    }

    #[track_caller]
    pub(super) fn check_told<S, F, Fut>(
        &self,
        workloads: S,
        main: &F,
        environment: Environment,
        at: &'static Location<'static>,
    ) -> Explored<S::Value>
    where
        S: Strategy<Value: Clone + Send + Sync>,
        F: Fn(S::Value) -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let name = self.name.clone().unwrap_or_else(|| name_at(at));
        let runs = self.runs_of(workloads, environment.clone());
        let mut config = self.config.clone();
        if environment.seed.is_some() {
            config.cases = 1;
        }
        let folder = self.folder.as_ref();
        let folder = folder.filter(|_| config.failure_persistence.is_some());
        let path = folder.map(|folder| file_in(folder, &name_of_file(&name, at.file())));
        let replayed = match (&environment.plan, environment.seed, &path) {
            (Some(plan), ..) => {
                assert!(
                    Path::new(plan).exists(),
                    "SIMRUN_PLAN is `{plan}`: there is no such file"
                );
                self.replay_file(Path::new(plan), &runs, main, at)
            }
            (None, None, Some(path)) => self.replay_file(path, &runs, main, at),
            _ => Replays::none(),
        };
        for told in &replayed.told {
            eprintln!("{name}: {told}");
        }
        if let Some(found) = &replayed.found {
            let replay = match &environment.plan {
                Some(plan) => format!("SIMRUN_PLAN={plan} cargo test {name}"),
                None => format!("cargo test {name}"),
            };
            panic!("{}", found.message(&replayed.told, &replay, Saved::Not));
        }
        if environment.plan.is_some() {
            return Explored::nothing(replayed.told);
        }
        let mut explored = explored(config, &runs, main, at);
        explored.regressions = replayed.told;
        let Some(found) = &explored.found else {
            return explored;
        };
        let file = path.as_ref().and_then(|path| {
            let program = program(|| main(found.workload.clone()), at);
            let run = runs.explorer.case_of(&program, &found.finding);
            // What is not the run's own cannot be replayed.
            found.finding.shrunk()?;
            Some((path, kept_with(path, found, run)))
        });
        let (is_ci, seed) = (environment.is_ci, found.finding.seed());
        let (saved, replay) = match &file {
            Some((path, file)) if !is_ci && file.write(path).is_ok() => {
                (Saved::To(path), format!("cargo test {name}"))
            }
            Some((path, file)) => {
                let saved = Saved::Printed(path, file.to_string());
                (saved, format!("SIMRUN_SEED={seed} cargo test {name}"))
            }
            None => (Saved::Not, format!("SIMRUN_SEED={seed} cargo test {name}")),
        };
        panic!("{}", found.message(&explored.regressions, &replay, saved));
    }

    fn runs_of<S>(&self, workloads: S, environment: Environment) -> Runs<S> {
        Runs {
            workloads,
            explorer: Arc::new(self.explorer.clone()),
            environment,
            shared: Shared::default(),
        }
    }

    /// Replays the regressions in a file, until one fails.
    #[track_caller]
    fn replay_file<S, F, Fut>(
        &self,
        path: &Path,
        runs: &Runs<S>,
        main: &F,
        at: &'static Location<'static>,
    ) -> Replays<S::Value>
    where
        S: Strategy<Value: Clone + Send + Sync>,
        F: Fn(S::Value) -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let file = match File::read(path) {
            Ok(file) => file,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        let runner = TestRunner::new(self.config.clone());
        let mut replays = Replays::none();
        for kept in file.cases {
            let workload = runs.tree(kept.number, &runner).map(|mut tree| {
                kept.steps.follow(&mut tree);
                tree.current()
            });
            let text = workload.as_ref().map_or_else(ToString::to_string, one_line);
            let workload = match workload {
                Ok(workload) if text == kept.value => workload,
                _ => {
                    let (number, value) = (kept.number, &kept.value);
                    replays.told.push(format!(
                        "regression of workload {number} no longer fits: it was `{value}` and is \
                         `{text}` now; find it again or delete it"
                    ));
                    continue;
                }
            };
            let (replayed, finding) = {
                let program = program(|| main(workload.clone()), at);
                runs.explorer.replay_kept(&program, &kept.run)
            };
            replays.told.push(replayed.to_string());
            if let Some(finding) = finding {
                let how = "a regression that was replayed".to_owned();
                let (number, steps) = (kept.number, kept.steps.clone());
                replays.found = Some(Found {
                    workload,
                    finding,
                    number,
                    steps,
                    how,
                });
                break;
            }
        }
        replays
    }
}

impl Default for Properties {
    fn default() -> Self {
        Self::new()
    }
}

/// What became of the regressions.
struct Replays<W> {
    told: Vec<String>,
    found: Option<Found<W>>,
}

impl<W> Replays<W> {
    fn none() -> Self {
        let (told, found) = (Vec::new(), None);
        Self { told, found }
    }
}

/// Names the file of a test: two files in `tests` may have tests of one name.
fn name_of_file(test: &str, source: &str) -> String {
    let mut parts = Path::new(source).components();
    let is_found = parts.any(|part| part.as_os_str() == "tests");
    match parts.next().filter(|_| is_found) {
        Some(binary) => {
            let stem = Path::new(&binary).file_stem().unwrap_or_default();
            format!("{}.{test}", stem.to_string_lossy())
        }
        None => test.to_owned(),
    }
}

/// Returns what the file holds, with what was found.
fn kept_with<W: Debug>(path: &Path, found: &Found<W>, run: crate::explore::Case) -> File {
    let mut file = File::read(path).unwrap_or_default();
    file.add(Kept {
        number: found.number,
        steps: found.steps.clone(),
        value: one_line(&found.workload),
        run,
    });
    file
}

/// Lets proptest make cases and make them simpler.
fn explored<S, F, Fut>(
    mut config: Config,
    runs: &Runs<S>,
    main: &F,
    at: &'static Location<'static>,
) -> Explored<S::Value>
where
    S: Strategy<Value: Clone + Send + Sync>,
    F: Fn(S::Value) -> Fut + Send + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    // Failures are kept elsewhere, and equal texts are not always equal cases.
    config.failure_persistence = None;
    config.result_cache = ::proptest::test_runner::noop_result_cache;
    if config.max_shrink_iters == u32::MAX {
        config.max_shrink_iters = SIMPLER;
    }
    let all = config.cases;
    let (cases, until_failure) = (AtomicU32::new(0), AtomicU64::new(0));
    let tried = |case: Case<S::Value>| {
        let is_new = case.known.is_none();
        let checked = case.check_at(main, at);
        if is_new {
            cases.fetch_add(1, Ordering::Relaxed);
            until_failure.store(runs.shared.runs.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        checked
    };
    let found = match TestRunner::new(config).run(runs, tried) {
        Ok(()) => None,
        Err(TestError::Fail(_, case)) => Some(case),
        Err(TestError::Abort(reason)) => panic!("proptest has given up: {reason}"),
    };
    let cases = cases.into_inner();
    let found = found.map(|case| {
        let known = case
            .known
            .as_deref()
            .expect("a case fails by what was found");
        let how = format!("found in workload {cases} of {all}");
        let finding = finished(&case, known, runs, main, at);
        Found {
            workload: case.workload,
            finding,
            number: case.number,
            steps: case.steps,
            how,
        }
    });
    Explored {
        cases,
        runs: until_failure.into_inner(),
        all_runs: runs.shared.runs.load(Ordering::Relaxed),
        regressions: Vec::new(),
        found,
    }
}

/// Shrinks the decisions, if proptest has given up before.
fn finished<S, F, Fut>(
    case: &Case<S::Value>,
    known: &Finding,
    runs: &Runs<S>,
    main: &F,
    at: &'static Location<'static>,
) -> Finding
where
    S: Strategy<Value: Clone + Send + Sync>,
    F: Fn(S::Value) -> Fut + Send + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    if known.shrunk().is_some() {
        return known.clone();
    }
    let workload = &case.workload;
    let program = program(|| main(workload.clone()), at);
    let probed = runs.explorer.finish(&program, known);
    runs.shared.runs.fetch_add(probed.runs, Ordering::Relaxed);
    probed.finding.unwrap_or_else(|| known.clone())
}

#[cfg(test)]
mod tests {
    use super::name_of_file;

    #[test]
    fn tests_of_one_name_have_files_of_their_own() {
        assert_eq!(name_of_file("works", "bank/tests/a.rs"), "a.works");
        assert_eq!(name_of_file("works", "tests/b/main.rs"), "b.works");
        assert_eq!(name_of_file("works", "src/lib.rs"), "works");
    }
}
