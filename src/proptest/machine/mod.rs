//! Operations against a model: what a system returns is compared with what it should.
//!
//! A [`Machine`] says what the system should do, one operation after another, and which operations
//! make sense when. A [`System`] does it, within a run. [`MachineTest`] generates operations and
//! lets one client call them in turn, or several at once, while [faults](crate::fault) happen.

mod calls;
mod clients;

use std::fmt::Debug;
use std::future::Future;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;

use ::proptest::strategy::BoxedStrategy;

pub use calls::{Call, CallTree, Calls};

use super::{Explored, Properties};
use crate::assure::{Ending, Model};
use crate::explore::probe::Environment;
use crate::fault::Faults;

/// So many operations there are at most, unless it is set.
const MOST: usize = 20;

/// A [`Model`] that also says which operations make sense when.
///
/// Its states are started and stepped as those of any model; `step` without a return value must
/// give the state after what the operation should return.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::assure::Model;
/// use simrun::proptest::{Machine, MachineTest};
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
///
/// /// `Door` is a model whose state says whether it is open.
/// impl Machine for Door {
///     fn operations(&self, is_open: &bool) -> BoxedStrategy<Op> {
///         Just(if *is_open { Op::Close } else { Op::Open }).boxed()
///     }
/// }
///
/// assert!(Door.allows(&false, &Op::Open) && !Door.allows(&true, &Op::Open));
/// let calls = MachineTest::new(Door).calls();
/// proptest!(ProptestConfig::with_cases(5), |(calls in calls)| {
///     prop_assert_eq!(&calls[0].op, &Op::Open);
/// });
/// ```
pub trait Machine:
    Model<Key = (), Op: Send + Sync + 'static, Ret: 'static, State: 'static>
    + Debug
    + Send
    + Sync
    + 'static
{
    /// Returns the operations that make sense in a state.
    fn operations(&self, state: &Self::State) -> BoxedStrategy<Self::Op>;

    /// Says whether an operation still makes sense, in a state that may be another than the one it
    /// was made for, since others before it were left out. Unless this is said, it does if there is
    /// a step.
    fn allows(&self, state: &Self::State, op: &Self::Op) -> bool {
        self.step(state, op, None).is_some()
    }
}

/// What is tested, within one run.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::assure::Ending;
/// use simrun::proptest::{MachineTest, System};
/// use std::cell::Cell;
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
/// /// A door that can be opened three times, and then is stuck.
/// #[derive(Default)]
/// struct Worn {
///     is_open: Cell<bool>,
///     opened: Cell<u32>,
/// }
///
/// impl System<Door> for Worn {
///     async fn call(&self, _client: usize, op: Op) -> Ending<()> {
///         if op == Op::Open {
///             self.opened.set(self.opened.get() + 1);
///         }
///         self.is_open.set(op == Op::Open && self.opened.get() <= 3);
///         Ending::Returned(())
///     }
///
///     async fn check(&self, is_open: &bool) {
///         assert_eq!(self.is_open.get(), *is_open, "the door is stuck");
///     }
/// }
///
/// let explored = MachineTest::new(Door).explore(|| async { Worn::default() });
/// assert_eq!(explored.found().unwrap().workload().len(), 7);
/// ```
pub trait System<M: Machine>: 'static {
    /// Does an operation for a client, and says what came of it: it returned something, it has
    /// surely not happened, or nobody knows, as after a timeout.
    fn call(&self, client: usize, op: M::Op) -> impl Future<Output = Ending<M::Ret>>;

    /// Panics if something does not hold in a state: called after each operation, if there is but
    /// one client and no operation of which nobody knows whether it has happened.
    fn check(&self, state: &M::State) -> impl Future<Output = ()> {
        let _ = state;
        async {}
    }
}

