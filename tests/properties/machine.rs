//! Operations against models: of one client, of several, and while hosts crash.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proptest::prelude::*;
use simrun::assure::{Ending, Model};
use simrun::fault::Faults;
use simrun::host;
use simrun::net::UdpSocket;
use simrun::proptest::{Machine, MachineTest, System};
use simrun::sync::Lock;
use simrun::task::yield_now;
use simrun::time::{millis, secs, sleep, timeout};

use super::shrinking::seeded;

const SEEDS: u64 = 25;

#[derive(Clone, Debug, PartialEq)]
enum StackOp {
    Push(u16),
    Pop,
}

/// A stack, from which is only popped what is there.
#[derive(Debug)]
struct Stack;

impl Model for Stack {
    type Op = StackOp;
    type Ret = Option<u16>;
    type State = Vec<u16>;
    type Key = ();

    fn start(&self, (): &()) -> Vec<u16> {
        Vec::new()
    }

    fn step(&self, stack: &Vec<u16>, op: &StackOp, ret: Option<&Self::Ret>) -> Option<Vec<u16>> {
        let mut stack = stack.clone();
        let returns = match op {
            StackOp::Push(value) => {
                stack.push(*value);
                None
            }
            StackOp::Pop => stack.pop(),
        };
        ret.is_none_or(|ret| *ret == returns).then_some(stack)
    }

    fn key(&self, _: &StackOp) {}
}

impl Machine for Stack {
    fn operations(&self, stack: &Vec<u16>) -> BoxedStrategy<StackOp> {
        let push = any::<u16>().prop_map(StackOp::Push);
        match stack.is_empty() {
            true => push.boxed(),
            false => prop_oneof![push, Just(StackOp::Pop)].boxed(),
        }
    }

    fn allows(&self, stack: &Vec<u16>, op: &StackOp) -> bool {
        *op != StackOp::Pop || !stack.is_empty()
    }
}

/// Forgets what is at the bottom when a fourth value comes.
struct Shallow(RefCell<Vec<u16>>);

impl System<Stack> for Shallow {
    async fn call(&self, _client: usize, op: StackOp) -> Ending<Option<u16>> {
        let mut values = self.0.borrow_mut();
        Ending::Returned(match op {
            StackOp::Push(value) => {
                values.push(value);
                if values.len() == 4 {
                    values.remove(0);
                }
                None
            }
            StackOp::Pop => values.pop(),
        })
    }

    async fn check(&self, stack: &Vec<u16>) {
        assert!(self.0.borrow().len() <= stack.len());
    }
}

#[test]
fn one_client_needs_only_the_operations_that_fill_it_and_those_that_empty_it() {
    for seed in 0..SEEDS {
        let test = MachineTest::new(Stack).properties(seeded(seed));
        let explored = test.explore(|| async { Shallow(RefCell::default()) });
        let found = explored.found().unwrap();
        let operations: Vec<StackOp> = found.workload().iter().map(|it| it.op.clone()).collect();
        let (push, pop) = (StackOp::Push(0), StackOp::Pop);
        let pushes = operations.iter().filter(|op| **op == push).count();
        let pops = operations.iter().filter(|op| **op == pop).count();
        assert_eq!(
            (pushes, pops, operations.len()),
            (4, 4, 8),
            "{operations:?}"
        );
        assert!(found.finding().best_plan().is_empty());
    }
}

#[derive(Clone, Debug, PartialEq)]
enum CounterOp {
    Increment,
    Get,
}

/// A counter that says what it was before.
#[derive(Debug)]
struct Counter;

impl Model for Counter {
    type Op = CounterOp;
    type Ret = u32;
    type State = u32;
    type Key = ();

    fn start(&self, (): &()) -> u32 {
        0
    }

    fn step(&self, count: &u32, op: &CounterOp, ret: Option<&u32>) -> Option<u32> {
        let next = match op {
            CounterOp::Increment => count + 1,
            CounterOp::Get => *count,
        };
        ret.is_none_or(|ret| ret == count).then_some(next)
    }

    fn key(&self, _: &CounterOp) {}
}

impl Machine for Counter {
    fn operations(&self, _: &u32) -> BoxedStrategy<CounterOp> {
        prop_oneof![Just(CounterOp::Get), Just(CounterOp::Increment)].boxed()
    }
}

/// Reads, goes on, and writes, under a lock or not.
struct Cells {
    count: Cell<u32>,
    lock: Lock<()>,
    is_locked: bool,
}

impl Cells {
    fn new(is_locked: bool) -> Self {
        Self {
            count: Cell::new(0),
            lock: Lock::new(()),
            is_locked,
        }
    }
}

impl System<Counter> for Cells {
    async fn call(&self, client: usize, op: CounterOp) -> Ending<u32> {
        for _ in 0..client {
            yield_now().await;
            yield_now().await;
        }
        let _guard = match self.is_locked {
            true => Some(self.lock.acquire().await),
            false => None,
        };
        let count = self.count.get();
        if op == CounterOp::Increment {
            yield_now().await;
            self.count.set(count + 1);
        }
        Ending::Returned(count)
    }
}

