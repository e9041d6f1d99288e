//! Small random histories, for each of which all orders are tried as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

use simrun::assure::{
    History, KeyValue, KeyValueOp, KeyValueRet, Linearizability, Model, Queue, QueueOp, QueueRet,
    Register, RegisterOp, RegisterRet, Set, SetOp,
};

const HISTORIES: u64 = 4_000;
const MOST: usize = 6;

/// Numbers that are well spread: splitmix.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }
}

/// An operation, and when it was called and returned: never, if it is open.
#[derive(Clone, Debug)]
struct Stamped<Op, Ret> {
    op: Op,
    ret: Option<Ret>,
    called: usize,
    returned: usize,
}

/// What a thing does, written down once more, in the simplest way.
struct Thing<Op, Ret, S> {
    start: S,
    apply: fn(&mut S, &Op) -> Ret,
    draw: fn(&mut Numbers) -> Op,
    /// Draws something that an operation could return.
    guess: fn(&mut Numbers, &Op) -> Ret,
}

impl<Op, Ret, S> Thing<Op, Ret, S>
where
    Op: Clone + Debug,
    Ret: Clone + Debug + PartialEq,
    S: Clone,
{
    /// Says whether some order explains all that has returned by a moment. What returns later may
    /// have happened, but then as it returns.
    fn explains(&self, operations: &[Stamped<Op, Ret>], by: usize) -> bool {
        let left: Vec<&Stamped<Op, Ret>> = operations.iter().collect();
        self.explains_rest(&self.start, &left, by)
    }

    fn explains_rest(&self, state: &S, left: &[&Stamped<Op, Ret>], by: usize) -> bool {
        if left.iter().all(|operation| operation.returned > by) {
            return true;
        }
        let first_return = left
            .iter()
            .map(|operation| operation.returned)
            .min()
            .unwrap();
        (0..left.len()).any(|index| {
            let next = left[index];
            let mut state = state.clone();
            let ret = (self.apply)(&mut state, &next.op);
            let mut rest = left.to_vec();
            rest.remove(index);
            next.called < first_return
                && next.ret.as_ref().is_none_or(|expected| *expected == ret)
                && self.explains_rest(&state, &rest, by)
        })
    }

    /// Makes a history in which most operations do what they should.
    fn history(&self, seed: u64) -> (History<Op, Ret>, Vec<Stamped<Op, Ret>>) {
        let mut numbers = Numbers(seed);
        let (history, mut stamped) = (History::new(), Vec::new());
        let mut state = self.start.clone();
        let mut live = Vec::new();
        let mut failed = BTreeSet::new();
        let length = 2 + numbers.below(MOST as u64 - 1) as usize;
        for moment in 0.. {
            let may_call = stamped.len() < length && live.len() < 4;
            if may_call && (live.is_empty() || numbers.below(2) == 0) {
                let op = (self.draw)(&mut numbers);
                live.push((stamped.len(), history.invoke(stamped.len() % 3, op.clone())));
                stamped.push(Stamped {
                    op,
                    ret: None,
                    called: moment,
                    returned: usize::MAX,
                });
                continue;
            }
            if live.is_empty() {
                break;
            }
            let (index, call) = live.swap_remove(numbers.below(live.len() as u64) as usize);
            let operation = &mut stamped[index];
            let kind = numbers.below(20);
            if kind == 0 {
                failed.insert(index);
                call.fails();
                continue;
            }
            let mut ret = (self.apply)(&mut state, &operation.op);
            if kind < 4 {
                continue;
            }
            if kind < 9 {
                ret = (self.guess)(&mut numbers, &operation.op);
            }
            call.returns(ret.clone());
            (operation.ret, operation.returned) = (Some(ret), moment);
        }
        let mut index = 0;
        stamped.retain(|_| {
            index += 1;
            !failed.contains(&(index - 1))
        });
        (history, stamped)
    }

    /// Follows an order that was found: it must give what was returned, and go with time.
    fn follows(&self, history: &History<Op, Ret>, order: &[usize]) {
        let operations = history.operations();
        let mut state = self.start.clone();
        for index in order {
            let ret = (self.apply)(&mut state, operations[*index].op());
            let expected = operations[*index].ret();
            assert!(
                expected.is_none_or(|expected| *expected == ret),
                "{order:?}\n{history}"
            );
        }
        let returned = operations.iter().enumerate();
        let returned = returned.filter(|(_, operation)| operation.ret().is_some());
        assert!(
            returned
                .map(|(index, _)| index)
                .all(|index| order.contains(&index))
        );
    }

    fn compare(&self, model: &impl Model<Op = Op, Ret = Ret>, is_whole: bool) {
        let mut outcomes = [0, 0];
        for seed in 0..HISTORIES {
            let (history, stamped) = self.history(seed);
            let expected = self.explains(&stamped, usize::MAX - 1);
            outcomes[usize::from(expected)] += 1;
            match history.check(model) {
                Linearizability::Linearizable { order, .. } => {
                    assert!(expected, "seed {seed}: {order:?}\n{history}");
                    self.follows(&history, &order);
                }
                Linearizability::NotLinearizable(found) => {
                    assert!(!expected, "seed {seed}: {found}\n{history}");
                    if is_whole {
                        let culprit = &history.operations()[found.culprit()];
                        let is_culprit = |operation: &&Stamped<Op, Ret>| {
                            format!("{:?}{:?}", operation.op, operation.ret)
                                == format!("{:?}{:?}", culprit.op(), culprit.ret().cloned())
                        };
                        // Some operation that looks like it is the first that nothing explains.
                        let mut returns = stamped.iter().filter(is_culprit);
                        let is_first = returns.any(|operation| {
                            self.explains(&stamped, operation.returned - 1)
                                && !self.explains(&stamped, operation.returned)
                        });
                        assert!(is_first, "seed {seed}: {found}\n{history}");
                    }
                }
                Linearizability::Unknown { .. } => panic!("seed {seed}: {history}"),
            }
        }
        let least = HISTORIES / 10;
        assert!(outcomes.iter().all(|count| *count > least), "{outcomes:?}");
    }
}

