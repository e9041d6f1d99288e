//! The samples in `sim-scenarios` and `examples/kv_scenario`: each teaches what it says.
//!
//! A sample passes under its own seed and under the first twenty-one, or fails as its first comment
//! says: `# fails: KIND WORDS` or `# undecided: KIND WORDS`. Every run is made in two processes,
//! which must print the same. The snapshots beside the samples hold the fingerprints of their runs,
//! so that builds with and without optimisation, and other machines, are compared as well.
//!
//! After a change, `simrun snapshot --update sim-scenarios` accepts the runs as they are. Those
//! of the example are made by its own command.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use simrun::cli;
use simrun::scenario::Programs;

#[path = "../examples/kv_scenario.rs"]
mod kv_scenario;

/// Folders of samples, and what runs them.
const FOLDERS: [(&str, Runner); 3] = [
    ("sim-scenarios", Runner::Simrun),
    ("sim-scenarios/negative", Runner::Simrun),
    ("examples/kv_scenario", Runner::Example),
];

/// Seeds under which every sample that is to pass does so.
const SEEDS: std::ops::RangeInclusive<u64> = 0..=20;

/// In a process with this variable, the test is the example's command.
const AS_EXAMPLE: &str = "SIMRUN_SAMPLES_AS_EXAMPLE";

/// Which command knows the functions in Rust that a sample starts.
#[derive(Clone, Copy)]
enum Runner {
    Simrun,
    Example,
}

impl Runner {
    fn programs(self) -> Programs {
        match self {
            Self::Simrun => Programs::new(),
            Self::Example => kv_scenario::programs(),
        }
    }
}

