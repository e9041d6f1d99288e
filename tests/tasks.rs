//! Tasks: how they are made, how they end, who sees it, and how they are stopped.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

use futures::StreamExt;
use simrun::assure::FailureKind;
use simrun::event_loop::EventLoop;
use simrun::sync::{Event, Lock, Queue};
use simrun::task::{self, Until, cancellable, gather_keeping_errors, shield};
use simrun::time::{Elapsed, Timeout, millis, now, secs, sleep, timeout, wait_for};
use simrun::{Cancelled, Promise, Sim, Strategy, TaskError, gather, spawn};

#[test]
fn a_task_steps_first_when_its_creator_suspends_and_wakes_its_awaiter_one_turn_later() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let inner = order.clone();
    simrun::run(async move {
        let write = |name| inner.borrow_mut().push(name);
        let log = inner.clone();
        let task = spawn(async move { log.borrow_mut().push("child") });
        write("creator");
        simrun::event_loop::call_soon({
            let log = inner.clone();
            move || log.borrow_mut().push("queued after the child")
        });
        task.await.unwrap();
        write("awaiter");
    });
    assert_eq!(
        *order.borrow(),
        ["creator", "child", "queued after the child", "awaiter"]
    );
}

#[test]
fn a_task_that_wakes_itself_and_returns_is_done() {
    let run = Sim::new().run(|| async {
        for _ in 0..3 {
            let mut polled = false;
            let task = spawn(std::future::poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut polled, true) {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            }));
            task.await.unwrap();
        }
    });
    assert!(run.outcome().is_passed(), "{}", run.outcome());
}

#[test]
fn paths_and_names_tell_tasks_apart() {
    simrun::run(async {
        let child = spawn(async {
            let grandchild = spawn(async { task::current().to_string() });
            (task::current().to_string(), grandchild.await.unwrap())
        });
        assert_eq!(
            child.await.unwrap(),
            ("main/1".to_owned(), "main/1/1".to_owned())
        );
        let named = spawn(async { task::current().to_string() }).name("worker");
        assert_eq!(named.path().unwrap().to_string(), "main/2");
        assert_eq!(named.await.unwrap(), "worker");
    });
}

#[test]
fn a_panic_is_the_failure_of_its_task_with_its_place() {
    async fn panics() {
        panic!("at the disco");
    }
    let error = simrun::run(async { spawn(panics()).await.unwrap_err() });
    assert!(error.is_panic());
    assert_eq!(error.to_string(), "at the disco");
    assert!(error.location().unwrap().starts_with("tests/tasks.rs:"));
}

#[test]
fn errors_are_passed_on_as_the_same_error() {
    simrun::run(async {
        let inner = task::try_spawn(async { Err::<u8, _>("no such host") });
        let outer = task::try_spawn(async move {
            let value = (&inner).await?;
            Ok::<u8, TaskError>(value)
        });
        let error = outer.await.unwrap_err();
        assert_eq!(error.to_string(), "no such host");
        let cancelled = task::try_spawn(async { Err::<u8, _>(Cancelled::with_message("enough")) });
        let error = cancelled.await.unwrap_err();
        assert_eq!(error.cancelled().unwrap().message(), Some("enough"));
        let boxed: Box<dyn Error> = Box::new(error);
        assert_eq!(boxed.to_string(), "cancelled: enough");
    });
}

#[test]
fn a_cancelled_task_is_dropped_at_its_await_unless_a_region_receives() {
    simrun::run(async {
        let dropped = spawn(sleep(secs(60)));
        let received = spawn(async { cancellable(sleep(secs(60))).await.unwrap_err() });
        task::yield_now().await;
        assert!(dropped.cancel_with("a") && received.cancel_with("b"));
        assert_eq!(received.cancelling(), 1);
        assert_eq!(received.await.unwrap().message(), Some("b"));
        assert_eq!(
            dropped.await.unwrap_err().cancelled().unwrap().message(),
            Some("a")
        );
    });
}

