//! Snapshots of whole runs: that the loop has the events, and that insta gets them.

use std::sync::Arc;

use simrun::sync::Queue;
use simrun::{Run, Sim, spawn, time};

/// Makes an event of every kind that needs no feature.
async fn everything_happens() {
    let queue = Arc::new(Queue::bounded(1).named("jobs"));
    let worker = spawn({
        let queue = queue.clone();
        async move {
            while let Ok(job) = queue.get().await {
                simrun::log!("job {job}\nwith the token s3cret");
            }
        }
    });
    let worker = worker.name("worker");
    queue.put(1).await.unwrap();
    simrun::event_loop::call_soon(|| simrun::log!("called"));
    time::sleep(time::millis(5)).await;
    worker.cancel();
    assert!(worker.await.is_err());
    simrun::process::register("true", |_| async { 0 });
    simrun::process::Command::new("true")
        .status()
        .await
        .unwrap();
}

fn run() -> Run<()> {
    Sim::new().seed(7).record(true).run(everything_happens)
}

#[test]
fn a_run_has_an_event_of_every_kind() {
    let run = run();
    let words = [
        "spawns", "steps", "waits", "ends", "cancels", "callback", "timer", "touches", "process",
        "logs",
    ];
    for word in words {
        assert!(run.trace().only([word]).events().count() > 0, "{word}");
    }
    let view = run.view().redact("s3cret", "[token]");
    assert!(!view.to_string().contains("s3cret"));
    simrun::assert_snapshot!(run, view);
}
