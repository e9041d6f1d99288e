//! The moves of a run: what each entry of the ready queue has done when it had its turn.
//!
//! A move has an *actor*, which has the same name in every interleaving in which it comes up, and
//! touches *resources*: those of the program, and those that only the loop knows of, such as
//! whether a task stands in the queue, how far a future has come, or whether a wait is over. Two
//! moves that touch nothing in common, or only read it, can be made in either order. Everything
//! that has to do with the order of moves is found out from that and nothing else.
//!
//! What only adds to something counts as reading it, and what looks at it as writing: wakes are the
//! same in either order, and a look among them is not.

use std::collections::{BTreeMap, VecDeque};

use super::order::Order;
use super::resources::{Access, Touch, normalize};
use super::table::Key;
use crate::chance::mix;

/// More moves than this are not kept: no program that long is searched through.
const MAX_KEPT: usize = 1 << 16;

/// The order of so many moves is hashed. What is known of resources grows with the waits of a run,
/// and in so long a run hardly two interleavings are equivalent: from then on its fingerprint tells
/// them apart, for less.
const MAX_HASHED: u64 = 1 << 16;

/// So many of the last touches of a move are looked through for another touch of the same.
const SOON: usize = 3;

/// What one entry of the ready queue has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Move {
    /// Who has made it: the same number in every interleaving.
    pub(crate) actor: u64,
    /// How often time had passed: what is ready does not outlast that.
    pub(crate) epoch: u32,
    /// What it has touched, each resource once, in the order of their numbers.
    pub(crate) touches: Vec<Touch>,
    /// Whom it has queued, or would have if they had not been queued already.
    pub(crate) roused: Vec<u64>,
    /// Whom it has queued behind a callback, and behind which.
    pub(crate) behind: Vec<(u64, u64)>,
    /// Resources to which it has added, so that what comes of them depends on it.
    pub(crate) adds: Vec<u64>,
    /// It has stopped the loop, and cuts off whatever comes after it.
    pub(crate) stops: bool,
}

impl Move {
    /// Says whether the order of two moves can matter.
    pub(crate) fn depends_on(&self, other: &Self) -> bool {
        self.stops || other.stops || self.actor == other.actor || self.conflicts(other)
    }

    fn conflicts(&self, other: &Self) -> bool {
        let (mut own, mut theirs) = (self.touches.iter(), other.touches.iter());
        let (mut mine, mut their) = (own.next(), theirs.next());
        while let (Some(one), Some(another)) = (mine, their) {
            match one.resource.cmp(&another.resource) {
                std::cmp::Ordering::Less => mine = own.next(),
                std::cmp::Ordering::Greater => their = theirs.next(),
                std::cmp::Ordering::Equal => {
                    if one.access == Access::Write || another.access == Access::Write {
                        return true;
                    }
                    (mine, their) = (own.next(), theirs.next());
                }
            }
        }
        false
    }

    fn clear(&mut self) {
        self.touches.clear();
        self.roused.clear();
        self.behind.clear();
        self.adds.clear();
        self.stops = false;
    }
}

/// What a run has shown of its moves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) moves: Vec<Move>,
    /// The epochs in which it mattered when an iteration of the loop begins, which depends on all
    /// that came before it.
    pub(crate) counted: Vec<u32>,
    /// What the program uses that no move tells of.
    pub(crate) beyond: Option<&'static str>,
    /// What actors are called.
    pub(crate) names: BTreeMap<u64, String>,
    /// The strategy has given the run up, so that its end means nothing.
    pub(crate) is_given_up: bool,
}

/// Keeps an account of the moves of a run.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// The move that is being made.
    current: Move,
    is_open: bool,
    /// When it is made, and the results of what it has drawn.
    at: u64,
    told: u64,
    /// A name for it, and how many names it has given.
    name: u64,
    given: u64,
    epoch: u32,
    keeps: bool,
    shown: Shown,
    order: Option<Order>,
    /// The names of waiters and callbacks, and the task that each waiter wakes, by generation: they
    /// may be asked for when they are gone.
    waiters: Vec<(u64, u64)>,
    callbacks: Vec<u64>,
    /// The names of futures, by id, and how to look at each.
    futures: Vec<(u64, Access)>,
    /// The callbacks in the ready queue.
    queued: VecDeque<u64>,
    /// The timers in the ready queue.
    due: Vec<(u64, u64)>,
}