#[test]
fn the_innermost_region_receives_and_can_pass_on() {
    let seen = simrun::run(async {
        let task = spawn(async {
            let inner = async {
                let cancelled = cancellable(sleep(secs(60))).await.unwrap_err();
                sleep(millis(1)).await;
                cancelled.raise::<()>().await;
                unreachable!("the outer region goes on");
            };
            cancellable(inner)
                .await
                .map(|()| "nothing")
                .unwrap_or("outer")
        });
        task::yield_now().await;
        task.cancel();
        task.await.unwrap()
    });
    assert_eq!(seen, "outer");
}

#[test]
fn a_task_cancelled_before_its_first_step_never_starts() {
    simrun::run(async {
        let task = spawn(async { unreachable!("it was cancelled") });
        assert!(task.cancel());
        assert!(!task.is_cancelled());
        let error: TaskError = Result::<(), _>::unwrap_err(task.await);
        assert!(error.is_cancelled());
    });
}

#[test]
fn an_awaited_task_is_cancelled_first_and_its_value_wins_if_it_swallows() {
    simrun::run(async {
        let inner = spawn(async { cancellable(sleep(secs(60))).await.is_err() });
        let outer = spawn(inner);
        task::yield_now().await;
        task::yield_now().await;
        outer.cancel();
        assert!(
            outer.await.unwrap().unwrap(),
            "the outer task got the inner one's value"
        );
    });
}

#[test]
fn uncancel_takes_an_undelivered_request_back() {
    simrun::run(async {
        let task = spawn(async {
            let myself = task::current();
            myself.cancel();
            assert_eq!(myself.uncancel(), 0);
            task::yield_now().await;
            "alive"
        });
        assert_eq!(task.await.unwrap(), "alive");
    });
}

#[test]
fn an_aborted_task_is_dropped_without_being_asked() {
    simrun::run(async {
        let task = spawn(async { while cancellable(sleep(secs(60))).await.is_err() {} });
        task::yield_now().await;
        task.cancel();
        task::yield_now().await;
        assert!(!task.is_done());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(now().since_start(), secs(0));
    });
}

#[test]
fn a_gather_stops_at_the_first_error_and_leaves_the_others_running() {
    simrun::run(async {
        let slow = spawn(async {
            sleep(secs(1)).await;
            1
        });
        let bad = task::try_spawn(async { Err::<i32, _>("bad") });
        assert_eq!(gather((&slow, bad)).await.unwrap_err().to_string(), "bad");
        assert_eq!(slow.await.unwrap(), 1);
        let none: Vec<task::Task<u8>> = Vec::new();
        assert!(gather(none).await.unwrap().is_empty());
    });
}

#[test]
fn a_cancelled_gather_cancels_all_and_waits_for_them_if_errors_are_kept() {
    simrun::run(async {
        let child = |pause| {
            spawn(async move {
                drop(cancellable(sleep(secs(60))).await);
                sleep(millis(pause)).await;
            })
        };
        let (one, two) = (child(1), child(5));
        let both = (*one, *two);
        let gatherer = spawn(async move { drop(gather_keeping_errors([one, two]).await) });
        sleep(millis(1)).await;
        gatherer.cancel();
        assert!(gatherer.await.unwrap_err().is_cancelled());
        assert!(both.0.is_done() && both.1.is_done());
        assert_eq!(now().since_start(), millis(6));
    });
}

#[test]
fn a_shield_keeps_the_request_from_what_is_behind_it() {
    simrun::run(async {
        let inner = Rc::new(spawn(async {
            sleep(secs(1)).await;
            "done"
        }));
        let kept = inner.clone();
        let outer = spawn(async move { shield(&*kept).await });
        sleep(millis(1)).await;
        outer.cancel();
        assert!(outer.await.unwrap_err().is_cancelled());
        assert_eq!((&*inner).await.unwrap(), "done");
    });
}

#[test]
fn waits_end_with_the_first_all_or_a_timeout_and_cancel_nothing() {
    simrun::run(async {
        let naps = || [3, 1, 2].map(|n| spawn(sleep(secs(n))));
        let (done, pending) = task::wait(naps(), Until::FirstCompleted).await;
        assert_eq!((done.len(), pending.len()), (1, 2));
        let tasks = naps();
        let (done, pending) = task::wait(&tasks, Until::AllCompleted).await;
        assert_eq!((done.len(), pending.len()), (3, 0));
        let (done, pending) = task::wait(naps(), Until::AllCompleted)
            .timeout(millis(2_500))
            .await;
        assert_eq!((done.len(), pending.len()), (2, 1));
        assert!(!pending[0].is_cancelled());
        let bad = task::try_spawn(async { Err::<(), _>("bad") });
        let some = naps().into_iter().chain([bad]);
        let (done, _) = task::wait(some, Until::FirstFailed).await;
        assert_eq!(done.len(), 1);
    });
}

