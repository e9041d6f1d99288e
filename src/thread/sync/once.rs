//! What is done once, by whoever comes first, while all others wait.

use std::fmt;
use std::panic::Location;

use super::line::{Books, Due, Lines, Until, look};
use super::poison::is_panicking;
use crate::event_loop::Access;
use crate::sync::home::{Home, Waiters};
use crate::thread::{block_for, point};

/// Something that is done once: `std`'s `Once`. Who does it counts as its holder, so a function
/// that waits for itself is reported as a deadlock.
///
/// ```
/// use simrun::thread::{self, sync::Once};
/// use simrun::thread::sync::atomic::{AtomicU32, Ordering};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (set_up, times) = (Once::new().named("set-up"), AtomicU32::new(0));
/// thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| set_up.call_once(|| {
///             times.fetch_add(1, Ordering::Relaxed);
///         }));
///     }
/// });
/// assert!(set_up.is_completed());
/// assert_eq!(times.load(Ordering::Relaxed), 1);
/// # }).unwrap();
/// ```
pub struct Once {
    home: Home<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    line: Waiters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// Someone does it.
    Running,
    Done,
    /// Who did it has panicked.
    Poisoned,
}

/// What there is to do for one who comes.
enum Turn {
    Over,
    Mine(OnceState),
    Poisoned,
}

impl State {
    /// Finds out whose turn it is; nobody knows while someone else does it.
    fn turn(&mut self, books: Books<'_>, poison: Poison) -> Option<Turn> {
        let poisoned = self.stage == Stage::Poisoned;
        match self.stage {
            Stage::Running => return None,
            Stage::Done => return Some(Turn::Over),
            Stage::Poisoned if poison == Poison::Heeded => return Some(Turn::Poisoned),
            Stage::New | Stage::Poisoned => {}
        }
        self.stage = Stage::Running;
        books.hold();
        Some(Turn::Mine(OnceState { poisoned }))
    }
}

/// Whether a panic of one who did it before keeps others from doing it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Poison {
    Heeded,
    Ignored,
}

impl Lines for State {
    fn due(&self, _: Books<'_>) -> Due {
        if self.stage == Stage::Running {
            return Due::default();
        }
        // Not all of them wait to do it.
        self.line.iter().into()
    }
}

impl Once {
    /// Makes something that has not been done.
    #[track_caller]
    pub const fn new() -> Self {
        Self::of_kind("once", Location::caller())
    }

    pub(super) const fn of_kind(kind: &'static str, made: &'static Location<'static>) -> Self {
        let state = State {
            stage: Stage::New,
            line: Waiters::new(),
        };
        Self {
            home: Home::new(kind, made, state),
        }
    }

    /// Gives it a name for reports and traces.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.rename(name);
        self
    }

    pub(super) fn rename(&self, name: impl Into<String>) {
        self.home.rename(name);
    }

    /// Calls the function if none has been called; blocks while someone else's is running.
    ///
    /// # Panics
    ///
    /// If a function has panicked, or in a task if it would block.
    #[track_caller]
    pub fn call_once(&self, function: impl FnOnce()) {
        self.call(Poison::Heeded, |_| function());
    }

    /// Calls the function if none has returned; blocks while someone else's is running.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn call_once_force(&self, function: impl FnOnce(&OnceState)) {
        self.call(Poison::Ignored, function);
    }

    #[track_caller]
    pub(super) fn call(&self, poison: Poison, function: impl FnOnce(&OnceState)) {
        point();
        if self.is_done() {
            return;
        }
        let turn = |books: Books<'_>, state: &mut State| state.turn(books, poison);
        let at = Location::caller();
        let turn = Until::new(&self.home, Access::Write, |state| &mut state.line, turn, at);
        match block_for(turn, "waiting for another to initialise something") {
            Turn::Over => {}
            Turn::Poisoned => panic!("it has been poisoned: its initialisation has panicked"),
            Turn::Mine(state) => {
                let mut running = Running {
                    once: self,
                    done: false,
                };
                function(&state);
                point();
                running.done = true;
            }
        }
    }

    /// Says whether it is done, at a point that has been passed already.
    #[track_caller]
    pub(super) fn is_done(&self) -> bool {
        look(&self.home, Access::Read, |_, state| {
            state.stage == Stage::Done
        })
    }

    /// Says whether a function has been called and has returned.
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        point();
        self.is_done()
    }

    /// Blocks until a function has been called and has returned.
    ///
    /// # Panics
    ///
    /// If a function has panicked, or in a task if it would block.
    #[track_caller]
    pub fn wait(&self) {
        let stage = self.wait_at(Poison::Heeded, Location::caller());
        assert!(
            stage != Stage::Poisoned,
            "it has been poisoned: its initialisation has panicked"
        );
    }

    /// Blocks until a function has been called and has returned, whatever became of others.
    ///
    /// # Panics
    ///
    /// In a task, if it would block.
    #[track_caller]
    pub fn wait_force(&self) {
        self.wait_at(Poison::Ignored, Location::caller());
    }

    #[track_caller]
    fn wait_at(&self, poison: Poison, at: &'static Location<'static>) -> Stage {
        point();
        let is_over = |_: Books<'_>, state: &mut State| match state.stage {
            Stage::New | Stage::Running => None,
            Stage::Poisoned if poison == Poison::Ignored => None,
            stage => Some(stage),
        };
        let wait = Until::new(
            &self.home,
            Access::Read,
            |state| &mut state.line,
            is_over,
            at,
        );
        block_for(wait, "waiting for something to be initialised")
    }

    /// Makes it undone again, for one who has it alone.
    pub(super) fn reset(&mut self) {
        self.home.with(|state| state.stage = Stage::New);
    }

    /// Takes note that it is done, for one who has it alone.
    pub(super) fn finish(&mut self) {
        self.home.with(|state| state.stage = Stage::Done);
    }
}

/// Ends what someone does once, however it ends.
struct Running<'a> {
    once: &'a Once,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let due = look(&self.once.home, Access::Write, |books, state| {
            state.stage = match self.done {
                true => Stage::Done,
                false if is_panicking() => Stage::Poisoned,
                false => Stage::New,
            };
            books.let_go();
            state.due(books)
        });
        due.wake();
    }
}

impl Default for Once {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// What a function that is called once is told: see [`Once::call_once_force`].
///
/// ```
/// use simrun::thread::{self, sync::{Once, OnceState}};
///
/// # simrun::Sim::new().run_thread(|| {
/// let once = Once::new();
/// thread::scope(|scope| {
///     let failed = scope.spawn(|| once.call_once(|| panic!("out of memory")));
///     assert!(failed.join().is_err());
/// });
/// once.call_once_force(|state: &OnceState| assert!(state.is_poisoned()));
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Says whether a function that was called before has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}
