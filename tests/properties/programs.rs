//! Programs with planted bugs, each with a strategy of workloads of which most do not matter.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use simrun::fault::Faults;
use simrun::net::UdpSocket;
use simrun::sync::{Event, Queue, Tracked};
use simrun::task::yield_now;
use simrun::time::{millis, secs, sleep};
use simrun::{host, spawn};

/// Goes on for so long: each operation starts a step after the one before it, so that in asyncio's
/// own order they do not get in each other's way.
async fn steps(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// What is done with accounts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Banking {
    Deposit { account: usize, sum: u32 },
    Transfer { from: usize, to: usize, sum: u32 },
    Audit,
    Pause(u64),
}

fn account() -> std::ops::Range<usize> {
    0..3
}

/// Deposits, pauses, and looks at the books.
pub(crate) fn deposits() -> impl Strategy<Value = Vec<Banking>> {
    let deposit = (account(), 1..1_000_u32);
    let operation = prop_oneof![
        3 => deposit.prop_map(|(account, sum)| Banking::Deposit { account, sum }),
        1 => (0..3_u64).prop_map(Banking::Pause),
    ];
    vec(operation, 1..20)
}

/// Reads the balance, goes on, and writes it.
pub(crate) async fn lost_update(operations: Vec<Banking>) {
    let accounts = [(); 3].map(|()| Arc::new(Tracked::new(0)));
    let mut tasks = Vec::new();
    let mut expected = [0; 3];
    for (index, operation) in operations.into_iter().enumerate() {
        let accounts = accounts.clone();
        if let Banking::Deposit { account, sum } = &operation {
            expected[*account] += sum;
        }
        tasks.push(spawn(async move {
            steps(index).await;
            match operation {
                Banking::Deposit { account, sum } => {
                    let before = accounts[account].read(|balance| *balance);
                    yield_now().await;
                    accounts[account].write(|balance| *balance = before + sum);
                }
                Banking::Pause(length) => sleep(millis(length)).await,
                _ => {}
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let balances = accounts.map(|account| account.read(|balance| *balance));
    assert_eq!(balances, expected, "a deposit is lost");
}

/// Deposits, transfers and audits.
pub(crate) fn transfers() -> impl Strategy<Value = Vec<Banking>> {
    let deposit = (account(), 1..1_000_u32);
    let transfer = (account(), account(), 1..1_000_u32);
    let transfer = transfer.prop_map(|(from, to, sum)| Banking::Transfer { from, to, sum });
    let operation = prop_oneof![
        2 => deposit.prop_map(|(account, sum)| Banking::Deposit { account, sum }),
        3 => transfer,
        1 => Just(Banking::Audit),
    ];
    vec(operation, 1..20)
}

/// Takes from one account, goes on, and gives to the other.
pub(crate) async fn transfer_in_two_steps(operations: Vec<Banking>) {
    let accounts = [(); 3].map(|()| Arc::new(Tracked::new(0_i64)));
    let total = Rc::new(Cell::new(0));
    let mut tasks = Vec::new();
    for (index, operation) in operations.into_iter().enumerate() {
        let (accounts, total) = (accounts.clone(), total.clone());
        tasks.push(spawn(async move {
            steps(index).await;
            match operation {
                Banking::Deposit { account, sum } => {
                    accounts[account].write(|balance| *balance += i64::from(sum));
                    total.set(total.get() + i64::from(sum));
                }
                Banking::Transfer { from, to, sum } => {
                    accounts[from].write(|balance| *balance -= i64::from(sum));
                    yield_now().await;
                    accounts[to].write(|balance| *balance += i64::from(sum));
                }
                Banking::Audit => {
                    let balances = accounts.each_ref();
                    let balances = balances.map(|account| account.read(|balance| *balance));
                    let sum: i64 = balances.iter().sum();
                    assert_eq!(sum, total.get(), "money is nowhere");
                }
                Banking::Pause(_) => {}
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// What is done with a queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Queueing {
    Put(u16),
    Get,
    CancelGetter,
}

/// Puts, gets and cancellations.
pub(crate) fn queueing() -> impl Strategy<Value = Vec<Queueing>> {
    let operation = prop_oneof![
        3 => any::<u16>().prop_map(Queueing::Put),
        3 => Just(Queueing::Get),
        1 => Just(Queueing::CancelGetter),
    ];
    vec(operation, 1..20)
}

/// A getter takes an item, goes on, and only then is what it has taken its caller's: if it is
/// cancelled there, the item is nowhere.
pub(crate) async fn lost_item(operations: Vec<Queueing>) {
    let items = Rc::new(RefCell::new(VecDeque::new()));
    let filled = Rc::new(Event::new());
    let got = Rc::new(Cell::new(0));
    let (mut getters, mut others, mut put) = (Vec::new(), Vec::new(), 0);
    for (index, operation) in operations.into_iter().enumerate() {
        let (items, filled, got) = (items.clone(), filled.clone(), got.clone());
        match operation {
            Queueing::Put(item) => {
                put += 1;
                others.push(spawn(async move {
                    steps(index).await;
                    items.borrow_mut().push_back(item);
                    filled.set();
                }));
            }
            Queueing::Get => getters.push(spawn(async move {
                steps(index).await;
                while items.borrow().is_empty() {
                    filled.clear();
                    filled.wait().await;
                }
                let item = items.borrow_mut().pop_front();
                yield_now().await;
                got.set(got.get() + usize::from(item.is_some()));
            })),
            Queueing::CancelGetter => {
                let Some(getter) = getters.pop() else {
                    continue;
                };
                others.push(spawn(async move {
                    steps(index + 1).await;
                    getter.cancel();
                    let _ = getter.await;
                }));
            }
        }
    }
    sleep(secs(1)).await;
    let left = items.borrow().len();
    assert_eq!(got.get() + left, put, "an item is nowhere");
}

/// What is done with a store of two hosts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Storing {
    Write(u8),
    Read,
    Pause(u64),
}

/// Writes, reads and pauses.
pub(crate) fn storing() -> impl Strategy<Value = Vec<Storing>> {
    let operation = prop_oneof![
        2 => any::<u8>().prop_map(Storing::Write),
        2 => Just(Storing::Read),
        2 => (1..200_u64).prop_map(Storing::Pause),
    ];
    vec(operation, 1..15)
}

/// Writes go to the primary, which tells the replica once; reads are answered by the replica, a
/// second after the last write. So a partition at the wrong time makes a read stale.
pub(crate) async fn stale_read(operations: Vec<Storing>) {
    let replica = Rc::new(Cell::new(0));
    let orders = Arc::new(Queue::unbounded());
    let taken = orders.clone();
    host::start("primary", move || {
        let orders = taken.clone();
        async move {
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            while let Ok(value) = orders.get().await {
                socket.send_to(&[value], "replica:7").await.unwrap();
            }
        }
    });
    let stored = replica.clone();
    host::start("replica", move || {
        let stored = stored.clone();
        async move {
            let socket = UdpSocket::bind("0.0.0.0:7").await.unwrap();
            let mut value = [0];
            while socket.recv(&mut value).await.is_ok() {
                stored.set(value[0]);
            }
        }
    });
    Faults::among(["primary", "replica"])
        .partitions(0.05)
        .lasting(millis(200), secs(2))
        .until(secs(30))
        .start();
    let mut written = 0;
    for operation in operations {
        match operation {
            Storing::Write(value) => {
                written = value;
                orders.put(value).await.unwrap();
            }
            Storing::Read => {
                sleep(secs(1)).await;
                assert_eq!(replica.get(), written, "the read is stale");
            }
            Storing::Pause(length) => sleep(millis(length)).await,
        }
    }
}