#[test]
fn results_come_as_they_are_completed_and_the_late_ones_as_elapsed() {
    simrun::run(async {
        let naps = [3, 1, 2].map(|n| spawn(async move { sleep(secs(n)).await }));
        let results: Vec<_> = task::as_completed(naps)
            .timeout(millis(2_500))
            .collect()
            .await;
        assert!(results[0].is_ok() && results[1].is_ok());
        let late = results[2].as_ref().unwrap_err();
        assert!(late.downcast_ref::<Elapsed>().is_some());
    });
}

#[test]
fn a_timeout_turns_its_own_cancellation_into_elapsed_and_no_other() {
    simrun::run(async {
        assert!(timeout(secs(1), sleep(secs(2))).await.is_err());
        assert_eq!(task::current().cancelling(), 0);
        assert!(
            timeout(secs(0), async { 1 }).await.is_ok(),
            "it never suspends"
        );
        let outside = spawn(timeout(secs(60), sleep(secs(61))));
        sleep(millis(1)).await;
        outside.cancel();
        assert!(outside.await.unwrap_err().is_cancelled());
        let swallows = timeout(secs(1), async {
            cancellable(sleep(secs(60))).await.is_err()
        });
        assert_eq!(swallows.await, Ok(true));
    });
}

#[test]
fn nested_timeouts_of_one_deadline_expire_from_outside() {
    simrun::run(async {
        let (outer, inner) = (Timeout::after(secs(1)), Timeout::after(secs(1)));
        let result = outer
            .enforce(async { inner.enforce(sleep(secs(9))).await })
            .await;
        assert!(result.is_err());
        assert!(outer.is_expired() && inner.is_expired());
        assert!(outer.reschedule(now()).is_err());
    });
}

#[test]
fn wait_for_waits_until_the_task_has_cleaned_up() {
    simrun::run(async {
        let task = spawn(async {
            let cancelled = cancellable(sleep(secs(60))).await.unwrap_err();
            sleep(secs(2)).await;
            cancelled.raise::<()>().await
        });
        assert!(wait_for(secs(1), task).await.is_err());
        assert_eq!(now().since_start(), secs(3));
        let done = spawn(async { 1 });
        task::yield_now().await;
        assert_eq!(wait_for(secs(0), done).await.unwrap().unwrap(), 1);
        let never = spawn(async { unreachable!("there was no time") });
        assert!(Result::<Result<(), _>, _>::is_err(
            &wait_for(secs(0), never).await
        ));
    });
}

#[test]
fn a_group_ends_when_all_its_tasks_have_and_gives_all_errors() {
    simrun::run(async {
        let total = Rc::new(RefCell::new(0));
        let inner = total.clone();
        task::group(|group| async move {
            for n in 1..=3 {
                let (total, group) = (inner.clone(), group.clone());
                let nested = group.clone();
                let more = async move {
                    sleep(secs(n)).await;
                    let total = total.clone();
                    nested
                        .spawn(async move { *total.borrow_mut() += n })
                        .detach();
                };
                group.spawn(more).detach();
            }
        })
        .await
        .unwrap();
        assert_eq!(*total.borrow(), 6);

        let failing = task::try_group(|group| async move {
            for name in ["one", "two"] {
                drop(group.try_spawn(async move {
                    sleep(secs(1)).await;
                    Err::<(), _>(name)
                }));
            }
            sleep(secs(60)).await;
            Ok::<_, String>(())
        });
        let error = failing.await.unwrap_err();
        let texts: Vec<String> = error.errors().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["one", "two"]);
        assert_eq!(task::current().cancelling(), 0);
    });
}

