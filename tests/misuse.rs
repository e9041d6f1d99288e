//! Misuse ends in a clear panic or error at the caller's line: never in a hang, never in undefined
//! behaviour.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Waker};

use futures::FutureExt;
use simrun::assure::FailureKind;
use simrun::event_loop::{self, EventLoop};
use simrun::sync::{Lock, Queue};
use simrun::time::{millis, secs, sleep};
use simrun::{Promise, Sim, TaskError, task};

/// Returns what a piece of code panics with.
fn panic_of(code: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(code)).expect_err("it should have panicked");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .expect("a panic with a text")
}

#[test]
fn a_sleep_polled_outside_a_run_says_so() {
    let message = panic_of(|| {
        let _ = sleep(secs(1)).poll_unpin(&mut Context::from_waker(Waker::noop()));
    });
    assert!(
        message.contains("there is no simrun loop on this thread"),
        "{message}"
    );
}

#[test]
fn spawning_outside_a_run_says_so() {
    let message = panic_of(|| drop(task::spawn(async {})));
    assert!(
        message.contains("there is no simrun loop on this thread"),
        "{message}"
    );
}

#[test]
fn spawning_on_a_closed_loop_says_so() {
    let event_loop = EventLoop::new();
    event_loop.close();
    event_loop.close();
    let message = panic_of(|| event_loop.within(|| drop(task::spawn(async {}))));
    assert!(message.contains("the loop is closed"), "{message}");
    let message = panic_of(|| {
        event_loop.within(|| event_loop::call_soon(|| ()));
    });
    assert!(message.contains("the loop is closed"), "{message}");
    assert!(panic_of(|| drop(event_loop.run_forever())).contains("the loop is closed"));
}

#[test]
fn a_run_inside_a_run_is_refused_and_the_outer_one_goes_on() {
    let inner = simrun::run(async {
        task::yield_now().await;
        panic_of(|| simrun::run(async {}))
    });
    assert!(inner.contains("inside a run"), "{inner}");
}

#[test]
fn closing_a_running_loop_is_refused() {
    let event_loop = std::rc::Rc::new(EventLoop::new());
    let same = event_loop.clone();
    let message = event_loop.run_until_complete(async move { panic_of(|| same.close()) });
    assert!(message.unwrap().unwrap().contains("cannot be closed"));
}

#[test]
fn a_wake_from_another_thread_is_reported_as_nondeterminism() {
    let run = Sim::new().run(|| async {
        let task = task::spawn(std::future::poll_fn(|cx| {
            let waker = cx.waker().clone();
            std::thread::scope(|scope| {
                scope.spawn(move || waker.wake());
            });
            std::task::Poll::<()>::Pending
        }));
        task.await.unwrap();
    });
    let failure = run.failure().expect("it depends on a thread");
    assert_eq!(failure.kind(), FailureKind::Nondeterminism);
    assert!(failure.message().contains("another thread"), "{failure}");
}

#[test]
fn a_handle_used_on_another_thread_says_so() {
    let message = simrun::run(async {
        let task = Arc::new(task::spawn(async {}));
        let other = task.clone();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || panic_of(|| assert!(other.cancel())));
            thread.join().unwrap()
        })
    });
    assert!(
        message.contains("there is no simrun loop on this thread"),
        "{message}"
    );
}

#[test]
fn a_handle_of_another_run_says_so() {
    let (lock, queue, promise) = simrun::run(async {
        let (lock, queue) = (Lock::new(()), Queue::<u8>::unbounded());
        drop(lock.acquire().await);
        queue.put(1).await.unwrap();
        (lock, queue, Promise::<u8>::new())
    });
    let messages = simrun::run(async move {
        [
            panic_of(|| drop(lock.try_acquire())),
            panic_of(|| assert!(queue.get_nowait().is_ok())),
            panic_of(|| assert!(promise.is_done())),
        ]
    });
    for message in messages {
        assert!(message.contains("belongs to another run"), "{message}");
    }
}

#[test]
fn a_task_that_awaits_itself_fails() {
    let error = simrun::run(async {
        let promise = Promise::new();
        let task = Arc::new(task::spawn({
            let promise = promise.clone();
            async move {
                let itself: Arc<task::Task<()>> = promise.await.unwrap();
                (&*itself).await.unwrap();
            }
        }));
        promise.set(task.clone()).unwrap();
        (&*task).await.unwrap_err()
    });
    assert!(
        error.is_panic() && error.to_string().contains("cannot await itself"),
        "{error}"
    );
}

