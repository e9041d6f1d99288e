//! Producers that lose their patience with a full queue: is every job done, and none of them twice?
//!
//! ```sh
//! cargo run --example bounded_queue     # finds the job that is done twice
//! cargo test --example bounded_queue    # tests the producers that try again in the right way
//! ```

use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::sync::Queue;
use simrun::task::shield;
use simrun::time::{millis, sleep, timeout};
use simrun::{chance, gather, spawn};

const JOBS: usize = 3;

/// How a producer gives up.
#[derive(Clone, Copy)]
enum Patience {
    /// It leaves the line: whoever gives up a `put` has not put.
    LeavesTheLine,
    /// It does not wait any longer, but its `put` stands in the line as before.
    StaysInLine,
}

async fn produce(queue: Arc<Queue<usize>>, job: usize, patience: Patience) {
    loop {
        let queue = queue.clone();
        let put = async move { queue.put(job).await };
        let is_put = match patience {
            Patience::LeavesTheLine => timeout(millis(5), put).await.is_ok(),
            Patience::StaysInLine => timeout(millis(5), shield(spawn(put))).await.is_ok(),
        };
        if is_put {
            return;
        }
    }
}

async fn jobs(patience: Patience) {
    let queue = Arc::new(Queue::bounded(1));
    let producers = (0..JOBS).map(|job| spawn(produce(queue.clone(), job, patience)));
    let producers: Vec<_> = producers.collect();
    let worker = spawn({
        let queue = queue.clone();
        async move {
            let mut times = [0; JOBS];
            while let Ok(job) = queue.get().await {
                times[job] += 1;
                sleep(millis(chance::below("work", 8))).await;
            }
            times
        }
    });
    gather(producers).await.unwrap();
    sleep(millis(100)).await;
    queue.shut_down();
    let times = worker.await.unwrap();
    assert_eq!(times, [1; JOBS], "how often each job was done");
}

fn main() {
    for patience in [Patience::StaysInLine, Patience::LeavesTheLine] {
        println!("{}", Explorer::new().explore(move || jobs(patience)));
    }
}

#[simrun::test]
async fn every_job_is_done_once() {
    jobs(Patience::LeavesTheLine).await;
}

#[simrun::test(regressions = false)]
#[should_panic(expected = "how often each job was done")]
async fn a_job_that_is_put_again_is_done_twice() {
    jobs(Patience::StaysInLine).await;
}
