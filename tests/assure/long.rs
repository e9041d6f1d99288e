//! Long histories: how many steps it takes to check them.

use simrun::assure::{
    History, KeyValue, KeyValueRet, Linearizability, Operation, Queue, QueueRet, Register,
    RegisterRet,
};

use crate::workload::{CALLS, queue, register, store};

/// How many steps a search may make for each operation of a history that is linearizable.
const STEPS_EACH: u64 = 10;

#[track_caller]
fn is_quick(found: &Linearizability) {
    assert!(found.is_linearizable(), "{found}");
    let steps = found.steps();
    assert!(steps <= u64::from(CALLS) * STEPS_EACH, "{steps} steps");
}

/// Calls and returns everything once more, with other answers.
fn changed<Op: Clone, Ret: Clone>(
    history: &History<Op, Ret>,
    change: impl Fn(usize, &Operation<Op, Ret>) -> Option<Ret>,
) -> History<Op, Ret> {
    let operations = history.operations();
    let mut moments = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        moments.push((operation.called(), index));
        moments.extend(operation.returned().map(|returned| (returned, index)));
    }
    moments.sort_unstable();
    let again = History::new();
    let mut calls: Vec<_> = operations.iter().map(|_| None).collect();
    for (_, index) in moments {
        let operation = &operations[index];
        match calls[index].take() {
            None => calls[index] = Some(again.invoke(operation.client(), operation.op().clone())),
            Some(call) => match change(index, operation).as_ref().or(operation.ret()) {
                Some(ret) => call.returns(ret.clone()),
                None => call.fails(),
            },
        }
    }
    again
}

#[test]
fn a_register_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        for seed in 0..3 {
            is_quick(&register(clients, 0.0, seed).check(&Register::new(0)));
        }
    }
}

#[test]
fn a_store_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        for seed in 0..3 {
            is_quick(&store(clients, 0.0, seed).check(&KeyValue::new()));
        }
    }
}

#[test]
fn a_queue_is_checked_in_a_few_steps_an_operation() {
    for clients in [5, 10] {
        for seed in 0..3 {
            is_quick(&queue(clients, false, seed).check(&Queue::new()));
            is_quick(&queue(clients, true, seed).check(&Queue::new()));
        }
    }
}

#[test]
fn operations_that_never_return_are_borne() {
    for seed in 0..3 {
        let history = register(5, 0.001, seed);
        let open = history.operations();
        let open = open.iter().filter(|operation| operation.ret().is_none());
        assert!(open.count() > 3);
        assert!(history.check(&Register::new(0)).is_linearizable());
        assert!(
            store(5, 0.005, seed)
                .check(&KeyValue::new())
                .is_linearizable()
        );
    }
}

#[test]
fn one_wrong_answer_in_a_long_history_is_found_where_it_is() {
    let history = register(10, 0.0, 1);
    let reads = history.operations();
    let is_read = |index: &usize| matches!(reads[*index].ret(), Some(RegisterRet::Value(_)));
    let wrong = (5_000..).find(is_read).unwrap();
    let history = changed(&history, |index, _| {
        (index == wrong).then_some(RegisterRet::Value(77))
    });
    let found = history.check(&Register::new(0));
    assert_eq!(found.counterexample().unwrap().culprit(), wrong);

    let history = store(10, 0.0, 1);
    let reads = history.operations();
    let is_read = |index: &usize| matches!(reads[*index].ret(), Some(KeyValueRet::Value(_)));
    let wrong = (5_000..).find(is_read).unwrap();
    let history = changed(&history, |index, _| {
        (index == wrong).then_some(KeyValueRet::Value(Some(1_000_000)))
    });
    let found = history.check(&KeyValue::new());
    assert_eq!(found.counterexample().unwrap().culprit(), wrong);
}

#[test]
fn a_value_that_a_long_queue_gives_twice_is_found_or_the_search_gives_up() {
    let history = queue(5, false, 1);
    let takes = history.operations();
    let taken = |index: usize| match takes[index].ret() {
        Some(QueueRet::Took(Some(value))) => Some(*value),
        _ => None,
    };
    let wrong = (100..).find(|index| taken(*index).is_some()).unwrap();
    let again = (0..wrong).rev().find_map(taken);
    let history = changed(&history, |index, _| {
        (index == wrong).then_some(QueueRet::Took(again))
    });
    let found = history.check_within(&Queue::new(), 200_000);
    assert!(!found.is_linearizable());
}
