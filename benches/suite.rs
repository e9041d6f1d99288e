//! How soon strategies find bugs: `cargo bench --bench suite` prints a scoreboard.
//!
//! There are 18 families of small concurrent bugs, as instances of growing length, over the public
//! interface; what the numbers mean is said with each table. A scheduling point is every return to
//! the loop, a step is what a task does between two of them, and `pad n` is n bare yields. Each
//! strategy is given the profile of a few runs, which are not counted, and seed 0 is left out: the
//! portfolio would have asyncio's order there, which is bad luck for some of these programs.
//!
//! - `-- --quick` makes a tenth of the trials;
//! - `-- surw pos` measures these strategies only;
//! - `-- --shrink` shrinks failures of each instance instead, and says how little is left.

#[path = "suite/all.rs"]
mod all;
#[path = "suite/cost.rs"]
mod cost;
#[path = "suite/instance.rs"]
mod instance;
#[path = "suite/lists.rs"]
mod lists;
#[path = "suite/locks.rs"]
mod locks;
#[path = "suite/measure.rs"]
mod measure;
#[path = "suite/on_shuttle.rs"]
mod on_shuttle;
#[path = "suite/orders.rs"]
mod orders;
#[path = "suite/races.rs"]
mod races;
#[path = "suite/shrink.rs"]
mod shrink;
#[path = "suite/timed.rs"]
mod timed;

use std::process::ExitCode;

use simrun::Strategy;

use measure::{Found, geometric_mean, measure};

const TRIALS: u64 = 20;
const QUICK_TRIALS: u64 = 2;

/// So many failures of each instance are shrunk, found among the runs of so many seeds.
const FAILURES: usize = 25;
const QUICK_FAILURES: usize = 5;
const SEEDS: u64 = 20_000;

/// The columns of the table.
const STRATEGIES: [&str; 8] = [
    "fifo",
    "random",
    "pct",
    "pos",
    "urw",
    "surw",
    "starve",
    "portfolio",
];

/// The exit code for an argument that is not understood, as it is for most commands.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("run `cargo bench --bench suite` to measure");
        return ExitCode::SUCCESS;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let trials = if quick { QUICK_TRIALS } else { TRIALS };
    if arguments.iter().any(|argument| argument == "--shrink") {
        let failures = if quick { QUICK_FAILURES } else { FAILURES };
        shrink::print(&all::instances(), failures, SEEDS);
        return ExitCode::SUCCESS;
    }
    let names = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"));
    let names: Result<Vec<Strategy>, _> = names.map(|name| name.parse()).collect();
    let strategies = match names {
        Ok(names) if !names.is_empty() => names,
        Ok(_) => STRATEGIES
            .iter()
            .map(|name| name.parse().expect("these are their names"))
            .collect(),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(USAGE_ERROR);
        }
    };
    scoreboard(&strategies, trials);
    let portfolio = |name: &str| {
        let mut all = all::instances().into_iter();
        let instance = all.find(|instance| instance.name == name)?;
        Some(measure(&instance, &Strategy::portfolio(), trials))
    };
    on_shuttle::print(trials, measure::SCHEDULES, portfolio);
    cost::print();
    ExitCode::SUCCESS
}

fn scoreboard(strategies: &[Strategy], trials: u64) {
    let instances = all::instances();
    print!("| {:<28} |", "probability per run");
    for strategy in strategies {
        print!(" {:>9} |", strategy.to_string());
    }
    println!();
    let mut columns: Vec<Vec<Found>> = strategies.iter().map(|_| Vec::new()).collect();
    let mut off = Vec::new();
    for instance in &instances {
        print!("| {:<28} |", instance.name);
        for (strategy, column) in strategies.iter().zip(&mut columns) {
            let found = measure(instance, strategy, trials);
            column.push(found);
            print!(" {:>9} |", text(found));
            let name = strategy.to_string();
            for (_, exact) in instance.exact.iter().filter(|(of, _)| *of == name) {
                if !found.agrees_with(*exact) {
                    let measured = found.probability();
                    off.push(format!(
                        "{}, {name}: measured {measured:.5}, computed {exact:.5}",
                        instance.name
                    ));
                }
            }
        }
        println!();
    }
    let timed = all::TIMED;
    for (name, rows) in [
        ("schedules alone", 0..instances.len() - timed),
        (
            "with time and the network",
            instances.len() - timed..instances.len(),
        ),
    ] {
        println!("\n{name}");
        summary("found by 95 % of the trials", &columns, |column| {
            let column = &column[rows.clone()];
            let found = column.iter().filter(|found| found.is_found()).count();
            format!("{found} of {}", column.len())
        });
        summary("geometric mean of schedules", &columns, |column| {
            format!("{:.1}", geometric_mean(&column[rows.clone()]))
        });
    }
    match off.len() {
        0 => println!("\nmeasured and computed probabilities agree"),
        _ => println!("\nthese do not agree:\n{}", off.join("\n")),
    }
}

fn summary(name: &str, columns: &[Vec<Found>], text: impl Fn(&[Found]) -> String) {
    print!("| {name:<28} |");
    for column in columns {
        print!(" {:>9} |", text(column));
    }
    println!();
}

/// Writes a probability, with a mark if too few trials have found the bug.
fn text(found: Found) -> String {
    let mark = if found.is_found() { "" } else { "!" };
    match found.probability() {
        0.0 => format!("0{mark}"),
        small if small < 0.01 => format!("{small:.0e}{mark}"),
        large => format!("{large:.3}{mark}"),
    }
}
