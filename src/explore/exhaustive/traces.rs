//! One interleaving of each trace: dynamic partial-order reduction with source sets and sleep sets,
//! after Abdulla, Aronis, Jonsson and Sagonas.
//!
//! Each run shows which of its moves raced, and for each race another run is begun that makes the
//! second before the first. What a move touches is known when it is made, so nothing is assumed of
//! a program beforehand.
//!
//! There are two things in a loop that depend on more than that. When an iteration begins, timers
//! that are due at once join the queue, and whoever stops the loop lets the iteration finish: where
//! it begins depends on how many moves came before, in whatever order. And a task that is queued
//! behind a callback has to wait for it. In an epoch, from one passing of time to the next, in
//! which that is found to matter, all moves are said to have to do with each other, and the search
//! begins again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::causes::Causes;
use super::doubt::Doubt;
use super::tree::{Tree, Walk, lock};
use super::{Exhaustion, Search, Tally, nondeterminism};
use crate::explore::stopwatch::Stopwatch;
use crate::sim::Run;
use crate::strategy::Strategy;

/// What one search has come to.
enum Ended {
    With(Exhaustion),
    /// In these epochs, all moves have to do with each other.
    Dense(BTreeSet<u32>),
}

/// Runs one interleaving of each trace, or says why that cannot be done.
pub(super) fn search(search: &Search<'_>, watch: &Stopwatch) -> Result<Exhaustion, String> {
    let mut dense = BTreeSet::new();
    loop {
        match search_with(search, watch, &dense)? {
            Ended::With(all) => return Ok(all),
            Ended::Dense(epochs) => dense.extend(epochs),
        }
    }
}

fn search_with(
    search: &Search<'_>,
    watch: &Stopwatch,
    dense: &BTreeSet<u32>,
) -> Result<Ended, String> {
    let tree = Arc::new(Mutex::new(Tree::new(dense.clone())));
    let shared = tree.clone();
    let strategy = Strategy::custom("exhaustive", move |_| {
        let tree = shared.clone();
        Box::new(Walk { tree })
    });
    let sim = search.sim.clone().strategy(strategy).write_plan(true);
    let sim = sim.keep_moves(true);
    let mut tally = Tally::default();
    tally.all.is_reduced = true;
    tally.all.dense = dense.len();
    let mut doubt = Doubt::new(search);
    while tally.all.runs + tally.all.redundant < search.max_runs && !watch.is_over() {
        lock(&tree).begin_run();
        let run = (search.program)(&sim);
        if let Some(what) = run.shown.beyond {
            return Err(format!("the program uses {what}"));
        }
        let mut tree = lock(&tree);
        look_at(&mut tree, &run);
        if !tree.counted.is_empty() {
            return Ok(Ended::Dense(std::mem::take(&mut tree.counted)));
        }
        match (tree.is_left, tree.is_redundant) {
            (true, _) => {
                tally.add(&run, Some(&nondeterminism(&run)));
                break;
            }
            (false, true) => tally.all.redundant += 1,
            (false, false) => {
                tally.add(&run, run.failure());
                doubt.check(&run, &tree.dense)?;
            }
        }
        if !tree.move_on() {
            tally.all.is_complete = true;
            break;
        }
    }
    Ok(Ended::With(tally.conclude()))
}

/// Learns from a run what is left to be run.
fn look_at(tree: &mut Tree, run: &Run<()>) {
    let shown = &run.shown;
    tree.follow(&shown.moves);
    let counted = shown
        .counted
        .iter()
        .filter(|epoch| !tree.dense.contains(epoch));
    let counted: Vec<u32> = counted.copied().collect();
    if !tree.is_redundant {
        tree.counted.extend(counted);
    }
    if !tree.is_left {
        let moves = &shown.moves[..tree.len()];
        tree.reverse_races(&Causes::of(moves), moves);
    }
}
