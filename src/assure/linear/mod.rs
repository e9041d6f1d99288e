//! Linearizability: whether what clients saw can be explained by one copy that does one thing after
//! another.
//!
//! The search is Wing and Gong's with Lowe's memory of where it has been. What has been placed is
//! everything that has returned before the first operation that returned and is not placed, and
//! some of what was under way then. So a place in the search is that return, a few bits and a
//! state, however long the history is.
//!
//! Operations on things that have nothing to do with each other, such as the keys of a store, are
//! checked apart, which is as good and takes much less time.

mod counterexample;
mod models;
mod order;
mod picture;
mod search;
mod visited;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hash;

pub use counterexample::Counterexample;
pub use models::{
    Append, KeyValue, KeyValueOp, KeyValueRet, Queue, QueueOp, QueueRet, Register, RegisterOp,
    RegisterRet, Set, SetOp,
};

use self::search::{Found, Search};
use super::history::{Ending, History, Operation};

/// How many operations are tried in vain and in earnest before a check gives up, unless it is said
/// otherwise. It takes some seconds and some hundred megabytes to get there; histories of ten
/// thousand operations need about fifty thousand.
const MOST_STEPS: u64 = 4_000_000;

/// What something does when it does one thing after another: what histories are checked against.
///
/// ```
/// use simrun::assure::{History, Model};
///
/// /// A counter that can only be added to.
/// struct Counter;
///
/// impl Model for Counter {
///     type Op = u32;
///     /// The sum after the addition.
///     type Ret = u32;
///     type State = u32;
///     type Key = ();
///
///     fn start(&self, (): &()) -> u32 {
///         0
///     }
///
///     fn step(&self, sum: &u32, added: &u32, ret: Option<&u32>) -> Option<u32> {
///         let sum = sum + added;
///         ret.is_none_or(|ret| *ret == sum).then_some(sum)
///     }
///
///     fn key(&self, _: &u32) {}
/// }
///
/// let history = History::new();
/// let (one, two) = (history.invoke("a", 1), history.invoke("b", 2));
/// two.returns(2);
/// one.returns(3);
/// assert!(history.check(&Counter).is_linearizable());
///
/// history.invoke("c", 5).returns(5);
/// assert!(history.check(&Counter).counterexample().is_some());
/// ```
pub trait Model {
    /// What can be called.
    type Op: Clone + fmt::Debug;
    /// What it returns.
    type Ret: Clone + fmt::Debug;
    /// All that matters of what has happened.
    type State: Clone + Eq + Hash + fmt::Debug;
    /// What tells operations apart that have nothing to do with each other: `()` if they all have.
    type Key: Ord + fmt::Debug;

    /// Returns the state before the first operation on a key.
    fn start(&self, key: &Self::Key) -> Self::State;

    /// Returns the state after an operation that returns `ret`, or `None` if it cannot return that
    /// here. An operation of which nobody knows what it would have returned has no `ret`.
    fn step(
        &self,
        state: &Self::State,
        op: &Self::Op,
        ret: Option<&Self::Ret>,
    ) -> Option<Self::State>;

    /// Returns what an operation is about.
    fn key(&self, op: &Self::Op) -> Self::Key;

    /// Says whether an operation that returned this leaves everything as it is, in whatever state.
    /// If it is known of reads, and of what was refused, a check takes much fewer steps.
    fn is_read(&self, _op: &Self::Op, _ret: &Self::Ret) -> bool {
        false
    }

    /// Says in which order operations are best tried that were under way at one time: a group and
    /// a place for each. Earlier groups are tried first, and within a group earlier places, but
    /// those last that would overtake one of their group that was not called yet. The operations
    /// are those on one key: in the order in which they returned, and then those that did not.
    ///
    /// What is found does not depend on it, only how soon. If a model does not know better, it is
    /// the order in which the operations returned.
    fn ranks(&self, operations: &[&Operation<Self::Op, Self::Ret>]) -> Vec<(usize, usize)> {
        (0..operations.len()).map(|place| (0, place)).collect()
    }
}

