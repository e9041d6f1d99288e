//! Reading scenarios, right ones and wrong ones.

mod golden;
mod mutated;

use std::fs;
use std::path::Path;

use super::read;
use crate::scenario::diagnostic::Severity;
use crate::scenario::programs::Programs;
use crate::scenario::render::render;
use crate::scenario::source::Source;

async fn kv_server(_: crate::scenario::Parameters) {}

fn programs() -> Programs {
    crate::programs![kv_server]
}

/// Reads a file and returns how its mistakes are shown.
fn shown(name: &str, text: &str) -> String {
    let source = Source::new(name, text);
    let (model, problems) = read(source.clone(), &programs());
    let is_wrong = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    assert_eq!(model.is_none(), is_wrong, "{name}");
    render(&source, &problems, false)
}

#[test]
fn the_worked_files_are_right() {
    for file in [
        "bounded-queue",
        "echo-partition",
        "quickstart",
        "everything",
    ] {
        let path = format!(
            "{}/tests/scenarios/worked/{file}.toml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(shown(file, &text), "");
    }
}

#[test]
fn the_scenarios_of_the_repository_are_right() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-scenarios")];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let text = fs::read_to_string(&path).unwrap();
                wrong.push(shown(&path.to_string_lossy(), &text));
            }
        }
    }
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{wrong}");
}
