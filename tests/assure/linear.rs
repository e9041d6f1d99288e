//! Histories of which it is known whether they are linearizable.

use simrun::assure::{
    History, KeyValue, KeyValueOp as Kv, KeyValueRet as Got, Linearizability, Model, Queue,
    QueueOp, QueueRet, Register, RegisterOp as Op, RegisterRet as Ret, Set, SetOp,
};

type Registers = History<Op<u32>, Ret<u32>>;

fn holds<O: Clone + std::fmt::Debug, R: Clone + std::fmt::Debug>(
    history: &History<O, R>,
    model: &impl Model<Op = O, Ret = R>,
) -> bool {
    match history.check(model) {
        Linearizability::Linearizable { .. } => true,
        Linearizability::NotLinearizable(_) => false,
        Linearizability::Unknown { steps } => panic!("unknown after {steps} steps"),
    }
}

#[test]
fn nothing_is_linearizable_and_takes_no_steps() {
    let found = Registers::new().check(&Register::new(0));
    assert!(found.is_linearizable());
    assert_eq!(found.steps(), 0);
}

#[test]
fn a_read_beside_a_write_may_see_it_or_not_but_not_first_see_it_and_then_not() {
    for (first, second, expected) in [(0, 0, true), (0, 1, true), (1, 1, true), (1, 0, false)] {
        let history = Registers::new();
        let write = history.invoke("a", Op::Write(1));
        history.invoke("b", Op::Read).returns(Ret::Value(first));
        history.invoke("c", Op::Read).returns(Ret::Value(second));
        write.returns(Ret::Done);
        assert_eq!(holds(&history, &Register::new(0)), expected, "{history}");
    }
}

#[test]
fn a_read_after_a_write_sees_it() {
    let history = Registers::new();
    history.invoke("a", Op::Write(1)).returns(Ret::Done);
    history.invoke("b", Op::Read).returns(Ret::Value(0));
    let found = history.check(&Register::new(0));
    let counterexample = found.counterexample().unwrap();
    assert_eq!(counterexample.culprit(), 1);
    assert_eq!(counterexample.order(), [0]);
    assert_eq!(counterexample.pending(), [1]);
    assert_eq!(counterexample.key(), None);
}

#[test]
fn an_open_write_may_happen_late_or_never_but_not_twice() {
    let reads = |values: &[u32]| {
        let history = Registers::new();
        drop(history.invoke("a", Op::Write(1)));
        for value in values {
            history.invoke("b", Op::Read).returns(Ret::Value(*value));
        }
        history.invoke("c", Op::Write(2)).returns(Ret::Done);
        history.invoke("b", Op::Read).returns(Ret::Value(1));
        holds(&history, &Register::new(0))
    };
    assert!(reads(&[]));
    assert!(reads(&[0, 0, 0]));
    // It has happened before the second write, so what is read after that is the second.
    assert!(!reads(&[0, 1]));
}

#[test]
fn an_open_operation_does_not_happen_before_its_call() {
    let history = Registers::new();
    history.invoke("b", Op::Read).returns(Ret::Value(1));
    drop(history.invoke("a", Op::Write(1)));
    assert!(!holds(&history, &Register::new(0)));
}

#[test]
fn what_fails_does_not_happen() {
    let history = Registers::new();
    history.invoke("a", Op::Write(1)).fails();
    history.invoke("b", Op::Read).returns(Ret::Value(1));
    assert!(!holds(&history, &Register::new(0)));
    let history = Registers::new();
    let fails = history.invoke("a", Op::Write(1));
    history.invoke("b", Op::Read).returns(Ret::Value(0));
    fails.fails();
    assert!(holds(&history, &Register::new(0)));
}

#[test]
fn one_of_two_that_compare_and_set_wins() {
    for (one, other, expected) in [
        (true, false, true),
        (false, true, true),
        (true, true, false),
        (false, false, false),
    ] {
        let history = Registers::new();
        let first = history.invoke("a", Op::CompareAndSet(0, 1));
        let second = history.invoke("b", Op::CompareAndSet(0, 2));
        first.returns(Ret::Set(one));
        second.returns(Ret::Set(other));
        assert_eq!(holds(&history, &Register::new(0)), expected, "{history}");
    }
}

