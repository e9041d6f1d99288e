//! Models of what is checked most often.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Model, Operation, order};

/// A register: one value that is read, written, and written if it is what one thinks.
///
/// ```
/// use simrun::assure::{History, Register, RegisterOp::*, RegisterRet::*};
///
/// let history = History::new();
/// history.invoke("a", CompareAndSet(0, 1)).returns(Set(true));
/// history.invoke("b", CompareAndSet(0, 2)).returns(Set(false));
/// history.invoke("b", Read).returns(Value(1));
/// history.assert_linearizable(&Register::new(0));
/// ```
#[derive(Clone, Debug)]
pub struct Register<V> {
    start: V,
}

/// What can be called on a [`Register`].
///
/// ```
/// use simrun::assure::{Model, Register, RegisterOp::*};
///
/// let register = Register::new(0);
/// assert_eq!(register.step(&0, &Write(5), None), Some(5));
/// assert_eq!(register.step(&5, &CompareAndSet(5, 6), None), Some(6));
/// assert_eq!(register.step(&6, &Read, None), Some(6));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOp<V> {
    /// Returns the value.
    Read,
    /// Replaces the value.
    Write(V),
    /// Replaces the value by the second if it is the first.
    CompareAndSet(V, V),
}

/// What operations on a [`Register`] return.
///
/// ```
/// use simrun::assure::{Model, Register, RegisterOp::*, RegisterRet::*};
///
/// let register = Register::new(0);
/// assert_eq!(register.step(&5, &Read, Some(&Value(5))), Some(5));
/// assert_eq!(register.step(&5, &CompareAndSet(4, 6), Some(&Set(false))), Some(5));
/// // It cannot have been set.
/// assert_eq!(register.step(&5, &CompareAndSet(4, 6), Some(&Set(true))), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterRet<V> {
    /// The value was read.
    Value(V),
    /// It was written.
    Done,
    /// It was set, or it was another one.
    Set(bool),
}

impl<V> Register<V> {
    /// Makes a register with a value.
    pub fn new(start: V) -> Self {
        Self { start }
    }
}

impl<V: Clone + Eq + Hash + fmt::Debug> Model for Register<V> {
    type Op = RegisterOp<V>;
    type Ret = RegisterRet<V>;
    type State = V;
    type Key = ();

    fn start(&self, (): &()) -> V {
        self.start.clone()
    }

    fn step(&self, state: &V, op: &Self::Op, ret: Option<&Self::Ret>) -> Option<V> {
        let (returns, next) = match op {
            RegisterOp::Read => (RegisterRet::Value(state.clone()), state),
            RegisterOp::Write(value) => (RegisterRet::Done, value),
            RegisterOp::CompareAndSet(old, new) if old == state => (RegisterRet::Set(true), new),
            RegisterOp::CompareAndSet(..) => (RegisterRet::Set(false), state),
        };
        ret.is_none_or(|ret| *ret == returns).then(|| next.clone())
    }

    fn is_read(&self, op: &Self::Op, ret: &Self::Ret) -> bool {
        *op == RegisterOp::Read || *ret == RegisterRet::Set(false)
    }

    fn key(&self, _: &Self::Op) {}
}

/// A queue: what is put first is taken first.
///
/// ```
/// use simrun::assure::{History, Queue, QueueOp::*, QueueRet::*};
///
/// let history = History::new();
/// history.invoke("a", Put(1)).returns(Done);
/// history.invoke("a", Put(2)).returns(Done);
/// history.invoke("b", Take).returns(Took(Some(2)));
/// assert!(!history.check(&Queue::new()).is_linearizable());
/// ```
#[derive(Clone, Debug)]
pub struct Queue<V> {
    value: PhantomData<V>,
}

/// What can be called on a [`Queue`].
///
/// ```
/// use simrun::assure::{Model, Queue, QueueOp::*};
///
/// let queue = Queue::new();
/// let one = queue.step(&queue.start(&()), &Put(1), None).unwrap();
/// let two = queue.step(&one, &Put(2), None).unwrap();
/// assert_eq!(queue.step(&two, &Take, None).unwrap(), [2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp<V> {
    /// Adds a value at the end.
    Put(V),
    /// Removes the first value.
    Take,
}

/// What operations on a [`Queue`] return.
///
/// ```
/// use simrun::assure::{History, Queue, QueueOp::*, QueueRet::*};
///
/// let history = History::new();
/// history.invoke("a", Take).returns(Took(None));
/// history.invoke("a", Put(1)).returns(Done);
/// history.invoke("b", Take).returns(Took(Some(1)));
/// history.assert_linearizable(&Queue::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueRet<V> {
    /// The value was added.
    Done,
    /// It was removed, or there was none.
    Took(Option<V>),
}

