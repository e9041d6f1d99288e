//! Programs made at random of threads, tasks, jobs and processes that share a few primitives: every
//! one ends, and is the same run again, recorded or not, and from its plan.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use simrun::chance::{Domain, Plan, Stream};
use simrun::process::{self, Command};
use simrun::thread::sync::{Condvar, Mutex, RwLock, mpsc};
use simrun::thread::{self, ThreadPool};
use simrun::time::{millis, sleep, timeout};
use simrun::{Run, Sim, Strategy, spawn, task};

const PROGRAMS: u64 = 600;

/// How many primitives there are of each kind, apart from the one condition variable.
const SHARED: u64 = 2;

/// How deep acts may contain others.
const DEPTH: u64 = 3;

/// Something that a thread or task does.
#[derive(Clone, Debug)]
enum Act {
    Sleep(u64),
    GiveWay,
    Send(usize),
    Receive(usize),
    Notify,
    Lock(usize, Vec<Act>),
    Read(usize, Vec<Act>),
    Write(usize, Vec<Act>),
    Wait(usize),
    Park,
    /// Panics in the end, and catches that.
    Panic(Vec<Act>),
    /// Does something when what comes after it is over, however that ends.
    Finally(Vec<Act>, Vec<Act>),
    Thread(Vec<Act>, Then),
    Scope(Vec<Vec<Act>>),
    Task(Vec<Act>, Then),
    Job(Vec<Act>, Then),
    Handed(Vec<Act>),
    Callback(Vec<Act>),
    Process(Vec<Act>, Then),
}

/// What becomes of something that was begun.
#[derive(Clone, Copy, Debug)]
enum Then {
    Leave,
    Await,
    Stop,
}

/// Makes programs.
struct Maker(Stream);

impl Maker {
    fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    fn acts(&mut self, depth: u64) -> Vec<Act> {
        let count = 1 + self.below(2 + depth);
        (0..count).map(|_| self.act(depth)).collect()
    }

    /// Acts for a destructor: it may block, but not with something locked. Others that are cut off
    /// could need that in theirs.
    fn last_acts(&mut self) -> Vec<Act> {
        let mut acts = self.acts(0);
        acts.retain(|act| !matches!(act, Act::Receive(_)));
        acts
    }

    fn then(&mut self) -> Then {
        match self.below(4) {
            0 => Then::Leave,
            1 => Then::Stop,
            _ => Then::Await,
        }
    }

    fn act(&mut self, depth: u64) -> Act {
        let which = self.below(SHARED) as usize;
        let kinds = if depth == 0 { 7 } else { 19 };
        match self.below(kinds) {
            0 => Act::Sleep(self.below(3)),
            1 => Act::GiveWay,
            2 => Act::Send(which),
            3 => Act::Receive(which),
            4 => Act::Notify,
            5 => Act::Wait(which),
            6 => Act::Park,
            7 => Act::Lock(which, self.acts(0)),
            8 => Act::Read(which, self.acts(0)),
            9 => Act::Write(which, self.acts(0)),
            10 => Act::Panic(self.acts(depth - 1)),
            11 => Act::Finally(self.last_acts(), self.acts(depth - 1)),
            12 => Act::Scope((0..2).map(|_| self.acts(depth - 1)).collect()),
            13 => Act::Task(self.acts(depth - 1), self.then()),
            14 => Act::Job(self.acts(depth - 1), self.then()),
            15 => Act::Handed(self.acts(depth - 1)),
            16 => Act::Callback(self.acts(0)),
            17 => Act::Process(self.acts(depth - 1), self.then()),
            _ => Act::Thread(self.acts(depth - 1), self.then()),
        }
    }
}

/// What everyone shares.
struct Shared {
    totals: Vec<Mutex<u64>>,
    prices: Vec<RwLock<u64>>,
    changed: Condvar,
    senders: Vec<mpsc::SyncSender<u64>>,
    receivers: Vec<Mutex<mpsc::Receiver<u64>>>,
    pool: ThreadPool,
}

type All = Arc<Shared>;

fn shared() -> All {
    let channels = (0..SHARED).map(|room| mpsc::sync_channel(room as usize));
    let (senders, receivers): (Vec<_>, Vec<_>) = channels.unzip();
    Arc::new(Shared {
        totals: (0..SHARED).map(Mutex::new).collect(),
        prices: (0..SHARED).map(RwLock::new).collect(),
        changed: Condvar::new(),
        senders,
        receivers: receivers.into_iter().map(Mutex::new).collect(),
        pool: ThreadPool::new(2),
    })
}

