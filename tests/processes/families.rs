//! What a process owns, and what becomes of it when the process ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use simrun::event_loop::{self, ReportKind};
use simrun::process::{self, Command, Context, Stdio};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Sim, Strategy, spawn, task, thread};

use super::register_tools;

/// Says so when it is dropped.
struct Witness(Rc<RefCell<Vec<&'static str>>>, &'static str);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

/// A program that does something every second in every way there is, in threads if it is told so.
fn register_hydra(ticks: &Rc<Cell<u32>>, dropped: &Rc<RefCell<Vec<&'static str>>>) {
    let (ticks, dropped) = (ticks.clone(), dropped.clone());
    process::register("hydra", move |context: Context| {
        let (ticks, dropped) = (ticks.clone(), dropped.clone());
        async move {
            let _witness = Witness(dropped.clone(), "main");
            let tick = move || ticks.set(ticks.get() + 1);
            let inner = (tick.clone(), Witness(dropped.clone(), "task"));
            let task = spawn(async move {
                let (tick, _witness) = inner;
                let deeper = tick.clone();
                spawn(async move {
                    loop {
                        sleep(secs(1)).await;
                        deeper();
                    }
                })
                .detach();
                loop {
                    sleep(secs(1)).await;
                    tick();
                }
            });
            fn again(tick: impl Fn() + Clone + 'static) {
                event_loop::call_later(secs(1), move || {
                    tick();
                    again(tick.clone());
                });
            }
            again(tick.clone());
            let done = tick.clone();
            task.on_done(move |_| (0..1_000).for_each(|_| done()));
            if context.args == ["--threads"] {
                drop(thread::spawn(|| {
                    loop {
                        thread::sleep(secs(1));
                        simrun::log!("a thread goes on");
                    }
                }));
            }
            loop {
                sleep(secs(1)).await;
                tick();
            }
        }
    });
}

#[test]
fn nothing_of_a_killed_process_goes_on() {
    let run = Sim::new().record(true).run(|| async {
        let (ticks, dropped) = (Rc::default(), Rc::default());
        register_hydra(&ticks, &dropped);
        let mut hydra = Command::new("hydra").arg("--threads").spawn().unwrap();
        sleep(millis(3_500)).await;
        assert_eq!(ticks.get(), 12, "four of them, three times");
        hydra.kill().await.unwrap();
        assert_eq!(
            *dropped.borrow(),
            ["main", "task"],
            "in the order in which they were made"
        );
        sleep(secs(10)).await;
        assert_eq!(ticks.get(), 12);
    });
    assert_eq!(
        run.trace().only(["logs"]).events().count(),
        3,
        "of the thread"
    );
    run.unwrap();
}

#[test]
fn a_family_that_is_killed_at_any_moment_leaves_the_loop_in_order() {
    for seed in 0..200 {
        let sim = Sim::new()
            .seed(seed)
            .strategy(Strategy::random())
            .write_plan(true);
        let threads = seed % 2 == 1;
        let program = move || async move {
            let (ticks, dropped) = (Rc::default(), Rc::default());
            register_hydra(&ticks, &dropped);
            let mut hydra = Command::new("hydra");
            let mut hydra = hydra.args(threads.then_some("--threads")).spawn().unwrap();
            // At a moment at which much is ready.
            sleep(secs(seed % 3)).await;
            hydra.kill().await.unwrap();
            let ticks_then = ticks.get();
            for _ in 0..10 {
                spawn(sleep(secs(1))).await.unwrap();
            }
            assert_eq!(ticks.get(), ticks_then);
        };
        let run = sim.check_determinism(program).unwrap();
        assert!(
            run.failure().is_none(),
            "seed {seed}: {}",
            run.failure().unwrap()
        );
        if threads {
            continue;
        }
        let replay = Sim::new()
            .strategy(Strategy::replay(run.plan().clone()))
            .run(program);
        assert_eq!(
            replay.fingerprint(),
            run.fingerprint(),
            "seed {seed}\n{}",
            run.plan()
        );
    }
}

#[test]
fn when_a_program_returns_the_rest_of_its_process_goes_with_it() {
    simrun::run(async {
        let dropped = Rc::new(RefCell::new(Vec::new()));
        let theirs = dropped.clone();
        process::register("short", move |_| {
            let witness = Witness(theirs.clone(), "helper");
            async move {
                spawn(async move {
                    let _witness = witness;
                    sleep(secs(60)).await;
                })
                .detach();
                task::yield_now().await;
            }
        });
        assert!(Command::new("short").status().await.unwrap().success());
        assert_eq!(*dropped.borrow(), ["helper"]);
        assert_eq!(now().since_start(), secs(0));
    });
}

#[test]
fn pipes_of_a_dead_process_are_closed_before_its_end_is_heard() {
    simrun::run(async {
        register_tools();
        let mut cat = Command::new("cat");
        let mut cat = cat
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = cat.stdin.take().unwrap();
        stdin.write_all(b"last words").await.unwrap();
        task::yield_now().await;
        cat.kill().await.unwrap();
        assert!(stdin.write(b"?").await.is_err());
        let mut rest = String::new();
        cat.stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .await
            .unwrap();
        assert_eq!(rest, "last words");
    });
}