#[test]
fn a_group_whose_scope_is_dropped_cancels_its_tasks() {
    simrun::run(async {
        let child = Rc::new(RefCell::new(None));
        let kept = child.clone();
        let scope = task::group(|group| async move {
            let task = group.spawn(sleep(secs(60)));
            kept.replace(Some(*task));
            task.await
        });
        assert!(futures::poll!(Box::pin(scope)).is_pending());
        task::yield_now().await;
        assert!(child.borrow().unwrap().is_done());
    });
}

#[test]
fn dropping_a_wait_at_any_point_leaves_the_tools_whole() {
    for seed in 0..300 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async {
            let lock = Arc::new(Lock::new(0));
            let queue = Arc::new(Queue::bounded(1));
            let event = Arc::new(Event::new());
            let victims: Vec<_> = (0..6)
                .map(|n| {
                    let (lock, queue, event) = (lock.clone(), queue.clone(), event.clone());
                    spawn(async move {
                        event.wait().await;
                        let mut count = lock.acquire().await;
                        task::yield_now().await;
                        *count += 1;
                        drop(count);
                        if n % 2 == 0 {
                            let _ = queue.put(n).await;
                        } else {
                            let _ = queue.get().await;
                        }
                    })
                })
                .collect();
            event.set();
            for victim in &victims[..4] {
                task::yield_now().await;
                if simrun::chance::chance("abort", 0.5) {
                    victim.abort();
                } else {
                    victim.cancel();
                }
            }
            sleep(millis(1)).await;
            let free = lock.try_acquire().is_some();
            assert!(free, "a lock that nobody holds can be taken");
            queue.shut_down();
        });
        assert!(run.outcome().is_passed(), "seed {seed}: {}", run.outcome());
    }
}

#[test]
fn a_promise_keeps_its_state_and_wakes_in_order() {
    simrun::run(async {
        let promise = Promise::new();
        let order = Rc::new(RefCell::new(Vec::new()));
        let readers: Vec<_> = (0..3)
            .map(|n| {
                let (promise, order) = (promise.clone(), order.clone());
                spawn(async move {
                    let value = promise.await.unwrap();
                    order.borrow_mut().push((n, value));
                })
            })
            .collect();
        task::yield_now().await;
        let handle = promise.on_done(|| unreachable!("it was taken back"));
        assert!(handle.remove());
        promise.set("x").unwrap();
        assert!(promise.set("y").is_err() && !promise.cancel());
        gather(readers).await.unwrap();
        assert_eq!(*order.borrow(), [(0, "x"), (1, "x"), (2, "x")]);
    });
}

#[test]
fn a_task_of_a_group_says_where_it_was_spawned() {
    simrun::run(async {
        let body = |group: task::TaskGroup| async move {
            let _naps = (
                group.spawn(sleep(secs(1))),
                group.try_spawn(async {
                    sleep(secs(1)).await;
                    Ok::<_, Elapsed>(())
                }),
            );
            let dump = task::dump();
            let places = dump.blocked().iter().map(|task| task.spawned_at.clone());
            places.collect::<Vec<_>>()
        };
        for place in task::group(body).await.unwrap() {
            assert!(place.starts_with("tests/tasks.rs"), "{place}");
        }
    });
}

#[test]
#[should_panic(expected = "polled after it had given its items back")]
fn a_wait_polled_after_it_is_over_says_so() {
    simrun::run(async {
        let mut wait = std::pin::pin!(task::wait([spawn(async {})], Until::AllCompleted));
        wait.as_mut().await;
        wait.await;
    });
}

#[test]
fn a_limit_that_halts_a_loop_as_its_task_ends_leaves_nothing_to_stop_the_next_run() {
    for limit in 1..8 {
        let event_loop = EventLoop::with(&Sim::new().livelock_after(limit));
        let [first, second] = event_loop.within(|| {
            spawn(async {
                task::yield_now().await;
                task::yield_now().await;
            })
            .detach();
            [spawn(async {}), spawn(sleep(secs(1)))]
        });
        let _ = event_loop.run_until_done(&first);
        // A run that a livelock has halted may make one more step each time.
        for _ in 0..20 {
            if let Err(failure) = event_loop.run_until_done(&second) {
                assert_eq!(failure.kind(), FailureKind::Livelock, "{failure}");
            }
        }
        event_loop.within(|| {
            assert!(second.is_done());
            drop((first, second));
        });
    }
}
