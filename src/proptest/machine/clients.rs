//! The run of a machine's test: clients that call a system, and what they must be told.

use super::{Call, Machine, System};

/// Lets the clients call their operations.
pub(super) async fn run<M: Machine>(machine: &M, system: impl System<M>, calls: Vec<Call<M::Op>>) {
    in_turn(machine, &system, calls).await;
}

/// Lets one client call its operations: each must return what it can in the state that the one
/// before it has left.
async fn in_turn<M: Machine>(machine: &M, system: &impl System<M>, calls: Vec<Call<M::Op>>) {
    let mut state = Some(machine.start());
    for Call { client, op } in calls {
        let ret = system.call(client, op.clone()).await;
        crate::log!("{op:?} -> {}", shown(ret.as_ref()));
        state = match (state, ret) {
            (Some(state), Some(ret)) => {
                let next = machine.step(&state, &op, Some(&ret));
                assert!(
                    next.is_some(),
                    "{op:?} has returned {ret:?}, which it cannot in the state {state:?}"
                );
                next
            }
            _ => None,
        };
        if let Some(state) = &state {
            system.check(state).await;
        }
    }
}

fn shown<R: std::fmt::Debug>(ret: Option<&R>) -> String {
    ret.map_or_else(|| "nobody knows".to_owned(), |ret| format!("{ret:?}"))
}