/// Does something when it is dropped.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn block(all: &All, acts: &[Act]) {
    acts.iter().for_each(|act| do_blocking(all, act));
}

fn do_blocking(all: &All, act: &Act) {
    match act {
        Act::Sleep(time) => thread::sleep(millis(*time)),
        Act::GiveWay => thread::yield_now(),
        Act::Send(which) => drop(all.senders[*which].try_send(1)),
        Act::Receive(which) => {
            let receiver = all.receivers[*which].lock();
            let receiver = receiver.unwrap_or_else(PoisonError::into_inner);
            let _ = receiver.recv_timeout(millis(1));
        }
        Act::Notify => all.changed.notify_one(),
        Act::Lock(which, acts) => {
            let total = all.totals[*which].lock();
            let mut total = total.unwrap_or_else(PoisonError::into_inner);
            *total += 1;
            block(all, acts);
        }
        Act::Read(which, acts) => {
            let _price = all.prices[*which].read();
            block(all, acts);
        }
        Act::Write(which, acts) => {
            let _price = all.prices[*which].write();
            block(all, acts);
        }
        Act::Wait(which) => {
            let total = all.totals[*which].lock();
            let total = total.unwrap_or_else(PoisonError::into_inner);
            let _ = all.changed.wait_timeout(total, millis(1));
        }
        Act::Park => thread::park_timeout(millis(1)),
        Act::Panic(acts) => {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                block(all, acts);
                resume_unwind(Box::new("on purpose"));
            }));
        }
        Act::Finally(last, acts) => {
            let _last = Finally(|| block(all, last));
            block(all, acts);
        }
        Act::Scope(parts) => thread::scope(|scope| {
            for part in parts {
                scope.spawn(|| block(all, part));
            }
        }),
        Act::Handed(acts) => {
            let (all, acts) = (all.clone(), acts.clone());
            let pending = thread::run_coroutine_threadsafe(wait(all, acts));
            let _ = pending.result();
        }
        Act::Thread(acts, then) => {
            let thread = start(all, acts);
            thread.thread().unpark();
            match then {
                Then::Leave | Then::Stop => drop(thread),
                Then::Await => thread.join().unwrap_or_default(),
            }
        }
        Act::Job(acts, then) => {
            let (theirs, acts) = (all.clone(), acts.clone());
            let mut job = all.pool.submit(move || block(&theirs, &acts));
            match then {
                Then::Leave => drop(job),
                Then::Stop => drop(job.cancel()),
                // The pool has two workers, and its jobs may wait for jobs.
                Then::Await => drop(job.result_timeout(millis(5))),
            }
        }
        Act::Task(..) | Act::Process(..) | Act::Callback(_) => begin(all, act),
    }
}

/// Begins what nobody can wait for from where it is begun.
fn begin(all: &All, act: &Act) {
    let all = all.clone();
    match act.clone() {
        Act::Task(acts, _) => drop(thread::run_coroutine_threadsafe(wait(all, acts))),
        Act::Callback(acts) => {
            let call = move || acts.iter().for_each(|act| try_out(&all, act));
            thread::call_soon_threadsafe(call);
        }
        Act::Process(acts, then) => {
            drop(thread::run_coroutine_threadsafe(run_process(
                all, acts, then,
            )));
        }
        _ => {}
    }
}

fn start(all: &All, acts: &[Act]) -> thread::JoinHandle<()> {
    let (all, acts) = (all.clone(), acts.to_vec());
    thread::spawn(move || block(&all, &acts))
}

/// Does what can be done without waiting.
fn try_out(all: &All, act: &Act) {
    match act {
        Act::Send(which) => drop(all.senders[*which].try_send(2)),
        Act::Receive(which) => {
            if let Ok(receiver) = all.receivers[*which].try_lock() {
                let _ = receiver.try_recv();
            }
        }
        Act::Lock(which, _) => {
            if let Ok(mut total) = all.totals[*which].try_lock() {
                *total += 1;
            }
        }
        Act::Read(which, _) => drop(all.prices[*which].try_read()),
        Act::Write(which, _) => drop(all.prices[*which].try_write()),
        Act::Notify => all.changed.notify_all(),
        _ => {}
    }
}

