//! The strategies by name: what they promise, and that a plan repeats what they do.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use simrun::chance::Plan;
use simrun::strategy::Profile;
use simrun::sync::{Lock, Queue, Tracked};
use simrun::time::{millis, secs, sleep, timeout};
use simrun::{Run, Sim, Strategy, spawn, task};

const NAMES: [&str; 10] = [
    "fifo",
    "random",
    "pct",
    "pct 3",
    "pos",
    "urw",
    "surw",
    "starve",
    "portfolio",
    "cancel-sweep",
];

fn strategy(name: &str, profile: &Arc<Profile>) -> Strategy {
    let strategy: Strategy = name.parse().unwrap();
    strategy.with_profile(profile.clone())
}

/// A little of everything: timers, a lock, a queue, values, children that have children.
async fn program() -> Vec<i32> {
    let (lock, queue) = (Rc::new(Lock::new(0)), Rc::new(Queue::bounded(2)));
    let log = Rc::new(Tracked::new(Vec::new()));
    let worker = |number: i32| {
        let (lock, queue, log) = (lock.clone(), queue.clone(), log.clone());
        spawn(async move {
            for round in 0..3 {
                let mut total = lock.acquire().await;
                task::yield_now().await;
                *total += number;
                drop(total);
                let child = {
                    let log = log.clone();
                    spawn(async move {
                        task::yield_now().await;
                        log.write(|log| log.push(number * 10 + round));
                    })
                };
                if queue.put(number).await.is_err() {
                    return;
                }
                let _ = timeout(millis(20), child).await;
                sleep(millis(number as u64)).await;
            }
        })
    };
    let workers: Vec<_> = (1..=3).map(worker).collect();
    for _ in 0..9 {
        let got = timeout(secs(1), queue.get()).await;
        log.write(|log| log.push(got.map_or(-1, |item| item.unwrap_or(-2))));
    }
    for worker in workers {
        let _ = worker.await;
    }
    log.read(Clone::clone)
}

fn profile() -> Arc<Profile> {
    let run = Sim::new().profile(true).run(program);
    run.profile().unwrap().clone()
}

type Facts = (u64, u64, Option<Vec<i32>>, Option<String>);

fn facts(run: &Run<Vec<i32>>) -> Facts {
    let failure = run.failure().map(|failure| failure.message().to_owned());
    (
        run.fingerprint(),
        run.steps(),
        run.value().cloned(),
        failure,
    )
}

#[test]
fn a_run_is_the_same_again_from_its_seed_and_from_its_plan() {
    let profile = profile();
    for name in NAMES {
        let mut runs = BTreeMap::new();
        for seed in 0..200 {
            let sim = Sim::new().seed(seed).strategy(strategy(name, &profile));
            let first = sim.run(program);
            let again = sim.clone().write_plan(true).hash_trace(true).run(program);
            assert_eq!(facts(&first), facts(&again), "{name}, seed {seed}");
            let plan: Plan = again.plan().to_string().parse().unwrap();
            assert_eq!(&plan, again.plan(), "{name}, seed {seed}");
            let replay = Sim::new().seed(seed).strategy(Strategy::replay(plan));
            let replay = replay.hash_trace(true).run(program);
            assert!(replay.diverged().is_empty(), "{name}, seed {seed}");
            assert_eq!(facts(&first), facts(&replay), "{name}, seed {seed}");
            assert_eq!(
                again.trace_hash(),
                replay.trace_hash(),
                "{name}, seed {seed}"
            );
            runs.insert(first.fingerprint(), seed);
        }
        let least = match name {
            "fifo" => 1,
            "cancel-sweep" => 10,
            "starve" => 60,
            _ => 150,
        };
        assert!(
            runs.len() >= least,
            "{name} has made {} different runs",
            runs.len()
        );
    }
}

