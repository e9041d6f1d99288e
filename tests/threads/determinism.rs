//! A program that uses everything threads have is the same run under the same seed: twice, on two
//! threads of the machine, and from its plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use simrun::chance::Plan;
use simrun::thread::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use simrun::thread::sync::{
    Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, hint, mpsc, oneshot,
};
use simrun::time::{millis, sleep};
use simrun::{Run, Sim, Strategy, chance, spawn, task, thread};

use crate::random;

const SEEDS: u64 = 300;

/// What the threads of the program share.
struct Hall {
    total: Mutex<u64>,
    prices: RwLock<Vec<u64>>,
    changed: Condvar,
    start: Barrier,
    opened: Once,
    name: OnceLock<u64>,
    rate: LazyLock<u64>,
    count: AtomicU64,
    closed: AtomicBool,
}

impl Hall {
    fn work(&self, number: u64, jobs: &mpsc::SyncSender<u64>, notes: &mpsc::Sender<u64>) {
        if self.start.wait().is_leader() {
            self.mix(100 + number);
        }
        self.opened.call_once(|| self.mix(number));
        let name = *self.name.get_or_init(|| number);
        self.prices.write().unwrap().push(number * *self.rate);
        let seen = self.prices.read().unwrap().len() as u64;
        self.mix(self.count.fetch_add(1, Ordering::Relaxed) + 10 * seen + name);
        fence(Ordering::SeqCst);
        thread::sleep(millis(chance::below("effort", 3)));
        let guard = self.total.lock().unwrap();
        let waited = self.changed.wait_timeout(guard, millis(1)).unwrap();
        let late = waited.1.timed_out();
        drop(waited);
        self.changed.notify_one();
        if late {
            jobs.send(number).unwrap();
        } else if jobs.try_send(number).is_err() {
            notes.send(number).unwrap();
        }
        let _ = self.total.try_lock().map(|mut total| *total ^= number);
    }

    /// Makes the total depend on the order in which this is called.
    fn mix(&self, number: u64) {
        let mut total = self.total.lock().unwrap();
        *total = total.wrapping_mul(31).wrapping_add(number);
        self.changed.notify_all();
    }
}

/// Threads and a task share all there is. Returns a number that depends on the order of things.
async fn everything() -> u64 {
    let hall = Arc::new(Hall {
        total: Mutex::new(0),
        prices: RwLock::default(),
        changed: Condvar::new(),
        start: Barrier::new(3),
        opened: Once::new(),
        name: OnceLock::new(),
        rate: LazyLock::new(|| 7),
        count: AtomicU64::new(0),
        closed: AtomicBool::new(false),
    });
    let (jobs, inbox) = mpsc::sync_channel(chance::below("room", 2) as usize);
    let (notes, noted) = mpsc::channel();
    for number in 1..=3 {
        let (hall, jobs, notes) = (hall.clone(), jobs.clone(), notes.clone());
        drop(thread::spawn(move || hall.work(number, &jobs, &notes)));
    }
    drop(jobs);
    let (sender, answer) = oneshot::channel();
    let theirs = hall.clone();
    let clerk = thread::spawn(move || {
        thread::scope(|scope| {
            let theirs = &theirs;
            scope.spawn(move || inbox.into_iter().for_each(|job| theirs.mix(job)));
            scope.spawn(move || {
                while let Ok(note) = noted.recv_timeout(millis(50)) {
                    theirs.mix(note * 1_000);
                }
            });
        });
        theirs.closed.store(true, Ordering::Release);
        let _ = sender.send(*theirs.total.lock().unwrap());
    });
    let ours = hall.clone();
    let ticker = spawn(async move {
        for tick in 10..15 {
            sleep(millis(1)).await;
            notes
                .send(tick + ours.count.load(Ordering::Relaxed))
                .unwrap();
            ours.changed.notify_one();
        }
    });
    let watcher = thread::spawn(move || {
        while !hall.closed.load(Ordering::Acquire) {
            hint::spin_loop();
            thread::sleep(millis(1));
        }
    });
    let answer = answer.await.unwrap();
    clerk.await.unwrap();
    watcher.await.unwrap();
    ticker.await.unwrap();
    answer
}

fn outcome(run: Run<u64>) -> (u64, u64) {
    (run.fingerprint(), run.unwrap())
}

fn fingerprints() -> Vec<(u64, u64)> {
    let runs = (0..SEEDS).map(|seed| random(seed).run(everything));
    runs.map(outcome).collect()
}

#[test]
fn a_seed_run_twice_and_on_two_threads_at_once_gives_the_same_fingerprint() {
    let here = fingerprints();
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(fingerprints), scope.spawn(fingerprints));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(here, one);
    assert_eq!(here, other);
    let distinct: BTreeSet<_> = here.iter().collect();
    assert!(distinct.len() as u64 > SEEDS * 9 / 10, "{}", distinct.len());
}

#[test]
fn recording_does_not_change_a_run() {
    for seed in 0..50 {
        let sim = random(seed).record(true).write_plan(true);
        assert_eq!(
            outcome(sim.run(everything)),
            outcome(random(seed).run(everything))
        );
    }
    Sim::new().check_determinism(everything).unwrap();
}

#[test]
fn a_plan_replays_the_run_that_it_was_written_from() {
    for seed in 0..100 {
        let run = random(seed).write_plan(true).run(everything);
        let plan: Plan = run.plan().to_string().parse().unwrap();
        let replay = Sim::new().strategy(Strategy::replay(plan)).run(everything);
        assert!(replay.diverged().is_empty(), "{:?}", replay.diverged());
        assert_eq!(outcome(replay), outcome(run), "seed {seed}");
    }
}

#[test]
fn wherever_the_threads_are_cut_off_the_run_ends_and_is_the_same_again() {
    for seed in 0..500 {
        let run = || {
            random(seed).run(move || async move {
                spawn(everything()).detach();
                sleep(millis(seed % 4)).await;
                for _ in 0..seed % 50 {
                    task::yield_now().await;
                }
                seed
            })
        };
        assert_eq!(outcome(run()), outcome(run()), "seed {seed}");
    }
}