#[test]
fn a_child_survives_its_parent_and_becomes_an_orphan() {
    let run = Sim::new().run(|| async {
        process::register("grandchild", |mut context: Context| async move {
            sleep(secs(2)).await;
            let text = format!("my parent is {}", process::parent_id());
            context.stdout.write_all(text.as_bytes()).await?;
            sleep(secs(60)).await;
            std::io::Result::Ok(())
        });
        process::register("child", |_| async {
            let mut grandchild = Command::new("grandchild").spawn().unwrap();
            grandchild.wait().await.map(|_| ())
        });
        let mut child = Command::new("child")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        sleep(secs(1)).await;
        child.kill().await.unwrap();
        let mut text = [0; 14];
        child
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut text)
            .await
            .unwrap();
        assert_eq!(&text, b"my parent is 1");
    });
    let reports = run.reports().iter().map(ToString::to_string);
    assert_eq!(
        reports.collect::<Vec<_>>(),
        ["process grandchild(3) was still running when the loop was closed (task grandchild(3))"]
    );
    run.unwrap();
}

#[test]
fn an_orphan_that_ends_is_no_zombie() {
    let run = Sim::new().run(|| async {
        register_tools();
        process::register("parent", |_| async {
            Command::new("sleep").arg("5").spawn().map(|_| ())
        });
        Command::new("parent").status().await.unwrap();
        sleep(secs(6)).await;
    });
    assert!(run.reports().is_empty(), "{:?}", run.reports());
}

#[test]
fn orphans_and_zombies_are_reported_and_fail_no_run() {
    let run = Sim::new().run(|| async {
        register_tools();
        let zombie = Command::new("false").spawn().unwrap();
        let orphan = Command::new("sleep").spawn().unwrap();
        let waited = Command::new("true").status().await.unwrap();
        assert!(waited.success());
        drop((zombie, orphan));
    });
    assert!(run.failure().is_none());
    let reports = run.reports();
    assert!(
        reports
            .iter()
            .all(|report| report.kind() == ReportKind::Process)
    );
    assert!(reports.iter().all(|report| report.is_warning()));
    let messages: Vec<&str> = reports.iter().map(|report| report.message()).collect();
    assert_eq!(
        messages,
        [
            "process false(2) has ended (exit status: 1), but nobody has waited for it",
            "process sleep(3) was still running when the loop was closed",
        ]
    );
}

#[test]
fn a_handle_that_kills_on_drop_leaves_neither_orphan_nor_zombie() {
    let run = Sim::new().run(|| async {
        register_tools();
        let spawn_sleep = || Command::new("sleep").kill_on_drop(true).spawn().unwrap();
        drop(spawn_sleep());
        sleep(secs(1)).await;
        let ended = Command::new("true").kill_on_drop(true).spawn().unwrap();
        sleep(secs(1)).await;
        drop(ended);
        // One is dropped when the main task ends, one when the loop is closed.
        std::mem::forget(task::spawn({
            let child = spawn_sleep();
            async move {
                let _child = child;
                sleep(secs(100)).await;
            }
        }));
        let _last = spawn_sleep();
    });
    assert!(run.reports().is_empty(), "{:?}", run.reports());
    assert_eq!(run.now().since_start(), secs(2));
}

#[test]
fn the_loop_does_not_cancel_processes_when_it_shuts_down() {
    let run = Sim::new().record(true).run(|| async {
        process::register("daemon", |_| async {
            let outcome = task::cancellable(sleep(secs(60))).await;
            simrun::log!("woken: {outcome:?}");
        });
        Command::new("daemon").spawn().map(drop).unwrap();
        task::yield_now().await;
    });
    assert_eq!(run.trace().only(["logs"]).events().count(), 0);
    assert_eq!(run.reports().len(), 1);
}

#[test]
fn a_task_of_a_process_that_fails_unseen_fails_the_run() {
    let run = Sim::new().run(|| async {
        process::register("careless", |_| async {
            spawn(async { panic!("unseen") }).detach();
            sleep(secs(1)).await;
        });
        Command::new("careless").status().await.unwrap()
    });
    assert!(run.failure().unwrap().to_string().contains("unseen"));
}

#[test]
fn one_seed_gives_one_run() {
    let program = || async {
        register_tools();
        let mut flood = Command::new("flood");
        let mut flood = flood.arg("100000").stdout(Stdio::piped()).spawn().unwrap();
        let count = Command::new("wc")
            .stdin(flood.stdout.take().unwrap())
            .output();
        let sleeper = Command::new("sleep").spawn();
        let (count, _) = futures::join!(count, flood.wait());
        sleeper.unwrap().kill().await.unwrap();
        count.unwrap().stdout
    };
    for seed in 0..20 {
        let sim = Sim::new()
            .seed(seed)
            .strategy(Strategy::random())
            .write_plan(true);
        let run = sim.check_determinism(program).unwrap();
        let replay = Sim::new().strategy(Strategy::replay(run.plan().clone()));
        assert_eq!(replay.run(program).fingerprint(), run.fingerprint());
        assert_eq!(run.unwrap(), b"100000\n");
    }
}
