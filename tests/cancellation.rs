//! Cancellations in tasks that wait for several things at once: each reaches the code it is meant
//! for, no other, and none is lost.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::future::{self, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{Future, join, pin_mut, select_biased};
use simrun::task::{self, cancellable};
use simrun::time::{millis, now, secs, sleep, timeout};
use simrun::{Cancelled, event_loop, spawn};

#[test]
fn of_two_joined_timeouts_each_ends_its_own_side() {
    simrun::run(async {
        let long = timeout(secs(10), sleep(secs(3)));
        let short = timeout(secs(1), sleep(secs(5)));
        let (long, short) = join!(long, short);
        assert!(long.is_ok() && short.is_err());
        assert_eq!(now().since_start(), secs(3));
        assert_eq!(task::current().cancelling(), 0);
    });
}

#[test]
fn a_timeout_beside_something_else_leaves_it_alone() {
    simrun::run(async {
        let limited = timeout(secs(1), future::pending::<()>());
        let (limited, ()) = join!(limited, sleep(secs(5)));
        assert!(limited.is_err());
        assert_eq!(now().since_start(), secs(5));
    });
}

#[test]
fn unordered_timeouts_each_end_their_own() {
    simrun::run(async {
        let limits = [(10, 3), (1, 5), (10, 4)];
        let mut all: FuturesUnordered<_> = limits
            .map(|(limit, nap)| timeout(secs(limit), sleep(secs(nap))))
            .into_iter()
            .collect();
        let mut results = Vec::new();
        while let Some(result) = all.next().await {
            results.push(result.is_ok());
        }
        assert_eq!(results, [false, true, true]);
    });
}

#[test]
fn a_group_beside_a_sleep_aborts_alone() {
    simrun::run(async {
        let group = task::group(|group| async move {
            drop(group.try_spawn(async {
                sleep(secs(1)).await;
                Err::<(), _>("bad")
            }));
            sleep(secs(60)).await;
        });
        let (group, ()) = join!(group, sleep(secs(3)));
        assert_eq!(group.unwrap_err().errors().len(), 1);
        assert_eq!(now().since_start(), secs(3));
        assert_eq!(task::current().cancelling(), 0);
    });
}

#[test]
fn what_is_raised_in_one_branch_is_not_received_in_another() {
    simrun::run(async {
        let task = spawn(async {
            let raises = async { Cancelled::with_message("here").raise::<()>().await };
            let receives = cancellable(sleep(secs(1)));
            let _ = join!(raises, receives);
        });
        let error = timeout(secs(10), task).await.unwrap().unwrap_err();
        assert_eq!(error.cancelled().unwrap().message(), Some("here"));
    });
}

