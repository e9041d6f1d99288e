//! Rules of the house that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that may contain unsafe code, which say at each place why it is safe.
const UNSAFE: [&str; 3] = [
    "src/event_loop/waker.rs",
    "src/thread/fiber.rs",
    "src/thread/scope.rs",
];
/// Files longer than this hold more than one idea.
const MAX_LINES: usize = 700;
const MAX_COLUMNS: usize = 100;
/// Where our code is.
const FOLDERS: [&str; 5] = ["src", "macros/src", "tests", "benches", "examples"];

/// What must not stand in the library: each would let the world outside into a run.
const FORBIDDEN: [(&str, &str); 6] = [
    ("HashMap", "its order is random"),
    ("HashSet", "its order is random"),
    ("Instant::now", "it is real time"),
    ("SystemTime::now", "it is real time"),
    ("thread_rng", "it is seeded by the machine"),
    ("todo!", "it is not finished"),
];

/// Where one of them is needed after all.
const ALLOWED: [(&str, &str); 1] = [("src/event_loop/limits.rs", "Instant::now")];

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty());
    files
}

fn name(path: &Path) -> String {
    let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    path.to_string_lossy().replace('\\', "/")
}

/// Checks every line of the files in `folders`; `problem` says what is wrong with one.
fn check_lines(folders: &[&str], problem: impl Fn(&str, &str) -> Option<String>) {
    let mut problems = Vec::new();
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let (name, text) = (name(&path), fs::read_to_string(&path).unwrap());
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(problem) = problem(&name, line) {
                problems.push(format!("{name}:{number}: {problem}"));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn nothing_from_outside_reaches_a_run() {
    check_lines(&["src"], |name, line| {
        let code = line.split("//").next().unwrap_or_default();
        let (word, reason) = FORBIDDEN.iter().find(|(word, _)| code.contains(word))?;
        (!ALLOWED.contains(&(name, *word))).then(|| format!("`{word}` has no place here: {reason}"))
    });
}

#[test]
fn unsafe_code_stands_in_few_modules_and_says_why_it_is_safe() {
    check_lines(&["src"], |name, line| {
        let code = line.split("//").next().unwrap_or_default();
        let has = ["unsafe {", "unsafe fn", "unsafe impl"]
            .iter()
            .any(|word| code.contains(word));
        (has && !UNSAFE.contains(&name)).then(|| "unsafe code has no place here".to_owned())
    });
    for module in UNSAFE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(module);
        let text = fs::read_to_string(path).unwrap();
        let (blocks, reasons) = (text.matches("unsafe {"), text.matches("// SAFETY: "));
        assert_eq!(blocks.count(), reasons.count(), "{module}");
    }
}

#[test]
fn no_generator_draws_a_usize() {
    check_lines(&["src/chance", "src/strategy"], |_, line| {
        let draws = line.contains("-> usize") && line.contains("fn ") && line.contains("stream");
        draws.then(|| "a usize has another width elsewhere".to_owned())
    });
}

#[test]
fn lines_and_files_keep_their_measure() {
    check_lines(&FOLDERS, |_, line| {
        let long = line.chars().count() > MAX_COLUMNS;
        long.then(|| format!("more than {MAX_COLUMNS} columns"))
    });
    for path in FOLDERS.iter().flat_map(|folder| sources(folder)) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines: is it two?",
            name(&path)
        );
    }
}

#[test]
fn every_file_begins_with_what_it_is() {
    for path in FOLDERS.iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("//!"),
            "{} has no module documentation",
            name(&path)
        );
    }
}

#[test]
fn a_floor_imports_only_from_floors_below_it() {
    // From the ground up. `event_loop/runner.rs` stands on the tasks that it runs.
    let floors = [
        "chance",
        "trace",
        "event_loop",
        "strategy",
        "task",
        "time",
        "sync",
        "thread",
        "process",
        "net",
        "host",
        "fault",
        "explore",
        "proptest",
    ];
    let exempt = [
        "src/event_loop/runner.rs",
        "src/chance/draw.rs",
        "src/trace/virtual_time.rs",
    ];
    for (height, floor) in floors.iter().enumerate() {
        let above = &floors[height + 1..];
        check_lines(&[&format!("src/{floor}")], |name, line| {
            let uses = line.trim_start().strip_prefix("use crate::")?;
            let floor = above.iter().find(|floor| {
                uses.strip_prefix(**floor)
                    .is_some_and(|rest| rest.starts_with("::"))
            })?;
            let plain_time = uses.contains("time::Instant");
            (!exempt.contains(&name) && !plain_time).then(|| format!("`{floor}` is a floor above"))
        });
    }
}
