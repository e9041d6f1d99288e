//! Timed starvation: from some step of its own on, one task is not let go for a while of virtual
//! time, even if nobody else is ready: time moves on, and whoever has set it a deadline finds it
//! late.
//!
//! No other strategy makes a timeout fire against a task that is merely slow, for elsewhere time
//! stands still as long as anything can be done.

use std::sync::Arc;

use crate::chance::Stream;
use crate::event_loop::{Choose, EntityId, Profile, Touch, Turn};

/// The shortest window, in nanoseconds: a millisecond.
const SHORTEST: u64 = 1_000_000;

/// The longest is so many times twice as long: two minutes, longer than most timeouts.
const DOUBLINGS: u64 = 17;

/// Without a profile, the victim's step is one of this many.
const STEPS: u64 = 16;

/// For how many choices a victim is held while others go and time stands still: they may be polling
/// for what it is to do.
const PATIENCE: u32 = 1_000;

pub(super) struct Starve {
    profile: Option<Arc<Profile>>,
    window: Option<Window>,
    /// How many tasks there were; without a profile, one of them becomes the victim.
    seen: Vec<EntityId>,
}

/// Who is starved, and when.
struct Window {
    victim: Option<EntityId>,
    /// How many steps the victim makes before it begins.
    steps: u64,
    length: u64,
    ends: Option<u64>,
    /// How often the victim was held since time moved, and when that was.
    held: (u32, u64),
    /// The others are chosen at random, not in their order.
    is_random: bool,
}

impl Starve {
    pub(super) fn new(profile: Option<Arc<Profile>>) -> Self {
        Self {
            profile,
            window: None,
            seen: Vec::new(),
        }
    }
}

impl Window {
    fn draw(profile: Option<&Profile>, stream: &mut Stream) -> Self {
        let tasks = profile.map_or(0, |profile| profile.by_name().count()) as u64;
        let drawn = (tasks > 0).then(|| stream.below(tasks));
        let victim = profile.zip(drawn).and_then(|(profile, drawn)| {
            let mut tasks = profile.by_name();
            tasks.nth(drawn as usize)
        });
        let steps = victim.map_or(STEPS, |(_, profile)| profile.len() as u64);
        let shortest = SHORTEST << stream.below(DOUBLINGS);
        Self {
            victim: victim.map(|(task, _)| task),
            steps: stream.below(steps.max(1)),
            length: shortest + stream.below(shortest),
            ends: None,
            held: (0, 0),
            is_random: stream.chance(0.5),
        }
    }

    /// Takes note of whether the victim was held, and ends the window if that leads nowhere.
    fn take_note(&mut self, held: bool, now: u64) {
        if self.held.1 != now {
            self.held = (0, now);
        }
        self.held.0 += u32::from(held);
        if self.held.0 > PATIENCE {
            self.ends = Some(now);
        }
    }

    /// Says whether a task is held now.
    fn holds(&mut self, task: EntityId, now: u64) -> bool {
        if Some(task) != self.victim || self.steps > 0 {
            return false;
        }
        now < *self.ends.get_or_insert(now.saturating_add(self.length))
    }
}

impl Starve {
    /// Returns the window, which is drawn when it is first asked for.
    fn window(&mut self, turn: &mut Turn<'_>) -> &mut Window {
        let profile = self.profile.as_deref();
        let window = self
            .window
            .get_or_insert_with(|| Window::draw(profile, turn.stream()));
        if self.profile.is_none() && window.ends.is_none() {
            // Every task that there has been is the victim with the same probability.
            let steps = turn.iter().filter(|candidate| candidate.is_step());
            let tasks = steps.map(|candidate| candidate.entity());
            let new = tasks.filter(|task| !self.seen.contains(task));
            for task in new.collect::<Vec<_>>() {
                self.seen.push(task);
                if turn.stream().below(self.seen.len() as u64) == 0 {
                    window.victim = Some(task);
                }
            }
        }
        window
    }
}

impl Choose for Starve {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let now = turn.now();
        let window = self.window(turn);
        let mut free = Vec::new();
        for (index, candidate) in turn.iter().enumerate() {
            if !candidate.is_step() || !window.holds(candidate.task(), now) {
                free.push(index);
            }
        }
        let held = free.len() < turn.candidates();
        window.take_note(held, now);
        match free.len() as u64 {
            0 => 0,
            count if window.is_random => free[turn.stream().below(count) as usize],
            _ => free[0],
        }
    }

    fn may_wait(&self) -> bool {
        true
    }

    fn waits(&mut self, turn: &mut Turn<'_>) -> bool {
        let now = turn.now();
        let window = self.window(turn);
        let mut all = turn.iter();
        let held = all.all(|candidate| candidate.is_step() && window.holds(candidate.task(), now));
        held && turn.deadline() <= window.ends
    }

    fn wants_footprints(&self) -> bool {
        true
    }

    fn observe(&mut self, entity: EntityId, _: &[Touch]) {
        if let Some(window) = self.window.as_mut()
            && window.victim == Some(entity)
        {
            window.steps = window.steps.saturating_sub(1);
        }
    }
}