/// Something that may do one of several things.
///
/// [`AnyOf`] makes a [`Model`] of it.
///
/// ```
/// use simrun::assure::{AnyOf, Choices, History};
///
/// /// A die: each throw shows any of six numbers.
/// struct Die;
///
/// impl Choices for Die {
///     type Op = ();
///     type Ret = u8;
///     type State = ();
///     type Key = ();
///
///     fn start(&self, (): &()) -> Vec<()> {
///         vec![()]
///     }
///
///     fn step(&self, (): &(), (): &(), shown: Option<&u8>) -> Vec<()> {
///         let can_be = shown.is_none_or(|shown| (1..=6).contains(shown));
///         if can_be { vec![()] } else { Vec::new() }
///     }
///
///     fn key(&self, (): &()) {}
/// }
///
/// let history = History::new();
/// history.invoke("a", ()).returns(6);
/// history.assert_linearizable(&AnyOf(Die));
/// history.invoke("a", ()).returns(7);
/// assert!(!history.check(&AnyOf(Die)).is_linearizable());
/// ```
pub trait Choices {
    /// See [`Model::Op`].
    type Op: Clone + fmt::Debug;
    /// See [`Model::Ret`].
    type Ret: Clone + fmt::Debug;
    /// See [`Model::State`].
    type State: Clone + Ord + Hash + fmt::Debug;
    /// See [`Model::Key`].
    type Key: Ord + fmt::Debug;

    /// Returns the states in which it may begin.
    fn start(&self, key: &Self::Key) -> Vec<Self::State>;

    /// Returns the states in which it may be after an operation that returns `ret`: none if it
    /// cannot return that here. See [`Model::step`].
    fn step(&self, state: &Self::State, op: &Self::Op, ret: Option<&Self::Ret>)
    -> Vec<Self::State>;

    /// See [`Model::key`].
    fn key(&self, op: &Self::Op) -> Self::Key;
}

/// A model whose state is every state in which something may be that makes choices.
///
/// ```
/// use simrun::assure::{AnyOf, Choices, History};
///
/// /// A bag: taking gives any of the things in it.
/// struct Bag;
///
/// impl Choices for Bag {
///     /// Puts a thing into it, or takes one out.
///     type Op = Option<char>;
///     type Ret = Option<char>;
///     type State = Vec<char>;
///     type Key = ();
///
///     fn start(&self, (): &()) -> Vec<Vec<char>> {
///         vec![Vec::new()]
///     }
///
///     fn step(&self, bag: &Vec<char>, op: &Self::Op, ret: Option<&Self::Ret>) -> Vec<Vec<char>> {
///         if let Some(thing) = op {
///             let mut bag = bag.clone();
///             bag.push(*thing);
///             bag.sort();
///             return vec![bag];
///         }
///         let without = |index| {
///             let mut rest = bag.clone();
///             let taken = rest.remove(index);
///             ret.is_none_or(|ret| *ret == Some(taken)).then_some(rest)
///         };
///         (0..bag.len()).filter_map(without).collect()
///     }
///
///     fn key(&self, _: &Self::Op) {}
/// }
///
/// let history = History::new();
/// history.invoke("a", Some('x')).returns(None);
/// history.invoke("a", Some('y')).returns(None);
/// history.invoke("b", None).returns(Some('y'));
/// history.invoke("b", None).returns(Some('x'));
/// assert!(history.check(&AnyOf(Bag)).is_linearizable());
/// history.invoke("b", None).returns(Some('x'));
/// assert!(!history.check(&AnyOf(Bag)).is_linearizable());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyOf<C>(pub C);

impl<C: Choices> Model for AnyOf<C> {
    type Op = C::Op;
    type Ret = C::Ret;
    type State = BTreeSet<C::State>;
    type Key = C::Key;

    fn start(&self, key: &C::Key) -> Self::State {
        self.0.start(key).into_iter().collect()
    }

    fn step(&self, states: &Self::State, op: &C::Op, ret: Option<&C::Ret>) -> Option<Self::State> {
        let states = states.iter();
        let next: Self::State = states
            .flat_map(|state| self.0.step(state, op, ret))
            .collect();
        (!next.is_empty()).then_some(next)
    }

    fn key(&self, op: &C::Op) -> C::Key {
        self.0.key(op)
    }
}

/// What came of checking a [`History`].
///
/// ```
/// use simrun::assure::{History, Linearizability, Queue, QueueOp::*, QueueRet::*};
///
/// let history = History::new();
/// let put = history.invoke("a", Put(1));
/// history.invoke("b", Take).returns(Took(Some(1)));
/// put.returns(Done);
/// let found = history.check(&Queue::new());
/// assert!(matches!(found, Linearizability::Linearizable { order, .. } if order == [0, 1]));
///
/// let found = history.check_within(&Queue::new(), 1);
/// assert!(matches!(found, Linearizability::Unknown { steps: 1 }));
/// ```
#[derive(Clone, Debug)]
pub enum Linearizability {
    /// There is an order that explains everything.
    Linearizable {
        /// The numbers of the operations in that order. Operations that failed are not in it, and
        /// of those that are open only those that must have happened.
        order: Vec<usize>,
        /// How many steps the search has made.
        steps: u64,
    },
    /// There is none.
    NotLinearizable(Box<Counterexample>),
    /// It was not found out within the steps that were allowed.
    Unknown {
        /// How many steps the search has made.
        steps: u64,
    },
}

