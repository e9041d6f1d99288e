//! A leader that holds a lease writes as long as the lease lasts. What if its machine stands still
//! between its look at the clock and its write?
//!
//! ```sh
//! cargo run --example leader_lease     # finds the pause that is long enough, and how long that is
//! cargo test --example leader_lease    # tests the store that knows who leads
//! ```

use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::sync::Tracked;
use simrun::time::{self, Instant, millis, secs, sleep};
use simrun::{chance, gather, spawn};

/// How long a lease lasts.
const LEASE: std::time::Duration = secs(3);

/// Who leads, until when, and what was written by whom. Terms only rise.
#[derive(Default)]
struct Store {
    term: u64,
    expires: Option<Instant>,
    written: Vec<u64>,
}

impl Store {
    /// Takes the lease, if nobody has it.
    fn take(&mut self) -> Option<(u64, Instant)> {
        if self.expires.is_some_and(|expires| time::now() < expires) {
            return None;
        }
        let expires = time::now() + LEASE;
        self.term += 1;
        self.expires = Some(expires);
        Some((self.term, expires))
    }
}

/// Whether the store looks at the term of whoever writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fencing {
    On,
    Off,
}

/// Waits for the lease and writes once under it.
async fn lead(store: Arc<Tracked<Store>>, fencing: Fencing) {
    let (term, expires) = loop {
        if let Some(lease) = store.write(Store::take) {
            break lease;
        }
        sleep(millis(100)).await;
    };
    if time::now() >= expires {
        return;
    }
    // A collection of garbage, a disk that is slow, a virtual machine that is moved.
    sleep(millis(chance::below("pause", 5_000))).await;
    store.write(|store| {
        if fencing == Fencing::Off || term == store.term {
            store.written.push(term);
        }
    });
}

async fn two_leaders(fencing: Fencing) {
    let store = Arc::new(Tracked::new(Store::default()).named("store"));
    let leaders = ["ada", "bob"].map(|name| spawn(lead(store.clone(), fencing)).name(name));
    gather(leaders).await.unwrap();
    let is_sorted = store.read(|store| store.written.is_sorted());
    assert!(is_sorted, "a leader of old has overwritten the new one");
}

fn main() {
    for fencing in [Fencing::Off, Fencing::On] {
        println!("{}", Explorer::new().explore(move || two_leaders(fencing)));
    }
}

#[simrun::test]
async fn nobody_writes_after_another() {
    two_leaders(Fencing::On).await;
}

#[simrun::test(regressions = false)]
#[should_panic(expected = "fails when `user main/")]
async fn a_pause_outlasts_the_lease() {
    two_leaders(Fencing::Off).await;
}
