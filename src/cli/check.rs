//! `simrun check FILE..`: scenarios are read and not run.

use std::io;

use super::arguments::{CheckArguments, FormatName};
use super::run::format;
use super::session::Session;

/// Says what is wrong with scenarios.
pub(super) fn check(arguments: &CheckArguments, session: &mut Session<'_>) -> io::Result<()> {
    let manner = arguments.manner;
    let mut format = format(arguments.format, session, manner);
    for file in &arguments.files {
        let opened = session.open(file, manner);
        let looked = opened.looked();
        let is_left_out = manner.quiet && looked.is_sound() && looked.diagnostics.is_empty();
        if !is_left_out || arguments.format == FormatName::Junit {
            format.looked(looked, session.outside.stdout)?;
        }
        session.outside.stdout.flush()?;
    }
    format.end(session.outside.stdout)
}