fn wait(all: All, acts: Vec<Act>) -> Boxed {
    Box::pin(async move {
        for act in acts {
            match act {
                Act::Sleep(time) => sleep(millis(time)).await,
                Act::GiveWay => task::yield_now().await,
                Act::Thread(acts, then) => {
                    let thread = start(&all, &acts);
                    thread.thread().unpark();
                    if let Then::Await = then {
                        thread.await.unwrap();
                    }
                }
                Act::Task(acts, then) => {
                    let task = spawn(wait(all.clone(), acts));
                    match then {
                        Then::Leave => task.detach(),
                        Then::Await => drop(task.await),
                        Then::Stop => {
                            sleep(Duration::ZERO).await;
                            task.cancel();
                        }
                    }
                }
                Act::Job(acts, then) => {
                    let theirs = all.clone();
                    let job = thread::run_in_executor(None, move || block(&theirs, &acts));
                    match then {
                        Then::Leave => job.detach(),
                        Then::Await => drop(timeout(millis(5), job).await),
                        Then::Stop => drop(job.cancel()),
                    }
                }
                Act::Process(acts, then) => run_process(all.clone(), acts, then).await,
                Act::Callback(_) => begin(&all, &act),
                act => try_out(&all, &act),
            }
        }
    })
}

type Boxed = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn run_process(all: All, acts: Vec<Act>, then: Then) -> Boxed {
    Box::pin(async move {
        process::register("program", move |_| wait(all.clone(), acts.clone()));
        let mut child = Command::new("program").spawn().unwrap();
        match then {
            Then::Leave => {}
            Then::Await => drop(child.wait().await),
            Then::Stop => {
                sleep(millis(1)).await;
                child.start_kill().unwrap();
                drop(child.wait().await);
            }
        }
    })
}

fn program(number: u64) -> Vec<Act> {
    let mut maker = Maker(Stream::new(number, Domain::User));
    (0..3).flat_map(|_| maker.acts(DEPTH)).collect()
}

/// Runs a program in a task and in a thread at once, and leaves after a while what is left of it.
fn run(sim: Sim, number: u64) -> Run<()> {
    sim.run(move || async move {
        let (all, acts) = (shared(), program(number));
        spawn(wait(all.clone(), acts.clone())).detach();
        drop(start(&all, &acts));
        sleep(millis(number % 8)).await;
    })
}

fn outcome(run: &Run<()>) -> (u64, Option<String>) {
    (run.fingerprint(), run.failure().map(ToString::to_string))
}

#[test]
fn the_empty_plan_is_the_order_of_asyncio() {
    for number in 0..PROGRAMS {
        let fifo = run(Sim::new().seed(number), number);
        let empty = Sim::new()
            .seed(number)
            .strategy(Strategy::replay(Plan::new()));
        let empty = run(empty, number);
        assert_eq!(outcome(&fifo), outcome(&empty), "program {number}");
    }
}

#[test]
fn a_run_of_any_strategy_is_the_same_again_from_its_plan() {
    let names = [
        "pct",
        "pos",
        "urw",
        "surw",
        "starve",
        "portfolio",
        "cancel-sweep",
    ];
    for number in 0..PROGRAMS / 4 {
        let sim = || Sim::new().seed(number);
        let profile = run(sim().profile(true), number).profile().cloned();
        for name in names {
            for profile in [None, profile.clone()] {
                let mut strategy: Strategy = name.parse().unwrap();
                if let Some(profile) = profile {
                    strategy = strategy.with_profile(profile);
                }
                let plain = run(sim().strategy(strategy.clone()), number);
                let written = run(sim().strategy(strategy).write_plan(true), number);
                let plan: Plan = written.plan().to_string().parse().unwrap();
                let replay = run(sim().strategy(Strategy::replay(plan)), number);
                let diverged = replay.diverged();
                assert!(
                    diverged.is_empty(),
                    "program {number}, {name}: {diverged:?}"
                );
                assert_eq!(
                    outcome(&plain),
                    outcome(&written),
                    "program {number}, {name}"
                );
                assert_eq!(
                    outcome(&plain),
                    outcome(&replay),
                    "program {number}, {name}"
                );
            }
        }
    }
}

#[test]
fn a_program_made_at_random_ends_and_is_the_same_run_again() {
    for number in 0..PROGRAMS {
        let random = || super::random(number);
        let plain = run(random(), number);
        let again = run(random().record(true), number);
        assert_eq!(outcome(&plain), outcome(&again), "program {number} again");
        let written = run(random().write_plan(true), number);
        let plan: Plan = written.plan().to_string().parse().unwrap();
        let replay = run(
            Sim::new().seed(number).strategy(Strategy::replay(plan)),
            number,
        );
        assert!(
            replay.diverged().is_empty(),
            "program {number}: {:?}",
            replay.diverged()
        );
        assert_eq!(
            outcome(&plain),
            outcome(&replay),
            "program {number} from its plan"
        );
    }
}
