//! The check of a program, as tests call it: regressions first, then a campaign, and a panic with
//! the shortest failure.

use std::future::Future;
use std::panic::Location;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::message::{Saved, message};
use super::profile::is_for_profile;
use super::program::{Program, aside, program};
#[cfg(feature = "cli")]
use super::regression::Replayed;
use super::regression::{Case, Regressions, fingerprint};
use super::{Explorer, Finding, Report};
#[cfg(feature = "cli")]
use crate::sim::Sim;
use crate::task::Ending;

/// Runs a program under a thousand seeds, and panics with the shortest run that fails, if one does.
///
/// The failure is kept in the folder `sim-regressions`, in a file with the test's name, and is
/// replayed first from then on; on a machine that sets `CI` nothing is written, and the text is
/// printed instead. `SIMRUN_SEED` runs one seed alone, `SIMRUN_SHOW` prints it event by event: see
/// [what the environment can say](crate::explore#the-environment).
///
/// [`Explorer::check`](crate::explore::Explorer::check) is the same with settings.
///
/// # Panics
///
/// If a run fails.
///
/// ```
/// simrun::check(|| async {
///     let task = simrun::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
#[track_caller]
pub fn check<F, Fut>(main: F)
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    Explorer::new().check(main);
}

impl Explorer {
    /// Replays the regressions of a program, runs it under all seeds, and panics with the shortest
    /// run that fails, if one does. See [`check`](crate::check()) for what the environment can say.
    ///
    /// # Panics
    ///
    /// If a run fails, or the regressions cannot be read.
    ///
    /// ```
    /// use simrun::explore::Explorer;
    ///
    /// let report = Explorer::new().name("nothing at all").runs(50).check(|| async {});
    /// assert_eq!(report.runs(), 50);
    /// ```
    #[track_caller]
    pub fn check<F, Fut>(&self, main: F) -> Report
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let at = Location::caller();
        self.check_program(&program(main, at), Environment::read(), at)
    }

    #[track_caller]
    fn check_program(
        &self,
        program: &Program<'_>,
        environment: Environment,
        at: &'static Location<'static>,
    ) -> Report {
        let mut explorer = self.clone();
        explorer.runs = environment.runs.or(explorer.runs);
        explorer.jobs = environment.jobs.or(explorer.jobs);
        if let Some(strategy) = environment.strategy.clone() {
            explorer = explorer.strategy(strategy);
        }
        let name = explorer.name.take().unwrap_or_else(|| name_at(at));
        let path = explorer
            .folder
            .as_ref()
            .map(|folder| file_in(folder, &name));
        if let Some(seed) = environment.seed {
            explorer.first_seed = seed;
            explorer.runs = Some(1);
            explorer.is_replay = true;
        }
        if let Some(plan) = &environment.plan {
            let exists = Path::new(plan).exists();
            assert!(exists, "SIMRUN_PLAN is `{plan}`: there is no such file");
        }
        let mut report = match (&environment.plan, environment.seed, &path) {
            (Some(plan), ..) => explorer.replay_file(program, Path::new(plan)),
            (None, None, Some(path)) => explorer.replay_file(program, path),
            _ => Report::default(),
        };
        for regression in report.regressions() {
            eprintln!("{name}: {regression}");
        }
        if report.is_passed() && environment.plan.is_none() {
            explorer.name = Some(name.clone());
            report = explorer.explore_after(program, report);
        }
        environment.print(&name, &explorer, program, &report);
        let Some(finding) = report.findings().first() else {
            explorer.look_for_unmet(&name, &report);
            return report;
        };
        let is_known = report.runs() == 0;
        let saved = match &path {
            Some(path) if !is_known => explorer.save(program, &report, path, environment.is_ci),
            _ => Saved::Not,
        };
        let replay = match (&environment.plan, is_known) {
            (Some(plan), _) => format!("SIMRUN_PLAN={plan} cargo test {name}"),
            (None, true) => format!("cargo test {name}"),
            (None, false) if is_for_profile(finding.strategy()) => {
                format!("SIMRUN_RUNS=1 cargo test {name}")
            }
            (None, false) => {
                let settings = environment.settings(finding.seed());
                format!("{settings} cargo test {name}")
            }
        };
        panic!("{}", message(&report, finding, &replay, saved));
    }

    /// Says what must hold sometimes and did not in any of many runs.
    #[track_caller]
    fn look_for_unmet(&self, name: &str, report: &Report) {
        let unmet = report.unmet().filter(|_| report.is_telling());
        let lines = unmet.map(|unmet| format!("{unmet}\n  at {}", unmet.property().location()));
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() {
            return;
        }
        let text = lines.join("\n");
        assert!(!self.must_hit, "no run has failed, but:\n{text}");
        eprintln!("{name}: warning: {text}");
    }

    /// Replays the regressions in a file, or the plan.
    #[track_caller]
    fn replay_file(&self, program: &Program<'_>, path: &Path) -> Report {
        match path.exists().then(|| Regressions::read_plan(path)) {
            None => Report::default(),
            Some(Ok(regressions)) => self.replay_cases(program, &regressions),
            Some(Err(error)) => panic!("{}: {error}", path.display()),
        }
    }

    /// Makes a campaign after regressions have passed.
    pub(crate) fn explore_after(&self, program: &Program<'_>, passed: Report) -> Report {
        self.explore_program(program).after(passed)
    }

    /// Replays one case.
    #[cfg(feature = "cli")]
    pub(crate) fn replay_case(&self, program: &Program<'_>, case: &Case) -> Replayed {
        aside(|| case.replay(program, &self.sim)).0
    }

    /// Replays regressions, and shrinks what fails.
    pub(crate) fn replay_cases(&self, program: &Program<'_>, regressions: &Regressions) -> Report {
        let mut report = Report::default();
        for case in regressions.cases() {
            let (replayed, finding) = aside(|| case.replay(program, &self.sim));
            report.regressions.push(replayed);
            if let Some(mut finding) = finding {
                finding.shrunk = self.shrink_program(program, &finding.plan);
                report.failed += 1;
                report.findings.push(finding);
            }
        }
        report
    }

    /// Makes one run, and shrinks its plan if it fails.
    #[cfg(feature = "cli")]
    pub(crate) fn shrink_run(&self, program: &Program<'_>, sim: &Sim) -> Option<Finding> {
        let run = aside(|| program(&sim.clone().write_plan(true)));
        let mut finding = Finding::of(&run, run.failure()?);
        self.shrink_finding(program, &mut finding);
        Some(finding)
    }

    /// Keeps what was found, or says what would be kept.
    fn save<'a>(
        &self,
        program: &Program<'_>,
        report: &Report,
        path: &'a Path,
        is_ci: bool,
    ) -> Saved<'a> {
        let regressions = Regressions::read(path).unwrap_or_default();
        let findings = report.findings();
        self.save_with(program, (regressions, findings), path, is_ci)
    }

    /// Adds to regressions what was found, and keeps them in a file.
    pub(crate) fn save_with<'a>(
        &self,
        program: &Program<'_>,
        (mut regressions, findings): (Regressions, &[Finding]),
        path: &'a Path,
        is_ci: bool,
    ) -> Saved<'a> {
        // What is not the run's own cannot be replayed.
        let own: Vec<&Finding> = findings.iter().filter(is_kept).collect();
        if own.is_empty() {
            return Saved::Not;
        }
        let fingerprint = aside(|| fingerprint(program, &self.sim));
        for finding in own {
            regressions.add(Case::of(finding, fingerprint));
        }
        if !is_ci && regressions.write(path).is_ok() {
            return Saved::To(path);
        }
        Saved::Printed(path, regressions.to_string())
    }
}

