//! What a run shows of a program: which tasks there are, how many steps each makes, and what each
//! step touches. Strategies that plan ahead read it.

use std::collections::BTreeMap;

use super::choose::EntityId;
use super::resources::Touch;
use crate::chance::TaskPath;

/// How many steps a profile holds: what a strategy could learn from the rest of a longer run is not
/// worth the memory.
const MAX_STEPS: usize = 1 << 20;

/// What one run of a program has shown of it.
///
/// It is made by a run that is told to [`profile`](crate::Sim::profile), mostly one in asyncio's
/// order, and given to a [`Strategy`](crate::Strategy::with_profile). It is a plain value: the same
/// program gives the same profile, so a seed with a strategy still names one run.
///
/// ```
/// use simrun::{Sim, Strategy, spawn, task};
///
/// async fn program() {
///     let child = spawn(async { task::yield_now().await });
///     child.await.unwrap();
/// }
///
/// let first = Sim::new().profile(true).run(program);
/// let profile = first.profile().unwrap();
/// assert_eq!(profile.steps(&"main/1".parse().unwrap()), 2);
///
/// let strategy = Strategy::surw().with_profile(profile.clone());
/// Sim::new().seed(7).strategy(strategy).run(program).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    tasks: BTreeMap<u64, TaskProfile>,
    /// The tasks in the order of their first steps.
    order: Vec<u64>,
    steps: usize,
    choices: u64,
}

/// What it has shown of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskProfile {
    path: TaskPath,
    /// Where the footprint of each step ends among all touches.
    ends: Vec<u32>,
    touches: Vec<Touch>,
}

impl Profile {
    /// Goes through the tasks, in the order of their first steps.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskPath> {
        self.order.iter().map(|task| &self.tasks[task].path)
    }

    /// Returns how many steps a task has made.
    pub fn steps(&self, task: &TaskPath) -> usize {
        self.task(EntityId::task(task.hash()))
            .map_or(0, TaskProfile::len)
    }

    /// Returns what a task touched in one of its steps, counted from 1: nothing, if it has not made
    /// it.
    pub fn footprint(&self, task: &TaskPath, step: usize) -> &[Touch] {
        let task = self.task(EntityId::task(task.hash()));
        let step = step.checked_sub(1);
        task.zip(step)
            .map_or(&[], |(task, step)| task.footprint(step))
    }

    /// Returns at how many steps there was someone else who could have made one.
    pub fn choices(&self) -> u64 {
        self.choices
    }

    /// Goes through every suspension of every task but the first: where each could be cancelled.
    pub fn awaits(&self) -> impl Iterator<Item = (&TaskPath, u32)> {
        let is_child = |path: &TaskPath| {
            path.parent()
                .is_some_and(|above| above != TaskPath::default())
        };
        let tasks = self.tasks().filter(move |path| is_child(path));
        tasks.flat_map(|path| (1..self.steps(path) as u32).map(move |step| (path, step)))
    }

    /// Adds what another run of the program has shown: of each task, the run that shows more steps
    /// is kept.
    ///
    /// One run may not show much: a task that is cancelled early, or a deadlock, hides what would
    /// have come. Runs of [`pct 1`](crate::Strategy::pct_with_depth), which let a task go as far as
    /// it can before the next one, show most.
    pub fn merge(&mut self, other: &Self) {
        self.choices = self.choices.max(other.choices);
        for task in &other.order {
            let theirs = &other.tasks[task];
            match self.tasks.get_mut(task) {
                Some(own) if own.len() >= theirs.len() => {}
                Some(own) => own.clone_from(theirs),
                None => {
                    self.order.push(*task);
                    self.tasks.insert(*task, theirs.clone());
                }
            }
        }
    }

    pub(crate) fn task(&self, task: EntityId) -> Option<&TaskProfile> {
        self.tasks.get(&task.get())
    }

    /// Goes through the tasks by their names.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = (EntityId, &TaskProfile)> {
        let tasks = self.tasks.iter();
        tasks.map(|(task, profile)| (EntityId::task(*task), profile))
    }

    /// Takes note of a step, and of whether another could have been made instead.
    pub(super) fn add(&mut self, task: u64, path: impl FnOnce() -> TaskPath, touches: &[Touch]) {
        if self.steps == MAX_STEPS {
            return;
        }
        self.steps += 1;
        let profile = self.tasks.entry(task).or_insert_with(|| {
            self.order.push(task);
            let path = path();
            TaskProfile {
                path,
                ..TaskProfile::default()
            }
        });
        profile.touches.extend_from_slice(touches);
        profile.ends.push(profile.touches.len() as u32);
    }

    pub(super) fn add_choice(&mut self) {
        self.choices += 1;
    }
}

impl TaskProfile {
    pub(crate) fn parent(&self) -> Option<EntityId> {
        self.path.parent().map(|path| EntityId::task(path.hash()))
    }

    /// Returns how many steps there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns what a step touched, counted from 0: nothing, if there was none.
    pub(crate) fn footprint(&self, step: usize) -> &[Touch] {
        let Some(end) = self.ends.get(step) else {
            return &[];
        };
        let start = step.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.touches[start as usize..*end as usize]
    }
}
