//! The reduced search against the one that runs every interleaving, on random small programs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Mutex;

use super::Search;
use crate::chance::{Domain, Stream, mix};
use crate::event_loop::call_soon;
use crate::explore::program::program;
use crate::sim::{Run, Sim};
use crate::sync::{Event, Lock, Queue, Semaphore, Tracked};
use crate::task::{self, Task, TaskRef};
use crate::time::{millis, sleep, timeout};

/// Programs with more interleavings than this are left out.
const MOST: u64 = 1_500;

/// What a task does at one of its places.
#[derive(Clone, Copy, Debug)]
enum Act {
    Yield,
    Read(usize),
    Write(usize),
    Locked(usize),
    Set,
    Clear,
    AwaitEvent,
    Put,
    Get,
    Permit,
    Sleep(u64),
    Child(usize),
    Cancel(usize),
    Abort(usize),
    Look(usize),
    Await(usize),
    Timeout(u64),
    Gather(usize),
    CallSoon(usize),
    WaitFirst(usize),
    Group(usize),
}

/// How the first task waits for the others.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Gathers,
    AwaitsEach,
    Sleeps,
    AwaitsOne,
    Waits,
}

#[derive(Clone, Debug)]
struct Plan {
    tasks: Vec<Vec<Act>>,
    ending: Ending,
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut stream = Stream::new(seed, Domain::User);
        let tasks = 2 + stream.below(2) as usize;
        let draw = |stream: &mut Stream| {
            let cell = stream.below(2) as usize;
            let other = stream.below(tasks as u64) as usize;
            match stream.below(30) {
                0..=2 => Act::Yield,
                3 | 4 => Act::Read(cell),
                5..=7 => Act::Write(cell),
                8 | 9 => Act::Locked(cell),
                10 => Act::Set,
                11 => Act::Clear,
                12 => Act::AwaitEvent,
                13 => Act::Put,
                14 => Act::Get,
                15 => Act::Permit,
                16 | 17 => Act::Sleep(stream.below(3)),
                18 => Act::Child(cell),
                19 | 20 => Act::Cancel(other),
                21 => Act::Abort(other),
                22 => Act::Look(other),
                23 => Act::Await(other),
                24 | 25 => Act::Timeout(stream.below(3)),
                26 => Act::Gather(cell),
                27 => Act::CallSoon(cell),
                28 => Act::WaitFirst(cell),
                _ => Act::Group(cell),
            }
        };
        let mut acts = |_| {
            let acts = 1 + stream.below(3);
            (0..acts).map(|_| draw(&mut stream)).collect()
        };
        let tasks = (0..tasks).map(&mut acts).collect();
        let ending = match stream.below(8) {
            0..=2 => Ending::Gathers,
            3 => Ending::AwaitsEach,
            4 | 5 => Ending::Sleeps,
            6 => Ending::AwaitsOne,
            _ => Ending::Waits,
        };
        Self { tasks, ending }
    }
}

/// What the tasks of a program share.
struct Shared {
    cells: [Tracked<u64>; 2],
    locks: [Lock<u64>; 2],
    event: Event,
    queue: Queue<u64>,
    permits: Semaphore,
    tasks: RefCell<Vec<TaskRef>>,
    /// What each task has seen.
    seen: Vec<Tracked<u64>>,
}

impl Shared {
    fn see(&self, task: usize, what: u64) {
        self.seen[task].write(|seen| *seen = mix(*seen, what));
    }

    fn change(&self, cell: usize, by: u64) -> u64 {
        self.cells[cell].write(|cell| {
            *cell = mix(*cell, by);
            *cell
        })
    }
}

async fn act(shared: Rc<Shared>, task: usize, nth: usize, what: Act) {
    let number = (task * 16 + nth) as u64 + 1;
    let child = |cell: usize, shared: &Rc<Shared>| {
        let shared = shared.clone();
        task::spawn(async move { shared.change(cell, number) })
    };
    let other = |other: usize| shared.tasks.borrow()[other];
    let seen = match what {
        Act::Yield => {
            task::yield_now().await;
            0
        }
        Act::Read(cell) => shared.cells[cell].read(|cell| *cell),
        Act::Write(cell) => shared.change(cell, number),
        Act::Locked(lock) => {
            let mut guard = shared.locks[lock].acquire().await;
            task::yield_now().await;
            *guard = mix(*guard, number);
            *guard
        }
        Act::Set => {
            shared.event.set();
            0
        }
        Act::Clear => {
            shared.event.clear();
            0
        }
        Act::AwaitEvent => {
            shared.event.wait().await;
            1
        }
        Act::Put => {
            let _ = shared.queue.put(number).await;
            2
        }
        Act::Get => shared.queue.get().await.unwrap_or(0),
        Act::Permit => {
            let _permit = shared.permits.acquire().await;
            task::yield_now().await;
            3
        }
        Act::Sleep(time) => {
            sleep(millis(time)).await;
            4
        }
        Act::Child(cell) => child(cell, &shared).await.unwrap_or(5),
        Act::Cancel(task) => u64::from(other(task).cancel()),
        Act::Abort(task) => {
            other(task).abort();
            6
        }
        Act::Look(task) => u64::from(other(task).is_done()),
        Act::Await(awaited) if awaited != task => {
            let done = Rc::new(Event::new());
            let set = done.clone();
            other(awaited).on_done(move |_| set.set());
            done.wait().await;
            7
        }
        Act::Await(_) => 7,
        Act::Timeout(time) => u64::from(timeout(millis(time), shared.event.wait()).await.is_ok()),
        Act::Gather(cell) => {
            let children = [cell, 1 - cell].map(|cell| child(cell, &shared));
            let gathered = task::gather(children).await;
            gathered.map_or(8, |values| values.into_iter().fold(0, mix))
        }
        Act::CallSoon(cell) => {
            let shared = shared.clone();
            call_soon(move || shared.see(task, shared.change(cell, number)));
            9
        }
        Act::WaitFirst(cell) => {
            let children = [cell, 1 - cell].map(|cell| child(cell, &shared));
            let (done, left) = task::wait(children, task::Until::FirstCompleted).await;
            (done.len() * 3 + left.len()) as u64
        }
        Act::Group(cell) => {
            let inner = shared.clone();
            let group = task::group(|group| async move {
                let other = inner.clone();
                let task = group.spawn(async move { other.change(cell, number) });
                drop(task);
                inner.change(1 - cell, number)
            });
            group.await.unwrap_or(10)
        }
    };
    shared.see(task, seen);
}

