//! A trace run again, with its independent moves in other orders, which must make no difference.
//!
//! If it does, tasks share something that no move tells of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::Search;
use super::causes::{Bits, Causes};
use crate::chance::{Domain, Stream};
use crate::event_loop::Move;
use crate::sim::Run;
use crate::strategy::{Choose, Strategy, Turn};

/// In how many other orders a trace is run, and how many of the first traces in more, which costs
/// little where there are few.
const ORDERS: u64 = 2;
const FIRST: u64 = 32;
const ORDERS_OF_FIRST: u64 = 12;

/// Runs traces again.
pub(super) struct Doubt<'a> {
    search: &'a Search<'a>,
    checked: u64,
}

impl<'a> Doubt<'a> {
    pub(super) fn new(search: &'a Search<'a>) -> Self {
        Self { search, checked: 0 }
    }

    /// Runs a trace in other orders, and says where that has made a difference.
    pub(super) fn check(&mut self, run: &Run<()>, dense: &BTreeSet<u32>) -> Result<(), String> {
        self.checked += 1;
        let orders = match self.checked {
            ..=FIRST => ORDERS_OF_FIRST,
            _ => ORDERS,
        };
        for order in 0..orders {
            let again = Arc::new(Mutex::new(Again::new(run, dense, order)));
            let other = self.run(&again);
            let again = again.lock().unwrap_or_else(PoisonError::into_inner);
            if !again.is_stuck && differ(run, &other) {
                return Err(describe(run, &other));
            }
            if !again.has_choice {
                break;
            }
        }
        Ok(())
    }

    fn run(&self, again: &Arc<Mutex<Again>>) -> Run<()> {
        let again = again.clone();
        let strategy = Strategy::custom("again", move |_| {
            let again = again.clone();
            Box::new(Repeat { again, seen: 0 })
        });
        let sim = self.search.sim.clone().strategy(strategy);
        (self.search.program)(&sim.keep_moves(true))
    }
}

fn differ(one: &Run<()>, other: &Run<()>) -> bool {
    let key = |run: &Run<()>| run.failure().map(crate::assure::Failure::key);
    one.trace_hash() != other.trace_hash() || key(one) != key(other)
}

/// Says where two runs differ that should be the same.
fn describe(one: &Run<()>, other: &Run<()>) -> String {
    let mut made: BTreeMap<u64, VecDeque<&Move>> = BTreeMap::new();
    for before in &one.shown.moves {
        made.entry(before.actor).or_default().push_back(before);
    }
    let mut steps: BTreeMap<u64, u32> = BTreeMap::new();
    let differs = |now: &&Move| {
        *steps.entry(now.actor).or_default() += 1;
        let before = made.get_mut(&now.actor).and_then(VecDeque::pop_front);
        before.is_none_or(|before| before.touches != now.touches)
    };
    let found = other.shown.moves.iter().find(differs);
    let place = match found {
        Some(now) => {
            let name = other.shown.names.get(&now.actor);
            let name = name.map_or("a task", String::as_str);
            format!(
                "{name} touches other things in its step {}",
                steps[&now.actor]
            )
        }
        None => "the run ends otherwise".to_owned(),
    };
    format!(
        "tasks share something that is not tracked; where independent steps are made in another \
         order, {place}"
    )
}

/// The trace that is run again, and how far that has come.
struct Again {
    /// The moves of each actor that are still to be made.
    left: BTreeMap<u64, VecDeque<usize>>,
    /// What must come before each.
    before: Vec<Bits>,
    made: Bits,
    /// The moves that are to keep their order.
    kept: Bits,
    rule: Rule,
    /// There was more than one who could go.
    has_choice: bool,
    /// Nobody could go who should have been able to.
    is_stuck: bool,
}

/// Who goes first, of those who may.
enum Rule {
    /// Whoever went last.
    Last,
    /// Whoever has just gone, and else whoever went last.
    Same(u64),
    Any(Box<Stream>),
}

impl Again {
    fn new(run: &Run<()>, dense: &BTreeSet<u32>, order: u64) -> Self {
        let moves = &run.shown.moves;
        let mut left: BTreeMap<u64, VecDeque<usize>> = BTreeMap::new();
        let mut kept = Bits::default();
        for (index, made) in moves.iter().enumerate() {
            left.entry(made.actor).or_default().push_back(index);
            if dense.contains(&made.epoch) {
                kept.add(index);
            }
        }
        let rule = match order {
            0 => Rule::Last,
            1 => Rule::Same(0),
            _ => Rule::Any(Box::new(Stream::new(order, Domain::Schedule))),
        };
        Self {
            left,
            before: Causes::of(moves).into_before(),
            made: Bits::default(),
            kept,
            rule,
            has_choice: false,
            is_stuck: false,
        }
    }

    fn follow(&mut self, made: &Move) {
        let index = self.left.get_mut(&made.actor).and_then(VecDeque::pop_front);
        if let Some(index) = index {
            // There may have been no choice but to go against what is only a habit.
            self.is_stuck |= !self.made.has_all(&self.before[index]);
            self.made.add(index);
        }
        if let Rule::Same(actor) = &mut self.rule {
            *actor = made.actor;
        }
    }

    fn choose(&mut self, actors: impl Iterator<Item = u64>) -> usize {
        let known = actors.enumerate().filter_map(|(place, actor)| {
            let index = *self.left.get(&actor)?.front()?;
            let free = self.made.has_all(&self.before[index]);
            free.then_some((index, place, actor))
        });
        let mut free: Vec<(usize, usize, u64)> = known.collect();
        free.sort_unstable();
        let (Some(first), Some(last)) = (free.first(), free.last()) else {
            self.is_stuck = true;
            return 0;
        };
        if self.kept.has(first.0) {
            return first.1;
        }
        self.has_choice |= free.len() > 1;
        let same = |actor: u64| free.iter().find(|free| free.2 == actor);
        match &mut self.rule {
            Rule::Last => last.1,
            Rule::Same(actor) => same(*actor).unwrap_or(last).1,
            Rule::Any(stream) => free[stream.below(free.len() as u64) as usize].1,
        }
    }
}

/// A chooser that runs a trace again.
struct Repeat {
    again: Arc<Mutex<Again>>,
    seen: usize,
}

impl Choose for Repeat {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(moves) = turn.moves() else { return 0 };
        for made in &moves.made()[self.seen..] {
            again.follow(made);
        }
        self.seen = moves.made().len();
        again.choose(turn.actors().map(|(actor, _)| actor))
    }
}
