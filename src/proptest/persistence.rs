//! Where `proptest!` keeps the seeds of what has failed: in its usual folder, and always within the
//! package.
//!
//! proptest looks for `lib.rs` above the test's file. Above a file in `tests` there is none, so it
//! warns, and where there is one it may be another package's. Here the package is where
//! `Cargo.toml` is.

use std::any::Any;
use std::fmt::Debug;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::proptest::test_runner::{Config, FailurePersistence, PersistedSeed};

use crate::explore::probe::Environment;

/// The folder, beside `Cargo.toml`.
const FOLDER: &str = "proptest-regressions";

/// What a new file begins with: proptest's own words, for it reads the file too.
const HEADER: &str = "\
# Seeds for failure cases proptest has generated in the past. It is
# automatically read and these particular cases re-run before any
# novel cases are generated.
#
# It is recommended to check this file in to source control so that
# everyone who runs the test benefits from these saved cases.
";

/// Returns proptest's configuration, with seeds kept by [`Persistence`].
///
/// ```
/// use proptest::prelude::*;
///
/// proptest!(simrun::proptest::config(), |(number in 0..100_u32)| {
///     prop_assert!(number < 100);
/// });
/// ```
#[must_use]
pub fn config() -> Config {
    let config = Config::default();
    let failure_persistence = config.failure_persistence.as_ref();
    let failure_persistence = failure_persistence.map(|_| Persistence::new().box_clone());
    Config {
        failure_persistence,
        ..config
    }
}

/// Keeps seeds in `proptest-regressions` beside `Cargo.toml`: those of `src/bank.rs` in `bank.txt`,
/// as proptest does, and those of `tests/bank.rs` in `tests/bank.txt`. Where `CI` is set nothing is
/// written, and what would be is printed.
///
/// What stands there is proptest's seed, so it names another case as soon as a strategy changes.
/// [`check`](super::check()) keeps more.
///
/// ```
/// use proptest::test_runner::FailurePersistence;
/// use simrun::proptest::Persistence;
/// # let package = std::env::temp_dir().join(format!("simrun-seeds-{}", std::process::id()));
/// # std::fs::create_dir_all(package.join("proptest-regressions")).unwrap();
///
/// let seed = "cc 0202020202020202020202020202020202020202020202020202020202020202";
/// std::fs::write(package.join("proptest-regressions/bank.txt"), seed).unwrap();
/// let kept = Persistence::in_package(&package);
/// let seeds = kept.load_persisted_failures2(Some("src/bank.rs"));
/// assert_eq!(seeds[0].to_string(), seed);
/// assert!(kept.load_persisted_failures2(Some("tests/bank.rs")).is_empty());
/// # std::fs::remove_dir_all(package).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persistence {
    root: Option<PathBuf>,
    is_ci: bool,
}

impl Persistence {
    /// Makes one for the package that the test is run in.
    pub fn new() -> Self {
        Self {
            root: None,
            is_ci: Environment::read().is_ci,
        }
    }

    /// Makes one for the package, or any other folder, at this place.
    pub fn in_package(root: impl Into<PathBuf>) -> Self {
        Self {
            root: Some(root.into()),
            ..Self::new()
        }
    }

    #[cfg(test)]
    pub(super) fn set_ci(&mut self, is_ci: bool) {
        self.is_ci = is_ci;
    }

    /// Returns the file for a test's file.
    fn file(&self, source: &str) -> Option<PathBuf> {
        let source = Path::new(source);
        let (root, source) = match &self.root {
            Some(root) => (root.clone(), source.to_owned()),
            None => found_from(&std::env::current_dir().ok()?, source)?,
        };
        let inside = source.strip_prefix("src").unwrap_or(&source);
        Some(root.join(FOLDER).join(inside).with_extension("txt"))
    }

    fn save(&self, source: &str, line: &str) -> io::Result<()> {
        let Some(path) = self.file(source) else {
            return Ok(());
        };
        if self.is_ci {
            let path = path.display();
            eprintln!("to keep the failure, write this to {path}:\n\n{line}");
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = read(&path)?;
        let text = if text.is_empty() {
            HEADER.to_owned()
        } else {
            text
        };
        fs::write(&path, format!("{text}{line}\n"))
    }
}

/// Looks for a source file from a folder upwards, for compilers name it from the workspace on: the
/// package it belongs to, and its path in there.
fn found_from(folder: &Path, source: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut above = folder.ancestors();
    let path = above.find_map(|folder| {
        let path = folder.join(source);
        path.is_file().then_some(path)
    })?;
    let mut above = path.ancestors().skip(1);
    let root = above.find(|folder| folder.join("Cargo.toml").is_file())?;
    let inside = path.strip_prefix(root).ok()?;
    Some((root.to_owned(), inside.to_owned()))
}

fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

impl FailurePersistence for Persistence {
    fn load_persisted_failures2(&self, source: Option<&'static str>) -> Vec<PersistedSeed> {
        let path = source.and_then(|source| self.file(source));
        let text = path.and_then(|path| read(&path).ok()).unwrap_or_default();
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default());
        lines.filter_map(|line| line.trim().parse().ok()).collect()
    }

    fn save_persisted_failure2(
        &mut self,
        source: Option<&'static str>,
        seed: PersistedSeed,
        value: &dyn Debug,
    ) {
        let Some(source) = source else {
            return;
        };
        let value = format!("{value:?}");
        let value: Vec<&str> = value.split_whitespace().collect();
        let line = format!("{seed} # shrinks to {}", value.join(" "));
        if let Err(error) = self.save(source, &line) {
            eprintln!("the failure of {source} could not be kept: {error}");
        }
    }

    fn box_clone(&self) -> Box<dyn FailurePersistence> {
        Box::new(self.clone())
    }

    fn eq(&self, other: &dyn FailurePersistence) -> bool {
        other.as_any().downcast_ref::<Self>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_from_any_folder_below() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = Path::new("tests/properties/main.rs");
        for folder in ["", "src", "tests/explore"] {
            let found = found_from(&root.join(folder), source);
            assert_eq!(found, Some((root.to_owned(), source.to_owned())));
        }
        let found = found_from(root, Path::new("macros/src/lib.rs"));
        assert_eq!(found, Some((root.join("macros"), "src/lib.rs".into())));
        assert_eq!(found_from(root, Path::new("src/nowhere.rs")), None);
    }
}
