//! The command with an outside that fails it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::exit_code::{NONDETERMINISTIC, PASSED, USAGE};
use super::outside::{Colour, Outside};
use super::{call, run};
use crate::report::Paint;
use crate::scenario::{Parameters, Programs};
use crate::time;

/// A stream that takes nothing.
struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

/// Calls the command with a standard output of that kind.
fn call_to(stdout: &mut dyn Write, line: &str) -> (u8, String) {
    let mut stderr = Vec::new();
    let outside = Outside {
        arguments: line.split_whitespace().map(OsString::from).collect(),
        variable: &|_| None,
        stdin: &mut io::empty(),
        stdout,
        stderr: &mut stderr,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        executable: None,
    };
    let code = run(outside, Programs::new());
    (code, String::from_utf8(stderr).unwrap())
}

const PRINTING: [&str; 5] = [
    "simrun --help",
    "simrun schema",
    "simrun schema --output",
    "simrun man",
    "simrun completions bash",
];

#[test]
fn a_reader_who_has_read_enough_is_no_failure() {
    for line in PRINTING {
        let answer = call_to(&mut Closed(io::ErrorKind::BrokenPipe), line);
        assert_eq!(answer, (PASSED, String::new()), "{line}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_one() {
    for line in &PRINTING[1..] {
        let (code, stderr) = call_to(&mut Closed(io::ErrorKind::StorageFull), line);
        assert_eq!(code, USAGE, "{line}");
        assert_eq!(
            stderr, "error: cannot write the result: no storage space\n",
            "{line}"
        );
    }
}

#[test]
fn a_terminal_has_colours_unless_the_environment_says_otherwise() {
    let paint = |variables: &[(&str, &str)], colour, is_terminal| {
        let variable = |name: &str| {
            let set = variables.iter().find(|(variable, _)| *variable == name);
            set.map(|(_, value)| OsString::from(value))
        };
        let (mut stdin, mut stdout, mut stderr) = (io::empty(), io::sink(), io::sink());
        let outside = Outside {
            arguments: Vec::new(),
            variable: &variable,
            stdin: &mut stdin,
            stdout: &mut stdout,
            stderr: &mut stderr,
            stdout_is_terminal: is_terminal,
            stderr_is_terminal: false,
            executable: None,
        };
        outside.paint_stdout(colour) == Paint::Colours
    };
    assert!(paint(&[], Colour::Auto, true));
    assert!(!paint(&[], Colour::Auto, false));
    assert!(!paint(&[], Colour::Never, true));
    assert!(paint(&[], Colour::Always, false));
    assert!(!paint(&[("NO_COLOR", "1")], Colour::Auto, true));
    assert!(!paint(&[("CLICOLOR", "0")], Colour::Auto, true));
    assert!(!paint(&[("TERM", "dumb")], Colour::Auto, true));
    assert!(paint(&[("CLICOLOR_FORCE", "1")], Colour::Auto, false));
}

const HOST_IN_RUST: &str = "\
format = 1
name = \"A host in Rust\"

[host]
a = { start = \"nap(millis = 3)\" }

[task]
";

#[test]
fn a_command_of_one_s_own_starts_hosts_in_rust() {
    async fn nap(parameters: Parameters) {
        let millis = parameters.int("millis").unwrap_or_default();
        time::sleep(time::millis(millis.unsigned_abs())).await;
    }

    let words = ["my-sim", "--seed", "1", "-"];
    let called = call(crate::programs![nap], words, HOST_IN_RUST.as_bytes());
    let stdout = String::from_utf8(called.stdout).unwrap();
    assert_eq!((called.code, called.stderr), (PASSED, Vec::new()));
    assert!(stdout.contains("3ms of virtual time"), "{stdout}");
}

#[test]
fn a_program_that_looks_outside_is_found_out() {
    let calls = AtomicU64::new(0);
    let nap = move |_| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        async move { time::sleep(time::millis(call)).await }
    };
    let programs = Programs::new().with("nap", nap);
    let words = ["my-sim", "--seed", "1", "--check-determinism", "-"];
    let called = call(programs, words, HOST_IN_RUST.as_bytes());
    let stdout = String::from_utf8(called.stdout).unwrap();
    assert_eq!(called.code, NONDETERMINISTIC, "{stdout}");
    assert!(stdout.contains("two runs of seed 1"), "{stdout}");
    let replay = "replay: my-sim --seed 1 --check-determinism -\n";
    assert!(stdout.ends_with(replay), "{stdout}");
}
