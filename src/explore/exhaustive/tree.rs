//! The tree of decisions, of which one path is kept: that of the run that is made.
//!
//! At each decision it is known who was tried already, who is yet to be tried, and who is *asleep*:
//! whoever was tried at an earlier decision, and has had nothing to do with any move since. What
//! would come of them now has been seen already, so they are not taken. A run in which nobody else
//! is left is of a trace that was run before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::causes::{Causes, Race};
use crate::event_loop::Move;
use crate::strategy::{Choose, Turn};

/// One move of the path, and what else could have been done there.
#[derive(Debug)]
struct Node {
    candidates: Vec<u64>,
    chosen: u64,
    /// What became of the choice.
    made: Option<Arc<Move>>,
    asleep: Vec<Arc<Move>>,
    tried: Vec<Arc<Move>>,
    todo: Vec<u64>,
}

impl Node {
    fn new(candidates: Vec<u64>, chosen: u64, asleep: Vec<Arc<Move>>) -> Self {
        Self {
            candidates,
            chosen,
            made: None,
            asleep,
            tried: Vec::new(),
            todo: Vec::new(),
        }
    }

    fn is_known(&self, actor: u64) -> bool {
        let mut known = self.asleep.iter().chain(&self.tried);
        self.chosen == actor
            || self.todo.contains(&actor)
            || known.any(|known| known.actor == actor)
    }
}

/// The path of the run that is made, and all that is left to be done beside it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// How many of them were there when the run began.
    given: usize,
    /// How many moves of the run were looked at, and who is asleep after them.
    seen: usize,
    asleep: Vec<Arc<Move>>,
    /// The epochs in which all moves have to do with each other.
    pub(super) dense: BTreeSet<u32>,
    /// Epochs that turned out to be such.
    pub(super) counted: BTreeSet<u32>,
    /// The run is of a trace that was run before.
    pub(super) is_redundant: bool,
    /// The run has not made the moves that it had made before.
    pub(super) is_left: bool,
}

impl Tree {
    pub(super) fn new(dense: BTreeSet<u32>) -> Self {
        Self {
            dense,
            ..Self::default()
        }
    }

    pub(super) fn begin_run(&mut self) {
        self.given = self.nodes.len();
        self.seen = 0;
        self.asleep.clear();
        self.is_redundant = false;
    }

    /// Looks at the moves that were made since it did so last.
    pub(super) fn follow(&mut self, moves: &[Move]) {
        while self.seen < moves.len() && !self.is_redundant && !self.is_left {
            self.follow_move(&moves[self.seen], &moves[..self.seen]);
        }
    }

    fn follow_move(&mut self, made: &Move, earlier: &[Move]) {
        if self.seen == self.nodes.len() {
            if self.is_asleep(made.actor) {
                let mut behind = earlier.iter().flat_map(|earlier| &earlier.behind);
                if behind.any(|(_, callback)| *callback == made.actor) {
                    self.counted.insert(made.epoch);
                }
                self.is_redundant = true;
                return;
            }
            let asleep = self.asleep.clone();
            self.nodes
                .push(Node::new(vec![made.actor], made.actor, asleep));
        }
        let node = &mut self.nodes[self.seen];
        let differs = node.made.as_ref().is_some_and(|before| **before != *made);
        if node.chosen != made.actor || differs {
            self.is_left = true;
            return;
        }
        let made = Arc::new(made.clone());
        let sleepers = node.asleep.iter().chain(&node.tried);
        let sleepers = sleepers.filter(|other| !other.depends_on(&made)).cloned();
        self.asleep = match self.dense.contains(&made.epoch) {
            true => Vec::new(),
            false => sleepers.collect(),
        };
        node.made = Some(made);
        self.seen += 1;
    }

    fn is_asleep(&self, actor: u64) -> bool {
        self.asleep.iter().any(|sleeper| sleeper.actor == actor)
    }

