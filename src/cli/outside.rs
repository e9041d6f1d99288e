//! What lies outside the command: arguments, environment, files' streams, terminals.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;

use crate::report::Paint;

/// What the command is given. Tests give it something else than the process has.
pub(super) struct Outside<'a> {
    pub(super) arguments: Vec<OsString>,
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub(super) stdin: &'a mut dyn Read,
    pub(super) stdout: &'a mut dyn Write,
    pub(super) stderr: &'a mut dyn Write,
    /// Whether someone looks at it.
    pub(super) stdout_is_terminal: bool,
    pub(super) stderr_is_terminal: bool,
    /// What starts this command once more, if something does.
    pub(super) executable: Option<PathBuf>,
}

/// Calls a function with what this process has.
pub(super) fn with_process<T>(act: impl FnOnce(Outside<'_>) -> T) -> T {
    // What programs in Rust print, on whatever thread, must find neither of these locked.
    let (stdin, stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    act(Outside {
        arguments: std::env::args_os().collect(),
        variable: &|name| std::env::var_os(name),
        stdin: &mut stdin.lock(),
        stdout_is_terminal: stdout.is_terminal(),
        stderr_is_terminal: stderr.is_terminal(),
        executable: std::env::current_exe().ok(),
        stdout: &mut BufWriter::new(stdout),
        stderr: &mut stderr,
    })
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Outside<'_> {
    /// Says whether a variable is set to anything.
    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.variable)(name).is_some_and(|value| !value.is_empty())
    }

    /// Says whether this is a continuous integration's machine, where nobody looks at what is left.
    pub(super) fn is_ci(&self) -> bool {
        let is_no = |value: &OsString| ["", "false", "0"].iter().any(|no| value == no);
        (self.variable)("CI").is_some_and(|value| !is_no(&value))
    }

    pub(super) fn paint_stdout(&self, colour: Colour) -> Paint {
        self.paint(colour, self.stdout_is_terminal)
    }

    pub(super) fn paint_stderr(&self, colour: Colour) -> Paint {
        self.paint(colour, self.stderr_is_terminal)
    }

    fn paint(&self, colour: Colour, is_terminal: bool) -> Paint {
        let is_zero = |name| (self.variable)(name).is_some_and(|value| value == "0");
        let is_dumb = (self.variable)("TERM").is_some_and(|value| value == "dumb");
        let is_coloured = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if self.is_set("NO_COLOR") => false,
            Colour::Auto if self.is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") => true,
            Colour::Auto => is_terminal && !is_dumb && !is_zero("CLICOLOR"),
        };
        if is_coloured {
            Paint::Colours
        } else {
            Paint::Plain
        }
    }

    /// Writes a message. If that fails there is nobody to be told.
    pub(super) fn say(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.stderr, "{text}");
    }
}
