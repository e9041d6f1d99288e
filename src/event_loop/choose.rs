//! The strategy's side of the loop: who could go next, and who shall.

use slab::Slab;

use super::core::{LastStep, State};
use super::ready::{Entry, Kind, Ready};
use super::resources::Touch;
use super::table::{Slot, Waiter};
use super::timers::{Target, Timer};
use crate::chance::{Chance, Choice, Domain, Site, SiteKey, Stream, mix};

/// Decides who goes next, whenever more than one may.
///
/// The candidates are the oldest queued callback and everything else that is ready and was not
/// queued after it, so a strategy can swap or delay the steps of tasks but cannot make them
/// overtake a callback. A strategy is part of the loop: it must not use the run it chooses for.
pub trait Choose {
    /// Returns the index of the candidate that goes next. Called only if there are two or more.
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize;

    /// Says whether the candidates must be kept in the order in which they were queued. Without
    /// it, taking one takes constant time, but their order means nothing.
    fn keeps_order(&self) -> bool {
        true
    }

    /// Says whether [`observe`](Self::observe) is to be told what each step touched.
    fn wants_footprints(&self) -> bool {
        false
    }

    /// Is told what the step of `entity` has touched.
    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        let _ = (entity, touches);
    }
}

/// Names something that can go next: the same number in every run of a program, whatever the
/// schedule, for tasks and their timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityId(u64);

impl EntityId {
    pub(crate) fn task(path: u64) -> Self {
        Self(path)
    }

    fn timer(path: u64) -> Self {
        Self(mix(path, 0x7133))
    }

    fn callback(path: u64) -> Self {
        Self(mix(path, 0xCA11))
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// One decision about who goes next.
pub struct Turn<'a> {
    ready: &'a Ready,
    slots: &'a Slab<Slot>,
    waiters: &'a Slab<Waiter>,
    callbacks: &'a Slab<super::callbacks::Callback>,
    alarms: &'a super::alarms::Alarms,
    paths: &'a super::paths::Paths,
    chance: &'a mut Chance,
    site: &'a LastStep,
}

impl Turn<'_> {
    /// Returns how many candidates there are: at least two.
    pub fn candidates(&self) -> usize {
        self.ready.candidates()
    }

    /// Returns the candidate at `index`.
    pub fn entity(&self, index: usize) -> EntityId {
        match self.ready.candidate(index).kind() {
            Kind::Task(slot) => EntityId::task(self.slots[slot as usize].path_hash),
            Kind::Timer(timer) => EntityId::timer(self.paths.hash(self.owner(timer))),
            Kind::Callback(slot) => EntityId::callback(self.callbacks[slot as usize].path_hash),
        }
    }

    /// Returns the stream from which this decision is drawn.
    pub fn stream(&mut self) -> &mut Stream {
        self.chance.stream(Domain::Schedule)
    }

    /// Returns the candidate that the followed plan names here, if it names one that is there.
    pub(crate) fn planned(&mut self) -> Option<usize> {
        let site = SiteKey::schedule(self.site.hash, self.site.step, self.site.since);
        let choice = self.chance.planned(site)?;
        let mut entries = self.ready.in_order();
        let index = entries.position(|entry| self.choice(entry) == *choice)?;
        drop(entries);
        self.chance.meet(site);
        Some(index)
    }

    /// Writes down that the candidate at `index` goes next, if that is not the default.
    #[cold]
    fn note(&mut self, index: usize) {
        let chosen = self.ready.candidate(index);
        if self.ready.in_order().next() != Some(chosen) {
            let choice = self.choice(chosen);
            let site = self.site.site();
            self.chance.note(|| (site, choice));
        }
    }

    /// Names a candidate for a plan.
    fn choice(&self, entry: Entry) -> Choice {
        match entry.kind() {
            Kind::Task(slot) => Choice::Task(self.paths.path(self.slots[slot as usize].path)),
            Kind::Callback(_) => Choice::Callback,
            Kind::Timer(timer) => {
                let owner = self.owner(timer);
                let older = self.ready.in_order().take_while(|other| *other != entry);
                let nth = older.filter(|other| match other.kind() {
                    Kind::Timer(timer) => self.owner(timer) == owner,
                    Kind::Task(_) | Kind::Callback(_) => false,
                });
                Choice::Timer {
                    owner: self.paths.path(owner),
                    nth: nth.count() as u32,
                }
            }
        }
    }

    /// The path node of whoever set a timer.
    fn owner(&self, timer: Timer) -> u32 {
        match timer.target() {
            Target::Waiter(slot, generation) => {
                let task = sleeper(self.slots, self.waiters, slot, generation);
                task.map_or(super::paths::ROOT, |task| task.path)
            }
            Target::Callback(slot, generation) => {
                let callback = self.callbacks.get(slot as usize);
                let callback = callback.filter(|callback| callback.generation == generation);
                callback.map_or(super::paths::ROOT, |callback| callback.path)
            }
            Target::Alarm(token, generation) => {
                let path = self.alarms.path(token, generation);
                path.unwrap_or(super::paths::ROOT)
            }
        }
    }
}

/// Returns the task that a waiter wakes, if the waiter is still there and its waker is ours.
pub(super) fn sleeper<'a>(
    slots: &'a Slab<Slot>,
    waiters: &Slab<Waiter>,
    waiter: u32,
    generation: u32,
) -> Option<&'a Slot> {
    let waiter = waiters.get(waiter as usize);
    let waiter = waiter.filter(|waiter| waiter.generation == generation)?;
    let word = super::waker::word(waiter.waker.as_ref()?)?;
    slots.get(word.slot() as usize)
}

impl LastStep {
    fn site(&self) -> Site {
        let after = self.path.clone().unwrap_or_default();
        Site::Schedule {
            after,
            step: self.step,
            since: self.since,
        }
    }
}

impl State {
    /// Takes the next entry from the ready queue.
    #[inline]
    pub(crate) fn pick(&mut self) -> Option<Entry> {
        if self.ready.is_lane_busy() {
            return self.pick_beside_threads();
        }
        match &self.chooser {
            None => self.ready.take_oldest(),
            Some(_) if self.ready.candidates() < 2 => self.ready.take_oldest(),
            Some(_) => self.choose(),
        }
    }

    #[inline(always)]
    pub(super) fn choose(&mut self) -> Option<Entry> {
        let chooser = self.chooser.as_mut()?;
        let mut turn = Turn {
            ready: &self.ready,
            slots: &self.slots,
            waiters: &self.waiters,
            callbacks: &self.callbacks,
            alarms: &self.alarms,
            paths: &self.paths,
            chance: &mut self.chance,
            site: &self.site,
        };
        let index = chooser.choose(&mut turn);
        assert!(
            index < turn.candidates(),
            "the strategy chose a candidate that is not there"
        );
        if turn.chance.is_writing() {
            turn.note(index);
        }
        if self.keeps_order {
            self.ready.take(index)
        } else {
            self.ready.swap_take(index)
        }
    }
}
