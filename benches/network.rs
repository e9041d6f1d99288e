//! How fast the simulated network is, beside turmoil, madsim and the machine's own loopback:
//! `cargo bench --bench network` prints what each costs, side by side, and whether simrun's goals
//! are met.
//!
//! Everyone does the same work with what they give by default, in turns, as in the benchmark
//! `speed`. But turmoil's latency is set to the tick of its clock, the least it can tell apart: by
//! default it would be many ticks, in each of which every host has its turn. What is called
//! loopback are real sockets, through tokio, with both ends on one thread. madsim is a simulator
//! only if a flag says so to everything that is compiled, so it is in a package of its own, which
//! this program builds and starts; if that cannot be done, it says so and goes on without.
//!
//! - `-- --quick` does a tenth of the work in fewer rounds, in seconds;
//! - `-- --do <work> <operations>` lets simrun do one work and prints nothing: what a profiler
//!   watches.

#[path = "speed/clock.rs"]
mod clock;
#[path = "network/on_loopback.rs"]
mod on_loopback;
#[path = "network/on_madsim.rs"]
mod on_madsim;
#[path = "network/on_simrun.rs"]
mod on_simrun;
#[path = "network/on_turmoil.rs"]
mod on_turmoil;
#[path = "network/scaling.rs"]
mod scaling;
#[path = "speed/table.rs"]
mod table;
#[path = "network/works.rs"]
mod works;

use std::process::ExitCode;

use clock::Effort;

/// The exit code for an argument that is not understood, as it is for most commands.
const USAGE_ERROR: u8 = 2;

/// What the arguments ask for.
enum Request {
    /// All the tables.
    Measure(Effort),
    /// One work of simrun, so many times.
    Do(Vec<String>),
    /// Nothing: `cargo test --all-targets` starts benchmarks too, and must not wait for them.
    Nothing,
}

fn main() -> ExitCode {
    match request(std::env::args().skip(1)) {
        Ok(Request::Measure(effort)) => measure(effort),
        Ok(Request::Do(work)) => works::do_work(&work),
        Ok(Request::Nothing) => eprintln!("run `cargo bench --bench network` to measure"),
        Err(argument) => {
            eprintln!("`{argument}` is not understood: say `--quick`, `--do` or nothing");
            return ExitCode::from(USAGE_ERROR);
        }
    }
    ExitCode::SUCCESS
}

fn measure(effort: Effort) {
    let madsim = on_madsim::start();
    table::print_head();
    let mut missed = table::print_works(&works::WORKS, effort);
    match madsim {
        Ok(()) => missed += table::print_works(&works::WORKS_OF_MADSIM, effort),
        Err(problem) => println!("madsim is not compared with: {problem}"),
    }
    on_madsim::stop();
    missed += scaling::print(effort);
    match missed {
        0 => println!("\nevery goal is met"),
        1 => println!("\none goal is MISSED"),
        _ => println!("\n{missed} goals are MISSED"),
    }
}

/// Reads the arguments; an error is the one that is not understood.
fn request(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut request = Request::Nothing;
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        request = match (argument.as_str(), request) {
            // Cargo says this to every benchmark it runs.
            ("--bench", Request::Nothing) => Request::Measure(Effort::Full),
            ("--bench", known) => known,
            ("--quick", _) => Request::Measure(Effort::Quick),
            ("--do", _) => Request::Do(arguments.by_ref().collect()),
            _ => return Err(argument),
        };
    }
    Ok(request)
}
