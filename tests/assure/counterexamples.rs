//! What counterexamples say.

use simrun::assure::{History, Queue, QueueOp, QueueRet, Register, RegisterOp, RegisterRet};

#[test]
fn a_stale_read_is_shown_beside_the_write_that_it_has_not_seen() {
    let history = History::new();
    for value in 1..20 {
        let write = history.invoke("writer", RegisterOp::Write(value));
        let before = history.invoke("reader", RegisterOp::Read);
        before.returns(RegisterRet::Value(value - 1));
        write.returns(RegisterRet::Done);
        if value < 19 {
            let after = history.invoke("reader", RegisterOp::Read);
            after.returns(RegisterRet::Value(value));
        }
    }
    let _open = history.invoke("a client of a long name", RegisterOp::Write(100));
    let stale = history.invoke("reader", RegisterOp::Read);
    let other = history.invoke("another", RegisterOp::Read);
    stale.returns(RegisterRet::Value(18));
    other.returns(RegisterRet::Value(100));
    let found = history.check(&Register::new(0));
    let text = found.to_string();
    insta::assert_snapshot!(text);
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn a_value_that_is_taken_twice_is_shown() {
    let history = History::new();
    let first = history.invoke("a", QueueOp::Put("first"));
    let second = history.invoke("b", QueueOp::Put("second"));
    second.returns(QueueRet::Done);
    let one = history.invoke("c", QueueOp::Take);
    let two = history.invoke("d", QueueOp::Take);
    one.returns(QueueRet::Took(Some("second")));
    two.returns(QueueRet::Took(Some("second")));
    first.returns(QueueRet::Done);
    let found = history.check(&Queue::new());
    insta::assert_snapshot!(found.to_string());
}
