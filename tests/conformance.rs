//! The crate does what asyncio does: thousands of random programs leave the traces that they left
//! on CPython 3.14, line by line.

use std::path::{Path, PathBuf};

mod asyncio;

use asyncio::{Comparison, Order, Program, Reference, Survey, programs};

/// The kinds of programs: with everything, with what every event loop has, about synchronisation,
/// and with eager tasks.
const PROFILES: [&str; 4] = ["full", "core", "sync", "eager"];

/// Programs whose traces once differed.
const FOUND: &str = "found";

/// Names the folder of the whole corpora, of which the project contains a part.
const CORPORA: &str = "SIMRUN_ASYNCIO_CORPORA";

/// How many random orders each program of the project is run in: enough for a few seconds.
const SEEDS: u64 = 3;

/// How many random orders each program of the whole corpora is run in: enough for a minute or two.
const MANY_SEEDS: u64 = 20;

fn contained() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asyncio/corpus")
}

fn file(folder: &Path, profile: &str, kind: &str) -> PathBuf {
    folder.join(format!("{profile}.{kind}.gz"))
}

fn assert_equal_traces(folder: &Path, profiles: &[&str]) {
    for profile in profiles {
        let reference = Reference::read(&file(folder, profile, "trace"));
        let programs = programs(&file(folder, profile, "jsonl"));
        let comparison = Comparison::new(programs, Order::Fifo, &reference);
        assert!(comparison.is_equal(), "{profile}: {comparison}");
        println!("{profile}: {comparison}");
    }
}

/// Returns the programs of the project.
fn all() -> impl Iterator<Item = Program> {
    PROFILES.into_iter().flat_map(|profile| {
        let path = file(&contained(), profile, "jsonl");
        programs(&path).collect::<Vec<_>>()
    })
}

#[test]
fn programs_leave_the_traces_of_cpython() {
    assert_equal_traces(&contained(), &PROFILES);
}

#[test]
fn programs_that_once_differed_leave_the_traces_of_cpython() {
    assert_equal_traces(&contained(), &[FOUND]);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where the whole corpora are is up to whoever runs the test"
)]
fn all_programs_of_the_corpora_leave_the_traces_of_cpython() {
    match std::env::var(CORPORA) {
        Ok(folder) => assert_equal_traces(Path::new(&folder), &PROFILES),
        Err(_) => println!("skipped: {CORPORA} does not name a folder"),
    }
}

#[test]
fn programs_keep_what_must_be_true_in_any_order() {
    let survey = Survey::new(all(), 0..SEEDS);
    assert!(survey.is_clean(), "{survey}");
    println!("{survey}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where the whole corpora are is up to whoever runs the test"
)]
fn all_programs_of_the_corpora_keep_what_must_be_true_in_any_order() {
    let Ok(folder) = std::env::var(CORPORA) else {
        println!("skipped: {CORPORA} does not name a folder");
        return;
    };
    for profile in PROFILES {
        let programs = programs(&file(Path::new(&folder), profile, "jsonl"));
        let survey = Survey::new(programs, 0..MANY_SEEDS);
        assert!(survey.is_clean(), "{profile}: {survey}");
        println!("{profile}: {survey}");
    }
}
