//! The search for an order, depth first, never twice from the same place.
//!
//! An operation that only reads is placed where it first can be, and nothing else is tried there:
//! if there is an order with it in a later place, there is one with it in this place.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::visited::{Mask, Place, Visited};
use super::{Model, Operation, Part};

/// What a search has found.
pub(super) enum Found {
    /// An order of the operations of the part.
    Order(Vec<usize>),
    /// That there is none.
    Stuck(Stuck),
    /// Nothing, within its steps.
    Nothing,
}

/// How far one can get.
pub(super) struct Stuck {
    /// The longest order.
    pub(super) order: Vec<usize>,
    /// The state after it.
    pub(super) state: String,
    /// The first operation that has returned by then, and that no order explains together with
    /// all that returned before it.
    pub(super) culprit: usize,
    /// What was under way when it returned and is not in the order, the culprit too.
    pub(super) pending: Vec<usize>,
}

/// The operations of one part, by number, and what a search needs to know of them.
pub(super) struct Search<'a, M: Model> {
    model: &'a M,
    start: M::State,
    operations: Vec<(&'a M::Op, Option<&'a M::Ret>)>,
    /// Which of them are known to change nothing.
    reads: Vec<bool>,
    /// Which bit of a mask is theirs.
    slots: Vec<usize>,
    /// Those that returned, in the order in which they did.
    returns: Vec<usize>,
    /// For each return, those that returned then or later and had been called, in the order in
    /// which they are tried.
    under_way: Vec<Vec<usize>>,
    /// Those that never returned, in the order in which they were called, or in that in which
    /// they are tried, and for each return how many of them had been called.
    open: Vec<usize>,
    open_by: Vec<usize>,
}

/// What is to be tried from a place.
enum Next {
    /// The nth of the operations that may come next, and those after it.
    Nth(usize),
    /// This operation, and no other.
    Only(usize),
    /// Nothing else.
    Done,
}

/// A place on the way, and what is to be tried next from there.
struct Frame<S> {
    place: Place<S>,
    /// The operation that has led to it.
    via: usize,
    next: Next,
    reached: Reached,
}

/// How far an order has got: past how many returns, with how many operations that returned, and
/// with how few of those that did not.
type Reached = (usize, usize, Reverse<usize>);

impl<'a, M: Model> Search<'a, M> {
    pub(super) fn new(model: &'a M, key: &M::Key, part: &Part<'a, M::Op, M::Ret>) -> Self {
        let operations: Vec<_> = part.iter().map(|(_, operation)| *operation).collect();
        let (mut returns, open): (Vec<usize>, Vec<usize>) =
            (0..operations.len()).partition(|index| operations[*index].returned().is_some());
        returns.sort_by_key(|index| operations[*index].returned());
        let by_return = returns.iter().chain(&open);
        let sorted: Vec<_> = by_return.clone().map(|index| operations[*index]).collect();
        let mut ranks = vec![(0, 0); operations.len()];
        for (index, rank) in by_return.zip(model.ranks(&sorted)) {
            ranks[*index] = rank;
        }
        let mut search = Self {
            model,
            start: model.start(key),
            slots: vec![0; operations.len()],
            reads: operations
                .iter()
                .map(|operation| {
                    let ret = operation.ret();
                    ret.is_some_and(|ret| model.is_read(operation.op(), ret))
                })
                .collect(),
            operations: operations
                .iter()
                .map(|operation| (operation.op(), operation.ret()))
                .collect(),
            under_way: Vec::with_capacity(returns.len()),
            open_by: Vec::with_capacity(returns.len()),
            returns,
            open,
        };
        search.follow(&operations, &ranks);
        search
    }

    /// Goes through the returns, and gives each operation a slot for as long as it is under way.
    fn follow(&mut self, operations: &[&Operation<M::Op, M::Ret>], ranks: &[(usize, usize)]) {
        let first = first_places(ranks);
        let mut live: Vec<usize> = Vec::new();
        let mut used = Mask::default();
        let mut most = 0;
        let mut calls = 0;
        let mut opened = 0;
        for returning in &self.returns {
            let returned = operations[*returning].returned();
            while calls < operations.len() && Some(operations[calls].called()) < returned {
                if operations[calls].returned().is_some() {
                    let slot = (0..).find(|slot| !used.has(*slot)).unwrap_or_default();
                    used.set(slot);
                    self.slots[calls] = slot;
                    most = most.max(slot + 1);
                    live.push(calls);
                } else {
                    opened += 1;
                }
                calls += 1;
            }
            let mut under_way = live.clone();
            under_way.sort_by_key(|index| {
                let (group, place) = ranks[*index];
                (group, first[&group][calls] < place, place)
            });
            self.under_way.push(under_way);
            self.open_by.push(opened);
            live.retain(|index| index != returning);
            used.clear(self.slots[*returning]);
        }
        // Those that never return keep theirs for ever.
        for (nth, index) in self.open.iter().enumerate() {
            self.slots[*index] = most + nth;
        }
    }