#[test]
fn several_clients_must_be_told_what_one_order_explains() {
    let mut decisions = Vec::new();
    for seed in 0..SEEDS {
        let test = MachineTest::new(Counter)
            .clients(3)
            .properties(seeded(seed));
        let explored = test.explore(|| async { Cells::new(false) });
        let found = explored.found().unwrap();
        assert_eq!(found.workload().len(), 2, "{:?}", found.workload());
        let message = found.finding().failure().message();
        assert!(message.contains("not linearizable"), "{message}");
        decisions.push(found.finding().best_plan().len());
    }
    decisions.sort_unstable();
    println!("two increments need so many decisions: {decisions:?}");
    assert!(decisions[decisions.len() / 2] <= 2);
    let properties = seeded(0).cases(50);
    let test = MachineTest::new(Counter).clients(3).properties(properties);
    let explored = test.explore(|| async { Cells::new(true) });
    assert!(explored.found().is_none());
    assert_eq!(explored.cases(), 50);
}

#[derive(Clone, Debug, PartialEq)]
enum StoreOp {
    Write(u8),
    Read,
}

/// A store of one value.
#[derive(Debug)]
struct Store;

impl Model for Store {
    type Op = StoreOp;
    type Ret = u8;
    type State = u8;
    type Key = ();

    fn start(&self, (): &()) -> u8 {
        0
    }

    fn step(&self, stored: &u8, op: &StoreOp, ret: Option<&u8>) -> Option<u8> {
        let stored = match op {
            StoreOp::Write(value) => *value,
            StoreOp::Read => *stored,
        };
        ret.is_none_or(|ret| *ret == stored).then_some(stored)
    }

    fn key(&self, _: &StoreOp) {}
}

impl Machine for Store {
    fn operations(&self, _: &u8) -> BoxedStrategy<StoreOp> {
        prop_oneof![any::<u8>().prop_map(StoreOp::Write), Just(StoreOp::Read)].boxed()
    }
}

/// Asks a host that stores the value, and waits for half a second.
struct Remote;

impl Remote {
    /// Starts the host, which remembers what it was told before a crash, or does not.
    fn start(is_durable: bool) -> Self {
        let disk = Rc::new(Cell::new(0));
        host::start("store", move || {
            let disk = disk.clone();
            async move {
                let mut stored = if is_durable { disk.get() } else { 0 };
                let socket = UdpSocket::bind("0.0.0.0:7").await.unwrap();
                let mut question = [0; 2];
                while let Ok((length, client)) = socket.recv_from(&mut question).await {
                    if length == 2 {
                        stored = question[0];
                        disk.set(stored);
                    }
                    let _ = socket.send_to(&[stored], client).await;
                }
            }
        });
        Self
    }
}

impl System<Store> for Remote {
    async fn call(&self, _client: usize, op: StoreOp) -> Ending<u8> {
        sleep(millis(50)).await;
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let question: &[u8] = match &op {
            StoreOp::Write(value) => &[*value, 0],
            StoreOp::Read => &[0],
        };
        if socket.send_to(question, "store:7").await.is_err() {
            return Ending::Failed;
        }
        let mut answer = [0];
        match timeout(millis(500), socket.recv(&mut answer)).await {
            Ok(Ok(_)) => Ending::Returned(answer[0]),
            _ => Ending::Open,
        }
    }
}

fn crashes() -> Faults {
    let crashes = Faults::among(["store"]).crashes(0.05);
    crashes.lasting(millis(10), millis(200)).until(secs(20))
}

#[test]
fn what_is_forgotten_in_a_crash_needs_a_write_a_read_and_a_crash() {
    let mut sizes = Vec::new();
    for seed in 0..SEEDS {
        let test = MachineTest::new(Store)
            .faults(crashes)
            .properties(seeded(seed));
        let explored = test.explore(|| async { Remote::start(false) });
        let found = explored.found().unwrap();
        sizes.push((found.workload().len(), found.finding().best_plan().len()));
        let plan = found.finding().best_plan().to_string();
        assert!(plan.contains("crash of store"), "{plan}");
    }
    sizes.sort_unstable();
    println!("operations and decisions: {sizes:?}");
    let (operations, decisions) = sizes[sizes.len() / 2];
    assert!(operations <= 3 && decisions <= 2);
}

#[test]
fn a_store_that_remembers_is_not_blamed_for_what_nobody_knows() {
    for clients in [1, 2] {
        let test = MachineTest::new(Store).faults(crashes).clients(clients);
        let explored = test
            .properties(seeded(1).cases(60))
            .explore(|| async { Remote::start(true) });
        assert!(explored.found().is_none(), "{:?}", explored.found());
    }
}
