//! Histories: what is written down, from wherever it is.

use std::sync::Arc;

use simrun::assure::{Ending, History, Register, RegisterOp, RegisterRet};
use simrun::{Sim, Strategy, host, spawn, task, thread, time};

type Numbers = History<RegisterOp<u32>, RegisterRet<u32>>;

#[test]
fn a_history_knows_who_called_what_when_and_what_came_of_it() {
    let history = History::new();
    let kept = history.clone();
    Sim::new()
        .run(|| async move {
            let server = host::start("server", move || {
                let history = history.clone();
                async move {
                    time::sleep(time::secs(1)).await;
                    let call = history.invoke("first", RegisterOp::Write(1));
                    time::sleep(time::millis(1)).await;
                    call.returns(RegisterRet::Done);
                    let call = history.invoke(7, RegisterOp::Read);
                    let reading = spawn(async move {
                        time::sleep(time::secs(1)).await;
                        call.returns(RegisterRet::Value(1));
                    });
                    history.invoke("third", RegisterOp::Write(2)).fails();
                    time::sleep(time::millis(1)).await;
                    // What is cancelled on the way says nothing.
                    reading.cancel();
                    let _ = reading.await;
                    Ok::<(), std::io::Error>(())
                }
            });
            server.join().await.unwrap();
        })
        .unwrap();
    let text = "         1s ..      1.001s  first     Write(1) -> Done\n     \
                1.001s ..           ?  7         Read\n     \
                1.001s ..      1.001s  third     Write(2) fails\n";
    assert_eq!(kept.to_string(), text);
    let operations = kept.operations();
    assert_eq!(operations[0].task(), Some("server"));
    assert_eq!(operations[0].client(), "first");
    assert_eq!(operations[0].ret(), Some(&RegisterRet::Done));
    assert_eq!(operations[1].ending(), &Ending::Open);
    assert_eq!(operations[1].ended_at(), None);
    assert_eq!(operations[2].ending(), &Ending::Failed);
    assert_eq!(operations[2].ended_at(), Some(operations[2].called_at()));
    assert!(kept.check(&Register::new(0)).is_linearizable());
}

#[test]
fn calls_and_returns_keep_their_order_where_time_stands_still() {
    let history = History::new();
    let kept = history.clone();
    simrun::run(async move {
        history
            .invoke("a", RegisterOp::Write(1))
            .returns(RegisterRet::Done);
        history
            .invoke("b", RegisterOp::Read)
            .returns(RegisterRet::Value(0));
    });
    let operations = kept.operations();
    assert_eq!(operations[0].ended_at(), Some(operations[1].called_at()));
    assert!(!kept.check(&Register::new(0)).is_linearizable());
}

#[test]
fn a_history_changes_nothing_in_a_run_and_is_the_same_each_time() {
    let run = |seed, records: bool| {
        let history = Numbers::new();
        let kept = history.clone();
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async move {
            let client = |name: u32| {
                let history = history.clone();
                spawn(async move {
                    let call = records.then(|| history.invoke(name, RegisterOp::Write(name)));
                    task::yield_now().await;
                    if let Some(call) = call {
                        call.returns(RegisterRet::Done);
                    }
                })
            };
            simrun::gather((0..5).map(client)).await.unwrap();
        });
        (run.fingerprint(), kept.to_string())
    };
    let texts: Vec<String> = (0..5).map(|seed| run(seed, true).1).collect();
    assert!(texts.iter().any(|text| *text != texts[0]));
    for (seed, text) in (0..).zip(texts) {
        assert_eq!(run(seed, true), (run(seed, false).0, text));
    }
}

#[test]
fn histories_go_to_other_threads() {
    fn is_send<T: Send + Sync + 'static>(_: &T) {}
    let history = Numbers::new();
    is_send(&history);
    is_send(&history.invoke("a", RegisterOp::Read));
    let (history, kept) = (Arc::new(history), Arc::new(()));
    let run = Sim::new().run_thread(move || {
        let clients = (0..3).map(|client| {
            let history = history.clone();
            thread::spawn(move || {
                let call = history.invoke(client, RegisterOp::Write(client));
                thread::yield_now();
                call.returns(RegisterRet::Done);
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().unwrap();
        }
        history.len()
    });
    assert_eq!(run.unwrap(), 4);
    drop(kept);
}
