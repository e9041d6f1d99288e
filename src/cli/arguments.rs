//! What can stand on the command line.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use super::outside::Colour;
use super::seed::Seed;
use super::shard::Share;
use super::values::{duration, seeds, steps, strategy};
use crate::Strategy;
use crate::scenario::record::Show;

/// The subcommand of processes that make runs.
pub(super) const CHILD: &str = "__child";

const AFTER_HELP: &str = "\
Exit codes: 0 passed, 1 failed, 2 usage or scenario error, 3 not decided (a limit ended a run), 4 \
two runs of one seed differ. Of several files the worst counts, in the order 2, 4, 1, 3, 0.";

/// Runs scenarios: async programs on a virtual clock, where one number, the seed, names one exact
/// run.
#[derive(Debug, Parser)]
#[command(
    name = "simrun",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = AFTER_HELP
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios, which is also what happens without a subcommand
    Run(RunArguments),
    /// Look for mistakes in scenarios without running them
    Check(CheckArguments),
    /// Make many runs of scenarios, and show the shortest of those that fail
    Explore(ExploreArguments),
    /// Report on a campaign whose runs were made in shards
    Merge(MergeArguments),
    /// Make runs for another process, which survives them
    #[command(name = CHILD, hide = true)]
    Child,
    /// Run what a plan or a file of regressions says, and say what has become of it
    Replay(ReplayArguments),
    /// Find the shortest run that fails as one run does
    Shrink(ShrinkArguments),
    /// Show where two runs of a scenario part
    Diff(DiffArguments),
    /// Compare runs with the snapshots of them beside their scenarios
    Snapshot(SnapshotArguments),
    /// Print the JSON Schema of the scenario file, for editors
    Schema(SchemaArguments),
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    /// Scenario files; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    /// The seed: a number, or `random` to draw one [env: SIMRUN_SEED] [default: the file's, or 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) seed: Option<Seed>,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
    /// Run every seed twice and compare the runs event by event
    #[arg(long)]
    pub(super) check_determinism: bool,
    #[command(flatten)]
    pub(super) events: EventArguments,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: FormatName,
    #[command(flatten)]
    pub(super) manner: Manner,
}

/// What a run is given besides its seed, instead of what the file says.
#[derive(Args, Debug)]
pub(super) struct LimitArguments {
    /// Who goes next: `fifo`, asyncio's order, or `random` [default: the file's, or `fifo` with
    /// seed 0 and `random` with any other]
    #[arg(long, value_name = "NAME", value_parser = strategy)]
    pub(super) strategy: Option<Strategy>,
    /// End a run after this much virtual time [default: the file's]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) until: Option<Duration>,
    /// End a run after this many steps [default: the file's]
    #[arg(long, value_name = "N", value_parser = steps)]
    pub(super) max_steps: Option<u64>,
    /// End a run after this much real time [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) wall_clock: Option<Duration>,
}

/// Which events are reported.
#[derive(Args, Debug)]
pub(super) struct EventArguments {
    /// Which kinds of events to report [default: log; all for json and jsonl]
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    pub(super) show: Vec<ShowName>,
    /// Report only events of this host, task, `host/task`, body or kind (`logs`, `spawns`); `*` at
    /// the end stands for anything
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// Do not report events of this host, task, `host/task`, body or kind
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) without: Vec<String>,
}

/// How the command behaves towards its user.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Print failures only
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) color: Colour,
}

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    /// Scenario files; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: FormatName,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Args, Debug)]
pub(super) struct ExploreArguments {
    /// Scenario files; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    /// The seeds, the last of which is left out [default: the file's, or 0..1000]
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with_all = ["runs", "time"])]
    pub(super) seeds: Option<Range<u64>>,
    /// Make so many runs
    #[arg(long, value_name = "N", value_parser = steps, conflicts_with = "time")]
    pub(super) runs: Option<u64>,
    /// Make runs for so long in real time
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) time: Option<Duration>,
    /// Make so many runs at a time [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Who goes next in every run but that of seed 0 [default: the file's, or `portfolio`]
    #[arg(long, value_name = "NAME", value_parser = strategy, conflicts_with = "exhaustive")]
    pub(super) strategy: Option<Strategy>,
    /// Make all the runs of a small scenario that could differ in what comes of them
    #[arg(long)]
    pub(super) exhaustive: bool,
    /// The same with every order of its steps, even of those that have nothing in common
    #[arg(long, conflicts_with_all = ["exhaustive", "strategy"])]
    pub(super) interleavings: bool,
    /// Go on when a run has failed, for all the failures there are
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Say how far it has come, even if standard error is no terminal
    #[arg(long)]
    pub(super) progress: bool,
    /// Make every N-th run, beginning with the K-th, and write them down for `merge`; shards make
    /// all their runs
    #[arg(long, value_name = "K/N", value_parser = Share::read, requires = "into")]
    pub(super) shard: Option<Share>,
    /// Write the runs to a file in this folder, instead of reporting
    #[arg(long, value_name = "DIR", conflicts_with_all = ["time", "exhaustive", "format"])]
    pub(super) into: Option<PathBuf>,
    /// Do not keep what fails in `sim-regressions`, from where it would be replayed first
    #[arg(long)]
    pub(super) no_save: bool,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: CampaignFormat,
    #[command(flatten)]
    pub(super) isolation: IsolationArguments,
    #[command(flatten)]
    pub(super) manner: Manner,
}