#[test]
fn texts_name_strategies() {
    for name in NAMES.into_iter().chain(["cancel main/2#3"]) {
        assert_eq!(name.parse::<Strategy>().unwrap().to_string(), name);
    }
    for (text, says) in [
        (
            "Random",
            "there is no strategy `Random`: say `fifo`, `random`, `pct`",
        ),
        ("", "there is no strategy ``: say `fifo`"),
        ("pct x", "the depth is a number from 1 on"),
        (
            "pos 3",
            "there is no strategy `pos 3`: it takes no argument",
        ),
        (
            "cancel main",
            "name a task and its step, as in `cancel main/1#2`",
        ),
    ] {
        let error = text.parse::<Strategy>().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_profile_tells_steps_and_footprints() {
    let program = || async {
        let cell = Rc::new(Tracked::new(0));
        let child = {
            let cell = cell.clone();
            spawn(async move {
                let seen = cell.read(|seen| *seen);
                task::yield_now().await;
                cell.write(|cell| *cell = seen + 1);
            })
        };
        child.await.unwrap();
    };
    let profile = |strategy| {
        let run = Sim::new().strategy(strategy).profile(true).run(program);
        run.profile().unwrap().clone()
    };
    let profile = [profile(Strategy::fifo()), profile(Strategy::random())];
    assert_eq!(profile[0], profile[1], "there is nothing to choose");
    let child = "main/1".parse().unwrap();
    assert_eq!(profile[0].steps(&child), 2);
    assert_eq!(profile[0].footprint(&child, 1).len(), 1);
    assert_eq!(profile[0].footprint(&child, 3), []);
    let awaits: Vec<String> = profile[0]
        .awaits()
        .map(|(task, step)| format!("{task}#{step}"))
        .collect();
    assert_eq!(awaits, ["main/1#1"]);
}

#[test]
fn who_uses_a_resource_first_does_not_matter_to_its_name() {
    let program = || async {
        let cells = [Rc::new(Tracked::new(0)), Rc::new(Tracked::new(0))];
        let tasks = cells.map(|cell| {
            let write = |cell: Rc<Tracked<i32>>| async move { cell.write(|cell| *cell += 1) };
            [spawn(write(cell.clone())), spawn(write(cell))]
        });
        for task in tasks.into_iter().flatten() {
            task.await.unwrap();
        }
    };
    let of = |seed| {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.profile(true).run(program);
        let profile = run.profile().unwrap().clone();
        let tasks = (1..=4).map(|n| format!("main/{n}").parse().unwrap());
        tasks
            .map(|task| profile.footprint(&task, 1)[0])
            .collect::<Vec<_>>()
    };
    let first = of(0);
    assert_eq!((first[0], first[2]), (first[1], first[3]));
    assert_ne!(first[0], first[2]);
    assert!((1..20).all(|seed| of(seed) == first));
}

#[test]
fn time_passes_over_a_starved_task_and_the_plan_says_so() {
    let program = || async {
        let slow = spawn(async {
            for _ in 0..3 {
                task::yield_now().await;
            }
        });
        timeout(secs(1), slow).await.is_err()
    };
    let sim = Sim::new().strategy(Strategy::starve()).write_plan(true);
    let run = |seed: u64| sim.clone().seed(seed).run(program);
    let late = (0..200)
        .find(|seed| run(*seed).value() == Some(&true))
        .unwrap();
    let plan = run(late).plan().clone();
    assert!(plan.to_string().contains(" -> time\n"), "{plan}");
    let replay = Sim::new()
        .strategy(Strategy::replay(plan.clone()))
        .run(program);
    assert_eq!(replay.value(), Some(&true));
    let mut least = plan;
    for (site, _) in least.clone().iter() {
        let mut less = least.clone();
        less.remove(site);
        let replay = Sim::new().strategy(Strategy::replay(less.clone()));
        if replay.run(program).value() == Some(&true) {
            least = less;
        }
    }
    assert_eq!(least.len(), 1, "one decision is enough: {least}");
}

#[test]
fn time_does_not_pass_beyond_its_limit() {
    let program = || async {
        let slow = spawn(task::yield_now());
        timeout(secs(3_600), slow).await.is_err()
    };
    for seed in 0..100 {
        let sim = Sim::new().seed(seed).strategy(Strategy::starve());
        let run = sim.until(secs(60)).run(program);
        assert_eq!(run.value(), Some(&false), "seed {seed}");
    }
}

#[test]
fn a_planned_cancellation_is_delivered_where_the_plan_says() {
    let program = || async {
        let stage = Rc::new(Tracked::new(0));
        let shared = stage.clone();
        let worker = spawn(async move {
            for step in 1..=5 {
                shared.write(|stage| *stage = step);
                task::yield_now().await;
            }
        });
        let ended = worker.await.is_ok();
        (stage.read(|stage| *stage), ended)
    };
    let plan = |text: &str| {
        let plan: Plan = format!("simrun plan 1\n{text}\n").parse().unwrap();
        Sim::new().strategy(Strategy::replay(plan)).run(program)
    };
    assert_eq!(plan("").value(), Some(&(5, true)));
    for step in 1..=5 {
        let run = plan(&format!("cancel main/1#{step} -> 1"));
        assert_eq!(run.value(), Some(&(step, false)));
        assert!(run.diverged().is_empty());
    }
    let run = plan("cancel main/1#9 -> 1");
    assert_eq!(run.value(), Some(&(5, true)));
    assert_eq!(run.diverged()[0].to_string(), "cancel main/1#9");
    let strategy: Strategy = "cancel main/1#2".parse().unwrap();
    let run = Sim::new().strategy(strategy).write_plan(true).run(program);
    assert_eq!(run.value(), Some(&(2, false)));
    assert_eq!(
        run.plan().to_string(),
        "simrun plan 1\ncancel main/1#2 -> 1\n"
    );
}

#[test]
fn a_trace_is_the_same_whichever_of_two_independent_steps_is_first() {
    let program = |shared: bool| async move {
        let cells = [Rc::new(Tracked::new(0)), Rc::new(Tracked::new(0))];
        for n in 0..2 {
            let cell = cells[if shared { 0 } else { n }].clone();
            spawn(async move { cell.write(|cell| *cell += 1) }).detach();
        }
        sleep(secs(1)).await;
    };
    let traces = |shared| {
        let trace = |seed| {
            let sim = Sim::new().seed(seed).strategy(Strategy::random());
            let run = sim.hash_trace(true).run(|| program(shared));
            (run.trace_hash().unwrap(), run.fingerprint())
        };
        let (traces, orders): (Vec<u64>, Vec<u64>) = (0..50).map(trace).unzip();
        let count = |mut all: Vec<u64>| {
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        (count(traces), count(orders))
    };
    assert_eq!(traces(false), (1, 2));
    assert_eq!(traces(true), (2, 2));
}

#[test]
fn a_task_that_polls_does_not_poll_for_ever() {
    let program = || async {
        let done = Rc::new(Tracked::new(false));
        let shared = done.clone();
        let poller = spawn(async move {
            while !shared.read(|done| *done) {
                task::yield_now().await;
            }
        });
        let setter = spawn(async move { done.write(|done| *done = true) });
        poller.await.unwrap();
        setter.await.unwrap();
    };
    let first = Sim::new().profile(true).run(program);
    for name in NAMES {
        for seed in 0..100 {
            let strategy = strategy(name, first.profile().unwrap());
            let sim = Sim::new().seed(seed).strategy(strategy).max_steps(100_000);
            let run = sim.run(program);
            let failure = run.failure().map(ToString::to_string);
            let cancelled = name == "cancel-sweep";
            assert!(
                failure.is_none() || cancelled,
                "{name}, {seed}: {failure:?}"
            );
        }
    }
}
