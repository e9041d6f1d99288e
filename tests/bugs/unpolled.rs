//! A permit that is given to a future which nobody polls.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use simrun::sync::Semaphore;
use simrun::task;
use simrun::{gather, spawn};

use super::{Version, bug};

async fn work(permits: Arc<Semaphore>, steps: u64) {
    let _permit = permits.acquire().await;
    for _ in 0..steps {
        task::yield_now().await;
    }
}

/// Whoever goes through results needs a permit for each; the next of the futures may be given it
/// first, and is not polled meanwhile.
async fn results_are_handled_with_a_permit(version: Version) {
    let permits = Arc::new(Semaphore::new(1).named("permits"));
    let handler = spawn({
        let permits = permits.clone();
        async move {
            let steps = [1, 2];
            match version {
                Version::Broken => {
                    let works = steps.map(|steps| work(permits.clone(), steps));
                    let mut works: FuturesUnordered<_> = works.into_iter().collect();
                    while works.next().await.is_some() {
                        work(permits.clone(), 1).await;
                    }
                }
                Version::Mended => {
                    let works = steps.map(|steps| spawn(work(permits.clone(), steps)));
                    let mut works: FuturesUnordered<_> = works.into_iter().collect();
                    while works.next().await.is_some() {
                        work(permits.clone(), 1).await;
                    }
                }
            }
        }
    });
    let other = spawn(work(permits, 3));
    gather([handler, other]).await.unwrap();
}

bug!(
    a_permit_is_given_to_a_future_that_nobody_polls,
    results_are_handled_with_a_permit,
    "nothing can happen any more"
);
