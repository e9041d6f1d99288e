//! How fast simrun is, beside tokio and shuttle: `cargo bench --bench speed` prints what each
//! costs, side by side, and whether simrun's goals are met.
//!
//! tokio is its current-thread runtime with paused time, the nearest thing to a simulation that it
//! has; shuttle, which simulates threads, runs one schedule without a limit on its steps; simrun is
//! what [`Sim::new`](simrun::Sim::new) gives, fingerprint and all. They do the same work in the
//! same process, in turns, so that whatever disturbs the machine disturbs both: the ratio of their
//! medians says more than either median. For the same reason a missed goal is printed and fails
//! nothing; what must not happen on any machine is what tests are for.
//!
//! - `-- --quick` does a tenth of the work in fewer rounds, in seconds;
//! - `-- --instructions` counts instructions instead of time, if valgrind is installed: they are
//!   the same on a busy machine.

#[path = "speed/campaigns.rs"]
mod campaigns;
#[path = "speed/clock.rs"]
mod clock;
#[path = "speed/instructions.rs"]
mod instructions;
#[path = "speed/interleavings.rs"]
mod interleavings;
#[path = "speed/memory.rs"]
mod memory;
#[path = "speed/on_shuttle.rs"]
mod on_shuttle;
#[path = "speed/on_simrun.rs"]
mod on_simrun;
#[path = "speed/on_tokio.rs"]
mod on_tokio;
#[path = "speed/scaling.rs"]
mod scaling;
#[path = "speed/table.rs"]
mod table;
#[path = "speed/works.rs"]
mod works;

use std::process::ExitCode;

use clock::{Cost, Effort};
use table::Verdict;

/// The exit code for an argument that is not understood, as it is for most commands.
const USAGE_ERROR: u8 = 2;

/// What the arguments ask for.
enum Request {
    /// All the tables.
    Measure(Effort),
    /// The table of instructions.
    CountInstructions,
    /// One work, so many times, and nothing printed: what an instruction counter watches.
    Do(Vec<String>),
    /// Nothing: `cargo test --all-targets` starts benchmarks too, and must not wait for them.
    Nothing,
}

fn main() -> ExitCode {
    match request(std::env::args().skip(1)) {
        Ok(Request::Measure(effort)) => measure(effort),
        Ok(Request::CountInstructions) => instructions::print(),
        Ok(Request::Do(work)) => instructions::do_work(&work),
        Ok(Request::Nothing) => eprintln!("run `cargo bench --bench speed` to measure"),
        Err(argument) => {
            eprintln!("`{argument}` is not understood: say `--quick`, `--instructions` or nothing");
            return ExitCode::from(USAGE_ERROR);
        }
    }
    ExitCode::SUCCESS
}

fn measure(effort: Effort) {
    table::print_head();
    let missed = table::print_works(&works::WORKS, effort)
        + usize::from(!print_memory().is_met())
        + scaling::print(effort)
        + campaigns::print(effort)
        + usize::from(!interleavings::print().is_met());
    match missed {
        0 => println!("\nevery goal is met"),
        1 => println!("\none goal is MISSED"),
        _ => println!("\n{missed} goals are MISSED"),
    }
}

fn print_memory() -> Verdict {
    let bytes = Cost {
        simrun: on_simrun::bytes_per_sleeper(works::SLEEPERS),
        peer: on_tokio::bytes_per_sleeper(works::SLEEPERS),
    };
    let work = "memory of a sleeping task";
    table::print_row(work, "tokio", " B", bytes, works::MEMORY_GOALS)
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
            ("--instructions", _) => Request::CountInstructions,
            (instructions::DO, _) => Request::Do(arguments.by_ref().collect()),
            _ => return Err(argument),
        };
    }
    Ok(request)
}
