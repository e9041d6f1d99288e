//! Every wrong file of `tests/scenarios/errors`, and how its mistakes are shown.
//!
//! `UPDATE=1 cargo test golden` writes down what is shown now.

use std::fs;
use std::path::{Path, PathBuf};

use super::shown;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/errors")
}

#[test]
fn mistakes_are_shown_as_they_are_written_down() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 40, "{} files", files.len());
    let mut differ = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let shown = shown(&name, &text);
        assert!(!shown.is_empty(), "{name} is right");
        let expected = file.with_extension("txt");
        if update {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            differ.push(format!("{name} now shows:\n{shown}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
