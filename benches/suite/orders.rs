//! Bugs that need steps in a certain order: late, alternating, exactly there.

use std::cell::Cell;
use std::rc::Rc;

use simrun::spawn;
use simrun::sync::Tracked;

use super::instance::{Bug, Instance, all, binomial, pad};

pub(crate) fn instances() -> Vec<Instance> {
    vec![
        reorder(2),
        reorder(4),
        reorder(9),
        reorder(19),
        starved_start(5),
        starved_start(30),
        alternation(2),
        alternation(4),
        alternation(8),
        cancel_at(4, 10),
        cancel_at(45, 50),
        needle("d 3, n 3", &[&[12], &[6], &[0]], &[0, 1, 2]),
        needle("d 4, n 4", &[&[12], &[8], &[4], &[0]], &[0, 1, 2, 3]),
        needle("d 4, n 2", &[&[3, 5], &[0, 2]], &[0, 1, 1, 0]),
    ]
}

/// Setters set one value and then another one; a checker, spawned last, sees the first alone.
fn reorder(setters: u32) -> Instance {
    Instance::new(
        format!("B06 reorder, {setters} setters"),
        move || async move {
            let (one, other) = (Rc::new(Tracked::new(0)), Rc::new(Tracked::new(0)));
            let bug = Bug::default();
            let mut tasks = Vec::new();
            for _ in 0..setters {
                let (one, other) = (one.clone(), other.clone());
                tasks.push(spawn(async move {
                    one.write(|one| *one = 1);
                    pad(1).await;
                    other.write(|other| *other = -1);
                }));
                pad(1).await;
            }
            let shown = bug.clone();
            tasks.push(spawn(async move {
                let one = one.read(|one| *one);
                pad(1).await;
                let other = other.read(|other| *other);
                shown.show_if(one == 1 && other == 0);
            }));
            all(tasks).await;
            bug.is_shown()
        },
    )
}

/// A task's only step comes after all steps of another one.
fn starved_start(steps: u32) -> Instance {
    let main = move || async move {
        let done = Rc::new(Tracked::new(false));
        let bug = Bug::default();
        let victim = {
            let (done, bug) = (done.clone(), bug.clone());
            spawn(async move { bug.show_if(done.read(|done| *done)) })
        };
        let other = spawn(async move {
            pad(steps).await;
            done.write(|done| *done = true);
        });
        all([victim, other]).await;
        bug.is_shown()
    };
    Instance::new(format!("B08 starved start, {steps} steps"), main)
        .exactly("random", 0.5_f64.powi(steps as i32 + 1))
        .exactly("pct 1", 0.5)
        .exactly("pos", 1.0 / f64::from(steps + 2))
        .exactly("urw", 1.0 / f64::from(steps + 2))
        .exactly("surw", 0.5)
}

/// Two tasks make marks in strict turns.
fn alternation(rounds: u32) -> Instance {
    let main = move || async move {
        let marks = Rc::new(Tracked::new(String::new()));
        let mark = |name: char| {
            let marks = marks.clone();
            spawn(async move {
                for round in 0..rounds {
                    pad(round.min(1)).await;
                    marks.write(|marks| marks.push(name));
                }
            })
        };
        all([mark('A'), mark('B')]).await;
        marks.read(|marks| *marks == "AB".repeat(rounds as usize))
    };
    let uniform = 1.0 / binomial(2 * rounds, rounds);
    Instance::new(format!("B09 alternation, {rounds} rounds"), main)
        .exactly("random", 0.5_f64.powi(2 * rounds as i32 - 1))
        .exactly("urw", uniform)
        .exactly("surw", uniform)
}

/// A worker must not be cancelled at one of its awaits.
fn cancel_at(fatal: u32, steps: u32) -> Instance {
    let main = move || async move {
        let stage = Rc::new(Tracked::new(0));
        let last = Rc::new(Cell::new(0));
        let worker = {
            let (stage, last) = (stage.clone(), last.clone());
            spawn(async move {
                for step in 1..steps {
                    stage.write(|stage| *stage = step);
                    last.set(step);
                    pad(1).await;
                }
                stage.write(|stage| *stage = steps);
                last.set(steps);
            })
        };
        let worker = Rc::new(worker);
        let canceller = {
            let worker = worker.clone();
            spawn(async move {
                if stage.read(|stage| *stage) < steps {
                    worker.cancel();
                }
            })
        };
        let _ = canceller.await;
        let _ = (&*worker).await;
        last.get() == fatal
    };
    Instance::new(format!("B13 cancel at {fatal} of {steps}"), main)
        .exactly("random", 0.5_f64.powi(fatal as i32 + 1))
        .exactly("urw", 1.0 / f64::from(steps + 1))
        .exactly("surw", 1.0 / f64::from(steps + 1))
}

/// Tasks make marks at unequal depths, and the bug is one order of them.
fn needle(name: &str, depths: &'static [&'static [u32]], order: &'static [usize]) -> Instance {
    let main = move || async move {
        let marks = Rc::new(Tracked::new(Vec::new()));
        let mark = |(task, depths): (usize, &'static &[u32])| {
            let marks = marks.clone();
            spawn(async move {
                for depth in *depths {
                    pad(*depth).await;
                    marks.write(|marks| marks.push(task));
                    pad(1).await;
                }
            })
        };
        all(depths.iter().enumerate().map(mark)).await;
        marks.read(|marks| *marks == order)
    };
    let orders = match depths.len() {
        2 => binomial(4, 2),
        tasks => (1..=tasks).product::<usize>() as f64,
    };
    Instance::new(format!("B18 needle {name}"), main).exactly("surw", 1.0 / orders)
}
