//! The `simrun` command, without functions in Rust for its scenarios to start.

use std::process::ExitCode;

use simrun::scenario::Programs;

fn main() -> ExitCode {
    simrun::cli::main(Programs::new())
}
