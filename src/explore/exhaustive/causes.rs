//! Which moves of a run came before which others and could have mattered to them.
//!
//! What is ready does not outlast the passing of time, so moves of different epochs are always in
//! order, and only those of one epoch are looked at.

use crate::event_loop::Move;

/// The moves before each move of a run, within its epoch.
pub(super) struct Causes<'a> {
    moves: &'a [Move],
    before: Vec<Bits>,
    /// The moves that have queued each, or tried to when it was queued already.
    rousers: Vec<Vec<usize>>,
}

/// Two moves that were made in one order and could be made in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Race {
    pub(super) first: usize,
    pub(super) second: usize,
}

impl<'a> Causes<'a> {
    pub(super) fn of(moves: &'a [Move]) -> Self {
        let mut causes = Self {
            moves,
            before: Vec::with_capacity(moves.len()),
            rousers: Vec::with_capacity(moves.len()),
        };
        let mut start = 0;
        for index in 0..moves.len() {
            if moves[index].epoch != moves[start].epoch {
                start = index;
            }
            let rousers = causes.find_rousers(start, index);
            causes.rousers.push(rousers);
            let before = causes.find_before(start, index);
            causes.before.push(before);
        }
        causes
    }

    /// Returns who has queued a move: nobody, if it was there when the epoch began.
    fn find_rousers(&self, start: usize, index: usize) -> Vec<usize> {
        let actor = self.moves[index].actor;
        let is_own = |earlier: &usize| self.moves[*earlier].actor == actor;
        let since = (start..index).rev().find(is_own).unwrap_or(start);
        let rouses = |earlier: &usize| self.moves[*earlier].roused.contains(&actor);
        (since..index).filter(rouses).collect()
    }

    fn find_before(&self, start: usize, index: usize) -> Bits {
        let mut before = Bits::default();
        let callback = self.stands_behind(start, index);
        for earlier in (start..index).rev() {
            if !before.has(earlier) && (self.is_edge(earlier, index) || callback == Some(earlier)) {
                before.add(earlier);
                before.add_all(&self.before[earlier]);
            }
        }
        before
    }

    fn is_edge(&self, earlier: usize, later: usize) -> bool {
        let (earlier, later) = (&self.moves[earlier], &self.moves[later]);
        earlier.depends_on(later) || later.adds.iter().any(|to| earlier.adds.contains(to))
    }

    /// Returns the callback behind which a move was queued and would always be: if it was queued by
    /// chance before whoever queued the move, they could have come in the other order.
    fn stands_behind(&self, start: usize, index: usize) -> Option<usize> {
        let actor = self.moves[index].actor;
        let queue = |rouser: &usize| {
            let behind = self.moves[*rouser].behind.iter();
            let mut behind = behind.filter(|(who, _)| *who == actor);
            behind.next().map(|(_, callback)| (*rouser, *callback))
        };
        let (rouser, callback) = self.rousers[index].iter().find_map(queue)?;
        let called = (start..index).rev();
        let called = called
            .into_iter()
            .find(|at| self.moves[*at].actor == callback)?;
        let always = match self.rousers[called].first() {
            None => true,
            Some(queued) => *queued == rouser || self.is_before(*queued, rouser),
        };
        always.then_some(called)
    }

    pub(super) fn is_before(&self, earlier: usize, later: usize) -> bool {
        self.before[later].has(earlier)
    }

    /// Returns what must come before each move.
    pub(super) fn into_before(self) -> Vec<Bits> {
        self.before
    }

    /// Returns the races of the moves from `fresh` on with those before them. Who could have gone
    /// instead of a move is asked.
    pub(super) fn races(&self, fresh: usize, could: impl Fn(usize, u64) -> bool) -> Vec<Race> {
        let later = fresh..self.moves.len();
        later
            .flat_map(|second| self.races_of(second, &could))
            .collect()
    }

    fn races_of(&self, second: usize, could: &impl Fn(usize, u64) -> bool) -> Vec<Race> {
        let epoch = self.moves[second].epoch;
        let earlier = (0..second).rev();
        let earlier = earlier.take_while(|first| self.moves[*first].epoch == epoch);
        let (mut between, mut races) = (Bits::default(), Vec::new());
        for first in earlier {
            if !self.is_before(first, second) || between.has(first) {
                continue;
            }
            between.add_all(&self.before[first]);
            if self.is_race(first, second, could) {
                races.push(Race { first, second });
            }
        }
        races
    }

    /// Says whether a move that comes directly before another one could come after it: not if the
    /// other one would then not be there.
    fn is_race(&self, first: usize, second: usize, could: &impl Fn(usize, u64) -> bool) -> bool {
        let (one, other) = (&self.moves[first], &self.moves[second]);
        if one.actor == other.actor || !one.depends_on(other) {
            return false;
        }
        let rousers = &self.rousers[second];
        let without = |rouser: &usize| *rouser != first && !self.is_before(first, *rouser);
        rousers.is_empty() || rousers.iter().any(without) || could(first, other.actor)
    }

    /// Returns who could go first if the second of a race was to come before the first.
    pub(super) fn initials(&self, race: Race) -> Vec<u64> {
        let between = race.first + 1..race.second;
        let free = between.filter(|index| !self.is_before(race.first, *index));
        let free: Vec<usize> = free.chain([race.second]).collect();
        let is_initial = |index: &&usize| {
            let mut others = free.iter().take_while(|other| other < index);
            !others.any(|other| self.is_before(*other, **index))
        };
        let initials = free.iter().filter(is_initial);
        initials.map(|index| self.moves[*index].actor).collect()
    }
}

/// A set of indices.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn add(&mut self, index: usize) {
        let word = index / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (index % 64);
    }

    fn add_all(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&others.0) {
            *own |= other;
        }
    }

    pub(super) fn has(&self, index: usize) -> bool {
        let word = self.0.get(index / 64);
        word.is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub(super) fn has_all(&self, others: &Self) -> bool {
        let own = self.0.iter().chain(std::iter::repeat(&0));
        others
            .0
            .iter()
            .zip(own)
            .all(|(other, own)| other & !own == 0)
    }
}