#[test]
fn a_run_dropped_half_way_drops_its_futures_in_order() {
    let dropped = Arc::new(std::sync::Mutex::new(Vec::new()));
    let event_loop = EventLoop::new();
    event_loop.within(|| {
        for name in ["first", "second"] {
            let guard = OnDrop(name, dropped.clone());
            task::spawn(async move {
                let _guard = guard;
                sleep(secs(9)).await;
            })
            .detach();
        }
        event_loop::call_later(secs(1), event_loop::stop);
    });
    event_loop.run_forever().unwrap();
    drop(event_loop);
    assert_eq!(*dropped.lock().unwrap(), ["first", "second"]);
}

struct OnDrop(&'static str, Arc<std::sync::Mutex<Vec<&'static str>>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_panicking_drop_is_the_failure_of_its_task() {
    let error = simrun::run(async {
        let task = task::spawn(async {
            let _bomb = PanicOnDrop;
            sleep(secs(1)).await;
        });
        task::yield_now().await;
        task.cancel();
        task.await.unwrap_err()
    });
    assert!(error.is_panic(), "{error}");
    assert_eq!(error.to_string(), "dropped");
}

#[test]
fn a_panicking_drop_at_close_is_reported() {
    let event_loop = EventLoop::new();
    event_loop.within(|| {
        let bomb = PanicOnDrop;
        let never = async move {
            let _bomb = bomb;
            sleep(secs(1)).await;
        };
        task::spawn(never).detach();
    });
    event_loop.close();
    let reports = event_loop.take_reports();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0]
            .to_string()
            .contains("panicked while it was dropped"),
        "{}",
        reports[0]
    );
}

#[test]
fn a_task_that_never_lets_time_pass_is_a_livelock() {
    let run = Sim::new().livelock_after(10_000).run(|| async {
        let _spinner = task::spawn(async {
            loop {
                task::yield_now().await;
            }
        })
        .name("spinner");
        sleep(secs(1)).await;
        sleep(secs(1)).await;
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Livelock);
    assert_eq!(failure.task(), Some("spinner"));
}

#[test]
fn limits_end_a_run_each_with_its_own_message() {
    async fn tick() {
        loop {
            sleep(millis(1)).await;
        }
    }
    let run = Sim::new().until(secs(1)).run(tick);
    assert_eq!(run.failure().unwrap().kind(), FailureKind::VirtualTime);
    assert_eq!(run.now().since_start(), secs(1));
    let run = Sim::new().max_steps(1_000).run(tick);
    assert_eq!(run.failure().unwrap().kind(), FailureKind::Steps);
    assert_eq!(run.steps(), 1_000);
    let run = Sim::new().wall_clock(millis(1)).run(tick);
    assert_eq!(run.failure().unwrap().kind(), FailureKind::WallClock);
}

#[test]
fn nested_regions_have_a_clear_limit() {
    fn nest(depth: u32) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            if depth > 0 {
                task::cancellable(nest(depth - 1)).await.unwrap();
            } else {
                task::yield_now().await;
            }
        })
    }
    simrun::run(nest(900));
    let error: TaskError = simrun::run(async { task::spawn(nest(100_000)).await.unwrap_err() });
    assert!(
        error.is_panic() && error.to_string().contains("nested"),
        "{error}"
    );
}

#[test]
fn a_long_chain_of_awaiting_tasks_can_be_cancelled() {
    let cancelled = simrun::run(async {
        let mut last = task::spawn(sleep(secs(1)));
        for _ in 0..100_000 {
            last = task::spawn(async move {
                let _ = last.await;
            });
        }
        task::yield_now().await;
        task::yield_now().await;
        last.cancel();
        last.await.unwrap_err().is_cancelled()
    });
    assert!(cancelled);
}

#[test]
fn a_million_tasks_live_at_once() {
    let sum = simrun::run(async {
        let tasks: Vec<_> = (0..1_000_000_u64)
            .map(|n| {
                task::spawn(async move {
                    sleep(millis(n % 1_000)).await;
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 499_999_500_000);
}

#[test]
fn taking_a_value_twice_says_so() {
    let message = simrun::run(async {
        let task = task::spawn(async { 1 });
        task::yield_now().await;
        assert_eq!(task.settle().unwrap().unwrap(), 1);
        panic_of(|| drop(task.settle()))
    });
    assert!(message.contains("only once"), "{message}");
}
