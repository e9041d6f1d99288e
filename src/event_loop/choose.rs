//! The strategy's side of the loop: who could go next, and who shall.

use slab::Slab;

use super::core::{Core, LastStep, State};
use super::moves::Moves;
use super::moving::actor;
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
///
/// ```
/// use simrun::event_loop::{Choose, Turn};
/// use simrun::sync::Tracked;
/// use simrun::{Sim, Strategy, gather, spawn};
/// use std::sync::Arc;
///
/// /// Whoever has come last goes first.
/// struct Newest;
///
/// impl Choose for Newest {
///     fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
///         turn.candidates() - 1
///     }
/// }
///
/// let sim = Sim::new().strategy(Strategy::custom("newest", |_seed| Box::new(Newest)));
/// let order = sim.run(|| async {
///     let order = Arc::new(Tracked::new(Vec::new()));
///     let tasks = (1..=3).map(|n| {
///         let order = order.clone();
///         spawn(async move { order.write(|order| order.push(n)) })
///     });
///     gather(tasks).await.unwrap();
///     order.read(Vec::clone)
/// });
/// assert_eq!(order.unwrap(), [3, 2, 1]);
/// ```
pub trait Choose {
    /// Returns the index of the candidate that goes next. Called only if there are two or more.
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize;

    /// Says whether the candidates must be kept in the order in which they were queued. Without
    /// it, taking one takes constant time, but their order means nothing.
    fn keeps_order(&self) -> bool {
        true
    }

    /// Says whether the strategy may let time pass although someone is ready. Then it is asked
    /// whether it [waits](Self::waits) before each decision, even if only one could go.
    fn may_wait(&self) -> bool {
        false
    }

    /// Says whether time is to move to the next deadline before anyone goes, as if those who are
    /// ready were slow. Asked only if there [is one](Turn::deadline).
    fn waits(&mut self, turn: &mut Turn<'_>) -> bool {
        let _ = turn;
        false
    }

    /// Says whether [`observe`](Self::observe) is to be told what each step touched.
    fn wants_footprints(&self) -> bool {
        false
    }

    /// Is told what the step of `entity` has touched, each resource once, in the order of their
    /// numbers. Callbacks that have touched nothing are not mentioned.
    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        let _ = (entity, touches);
    }
}

/// Something that may go next.
///
/// ```
/// use simrun::event_loop::{Choose, Turn};
/// use simrun::time::{millis, sleep};
/// use simrun::{Sim, Strategy, spawn};
///
/// /// Any of the steps that could be made; timers and callbacks only if there is none.
/// struct StepsFirst;
///
/// impl Choose for StepsFirst {
///     fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
///         let steps = turn.iter().enumerate().filter(|(_, candidate)| candidate.is_step());
///         let steps: Vec<usize> = steps.map(|(index, _)| index).collect();
///         match steps.len() as u64 {
///             0 => 0,
///             count => steps[turn.stream().below(count) as usize],
///         }
///     }
/// }
///
/// let sim = Sim::new().strategy(Strategy::custom("steps first", |_| Box::new(StepsFirst)));
/// let run = sim.run(|| async { spawn(sleep(millis(1))).await });
/// assert!(run.failure().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    entity: EntityId,
    task: EntityId,
    moment: u64,
}

impl Candidate {
    /// Returns who it is.
    pub fn entity(&self) -> EntityId {
        self.entity
    }

    /// Returns the task whose next step this is or leads to: the one that waits for a timer; for a
    /// callback and the timers of callbacks, themselves.
    pub fn task(&self) -> EntityId {
        self.task
    }

    /// Says whether this is the step of a task or thread.
    pub fn is_step(&self) -> bool {
        self.entity == self.task
    }

    /// Returns a number that no other candidate of the run has while this one is ready, and that a
    /// task keeps.
    pub fn moment(&self) -> u64 {
        self.moment
    }
}

