//! The command, as it is called: what it prints, where, and with which exit code.

mod answers;
mod campaigns;
mod checking;
mod formats;
mod manners;
mod plans;
mod runs;
mod snapshots;

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A call of the command.
struct Call(Command);

/// What a call came to.
struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Calls the command among the files of these tests, without any environment.
fn simrun<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Call {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simrun"));
    command.args(arguments).env_clear();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command");
    Call(command).within(&folder)
}

impl Call {
    fn within(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    fn with(mut self, variable: &str, value: &str) -> Self {
        self.0.env(variable, value);
        self
    }

    fn answer(self) -> Answer {
        self.answer_to(b"")
    }

    /// Calls the command with something to read.
    fn answer_to(mut self, stdin: &[u8]) -> Answer {
        let piped = self.0.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read what it is given is free not to.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        Answer {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Answer {
    #[track_caller]
    fn is(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "\n-- {name} --\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// Returns a text without its fingerprints: those change whenever a run does inside, which is not
/// what these tests are about.
fn steady(text: impl ToString) -> String {
    let text = text.to_string();
    let mut parts = text.split("fingerprint");
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let start = part.find(|c: char| c.is_ascii_hexdigit()).unwrap();
        let digits = &part[start..start + 16];
        assert!(digits.chars().all(|c| c.is_ascii_hexdigit()), "{text}");
        let (before, after) = (&part[..start], &part[start + 16..]);
        steady.push_str(&format!("fingerprint{before}................{after}"));
    }
    steady
}

/// Makes an empty folder for a test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A scenario with one task.
fn scenario(name: &str, steps: &str) -> String {
    format!("format = 1\nname = \"{name}\"\n\n[task]\nmain = '''\n{steps}\n'''\n")
}