/// Runs a plan. What has come of it is the message of the failure with which it ends.
async fn run(plan: Plan) {
    let shared = Rc::new(Shared {
        cells: Default::default(),
        locks: Default::default(),
        event: Event::new(),
        queue: Queue::bounded(1),
        permits: Semaphore::new(1),
        tasks: RefCell::default(),
        seen: plan.tasks.iter().map(|_| Tracked::new(0)).collect(),
    });
    let tasks = plan.tasks.iter().enumerate().map(|(number, acts)| {
        let (acts, inner) = (acts.clone(), shared.clone());
        let task = task::spawn(async move {
            for (nth, what) in acts.into_iter().enumerate() {
                act(inner.clone(), number, nth, what).await;
            }
        });
        shared.tasks.borrow_mut().push(*task);
        task
    });
    let tasks: Vec<Task<()>> = tasks.collect();
    match plan.ending {
        Ending::Gathers => drop(task::gather_keeping_errors(tasks).await),
        Ending::AwaitsEach => {
            for task in tasks {
                let _ = task.await;
            }
        }
        Ending::Sleeps => {
            tasks.into_iter().for_each(Task::detach);
            sleep(millis(2)).await;
        }
        Ending::AwaitsOne => drop(tasks.into_iter().next().expect("there is one").await),
        Ending::Waits => drop(task::wait(tasks, task::Until::AllCompleted).await),
    }
    let seen = shared.seen.iter().map(|seen| seen.read(|seen| *seen));
    let cells = shared.cells.iter().map(|cell| cell.read(|cell| *cell));
    let all = seen.chain(cells).fold(0, mix);
    panic!("{}", letters(all));
}

/// Spells a number in letters, for numbers in messages do not count.
fn letters(number: u64) -> String {
    let digit = |place: u32| (b'a' + (number >> (place * 4) & 15) as u8) as char;
    (0..16).map(digit).collect()
}

/// What a search has seen.
#[derive(Default)]
struct Seen {
    traces: BTreeSet<u64>,
    outcomes: BTreeSet<String>,
    complete: u64,
}

impl Seen {
    fn add(&mut self, run: &Run<()>) {
        let failure = run.failure().expect("every run ends with one");
        if run.strategy().to_string() != "exhaustive" || run.shown.is_given_up {
            return;
        }
        self.complete += 1;
        self.traces.extend(run.trace_hash());
        self.outcomes
            .insert(format!("{:?} {}", failure.kind(), failure.message()));
    }
}

fn search(plan: &Plan, every: bool) -> (super::Exhaustion, Seen) {
    let seen = Mutex::new(Seen::default());
    let main = || run(plan.clone());
    let program = program(main, Location::caller());
    let watched = |sim: &Sim| {
        let run = program(&sim.clone().keep_moves(true));
        seen.lock().unwrap().add(&run);
        run
    };
    let all = Search {
        program: &watched,
        sim: &Sim::new(),
        max_runs: MOST,
        time: None,
        every,
    }
    .run();
    (all, seen.into_inner().unwrap())
}

/// What came of the programs of some seeds.
#[derive(Debug, Default)]
struct Sums {
    compared: u64,
    interleavings: u64,
    traces: u64,
    redundant: u64,
    not_reduced: u64,
    dense: u64,
    too_many: u64,
}

fn compare(seeds: std::ops::Range<u64>) -> Sums {
    let mut sums = Sums::default();
    for seed in seeds {
        let plan = Plan::draw(seed);
        let (every, expected) = search(&plan, true);
        if !every.is_complete() {
            sums.too_many += 1;
            continue;
        }
        let (reduced, seen) = search(&plan, false);
        let text = format!("seed {seed}: {plan:?}\n{every}\n{reduced}");
        assert!(reduced.is_complete(), "{text}");
        if !reduced.is_reduced() {
            sums.not_reduced += 1;
            continue;
        }
        sums.compared += 1;
        sums.dense += u64::from(reduced.dense > 0);
        sums.interleavings += every.runs();
        sums.traces += reduced.runs();
        sums.redundant += reduced.redundant();
        assert_eq!(seen.traces, expected.traces, "{text}");
        assert_eq!(seen.outcomes, expected.outcomes, "{text}");
        // Where an epoch is dense, some traces are run more than once.
        let traces = expected.traces.len() as u64;
        assert!(reduced.dense > 0 || reduced.runs() == traces, "{text}");
    }
    sums
}

#[test]
fn the_reduced_search_shows_what_all_interleavings_show() {
    let sums = compare(0..60);
    assert!(
        sums.compared > 40 && sums.traces * 3 < sums.interleavings,
        "{sums:?}"
    );
}

/// The same for as many programs as there is patience for.
#[test]
#[ignore = "it takes minutes"]
fn the_reduced_search_shows_it_for_thousands_of_programs() {
    for hundred in 0..28 {
        let first = hundred * 100;
        println!("{first}: {:?}", compare(first..first + 100));
    }
}
