//! A snapshot's file, as insta writes it: a header between two lines of `---`, then the text.

use std::path::{Path, PathBuf};

const FENCE: &str = "---";

/// Returns the folder of a scenario's snapshots.
pub(super) fn folder(scenario: &Path) -> PathBuf {
    scenario.with_file_name("snapshots")
}

/// Returns the file for the snapshot of a seed. insta calls what follows `@` a suffix.
pub(super) fn path(scenario: &Path, seed: u64) -> PathBuf {
    let name = scenario.file_stem().unwrap_or_default().to_string_lossy();
    folder(scenario).join(format!("{name}@seed-{seed}.snap"))
}

/// Returns where a change of a snapshot is proposed.
pub(super) fn proposal(snapshot: &Path) -> PathBuf {
    snapshot.with_extension("snap.new")
}

/// Returns the contents of a file.
pub(super) fn write(source: &str, seed: u64, text: &str) -> String {
    // A string of JSON is one of YAML.
    let quoted = serde_json::Value::from(format!("simrun --seed {seed} {source}"));
    let source = serde_json::Value::from(source);
    format!("{FENCE}\nsource: {source}\nexpression: {quoted}\n{FENCE}\n{text}\n")
}

/// Returns the text in a file, without the header.
pub(super) fn contents(file: &str) -> String {
    let file = file.replace("\r\n", "\n");
    let text = header_and_text(&file).map_or(&*file, |(_, text)| text);
    text.to_owned()
}

/// Says whether a file is one that we wrote for some scenario: other tools leave theirs here too.
pub(super) fn is_ours(file: &str) -> bool {
    let file = file.replace("\r\n", "\n");
    header_and_text(&file).is_some_and(|(header, _)| header.contains("\nexpression: \"simrun "))
}

fn header_and_text(file: &str) -> Option<(&str, &str)> {
    let rest = file.strip_prefix(FENCE)?;
    rest.split_once("\n---\n")
}

/// Says whether two texts are the same. As with insta, empty lines at the end do not count.
pub(super) fn is_same(old: &str, new: &str) -> bool {
    old.trim_end() == new.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = "a\n---\nb";
        let file = write("odd \"name\".toml", 7, text);
        assert!(file.starts_with("---\nsource: \"odd \\\"name\\\".toml\"\n"));
        assert!(is_same(&contents(&file), text));
        assert!(is_ours(&file));
        assert!(is_same(&contents(&file.replace('\n', "\r\n")), text));
    }

    #[test]
    fn a_file_without_a_header_is_text() {
        assert_eq!(contents("a\nb"), "a\nb");
        assert!(!is_ours("a\nb"));
        assert!(!is_ours(
            "---\nsource: tests/a.rs\nexpression: run\n---\ntext\n"
        ));
    }

    #[test]
    fn snapshots_lie_beside_their_scenario() {
        let path = path(Path::new("a/b.toml"), 7);
        assert_eq!(path, Path::new("a/snapshots/b@seed-7.snap"));
        assert_eq!(proposal(&path), Path::new("a/snapshots/b@seed-7.snap.new"));
    }
}
