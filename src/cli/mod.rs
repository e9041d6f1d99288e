//! The command: `simrun --seed 42 scenario.toml`.
//!
//! ```text
//! simrun [--seed N] [OPTIONS] FILE...     run scenarios
//! simrun check FILE...                    look for mistakes, run nothing
//! simrun explore FILE... [OPTIONS]        make many runs, show the shortest that fails
//! simrun merge PATH...                    report on a campaign that was made in shards
//! simrun replay PLAN [FILE]               run a plan or regressions, say what became of them
//! simrun shrink FILE --seed N             find the shortest run that fails as this one does
//! simrun diff FILE --seed N --seed M      show where two runs part
//! simrun snapshot PATH... [--update]      compare runs with the snapshots beside their scenarios
//! simrun schema [--output]                print a JSON Schema
//! simrun completions SHELL                print a completion script
//! simrun man                              print the manual page
//! ```
//!
//! `-` is standard input. A file with the name of a subcommand is written `./check`.
//!
//! # A run
//!
//! The seed is the one on the command line, or else that of the environment (`SIMRUN_SEED`), or
//! else the file's, or else 0. `--seed random` draws one and says which. What the command line says
//! also wins over the file in `--strategy`, `--until` and `--max-steps`. `--check-determinism` runs
//! each seed twice and compares the runs event by event.
//!
//! What happened is printed one event a line: the virtual time, the task with its host, a word for
//! what it was, and what there is to say of it; of a step, its line and its text. `--show
//! log,tasks,net,steps` chooses the kinds of events, `--show all` all of them. `--only` and
//! `--without` choose among these by name: of a host, of a task, of both (`server/main`), of a
//! body, or by the word; `worker*` is whatever begins like that. An event is shown if one of
//! `--only` fits, or there is none, and none of `--without` does.
//!
//! | `--show` | words |
//! |---|---|
//! | `log` | `logs` `fault` |
//! | `tasks` | `spawns` `returns` `fails` `cancelled` `cancels` `reports` `finishes` `dies` |
//! | | `given-up` |
//! | `net` | `packet` |
//! | `steps` | `begins` `ends` `breaks` `starts` `gives` `raises` `catches` `finally` `round` |
//! | | `item` `holds` |
//! | always | `stuck` `interrupted` |
//!
//! Then come the checks, the verdict, and if the run did not pass, why: the scenario's own words,
//! the place in the file, who and when; and last the command that repeats the run.
//!
//! Results go to standard output; mistakes in files, progress and other messages go to standard
//! error. `-q` prints failures only. Colours are for terminals; `--color always` and `never`,
//! `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` decide otherwise.
//!
//! # Formats
//!
//! | `--format` | |
//! |---|---|
//! | `human` | text, which may change with every version |
//! | `json` | an object a run, each on a line of its own |
//! | `jsonl` | an object an event, and after those of a run its own object, without events |
//! | `junit` | JUnit's XML: a test case a run; one that a limit ended is an error, not a failure |
//! | `github` | annotations for GitHub's workflows, and a line a run |
//!
//! JSON has `"format": 1`, which changes when something in it changes its meaning; more keys may
//! come with any version. `"type"` says what an object is: `run`, `event`, or `file` for one that
//! was not run, with what is wrong with it; `replay`, `shrink` and `diff` are of those
//! subcommands. `simrun schema --output` prints a schema of it all.
//!
//! # Campaigns
//!
//! `simrun explore` makes many runs of a scenario, on all cores: one for each of `--seeds A..B`, or
//! `--runs N`, or as many as there is time for with `--for 30s`; the file's `[explore]` says what
//! is not said here. Seed 0 goes in asyncio's order, the others by a strategy each, which is
//! `portfolio` unless something else is asked for. The first failure ends it, unless it shall
//! `--keep-going`; each is shrunk to the few decisions that matter, and shown as a table with a
//! column a task. What comes of it does not depend on `--jobs`; how long it took is said on
//! standard error, and on a terminal, or with `--progress`, how far it has come. `--exhaustive`
//! makes all the runs of a small scenario that could differ in what comes of them, one of each
//! trace; `--interleavings` makes a run for every order of its steps.
//!
//! Strategies that plan ahead are told what nine runs have shown, which are the same in every
//! campaign of a scenario and are made first. So a seed makes the same run in each of them, and
//! alone: `simrun --seed 7 --strategy surw FILE` makes those nine first, too.
//!
//! A campaign ends early when next to nothing new is to be expected, and all that must be so
//! *sometimes* was. If no run has failed, but something that must be so sometimes was not in any of
//! 256 runs or more, the campaign has decided nothing: exit code 3.
//!
//! The runs of a scenario that starts programs in Rust are made in other processes
//! (`--isolate auto`), so that one that aborts, overflows its stack or never comes back
//! (`--run-timeout`) is a failure as any other. It is not shrunk, for that needs runs that end.
//!
//! `--shard 2/7 --into DIR` makes every seventh run, beginning with the second, and writes them to
//! a file; `simrun merge DIR` reports on all of them together, as `--keep-going` does, with the
//! same bytes, whatever the parts were and however often a seed was run. Failures are looked at
//! and shrunk by the merge, from the scenario's text, which is in the files. It refuses what does
//! not belong together, and names the seeds that are missing. Where real time would make a
//! difference, which is in JSON and in what is merged, only the number of runs limits shrinking.
//!
//! # Regressions
//!
//! What a campaign finds is kept in `sim-regressions/NAME.txt` beside the scenario `NAME.toml`,
//! unless it is told `--no-save`: one case for each failure, with the seed, the strategy, the key
//! of the failure and the decisions that matter. Commit it; the next campaign replays it before all
//! else. Where `CI` is set nothing is written, and the text is printed instead.
//!
//! `simrun replay sim-regressions/NAME.txt` runs every case and reports like `simrun FILE`, and
//! then says whether it still fails, fails otherwise, passes, or no longer fits, and then at which
//! decision the program has left it. A plan alone, as [`Plan`](crate::chance::Plan) writes it,
//! names no scenario: `simrun replay PLAN FILE`.
//!
//! # Single runs
//!
//! `simrun shrink FILE --seed N --strategy NAME` looks for the shortest run that fails as this one
//! does, and tells it as a campaign does; `--output PLAN` writes its decisions to a file.
//!
//! `simrun diff` takes two runs of one scenario, each a seed or a plan: `simrun diff FILE --seed 3
//! --seed 7`, `simrun diff FILE --seed 3 a.plan`, `simrun diff FILE a.plan b.plan`. `--strategy`
//! once is for both seeds; twice, each has its own, and one seed will do. It prints where the runs
//! part, by which decision, and how each goes on.
//!
//! # Snapshots
//!
//! A scenario with a `[snapshot]` table says which seeds are kept. `simrun snapshot` writes the
//! text of each run to `snapshots/NAME@seed-N.snap` beside the scenario, in insta's format. A run
//! that has changed fails, with the lines that differ, and is written to a `.snap.new` beside the
//! old one, which `cargo insta review` finds; `--update` accepts all. Where `CI` is set nothing is
//! written, and a snapshot that is missing is a failure.
//!
//! # Exit codes
//!
//! See [`exit_code`].
//!
//! # A command of one's own
//!
//! Scenarios can start hosts that are written in Rust. For that, the command is built with the list
//! of their functions: see [`main`].

