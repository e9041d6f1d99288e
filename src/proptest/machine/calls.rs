//! Operations that make sense one after another, and how they are made fewer and simpler.
//!
//! Each is generated in the state in which those before it leave the model. When some are left out,
//! those that then make no sense are left out as well, so that every candidate is one that could
//! have been generated.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use ::proptest::strategy::{NewTree, Strategy, ValueTree};
use ::proptest::test_runner::TestRunner;

use super::Machine;

/// So often an operation is generated anew that makes no sense.
const RETRIES: usize = 100;

/// An operation, and the client who calls it.
///
/// ```
/// use simrun::proptest::Call;
///
/// let call = Call { client: 1, op: "open" };
/// assert_eq!(format!("{call:?}"), "1: \"open\"");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Call<Op> {
    /// The client's number, from 0.
    pub client: usize,
    /// What is called.
    pub op: Op,
}

impl<Op: Debug> Debug for Call<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.client, self.op)
    }
}

/// A strategy of operations: see [`MachineTest::calls`](super::MachineTest::calls).
///
/// ```
/// use proptest::prelude::*;
/// use simrun::proptest::MachineTest;
/// # #[derive(Clone, Debug, PartialEq)]
/// # enum Op {
/// #     Open,
/// #     Close,
/// # }
/// # #[derive(Debug)]
/// # struct Door;
/// # impl simrun::assure::Model for Door {
/// #     type Op = Op;
/// #     type Ret = ();
/// #     type State = bool;
/// #     type Key = ();
/// #     fn start(&self, (): &()) -> bool {
/// #         false
/// #     }
/// #     fn step(&self, is_open: &bool, op: &Op, _: Option<&()>) -> Option<bool> {
/// #         (*is_open == (*op == Op::Close)).then_some(*op == Op::Open)
/// #     }
/// #     fn key(&self, _: &Op) {}
/// # }
/// # impl simrun::proptest::Machine for Door {
/// #     fn operations(&self, _: &bool) -> BoxedStrategy<Op> {
/// #         prop_oneof![Just(Op::Open), Just(Op::Close)].boxed()
/// #     }
/// # }
///
/// // A door can be opened when it is closed, and closed when it is open.
/// let calls = MachineTest::new(Door).lengths(4..5).calls();
/// proptest!(ProptestConfig::with_cases(5), |(calls in calls)| {
///     let ops: Vec<Op> = calls.into_iter().map(|call| call.op).collect();
///     prop_assert_eq!(ops, [Op::Open, Op::Close, Op::Open, Op::Close]);
/// });
/// ```
#[derive(Debug)]
pub struct Calls<M> {
    machine: Arc<M>,
    lengths: Range<usize>,
    clients: usize,
}

impl<M: Machine> Calls<M> {
    pub(super) fn new(machine: Arc<M>, lengths: Range<usize>, clients: usize) -> Self {
        Self {
            machine,
            lengths,
            clients,
        }
    }
}

impl<M: Machine> Strategy for Calls<M> {
    type Tree = CallTree<M>;
    type Value = Vec<Call<M::Op>>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let length = self.lengths.new_tree(runner)?.current();
        let mut state = self.machine.start(&());
        let mut calls = Vec::new();
        for _ in 0..length {
            let strategy = (0..self.clients, self.machine.operations(&state));
            let mut tries = 0..RETRIES;
            let call = loop {
                let call = strategy.new_tree(runner)?;
                if self.machine.allows(&state, &call.current().1) {
                    break call;
                }
                if tries.next().is_none() {
                    return Err("no operation makes sense in some state".into());
                }
            };
            state = after(&*self.machine, state, &call.current().1);
            calls.push(Planned {
                tree: Box::new(call),
                is_kept: true,
            });
        }
        Ok(CallTree {
            machine: Arc::clone(&self.machine),
            least: self.lengths.start,
            pass: Pass::Drop {
                size: calls.len().div_ceil(2),
                end: calls.len(),
            },
            calls,
            undo: Undo::Nothing,
        })
    }
}

fn after<M: Machine>(machine: &M, state: M::State, op: &M::Op) -> M::State {
    let next = machine.step(&state, op, None);
    next.unwrap_or(state)
}

/// An operation that was generated.
struct Planned<Op> {
    tree: Box<dyn ValueTree<Value = (usize, Op)>>,
    is_kept: bool,
}

/// What is made simpler.
#[derive(Clone, Copy, Debug)]
enum Pass {
    /// So many neighbours are left out, those before `end`.
    Drop { size: usize, end: usize },
    /// The operation at this index is made simpler by itself.
    Simplify(usize),
}

/// What takes the last step back.
#[derive(Clone, Debug)]
enum Undo {
    Nothing,
    Keep(Vec<usize>),
    Complicate(usize),
}

