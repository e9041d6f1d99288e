//! Executors: jobs, pools, and the bridges between threads and the loop, as asyncio has them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use simrun::assure::FailureKind;
use simrun::thread::{self, ThreadPool};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Promise, Sim, Strategy, event_loop, gather, spawn, task};

type Words = Arc<Mutex<Vec<String>>>;

fn say(words: &Words, word: impl Into<String>) {
    words.lock().unwrap().push(word.into());
}

fn said(words: &Words) -> String {
    words.lock().unwrap().join(" ")
}

#[test]
fn the_end_of_a_job_crosses_to_the_loop_as_a_callback() {
    let words = Words::default();
    simrun::run({
        let words = words.clone();
        async move {
            let job = thread::run_in_executor(None, {
                let words = words.clone();
                move || say(&words, "job")
            });
            let other = spawn({
                let words = words.clone();
                async move {
                    for turn in 1..=4 {
                        say(&words, turn.to_string());
                        task::yield_now().await;
                    }
                }
            });
            job.await.unwrap();
            say(&words, "awaited");
            other.await.unwrap();
        }
    });
    // The job goes in the gap after the iteration that submits it. In the next iteration its
    // callback completes the loop's future, and in the one after that its awaiter goes on.
    assert_eq!(said(&words), "job 1 2 awaited 3 4");
}

#[test]
fn a_job_that_is_cancelled_before_it_begins_never_does() {
    let began = Arc::new(AtomicU32::new(0));
    let run = Sim::new().run({
        let began = began.clone();
        || async move {
            let pool = ThreadPool::new(1);
            let job = || {
                let began = began.clone();
                thread::run_in_executor(&pool, move || {
                    began.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(secs(1));
                })
            };
            let (first, second, third) = (job(), job(), job());
            sleep(millis(10)).await;
            assert!(second.cancel());
            assert!(second.await.unwrap_err().is_cancelled());
            first.await.unwrap();
            third.await.unwrap();
            now().since_start()
        }
    });
    assert_eq!(run.unwrap(), secs(2));
    assert_eq!(began.load(Ordering::Relaxed), 2);
}

#[test]
fn cancelling_the_one_who_awaits_does_not_stop_the_thread() {
    let ended = Arc::new(AtomicBool::new(false));
    simrun::run({
        let ended = ended.clone();
        async move {
            let awaiter = spawn(thread::to_thread(move || {
                thread::sleep(secs(1));
                ended.store(true, Ordering::Relaxed);
            }));
            sleep(millis(10)).await;
            awaiter.cancel();
            assert!(awaiter.await.unwrap_err().is_cancelled());
            assert_eq!(now().since_start(), millis(10));
        }
    });
    // The default executor is joined when the run ends.
    assert!(ended.load(Ordering::Relaxed));
}

simrun::task_local! {
    static REQUEST: u32 = 0;
}

#[test]
fn to_thread_sees_the_task_locals_of_its_caller_and_run_in_executor_does_not() {
    simrun::run(async {
        REQUEST.set(7);
        let seen = thread::to_thread(|| {
            let seen = REQUEST.get();
            REQUEST.set(8);
            seen
        });
        assert_eq!(seen.await.unwrap(), 7);
        let seen = thread::run_in_executor(None, || REQUEST.get());
        assert_eq!(seen.await.unwrap(), 0);
        assert_eq!(REQUEST.get(), 7);
    });
}

#[test]
fn after_its_shutdown_the_default_executor_takes_no_jobs() {
    simrun::run(async {
        thread::to_thread(|| ()).await.unwrap();
        thread::shutdown_default_executor(None).await;
        let refused = thread::to_thread(|| ()).await.unwrap_err();
        assert!(refused.downcast_ref::<thread::PoolShutDown>().is_some());
    });
}

#[test]
fn jobs_of_the_default_executor_that_take_too_long_are_reported() {
    let run = Sim::new().run(|| async {
        let _job = thread::run_in_executor(None, || thread::sleep(secs(1_000)));
        task::yield_now().await;
    });
    assert_eq!(run.now().since_start(), secs(300));
    assert!(run.failure().unwrap().to_string().contains("in time"));
}