impl<V> Queue<V> {
    /// Makes an empty queue.
    pub fn new() -> Self {
        Self { value: PhantomData }
    }
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Ord + Hash + fmt::Debug> Model for Queue<V> {
    type Op = QueueOp<V>;
    type Ret = QueueRet<V>;
    type State = VecDeque<V>;
    type Key = ();

    fn start(&self, (): &()) -> VecDeque<V> {
        VecDeque::new()
    }

    fn step(
        &self,
        state: &VecDeque<V>,
        op: &Self::Op,
        ret: Option<&Self::Ret>,
    ) -> Option<VecDeque<V>> {
        let fits = match (op, ret) {
            (_, None) | (QueueOp::Put(_), Some(QueueRet::Done)) => true,
            (QueueOp::Take, Some(QueueRet::Took(taken))) => taken.as_ref() == state.front(),
            _ => false,
        };
        fits.then(|| {
            let mut next = state.clone();
            match op {
                QueueOp::Put(value) => next.push_back(value.clone()),
                QueueOp::Take => drop(next.pop_front()),
            }
            next
        })
    }

    fn is_read(&self, _: &Self::Op, ret: &Self::Ret) -> bool {
        *ret == QueueRet::Took(None)
    }

    fn key(&self, _: &Self::Op) {}

    /// A wrong order of puts is only found out when all that lies before them in the queue is gone.
    /// So they are tried in an order that goes with all puts and takes that do not overlap, if
    /// there is one. To take early does no harm.
    fn ranks(&self, operations: &[&Operation<Self::Op, Self::Ret>]) -> Vec<(usize, usize)> {
        let places = order::of_values(operations);
        let rank = |(nth, operation): (usize, &&Operation<_, _>)| match operation.op() {
            QueueOp::Take => (0, nth),
            QueueOp::Put(_) => (1, places[nth]),
        };
        operations.iter().enumerate().map(rank).collect()
    }
}

/// A store of values by keys, each key of which is checked apart.
///
/// ```
/// use simrun::assure::{History, KeyValue, KeyValueOp::*, KeyValueRet::*};
///
/// let history = History::new();
/// let text = |text: &str| text.to_owned();
/// history.invoke("a", Put("x", text("one"))).returns(Done);
/// history.invoke("b", Append("x", text(", two"))).returns(Done);
/// history.invoke("a", Get("x")).returns(Value(Some(text("one, two"))));
/// history.invoke("a", Get("y")).returns(Value(None));
/// history.assert_linearizable(&KeyValue::new());
/// ```
#[derive(Clone, Debug)]
pub struct KeyValue<K, V> {
    types: PhantomData<(K, V)>,
}

/// What can be called on a [`KeyValue`] store.
///
/// ```
/// use simrun::assure::{KeyValue, KeyValueOp::*, Model};
///
/// let store = KeyValue::new();
/// assert_eq!(store.step(&None, &Put("x", 1), None), Some(Some(1)));
/// assert_eq!(store.step(&Some(1), &Append("x", 2), None), Some(Some(3)));
/// assert_eq!(store.step(&Some(3), &CompareAndSet("x", 3, 4), None), Some(Some(4)));
/// assert_eq!(store.step(&Some(4), &Delete("x"), None), Some(None));
/// assert_eq!(store.key(&Get("x")), "x");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValueOp<K, V> {
    /// Returns the value of a key.
    Get(K),
    /// Sets the value of a key.
    Put(K, V),
    /// [Appends](Append) to the value of a key, or sets it if it has none.
    Append(K, V),
    /// Replaces the value of a key by the second if it is the first.
    CompareAndSet(K, V, V),
    /// Removes a key.
    Delete(K),
}

/// What operations on a [`KeyValue`] store return.
///
/// ```
/// use simrun::assure::{KeyValue, KeyValueOp::*, KeyValueRet::*, Model};
///
/// let store = KeyValue::new();
/// assert_eq!(store.step(&None, &Put("x", 1), Some(&Done)), Some(Some(1)));
/// assert_eq!(store.step(&Some(1), &Get("x"), Some(&Value(Some(1)))), Some(Some(1)));
/// // It cannot have been empty.
/// assert_eq!(store.step(&Some(1), &Get("x"), Some(&Value(None))), None);
/// assert_eq!(store.step(&Some(1), &CompareAndSet("x", 2, 3), Some(&Set(false))), Some(Some(1)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyValueRet<V> {
    /// The value of the key, if it had one.
    Value(Option<V>),
    /// It was put, appended or removed.
    Done,
    /// It was set, or it was another one.
    Set(bool),
}

/// A value that another can be appended to. To append to a number is to add to it.
///
/// ```
/// use simrun::assure::Append;
///
/// let mut list = vec![1, 2];
/// Append::append(&mut list, &vec![3]);
/// assert_eq!(list, [1, 2, 3]);
///
/// let mut sum = 40_u8;
/// Append::append(&mut sum, &2);
/// assert_eq!(sum, 42);
/// ```
pub trait Append {
    /// Appends another value.
    fn append(&mut self, other: &Self);
}

impl Append for String {
    fn append(&mut self, other: &Self) {
        self.push_str(other);
    }
}

