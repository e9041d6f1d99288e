//! Long histories: how many steps it takes to check them.

use std::collections::{BTreeMap, VecDeque};

use simrun::assure::{
    History, KeyValue, KeyValueOp as Kv, KeyValueRet as Got, Linearizability, Queue, QueueOp,
    QueueRet, Register, RegisterOp, RegisterRet,
};
use simrun::chance::below;

use crate::workload::Workload;

const CALLS: u32 = 10_000;

/// How many steps a search may make for each operation of a history that is linearizable.
const STEPS_EACH: u64 = 40;

fn register(clients: u32, loss: f64, seed: u64) -> History<RegisterOp<u32>, RegisterRet<u32>> {
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

fn store(clients: u32, loss: f64, seed: u64) -> History<Kv<u64, u32>, Got<u32>> {
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

fn queue(clients: u32, puts: fn() -> bool, seed: u64) -> History<QueueOp<u32>, QueueRet<u32>> {
    // A function pointer has no memory, so there is one workload for each kind of queue.
    let draw = match puts() {
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

#[track_caller]
fn is_quick(found: &Linearizability) {
    assert!(found.is_linearizable(), "{found}");
    let steps = found.steps();
    println!("{steps} steps");
    assert!(steps <= u64::from(CALLS) * STEPS_EACH, "{steps} steps");
}

#[test]
fn a_register_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        is_quick(&register(clients, 0.0, 1).check(&Register::new(0)));
    }
}

#[test]
fn a_store_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        is_quick(&store(clients, 0.0, 1).check(&KeyValue::new()));
    }
}

#[test]
fn a_queue_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        is_quick(&queue(clients, || false, 1).check(&Queue::new()));
        // One that grows to some hundred values.
        is_quick(&queue(clients, || true, 1).check(&Queue::new()));
    }
}
