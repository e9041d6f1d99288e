//! Programs in Rust that take their process with them, or never come back: a campaign of a command
//! with such programs goes on, and reports them as it does other failures.
//!
//! In a process with a variable of its own, this test is that command.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use simrun::explore::Explorer;
use simrun::scenario::Parameters;
use simrun::sync::Tracked;
use simrun::{Sim, chance, spawn, task};

const AS_COMMAND: &str = "SIMRUN_UNRULY_AS_COMMAND";
const IN_CODE: &str = "SIMRUN_UNRULY_IN_CODE";

/// How long a run may take here: no other one takes a hundredth of it.
const LIMIT: &str = "1s";

/// A server that may do what its parameters say, once in a while.
async fn unruly(parameters: Parameters) {
    task::yield_now().await;
    let one_in = parameters.int("one_in").unwrap_or(1) as u64;
    if chance::below("luck", one_in) > 0 {
        return;
    }
    println!("this comes between the lines");
    simrun::sometimes!(one_in > 1, "it is seldom");
    for how in parameters.texts("does") {
        match how {
            "abort" => std::process::abort(),
            "exit" => std::process::exit(17),
            "overflow" => assert!(depth(&[1; 64]) > 0),
            "hang" => loop {
                std::hint::spin_loop();
            },
            "panic" => panic!("an ordinary failure"),
            other => panic!("{other}?"),
        }
    }
}

/// Calls itself for ever.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn depth(frame: &[u64; 64]) -> u64 {
    let deeper = std::hint::black_box([frame[0] + 1; 64]);
    depth(&deeper) + std::hint::black_box(frame)[63]
}

/// Has a bug that only some orders show, and aborts in another one.
async fn delicate(parameters: Parameters) {
    let order = std::sync::Arc::new(Tracked::new(0));
    for number in 1..=3 {
        let order = order.clone();
        let turn = async move { order.write(|order| *order = *order * 10 + number) };
        spawn(turn).detach();
    }
    simrun::time::sleep(simrun::time::secs(1)).await;
    let order = order.read(|order| *order);
    if parameters.int("aborts_at") == Some(order) {
        std::process::abort();
    }
    assert_ne!(order, 213, "the second went first");
}

/// A campaign in code, in a process that its runs share.
fn explore_in_code() {
    let hang = || async {
        task::yield_now().await;
        let luck = chance::below("luck", 30);
        assert!(luck % 3 != 1, "an ordinary failure");
        if luck == 0 {
            loop {
                std::hint::spin_loop();
            }
        }
    };
    let limit = Duration::from_millis(300);
    let explorer = Explorer::new().sim(Sim::new().wall_clock(limit)).jobs(3);
    explorer.name("in_code").keep_going().explore(hang);
}

fn main() -> ExitCode {
    if std::env::var_os(IN_CODE).is_some() {
        explore_in_code();
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(AS_COMMAND).is_some() {
        return simrun::cli::main(simrun::programs![unruly, delicate]);
    }
    let arguments = Arguments::from_args();
    let trials = [
        trial("a_run_that_aborts_fails_alone", || {
            fails_alone(Ending::new("abort", "crashed", "signal 6 (SIGABRT)"))
        }),
        trial("a_run_that_exits_fails_alone", || {
            fails_alone(Ending::new("exit", "crashed", "exit code 17"))
        }),
        trial("a_run_that_overflows_its_stack_fails_alone", || {
            fails_alone(Ending::new("overflow", "crashed", "signal 6 (SIGABRT)"))
        }),
        trial("a_run_that_hangs_fails_alone", || {
            fails_alone(Ending::new("hang", "hung", "has not come back after 1s"))
        }),
        trial(
            "an_ordinary_failure_is_shrunk_among_crashes",
            delicate_is_shrunk,
        ),
        trial(
            "a_failure_whose_shorter_forms_abort_is_told_as_it_is",
            shrinking_may_abort,
        ),
        trial("a_program_that_always_aborts_is_told", always),
        trial("a_hang_in_code_is_told_and_ends_the_process", in_code),
        trial("shards_with_crashes_add_up_to_the_same_bytes", shards),
    ];
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok::<(), Failed>(())
    })
}

struct Ending {
    does: &'static str,
    kind: &'static str,
    message: &'static str,
}

impl Ending {
    fn new(does: &'static str, kind: &'static str, message: &'static str) -> Self {
        Self {
            does,
            kind,
            message,
        }
    }
}

/// Makes a folder with a scenario that starts a program.
fn folder(name: &str, start: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unruly-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let text =
        format!("format = 1\nname = \"Unruly\"\n\n[host]\nserver = {{ start = '{start}' }}\n");
    std::fs::write(folder.join("unruly.toml"), text).unwrap();
    folder
}