#[test]
fn a_cancelled_join_of_scopes_ends_cancelled() {
    simrun::run(async {
        let with_region = spawn(async {
            let limited = timeout(secs(10), sleep(secs(9)));
            join!(limited, cancellable(sleep(secs(20)))).0.is_ok()
        });
        let with_group = spawn(async {
            let group = task::group(|group| async move {
                let cleans_up = async {
                    let _ = cancellable(sleep(secs(30))).await;
                    sleep(secs(1)).await;
                };
                group.spawn(cleans_up).detach();
                sleep(secs(30)).await;
            });
            join!(timeout(secs(10), sleep(secs(9))), group).0.is_ok()
        });
        sleep(secs(1)).await;
        assert!(with_region.cancel() && with_group.cancel());
        assert!(with_region.await.unwrap_err().is_cancelled());
        assert!(with_group.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_request_that_meets_a_ready_branch_comes_at_the_next_suspension() {
    simrun::run(async {
        let (mut sender, mut receiver) = mpsc::channel(4);
        let task = spawn(async move {
            for _ in 0..3 {
                let nap = sleep(secs(5)).fuse();
                pin_mut!(nap);
                select_biased! { _ = receiver.next() => {}, () = nap => {} }
            }
        });
        sleep(millis(1)).await;
        sender.try_send(1).unwrap();
        assert!(task.cancel());
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(now().since_start(), millis(1));
    });
}

#[test]
fn a_request_passed_on_to_a_task_that_is_given_up_comes_back() {
    simrun::run(async {
        let (mut sender, mut receiver) = mpsc::channel::<u8>(4);
        let task = spawn(async move {
            let mut child = spawn(sleep(secs(50))).fuse();
            select_biased! { _ = receiver.next() => {}, _ = child => {} }
            drop(child);
            sleep(secs(5)).await;
        });
        sleep(millis(1)).await;
        sender.try_send(1).unwrap();
        assert!(task.cancel());
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn cancelling_one_of_those_who_share_a_future_leaves_the_others() {
    for first in [true, false] {
        simrun::run(async move {
            let shared = sleep(secs(1)).map(|()| 7).shared();
            let (one, other) = (spawn(shared.clone()), spawn(shared));
            task::yield_now().await;
            let (victim, survivor) = if first { (one, other) } else { (other, one) };
            assert!(victim.cancel());
            assert!(victim.await.unwrap_err().is_cancelled());
            assert_eq!(survivor.await.unwrap(), 7);
        });
    }
}

#[test]
fn a_request_never_goes_to_a_wait_of_another_task() {
    simrun::run(async {
        let shared = sleep(secs(1)).shared();
        let victim: Rc<RefCell<Option<task::TaskRef>>> = Rc::default();
        let canceller = spawn({
            let (victim, shared) = (victim.clone(), shared.clone());
            async move {
                shared.await;
                let nap = sleep(secs(1));
                pin_mut!(nap);
                assert!(futures::poll!(nap.as_mut()).is_pending());
                victim.borrow().unwrap().cancel();
                nap.await;
                "slept"
            }
        });
        let task = spawn(async move {
            shared.await;
            sleep(secs(5)).await;
        });
        victim.replace(Some(*task));
        assert_eq!(canceller.await.unwrap(), "slept");
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_timeout_that_is_dropped_as_it_expires_cancels_nothing() {
    simrun::run(async {
        let (sender, receiver) = oneshot::channel();
        event_loop::call_later(secs(1), move || sender.send(5).unwrap());
        let task = spawn(async move {
            let mut receiver = receiver.fuse();
            let slow = timeout(secs(1), future::join(sleep(secs(7)), sleep(secs(8)))).fuse();
            let got = {
                pin_mut!(slow);
                select_biased! { got = receiver => got.unwrap(), _ = slow => 0 }
            };
            sleep(secs(1)).await;
            (got, task::current().cancelling())
        });
        assert_eq!(task.await.unwrap(), (5, 0));
    });
}

#[test]
fn a_group_that_is_dropped_as_it_aborts_cancels_nothing_more() {
    simrun::run(async {
        let (sender, mut receiver) = oneshot::channel();
        let task = spawn(async move {
            let group = task::group(|group| async move {
                drop(group.try_spawn(async move {
                    sleep(secs(1)).await;
                    sender.send(1).unwrap();
                    Err::<(), _>("bad")
                }));
                join!(sleep(secs(8)), sleep(secs(9)));
            });
            {
                pin_mut!(group);
                let either = future::poll_fn(|cx| {
                    let received = (now().since_start() >= secs(1))
                        .then(|| receiver.poll_unpin(cx))
                        .is_some_and(|received| received.is_ready());
                    if received {
                        std::task::Poll::Ready(())
                    } else {
                        group.as_mut().poll(cx).map(drop)
                    }
                });
                either.await;
            }
            task::yield_now().await;
            task::current().cancelling()
        });
        assert_eq!(task.await.unwrap(), 0);
    });
}

#[test]
fn a_sleep_that_is_polled_again_after_it_was_cancelled_sleeps_on() {
    simrun::run(async {
        let task = spawn(async {
            let nap = sleep(secs(5));
            pin_mut!(nap);
            let mut heard = 0;
            while cancellable(nap.as_mut()).await.is_err() {
                heard += 1;
                assert!(heard < 3, "one request is heard once");
            }
            heard
        });
        sleep(secs(1)).await;
        task.cancel();
        assert_eq!(task.await.unwrap(), 1);
        assert_eq!(now().since_start(), secs(5));
    });
}

#[test]
fn the_request_goes_to_the_awaited_task_even_after_something_else_was_tried() {
    simrun::run(async {
        let inner = spawn(sleep(secs(9)));
        let inner_ref = *inner;
        let task = spawn(async move {
            let _ = sleep(secs(1)).now_or_never();
            inner.await
        });
        sleep(millis(1)).await;
        task.cancel();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(inner_ref.is_done());
    });
}

#[test]
fn a_raise_outside_a_task_goes_nowhere() {
    simrun::run(async {
        event_loop::call_soon(|| assert!(Cancelled::new().raise::<()>().now_or_never().is_none()));
        assert!(spawn(sleep(secs(1))).await.is_ok());
    });
}

#[test]
fn a_timeout_that_moves_to_another_task_cancels_that() {
    simrun::run(async {
        let mut scope = Box::pin(timeout(secs(5), sleep(secs(9))));
        assert!(futures::poll!(scope.as_mut()).is_pending());
        let task = spawn(async move { scope.await.is_err() });
        sleep(secs(7)).await;
        assert!(task.await.unwrap());
    });
}
