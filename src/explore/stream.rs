//! Runs from several threads, in the order of their numbers.
//!
//! Threads take numbers in order, a few at a time, and hand in what they have made; whoever counts
//! the runs gets them one after the other. He does not wait for all threads at once, nor they for
//! him, unless they are too far ahead: what they make after the campaign has ended was in vain.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::campaign::{Ran, Runner};
use super::pace::Pace;

/// The most that a thread makes before it hands in what it has.
const MOST_AT_ONCE: u64 = 32;

/// A thread takes this part of all numbers so far at once: one at first, when it is not known how
/// long a run takes.
const PART: u64 = 32;

/// Up to which number runs may be made.
pub(super) struct Window {
    open: Mutex<Open>,
    changed: Condvar,
}

struct Open {
    end: u64,
    is_closed: bool,
}

impl Window {
    pub(super) fn new(end: u64) -> Self {
        let is_closed = false;
        Self {
            open: Mutex::new(Open { end, is_closed }),
            changed: Condvar::new(),
        }
    }

    /// Lets more runs be made.
    pub(super) fn open_to(&self, end: u64) {
        self.open().end = end;
        self.changed.notify_all();
    }

    fn close(&self) {
        self.open().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits until a run may be made: `false` if it is not to be made any more.
    fn waits_for(&self, number: u64) -> bool {
        let closed = |open: &mut Open| !open.is_closed && open.end <= number;
        let open = self.changed.wait_while(self.open(), closed);
        !open.unwrap_or_else(PoisonError::into_inner).is_closed
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the window when a thread panics: nobody gets past the run that it leaves out.
struct CloseOnPanic<'a>(&'a Window);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

/// The runs to be made, and by whom.
pub(super) struct Stream<'a> {
    pub(super) runner: &'a dyn Runner,
    pub(super) pace: &'a Pace,
    pub(super) window: &'a Window,
    pub(super) seed_of: &'a (dyn Fn(u64) -> u64 + Sync),
    /// How many runs there are.
    pub(super) runs: u64,
    pub(super) jobs: u64,
}

impl Stream<'_> {
    /// Makes the runs, and hands each on, until it is told to stop or the time is up.
    pub(super) fn run(&self, mut each: impl FnMut(Ran) -> ControlFlow<()>) {
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let workers: Vec<_> = (0..self.jobs.min(self.runs))
                .map(|_| {
                    let (sender, next) = (sender.clone(), &next);
                    scope.spawn(move || self.work(next, &sender))
                })
                .collect();
            drop(sender);
            let mut early: BTreeMap<u64, Vec<Ran>> = BTreeMap::new();
            let mut expected = 0;
            let mut hand_on = |start, made| {
                early.insert(start, made);
                while let Some(made) = early.remove(&expected) {
                    expected += made.len() as u64;
                    made.into_iter().try_for_each(&mut each)?;
                }
                ControlFlow::Continue(())
            };
            for (start, made) in receiver {
                if hand_on(start, made).is_break() {
                    break;
                }
            }
            self.window.close();
            for worker in workers {
                if let Err(payload) = worker.join() {
                    std::panic::resume_unwind(payload);
                }
            }
        });
    }

    fn work(&self, next: &AtomicU64, sender: &Sender<(u64, Vec<Ran>)>) {
        let _close = CloseOnPanic(self.window);
        let mut handed = BTreeSet::new();
        loop {
            let (start, end) = self.take(next);
            if start >= self.runs || !self.window.waits_for(start) {
                return;
            }
            let mut made = Vec::new();
            for number in start..end {
                // The first run of a campaign is made however short the time is.
                if number > 0 && self.pace.is_over() {
                    break;
                }
                let mut ran = self.runner.run((self.seed_of)(number));
                ran.handoffs.retain(|handoff| handed.insert(*handoff));
                self.pace.has_run(ran.failure.is_some());
                made.push(ran);
            }
            let is_cut = (made.len() as u64) < end - start;
            if sender.send((start, made)).is_err() || is_cut {
                return;
            }
        }
    }

    /// Takes the next numbers.
    fn take(&self, next: &AtomicU64) -> (u64, u64) {
        let end = |start: u64| {
            let few = (start / (self.jobs * PART)).clamp(1, MOST_AT_ONCE);
            start.saturating_add(few).min(self.runs)
        };
        let order = Ordering::Relaxed;
        let taken = next.fetch_update(order, order, |start| Some(end(start)));
        let start = taken.unwrap_or_else(|start| start);
        (start, end(start))
    }
}