mod arguments;
mod check;
mod child;
mod children;
mod determinism;
mod diff;
pub mod exit_code;
mod explore;
mod input;
mod kept;
mod merge;
mod objects;
mod outside;
mod printed;
mod progress;
mod protocol;
mod replay;
mod run;
mod seed;
mod session;
mod shard;
mod shrink;
mod snapshot;
#[cfg(test)]
mod tests;
mod told;
mod values;
mod work;

use std::process::ExitCode;

use arguments::Command;
use outside::Outside;
use session::Session;

use crate::scenario::Programs;

/// Runs the command with what this process was given. `programs` are the functions in Rust that
/// scenarios can start by name:
///
/// ```no_run
/// use simrun::scenario::Parameters;
/// use std::process::ExitCode;
///
/// async fn kv_server(parameters: Parameters) {
///     let port = parameters.int("port").unwrap_or(7);
///     // ...
/// }
///
/// fn main() -> ExitCode {
///     simrun::cli::main(simrun::programs![kv_server])
/// }
/// ```
pub fn main(programs: Programs) -> ExitCode {
    ExitCode::from(outside::with_process(|outside| run(outside, programs)))
}

/// What a [call] of the command gave.
///
/// ```
/// use simrun::cli;
/// use simrun::scenario::Programs;
///
/// let called = cli::call(Programs::new(), ["simrun", "nowhere.toml"], b"");
/// assert_eq!(called.code, cli::exit_code::USAGE);
/// assert!(called.stdout.is_empty());
/// assert!(String::from_utf8_lossy(&called.stderr).contains("nowhere.toml"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// One of the [exit codes](exit_code).
    pub code: u8,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// Calls the command within this process, for tests: with arguments (the first is the command's