/// How much there is of the move that is being made.
#[cfg(feature = "tracing")]
pub(super) struct Mark {
    touches: usize,
    adds: usize,
    told: u64,
    given: u64,
}

/// The kinds of resources that only the loop knows of.
const ACTOR: u64 = 0xAC7;
const FUTURE: u64 = 0xF07;
const WAITER: u64 = 0x3A1;

/// Those of which there is one.
pub(super) const DRAWS: u64 = 0xD4A3_0001;
pub(super) const REPORTS: u64 = 0xD4A3_0002;
pub(super) const HOOKS: u64 = 0xD4A3_0003;
/// What wakers do that are not the loop's own.
pub(super) const FOREIGN: u64 = 0xD4A3_0004;

/// Returns the resource that says whether an actor is queued, and how far it has come.
pub(super) fn of_actor(actor: u64) -> u64 {
    mix(actor, ACTOR)
}

/// Returns the resource that says how far a future has come.
pub(super) fn of_future(name: u64) -> u64 {
    mix(name, FUTURE)
}

impl Moves {
    pub(super) fn new(keeps: bool, hashes: bool) -> Self {
        Self {
            keeps,
            order: hashes.then(Order::default),
            ..Self::default()
        }
    }

    /// Returns the moves that were made.
    pub(crate) fn made(&self) -> &[Move] {
        &self.shown.moves
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Says whether it has turned out that an epoch depends on when iterations begin.
    pub(crate) fn is_counted(&self, epoch: u32) -> bool {
        self.shown.counted.contains(&epoch)
    }

    pub(super) fn begin(&mut self, actor: u64, name: u64, at: u64) {
        self.current.actor = actor;
        self.current.epoch = self.epoch;
        self.is_open = true;
        (self.at, self.told, self.name, self.given) = (at, 0, name, 0);
        self.touch(of_actor(actor), Access::Write);
    }

    /// Ends the move that was made last, if it has not been ended.
    pub(super) fn end(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        // Names that are given between two moves come from nobody.
        (self.name, self.given) = (u64::from(self.epoch), 0);
        if let Some(order) = &mut self.order {
            order.add(&self.current, self.at, self.told);
        }
        if !self.keeps {
            return self.current.clear();
        }
        normalize(&mut self.current.touches);
        if self.shown.moves.len() == MAX_KEPT {
            self.use_beyond("so many steps");
            return self.current.clear();
        }
        self.shown.moves.push(std::mem::take(&mut self.current));
    }

    #[inline]
    pub(super) fn touch(&mut self, resource: u64, access: Access) {
        if !self.is_open {
            return;
        }
        // What is touched is often touched again soon.
        let touches = &mut self.current.touches;
        let again = touches.iter_mut().rev().take(SOON);
        for known in again {
            if known.resource == resource {
                known.access = known.access.max(access);
                return;
            }
        }
        touches.push(Touch { resource, access });
    }

    /// Returns how much of the move there is, so that what comes can be taken back.
    #[cfg(feature = "tracing")]
    pub(super) fn mark(&self) -> Mark {
        Mark {
            touches: self.current.touches.len(),
            adds: self.current.adds.len(),
            told: self.told,
            given: self.given,
        }
    }

    /// Takes back what has come since.
    #[cfg(feature = "tracing")]
    pub(super) fn back_to(&mut self, mark: &Mark) {
        self.current.touches.truncate(mark.touches);
        self.current.adds.truncate(mark.adds);
        (self.told, self.given) = (mark.told, mark.given);
    }

    /// Takes note that the move adds to something: in which order moves do that does not matter.
    pub(super) fn add_to(&mut self, resource: u64) {
        self.touch(resource, Access::Read);
        if self.is_open {
            self.current.adds.push(resource);
        }
    }

    /// Takes note that what the move has drawn had this result.
    pub(super) fn tell(&mut self, word: u64) {
        self.told = mix(self.told, word);
    }

    /// Takes note that an actor is queued, anew or already.
    pub(super) fn rouse(&mut self, actor: u64) {
        if self.is_open {
            self.touch(of_actor(actor), Access::Read);
            self.current.roused.push(actor);
        }
    }

    /// Takes note that an actor has been queued: behind the newest callback, if there is one.
    pub(super) fn queue(&mut self, actor: u64) {
        if self.is_open
            && let Some(callback) = self.queued.back()
        {
            self.current.behind.push((actor, *callback));
        }
    }

    pub(super) fn queue_callback(&mut self, generation: u32) {
        let actor = self.callback(generation);
        self.rouse(actor);
        self.queue(actor);
        self.queued.push_back(actor);
    }

    pub(super) fn take_callback(&mut self) {
        self.queued.pop_front();
    }

    /// Takes note that a timer, which is for a waiter or a callback, is due. It may lose its target
    /// before it has its turn.
    pub(super) fn queue_timer(&mut self, bits: u64, name: u64) {
        self.due.push((bits, name));
    }

    pub(super) fn timer(&self, bits: u64) -> u64 {
        let timer = self.due.iter().find(|(due, _)| *due == bits);
        timer.map_or(bits, |(_, name)| *name)
    }

    pub(super) fn take_timer(&mut self, bits: u64) {
        self.due.retain(|(due, _)| *due != bits);
    }

    /// Takes note that time passes, or that the loop is run anew.
    pub(super) fn begin_epoch(&mut self) {
        self.end();
        self.epoch += 1;
    }

    /// Takes note that it matters when an iteration begins or ends.
    pub(super) fn count(&mut self) {
        if !self.is_counted(self.epoch) {
            self.shown.counted.push(self.epoch);
        }
    }

    pub(super) fn stop(&mut self) {
        self.current.stops = self.is_open;
    }

    /// Takes note that the program uses something that no move tells of.
    pub(super) fn use_beyond(&mut self, what: &'static str) {
        self.shown.beyond.get_or_insert(what);
    }

    /// Gives a name to something that is made in the current move.
    pub(super) fn give_name(&mut self) -> u64 {
        self.given += 1;
        mix(self.name, self.given)
    }

    pub(super) fn name_waiter(&mut self, generation: u32, wakes: u64) {
        let name = mix(self.give_name(), WAITER);
        put(&mut self.waiters, generation, (name, wakes));
    }

    pub(super) fn name_callback(&mut self, generation: u32) {
        let name = self.give_name();
        put(&mut self.callbacks, generation, name);
    }

    /// Names a future that is made in the current move, unless it is that of a task.
    pub(super) fn name_future(&mut self, key: Key, task: Option<u64>, look: Access) {
        let name = task.unwrap_or_else(|| self.give_name());
        put(&mut self.futures, key.id as u32, (of_future(name), look));
    }

    /// Returns the name of a waiter and the task that it wakes.
    pub(super) fn waiter(&self, generation: u32) -> (u64, u64) {
        self.waiters
            .get(generation as usize)
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn callback(&self, generation: u32) -> u64 {
        self.callbacks
            .get(generation as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the resource that says how far a future has come, and how to look at it.
    pub(super) fn future(&self, id: u64) -> (u64, Access) {
        let future = self.futures.get(id as usize).copied();
        future.unwrap_or((0, Access::Read))
    }

    pub(super) fn is_named(&self, actor: u64) -> bool {
        !self.keeps || self.shown.names.contains_key(&actor)
    }

    pub(super) fn call(&mut self, actor: u64, name: String) {
        self.shown.names.insert(actor, name);
    }

    /// Says whether the run is so long that nobody wants to know of its moves any more.
    #[inline]
    pub(super) fn is_long(&self) -> bool {
        let is_hashed = |order: &Order| order.moves() == MAX_HASHED;
        !self.keeps && self.order.as_ref().is_some_and(is_hashed)
    }

    /// Returns the hash of the order of the moves, if it is asked for, and what they have shown.
    pub(crate) fn conclude(mut self) -> (Option<u64>, Shown) {
        self.end();
        (self.order.map(|order| order.hash()), self.shown)
    }
}

fn put<T: Copy>(names: &mut Vec<T>, place: u32, name: T) {
    let place = place as usize;
    if names.len() <= place {
        names.resize(place + 1, name);
    }
    names[place] = name;
}