#[test]
fn a_thread_waits_for_a_coroutine_that_the_loop_runs() {
    simrun::run(async {
        let thread = thread::spawn(|| {
            let pending = thread::run_coroutine_threadsafe(async {
                sleep(secs(2)).await;
                "result"
            });
            assert!(!pending.is_done());
            pending.result().unwrap()
        });
        assert_eq!(thread.await.unwrap(), "result");
        assert_eq!(now().since_start(), secs(2));
    });
}

#[test]
fn cancelling_what_a_thread_waits_for_cancels_the_task() {
    simrun::run(async {
        let cancelled = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let cancelled = cancelled.clone();
            move || {
                let mut pending = thread::run_coroutine_threadsafe(async move {
                    let slept = task::cancellable(sleep(secs(9))).await;
                    cancelled.store(slept.is_err(), Ordering::Relaxed);
                });
                assert!(pending.result_timeout(secs(1)).is_err(), "the time is up");
                assert!(pending.cancel());
                assert!(pending.result().unwrap_err().is_cancelled());
            }
        });
        thread.await.unwrap();
        sleep(millis(1)).await;
        assert!(cancelled.load(Ordering::Relaxed));
    });
}

#[test]
fn the_error_of_a_coroutine_reaches_the_thread_that_waits() {
    simrun::run(async {
        let thread = thread::spawn(|| {
            let pending = thread::try_run_coroutine_threadsafe(async { "x".parse::<u32>() });
            let error = pending.result().unwrap_err();
            error.downcast_ref::<std::num::ParseIntError>().is_some()
        });
        assert!(thread.await.unwrap());
    });
}

#[test]
fn callbacks_of_threads_run_in_the_loop_in_the_order_in_which_they_were_queued() {
    let words = Words::default();
    simrun::run({
        let words = words.clone();
        async move {
            let done = Promise::new();
            let thread = thread::spawn({
                let done = done.clone();
                move || {
                    for word in ["a", "b", "c"] {
                        let words = words.clone();
                        thread::call_soon_threadsafe(move || say(&words, word));
                    }
                    thread::call_soon_threadsafe(move || done.set(()).unwrap());
                }
            });
            done.await.unwrap();
            thread.await.unwrap();
        }
    });
    assert_eq!(said(&words), "a b c");
}

#[test]
fn a_pool_runs_as_many_jobs_at_once_as_it_has_workers_first_come_first_served() {
    let words = Words::default();
    simrun::run({
        let words = words.clone();
        async move {
            let pool = ThreadPool::new(3).named("crew");
            let job = |number: u64| {
                let words = words.clone();
                thread::run_in_executor(&pool, move || {
                    let name = thread::current().name().unwrap().to_owned();
                    say(&words, format!("{number}@{name}"));
                    thread::sleep(secs(number));
                })
            };
            gather((1..=5).map(job)).await.unwrap();
        }
    });
    assert_eq!(said(&words), "1@crew-0 2@crew-1 3@crew-2 4@crew-0 5@crew-1");
}

simrun::thread_local! {
    static JOBS: Cell<u32> = Cell::new(0);
}

#[test]
fn jobs_on_one_worker_share_its_thread_locals() {
    simrun::run(async {
        let pool = ThreadPool::new(1);
        let job = || {
            JOBS.set(JOBS.get() + 1);
            JOBS.get()
        };
        for count in 1..=3 {
            let counted = thread::run_in_executor(&pool, job).await.unwrap();
            assert_eq!(counted, count);
        }
        let elsewhere = thread::run_in_executor(&ThreadPool::new(1), job);
        assert_eq!(elsewhere.await.unwrap(), 1);
        assert_eq!(thread::spawn(job).await.unwrap(), 1);
        assert_eq!(JOBS.get(), 0, "nor does the loop's own thread");
    });
}

#[test]
fn a_job_that_panics_fails_its_future() {
    simrun::run(async {
        let error = thread::to_thread(|| panic!("no paper")).await.unwrap_err();
        assert!(error.is_panic());
        assert_eq!(error.to_string(), "no paper");
    });
}

