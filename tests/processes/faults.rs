//! Faults: found by seeds, written into plans, repeated from them.

use std::io::ErrorKind;

use futures::future::{Either, select};
use futures::io::{AsyncReadExt, AsyncWriteExt, copy};
use simrun::chance::Plan;
use simrun::process::{self, Command, Context, Faults, Signal, Stdio};
use simrun::time::{secs, sleep, timeout};
use simrun::{Run, Sim, Strategy, spawn, task};

use super::register_tools;

fn sim(seed: u64) -> Sim {
    Sim::new()
        .seed(seed)
        .strategy(Strategy::random())
        .write_plan(true)
}

fn replay(plan: &Plan) -> Sim {
    Sim::new()
        .strategy(Strategy::replay(plan.clone()))
        .write_plan(true)
}

/// A writer that is killed may leave a part of what it should have written.
async fn half_a_file() -> Option<Vec<u8>> {
    register_tools();
    process::register("save", |mut context: Context| async move {
        for part in ["begin\n", "data\n", "end\n"] {
            context.stdout.write_all(part.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    process::set_faults(Faults::new().kill(0.05));
    let mut save = Command::new("save").stdout(Stdio::piped()).spawn().unwrap();
    let cat = Command::new("cat")
        .stdin(save.stdout.take().unwrap())
        .output();
    let text = cat.await.unwrap();
    let saved = save.wait().await.unwrap();
    assert!(saved.success() || saved.returncode() == -9);
    (!saved.success() && text.status.success()).then_some(text.stdout)
}

#[test]
fn a_kill_at_any_point_is_found_by_a_seed_and_replayed_from_its_plan() {
    let partial = |run: &Run<Option<Vec<u8>>>| run.value().cloned().flatten();
    let mut runs = (0..300).map(|seed| sim(seed).run(half_a_file));
    let run = runs
        .find(|run| partial(run).as_deref() == Some(b"begin\ndata\n"))
        .expect("one of the seeds kills it there");
    let text = run.plan().to_string();
    assert!(text.contains("fault main/1#2 kill save -> 1\n"), "{text}");
    let replayed = replay(&text.parse().unwrap()).run(half_a_file);
    assert_eq!(partial(&replayed), partial(&run));
    assert_eq!(replayed.fingerprint(), run.fingerprint());
    assert_eq!(replayed.plan(), run.plan());
    assert!(replayed.diverged().is_empty());
}

#[test]
fn a_plan_of_one_line_kills_where_it_says() {
    for (nth, left) in [(0, ""), (1, "begin\n"), (2, "begin\ndata\n")] {
        let text = format!("simrun plan 1\nfault main/1#{nth} kill save -> 1\n");
        let run = replay(&text.parse().unwrap()).run(half_a_file);
        assert_eq!(run.plan().to_string(), text);
        assert_eq!(run.unwrap().unwrap(), left.as_bytes());
    }
}

#[test]
fn a_plan_kills_even_where_the_program_asks_for_no_faults() {
    let program = || async {
        register_tools();
        Command::new("cat").status().await.unwrap().returncode()
    };
    let plan = "simrun plan 1\nfault main/1#0 kill cat -> 1\n"
        .parse()
        .unwrap();
    assert_eq!(replay(&plan).run(program).unwrap(), -9);
    assert_eq!(Sim::new().run(program).unwrap(), 0);
}

#[test]
fn a_process_that_is_killed_at_a_write_writes_nothing_any_more() {
    let program = || async {
        process::register("two", |context: Context| async move {
            let write = |mut stdout: process::Stdout| async move {
                for _ in 0..3 {
                    stdout.write_all(b".").await.unwrap();
                    simrun::task::yield_now().await;
                }
            };
            futures::join!(write(context.stdout.clone()), write(context.stdout.clone()));
        });
        Command::new("two").output().await.unwrap().stdout
    };
    let plan = "simrun plan 1\nfault main/1#2 kill two -> 1\n"
        .parse()
        .unwrap();
    assert_eq!(replay(&plan).run(program).unwrap(), b"..");
}

#[test]
fn a_spawn_that_fails_is_one_of_two_errors_and_replays() {
    let program = || async {
        register_tools();
        process::set_faults(Faults::new().spawn_failure(0.5));
        let mut errors = Vec::new();
        for _ in 0..10 {
            match Command::new("true").spawn() {
                Ok(mut child) => assert!(child.wait().await.unwrap().success()),
                Err(error) => errors.push(error.kind()),
            }
        }
        errors
    };
    let run = sim(1).run(program);
    let faults = run.plan().to_string().matches("fault main#").count();
    let replayed = replay(run.plan()).run(program);
    assert_eq!(replayed.fingerprint(), run.fingerprint());
    let errors = run.unwrap();
    assert_eq!(errors.len(), faults);
    assert!(errors.contains(&ErrorKind::WouldBlock), "{errors:?}");
    assert!(errors.contains(&ErrorKind::OutOfMemory), "{errors:?}");
    assert_eq!(replayed.unwrap(), errors);
}

#[test]
fn faults_draw_from_a_stream_of_their_own() {
    let draws = |faults| {
        let run = sim(5).strategy(Strategy::fifo()).run(move || async move {
            register_tools();
            process::set_faults(faults);
            let first = simrun::chance::below("x", 1_000_000);
            Command::new("echo").arg("hello").output().await.unwrap();
            (first, simrun::chance::below("x", 1_000_000))
        });
        run.unwrap()
    };
    assert_eq!(draws(Faults::new()), draws(Faults::new().kill(0.5)));
}

#[test]
fn without_a_probability_nothing_goes_wrong() {
    for seed in 0..20 {
        let run = sim(seed).run(|| async {
            register_tools();
            let mut text = String::new();
            let mut echo = Command::new("echo");
            let mut echo = echo.arg("fine").stdout(Stdio::piped()).spawn().unwrap();
            echo.stdout
                .take()
                .unwrap()
                .read_to_string(&mut text)
                .await
                .unwrap();
            (echo.wait().await.unwrap().returncode(), text)
        });
        assert!(!run.plan().to_string().contains("fault"));
        assert_eq!(run.unwrap(), (0, "fine\n".to_owned()));
    }
}

/// A pipeline within a process, which may be killed or terminated while its tasks are ready.
async fn nested_pipelines() {
    register_tools();
    process::register("ticking cat", |mut context: Context| async move {
        let mut stderr = context.stderr.clone();
        let ticks = spawn(async move {
            while stderr.write_all(b"tick\n").await.is_ok() {
                sleep(secs(1)).await;
            }
        });
        copy(&mut context.stdin, &mut context.stdout).await?;
        ticks.cancel();
        std::io::Result::Ok(())
    });
    process::register("pipeline", |mut context: Context| async move {
        let mut term = context.signal(Signal::Term);
        let mut first = Command::new("ticking cat");
        let mut first = first.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let second = Command::new("cat")
            .stdin(first.stdout.take().unwrap())
            .output();
        match select(Box::pin(second), Box::pin(term.recv())).await {
            Either::Left((output, _)) => context.stdout.write_all(&output?.stdout).await?,
            Either::Right(_) => first.start_kill()?,
        }
        first.wait().await.map(|_| ())
    });
    process::set_faults(Faults::new().kill(0.02).spawn_failure(0.05));
    for round in 0..5 {
        let mut pipeline = Command::new("pipeline");
        pipeline.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = pipeline.spawn() else {
            continue;
        };
        if round % 2 == 0 {
            spawn(task::yield_now()).await.unwrap();
            child.terminate().unwrap();
        }
        let input = vec![1; 200_000];
        let talk = timeout(secs(5), child.communicate(&input)).await;
        if talk.is_err() {
            child.kill().await.unwrap();
        }
    }
}

#[test]
fn every_run_with_faults_replays_from_its_plan() {
    for seed in 0..200 {
        let run = sim(seed).run(nested_pipelines);
        assert!(
            run.failure().is_none(),
            "seed {seed}: {}",
            run.failure().unwrap()
        );
        let replayed = replay(run.plan()).run(nested_pipelines);
        assert_eq!(
            replayed.fingerprint(),
            run.fingerprint(),
            "seed {seed}\n{}",
            run.plan()
        );
        assert!(replayed.diverged().is_empty());
    }
}
