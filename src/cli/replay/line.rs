//! The line that repeats a run.

use std::ffi::OsStr;
use std::path::Path;

use crate::cli::arguments::RunArguments;

/// Returns the command that repeats the run of a seed.
pub(in crate::cli) fn line(
    command: Option<&OsStr>,
    arguments: &RunArguments,
    seed: u64,
    file: &Path,
) -> String {
    let mut line = format!("{} --seed {seed}", program(command));
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.push_str(&format!(" --{name} {value}"));
        }
    };
    let strategy = arguments.limits.strategy.as_ref();
    option(
        "strategy",
        strategy.map(|strategy| quote(&strategy.to_string())),
    );
    let until = arguments.limits.until;
    // Rust writes microseconds with a Greek letter.
    option(
        "until",
        until.map(|until| format!("{until:?}").replace('µ', "u")),
    );
    option(
        "max-steps",
        arguments.limits.max_steps.map(|steps| steps.to_string()),
    );
    if arguments.check_determinism {
        line.push_str(" --check-determinism");
    }
    format!("{line} {}", quote(&file.display().to_string()))
}

/// Returns the command that makes the run of a seed by a strategy.
pub(in crate::cli) fn of_seed(
    program: &str,
    seed: u64,
    strategy: Option<&str>,
    file: &Path,
) -> String {
    let strategy = strategy.map(|strategy| format!(" --strategy {}", quote(strategy)));
    let strategy = strategy.unwrap_or_default();
    let file = quote(&file.display().to_string());
    format!("{program} --seed {seed}{strategy} {file}")
}

/// Returns the command that makes the runs for the profile again, and seed 0.
pub(in crate::cli) fn of_profile(program: &str, file: &Path) -> String {
    let file = quote(&file.display().to_string());
    format!("{program} explore --seeds 0..1 {file}")
}

/// Returns what the command is called: a user's own has another name.
pub(in crate::cli) fn program(command: Option<&OsStr>) -> String {
    let name = command.and_then(|path| Path::new(path).file_stem());
    name.map_or_else(|| "simrun".into(), |name| quote(&name.to_string_lossy()))
}

/// Returns a word as a shell takes it.
pub(in crate::cli) fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quote("a/b-c.toml"), "a/b-c.toml");
        assert_eq!(quote("it's here.toml"), "'it'\\''s here.toml'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn the_command_has_the_name_it_was_called_by() {
        assert_eq!(
            program(Some(OsStr::new("target/debug/my-sim.exe"))),
            "my-sim"
        );
        assert_eq!(program(None), "simrun");
    }
}