fn main() -> ExitCode {
    if std::env::var_os(AS_EXAMPLE).is_some() {
        return kv_scenario::main();
    }
    // What reports call a file is how it was named.
    std::env::set_current_dir(root()).expect("the crate has a folder");
    let trials = FOLDERS.iter().flat_map(|(folder, runner)| {
        let samples = Sample::all(folder, *runner);
        assert!(!samples.is_empty(), "there are no samples in {folder}");
        samples.into_iter().flat_map(Sample::trials)
    });
    let index = Trial::test("the_index_names_every_sample", the_index_names_every_sample);
    let trials = trials.chain([index]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn the_index_names_every_sample() -> Result<(), Failed> {
    let index = fs::read_to_string(root().join("sim-scenarios/README.md"))?;
    for (folder, runner) in FOLDERS {
        let Some(folder_in_index) = folder.strip_prefix("sim-scenarios") else {
            continue;
        };
        for sample in Sample::all(folder, runner) {
            let name = sample.path.rsplit('/').next().unwrap_or_default();
            let link = format!("({folder_in_index}/{name})").replace("(/", "(");
            if !index.contains(&link) {
                return Err(format!("sim-scenarios/README.md has no {link}").into());
            }
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Sample {
    /// From the crate's root, with slashes: it is part of what is printed.
    path: String,
    runner: Runner,
    text: String,
}

/// How a sample is to end.
enum Ending {
    Passed,
    Failed(String),
    Undecided(String),
}

impl Sample {
    fn all(folder: &str, runner: Runner) -> Vec<Self> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let mut names: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new("toml")))
            .collect();
        names.sort();
        let sample = |path: PathBuf| Self {
            path: format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap()),
            runner,
            text: fs::read_to_string(&path).unwrap(),
        };
        names.into_iter().map(sample).collect()
    }

    fn trials(self) -> Vec<Trial> {
        let trial = |name: &str, test: fn(&Self) -> Result<(), Failed>| {
            let sample = self.clone();
            Trial::test(format!("{}::{name}", self.path), move || test(&sample))
        };
        let ends = match self.ending() {
            Ending::Passed => trial("passes_under_every_seed", Self::passes_under_every_seed),
            _ => trial("fails_as_it_says", Self::fails_as_it_says),
        };
        vec![
            ends,
            trial("begins_with_its_lesson", Self::begins_with_its_lesson),
            trial(
                "is_what_its_snapshots_hold",
                Self::is_what_its_snapshots_hold,
            ),
            trial(
                "is_the_same_in_two_processes",
                Self::is_the_same_in_two_processes,
            ),
        ]
    }

    fn ending(&self) -> Ending {
        for line in self.text.lines().take_while(|line| line.starts_with('#')) {
            if let Some(words) = line.strip_prefix("# fails: ") {
                return Ending::Failed(words.to_owned());
            }
            if let Some(words) = line.strip_prefix("# undecided: ") {
                return Ending::Undecided(words.to_owned());
            }
        }
        Ending::Passed
    }

    fn begins_with_its_lesson(&self) -> Result<(), Failed> {
        let head: Vec<&str> = self
            .text
            .lines()
            .take_while(|line| !line.is_empty())
            .collect();
        let schema = head[0]
            .strip_prefix("#:schema ")
            .ok_or("no `#:schema` comes first")?;
        let folder = root().join(&self.path);
        let folder = folder.parent().expect("a file lies in a folder");
        if !folder.join(schema).is_file() {
            return Err(format!("there is no schema at {schema}").into());
        }
        let is_prose = |line: &&&str| line.starts_with("# ") && !line.starts_with("#  ");
        let prose = head[1..].iter().filter(is_prose).count();
        if head.iter().any(|line| !line.starts_with('#')) || !(2..=8).contains(&prose) {
            return Err("a lesson has two to eight lines of comment".into());
        }
        if let Some(line) = self.text.lines().find(|line| line.chars().count() > 105) {
            return Err(format!("too long: {line}").into());
        }
        Ok(())
    }

    fn passes_under_every_seed(&self) -> Result<(), Failed> {
        let own = self.run(&[])?;
        if own["outcome"] != "passed" {
            return Err(format!("it does not pass: {}", own["failure"]).into());
        }
        let open = |check: &&Value| check["held"] != true;
        if let Some(check) = own["checks"].as_array().unwrap().iter().find(open) {
            return Err(format!("its own seed does not show that {}", check["name"]).into());
        }
        for seed in SEEDS {
            let run = self.run(&["--seed", &seed.to_string()])?;
            if run["outcome"] != "passed" {
                return Err(format!("it does not pass: {}", run["failure"]).into());
            }
        }
        Ok(())
    }

    fn fails_as_it_says(&self) -> Result<(), Failed> {
        let (outcome, words) = match self.ending() {
            Ending::Passed => unreachable!("it is to fail"),
            Ending::Failed(words) => ("failed", words),
            Ending::Undecided(words) => ("undecided", words),
        };
        let run = self.run(&[])?;
        let failure = &run["failure"];
        let (kind, message) = (failure["kind"].as_str(), failure["message"].as_str());
        let (kind, message) = (kind.unwrap_or_default(), message.unwrap_or_default());
        let is_so = words
            .strip_prefix(kind)
            .is_some_and(|rest| message.contains(rest.trim()));
        if run["outcome"] == outcome && !kind.is_empty() && is_so {
            return Ok(());
        }
        let is = &run["outcome"];
        Err(format!("wanted {outcome}: {words}, but it is {is}: {kind} {message}").into())
    }

    fn is_what_its_snapshots_hold(&self) -> Result<(), Failed> {
        let output = self.command(&["snapshot", &self.path]).output()?;
        // A file without a `[snapshot]` table has none that could differ.
        let has_some = String::from_utf8_lossy(&output.stdout).contains(" same");
        if output.status.success() && has_some {
            return Ok(());
        }
        Err(told("its runs are not what its snapshots hold", &output).into())
    }

    fn is_the_same_in_two_processes(&self) -> Result<(), Failed> {
        // Without single steps: a loop that never waits makes a million of them.
        let words = ["--format", "json", "--show", "log,tasks,net", &self.path];
        let other = self.command(&words).output()?;
        let here = || {
            let words = ["simrun"].iter().chain(&words);
            cli::call(self.runner.programs(), words, b"")
        };
        let (first, second) = (here(), here());
        if first != second {
            return Err("two runs in one process differ".into());
        }
        let report = |bytes: &[u8]| -> Result<Value, Failed> {
            let mut run: Value = serde_json::from_slice(bytes)?;
            // The command to repeat it begins with the name of the process.
            if let Some(failure) = run["failure"].as_object_mut() {
                failure.remove("replay");
            }
            Ok(run)
        };
        if report(&first.stdout)? != report(&other.stdout)? {
            return Err(told("another process runs it differently", &other).into());
        }
        Ok(())
    }

    /// Runs the sample in this process and returns what is reported.
    fn run(&self, words: &[&str]) -> Result<Value, Failed> {
        let common = ["simrun", "--format", "json", "--show", "log", &self.path];
        let words = common.iter().chain(words);
        let called = cli::call(self.runner.programs(), words, b"");
        let report = serde_json::from_slice(&called.stdout);
        let stderr = String::from_utf8_lossy(&called.stderr);
        report.map_err(|_| format!("it was not run\n{stderr}").into())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = match self.runner {
            Runner::Simrun => Command::new(env!("CARGO_BIN_EXE_simrun")),
            Runner::Example => {
                let itself = std::env::current_exe().expect("a test knows where it is");
                let mut command = Command::new(itself);
                command.env(AS_EXAMPLE, "1");
                command
            }
        };
        // A snapshot that is missing is a failure, and nothing is written.
        command.env("CI", "1").env_remove("SIMRUN_SEED");
        command.current_dir(root()).args(words);
        command
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn told(what: &str, output: &Output) -> String {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{what}\n{stdout}{stderr}")
}