/// name), no environment, and standard input.
///
/// ```
/// use simrun::cli;
/// use simrun::scenario::Programs;
///
/// let scenario = r#"
/// format = 1
/// name = "Hello"
/// [task]
/// main = 'log "hello"'
/// "#;
/// let called = cli::call(Programs::new(), ["simrun", "-"], scenario.as_bytes());
/// assert_eq!(called.code, cli::exit_code::PASSED);
/// assert!(String::from_utf8_lossy(&called.stdout).contains("logs hello"));
/// ```
pub fn call<A: Into<std::ffi::OsString>>(
    programs: Programs,
    arguments: impl IntoIterator<Item = A>,
    mut stdin: &[u8],
) -> Called {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = run(
        Outside {
            arguments: arguments.into_iter().map(Into::into).collect(),
            variable: &|_| None,
            stdin: &mut stdin,
            stdout: &mut stdout,
            stderr: &mut stderr,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            executable: None,
        },
        programs,
    );
    Called {
        code,
        stdout,
        stderr,
    }
}

/// Runs the command and returns its exit code.
fn run(mut outside: Outside<'_>, programs: Programs) -> u8 {
    let arguments = match arguments::read(&outside.arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&mut outside, &error),
    };
    let mut session = Session::new(outside, programs);
    let done = match arguments.command {
        None => run::run(&arguments.run, &mut session),
        Some(Command::Run(arguments)) => run::run(&arguments, &mut session),
        Some(Command::Check(arguments)) => check::check(&arguments, &mut session),
        Some(Command::Explore(arguments)) => explore::explore(&arguments, &mut session),
        Some(Command::Merge(arguments)) => merge::merge(&arguments, &mut session),
        Some(Command::Child) => child::serve(&mut session),
        Some(Command::Replay(arguments)) => replay::replay(&arguments, &mut session),
        Some(Command::Shrink(arguments)) => shrink::shrink(&arguments, &mut session),
        Some(Command::Diff(arguments)) => diff::diff(&arguments, &mut session),
        Some(Command::Snapshot(arguments)) => snapshot::snapshot(&arguments, &mut session),
        Some(Command::Schema(arguments)) => printed::schema(&arguments, &mut session),
        Some(Command::Completions { shell }) => printed::completions(shell, &mut session),
        Some(Command::Man) => printed::man(&mut session),
    };
    session.end(done)
}

/// Prints why the arguments make no sense, or the help or version that they ask for.
fn refuse(outside: &mut Outside<'_>, error: &clap::Error) -> u8 {
    let (is_wrong, text) = (error.use_stderr(), error.render());
    let colour = outside::Colour::Auto;
    let paint = if is_wrong {
        outside.paint_stderr(colour)
    } else {
        outside.paint_stdout(colour)
    };
    let text = if paint.is_coloured() {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let out = if is_wrong {
        &mut *outside.stderr
    } else {
        &mut *outside.stdout
    };
    // A reader of help who leaves early has read enough.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
    if is_wrong {
        exit_code::USAGE
    } else {
        exit_code::PASSED
    }
}
