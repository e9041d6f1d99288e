//! Every interleaving, by depth-first search over the decisions.
//!
//! A run follows the path of choices that it is given and takes the first candidate after its end.
//! The next path is the last one with its last choice that has a sibling moved on to it. Nothing is
//! left out, so the number of runs is the number of interleavings, which grows faster than
//! exponentially: three tasks of three steps have 1,680, three of six 17,153,136.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Exhaustion, Search, Tally, nondeterminism};
use crate::explore::stopwatch::Stopwatch;
use crate::strategy::{Choose, Strategy, Turn};

/// One decision on the path of a run: which candidate was taken, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Branch {
    taken: usize,
    candidates: usize,
}

/// The path of the run that is made, shared with its chooser.
#[derive(Debug, Default)]
struct Path {
    branches: Vec<Branch>,
    /// A run that followed the path has found another number of candidates on it.
    is_left: bool,
}

struct Walk {
    path: Arc<Mutex<Path>>,
    depth: usize,
}

impl Choose for Walk {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let candidates = turn.candidates();
        let mut path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        let depth = self.depth;
        self.depth += 1;
        match path.branches.get(depth) {
            Some(branch) if branch.candidates == candidates => branch.taken,
            Some(_) => {
                path.is_left = true;
                0
            }
            None => {
                let taken = 0;
                path.branches.push(Branch { taken, candidates });
                taken
            }
        }
    }
}

pub(super) fn search(search: &Search<'_>, watch: &Stopwatch) -> Exhaustion {
    let path = Arc::new(Mutex::new(Path::default()));
    let shared = path.clone();
    let strategy = Strategy::custom("exhaustive", move |_| {
        let path = shared.clone();
        Box::new(Walk { path, depth: 0 })
    });
    let sim = search.sim.clone().strategy(strategy).write_plan(true);
    let mut tally = Tally::default();
    while tally.all.runs < search.max_runs && !watch.is_over() {
        let run = (search.program)(&sim);
        let mut path = path.lock().unwrap_or_else(PoisonError::into_inner);
        let left = path.is_left.then(|| nondeterminism(&run));
        tally.add(&run, left.as_ref().or(run.failure()));
        if path.is_left {
            break;
        }
        if !move_on(&mut path.branches) {
            tally.all.is_complete = true;
            break;
        }
    }
    tally.conclude()
}

/// Moves a path on to the next: `false` if it was the last.
fn move_on(path: &mut Vec<Branch>) -> bool {
    while let Some(mut branch) = path.pop() {
        branch.taken += 1;
        if branch.taken < branch.candidates {
            path.push(branch);
            return true;
        }
    }
    false
}
