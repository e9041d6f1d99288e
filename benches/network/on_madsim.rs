//! The works as madsim does them: in a program of its own, which is told what to do by this one.
//! What that takes is little beside a round of work.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// Where the package is.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/network/madsim");

/// The program that does the works, while there is one.
static WORKER: Mutex<Option<Worker>> = Mutex::new(None);

struct Worker {
    child: Child,
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
}

/// Builds and starts the program; an error says why it cannot be.
pub(crate) fn start() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // `target/release/deps/network-...`
    let target = program.ancestors().nth(3).unwrap_or(Path::new("target"));
    let target = target.join("madsim");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(PACKAGE)
        // What makes madsim a simulator.
        .env("RUSTFLAGS", "--cfg madsim")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !built.success() {
        return Err(format!("`{PACKAGE}` cannot be built"));
    }
    let mut child = Command::new(target.join("release/works-on-madsim"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("what was built cannot be started: {error}"))?;
    let says = child.stdin.take().expect("it is piped");
    let hears = BufReader::new(child.stdout.take().expect("it is piped"));
    *WORKER.lock().unwrap() = Some(Worker { child, says, hears });
    Ok(())
}

/// Ends the program, if there is one.
pub(crate) fn stop() {
    if let Some(Worker {
        mut child, says, ..
    }) = WORKER.lock().unwrap().take()
    {
        drop(says);
        child.wait().expect("a child that was started");
    }
}

/// Has a work done.
fn work(short: &str, operations: u64) {
    let mut worker = WORKER.lock().unwrap();
    let worker = worker.as_mut().expect("it was started");
    writeln!(worker.says, "{short} {operations}").unwrap();
    let mut answer = String::new();
    worker.hears.read_line(&mut answer).unwrap();
    assert_eq!(answer.trim(), "done", "madsim does the work");
}

pub(crate) fn tcp(trips: u64) {
    work("tcp", trips);
}

pub(crate) fn clients(trips: u64) {
    work("clients", trips);
}

pub(crate) fn udp(trips: u64) {
    work("udp", trips);
}

pub(crate) fn runs(runs: u64) {
    work("run", runs);
}

pub(crate) fn idle_hours(hours: u64) {
    work("idle-hour", hours);
}