    /// Chooses who goes next: callbacks at once, so that nobody has to wait for them, and else the
    /// first who is awake.
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let Some(moves) = turn.moves() else { return 0 };
        self.follow(moves.made());
        let (epoch, done) = (moves.epoch(), moves.made().len());
        if self.is_left || self.is_redundant {
            turn.give_up();
            return 0;
        }
        debug_assert_eq!(self.seen, done, "every move was looked at");
        let actors: Vec<(u64, bool)> = turn.actors().collect();
        if let Some(node) = self.nodes.get(self.seen) {
            let place = actors.iter().position(|(actor, _)| *actor == node.chosen);
            self.is_left = place.is_none();
            return place.unwrap_or(0);
        }
        let awake = |place: &usize| !self.is_asleep(actors[*place].0);
        let callback = (0..actors.len()).find(|place| actors[*place].1 && awake(place));
        let Some(place) = callback.or_else(|| (0..actors.len()).find(awake)) else {
            if turn.holds_back() {
                // Someone is awake who waits for a callback that is not.
                self.counted.insert(epoch);
            }
            self.is_redundant = true;
            turn.give_up();
            return 0;
        };
        let candidates: Vec<u64> = actors.iter().map(|(actor, _)| *actor).collect();
        let chosen = candidates[place];
        let mut node = Node::new(candidates, chosen, self.asleep.clone());
        if self.dense.contains(&epoch) {
            let others = node.candidates.iter().filter(|actor| **actor != chosen);
            node.todo = others.copied().collect();
        }
        self.nodes.push(node);
        place
    }

    /// Has the races of the run, as far as they are new, run the other way round as well.
    pub(super) fn reverse_races(&mut self, causes: &Causes<'_>, moves: &[Move]) {
        // The last of the nodes that were given has been chosen anew.
        let fresh = self.given.saturating_sub(1);
        let overtaken = self.overtaken(causes, moves, fresh);
        let could = |at: usize, actor| self.nodes[at].candidates.contains(&actor);
        let races = causes.races(fresh, could);
        for race in races.into_iter().chain(overtaken) {
            if !self.dense.contains(&moves[race.first].epoch) {
                self.reverse(causes, moves, race);
            }
        }
    }

    /// Returns what could have come before a move that woke a sleeper, and would have had to do
    /// with what the sleeper was about to do. Once awake it may do something else, so that nothing
    /// of it is left in the run.
    fn overtaken(&self, causes: &Causes<'_>, moves: &[Move], fresh: usize) -> Vec<Race> {
        let mut races = Vec::new();
        for (first, node) in self.nodes.iter().enumerate().take(moves.len()) {
            let woken = node.asleep.iter().chain(&node.tried);
            let woken: Vec<_> = woken.filter(|one| one.depends_on(&moves[first])).collect();
            let later = first.max(fresh.saturating_sub(1)) + 1..moves.len();
            let same = later.take_while(|later| moves[*later].epoch == moves[first].epoch);
            for second in same.filter(|second| !causes.is_before(first, *second)) {
                let other = &moves[second];
                let meets = |one: &&Arc<Move>| one.actor != other.actor && one.depends_on(other);
                if woken.iter().any(meets) {
                    races.push(Race { first, second });
                }
            }
        }
        races
    }

    fn reverse(&mut self, causes: &Causes<'_>, moves: &[Move], race: Race) {
        let initials = causes.initials(race);
        let node = &mut self.nodes[race.first];
        if initials.iter().any(|actor| node.is_known(*actor)) {
            return;
        }
        match initials
            .iter()
            .find(|actor| node.candidates.contains(actor))
        {
            Some(actor) => node.todo.push(*actor),
            None => {
                self.counted.insert(moves[race.first].epoch);
            }
        }
    }

    /// Returns how many moves of the path were made.
    pub(super) fn len(&self) -> usize {
        self.seen
    }

    /// Moves on to the next path: `false` if that was the last.
    pub(super) fn move_on(&mut self) -> bool {
        while let Some(node) = self.nodes.last_mut() {
            node.tried.extend(node.made.take());
            while let Some(next) = node.todo.pop() {
                let mut over = node.asleep.iter().chain(&node.tried);
                if !over.any(|known| known.actor == next) {
                    node.chosen = next;
                    return true;
                }
            }
            self.nodes.pop();
        }
        false
    }
}

/// A chooser that follows the path, and goes on beyond its end.
pub(super) struct Walk {
    pub(super) tree: Arc<Mutex<Tree>>,
}

impl Choose for Walk {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        lock(&self.tree).choose(turn)
    }
}

pub(super) fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}