/// Names something that can go next: the same number in every run of a program, whatever the
/// schedule, for tasks and their timers.
///
/// A strategy remembers tasks by it, from turn to turn and from run to run:
///
/// ```
/// use simrun::event_loop::{Choose, EntityId, Turn};
/// use simrun::{Sim, Strategy, gather, spawn, task};
///
/// /// Keeps to one task as long as that can go on.
/// #[derive(Default)]
/// struct Stubborn(Option<EntityId>);
///
/// impl Choose for Stubborn {
///     fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
///         let entities: Vec<EntityId> = turn.iter().map(|candidate| candidate.entity()).collect();
///         let same = entities.iter().position(|entity| Some(*entity) == self.0);
///         let index = same.unwrap_or(0);
///         self.0 = Some(entities[index]);
///         index
///     }
/// }
///
/// let stubborn = Strategy::custom("stubborn", |_| Box::<Stubborn>::default());
/// let run = Sim::new().strategy(stubborn).run(|| async {
///     let two = [(), ()].map(|()| spawn(async { task::yield_now().await }));
///     gather(two).await.map(drop)
/// });
/// assert!(run.unwrap().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityId(u64);

impl EntityId {
    pub(crate) fn task(path: u64) -> Self {
        Self(path)
    }

    fn timer(path: u64) -> Self {
        Self(mix(path, 0x7133))
    }

    pub(super) fn callback(path: u64) -> Self {
        Self(mix(path, 0xCA11))
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// One decision about who goes next.
///
/// ```
/// use simrun::event_loop::{Choose, Turn};
/// use simrun::time::{millis, sleep, timeout};
/// use simrun::{Sim, Strategy, task};
///
/// /// Lets time pass in a tenth of the decisions, although someone is ready.
/// struct Slow;
///
/// impl Choose for Slow {
///     fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
///         let candidates = turn.candidates() as u64;
///         turn.stream().below(candidates) as usize
///     }
///
///     fn may_wait(&self) -> bool {
///         true
///     }
///
///     fn waits(&mut self, turn: &mut Turn<'_>) -> bool {
///         turn.deadline().is_some() && turn.stream().chance(0.1)
///     }
/// }
///
/// let late = |seed| {
///     let sim = Sim::new().seed(seed).strategy(Strategy::custom("slow", |_| Box::new(Slow)));
///     let run = sim.run(|| timeout(millis(1), simrun::spawn(task::yield_now())));
///     run.unwrap().is_err()
/// };
/// assert!((0..100).any(late), "although the task takes no time");
/// ```
pub struct Turn<'a> {
    ready: &'a Ready,
    slots: &'a Slab<Slot>,
    waiters: &'a Slab<Waiter>,
    callbacks: &'a Slab<super::callbacks::Callback>,
    alarms: &'a super::alarms::Alarms,
    paths: &'a super::paths::Paths,
    chance: &'a mut Chance,
    site: &'a LastStep,
    now: u64,
    deadline: Option<u64>,
    moves: Option<&'a Moves>,
    is_given_up: &'a mut bool,
}

impl Turn<'_> {
    /// Returns how many candidates there are: at least two when one is to be chosen.
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

