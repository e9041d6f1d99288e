//! How long it takes to check histories of ten thousand operations: `cargo bench --bench linear`.
//!
//! The steps are the same everywhere; the times are the best of five.

#[path = "../tests/assure/workload.rs"]
mod workload;

use std::fmt::Debug;
use std::time::Instant;

use simrun::assure::{History, KeyValue, Model, Queue, Register};

use workload::{CALLS, queue, register, store};

const ROUNDS: u32 = 5;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, and must not wait for them.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{CALLS} operations          clients     steps      time");
    for clients in [5, 10] {
        measure(
            "register",
            clients,
            &register(clients, 0.0, 1),
            &Register::new(0),
        );
        measure(
            "store of 10 keys",
            clients,
            &store(clients, 0.0, 1),
            &KeyValue::new(),
        );
        measure(
            "short queue",
            clients,
            &queue(clients, false, 1),
            &Queue::new(),
        );
        measure(
            "growing queue",
            clients,
            &queue(clients, true, 1),
            &Queue::new(),
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn measure<M>(name: &str, clients: u32, history: &History<M::Op, M::Ret>, model: &M)
where
    M: Model<Op: Clone + Debug, Ret: Clone + Debug>,
{
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let found = history.check(model);
        (start.elapsed(), found)
    });
    let (time, found) = times
        .min_by_key(|(time, _)| *time)
        .expect("there is a round");
    assert!(found.is_linearizable(), "{found}");
    println!(
        "{name:<25}  {clients:>7}  {:>8}  {time:>8.1?}",
        found.steps()
    );
}
