//! Plans: what they say, where they are left, and that a replay is the run they were written from.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use simrun::chance::{Plan, below};
use simrun::event_loop::{self, EventLoop};
use simrun::time::{secs, sleep};
use simrun::{Sim, Strategy, spawn, task};

fn replay(plan: &Plan) -> Sim {
    Sim::new().strategy(Strategy::replay(plan.clone()))
}

#[test]
fn a_draw_in_a_callback_is_another_draw_of_its_task_and_replays() {
    let program = || async {
        let first = below("x", 1_000);
        let (second, third) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        for cell in [&second, &third] {
            let cell = cell.clone();
            event_loop::call_soon(move || cell.set(below("x", 1_000)));
        }
        task::yield_now().await;
        (first, second.get(), third.get(), below("x", 1_000))
    };
    let run = Sim::new().seed(3).write_plan(true).run(program);
    assert_eq!(run.plan().len(), 4, "{}", run.plan());
    assert_eq!(replay(run.plan()).run(program).value(), run.value());
}

#[test]
fn a_site_at_which_the_choice_is_not_there_keeps_its_name() {
    let program = || async {
        for _ in 0..3 {
            spawn(async {}).detach();
        }
        task::yield_now().await;
    };
    let text = "simrun plan 1\nschedule main#1 -> task main/9\n";
    let run = replay(&text.parse().unwrap()).run(program);
    assert_eq!(run.diverged().len(), 1);
    assert_eq!(run.diverged()[0].to_string(), "schedule main#1");
    let text = "simrun plan 1\nschedule main#1 -> task main/3\n";
    let run = replay(&text.parse().unwrap()).run(program);
    assert!(run.diverged().is_empty(), "what was taken is met");
}

#[test]
fn a_decision_before_the_first_step_is_found_in_the_plan() {
    let order = |sim: &Sim| {
        let event_loop = EventLoop::with(sim);
        let order = Rc::new(RefCell::new(String::new()));
        let tasks = event_loop.within(|| {
            ['a', 'b'].map(|name| {
                let order = order.clone();
                spawn(async move { order.borrow_mut().push(name) })
            })
        });
        for task in &tasks {
            event_loop.run_until_done(task).unwrap();
        }
        event_loop.within(|| drop(tasks));
        order.take()
    };
    let plan = "simrun plan 1\nschedule loop#0 -> task main:2\n";
    assert_eq!(order(&Sim::new()), "ab");
    assert_eq!(order(&replay(&plan.parse().unwrap())), "ba");
}

#[test]
fn a_label_of_several_lines_survives_being_written_and_read() {
    for label in ["a\nb", "a\r\nb\r", r"a\nb\", "a -> b ", " ", ""] {
        let draw = move || async move { below(label, 1_000) };
        let run = Sim::new().seed(3).write_plan(true).run(draw);
        assert_eq!(run.plan().len(), 1);
        let text = run.plan().to_string();
        assert_eq!(&text.parse::<Plan>().unwrap(), run.plan(), "{text}");
    }
    let broken = r"simrun plan 1
        user main#0 a\b -> 1";
    assert!(broken.parse::<Plan>().is_err(), "no such escape");
}

fn fingerprint<F: Future + 'static>(main: impl FnOnce() -> F) -> u64
where
    F::Output: 'static,
{
    Sim::new().run(main).fingerprint()
}

#[test]
fn the_fingerprint_tells_how_a_task_ended() {
    let passed = fingerprint(|| async {});
    let failed = fingerprint(|| async { panic!("on purpose") });
    let cancelled = fingerprint(|| async {
        task::current().cancel();
    });
    assert_ne!(passed, failed);
    assert_ne!(passed, cancelled);
    assert_ne!(failed, cancelled);
}

#[test]
fn the_fingerprint_tells_what_was_drawn() {
    let run = |seed| Sim::new().seed(seed).run(|| async { below("x", 1_000) });
    let (one, other) = (run(1), run(2));
    assert_ne!(one.value(), other.value());
    assert_ne!(one.fingerprint(), other.fingerprint());
}

#[test]
fn the_fingerprint_tells_callbacks_of_one_task_apart() {
    let run = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async {
            let order = Rc::new(RefCell::new(String::new()));
            for name in ['a', 'b'] {
                let order = order.clone();
                event_loop::call_later(secs(1), move || order.borrow_mut().push(name));
            }
            sleep(secs(2)).await;
            order.take()
        });
        (run.value().unwrap().clone(), run.fingerprint())
    };
    let seen: BTreeMap<String, u64> = (0..20).map(run).collect();
    assert_eq!(seen.len(), 2);
    assert_ne!(seen["ab"], seen["ba"]);
}

#[test]
fn the_fingerprint_tells_whose_timer_fired_and_who_was_cancelled() {
    let slept = |long: usize| {
        fingerprint(move || async move {
            for n in 0..2 {
                let nap = if n == long { secs(2) } else { secs(1) };
                spawn(futures::future::join(sleep(nap), sleep(nap))).detach();
            }
            sleep(secs(3)).await;
        })
    };
    assert_ne!(slept(0), slept(1));
    let cancelled = |which: usize| {
        fingerprint(move || async move {
            let tasks = [(); 2].map(|()| spawn(sleep(secs(1))));
            tasks[which].cancel();
            sleep(secs(2)).await;
        })
    };
    assert_ne!(cancelled(0), cancelled(1));
}