    /// Goes through the candidates, in the order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = Candidate> {
        self.ready.all().map(|entry| match entry.kind() {
            Kind::Task(slot) => {
                let entity = EntityId::task(self.slots[slot as usize].path_hash);
                Candidate {
                    entity,
                    task: entity,
                    moment: entity.0,
                }
            }
            Kind::Timer(timer) => {
                let sleeper = match timer.target() {
                    Target::Waiter(slot, generation) => {
                        sleeper(self.slots, self.waiters, slot, generation)
                    }
                    Target::Callback(..) | Target::Alarm(..) => None,
                };
                let owner = self.paths.hash(self.owner(timer));
                let itself = mix(owner, timer.bits());
                Candidate {
                    entity: EntityId::timer(owner),
                    task: EntityId(sleeper.map_or(itself, |task| task.path_hash)),
                    moment: itself,
                }
            }
            Kind::Callback(slot) => {
                let callback = &self.callbacks[slot as usize];
                let entity = EntityId::callback(callback.path_hash);
                let itself = mix(entity.0, u64::from(callback.generation));
                Candidate {
                    entity,
                    task: EntityId(itself),
                    moment: itself,
                }
            }
        })
    }

    /// Returns the virtual time, in nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Returns the next moment to which time could move, if there is one and the strategy
    /// [may wait](Choose::may_wait).
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Returns the stream from which this decision is drawn.
    pub fn stream(&mut self) -> &mut Stream {
        self.chance.stream(Domain::Schedule)
    }

    /// Returns the moves that were made so far, if they are kept.
    pub(crate) fn moves(&self) -> Option<&Moves> {
        self.moves
    }

    /// Goes through the names by which moves know the candidates, and says of each whether it is a
    /// callback.
    pub(crate) fn actors(&self) -> impl Iterator<Item = (u64, bool)> {
        self.ready.all().map(|entry| {
            let actor = self
                .moves
                .map_or(0, |moves| actor(self.slots, self.callbacks, moves, entry));
            (actor, matches!(entry.kind(), Kind::Callback(_)))
        })
    }

    /// Says whether someone is ready who must wait for a callback.
    pub(crate) fn holds_back(&self) -> bool {
        self.ready.len() + self.ready.threads() > self.candidates()
    }

    /// Ends the run soon: nobody wants to know how it goes on.
    pub(crate) fn give_up(&mut self) {
        *self.is_given_up = true;
    }

    /// Returns the candidate that the followed plan names here, if it names one that is there.
    pub(crate) fn planned(&mut self) -> Option<usize> {
        let site = SiteKey::schedule(self.site.hash, self.site.step, self.site.since);
        if let Some(free) = self.chance.draw_freely(site, self.candidates() as u64) {
            return Some(free as usize);
        }
        let choice = self.chance.planned(site)?;
        let mut entries = self.ready.in_order();
        let index = entries.position(|entry| self.choice(entry) == *choice)?;
        drop(entries);
        self.chance.meet(site);
        Some(index)
    }

    /// Says whether the followed plan lets time pass here.
    pub(crate) fn is_time_planned(&mut self) -> bool {
        let site = SiteKey::schedule(self.site.hash, self.site.step, self.site.since);
        let passes = self.chance.planned(site) == Some(&Choice::Time);
        if passes {
            self.chance.meet(site);
        }
        passes
    }

    /// Writes down that the candidate at `index` goes next, if that is not the default.
    #[cold]
    fn note(&mut self, index: usize) {
        let chosen = self.ready.candidate(index);
        if self.ready.in_order().next() != Some(chosen) {
            let choice = self.choice(chosen);
            let site = self.site.site();
            let alternatives = self.candidates() as u64;
            self.chance.note(alternatives.into(), || (site, choice));
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
    pub(crate) fn pick(&mut self, core: &Core) -> Option<Entry> {
        if self.may_wait {
            self.wait(core);
        }
        if self.ready.is_lane_busy() {
            return self.pick_beside_threads(core);
        }
        match &self.chooser {
            None => self.ready.take_oldest(),
            Some(_) if self.ready.candidates() < 2 => self.ready.take_oldest(),
            Some(_) => self.choose(core),
        }
    }

    /// Lets time pass as long as the strategy says so, unless it was decided who goes next.
    #[cold]
    fn wait(&mut self, core: &Core) {
        if self.ready.lane().is_some_and(|lane| lane.has_chosen()) {
            return;
        }
        while let Some(deadline) = core.next_deadline(self)
            && self.ready.candidates() > 0
        {
            let deadline = Some(deadline);
            let Some((chooser, mut turn)) = self.turn(core, deadline) else {
                return;
            };
            if !chooser.waits(&mut turn) {
                return;
            }
            let none = 0.into();
            turn.chance.note(none, || (turn.site.site(), Choice::Time));
            core.pass_time(self);
        }
    }

    #[inline(always)]
    fn turn(
        &mut self,
        core: &Core,
        deadline: Option<u64>,
    ) -> Option<(&mut Box<dyn Choose>, Turn<'_>)> {
        let turn = Turn {
            ready: &self.ready,
            slots: &self.slots,
            waiters: &self.waiters,
            callbacks: &self.callbacks,
            alarms: &self.alarms,
            paths: &self.paths,
            chance: &mut self.chance,
            site: &self.site,
            now: core.now.get(),
            deadline,
            moves: self.moves.as_deref(),
            is_given_up: &mut self.is_given_up,
        };
        Some((self.chooser.as_mut()?, turn))
    }

    #[inline(always)]
    pub(super) fn choose(&mut self, core: &Core) -> Option<Entry> {
        let (chooser, mut turn) = self.turn(core, None)?;
        let index = chooser.choose(&mut turn);
        assert!(
            index < turn.candidates(),
            "the strategy chose a candidate that is not there"
        );
        if turn.chance.is_writing() {
            turn.note(index);
        }
        if self.is_given_up {
            self.check_at = 0;
        }
        if self.keeps_order {
            self.ready.take(index)
        } else {
            self.ready.swap_take(index)
        }
    }
}
