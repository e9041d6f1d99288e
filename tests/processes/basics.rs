//! Spawning, waiting, exit statuses.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use simrun::process::{self, Command, Context, Stdio};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Sim, spawn, task};

use super::register_tools;

#[test]
fn a_program_that_is_not_there_is_an_error_of_spawn() {
    simrun::run(async {
        let error = Command::new("nothing").spawn().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("process::register"), "{error}");
        let error = Command::new("sh")
            .args(["-c", "a | b"])
            .spawn()
            .unwrap_err();
        assert!(
            error.to_string().contains("shells are not simulated"),
            "{error}"
        );
        assert!(Command::new("nothing").status().await.is_err());
        assert!(Command::new("nothing").output().await.is_err());
    });
}

#[test]
fn what_a_program_may_hold_across_an_await_can_be_sent() {
    fn assert_send<T: Send>() {}
    fn assert_sync<T: Sync>() {}
    assert_send::<(process::Child, Command, Context, Stdio, process::Signals)>();
    assert_sync::<(process::Child, Command, Context, Stdio, process::Signals)>();
    assert_send::<(
        process::PipeReader,
        process::PipeWriter,
        process::SubprocessTransport,
    )>();
}

#[test]
fn what_a_program_returns_is_its_exit_status() {
    simrun::run(async {
        process::register("nothing", |_| async {});
        process::register("number", |_| async { 7 });
        process::register("byte", |_| async { 8_u8 });
        process::register("large", |_| async { 256 + 3 });
        process::register("negative", |_| async { -1 });
        process::register("fine", |_| async { Ok::<_, String>(()) });
        process::register("wrong", |_| async { Err::<i32, _>("no luck") });
        let mut codes = Vec::new();
        for name in ["nothing", "number", "byte", "large", "negative", "fine"] {
            codes.push(Command::new(name).status().await.unwrap().code().unwrap());
        }
        assert_eq!(codes, [0, 7, 8, 3, 255, 0]);
        let wrong = Command::new("wrong").output().await.unwrap();
        assert_eq!(wrong.status.code(), Some(1));
        assert_eq!(wrong.stderr, b"Error: \"no luck\"\n");
    });
}

#[test]
fn a_panic_in_a_program_is_written_to_its_stderr_and_fails_no_run() {
    let output = simrun::run(async {
        process::register("panics", |context: Context| async move {
            assert!(context.args.is_empty(), "no arguments, please");
        });
        Command::new("panics").arg("one").output().await.unwrap()
    });
    assert_eq!(output.status.code(), Some(101));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("panics(2) panicked at tests/processes/basics.rs:"),
        "{stderr}"
    );
    assert!(stderr.ends_with(":\nno arguments, please\n"), "{stderr}");
}

#[test]
fn waiting_takes_as_long_as_the_child_does() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("sleep").arg("5").spawn().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(child.wait().await.unwrap().success());
        assert_eq!(now().since_start(), secs(5));
        assert!(
            child.wait().await.unwrap().success(),
            "as often as one likes"
        );
        assert!(child.try_wait().unwrap().unwrap().success());
    });
}

#[test]
fn a_process_knows_its_id_and_its_parent() {
    simrun::run(async {
        process::register("inner", |mut context: Context| async move {
            let ids = format!("{} {}", process::id(), process::parent_id());
            context.stdout.write_all(ids.as_bytes()).await
        });
        process::register("outer", |mut context: Context| async move {
            let inner = Command::new("inner").output().await?;
            context.stdout.write_all(&inner.stdout).await?;
            let ids = format!(" {} {}", process::id(), process::parent_id());
            context.stdout.write_all(ids.as_bytes()).await
        });
        let output = Command::new("outer").output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "3 2 2 1");
        assert_eq!((process::id(), process::parent_id()), (1, 0));
    });
}

#[test]
fn an_environment_is_inherited_changed_and_cleared() {
    simrun::run(async {
        process::register("env", |mut context: Context| async move {
            let lines: String = context
                .env
                .iter()
                .map(|(k, v)| format!("{k}={v};"))
                .collect();
            context.stdout.write_all(lines.as_bytes()).await
        });
        process::register("sub", |context: Context| async move {
            let mut command = Command::new("env");
            match context.args[0].as_str() {
                "remove" => command.env_remove("A"),
                "clear" => command.env_clear().env("C", "3"),
                _ => &mut command,
            };
            command.status().await.map(|_| ())
        });
        let mut all = Vec::new();
        for how in ["keep", "remove", "clear"] {
            let mut sub = Command::new("sub");
            sub.envs([("A", "1"), ("B", "2")]).arg(how);
            let output = sub.output().await.unwrap();
            all.push(String::from_utf8(output.stdout).unwrap());
        }
        assert_eq!(all, ["A=1;B=2;", "B=2;", "C=3;"]);
    });
}

