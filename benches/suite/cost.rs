//! What strategies and footprints cost: the same work in one process, in turns.

use std::rc::Rc;
use std::time::{Duration, Instant};

use simrun::sync::Tracked;
use simrun::{Sim, Strategy, spawn, task};

const TASKS: u32 = 10;
const ROUNDS: u32 = 10_000;

/// How often everyone has a turn: the median of their times is taken.
const TURNS: usize = 5;

/// Ten decisions a microsecond were a hundred nanoseconds each; a million a second is the goal.
const GOAL: f64 = 1e6;
const MOST: f64 = 2.0;

async fn work() {
    let cells: Rc<Vec<Tracked<u32>>> = Rc::new((0..4).map(|_| Tracked::new(0)).collect());
    let worker = |number: u32| {
        let cells = cells.clone();
        spawn(async move {
            for round in 0..ROUNDS {
                let cell = &cells[((number + round) % 4) as usize];
                cell.write(|cell| *cell += 1);
                task::yield_now().await;
            }
        })
    };
    for worker in (0..TASKS).map(worker).collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Prints how many decisions a second strategies take, and what footprints cost.
pub(crate) fn print() {
    let random = || Sim::new().strategy(Strategy::random());
    let sims = [
        ("fifo", Sim::new()),
        ("random", random()),
        ("random, trace hash", random().hash_trace(true)),
        ("random, profile", random().profile(true)),
        ("pct", Sim::new().strategy(Strategy::pct())),
        ("pos", Sim::new().strategy(Strategy::pos())),
        (
            "portfolio, seed 7",
            Sim::new().seed(7).strategy(Strategy::portfolio()),
        ),
    ];
    let mut times = vec![Vec::new(); sims.len()];
    for _ in 0..TURNS {
        for ((_, sim), times) in sims.iter().zip(&mut times) {
            times.push(time(sim));
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[TURNS / 2].as_secs_f64()
    };
    let times: Vec<f64> = times.iter_mut().map(median).collect();
    println!("\n{TASKS} tasks, {ROUNDS} steps each, a write to one of four values in each step");
    for ((name, _), time) in sims.iter().zip(&times) {
        let rate = f64::from(TASKS * ROUNDS) / time;
        let ratio = time / times[1];
        println!("| {name:<20} | {rate:>12.0} steps/s | {ratio:>5.2} of random |");
    }
    let fast = f64::from(TASKS * ROUNDS) / times[1] >= GOAL;
    println!("a million decisions a second by random: {}", verdict(fast));
    println!(
        "footprints at most twice as long: {}",
        verdict(times[2] / times[1] <= MOST)
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn time(sim: &Sim) -> Duration {
    let start = Instant::now();
    sim.run(work).unwrap();
    start.elapsed()
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
