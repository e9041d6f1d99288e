//! The sweep of cancellations: a task at each of its awaits, one a run.

use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::sync::{Lock, Queue};
use simrun::task::{self, cancellable};
use simrun::{Sim, Strategy, spawn, time};

/// At how many awaits the two workers can be cancelled.
const AWAITS: u64 = 24;

/// Two workers of twelve awaits each, of all kinds. One of them breaks something, and mends it
/// after the await with the number `planted`, unless it is cancelled there.
async fn two_workers(planted: u64) {
    let whole = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let workers = [0, 1].map(|worker| {
        let whole = whole.clone();
        spawn(async move {
            let queue = Queue::bounded(1);
            let lock = Lock::new(());
            for nth in 0..AWAITS / 2 {
                let breaks = worker * (AWAITS / 2) + nth == planted;
                if breaks {
                    whole.store(false, std::sync::atomic::Ordering::Relaxed);
                }
                match nth % 4 {
                    0 => task::yield_now().await,
                    1 => time::sleep(time::millis(1)).await,
                    2 => {
                        let _ = time::timeout(time::millis(1), lock.acquire()).await;
                        task::yield_now().await;
                    }
                    _ => {
                        queue.put(nth).await.unwrap();
                        queue.get().await.unwrap();
                        task::yield_now().await;
                    }
                }
                if breaks {
                    whole.store(true, std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
    });
    for worker in workers {
        let _ = worker.await;
    }
    let whole = whole.load(std::sync::atomic::Ordering::Relaxed);
    assert!(whole, "what was broken is not mended");
}

fn sweep(runs: u64) -> Explorer {
    let explorer = Explorer::new().runs(runs).make_all_runs().keep_going();
    explorer.strategy(Strategy::cancel_sweep())
}

#[test]
fn as_many_runs_as_there_are_awaits_find_each_planted_mistake() {
    let profile = Sim::new().profile(true).run(|| two_workers(AWAITS));
    let awaits = profile.profile().unwrap().awaits().count() as u64;
    assert_eq!(awaits, AWAITS);
    let passes = sweep(awaits + 1).explore(|| two_workers(AWAITS));
    assert!(passes.is_passed(), "{passes}");
    for planted in 0..AWAITS {
        let report = sweep(awaits + 1).explore(move || two_workers(planted));
        assert_eq!(report.runs(), awaits + 1);
        assert_eq!(report.failed(), 1, "one await is to blame: {planted}");
        let shortest = report.findings()[0].shrunk().unwrap();
        assert_eq!(shortest.plan().len(), 1, "{}", shortest.plan());
        assert!(shortest.plan().to_string().contains("\ncancel main/"));
    }
}

/// A worker that cleans up is not to blame.
#[test]
fn who_cleans_up_survives_the_sweep() {
    let program = || async {
        let worker = spawn(async {
            for _ in 0..5 {
                if let Err(cancelled) = cancellable(task::yield_now()).await {
                    task::yield_now().await;
                    return cancelled.raise().await;
                }
            }
        });
        let _ = worker.await;
    };
    assert!(sweep(10).explore(program).is_passed());
}
