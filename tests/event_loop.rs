//! The loop by hand: callbacks, timers, stopping, closing, and who is told of what goes wrong.

use std::cell::RefCell;
use std::rc::Rc;

use simrun::assure::FailureKind;
use simrun::event_loop::{self, EventLoop, ReportKind};
use simrun::time::{Instant, millis, now, secs, sleep};
use simrun::{Sim, spawn, task};

/// A list that callbacks write their names into.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn write(&self, name: &'static str) -> impl FnOnce() + 'static {
        let log = self.0.clone();
        move || log.borrow_mut().push(name)
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

#[test]
fn callbacks_run_in_the_order_in_which_they_were_queued_and_timers_after_them() {
    let log = Log::default();
    let event_loop = EventLoop::new();
    event_loop.within(|| {
        event_loop::call_later(millis(0), log.write("timer at once"));
        event_loop::call_soon(log.write("first"));
        event_loop::call_soon(log.write("second"));
        event_loop::call_later(millis(2), log.write("late timer"));
        event_loop::call_later(millis(1), log.write("early timer"));
        event_loop::call_later(millis(3), event_loop::stop);
    });
    event_loop.run_forever().unwrap();
    assert_eq!(
        log.take(),
        [
            "first",
            "second",
            "timer at once",
            "early timer",
            "late timer"
        ]
    );
    assert_eq!(event_loop.time(), Instant::ZERO + millis(3));
}

#[test]
fn a_cancelled_callback_is_not_called() {
    let log = Log::default();
    let event_loop = EventLoop::new();
    event_loop.within(|| {
        let soon = event_loop::call_soon(log.write("soon"));
        let later = event_loop::call_later(secs(1), log.write("later"));
        soon.cancel();
        later.cancel();
        later.cancel();
        assert!(soon.is_cancelled() && later.is_cancelled());
        event_loop::call_later(secs(2), event_loop::stop);
    });
    event_loop.run_forever().unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn stop_lets_the_iteration_finish_and_keeps_what_was_queued_in_it() {
    let log = Log::default();
    let event_loop = EventLoop::new();
    let inner = log.clone();
    event_loop.within(|| {
        event_loop::call_soon(event_loop::stop);
        event_loop::call_soon(move || {
            event_loop::call_soon(inner.write("queued in the last iteration"));
            inner.write("in the last iteration")();
        });
    });
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["in the last iteration"]);
    event_loop.within(event_loop::stop);
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["queued in the last iteration"]);
}

#[test]
fn a_loop_stopped_before_its_task_is_done_says_so_and_can_be_run_again() {
    let event_loop = EventLoop::new();
    let task = event_loop.within(|| {
        event_loop::call_later(millis(1), event_loop::stop);
        spawn(async {
            sleep(millis(2)).await;
            7
        })
    });
    let failure = event_loop.run_until_done(&task).unwrap_err();
    assert!(failure.message().contains("stopped before"), "{failure}");
    event_loop.run_until_done(&task).unwrap();
    assert_eq!(event_loop.within(|| task.settle()).unwrap().unwrap(), 7);
}

#[test]
fn a_deadlocked_loop_can_be_helped_out_and_run_again() {
    let event_loop = EventLoop::new();
    let task = event_loop.within(|| spawn(std::future::pending::<()>()));
    let failure = event_loop.run_until_done(&task).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    event_loop.within(|| assert!(task.cancel()));
    event_loop.run_until_done(&task).unwrap();
    assert!(event_loop.within(|| task.is_cancelled()));
}

#[test]
fn a_callback_that_panics_is_reported_and_the_loop_goes_on() {
    let kinds = Rc::new(RefCell::new(Vec::new()));
    let told = kinds.clone();
    simrun::run(async move {
        event_loop::set_exception_handler(move |report| told.borrow_mut().push(report.kind()));
        event_loop::call_soon(|| panic!("oops"));
        drop(task::try_spawn(async { Err::<(), _>("unseen") }));
        drop(task::try_spawn(async { Err::<(), _>("unseen") }).await);
        sleep(secs(1)).await;
    });
    assert_eq!(
        *kinds.borrow(),
        [ReportKind::Callback, ReportKind::NeverRetrieved]
    );
}

#[test]
fn without_a_handler_an_error_that_nobody_sees_fails_the_run() {
    let run = Sim::new().run(|| async {
        spawn(async { panic!("unseen") }).detach();
        task::yield_now().await;
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Unhandled);
    assert!(failure.message().ends_with("unseen"), "{failure}");
    assert!(
        failure
            .location()
            .unwrap()
            .starts_with("tests/event_loop.rs:")
    );
}

#[test]
fn a_handler_that_panics_is_reported_itself() {
    let run = Sim::new().run(|| async {
        event_loop::set_exception_handler(|_| panic!("the handler too"));
        event_loop::call_soon(|| panic!("oops"));
        task::yield_now().await;
    });
    assert!(run.failure().unwrap().message().contains("the handler too"));
}

#[test]
fn what_is_left_is_cancelled_in_the_order_of_creation_and_waited_for() {
    let log = Log::default();
    let inner = log.clone();
    let run = Sim::new().run(|| async move {
        for name in ["first", "second", "third"] {
            let log = inner.clone();
            spawn(async move {
                if task::cancellable(sleep(secs(60))).await.is_err() {
                    sleep(millis(5)).await;
                    log.write(name)();
                }
            })
            .detach();
        }
        task::yield_now().await;
    });
    assert!(run.outcome().is_passed());
    assert_eq!(log.take(), ["first", "second", "third"]);
    assert_eq!(run.now().since_start(), millis(5));
}

#[test]
fn a_task_that_fails_while_it_is_cancelled_at_the_end_is_reported() {
    let run = Sim::new().run(|| async {
        task::try_spawn(async {
            match task::cancellable(sleep(secs(60))).await {
                Ok(()) => Ok(()),
                Err(_) => Err("the disk is full"),
            }
        })
        .detach();
        task::yield_now().await;
    });
    assert_eq!(run.reports().len(), 1);
    assert_eq!(run.reports()[0].kind(), ReportKind::Shutdown);
    assert!(
        run.failure()
            .unwrap()
            .message()
            .contains("the disk is full")
    );
}

#[test]
fn shutdown_hooks_run_after_the_tasks_have_ended() {
    let log = Log::default();
    let inner = log.clone();
    Sim::new()
        .run(|| async move {
            let hook = inner.clone();
            event_loop::on_shutdown(move || async move {
                sleep(secs(1)).await;
                hook.write("hook")();
            });
            spawn(async move {
                drop(task::cancellable(sleep(secs(60))).await);
                inner.write("task")();
            })
            .detach();
            task::yield_now().await;
        })
        .unwrap();
    assert_eq!(log.take(), ["task", "hook"]);
}

#[test]
fn an_idle_hour_takes_no_time() {
    let run = Sim::new().run(|| async {
        sleep(secs(3_600)).await;
        now()
    });
    assert_eq!(run.steps(), 4, "two steps, a timer, a callback");
    assert_eq!(run.unwrap().since_start(), secs(3_600));
}
