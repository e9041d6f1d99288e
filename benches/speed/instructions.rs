//! Instructions instead of time: the same on a busy machine and, nearly, from run to run.
//!
//! This program runs itself under valgrind with one work and two counts of operations. The
//! difference of the instructions over the difference of the counts is the cost of one operation,
//! for what is done once, such as starting the process, is in both.

use std::io::ErrorKind;
use std::process::Command;

use super::clock::Cost;
use super::table::Work;
use super::works::WORKS;

/// The argument that asks for one work: `--do <simrun or peer> <work> <operations>`.
pub(crate) const DO: &str = "--do";

/// The two counts of operations. They are multiples of what a work divides them by.
const FEW: u64 = 10_000;
const MANY: u64 = 20_000;

const SIDES: [&str; 2] = ["simrun", "peer"];

/// Prints how many instructions an operation of every work takes, if they can be counted.
pub(crate) fn print() {
    match Command::new("valgrind").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("valgrind is not installed: instructions are not counted");
        }
        _ => print_works(),
    }
}

fn print_works() {
    println!(
        "| {:<20} | {:>12} | {:>11} | {:>5} |",
        "instructions per", "simrun", "its peer", "ratio"
    );
    println!("|{:-<22}|{:->13}:|{:->12}:|{:->6}:|", "", "", "", "");
    for work in &WORKS {
        match cost(work) {
            Ok(cost) => println!(
                "| {:<20} | {:>12.0} | {:>11.0} | {:>5.2} |",
                work.short,
                cost.simrun,
                cost.peer,
                cost.ratio()
            ),
            Err(problem) => println!("| {:<20} | {problem}", work.short),
        }
    }
}

fn cost(work: &Work) -> Result<Cost, String> {
    let [simrun, peer] = SIDES.map(|side| {
        let difference = count(side, work, MANY)? - count(side, work, FEW)?;
        Ok::<f64, String>(difference / (MANY - FEW) as f64)
    });
    Ok(Cost {
        simrun: simrun?,
        peer: peer?,
    })
}

/// Counts the instructions of a whole process that does so many operations.
fn count(side: &str, work: &Work, operations: u64) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([DO, side, work.short, &operations.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    match count {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!(
            "valgrind ended with {} and said: {}",
            output.status,
            report.lines().next_back().unwrap_or("nothing")
        )),
    }
}

/// Does what the arguments after [`DO`] say.
///
/// # Panics
///
/// If they say nothing that can be done: they come from [`count`].
pub(crate) fn do_work(arguments: &[String]) {
    let [side, short, operations] = arguments else {
        panic!("`{DO}` needs a side, a work and a count of operations, not {arguments:?}")
    };
    let work = WORKS.iter().find(|work| work.short == short);
    let work = work.unwrap_or_else(|| panic!("there is no work `{short}`"));
    let act = if side == SIDES[0] {
        work.simrun
    } else {
        work.peer.work
    };
    act(operations.parse().expect("a count of operations"));
}