#[test]
fn streams_of_the_run_are_its_trace() {
    let run = Sim::new().record(true).run(|| async {
        process::register("talk", |mut context: Context| async move {
            context.stdout.write_all(b"one\ntw").await?;
            context.stderr.write_all(b"oops\n").await?;
            context.stdout.write_all(b"o\nthree").await?;
            Command::new("deeper").status().await.map(|_| ())
        });
        process::register("deeper", |mut context: Context| async move {
            assert_eq!(
                context.stdin.read(&mut [0]).await?,
                0,
                "there is nothing to read"
            );
            context.stdout.write_all(b"inherited").await
        });
        Command::new("talk").status().await.unwrap()
    });
    let logs = run.trace().only(["logs"]);
    let logs: Vec<String> = logs
        .events()
        .map(|event| format!("{:?}", event.kind))
        .collect();
    insta::assert_snapshot!(logs.join("\n"), @r#"
    Logged("talk: one")
    Logged("talk: oops")
    Logged("talk: two")
    Logged("deeper: inherited")
    Logged("talk: three")
    "#);
}

#[test]
fn starts_and_ends_are_in_the_trace() {
    let run = Sim::new().record(true).run(|| async {
        register_tools();
        Command::new("true").status().await.unwrap();
        let mut sleep = Command::new("sleep").spawn().unwrap();
        sleep.kill().await.unwrap();
    });
    insta::assert_snapshot!(run.trace().only(["process"]), @r"
    0ns           main         process true(2) starts
    0ns           loop         process true(2) exits with 0
    0ns           main         process sleep(3) starts
    0ns           loop         process sleep(3) is killed by SIGKILL
    ");
}

#[test]
fn the_end_is_heard_two_steps_after_the_program_returned() {
    let run = Sim::new().record(true).run(|| async {
        register_tools();
        Command::new("true").status().await.unwrap();
    });
    insta::assert_snapshot!(run.trace().to_string(), @r"
    0ns           loop         spawns main
    0ns           main         steps
    0ns           main         spawns true(2)
    0ns           main         touches process `true(2)`
    0ns           main         process true(2) starts
    0ns           main         touches process `true(2)`
    0ns           main         waits for process `true(2)`
    0ns           true(2)      steps
    0ns           true(2)      ends with a value
    0ns           loop         process true(2) exits with 0
    0ns           loop         touches process `true(2)`
    0ns           main         steps
    0ns           main         touches process `true(2)`
    0ns           main         ends with a value
    ");
}

#[test]
fn cancelling_one_who_waits_does_not_touch_the_child() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("sleep").arg("9").spawn().unwrap();
        let waited = simrun::time::timeout(secs(1), child.wait()).await;
        assert!(waited.is_err());
        let waiter = spawn(async move {
            let first = task::cancellable(child.wait()).await;
            assert!(first.is_err(), "it was cancelled");
            child.wait().await.unwrap()
        });
        sleep(millis(1)).await;
        waiter.cancel();
        assert!(waiter.await.unwrap().success());
        assert_eq!(now().since_start(), secs(9));
    });
}

#[test]
fn an_end_is_heard_even_if_a_pipe_is_still_open() {
    simrun::run(async {
        register_tools();
        process::register("daemonise", |_| async {
            Command::new("sleep").arg("60").spawn().map(|_| ())
        });
        let mut command = Command::new("daemonise");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        child.wait().await.unwrap();
        assert_eq!(now().since_start(), secs(0), "the grandchild has the pipe");
        let mut rest = Vec::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut rest)
            .await
            .unwrap();
        assert_eq!(now().since_start(), secs(60));
    });
}

#[test]
fn exit_ends_the_process_from_any_of_its_tasks() {
    simrun::run(async {
        process::register("many", |mut context: Context| async move {
            spawn(async {
                sleep(secs(1)).await;
                process::exit(9).await
            })
            .detach();
            loop {
                sleep(millis(300)).await;
                context.stdout.write_all(b".").await.unwrap();
            }
        });
        let output = Command::new("many").output().await.unwrap();
        assert_eq!(output.status.code(), Some(9));
        assert_eq!(output.stdout, b"...");
        assert_eq!(now().since_start(), secs(1));
    });
}

#[test]
fn a_program_whose_own_task_is_cancelled_has_failed() {
    simrun::run(async {
        process::register("gives up", |_| async {
            task::current().cancel();
            sleep(secs(1)).await;
        });
        let status = Command::new("gives up").status().await.unwrap();
        assert_eq!(status.code(), Some(1));
    });
}
