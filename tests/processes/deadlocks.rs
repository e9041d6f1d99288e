//! Deadlocks between processes, told so that both sides are seen.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use simrun::Sim;
use simrun::assure::FailureKind;
use simrun::process::{self, Command, Context, Signal, Stdio};

use super::register_tools;

/// Leaves the line numbers out, which change with every edit above them.
fn without_lines(text: &str) -> String {
    let mut settled = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match word.find(".rs:") {
            Some(place) => {
                settled.push_str(&word[..place + 3]);
                settled.extend(word.chars().filter(|c| c.is_whitespace()));
            }
            None => settled.push_str(word),
        }
    }
    settled
}

#[test]
fn a_parent_that_waits_for_a_child_with_a_full_pipe_is_a_ring() {
    let run = Sim::new().run(|| async {
        register_tools();
        let mut flood = Command::new("flood");
        let mut flood = flood.arg("100000").stdout(Stdio::piped()).spawn().unwrap();
        flood.wait().await.unwrap();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    assert_eq!(
        failure.deadlock().unwrap().ring().unwrap(),
        ["main", "flood(2)"]
    );
    insta::assert_snapshot!(without_lines(&failure.to_string()), @r"
    deadlock: nothing can happen any more, and 2 tasks are waiting
      main waits for process `flood(2)`, since 0ns
          waits at   tests/processes/deadlocks.rs
          spawned at tests/processes/deadlocks.rs
      flood(2) waits for room in pipe `flood(2) stdout`, held by main, since 0ns
          waits at   tests/processes/deadlocks.rs
          spawned at tests/processes/deadlocks.rs
      they wait in a ring: main -> flood(2) -> main
    ");
}

#[test]
fn two_that_wait_for_each_others_answers_are_a_ring() {
    let run = Sim::new().run(|| async {
        process::register("listen", |mut context: Context| async move {
            context.stdin.read_exact(&mut [0]).await?;
            context.stdout.write_all(b"!").await
        });
        let mut child = Command::new("listen");
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut [0])
            .await
            .unwrap();
    });
    insta::assert_snapshot!(without_lines(&run.failure().unwrap().to_string()), @r"
    deadlock: nothing can happen any more, and 2 tasks are waiting
      main waits for data in pipe `listen(2) stdout`, held by listen(2), since 0ns
          waits at   tests/processes/deadlocks.rs
          spawned at tests/processes/deadlocks.rs
      listen(2) waits for data in pipe `listen(2) stdin`, held by main, since 0ns
          waits at   tests/processes/deadlocks.rs
          spawned at tests/processes/deadlocks.rs
      they wait in a ring: main -> listen(2) -> main
    ");
}

#[test]
fn one_who_waits_for_a_signal_says_so() {
    let run = Sim::new().run(|| async {
        process::register("daemon", |context: Context| async move {
            context.signal(Signal::Term).recv().await;
        });
        Command::new("daemon").status().await.unwrap();
    });
    let deadlock = run.failure().unwrap().deadlock().unwrap();
    let blocked = deadlock.blocked().iter();
    let text = blocked.map(|blocked| format!("{} waits {}", blocked.task, blocked.waits));
    let text: Vec<String> = text.collect();
    assert_eq!(
        text,
        [
            "main waits for process `daemon(2)`",
            "daemon(2) waits for signal `SIGTERM`"
        ]
    );
}
