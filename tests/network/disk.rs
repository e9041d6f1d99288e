//! Disks: what survives when a host loses its power.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use simrun::chance::Plan;
use simrun::host::{self, disk};
use simrun::{Sim, Strategy};

/// Writes with and without a sync, loses its power, and returns what is left of the log.
async fn write_and_crash() -> Vec<u8> {
    let left = Arc::new(Mutex::new(Vec::new()));
    let found = left.clone();
    let store = host::start("store", move || {
        let found = found.clone();
        async move {
            if let Ok(log) = disk::read("log").await {
                *found.lock().unwrap() = log;
                return;
            }
            let file = disk::File::create("log").await.unwrap();
            file.append(b"synced").await.unwrap();
            file.sync().await.unwrap();
            disk::sync_names().await.unwrap();
            file.append(b"-one").await.unwrap();
            file.append(b"-two").await.unwrap();
            assert_eq!(disk::read("log").await.unwrap(), b"synced-one-two");
        }
    });
    store.join().await.unwrap();
    store.crash_silently();
    store.restart();
    store.join().await.unwrap();
    let left = left.lock().unwrap();
    left.clone()
}

#[test]
fn what_is_synced_survives_and_the_rest_is_kept_lost_or_torn() {
    let mut ends = BTreeSet::new();
    for seed in 0..300 {
        let run = Sim::new().seed(seed).write_plan(true).run(write_and_crash);
        let replay = Sim::new().strategy(Strategy::replay(run.plan().clone()));
        assert_eq!(
            replay.run(write_and_crash).value(),
            run.value(),
            "seed {seed}"
        );
        let left = run.unwrap();
        assert!(left.starts_with(b"synced"), "seed {seed}");
        ends.insert(String::from_utf8_lossy(&left[6..]).replace('\0', "0"));
    }
    for end in ["", "-one", "-one-two", "0000-two", "-on", "-one-t"] {
        assert!(ends.contains(end), "{end} is not among {ends:?}");
    }
    let kept = Sim::new()
        .strategy(Strategy::replay(Plan::new()))
        .run(write_and_crash);
    assert_eq!(
        kept.unwrap(),
        b"synced-one-two",
        "by default everything is kept"
    );
}

#[test]
fn a_name_that_was_not_synced_may_be_forgotten() {
    let program = || async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let names = seen.clone();
        let store = host::start("store", move || {
            let names = names.clone();
            async move {
                if !disk::list().await.is_empty() {
                    *names.lock().unwrap() = disk::list().await;
                    return;
                }
                disk::write("old", b"old").await.unwrap();
                disk::sync_names().await.unwrap();
                disk::write("new", b"new").await.unwrap();
                disk::rename("new", "old").await.unwrap();
            }
        });
        store.join().await.unwrap();
        store.crash_silently();
        store.restart();
        store.join().await.unwrap();
        let seen = seen.lock().unwrap();
        seen.join(" ")
    };
    let seen: BTreeSet<String> = (0..100)
        .map(|seed| Sim::new().seed(seed).run(program).unwrap())
        .collect();
    let expected = ["old", "new old"].map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn the_end_of_a_program_is_not_the_end_of_what_it_has_written() {
    simrun::run(async {
        let store = host::start("store", || async {
            match disk::read("state").await {
                Ok(state) => assert_eq!(state, b"not synced"),
                Err(_) => disk::write("state", b"not synced").await.unwrap(),
            }
        });
        store.join().await.unwrap();
        store.crash_with_resets();
        store.restart();
        store.join().await.unwrap();
    });
}

#[test]
fn files_are_read_written_cut_renamed_and_removed() {
    simrun::run(async {
        let file = disk::File::open_or_create("a").await.unwrap();
        file.write_at(b"end", 5).await.unwrap();
        assert_eq!(disk::read("a").await.unwrap(), b"\0\0\0\0\0end");
        file.set_len(6).await.unwrap();
        assert_eq!(file.read_at(4, 100).await.unwrap(), b"\0e");
        assert_eq!(file.read_at(100, 1).await.unwrap(), b"");
        assert_eq!(
            (file.len().await.unwrap(), file.is_empty().await.unwrap()),
            (6, false)
        );
        disk::rename("a", "b").await.unwrap();
        assert_eq!(disk::list().await, ["b"]);
        file.append(b"!").await.unwrap();
        assert_eq!(disk::read("b").await.unwrap().len(), 7);
        disk::remove("b").await.unwrap();
        let gone = disk::File::open("b").await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert!(disk::rename("b", "c").await.is_err());
    });
}