fn is_kept(finding: &&Finding) -> bool {
    finding.shrunk().is_some()
}

/// Names a program after the test it stands in, or its place.
pub(crate) fn name_at(at: &Location<'_>) -> String {
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => {
            let file = Path::new(at.file()).file_stem().unwrap_or_default();
            format!("{}_{}", file.to_string_lossy(), at.line())
        }
    }
}

/// Returns the file for a name: nothing in it means anything to a file system.
pub(crate) fn file_in(folder: &Path, name: &str) -> PathBuf {
    let plain = |letter: char| match letter {
        letter if letter.is_alphanumeric() || "-_.".contains(letter) => letter,
        _ => '-',
    };
    let name: String = name.replace("::", ".").chars().map(plain).collect();
    folder.join(format!("{name}.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails unless its two tasks go in the order in which they were spawned.
    async fn race() {
        let order = std::rc::Rc::new(std::cell::Cell::new(0));
        for number in 1..=2 {
            let order = order.clone();
            crate::spawn(async move { order.set(order.get() * 10 + number) }).detach();
        }
        crate::time::sleep(crate::time::secs(1)).await;
        assert_eq!(order.get(), 12, "the second went first");
    }

    fn failure(environment: &Environment) -> String {
        let explorer = Explorer::new()
            .name("race")
            .without_regressions()
            .replays(100);
        let at = Location::caller();
        let check = || explorer.check_program(&program(race, at), environment.clone(), at);
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
        payload.downcast_ref::<String>().unwrap().clone()
    }

    #[test]
    fn a_seed_from_the_environment_is_run_alone() {
        let text = failure(&Environment::default());
        let seed = text.rsplit_once("SIMRUN_SEED=").unwrap().1;
        let seed = seed.split_once(' ').unwrap().0.parse().ok();
        let alone = Environment {
            seed,
            ..Environment::default()
        };
        let alone = failure(&alone);
        assert!(alone.contains("1 of 1 run failed so"), "{alone}");
        assert_eq!(alone.lines().next(), text.lines().next());
        assert_eq!(alone.lines().last(), text.lines().last());
    }

    #[test]
    fn nothing_is_written_where_ci_is_set() {
        let folder = std::env::temp_dir().join(format!("simrun-ci-{}", std::process::id()));
        let explorer = Explorer::new()
            .name("race")
            .regressions_in(&folder)
            .replays(100);
        let at = Location::caller();
        let is_ci = true;
        let environment = Environment {
            is_ci,
            ..Environment::default()
        };
        let check = || explorer.check_program(&program(race, at), environment.clone(), at);
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.contains("to keep it, write this to"), "{text}");
        assert!(!folder.exists());
    }

    async fn mended() {
        for _ in 1..=2 {
            crate::spawn(async {}).detach();
        }
        crate::time::sleep(crate::time::secs(1)).await;
    }

    /// A folder that is gone when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("simrun-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn explorer(&self) -> Explorer {
            let explorer = Explorer::new().name("bank::race").replays(100);
            explorer.regressions_in(&self.0)
        }

        fn file(&self) -> PathBuf {
            self.0.join("bank.race.txt")
        }

        /// Checks a program: its report, or the text it fails with.
        fn check<F>(&self, main: fn() -> F) -> Result<Report, String>
        where
            F: Future<Output = ()> + 'static,
        {
            let (explorer, at) = (self.explorer(), Location::caller());
            let environment = Environment::default();
            let check = || explorer.check_program(&program(main, at), environment, at);
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            checked.map_err(|payload| payload.downcast_ref::<String>().unwrap().clone())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_failure_is_kept_and_replayed_first() {
        let folder = Folder::new("kept");
        let first = folder.check(race).unwrap_err();
        assert!(first.contains("bank.race.txt (commit it)"), "{first}");
        let kept = Regressions::read(&folder.file()).unwrap();
        assert_eq!(kept.cases().len(), 1);
        assert_eq!(kept.cases()[0].plan().len(), 1);
        let again = folder.check(race).unwrap_err();
        assert!(again.contains("a regression that was replayed"), "{again}");
        assert!(again.contains("still fails"), "{again}");
        assert_eq!(first.lines().next(), again.lines().next());
        assert!(
            again.ends_with("\nreplay   cargo test bank::race"),
            "{again}"
        );
        assert_eq!(Regressions::read(&folder.file()).unwrap(), kept);
    }

    #[test]
    fn a_regression_of_a_mended_program_says_that_it_passes() {
        let folder = Folder::new("mended");
        folder.check(race).unwrap_err();
        let report = folder.check(mended).unwrap();
        assert!(report.is_passed() && report.runs() > 0);
        let text = report.to_string();
        assert!(text.contains(") passes"), "{text}");
    }

    #[test]
    fn a_regression_that_no_longer_fits_says_where() {
        let folder = Folder::new("another");
        folder.check(race).unwrap_err();
        let report = folder.check(|| async {}).unwrap();
        let text = report.to_string();
        assert!(text.contains("no longer fits"), "{text}");
        assert!(
            text.contains("it left its decisions at `schedule main#1`"),
            "{text}"
        );
    }

    #[test]
    fn a_plan_in_a_file_is_run_alone() {
        let folder = Folder::new("plan");
        let explorer = folder.explorer();
        std::fs::create_dir_all(&folder.0).unwrap();
        let file = folder.0.join("plan.txt");
        let run = |plan: &str| {
            std::fs::write(&file, plan).unwrap();
            explorer.replay_file(&program(race, Location::caller()), &file)
        };
        assert!(run("simrun plan 1\n").is_passed());
        let report = run("simrun plan 1\nschedule main#1 -> task main/2\n");
        assert_eq!((report.runs(), report.failed()), (0, 1));
    }

    #[test]
    fn a_name_makes_a_file() {
        let file = file_in(Path::new("folder"), "bank::a b/c");
        assert_eq!(file, Path::new("folder/bank.a-b-c.txt"));
    }
}
