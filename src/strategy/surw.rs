//! Selectively uniform random walk: the interleavings of the steps that touch one resource, which
//! is drawn anew for each run, are about equally likely.
//!
//! Zhao, Wolff, Mathur and Roychoudhury, ASPLOS 2025. The order of what touches the resource is
//! drawn step by step: whoever is *intended* to touch it next, in proportion to how often each task
//! still will. Others that come to such a step are held. When the rest is done, how hastily the
//! intended one proceeds to its turn, is drawn for each run too: at once, so that everything else
//! is late; as one of all; or last, so that everything else has been done.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::forecast::Forecast;
use super::pos::Pos;
use super::random::{any, patience};
use super::weights::Weights;
use crate::chance::Stream;
use crate::event_loop::{Access, Candidate, Choose, EntityId, Profile, Touch, Turn};

pub(super) enum Surw {
    /// Nothing is known of the program, or nothing is shared in it.
    Blind(Pos),
    /// Nothing was drawn yet; so far there was nothing to choose.
    Unstarted(Unstarted),
    Started(Walk),
}

/// What is known when the walk begins.
pub(super) struct Unstarted {
    profile: Arc<Profile>,
    shared: Vec<u64>,
    forecast: Forecast,
}

/// The walk of one run.
pub(super) struct Walk {
    resource: u64,
    forecast: Forecast,
    weights: Weights,
    haste: Haste,
    intended: Option<EntityId>,
    priorities: BTreeMap<u64, u64>,
    candidates: Vec<Candidate>,
    /// How many choices are left before anyone is taken.
    patience: u64,
}

/// When the intended task is let go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    AtOnce,
    AsAny,
    Last,
}

impl Surw {
    pub(super) fn new(profile: Option<Arc<Profile>>) -> Self {
        let shared = profile.as_ref().map(|all| shared(all)).unwrap_or_default();
        match profile {
            Some(profile) if !shared.is_empty() => Self::Unstarted(Unstarted {
                forecast: Forecast::new(Some(profile.clone())),
                profile,
                shared,
            }),
            profile => Self::Blind(Pos::new(profile)),
        }
    }
}

/// Returns the resources that several tasks touch and one of them writes.
fn shared(profile: &Profile) -> Vec<u64> {
    let mut users: BTreeMap<u64, (EntityId, bool, bool)> = BTreeMap::new();
    for (task, profile) in profile.by_name() {
        for touch in (0..profile.len()).flat_map(|step| profile.footprint(step)) {
            let (first, several, written) =
                users.entry(touch.resource).or_insert((task, false, false));
            *several |= *first != task;
            *written |= touch.access == Access::Write;
        }
    }
    let shared = users
        .iter()
        .filter(|(_, (_, several, written))| *several && *written);
    shared.map(|(resource, _)| *resource).collect()
}

impl Walk {
    fn new(start: &mut Unstarted, stream: &mut Stream) -> Self {
        let drawn = stream.below(start.shared.len() as u64);
        let resource = start.shared[drawn as usize];
        let weights = Weights::new(&start.profile, |touches| is_among(resource, touches));
        let haste = match stream.below(3) {
            0 => Haste::AtOnce,
            1 => Haste::AsAny,
            _ => Haste::Last,
        };
        Self {
            resource,
            forecast: std::mem::take(&mut start.forecast),
            weights,
            haste,
            intended: None,
            priorities: BTreeMap::new(),
            candidates: Vec::new(),
            patience: patience(start.profile.choices()),
        }
    }

    fn touches_it(&self, candidate: &Candidate) -> bool {
        candidate.is_step() && is_among(self.resource, self.forecast.next(candidate.task()))
    }

    fn left(&self, task: EntityId) -> u64 {
        self.weights.left(task, self.forecast.position(task))
    }

