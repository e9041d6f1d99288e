//! Transports and protocols: which calls come, and in which order.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use futures::io::{AsyncReadExt, AsyncWriteExt};
use simrun::process::{
    self, Command, Context, Signal, SubprocessProtocol, SubprocessTransport, subprocess_exec,
};
use simrun::time::{now, secs, sleep};
use simrun::{Sim, Strategy};

use super::register_tools;

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl SubprocessProtocol for Notes {
    fn connection_made(&mut self, transport: &SubprocessTransport) {
        assert!(transport.returncode().is_none());
        self.0.push("made".to_owned());
    }

    fn pipe_data_received(&mut self, pipe: u32, data: &[u8]) {
        let text = String::from_utf8_lossy(data);
        self.0.push(format!("data {pipe} {}", text.trim_end()));
    }

    fn pipe_connection_lost(&mut self, pipe: u32, error: Option<std::io::Error>) {
        let kind = error.map(|error| error.kind());
        self.0.push(format!("lost {pipe} {kind:?}"));
    }

    fn process_exited(&mut self) {
        self.0.push("exited".to_owned());
    }

    fn connection_lost(&mut self) {
        self.0.push("lost".to_owned());
    }
}

fn notes(protocol: &Arc<Mutex<Notes>>) -> Vec<String> {
    protocol.lock().unwrap().0.clone()
}

#[test]
fn connection_made_comes_first_and_connection_lost_last() {
    for seed in 0..100 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async {
            process::register("talk", |mut context: Context| async move {
                context.stdout.write_all(b"out").await?;
                context.stderr.write_all(b"err").await
            });
            let (_, protocol) = subprocess_exec(Notes::default, Command::new("talk"))
                .await
                .unwrap();
            sleep(secs(1)).await;
            notes(&protocol)
        });
        let mut calls = run.unwrap();
        assert_eq!(calls[0], "made");
        assert_eq!(calls[7], "lost");
        let place = |call: &str| calls.iter().position(|other| other == call).unwrap();
        assert!(place("data 1 out") < place("lost 1 None"));
        assert!(place("data 2 err") < place("lost 2 None"));
        calls.sort();
        assert_eq!(
            calls,
            [
                "data 1 out",
                "data 2 err",
                "exited",
                "lost",
                "lost 0 None",
                "lost 1 None",
                "lost 2 None",
                "made"
            ]
        );
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_of_exec() {
    simrun::run(async {
        let error = subprocess_exec(Notes::default, Command::new("nothing"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn connection_lost_waits_for_the_pipes_that_others_have_inherited() {
    simrun::run(async {
        register_tools();
        process::register("daemonise", |_| async {
            Command::new("sleep").arg("9").spawn().map(|_| ())
        });
        let command = Command::new("daemonise");
        let (transport, protocol) = subprocess_exec(Notes::default, command).await.unwrap();
        sleep(secs(5)).await;
        assert_eq!(notes(&protocol), ["made", "exited"]);
        transport
            .send_signal(Signal::Term)
            .expect("it has exited, but is not finished");
        sleep(secs(5)).await;
        assert_eq!(notes(&protocol).last().unwrap(), "lost");
        let error = transport.send_signal(Signal::Term).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn what_is_written_reaches_the_child_and_eof_closes_its_stdin() {
    simrun::run(async {
        register_tools();
        let (transport, protocol) = subprocess_exec(Notes::default, Command::new("wc"))
            .await
            .unwrap();
        transport.write(&vec![b'x'; 300_000]);
        sleep(secs(1)).await;
        transport.write(b"yz");
        transport.write_eof();
        transport.write(b"too late");
        sleep(secs(1)).await;
        assert!(notes(&protocol).contains(&"data 1 300002".to_owned()));
        assert_eq!(transport.returncode(), Some(0));
    });
}

#[test]
fn a_write_pipe_whose_reader_is_gone_is_lost_with_an_error_only_if_data_are_left() {
    let lost = |bytes: usize| {
        simrun::run(async move {
            process::register("deaf", |mut context: Context| async move {
                sleep(secs(1)).await;
                context.stdin.close();
                sleep(secs(1)).await;
            });
            let (transport, protocol) = subprocess_exec(Notes::default, Command::new("deaf"))
                .await
                .unwrap();
            transport.write(&vec![b'x'; bytes]);
            sleep(secs(3)).await;
            notes(&protocol)[1].clone()
        })
    };
    assert_eq!(lost(0), "lost 0 None");
    assert_eq!(lost(10), "lost 0 None", "it was written");
    assert_eq!(lost(1_000_000), "lost 0 Some(BrokenPipe)");
}

#[test]
fn closing_a_transport_kills_a_running_child() {
    simrun::run(async {
        register_tools();
        let (transport, protocol) = subprocess_exec(Notes::default, Command::new("sleep"))
            .await
            .unwrap();
        transport.close();
        transport.close();
        assert!(transport.is_closing());
        sleep(secs(1)).await;
        assert_eq!(transport.returncode(), Some(-9));
        let calls = notes(&protocol);
        assert_eq!((calls.len(), calls[5].as_str()), (6, "lost"), "{calls:?}");
    });
}

#[test]
fn closing_a_transport_does_not_kill_a_child_that_has_ended() {
    simrun::run(async {
        register_tools();
        let (transport, _) = subprocess_exec(Notes::default, Command::new("true"))
            .await
            .unwrap();
        sleep(secs(1)).await;
        transport.close();
        sleep(secs(1)).await;
        assert_eq!(transport.returncode(), Some(0));
    });
}

#[test]
fn calls_come_in_the_order_in_which_things_happen() {
    simrun::run(async {
        process::register("late", |mut context: Context| async move {
            assert_eq!(context.stdin.read(&mut [0]).await?, 0);
            context.stdout.write_all(b"now").await
        });
        let (transport, protocol) = subprocess_exec(Notes::default, Command::new("late"))
            .await
            .unwrap();
        sleep(secs(1)).await;
        transport.write_eof();
        for _ in 0..20 {
            simrun::task::yield_now().await;
        }
        let calls = ["made", "lost 0 None", "data 1 now"];
        assert_eq!(notes(&protocol)[..3], calls);
        assert_eq!(notes(&protocol).len(), 7);
        assert_eq!(now().since_start(), secs(1));
    });
}