#[test]
fn a_pool_can_be_shut_down_with_and_without_waiting() {
    let run = Sim::new().run_thread(|| {
        let pool = ThreadPool::new(1);
        let first = pool.submit(|| thread::sleep(secs(1)));
        let second = pool.submit(|| thread::sleep(secs(1)));
        let third = pool.submit(|| thread::sleep(secs(1)));
        pool.shut_down();
        assert_eq!(now().since_start(), secs(0));
        assert!(pool.submit(|| ()).result().is_err());
        thread::sleep(millis(1_500));
        pool.cancel_queued();
        pool.shut_down_and_wait();
        assert_eq!(now().since_start(), secs(2));
        first.result().unwrap();
        second.result().unwrap();
        assert!(third.result().unwrap_err().is_cancelled());
    });
    run.unwrap();
}

#[test]
fn a_pool_whose_jobs_wait_for_jobs_in_line_is_a_deadlock_that_names_them() {
    let run = Sim::new().run(|| async {
        let pool = ThreadPool::new(1).named("narrow");
        let inner = pool.clone();
        let outer = thread::run_in_executor(&pool, move || inner.submit(|| 1).result());
        outer.await.unwrap().unwrap();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    let deadlock = failure.deadlock().unwrap();
    assert_eq!(deadlock.ring().unwrap(), ["narrow-0", "main/1/1"]);
    let in_line = &deadlock.blocked()[2];
    assert_eq!(in_line.waits, "for pool `narrow`");
    assert_eq!(in_line.held_by, ["narrow-0"]);
}

#[test]
fn a_task_that_would_block_the_loop_is_told_so() {
    let run = Sim::new().run(|| async {
        let _ = thread::spawn(|| thread::sleep(secs(1))).join();
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Panic);
    assert!(failure.to_string().contains("would block the event loop"));
}

#[test]
fn a_job_may_take_a_time_that_the_plan_decides() {
    let jobs = |sim: Sim| {
        sim.write_plan(true).run(|| async {
            let job = |_| {
                thread::run_in_executor(None, || {
                    let wait = simrun::chance::below("work", 10);
                    thread::sleep(millis(wait));
                })
            };
            gather((0..4).map(job)).await.unwrap();
            now().since_start()
        })
    };
    let random = jobs(Sim::new().seed(5).strategy(Strategy::random()));
    let replayed = jobs(Sim::new().strategy(Strategy::replay(random.plan().clone())));
    assert_eq!(random.fingerprint(), replayed.fingerprint());
    assert!(replayed.diverged().is_empty());
    assert!(random.unwrap() > millis(0));
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs on different threads of the machine are compared"
)]
fn on_another_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(run).join().unwrap()
}

#[test]
fn threads_and_their_points_are_the_same_whoever_looks() {
    let program = || async {
        let pool = ThreadPool::new(2);
        let jobs = (0..6).map(|job| {
            thread::run_in_executor(&pool, move || {
                thread::yield_now();
                let inner = thread::spawn(move || thread::sleep(millis(job)));
                inner.join().unwrap();
                job
            })
        });
        gather(jobs).await.unwrap();
        event_loop::call_soon(|| ());
    };
    for seed in 0..200 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let plain = sim.run(program).fingerprint();
        let written = sim.clone().write_plan(true).record(true).run(program);
        let elsewhere = on_another_thread(move || sim.run(program).fingerprint());
        let replay = Sim::new()
            .strategy(Strategy::replay(written.plan().clone()))
            .run(program);
        let all = [written.fingerprint(), elsewhere, replay.fingerprint()];
        assert_eq!(all, [plain; 3], "seed {seed}");
    }
    let empty = Sim::new().strategy(Strategy::replay(simrun::chance::Plan::default()));
    assert_eq!(
        empty.run(program).fingerprint(),
        Sim::new().run(program).fingerprint()
    );
}

#[test]
fn threads_that_sleep_beside_tasks_replay_from_their_plan() {
    let program = || async {
        for _ in 0..3 {
            spawn(async {
                for _ in 0..3 {
                    sleep(secs(1)).await;
                }
            })
            .detach();
        }
        drop(thread::spawn(|| {
            (0..3).for_each(|_| thread::sleep(secs(1)))
        }));
        sleep(secs(5)).await;
    };
    for seed in 0..200 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.write_plan(true).run(program);
        let replay = Sim::new().strategy(Strategy::replay(run.plan().clone()));
        let replay = replay.run(program);
        assert_eq!(replay.fingerprint(), run.fingerprint(), "seed {seed}");
        assert!(replay.diverged().is_empty(), "seed {seed}");
    }
}
