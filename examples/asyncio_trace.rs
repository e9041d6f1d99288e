//! Runs programs written in a small language of asyncio's operations and prints what they do, as
//! CPython's traces of the same programs say it.
//!
//! ```sh
//! cargo run --release --example asyncio_trace -- programs.jsonl.gz
//! cargo run --release --example asyncio_trace -- --check reference.trace.gz programs.jsonl.gz
//! cargo run --release --example asyncio_trace -- --seed 7 programs.jsonl.gz
//! ```
//!
//! `--check` compares instead of printing: it tells how many programs left the same trace and where
//! the first others differ. `--seed` takes the tasks' turns in a random order.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use simrun::{Sim, Strategy};

#[path = "../tests/asyncio/mod.rs"]
mod asyncio;

use asyncio::{Corpus, Program, Reference, run};

/// How many differences are shown: the first few tell what is wrong.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let mut check = None;
    let mut sim = Sim::new();
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = arguments.next().map(PathBuf::from),
            "--seed" => match arguments.next().and_then(|seed| seed.parse().ok()) {
                Some(seed) => sim = sim.seed(seed).strategy(Strategy::random()),
                None => return usage(),
            },
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if files.is_empty() {
        return usage();
    }
    let corpora = files.iter().map(|file| Corpus::read(file));
    let programs = corpora.flat_map(|corpus| corpus.programs(1).collect::<Vec<_>>());
    match check {
        Some(reference) => compare(programs, &sim, &Reference::read(&reference)),
        None => print(programs, &sim),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: asyncio_trace [--check TRACE] [--seed N] PROGRAMS...");
    ExitCode::from(2)
}

fn print(programs: impl Iterator<Item = Program>, sim: &Sim) -> ExitCode {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for program in programs {
        let lines = match program.missing() {
            Some(op) => vec![format!("# skipped: {op}")],
            None => run(&program, sim),
        };
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

fn compare(programs: impl Iterator<Item = Program>, sim: &Sim, reference: &Reference) -> ExitCode {
    let (mut equal, mut skipped, mut differences) = (0, 0, Vec::new());
    for program in programs {
        if program.missing().is_some() {
            skipped += 1;
            continue;
        }
        match reference.difference(program.pid, &run(&program, sim)) {
            None => equal += 1,
            Some(difference) => differences.push(difference),
        }
    }
    for difference in differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    let different = differences.len();
    println!("{equal} equal, {different} different, {skipped} skipped");
    ExitCode::from(u8::from(different > 0))
}