    /// Searches until something is found, or `steps` has reached the budget.
    pub(super) fn run(&self, budget: u64, steps: &mut u64) -> Found {
        let mut visited = Visited::new();
        let place = Place {
            returns: 0,
            mask: Mask::default(),
            state: self.start.clone(),
        };
        let mut path = vec![Frame {
            place,
            via: usize::MAX,
            next: Next::Nth(0),
            reached: (0, 0, Reverse(0)),
        }];
        let mut furthest = path[0].reached;
        let mut stuck = None;
        while let Some(frame) = path.last_mut() {
            if frame.place.returns == self.returns.len() {
                return Found::Order(path[1..].iter().map(|frame| frame.via).collect());
            }
            let Some(index) = self.candidate(frame) else {
                let reached = frame.reached;
                if reached > furthest || stuck.is_none() {
                    furthest = reached;
                    stuck = Some(self.stuck(&path));
                }
                path.pop();
                continue;
            };
            if *steps >= budget {
                return Found::Nothing;
            }
            *steps += 1;
            if let Some(place) = self.step(&frame.place, index)
                && visited.insert(&place)
            {
                let next = self.next(&place, steps);
                let (_, closed, Reverse(open)) = frame.reached;
                let reached = match self.operations[index].1 {
                    Some(_) => (place.returns, closed + 1, Reverse(open)),
                    None => (place.returns, closed, Reverse(open + 1)),
                };
                path.push(Frame {
                    place,
                    via: index,
                    next,
                    reached,
                });
            }
        }
        match stuck {
            Some(stuck) => Found::Stuck(stuck),
            None => Found::Nothing,
        }
    }

    /// Returns the operation that is tried next from a place.
    fn candidate(&self, frame: &mut Frame<M::State>) -> Option<usize> {
        let place = &frame.place;
        let under_way = &self.under_way[place.returns];
        let open = &self.open[..self.open_by[place.returns]];
        loop {
            let nth = match frame.next {
                Next::Nth(nth) => nth,
                Next::Only(index) => {
                    frame.next = Next::Done;
                    return Some(index);
                }
                Next::Done => return None,
            };
            let index = match nth.checked_sub(under_way.len()) {
                None => under_way[nth],
                Some(nth) => *open.get(nth)?,
            };
            frame.next = Next::Nth(nth + 1);
            if !place.mask.has(self.slots[index]) {
                return Some(index);
            }
        }
    }

    /// Says what is to be tried from a place.
    fn next(&self, place: &Place<M::State>, steps: &mut u64) -> Next {
        let under_way = self.under_way.get(place.returns);
        let mut under_way = under_way.into_iter().flatten().copied();
        let only = under_way.find(|index| {
            if !self.reads[*index] || place.mask.has(self.slots[*index]) {
                return false;
            }
            *steps += 1;
            let (op, ret) = self.operations[*index];
            self.model.step(&place.state, op, ret).is_some()
        });
        only.map_or(Next::Nth(0), Next::Only)
    }

    /// Returns where one gets by placing an operation, if that is possible.
    fn step(&self, place: &Place<M::State>, index: usize) -> Option<Place<M::State>> {
        let (op, ret) = self.operations[index];
        let state = self.model.step(&place.state, op, ret)?;
        // What nobody has seen and changes nothing need not have happened.
        if ret.is_none() && state == place.state {
            return None;
        }
        let (mut returns, mut mask) = (place.returns, place.mask.clone());
        mask.set(self.slots[index]);
        while let Some(returning) = self.returns.get(returns) {
            let slot = self.slots[*returning];
            if !mask.has(slot) {
                break;
            }
            mask.clear(slot);
            returns += 1;
        }
        Some(Place {
            returns,
            mask,
            state,
        })
    }

    fn stuck(&self, path: &[Frame<M::State>]) -> Stuck {
        let Some(Frame { place, .. }) = path.last() else {
            unreachable!("a search begins somewhere");
        };
        let is_left = |index: &usize| !place.mask.has(self.slots[*index]);
        let mut pending: Vec<usize> = self.under_way[place.returns].clone();
        pending.retain(is_left);
        pending.sort_unstable();
        Stuck {
            order: path[1..].iter().map(|frame| frame.via).collect(),
            state: format!("{:?}", place.state),
            culprit: self.returns[place.returns],
            pending,
        }
    }
}

/// Returns for each group the first place of those that are called as the nth or later.
fn first_places(ranks: &[(usize, usize)]) -> BTreeMap<usize, Vec<usize>> {
    let mut first: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (nth, (group, place)) in ranks.iter().enumerate() {
        let places = first.entry(*group);
        let places = places.or_insert_with(|| vec![usize::MAX; ranks.len() + 1]);
        places[nth] = *place;
    }
    for places in first.values_mut() {
        for nth in (0..ranks.len()).rev() {
            places[nth] = places[nth].min(places[nth + 1]);
        }
    }
    first
}
