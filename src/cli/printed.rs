//! What the command prints about itself: schemas, completions, the manual page.

use std::io;

use clap::CommandFactory;

use super::arguments::{Arguments, SchemaArguments};
use super::replay::program;
use super::session::Session;
use crate::{report, scenario};

/// Prints a JSON Schema.
pub(super) fn schema(arguments: &SchemaArguments, session: &mut Session<'_>) -> io::Result<()> {
    let schema = if arguments.output {
        report::SCHEMA
    } else {
        scenario::SCHEMA
    };
    writeln!(session.outside.stdout, "{}", schema.trim_end())
}

/// Prints a completion script.
pub(super) fn completions(
    shell: clap_complete::Shell,
    session: &mut Session<'_>,
) -> io::Result<()> {
    // The generator panics where its writer fails, so it writes to memory.
    let mut script = Vec::new();
    let name = program(session.outside.arguments.first().map(AsRef::as_ref));
    clap_complete::generate(shell, &mut Arguments::command(), name, &mut script);
    session.outside.stdout.write_all(&script)
}

/// Prints the manual page.
pub(super) fn man(session: &mut Session<'_>) -> io::Result<()> {
    clap_mangen::Man::new(Arguments::command()).render(&mut session.outside.stdout)
}
