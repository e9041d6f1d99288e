//! Probabilistic concurrency testing: random priorities that change at a few random moments.
//!
//! Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010. A bug of depth d, one that needs d
//! constraints on the order of steps, is found with probability 1/(n·k^(d-1)) at least, among n
//! tasks and k choices.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::random::{any, patience};
use crate::chance::Stream;
use crate::event_loop::{Choose, Profile, Turn};

/// The depths among which one is drawn for a run: few bugs need more.
const MAX_DEPTH: u64 = 5;

/// Without a profile, the length of a run is guessed to have up to this many binary digits.
const MAX_DIGITS: u64 = 12;

/// Priorities above this one were drawn, those below it were given at a change.
const DRAWN: u64 = 1 << 63;

pub(super) struct Pct {
    depth: Option<u32>,
    choices: Option<u64>,
    plan: Option<Changes>,
    /// How many choices were made.
    count: u64,
    priorities: BTreeMap<u64, u64>,
}

/// When the first becomes the last.
struct Changes {
    at: Vec<u64>,
    until: u64,
}

impl Pct {
    pub(super) fn new(depth: Option<u32>, profile: Option<&Arc<Profile>>) -> Self {
        Self {
            depth,
            choices: profile.map(|profile| profile.choices().max(1)),
            plan: None,
            count: 0,
            priorities: BTreeMap::new(),
        }
    }

    /// Finds the candidate of the highest priority, and the task that it belongs to. Whoever is new
    /// is given one.
    fn highest(&mut self, turn: &mut Turn<'_>) -> (usize, u64) {
        let (mut first, mut highest, mut whose) = (0, 0, 0);
        let mut unknown = Vec::new();
        for (index, candidate) in turn.iter().enumerate() {
            let task = candidate.task().get();
            match self.priorities.get(&task) {
                Some(priority) if *priority >= highest => {
                    (first, highest, whose) = (index, *priority, task);
                }
                Some(_) => {}
                None => unknown.push((index, task)),
            }
        }
        for (index, task) in unknown {
            let priority = *self
                .priorities
                .entry(task)
                .or_insert_with(|| turn.stream().word() | DRAWN);
            if priority >= highest {
                (first, highest, whose) = (index, priority, task);
            }
        }
        (first, whose)
    }

    /// Finds it, after a change if this is the moment for one.
    fn first(&mut self, turn: &mut Turn<'_>) -> usize {
        let (first, whose) = self.highest(turn);
        if let Some(changes) = &self.plan
            && let Ok(nth) = changes.at.binary_search(&self.count)
        {
            let lowest = (changes.at.len() - nth) as u64;
            self.priorities.insert(whose, lowest);
            return self.highest(turn).0;
        }
        first
    }
}

impl Changes {
    fn draw(depth: Option<u32>, choices: Option<u64>, stream: &mut Stream) -> Self {
        let depth = depth.map_or_else(|| 1 + stream.below(MAX_DEPTH), u64::from);
        let choices = choices.unwrap_or_else(|| {
            let most = 2 << stream.below(MAX_DIGITS);
            1 + stream.below(most)
        });
        let mut at: Vec<u64> = (1..depth).map(|_| 1 + stream.below(choices)).collect();
        at.sort_unstable();
        at.dedup();
        let until = patience(choices);
        Self { at, until }
    }
}

impl Choose for Pct {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        self.count += 1;
        let (depth, choices) = (self.depth, self.choices);
        let plan = self
            .plan
            .get_or_insert_with(|| Changes::draw(depth, choices, turn.stream()));
        if self.count > plan.until {
            return any(turn);
        }
        self.first(turn)
    }

    fn keeps_order(&self) -> bool {
        false
    }
}