/// A test of systems against a machine.
///
/// ```
/// use proptest::prelude::*;
/// use simrun::assure::{Ending, Model};
/// use simrun::proptest::{Machine, MachineTest, System};
/// use std::cell::Cell;
///
/// #[derive(Clone, Debug)]
/// enum Op {
///     Add(u32),
///     Get,
/// }
///
/// /// A counter: all it returns is the sum.
/// #[derive(Debug)]
/// struct Counter;
///
/// impl Model for Counter {
///     type Op = Op;
///     type Ret = u32;
///     type State = u32;
///     type Key = ();
///
///     fn start(&self, (): &()) -> u32 {
///         0
///     }
///
///     fn step(&self, sum: &u32, op: &Op, ret: Option<&u32>) -> Option<u32> {
///         let sum = match op {
///             Op::Add(number) => sum + number,
///             Op::Get => *sum,
///         };
///         ret.is_none_or(|ret| *ret == sum).then_some(sum)
///     }
///
///     fn key(&self, _: &Op) {}
/// }
///
/// impl Machine for Counter {
///     fn operations(&self, _: &u32) -> BoxedStrategy<Op> {
///         prop_oneof![(1..10_u32).prop_map(Op::Add), Just(Op::Get)].boxed()
///     }
/// }
///
/// struct Cells(Cell<u32>);
///
/// impl System<Counter> for Cells {
///     async fn call(&self, _client: usize, op: Op) -> Ending<u32> {
///         if let Op::Add(number) = op {
///             let sum = self.0.get();
///             simrun::task::yield_now().await;
///             self.0.set(sum + number);
///         }
///         Ending::Returned(self.0.get())
///     }
/// }
///
/// let one = MachineTest::new(Counter).explore(|| async { Cells(Cell::new(0)) });
/// assert!(one.found().is_none());
///
/// let two = MachineTest::new(Counter).clients(2).explore(|| async { Cells(Cell::new(0)) });
/// assert_eq!(two.found().unwrap().workload().len(), 2);
/// ```
#[must_use = "nothing is tested before there is a system"]
pub struct MachineTest<M> {
    machine: Arc<M>,
    lengths: Range<usize>,
    clients: usize,
    faults: Option<Arc<dyn Fn() -> Faults + Send + Sync>>,
    properties: Properties,
}

impl<M: Machine> MachineTest<M> {
    /// Makes the default: up to twenty operations of one client, and no faults.
    pub fn new(machine: M) -> Self {
        Self {
            machine: Arc::new(machine),
            lengths: 1..MOST + 1,
            clients: 1,
            faults: None,
            properties: Properties::new(),
        }
    }

    /// Sets how many operations there are.
    pub fn lengths(mut self, lengths: Range<usize>) -> Self {
        self.lengths = lengths;
        self
    }

    /// Sets how many clients there are, each a task of its own. What several clients are told must
    /// be explained by one order of their operations: it is linearizable.
    pub fn clients(mut self, clients: usize) -> Self {
        self.clients = clients.max(1);
        self
    }

    /// Lets faults happen from when the system is there. They are decisions of the run, and go
    /// first when a failure is made simpler.
    pub fn faults(mut self, faults: impl Fn() -> Faults + Send + Sync + 'static) -> Self {
        self.faults = Some(Arc::new(faults));
        self
    }

    /// Sets with what it is checked: how many cases, under which strategy, where regressions are.
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// Returns the strategy of the operations, for whoever runs them in another way.
    pub fn calls(&self) -> Calls<M> {
        Calls::new(
            Arc::clone(&self.machine),
            self.lengths.clone(),
            self.clients,
        )
    }

    /// Tests systems, and makes what fails as simple as it can be. See [`Properties::explore`].
    #[track_caller]
    pub fn explore<S, F, Fut>(&self, system: F) -> Explored<Vec<Call<M::Op>>>
    where
        S: System<M>,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + 'static,
    {
        self.properties.explore(self.calls(), self.main(system))
    }

    /// Tests systems, and panics with the simplest failure. See [`Properties::check`].
    ///
    /// # Panics
    ///
    /// If a run fails, or the regressions cannot be read.
    #[track_caller]
    pub fn check<S, F, Fut>(&self, system: F) -> Explored<Vec<Call<M::Op>>>
    where
        S: System<M>,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + 'static,
    {
        let (main, at) = (self.main(system), Location::caller());
        self.properties
            .check_told(self.calls(), &main, Environment::read(), at)
    }

    /// Makes the program of a run.
    fn main<S, F, Fut>(&self, system: F) -> impl Fn(Vec<Call<M::Op>>) -> Main + Send + Sync
    where
        S: System<M>,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + 'static,
    {
        let (machine, faults) = (Arc::clone(&self.machine), self.faults.clone());
        let system = Arc::new(system);
        move |calls| {
            let (machine, system) = (Arc::clone(&machine), Arc::clone(&system));
            let faults = faults.clone();
            Box::pin(async move {
                let system = system().await;
                if let Some(faults) = faults {
                    faults().start();
                }
                clients::run(&*machine, system, calls).await;
            })
        }
    }
}

/// The future of a run.
type Main = std::pin::Pin<Box<dyn Future<Output = ()>>>;

impl<M: Debug> Debug for MachineTest<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineTest")
            .field("machine", &self.machine)
            .field("lengths", &self.lengths)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
