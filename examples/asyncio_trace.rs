//! Runs programs written in a small language of asyncio's operations and prints what they do, as
//! CPython's traces of the same programs say it.
//!
//! ```sh
//! cargo run --release --example asyncio_trace -- programs.jsonl.gz
//! cargo run --release --example asyncio_trace -- --check reference.trace.gz programs.jsonl.gz
//! cargo run --release --example asyncio_trace -- --seed 7 programs.jsonl.gz
//! cargo run --release --example asyncio_trace -- --survey 20 programs.jsonl.gz
//! ```
//!
//! `--check` compares instead of printing: it tells how many programs left the same trace and where
//! the first others differ. `--seed` takes the tasks' turns in a random order. `--survey` runs each
//! program under so many seeds and tells what was wrong: a task that sleeps beside what it waits
//! for, a lost item, a run without an end, a seed that gives two runs.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[path = "../tests/asyncio/mod.rs"]
mod asyncio;

use asyncio::{Comparison, Order, Program, Reference, Survey, programs, run};

fn main() -> ExitCode {
    let mut check = None;
    let mut survey = None;
    let mut order = Order::Fifo;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = arguments.next().map(PathBuf::from),
            "--seed" => match arguments.next().and_then(|seed| seed.parse().ok()) {
                Some(seed) => order = Order::Random(seed),
                None => return usage(),
            },
            "--survey" => match arguments.next().and_then(|seeds| seeds.parse().ok()) {
                Some(seeds) => survey = Some(seeds),
                None => return usage(),
            },
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if files.is_empty() {
        return usage();
    }
    let programs = files.iter().flat_map(|file| programs(file));
    if let Some(seeds) = survey {
        let survey = Survey::new(programs, 0..seeds);
        println!("{survey}");
        return ExitCode::from(u8::from(!survey.is_clean()));
    }
    let Some(check) = check else {
        return print(programs, order);
    };
    let comparison = Comparison::new(programs, order, &Reference::read(&check));
    println!("{comparison}");
    ExitCode::from(u8::from(!comparison.is_equal()))
}

fn usage() -> ExitCode {
    eprintln!("usage: asyncio_trace [--check TRACE] [--seed N] [--survey SEEDS] PROGRAMS...");
    ExitCode::from(2)
}

fn print(programs: impl Iterator<Item = Program>, order: Order) -> ExitCode {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for program in programs {
        let lines = run(&program, order);
        let header = format!("# program {}", program.pid);
        for line in [header].iter().chain(&lines) {
            if writeln!(out, "{line}").is_err() {
                // Whoever reads has read enough.
                return ExitCode::SUCCESS;
            }
        }
    }
    ExitCode::SUCCESS
}
