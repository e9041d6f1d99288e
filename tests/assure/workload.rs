//! Histories from runs: clients on a thing that does one thing after another, behind a delay on the
//! way to it and on the way back.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::rc::Rc;

use simrun::assure::{
    History, KeyValueOp as Kv, KeyValueRet as Got, QueueOp, QueueRet, RegisterOp, RegisterRet,
};
use simrun::chance::{below, chance, duration_between};
use simrun::time::{micros, sleep};
use simrun::{Sim, Strategy, spawn};

/// What is called, and how often.
struct Workload<Op, Ret, S> {
    clients: u32,
    calls: u32,
    /// How probable it is that an answer does not arrive.
    loss: f64,
    start: S,
    /// Draws the nth operation of all.
    draw: fn(u32) -> Op,
    apply: fn(&mut S, &Op) -> Ret,
}

impl<Op, Ret, S> Workload<Op, Ret, S>
where
    Op: Clone + Debug + 'static,
    Ret: Clone + Debug + 'static,
    S: 'static,
{
    /// Runs it under a seed.
    fn history(self, seed: u64) -> History<Op, Ret> {
        let history = History::new();
        let kept = history.clone();
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        sim.run(|| self.run(history)).unwrap();
        kept
    }

    async fn run(self, history: History<Op, Ret>) {
        let (state, called) = (Rc::new(RefCell::new(self.start)), Rc::new(RefCell::new(0)));
        let clients = (0..self.clients).map(|client| {
            let (history, state, called) = (history.clone(), state.clone(), called.clone());
            spawn(async move {
                loop {
                    let nth = *called.borrow();
                    if nth == self.calls {
                        break;
                    }
                    *called.borrow_mut() += 1;
                    let op = (self.draw)(nth);
                    let call = history.invoke(client, op.clone());
                    sleep(duration_between("there", micros(1), micros(100))).await;
                    let ret = (self.apply)(&mut state.borrow_mut(), &op);
                    sleep(duration_between("back", micros(1), micros(100))).await;
                    if !chance("lost", self.loss) {
                        call.returns(ret);
                    }
                    if below("rests", 2) == 0 {
                        sleep(micros(50)).await;
                    }
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    }
}

/// How many operations the histories below have.
pub(crate) const CALLS: u32 = 10_000;

pub(crate) fn register(
    clients: u32,
    loss: f64,
    seed: u64,
) -> History<RegisterOp<u32>, RegisterRet<u32>> {
    let workload = Workload {
        clients,
        calls: CALLS,
        loss,
        start: 0,
        draw: |nth| match below("op", 4) {
            0 => RegisterOp::Write(nth),
            1 => RegisterOp::CompareAndSet(nth.saturating_sub(4), nth),
            _ => RegisterOp::Read,
        },
        apply: |state, op| match op {
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
    };
    workload.history(seed)
}

pub(crate) fn store(clients: u32, loss: f64, seed: u64) -> History<Kv<u64, u32>, Got<u32>> {
    let workload = Workload {
        clients,
        calls: CALLS,
        loss,
        start: BTreeMap::new(),
        draw: |nth| {
            let key = below("key", 10);
            match below("op", 8) {
                0 | 1 => Kv::Put(key, nth),
                2 => Kv::Append(key, 1),
                3 => Kv::Delete(key),
                _ => Kv::Get(key),
            }
        },
        apply: |state: &mut BTreeMap<u64, u32>, op| match op {
            Kv::Get(key) => Got::Value(state.get(key).copied()),
            Kv::Put(key, value) => {
                state.insert(*key, *value);
                Got::Done
            }
            Kv::Append(key, value) => {
                *state.entry(*key).or_insert(0) += value;
                Got::Done
            }
            Kv::Delete(key) => {
                state.remove(key);
                Got::Done
            }
            Kv::CompareAndSet(..) => unreachable!("it is not drawn"),
        },
    };
    workload.history(seed)
}

/// `grows`: more is put than taken, so that it comes to hold some hundred values.
pub(crate) fn queue(clients: u32, grows: bool, seed: u64) -> History<QueueOp<u32>, QueueRet<u32>> {
    let draw: fn(u32) -> QueueOp<u32> = match grows {
        true => |nth| match below("op", 100) {
            0..52 => QueueOp::Put(nth),
            _ => QueueOp::Take,
        },
        false => |nth| match below("op", 2) {
            0 => QueueOp::Put(nth),
            _ => QueueOp::Take,
        },
    };
    let workload = Workload {
        clients,
        calls: CALLS,
        loss: 0.0,
        start: VecDeque::new(),
        draw,
        apply: |state: &mut VecDeque<u32>, op| match op {
            QueueOp::Put(value) => {
                state.push_back(*value);
                QueueRet::Done
            }
            QueueOp::Take => QueueRet::Took(state.pop_front()),
        },
    };
    workload.history(seed)
}