#[test]
fn a_register() {
    let thing = Thing {
        start: 0,
        apply: |state: &mut u64, op| match op {
            RegisterOp::Read => RegisterRet::Value(*state),
            RegisterOp::Write(value) => {
                *state = *value;
                RegisterRet::Done
            }
            RegisterOp::CompareAndSet(old, new) => {
                let is_old = state == old;
                if is_old {
                    *state = *new;
                }
                RegisterRet::Set(is_old)
            }
        },
        draw: |numbers| match numbers.below(3) {
            0 => RegisterOp::Read,
            1 => RegisterOp::Write(numbers.below(3)),
            _ => RegisterOp::CompareAndSet(numbers.below(3), numbers.below(3)),
        },
        guess: |numbers, op| match op {
            RegisterOp::Read => RegisterRet::Value(numbers.below(3)),
            RegisterOp::Write(_) => RegisterRet::Done,
            RegisterOp::CompareAndSet(..) => RegisterRet::Set(numbers.below(2) == 0),
        },
    };
    thing.compare(&Register::new(0), true);
}

#[test]
fn a_queue() {
    let thing = Thing {
        start: VecDeque::new(),
        apply: |state: &mut VecDeque<u64>, op| match op {
            QueueOp::Put(value) => {
                state.push_back(*value);
                QueueRet::Done
            }
            QueueOp::Take => QueueRet::Took(state.pop_front()),
        },
        draw: |numbers| match numbers.below(2) {
            0 => QueueOp::Put(numbers.below(4)),
            _ => QueueOp::Take,
        },
        guess: |numbers, op| match (op, numbers.below(5)) {
            (QueueOp::Put(_), _) => QueueRet::Done,
            (QueueOp::Take, 4) => QueueRet::Took(None),
            (QueueOp::Take, value) => QueueRet::Took(Some(value)),
        },
    };
    thing.compare(&Queue::new(), true);
}

#[test]
fn a_store() {
    let thing = Thing {
        start: BTreeMap::new(),
        apply: |state: &mut BTreeMap<u64, u64>, op| match op {
            KeyValueOp::Get(key) => KeyValueRet::Value(state.get(key).copied()),
            KeyValueOp::Put(key, value) => {
                state.insert(*key, *value);
                KeyValueRet::Done
            }
            KeyValueOp::Append(key, value) => {
                *state.entry(*key).or_insert(0) += value;
                KeyValueRet::Done
            }
            KeyValueOp::CompareAndSet(key, old, new) => {
                let is_old = state.get(key) == Some(old);
                if is_old {
                    state.insert(*key, *new);
                }
                KeyValueRet::Set(is_old)
            }
            KeyValueOp::Delete(key) => {
                state.remove(key);
                KeyValueRet::Done
            }
        },
        draw: |numbers| {
            let (key, value) = (numbers.below(2), numbers.below(3));
            match numbers.below(6) {
                0 | 1 => KeyValueOp::Get(key),
                2 => KeyValueOp::Put(key, value),
                3 => KeyValueOp::Append(key, value),
                4 => KeyValueOp::CompareAndSet(key, value, numbers.below(3)),
                _ => KeyValueOp::Delete(key),
            }
        },
        guess: |numbers, op| match (op, numbers.below(4)) {
            (KeyValueOp::Get(_), 3) => KeyValueRet::Value(None),
            (KeyValueOp::Get(_), value) => KeyValueRet::Value(Some(value)),
            (KeyValueOp::CompareAndSet(..), value) => KeyValueRet::Set(value < 2),
            _ => KeyValueRet::Done,
        },
    };
    thing.compare(&KeyValue::new(), false);
}

#[test]
fn a_set() {
    let thing = Thing {
        start: BTreeSet::new(),
        apply: |state: &mut BTreeSet<u64>, op| match op {
            SetOp::Insert(value) => !state.insert(*value),
            SetOp::Remove(value) => state.remove(value),
            SetOp::Contains(value) => state.contains(value),
        },
        draw: |numbers| match (numbers.below(3), numbers.below(2)) {
            (0, value) => SetOp::Insert(value),
            (1, value) => SetOp::Remove(value),
            (_, value) => SetOp::Contains(value),
        },
        guess: |numbers, _| numbers.below(2) == 0,
    };
    thing.compare(&Set::new(), false);
}
