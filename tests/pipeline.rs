//! A program of everything: tasks, threads and processes, whose runs are kept as snapshots.

use futures::AsyncReadExt;
use simrun::process::{self, Command, Context, Stdio};
use simrun::sync::Queue;
use simrun::thread::sync::Mutex;
use simrun::thread::{self, ThreadPool};
use simrun::time::{millis, sleep};
use simrun::{Sim, Strategy, gather, spawn};
use std::sync::Arc;

/// Lines pass through three processes, `number | double | sum`, whose pipes hold next to nothing;
/// tasks feed the first, threads of a pool check what comes out of the last.
async fn pipeline() -> Vec<u64> {
    process::register("number", |mut context: Context| async move {
        for number in 1..=6_u8 {
            simrun::log!("number {number}");
            futures::AsyncWriteExt::write_all(&mut context.stdout, &[number]).await?;
        }
        std::io::Result::Ok(())
    });
    process::register("double", |mut context: Context| async move {
        let mut byte = [0];
        while context.stdin.read(&mut byte).await? > 0 {
            let doubled = thread::to_thread(move || {
                thread::sleep(millis(1));
                byte[0] * 2
            });
            let doubled = doubled.await.unwrap();
            simrun::log!("double {doubled}");
            futures::AsyncWriteExt::write_all(&mut context.stdout, &[doubled]).await?;
        }
        std::io::Result::Ok(())
    });
    process::register("sum", |mut context: Context| async move {
        let (mut byte, mut sum) = ([0], 0_u8);
        while context.stdin.read(&mut byte).await? > 0 {
            sleep(millis(3)).await;
            sum += byte[0];
            futures::AsyncWriteExt::write_all(&mut context.stdout, &[sum]).await?;
        }
        std::io::Result::Ok(())
    });
    let (first_in, first_out) = process::pipe_with_capacity(1).unwrap();
    let (second_in, second_out) = process::pipe_with_capacity(1).unwrap();
    // A command keeps the ends it was given, so none of them may outlive its line.
    let number = Command::new("number").stdout(first_out).spawn();
    let double = Command::new("double")
        .stdin(first_in)
        .stdout(second_out)
        .spawn();
    let sum = Command::new("sum")
        .stdin(second_in)
        .stdout(Stdio::piped())
        .spawn();
    let (mut number, mut double, mut sum) = (number.unwrap(), double.unwrap(), sum.unwrap());

    let sums = Arc::new(Queue::bounded(1));
    let reader = spawn({
        let (sums, mut out) = (sums.clone(), sum.stdout.take().unwrap());
        async move {
            let mut byte = [0];
            while out.read(&mut byte).await.unwrap() > 0 {
                sums.put(u64::from(byte[0])).await.unwrap();
            }
        }
    });
    let (pool, seen) = (ThreadPool::new(2), Arc::new(Mutex::new(Vec::new())));
    let mut checks = Vec::new();
    for _ in 0..6 {
        let (sum, seen) = (sums.get().await.unwrap(), seen.clone());
        checks.push(thread::run_in_executor(&pool, move || {
            thread::sleep(millis(5));
            seen.lock().unwrap().push(sum);
        }));
    }
    gather(checks).await.unwrap();
    reader.await.unwrap();
    for child in [&mut number, &mut double, &mut sum] {
        assert!(child.wait().await.unwrap().success());
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Returns what a run said and how it ended: its numbers are the same on any machine, with any
/// number of threads that run tests.
fn report(sim: Sim) -> String {
    let run = sim.record(true).run(pipeline);
    let logs = run.trace().only(["logs"]);
    format!(
        "{}{:?}\n{} of virtual time, {} steps, fingerprint {:016x}",
        logs,
        run.value(),
        run.now(),
        run.steps(),
        run.fingerprint(),
    )
}

#[test]
fn in_asyncio_s_order() {
    insta::assert_snapshot!(report(Sim::new()));
}

#[test]
fn in_the_order_of_a_seed() {
    for seed in [1, 2, 42] {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        insta::assert_snapshot!(format!("seed_{seed}"), report(sim));
    }
}
