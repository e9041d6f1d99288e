//! Groups, timeouts, shields and gathers within each other, and tasks that are called away.

use std::cell::Cell;
use std::rc::Rc;

use simrun::task;
use simrun::time::{millis, secs, sleep};

use super::census::World;
use super::climber::Climber;
use super::tree::{Forest, forests};
use super::{Findings, holds_in_every_order};

/// How many programs are drawn.
const CASES: u32 = 2_000;

async fn run(forest: Forest) -> Findings {
    let world = Rc::new(World::default());
    let heard: Vec<_> = forest.trees.iter().map(|_| Rc::new(Cell::new(0))).collect();
    let trees = forest.trees.into_iter().zip(&heard);
    let tasks: Vec<_> = trees
        .map(|(tree, heard)| task::try_spawn(Climber::new(&world, heard).climb(tree)))
        .collect();
    let mut requests = vec![0_u32; tasks.len()];
    for (pause, tree) in forest.cancels {
        sleep(millis(pause)).await;
        let tree = tree % tasks.len();
        requests[tree] += u32::from(tasks[tree].cancel());
    }
    sleep(secs(1)).await;
    let dump = task::dump();
    let left = dump.blocked().iter().find(|task| task.task != "main");
    if let Some(left) = left {
        world.problem(format!("a task is left, waiting {}", left.waits));
        return world.take_findings();
    }
    for ((task, heard), requests) in tasks.into_iter().zip(heard).zip(requests) {
        match task.await {
            Ok(()) if requests > 0 && heard.get() == 0 => {
                world.problem("a cancellation was lost");
            }
            Err(error) if error.is_cancelled() && requests == 0 => {
                world.problem("a task was cancelled by nobody");
            }
            Err(error) if error.is_panic() => error.resume(),
            _ => {}
        }
    }
    for shielded in world.shielded.take() {
        if shielded.await.is_err_and(|error| error.is_cancelled()) {
            world.problem("a cancellation has gone through a shield");
        }
    }
    world.take_findings()
}

#[test]
fn scopes_leave_nobody_behind_and_hide_nothing() {
    let shall_see = [
        "an aborted group",
        "a cancelled group",
        "an expired timeout",
        "a task that was out of time",
        "a shield",
    ];
    holds_in_every_order(CASES, forests(), run, &shall_see);
}
