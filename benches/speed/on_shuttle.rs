//! The works as shuttle does them: see [`on_simrun`](super::on_simrun).

use shuttle::scheduler::{RandomScheduler, RoundRobinScheduler, Scheduler};
use shuttle::sync::{Arc, Mutex, mpsc};
use shuttle::{Config, MaxSteps, Runner, thread};

fn run(scheduler: impl Scheduler + 'static, main: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.max_steps = MaxSteps::None;
    Runner::new(scheduler, config).run(main);
}

fn random() -> RandomScheduler {
    RandomScheduler::new_from_seed(1, 1)
}

/// Lets two threads hand a lock over to each other.
pub(crate) fn hand_overs(hand_overs: u64) {
    run(RoundRobinScheduler::new(1), move || hand_over(hand_overs));
}

pub(crate) fn random_hand_overs(hand_overs: u64) {
    run(random(), move || hand_over(hand_overs));
}

fn hand_over(hand_overs: u64) {
    let counter = Arc::new(Mutex::new(0));
    let count = |counter: Arc<Mutex<u64>>| {
        thread::spawn(move || {
            for _ in 0..hand_overs / 2 {
                let mut counter = counter.lock().unwrap();
                // So that the other one comes and waits.
                thread::yield_now();
                *counter += 1;
            }
        })
    };
    let counters = [count(counter.clone()), count(counter.clone())];
    counters
        .into_iter()
        .for_each(|counter| counter.join().unwrap());
    assert_eq!(*counter.lock().unwrap(), hand_overs / 2 * 2);
}

/// Sends a ball to another thread and back.
pub(crate) fn thread_round_trips(trips: u64) {
    run(random(), move || {
        let (there, hit) = mpsc::channel();
        let (back, caught) = mpsc::channel();
        let echo = thread::spawn(move || {
            hit.into_iter()
                .for_each(|ball: u64| back.send(ball).unwrap())
        });
        for ball in 0..trips {
            there.send(ball).unwrap();
            assert_eq!(caught.recv().unwrap(), ball);
        }
        drop(there);
        echo.join().unwrap();
    });
}

/// Starts a trivial thread and joins it, again and again.
pub(crate) fn threads(threads: u64) {
    run(random(), move || {
        for number in 0..threads {
            assert_eq!(thread::spawn(move || number).join().unwrap(), number);
        }
    });
}
