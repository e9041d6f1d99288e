//! Threads: they block, they are interrupted, and they are part of the run.

mod atomics;
mod basics;
mod bugs;
mod channels;
mod conditions;
mod cut_off;
mod deadlock;
mod determinism;
mod locks;
mod once;
mod random_programs;

use simrun::{Sim, Strategy};

fn random(seed: u64) -> Sim {
    Sim::new().seed(seed).strategy(Strategy::random())
}