fn command(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(line.split_whitespace()).current_dir(folder);
    command.env(AS_COMMAND, "1").output().unwrap()
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// Checks that runs which end so are failures, the same for any number of jobs, and that all other
/// runs are there.
fn fails_alone(ending: Ending) {
    let Ending {
        does,
        kind,
        message,
    } = ending;
    let start = format!("unruly(one_in = 80, does = [\"{does}\"])");
    let folder = folder(does, &start);
    let line = "explore unruly.toml --runs 100 --keep-going --format json";
    let run = |jobs: u32| {
        let line = format!("{line} --run-timeout {LIMIT} --jobs {jobs}");
        command(&folder, &line)
    };
    let (one, eight) = (run(1), run(8));
    assert_eq!(one.status.code(), Some(1));
    assert_eq!(one.stdout, eight.stdout);
    let object = json(&one);
    assert_eq!(object["runs"], 100);
    let failures = object["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{object}");
    assert_eq!(failures[0]["kind"], kind);
    let told = failures[0]["message"].as_str().unwrap();
    assert!(told.contains(message), "{told}");
    assert!(failures[0]["shortest"].is_null());
    let count = failures[0]["count"].as_u64().unwrap();
    assert!((1..10).contains(&count), "{count}");
    assert_eq!(object["failed"].as_u64(), Some(count));
    let text = command(
        &folder,
        &line.replace(" --format json", " --run-timeout 1s"),
    );
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains(message), "{text}");
    assert!(
        text.lines().last().unwrap().starts_with("replay "),
        "{text}"
    );
}

/// A failure whose shorter forms may abort is found and shrunk all the same.
fn delicate_is_shrunk() {
    let folder = folder("delicate", "delicate(aborts_at = 321)");
    let line = "explore unruly.toml --runs 60 --keep-going --format json --jobs";
    let (one, eight) = (
        command(&folder, &format!("{line} 1")),
        command(&folder, &format!("{line} 8")),
    );
    assert_eq!(one.stdout, eight.stdout);
    let object = json(&one);
    let failures = object["failures"].as_array().unwrap();
    let of = |kind: &str| failures.iter().find(|failure| failure["kind"] == kind);
    assert!(of("crashed").unwrap()["shortest"].is_null());
    let panic = of("panic").unwrap_or_else(|| panic!("{object}"));
    let shortest = panic["shortest"]["plan"].as_array().unwrap();
    assert!(shortest.len() <= 2, "{object}");
}

/// The first that is tried of what may be shorter is asyncio's own order, and that aborts: then the
/// failure is told as it was found.
fn shrinking_may_abort() {
    let folder = folder("shrinking", "delicate(aborts_at = 123)");
    let line = "explore unruly.toml --runs 60 --keep-going --format json --jobs";
    let (one, eight) = (
        command(&folder, &format!("{line} 1")),
        command(&folder, &format!("{line} 8")),
    );
    assert_eq!(one.stdout, eight.stdout);
    let object = json(&one);
    let failures = object["failures"].as_array().unwrap();
    assert_eq!(failures[0]["kind"], "crashed");
    assert_eq!(failures[0]["seed"], 0);
    let panic = failures.iter().find(|failure| failure["kind"] == "panic");
    let panic = panic.unwrap_or_else(|| panic!("{object}"));
    assert!(panic["shortest"].is_null());
    assert!(!panic["plan"].as_array().unwrap().is_empty());
}

/// Not even the profile can be made.
fn always() {
    let folder = folder("always", "unruly(does = [\"abort\"])");
    let output = command(&folder, "explore unruly.toml --format json");
    let object = json(&output);
    assert_eq!(object["failures"][0]["seed"], 0);
    assert_eq!(object["failures"][0]["count"], object["runs"]);
    assert_eq!(object["ended"], "a run failed");
}

fn in_code() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.env(IN_CODE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(101), "{text}");
    assert!(text.contains("in_code: the run of seed "), "{text}");
    assert!(text.contains("has not come back after 300ms"), "{text}");
    assert!(text.contains("): panic: an ordinary failure\n"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("replay   SIMRUN_SEED="), "{text}");
    assert!(last.ends_with(" cargo test in_code"), "{text}");
}

fn shards() {
    let folder = folder("shards", "unruly(one_in = 30, does = [\"abort\"])");
    let line = "explore unruly.toml --runs 90 --keep-going --format json";
    let whole = command(&folder, line);
    for number in [2, 3, 1] {
        let line = format!("explore unruly.toml --runs 90 --shard {number}/3 --into parts");
        assert_eq!(command(&folder, &line).status.code(), Some(0));
    }
    let merged = command(&folder, "merge parts --format json");
    assert_eq!(json(&merged), json(&whole));
    assert_eq!(merged.stdout, whole.stdout);
}
