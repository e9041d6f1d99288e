//! Looks for stale reads in a replicated key-value store, under crashes, pauses, partitions and
//! clocks that differ.
//!
//! ```sh
//! cargo run --release --example replicated_kv -- 10000
//! cargo run --release --example replicated_kv -- 1000 --careless
//! ```
//!
//! `--careless` plants a mistake: a primary reads although its lease may have run out while its
//! host stood still. The first seed that fails is printed, and fails again, alone and anywhere.

use std::process::ExitCode;

mod kv;

use kv::{Caution, Numbers, recorded, run};

fn main() -> ExitCode {
    let mut seeds = 1_000;
    let mut caution = Caution::LooksAtClock;
    for argument in std::env::args().skip(1) {
        match (argument.as_str(), argument.parse()) {
            ("--careless", _) => caution = Caution::TrustsRenewal,
            (_, Ok(number)) => seeds = number,
            _ => {
                eprintln!("usage: replicated_kv [SEEDS] [--careless]");
                return ExitCode::from(2);
            }
        }
    }
    let mut runs = (0..seeds).map(|seed| run(seed, caution));
    match runs.find(|run| run.failure().is_some()) {
        Some(run) => {
            let (_, seen) = recorded(run.seed(), caution);
            println!(
                "{run}\n\nwhat its clients have seen is {}",
                seen.check(&Numbers)
            );
            ExitCode::FAILURE
        }
        None => {
            println!("{seeds} seeds, no stale read");
            ExitCode::SUCCESS
        }
    }
}