/// Operations that can be made fewer and simpler.
///
/// ```
/// use proptest::prelude::*;
/// use proptest::strategy::ValueTree;
/// use proptest::test_runner::TestRunner;
/// use simrun::proptest::{CallTree, MachineTest};
/// # #[derive(Clone, Debug, PartialEq)]
/// # enum Op {
/// #     Open,
/// #     Close,
/// # }
/// # #[derive(Debug)]
/// # struct Door;
/// # impl simrun::assure::Model for Door {
/// #     type Op = Op;
/// #     type Ret = ();
/// #     type State = bool;
/// #     type Key = ();
/// #     fn start(&self, (): &()) -> bool {
/// #         false
/// #     }
/// #     fn step(&self, is_open: &bool, op: &Op, _: Option<&()>) -> Option<bool> {
/// #         (*is_open == (*op == Op::Close)).then_some(*op == Op::Open)
/// #     }
/// #     fn key(&self, _: &Op) {}
/// # }
/// # impl simrun::proptest::Machine for Door {
/// #     fn operations(&self, _: &bool) -> BoxedStrategy<Op> {
/// #         prop_oneof![Just(Op::Open), Just(Op::Close)].boxed()
/// #     }
/// # }
///
/// // A door can be opened when it is closed, and closed when it is open.
/// let calls = MachineTest::new(Door).lengths(2..9).calls();
/// let mut tree = calls.new_tree(&mut TestRunner::deterministic()).unwrap();
/// let ops = |tree: &CallTree<Door>| tree.current().into_iter().map(|call| call.op);
/// // What fails is that it is closed: for that it must have been opened.
/// let fails = |tree: &CallTree<Door>| ops(tree).any(|op| op == Op::Close);
/// while if fails(&tree) { tree.simplify() } else { tree.complicate() } {}
/// assert_eq!(ops(&tree).collect::<Vec<_>>(), [Op::Open, Op::Close]);
/// ```
pub struct CallTree<M: Machine> {
    machine: Arc<M>,
    least: usize,
    calls: Vec<Planned<M::Op>>,
    pass: Pass,
    undo: Undo,
}

impl<M: Machine> Debug for CallTree<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTree")
            .field("current", &self.current())
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}

impl<M: Machine> CallTree<M> {
    /// Returns the indices of the operations that are kept and make sense.
    fn sensible(&self) -> Vec<usize> {
        let mut state = self.machine.start(&());
        let mut sensible = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            let (_, op) = call.tree.current();
            if call.is_kept && self.machine.allows(&state, &op) {
                state = after(&*self.machine, state, &op);
                sensible.push(index);
            }
        }
        sensible
    }

    /// Leaves out operations, if enough are left.
    fn drops(&mut self, size: usize, end: usize) -> bool {
        let kept = self.sensible();
        let end = end.min(kept.len());
        let dropped = &kept[end.saturating_sub(size)..end];
        if dropped.is_empty() {
            return false;
        }
        for index in dropped {
            self.calls[*index].is_kept = false;
        }
        // Others may make no sense without them.
        let is_enough = self.is_enough();
        match is_enough {
            true => self.undo = Undo::Keep(dropped.to_vec()),
            false => self.keep(dropped),
        }
        is_enough
    }

    fn is_enough(&self) -> bool {
        self.sensible().len() >= self.least
    }

    fn keep(&mut self, indices: &[usize]) {
        for index in indices {
            self.calls[*index].is_kept = true;
        }
    }
}

impl<M: Machine> ValueTree for CallTree<M> {
    type Value = Vec<Call<M::Op>>;

    fn current(&self) -> Self::Value {
        let call = |index: usize| {
            let (client, op) = self.calls[index].tree.current();
            Call { client, op }
        };
        self.sensible().into_iter().map(call).collect()
    }

    fn simplify(&mut self) -> bool {
        loop {
            match self.pass {
                Pass::Drop { size: 0, .. } => self.pass = Pass::Simplify(0),
                Pass::Drop { size, end: 0 } => {
                    let end = self.calls.len();
                    let size = if size == 1 { 0 } else { size.div_ceil(2) };
                    self.pass = Pass::Drop { size, end };
                }
                Pass::Drop { size, end } => {
                    let end = end.min(self.sensible().len());
                    let next = end.saturating_sub(size);
                    let has_dropped = self.drops(size, end);
                    self.pass = Pass::Drop { size, end: next };
                    if has_dropped {
                        return true;
                    }
                }
                Pass::Simplify(index) if index == self.calls.len() => return false,
                Pass::Simplify(index) => {
                    let is_shown = self.sensible().contains(&index);
                    if is_shown && self.calls[index].tree.simplify() {
                        if self.is_enough() {
                            self.undo = Undo::Complicate(index);
                            return true;
                        }
                        while self.calls[index].tree.complicate() {}
                    }
                    self.pass = Pass::Simplify(index + 1);
                }
            }
        }
    }

    fn complicate(&mut self) -> bool {
        match std::mem::replace(&mut self.undo, Undo::Nothing) {
            Undo::Nothing => false,
            Undo::Keep(indices) => {
                self.keep(&indices);
                true
            }
            Undo::Complicate(index) => {
                let has_changed = self.calls[index].tree.complicate();
                match has_changed {
                    true => self.undo = Undo::Complicate(index),
                    // As simple as it can be: the next one.
                    false => self.pass = Pass::Simplify(index + 1),
                }
                has_changed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ::proptest::prelude::*;

    use super::*;
    use crate::proptest::MachineTest;

    /// A door, which can be closed only when it is open.
    #[derive(Debug)]
    struct Door;

    impl crate::assure::Model for Door {
        type Op = bool;
        type Ret = ();
        type State = bool;
        type Key = ();

        fn start(&self, (): &()) -> bool {
            false
        }

        fn step(&self, is_open: &bool, opens: &bool, _: Option<&()>) -> Option<bool> {
            (is_open != opens).then_some(*opens)
        }

        fn key(&self, _: &bool) {}
    }

    impl Machine for Door {
        fn operations(&self, _: &bool) -> BoxedStrategy<bool> {
            any::<bool>().boxed()
        }
    }

    #[test]
    fn there_are_never_fewer_operations_than_the_least() {
        let calls = MachineTest::new(Door).lengths(2..6).calls();
        let mut runner = TestRunner::deterministic();
        for _ in 0..50 {
            let mut tree = calls.new_tree(&mut runner).unwrap();
            while tree.simplify() {
                assert!(tree.current().len() >= 2, "{tree:?}");
            }
            assert!(tree.current().len() >= 2, "{tree:?}");
        }
    }
}