    /// Takes note of tasks that are new. If their parent was intended for the sake of all that it
    /// would spawn, the intention passes to each in proportion.
    fn welcome(&mut self, stream: &mut Stream) {
        for candidate in &self.candidates {
            let position = |parent| self.forecast.position(parent);
            let Some(born) = self.weights.bear(candidate.task(), position) else {
                continue;
            };
            if self.intended == Some(born.parent)
                && born.before > 0
                && stream.below(born.before) < born.own
            {
                self.intended = Some(candidate.task());
            }
        }
    }

    /// Draws who shall touch the resource next, of these tasks.
    fn draw(&self, tasks: &[EntityId], stream: &mut Stream) -> Option<EntityId> {
        let left = tasks.iter().map(|task| self.left(*task));
        let all = left.clone().sum();
        if all == 0 {
            return None;
        }
        let mut drawn = stream.below(all);
        let mut both = tasks.iter().zip(left);
        let chosen = both.find(|(_, left)| match drawn.checked_sub(*left) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        chosen.map(|(task, _)| *task)
    }

    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        if self.patience == 0 {
            return any(turn);
        }
        self.patience -= 1;
        self.candidates.clear();
        self.candidates.extend(turn.iter());
        self.welcome(turn.stream());
        if self.intended.is_none() {
            let born: Vec<EntityId> = self.weights.born().collect();
            self.intended = self.draw(&born, turn.stream());
        }
        let chosen = self.free(turn.stream()).unwrap_or_else(|| {
            // All are held, and the intended one waits for one of them.
            let tasks: Vec<EntityId> = self.candidates.iter().map(Candidate::task).collect();
            self.intended = self.draw(&tasks, turn.stream());
            let intended = |task| Some(task) == self.intended;
            let chosen = tasks.iter().position(|task| intended(*task));
            chosen.unwrap_or_else(|| turn.stream().below(tasks.len() as u64) as usize)
        });
        self.priorities.remove(&self.candidates[chosen].moment());
        chosen
    }

    /// Finds the candidate of the highest priority that is not held.
    fn free(&mut self, stream: &mut Stream) -> Option<usize> {
        let mut first: Option<(usize, (u8, u64))> = None;
        for (index, candidate) in self.candidates.iter().enumerate() {
            let is_intended = Some(candidate.task()) == self.intended;
            let touches_it = self.touches_it(candidate);
            if touches_it && !is_intended {
                continue;
            }
            let drawn = self.priorities.entry(candidate.moment());
            let drawn = *drawn.or_insert_with(|| stream.word());
            let class = match self.haste {
                Haste::AtOnce => u8::from(is_intended),
                Haste::AsAny => 0,
                Haste::Last => u8::from(!touches_it),
            };
            let priority = (class, drawn);
            if first.is_none_or(|(_, highest)| priority >= highest) {
                first = Some((index, priority));
            }
        }
        first.map(|(index, _)| index)
    }

    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        self.forecast.observe(entity, touches);
        self.priorities.remove(&entity.get());
        let touched = is_among(self.resource, touches);
        if self.intended == Some(entity) && (touched || self.left(entity) == 0) {
            self.intended = None;
        }
    }
}

fn is_among(resource: u64, touches: &[Touch]) -> bool {
    touches.iter().any(|touch| touch.resource == resource)
}

impl Choose for Surw {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        if let Self::Unstarted(start) = self {
            *self = Self::Started(Walk::new(start, turn.stream()));
        }
        match self {
            Self::Blind(pos) => pos.choose(turn),
            Self::Unstarted(..) => unreachable!("it has started"),
            Self::Started(walk) => walk.choose(turn),
        }
    }

    fn keeps_order(&self) -> bool {
        false
    }

    fn wants_footprints(&self) -> bool {
        true
    }

    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        match self {
            Self::Blind(pos) => pos.observe(entity, touches),
            Self::Unstarted(start) => start.forecast.observe(entity, touches),
            Self::Started(walk) => walk.observe(entity, touches),
        }
    }
}
