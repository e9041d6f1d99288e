//! Some of the instances as shuttle's programs of threads, under its own schedulers: random, PCT
//! with depth 3, and its uniform random walk. A schedule is found to be buggy by a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::sync::{Arc, Mutex};
use shuttle::{Config, Runner, thread};

use super::measure::Found;

const SCHEDULERS: [&str; 3] = ["random", "pct 3", "urw"];
const DEPTH: usize = 3;

/// A program, and what it is called in the other table. It must panic when its bug shows.
type Program = (&'static str, fn());

const PROGRAMS: [Program; 6] = [
    ("B01 lost update, pad 0", || lost_update(0)),
    ("B01 lost update, pad 20", || lost_update(20)),
    ("B03 opposite locks, pad 0", || opposite_locks(0)),
    ("B03 opposite locks, pad 20", || opposite_locks(20)),
    ("B04 philosophers, 3", || philosophers(3)),
    ("B08 starved start, 5 steps", || starved_start(5)),
];

/// Prints how often shuttle's schedulers find them, and how often simrun's portfolio does.
pub(crate) fn print(trials: u64, schedules: u64, simrun: impl Fn(&str) -> Option<Found>) {
    println!("\nshuttle 0.9, the same bugs among threads");
    println!(
        "| {:<28} | {:>9} | {:>9} | {:>9} | {:>18} |",
        "probability per run", SCHEDULERS[0], SCHEDULERS[1], SCHEDULERS[2], "simrun's portfolio"
    );
    for (name, program) in PROGRAMS {
        print!("| {name:<28} |");
        for scheduler in SCHEDULERS {
            let hits = hits(scheduler, trials * schedules, program);
            print!(" {:>9.4} |", hits as f64 / (trials * schedules) as f64);
        }
        let portfolio = simrun(name).map_or(0.0, Found::probability);
        println!(" {portfolio:>18.4} |");
    }
}

/// Counts the schedules that show a bug. Shuttle stops at the first: then it is started again with
/// another seed.
fn hits(scheduler: &str, schedules: u64, program: fn()) -> u64 {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let made = std::sync::Arc::new(AtomicU64::new(0));
    let mut hits = 0;
    while made.load(Ordering::Relaxed) < schedules {
        let left = (schedules - made.load(Ordering::Relaxed)) as usize;
        let (counter, seed) = (made.clone(), hits + 1);
        let run = move || {
            let mut config = Config::new();
            config.failure_persistence = shuttle::FailurePersistence::None;
            Runner::new(make(scheduler, seed, left), config).run(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                program();
            });
        };
        hits += u64::from(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
    std::panic::set_hook(hook);
    hits
}

fn make(name: &str, seed: u64, schedules: usize) -> Box<dyn Scheduler + Send> {
    match name {
        "random" => Box::new(RandomScheduler::new_from_seed(seed, schedules)),
        "urw" => Box::new(UrwRandomScheduler::new_from_seed(seed, schedules)),
        _ => Box::new(PctScheduler::new_from_seed(seed, DEPTH, schedules)),
    }
}

fn pad(steps: u32) {
    (0..steps).for_each(|_| thread::yield_now());
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    let threads: Vec<_> = threads.into_iter().collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

fn lost_update(padding: u32) {
    let counter = Arc::new(Mutex::new(0));
    let add = |counter: Arc<Mutex<i32>>| {
        thread::spawn(move || {
            pad(padding);
            let seen = *counter.lock().unwrap();
            *counter.lock().unwrap() = seen + 1;
            pad(padding);
        })
    };
    join([add(counter.clone()), add(counter.clone())]);
    assert_eq!(*counter.lock().unwrap(), 2);
}

fn opposite_locks(padding: u32) {
    let locks = [Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))];
    let take = |first: usize| {
        let (first, second) = (locks[first].clone(), locks[1 - first].clone());
        thread::spawn(move || {
            pad(padding);
            let _outer = first.lock().unwrap();
            let _inner = second.lock().unwrap();
        })
    };
    join([take(0), take(1)]);
}

fn philosophers(seats: usize) {
    let forks: Vec<Arc<Mutex<()>>> = (0..seats).map(|_| Arc::default()).collect();
    let sit = |seat: usize| {
        let (left, right) = (forks[seat].clone(), forks[(seat + 1) % seats].clone());
        thread::spawn(move || {
            let _left = left.lock().unwrap();
            let _right = right.lock().unwrap();
        })
    };
    join((0..seats).map(sit));
}

fn starved_start(steps: u32) {
    let done = Arc::new(Mutex::new(false));
    let victim = {
        let done = done.clone();
        thread::spawn(move || assert!(!*done.lock().unwrap()))
    };
    let other = thread::spawn(move || {
        pad(steps);
        *done.lock().unwrap() = true;
    });
    join([victim, other]);
}