impl Linearizability {
    /// Says whether there is an order that explains everything.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable { .. })
    }

    /// Returns what cannot be explained, if something cannot.
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match self {
            Self::NotLinearizable(counterexample) => Some(counterexample),
            _ => None,
        }
    }

    /// Returns how many steps the search has made, which is how long it took in a way that is the
    /// same everywhere.
    pub fn steps(&self) -> u64 {
        match self {
            Self::Linearizable { steps, .. } | Self::Unknown { steps } => *steps,
            Self::NotLinearizable(counterexample) => counterexample.steps(),
        }
    }
}

impl fmt::Display for Linearizability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable { .. } => f.write_str("linearizable"),
            Self::NotLinearizable(counterexample) => fmt::Display::fmt(counterexample, f),
            Self::Unknown { steps } => {
                write!(f, "not known to be linearizable or not after {steps} steps")
            }
        }
    }
}

impl<Op: Clone + fmt::Debug, Ret: Clone + fmt::Debug> History<Op, Ret> {
    /// Looks for one order of the operations that explains what all of them returned: each takes
    /// effect at one moment between its call and its return, open ones at some moment after their
    /// call or never, failed ones never.
    ///
    /// ```
    /// use simrun::assure::{History, Register, RegisterOp::*, RegisterRet::*};
    ///
    /// let history = History::new();
    /// let write = history.invoke("a", Write(1));
    /// history.invoke("b", Read).returns(Value(1));
    /// history.invoke("c", Read).returns(Value(0));
    /// write.returns(Done);
    /// let found = history.check(&Register::new(0));
    /// assert!(found.counterexample().unwrap().to_string().starts_with("not linearizable"));
    /// ```
    pub fn check<M: Model<Op = Op, Ret = Ret>>(&self, model: &M) -> Linearizability {
        self.check_within(model, MOST_STEPS)
    }

    /// Does the same within so many steps, each of which tries one operation. There are histories
    /// for which a search takes longer than anyone can wait.
    pub fn check_within<M: Model<Op = Op, Ret = Ret>>(
        &self,
        model: &M,
        steps: u64,
    ) -> Linearizability {
        check(&self.operations(), model, steps)
    }

    /// Checks the history, and panics if it is not linearizable, or not known to be.
    ///
    /// # Panics
    ///
    /// With the text of the counterexample.
    #[track_caller]
    pub fn assert_linearizable<M: Model<Op = Op, Ret = Ret>>(&self, model: &M) {
        let found = self.check(model);
        assert!(found.is_linearizable(), "{found}");
    }
}

/// The operations on one key, with their numbers in the history, in the order of their calls.
type Part<'a, Op, Ret> = [(usize, &'a Operation<Op, Ret>)];

fn check<M: Model>(
    operations: &[Operation<M::Op, M::Ret>],
    model: &M,
    budget: u64,
) -> Linearizability {
    let mut parts: BTreeMap<M::Key, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        if !matches!(operation.ending(), Ending::Failed) {
            let part = parts.entry(model.key(operation.op()));
            part.or_default().push(index);
        }
    }
    let is_whole = parts.len() == 1;
    let mut steps = 0;
    let mut is_known = true;
    let mut points = Vec::new();
    for (key, part) in &parts {
        let part: Vec<_> = part
            .iter()
            .map(|index| (*index, &operations[*index]))
            .collect();
        let search = Search::new(model, key, &part);
        match search.run(budget, &mut steps) {
            Found::Order(order) => points.extend(placed(&part, &order)),
            // Another part may still be found to be wrong.
            Found::Nothing => is_known = false,
            Found::Stuck(stuck) => {
                let key = (!is_whole).then(|| format!("{key:?}"));
                let counterexample = Counterexample::new(key, &part, stuck, steps);
                return Linearizability::NotLinearizable(Box::new(counterexample));
            }
        }
    }
    if !is_known {
        return Linearizability::Unknown { steps };
    }
    points.sort_by_key(|(point, _)| *point);
    Linearizability::Linearizable {
        order: points.into_iter().map(|(_, index)| index).collect(),
        steps,
    }
}

/// Says when the operations of a part can have taken effect, given their order: each as soon as
/// it and all before it were called. By these moments the orders of all parts are one.
fn placed<Op, Ret>(part: &Part<'_, Op, Ret>, order: &[usize]) -> Vec<(u64, usize)> {
    let mut point = 0;
    let place = |place: &usize| {
        let (index, operation) = part[*place];
        point = operation.called().max(point);
        (point, index)
    };
    order.iter().map(place).collect()
}
