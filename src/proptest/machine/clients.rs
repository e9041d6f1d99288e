//! The run of a machine's test: clients that call a system, and what they must be told.
//!
//! One client is told at once if an answer is wrong. With several of them, or after an operation of
//! which nobody knows whether it has happened, there may be many states, so it is looked at the end
//! whether some order of all operations explains the answers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;

use super::{Call, Machine, System};
use crate::assure::{Ending, History};
use crate::task;

/// Lets the clients call their operations.
pub(super) async fn run<M: Machine>(machine: &M, system: impl System<M>, calls: Vec<Call<M::Op>>) {
    let system = Rc::new(system);
    let history = History::new();
    let mut of_client: BTreeMap<usize, Vec<M::Op>> = BTreeMap::new();
    for Call { client, op } in calls {
        of_client.entry(client).or_default().push(op);
    }
    if of_client.len() > 1 {
        let clients = of_client.into_iter().map(|(client, operations)| {
            let (system, history) = (Rc::clone(&system), history.clone());
            let calls = calls_of(system, history, client, operations);
            task::spawn(calls).name(format!("client {client}"))
        });
        let clients: Vec<_> = clients.collect();
        for client in clients {
            if let Err(error) = client.await {
                error.resume();
            }
        }
    } else if let Some((client, operations)) = of_client.into_iter().next() {
        in_turn(machine, &*system, &history, client, operations).await;
    }
    history.assert_linearizable(machine);
}

/// Lets one of several clients call its operations.
async fn calls_of<M: Machine, S: System<M>>(
    system: Rc<S>,
    history: History<M::Op, M::Ret>,
    client: usize,
    operations: Vec<M::Op>,
) {
    for op in operations {
        called(&*system, &history, client, op).await;
    }
}

/// Lets the only client call its operations: each must return what it can in the state that the
/// one before it has left.
async fn in_turn<M: Machine>(
    machine: &M,
    system: &impl System<M>,
    history: &History<M::Op, M::Ret>,
    client: usize,
    operations: Vec<M::Op>,
) {
    let mut known = Some(machine.start(&()));
    for op in operations {
        let ending = called(system, history, client, op.clone()).await;
        known = match (known, ending) {
            (Some(state), Ending::Returned(ret)) => {
                let next = machine.step(&state, &op, Some(&ret));
                assert!(
                    next.is_some(),
                    "{op:?} has returned {ret:?}, which it cannot in the state {state:?}"
                );
                next
            }
            (known, Ending::Failed) => known,
            _ => None,
        };
        if let Some(state) = &known {
            system.check(state).await;
        }
    }
}

/// Calls an operation, and writes down what came of it.
async fn called<M: Machine>(
    system: &impl System<M>,
    history: &History<M::Op, M::Ret>,
    client: usize,
    op: M::Op,
) -> Ending<M::Ret> {
    let call = history.invoke(client, op.clone());
    crate::log!("calls {op:?}");
    let ending = system.call(client, op).await;
    crate::log!("{}", shown(&ending));
    match &ending {
        Ending::Returned(ret) => call.returns(ret.clone()),
        Ending::Failed => call.fails(),
        Ending::Open => drop(call),
    }
    ending
}

fn shown<R: Debug>(ending: &Ending<R>) -> String {
    match ending {
        Ending::Returned(ret) => format!("is told {ret:?}"),
        Ending::Failed => "is told that it has failed".to_owned(),
        Ending::Open => "is told nothing".to_owned(),
    }
}
