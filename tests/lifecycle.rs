//! What outlives what: handles and loops, values and their drops, panics and who hears of them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures::future;
use simrun::assure::FailureKind;
use simrun::event_loop::{self, EventLoop};
use simrun::time::{secs, sleep};
use simrun::{Promise, Sim, spawn, task};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_fails_the_run() {
    let run = Sim::new().run(|| async {
        spawn(async { Bomb }).detach();
        sleep(secs(1)).await;
    });
    assert_eq!(run.failure().unwrap().kind(), FailureKind::Unhandled);
    assert!(run.failure().unwrap().message().contains("boom"));
}

#[test]
fn a_callback_that_is_never_called_but_panics_when_it_is_dropped_fails_the_run() {
    let run = Sim::new().run(|| async {
        let bomb = Bomb;
        event_loop::call_later(secs(9), move || drop(bomb));
    });
    assert!(
        run.failure()
            .unwrap()
            .message()
            .contains("a callback panicked while it was dropped")
    );
}

#[test]
fn an_error_whose_handle_outlives_the_loop_is_reported() {
    async fn panics() {
        panic!("unseen");
    }
    let kept = Rc::new(RefCell::new(None));
    let keeper = kept.clone();
    let run = Sim::new().run(|| async move {
        keeper.replace(Some(spawn(panics())));
        task::yield_now().await;
    });
    assert!(kept.borrow().is_some());
    assert_eq!(run.failure().unwrap().kind(), FailureKind::Unhandled);
    assert!(run.failure().unwrap().message().contains("unseen"));
}

#[test]
fn a_promise_can_be_settled_after_its_loop_was_closed() {
    let event_loop = EventLoop::new();
    let promise = event_loop.within(|| {
        let promise = Promise::<u8>::new();
        promise.on_done(|| unreachable!("the loop is closed"));
        promise
    });
    event_loop.close();
    event_loop.within(|| promise.set(1)).unwrap();
}

#[test]
fn a_clone_of_a_promise_keeps_it_alive() {
    let event_loop = EventLoop::new();
    event_loop.within(|| {
        let promise = Promise::<u8>::new();
        drop(promise.clone());
        promise.set(1).unwrap();
        assert_eq!(promise.result().unwrap().unwrap(), 1);
    });
    let outside = event_loop.within(Promise::<u8>::new);
    let cloned = catch_unwind(AssertUnwindSafe(|| outside.clone()));
    assert!(cloned.is_err(), "outside the loop it cannot be counted");
    event_loop.within(move || drop(outside));
}

#[test]
fn an_error_may_use_the_run_when_it_is_shown() {
    #[derive(Debug)]
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            simrun::log!("shown");
            f.write_str("loud")
        }
    }
    impl std::error::Error for Loud {}
    let run = Sim::new().record(true).run(|| async {
        let task = task::try_spawn(async { Err::<(), _>(Loud) });
        task.await.is_err()
    });
    assert_eq!(run.value(), Some(&true), "{}", run.outcome());
}

#[test]
fn task_locals_set_outside_a_task_stay_with_the_loop() {
    simrun::task_local! { static LOCAL: u32 = 0; }
    let event_loop = EventLoop::new();
    let early = event_loop.within(|| spawn(async { LOCAL.get() }));
    event_loop.within(|| LOCAL.set(7));
    let late = event_loop.within(|| spawn(async { LOCAL.get() }));
    event_loop.run_until_done(&late).unwrap();
    event_loop.within(|| {
        assert_eq!(early.settle().unwrap().unwrap(), 0);
        assert_eq!(late.settle().unwrap().unwrap(), 7);
        assert_eq!(LOCAL.get(), 7);
        drop((early, late));
    });
}

#[test]
fn task_locals_of_the_loop_outlast_an_eager_task() {
    simrun::task_local! { static LOCAL: u32 = 0; }
    let event_loop = EventLoop::new();
    event_loop.within(|| LOCAL.set(7));
    let spawns_eagerly = async {
        LOCAL.set(8);
        task::spawn_eager(async { LOCAL.set(9) }).await.unwrap();
        LOCAL.get()
    };
    assert_eq!(
        event_loop
            .run_until_complete(spawns_eagerly)
            .unwrap()
            .unwrap(),
        8
    );
    assert_eq!(event_loop.within(|| LOCAL.get()), 7);
}

#[test]
fn a_clone_that_panics_leaves_the_value_where_it_is() {
    struct Unique;
    impl Clone for Unique {
        fn clone(&self) -> Self {
            panic!("there is but one");
        }
    }
    simrun::run(async {
        let task = spawn(async { Unique });
        task::yield_now().await;
        let copied = catch_unwind(AssertUnwindSafe(|| task.result()));
        assert!(copied.is_err());
        assert!(task.await.is_ok());
    });
}

#[test]
fn wakes_of_runs_that_are_over_do_not_hide_those_of_this_one() {
    let stale = Rc::new(RefCell::new(None));
    let kept = stale.clone();
    let keep_waker = || async move {
        future::poll_fn(|cx| {
            kept.replace(Some(cx.waker().clone()));
            std::task::Poll::Ready(())
        })
        .await;
    };
    Sim::new().run(keep_waker).unwrap();
    for _ in 0..2_000 {
        stale.borrow().as_ref().unwrap().wake_by_ref();
    }
    let run = Sim::new().run(|| async {
        let woken_elsewhere = future::poll_fn(|cx| {
            let waker = cx.waker().clone();
            std::thread::scope(|scope| {
                scope.spawn(move || waker.wake());
            });
            std::task::Poll::<()>::Pending
        });
        spawn(woken_elsewhere).await.unwrap();
    });
    assert_eq!(run.failure().unwrap().kind(), FailureKind::Nondeterminism);
}

#[test]
fn eager_tasks_nest_and_leave_their_creator_as_it_was() {
    let run = Sim::new().eager_tasks(true).run(|| async {
        let outer = spawn(async {
            let inner = spawn(async {
                assert_eq!(task::current().path().unwrap().to_string(), "main/1/1");
                task::yield_now().await;
                1
            });
            assert_eq!(task::current().path().unwrap().to_string(), "main/1");
            inner.await.unwrap() + 1
        });
        assert_eq!(task::current().to_string(), "main");
        outer.await.unwrap()
    });
    assert_eq!(run.unwrap(), 2);
}