/// Which runs are made in processes of their own.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct IsolationArguments {
    /// Make runs in processes of their own, so that one that crashes or hangs fails alone: `auto`
    /// does if the scenario starts programs in Rust
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(super) isolate: Isolate,
    /// How long a run in a process of its own may take in real time
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(super) run_timeout: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Isolate {
    /// If the scenario starts programs in Rust
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Args, Debug)]
pub(super) struct MergeArguments {
    /// Files that `explore --into` has written, and folders of them
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: CampaignFormat,
    #[command(flatten)]
    pub(super) isolation: IsolationArguments,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum CampaignFormat {
    /// Text for people
    #[default]
    Human,
    /// One JSON object a scenario
    Json,
}

#[derive(Args, Debug)]
pub(super) struct ReplayArguments {
    /// A file of regressions, or a plan
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(super) plan: PathBuf,
    /// The scenario [default: the one that the regressions name]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) events: EventArguments,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: ObjectFormat,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Args, Debug)]
pub(super) struct ShrinkArguments {
    /// The scenario; `-` is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// The seed of the run [default: the file's, or 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Who goes next in that run [default: the file's, or `fifo` with seed 0 and `random` with any
    /// other]
    #[arg(long, value_name = "NAME", value_parser = strategy)]
    pub(super) strategy: Option<Strategy>,
    /// Make so many runs at most, however long they take [default: 5000, or two seconds]
    #[arg(long, value_name = "N", value_parser = steps)]
    pub(super) replays: Option<u64>,
    /// Write the shortest plan to this file, for `simrun replay`
    #[arg(long, value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: ObjectFormat,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Args, Debug)]
pub(super) struct DiffArguments {
    /// The scenario; `-` is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// The plans of the runs, or of one of them
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(super) plans: Vec<PathBuf>,
    /// The seed of a run: once for each of the two, unless one is a plan's
    #[arg(long, value_name = "N")]
    pub(super) seed: Vec<u64>,
    /// Who goes next in the runs of seeds: for both, or one for each
    #[arg(long, value_name = "NAME", value_parser = strategy)]
    pub(super) strategy: Vec<Strategy>,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: ObjectFormat,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ObjectFormat {
    /// Text for people
    #[default]
    Human,
    /// JSON objects, one a line
    Json,
}

#[derive(Args, Debug)]
pub(super) struct SnapshotArguments {
    /// Scenario files, and folders to search for those with a `[snapshot]` table
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Accept the runs as they are now: write what has changed, remove what nothing makes any more
    #[arg(long)]
    pub(super) update: bool,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Args, Debug)]
pub(super) struct SchemaArguments {
    /// Print the schema of what `--format json` and `jsonl` write instead
    #[arg(long)]
    pub(super) output: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    /// Text for people
    #[default]
    Human,
    /// One JSON object a run
    Json,
    /// One JSON object an event, then one for the run
    Jsonl,
    /// JUnit's XML
    Junit,
    /// Annotations for GitHub's workflows
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ShowName {
    /// What tasks log, and faults
    Log,
    /// Tasks, threads and processes that begin and end
    Tasks,
    /// Packets
    Net,
    /// What every step gives
    Steps,
    /// Everything
    All,
}

/// Reads the command line, of which the first word is the command.
pub(super) fn read(words: &[OsString]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(words)
}

/// Everything that can be shown.
pub(super) const SHOW_ALL: Show = Show {
    log: true,
    tasks: true,
    net: true,
    steps: true,
};

/// Returns what a list of names shows, or `default` if there are none.
pub(super) fn show(names: &[ShowName], default: ShowName) -> Show {
    let default = [default];
    let names = if names.is_empty() { &default } else { names };
    let has = |name| names.contains(&name) || names.contains(&ShowName::All);
    Show {
        log: has(ShowName::Log),
        tasks: has(ShowName::Tasks),
        net: has(ShowName::Net),
        steps: has(ShowName::Steps),
    }
}
