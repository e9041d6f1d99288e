//! Signals: what they do by default, who catches them, and when it is too late.

use std::io::ErrorKind;

use futures::io::AsyncWriteExt;
use simrun::process::{self, Command, Context, Signal, Stdio};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Sim, Strategy, spawn, task};

use super::register_tools;

#[test]
fn a_returncode_is_the_exit_status_or_the_signal_negated() {
    simrun::run(async {
        register_tools();
        let mut codes = Vec::new();
        for signal in [
            Signal::Term,
            Signal::Kill,
            Signal::Int,
            Signal::Hup,
            Signal::Usr1,
        ] {
            let mut child = Command::new("sleep").spawn().unwrap();
            child.send_signal(signal).unwrap();
            let status = child.wait().await.unwrap();
            assert_eq!(status.signal(), Some(signal.number()));
            assert_eq!((status.code(), status.success()), (None, false));
            codes.push(status.returncode());
        }
        assert_eq!(codes, [-15, -9, -2, -1, -10]);
        let status = Command::new("false").status().await.unwrap();
        assert_eq!((status.returncode(), status.signal()), (1, None));
        assert_eq!(now().since_start(), secs(0));
    });
}

#[test]
fn terminate_and_kill_end_a_child() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("sleep").spawn().unwrap();
        child.terminate().unwrap();
        assert_eq!(
            child.wait().await.unwrap().to_string(),
            "signal: 15 (SIGTERM)"
        );
        let mut child = Command::new("sleep").spawn().unwrap();
        child.kill().await.unwrap();
        assert_eq!(child.try_wait().unwrap().unwrap().returncode(), -9);
    });
}

#[test]
fn a_signal_to_one_who_has_ended_is_ignored_until_someone_has_waited() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("true").spawn().unwrap();
        sleep(secs(1)).await;
        for signal in [Signal::Term, Signal::Kill, Signal::Usr1] {
            child.send_signal(signal).unwrap();
        }
        assert!(child.wait().await.unwrap().success());
        for error in [child.terminate(), child.start_kill(), child.kill().await] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("true(2)"), "{error}");
        }
    });
}

#[test]
fn a_signal_is_delivered_after_what_was_ready_before_it() {
    let log = simrun::run(async {
        process::register("busy", |mut context: Context| async move {
            for _ in 0..3 {
                context.stdout.write_all(b".").await?;
                task::yield_now().await;
            }
            std::io::Result::Ok(())
        });
        let mut busy = Command::new("busy").stdout(Stdio::piped()).spawn().unwrap();
        busy.terminate().unwrap();
        let output = busy.wait_with_output().await.unwrap();
        (output.status.signal(), output.stdout)
    });
    // Its first step was queued before the signal.
    assert_eq!(log, (Some(15), b".".to_vec()));
}

#[test]
fn a_handler_replaces_the_default_as_long_as_it_lives() {
    simrun::run(async {
        process::register("daemon", |mut context: Context| async move {
            let mut hangups = context.signal(Signal::Hup);
            for _ in 0..2 {
                hangups.recv().await;
                context.stdout.write_all(b"reload\n").await?;
            }
            drop(hangups);
            context.stdout.write_all(b"ready to die\n").await?;
            sleep(secs(60)).await;
            std::io::Result::Ok(())
        });
        let mut daemon = Command::new("daemon")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        for _ in 0..3 {
            sleep(secs(1)).await;
            daemon.send_signal(Signal::Hup).unwrap();
        }
        let output = daemon.wait_with_output().await.unwrap();
        assert_eq!(output.stdout, b"reload\nreload\nready to die\n");
        assert_eq!(output.status.signal(), Some(1));
        assert_eq!(now().since_start(), secs(3));
    });
}

#[test]
fn deliveries_before_the_handler_looks_count_as_one() {
    simrun::run(async {
        process::register("slow", |context: Context| async move {
            let mut signals = context.signal(Signal::Usr1);
            sleep(secs(2)).await;
            signals.recv().await;
            let again = simrun::time::timeout(secs(1), signals.recv()).await;
            i32::from(again.is_ok())
        });
        let mut child = Command::new("slow").spawn().unwrap();
        sleep(secs(1)).await;
        for _ in 0..3 {
            child.send_signal(Signal::Usr1).unwrap();
        }
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    });
}

#[test]
fn a_program_can_end_gracefully_but_not_refuse_to_be_killed() {
    simrun::run(async {
        process::register("stubborn", |context: Context| async move {
            let mut term = context.signal(Signal::Term);
            context.ignore(Signal::Int);
            loop {
                term.recv().await;
            }
        });
        let mut child = Command::new("stubborn").spawn().unwrap();
        sleep(millis(1)).await;
        child.terminate().unwrap();
        child.send_signal(Signal::Int).unwrap();
        sleep(secs(1)).await;
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().returncode(), -9);
    });
}

#[test]
#[should_panic(expected = "SIGKILL cannot be caught")]
fn nobody_catches_a_kill() {
    let output = simrun::run(async {
        process::register("hopeful", |context: Context| async move {
            context.signal(Signal::Kill).recv().await;
        });
        Command::new("hopeful").output().await.unwrap()
    });
    panic!("{}", String::from_utf8(output.stderr).unwrap());
}

#[test]
fn a_parent_can_listen_for_the_ends_of_its_children() {
    simrun::run(async {
        register_tools();
        process::register("init", |context: Context| async move {
            let mut ends = context.signal(Signal::Chld);
            let mut child = Command::new("sleep").arg("3").spawn().unwrap();
            ends.recv().await;
            let status = child.try_wait().unwrap().unwrap();
            status.code().unwrap() + now().since_start().as_secs() as i32
        });
        let status = Command::new("init").status().await.unwrap();
        assert_eq!(status.code(), Some(3));
    });
}

/// The signal and the program's last step are in a race that a seed decides.
#[test]
fn whether_a_signal_comes_too_late_is_part_of_the_schedule() {
    let code = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async {
            register_tools();
            let mut child = Command::new("true").spawn().unwrap();
            spawn(task::yield_now()).detach();
            task::yield_now().await;
            child.terminate().unwrap();
            child.wait().await.unwrap().returncode()
        });
        run.unwrap()
    };
    let codes: std::collections::BTreeSet<i32> = (0..50).map(code).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), [-15, 0]);
}