impl<T: Clone> Append for Vec<T> {
    fn append(&mut self, other: &Self) {
        self.extend_from_slice(other);
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl Append for $number {
                fn append(&mut self, other: &Self) {
                    *self = self.wrapping_add(*other);
                }
            }
        )*
    };
}

numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

impl<K, V> KeyValue<K, V> {
    /// Makes a store that is empty at first.
    pub fn new() -> Self {
        Self { types: PhantomData }
    }
}

impl<K, V> Default for KeyValue<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Model for KeyValue<K, V>
where
    K: Clone + Ord + fmt::Debug,
    V: Append + Clone + Eq + Hash + fmt::Debug,
{
    type Op = KeyValueOp<K, V>;
    type Ret = KeyValueRet<V>;
    type State = Option<V>;
    type Key = K;

    fn start(&self, _: &K) -> Option<V> {
        None
    }

    fn step(&self, state: &Option<V>, op: &Self::Op, ret: Option<&Self::Ret>) -> Option<Option<V>> {
        let (fits, next) = match op {
            KeyValueOp::Get(_) => {
                let fits = match ret {
                    None => true,
                    Some(KeyValueRet::Value(value)) => value == state,
                    Some(_) => false,
                };
                return fits.then(|| state.clone());
            }
            KeyValueOp::Put(_, value) => (KeyValueRet::Done, Some(value.clone())),
            KeyValueOp::Delete(_) => (KeyValueRet::Done, None),
            KeyValueOp::Append(_, value) => {
                let mut whole = state.clone();
                match &mut whole {
                    Some(whole) => whole.append(value),
                    None => whole = Some(value.clone()),
                }
                (KeyValueRet::Done, whole)
            }
            KeyValueOp::CompareAndSet(_, old, new) if state.as_ref() == Some(old) => {
                (KeyValueRet::Set(true), Some(new.clone()))
            }
            KeyValueOp::CompareAndSet(..) => (KeyValueRet::Set(false), state.clone()),
        };
        ret.is_none_or(|ret| *ret == fits).then_some(next)
    }

    fn is_read(&self, op: &Self::Op, ret: &Self::Ret) -> bool {
        matches!(op, KeyValueOp::Get(_)) || *ret == KeyValueRet::Set(false)
    }

    fn key(&self, op: &Self::Op) -> K {
        match op {
            KeyValueOp::Get(key)
            | KeyValueOp::Put(key, _)
            | KeyValueOp::Append(key, _)
            | KeyValueOp::CompareAndSet(key, _, _)
            | KeyValueOp::Delete(key) => key.clone(),
        }
    }
}

/// A set, each value of which is checked apart. What operations return says whether the value was
/// in it before.
///
/// ```
/// use simrun::assure::{History, Set, SetOp::*};
///
/// let history = History::new();
/// history.invoke("a", Insert(7)).returns(false);
/// history.invoke("b", Contains(7)).returns(true);
/// history.invoke("b", Remove(7)).returns(true);
/// history.assert_linearizable(&Set::new());
/// ```
#[derive(Clone, Debug)]
pub struct Set<V> {
    value: PhantomData<V>,
}

/// What can be called on a [`Set`].
///
/// ```
/// use simrun::assure::{Model, Set, SetOp::*};
///
/// let set = Set::new();
/// // Whether the value is in it, before and after.
/// assert_eq!(set.step(&false, &Insert(7), Some(&false)), Some(true));
/// assert_eq!(set.step(&true, &Contains(7), Some(&true)), Some(true));
/// assert_eq!(set.step(&true, &Remove(7), Some(&true)), Some(false));
/// // It cannot have been missing.
/// assert_eq!(set.step(&true, &Remove(7), Some(&false)), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp<V> {
    /// Adds a value.
    Insert(V),
    /// Removes a value.
    Remove(V),
    /// Asks for a value.
    Contains(V),
}

impl<V> Set<V> {
    /// Makes a set that is empty at first.
    pub fn new() -> Self {
        Self { value: PhantomData }
    }
}

impl<V> Default for Set<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Ord + fmt::Debug> Model for Set<V> {
    type Op = SetOp<V>;
    type Ret = bool;
    type State = bool;
    type Key = V;

    fn start(&self, _: &V) -> bool {
        false
    }

    fn step(&self, is_in: &bool, op: &SetOp<V>, was_in: Option<&bool>) -> Option<bool> {
        let next = match op {
            SetOp::Insert(_) => true,
            SetOp::Remove(_) => false,
            SetOp::Contains(_) => *is_in,
        };
        was_in.is_none_or(|was_in| was_in == is_in).then_some(next)
    }

    fn is_read(&self, op: &SetOp<V>, was_in: &bool) -> bool {
        match op {
            SetOp::Insert(_) => *was_in,
            SetOp::Remove(_) => !was_in,
            SetOp::Contains(_) => true,
        }
    }

    fn key(&self, op: &SetOp<V>) -> V {
        let (SetOp::Insert(value) | SetOp::Remove(value) | SetOp::Contains(value)) = op;
        value.clone()
    }
}