#[test]
fn a_queue_gives_in_the_order_of_puts_that_do_not_overlap() {
    let history = |overlap: bool, takes: [Option<u32>; 2]| {
        let history = History::new();
        let first = history.invoke("a", QueueOp::Put(1));
        let mut first = Some(first);
        if !overlap {
            first.take().unwrap().returns(QueueRet::Done);
        }
        history.invoke("b", QueueOp::Put(2)).returns(QueueRet::Done);
        if let Some(first) = first {
            first.returns(QueueRet::Done);
        }
        for take in takes {
            history
                .invoke("c", QueueOp::Take)
                .returns(QueueRet::Took(take));
        }
        history
    };
    assert!(holds(&history(false, [Some(1), Some(2)]), &Queue::new()));
    assert!(!holds(&history(false, [Some(2), Some(1)]), &Queue::new()));
    assert!(holds(&history(true, [Some(2), Some(1)]), &Queue::new()));
    assert!(!holds(&history(true, [Some(2), Some(2)]), &Queue::new()));
    assert!(!holds(&history(true, [Some(2), None]), &Queue::new()));
}

#[test]
fn keys_are_checked_apart_and_their_orders_are_one() {
    let history = History::new();
    let slow = history.invoke("a", Kv::Put("x", 1));
    history.invoke("b", Kv::Put("y", 2)).returns(Got::Done);
    history
        .invoke("b", Kv::Get("x"))
        .returns(Got::Value(Some(1)));
    slow.returns(Got::Done);
    history.invoke("a", Kv::Append("y", 3)).returns(Got::Done);
    history
        .invoke("a", Kv::Get("y"))
        .returns(Got::Value(Some(5)));
    history
        .invoke("a", Kv::CompareAndSet("y", 5, 6))
        .returns(Got::Set(true));
    history.invoke("a", Kv::Delete("y")).returns(Got::Done);
    history.invoke("b", Kv::Get("y")).returns(Got::Value(None));
    match history.check(&KeyValue::new()) {
        Linearizability::Linearizable { order, .. } => {
            assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7]);
        }
        other => panic!("{other}"),
    }
    history.invoke("b", Kv::Get("x")).returns(Got::Value(None));
    let found = history.check(&KeyValue::new());
    assert_eq!(found.counterexample().unwrap().key(), Some("\"x\""));
}

#[test]
fn values_of_a_set_are_checked_apart() {
    let history = History::new();
    let insert = history.invoke("a", SetOp::Insert(1));
    history.invoke("b", SetOp::Contains(1)).returns(true);
    history.invoke("b", SetOp::Contains(2)).returns(false);
    history.invoke("c", SetOp::Insert(1)).returns(true);
    insert.returns(false);
    history.invoke("b", SetOp::Remove(1)).returns(true);
    assert!(holds(&history, &Set::new()));
    history.invoke("b", SetOp::Remove(1)).returns(true);
    assert!(!holds(&history, &Set::new()));
}

#[test]
fn a_search_that_takes_too_long_ends() {
    let history = History::new();
    // Twenty-four writes at one time, and a read of what nobody has written.
    let writes: Vec<_> = (0..24)
        .map(|value| history.invoke(value, Op::Write(value)))
        .collect();
    history.invoke("reader", Op::Read).returns(Ret::Value(100));
    writes
        .into_iter()
        .for_each(|write| write.returns(Ret::Done));
    let found = history.check_within(&Register::new(0), 100_000);
    assert!(
        matches!(found, Linearizability::Unknown { steps: 100_000 }),
        "{found}"
    );
    assert_eq!(
        found.to_string(),
        "not known to be linearizable or not after 100000 steps"
    );
}

#[test]
fn a_key_that_takes_too_long_hides_no_other_that_is_wrong() {
    let history = History::new();
    let put = |value| history.invoke(value, Kv::Append("hard".to_owned(), vec![value]));
    let puts: Vec<_> = (0..24).map(put).collect();
    let read = history.invoke("reader", Kv::Get("hard".to_owned()));
    read.returns(Got::Value(Some(vec![100])));
    puts.into_iter().for_each(|put| put.returns(Got::Done));
    let model = KeyValue::new();
    assert!(matches!(
        history.check_within(&model, 1_000),
        Linearizability::Unknown { .. }
    ));
    let read = history.invoke("reader", Kv::Get("easy".to_owned()));
    read.returns(Got::Value(Some(vec![100])));
    assert_eq!(
        history
            .check_within(&model, 1_000)
            .counterexample()
            .unwrap()
            .key(),
        Some("\"easy\"")
    );
}

#[test]
#[should_panic(expected = "not linearizable")]
fn asserting_panics_with_the_counterexample() {
    let history = Registers::new();
    history.invoke("b", Op::Read).returns(Ret::Value(1));
    history.assert_linearizable(&Register::new(0));
}
