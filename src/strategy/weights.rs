//! How much of its work each task has still to do, and with it those that it will spawn.

use std::collections::BTreeMap;

use crate::event_loop::{EntityId, Profile, Touch};

/// The work of every task in a profile: those of its steps that count.
#[derive(Default)]
pub(super) struct Weights {
    tasks: BTreeMap<EntityId, Work>,
}

#[derive(Default)]
struct Work {
    parent: Option<EntityId>,
    /// The steps that count.
    steps: Vec<u32>,
    /// The work of the children that are still to be spawned, and of theirs.
    unborn: u64,
    is_born: bool,
}

impl Weights {
    /// Counts the steps in a profile of which `counts` says so.
    pub(super) fn new(profile: &Profile, counts: impl Fn(&[Touch]) -> bool) -> Self {
        let mut tasks = BTreeMap::new();
        for (task, profile) in profile.by_name() {
            let steps = (0..profile.len()).filter(|step| counts(profile.footprint(*step)));
            let work = Work {
                parent: profile.parent(),
                steps: steps.map(|step| step as u32).collect(),
                ..Work::default()
            };
            tasks.insert(task, work);
        }
        let mut weights = Self { tasks };
        weights.pass_to_parents();
        weights
    }

    /// Adds the work of each task to that of those from whom it descends.
    fn pass_to_parents(&mut self) {
        let own = |(task, work): (&EntityId, &Work)| (*task, work.steps.len() as u64);
        for (task, own) in self.tasks.iter().map(own).collect::<Vec<_>>() {
            let mut above = self.tasks[&task].parent;
            while let Some(work) = above.and_then(|parent| self.tasks.get_mut(&parent)) {
                work.unborn += own;
                above = work.parent;
            }
        }
    }

    /// Takes note that a task is there; returns its parent, what both of them have left and what of
    /// it is the task's, if it is the first time.
    pub(super) fn bear(
        &mut self,
        task: EntityId,
        parent_position: impl Fn(EntityId) -> usize,
    ) -> Option<Born> {
        let work = self.tasks.get_mut(&task).filter(|work| !work.is_born)?;
        work.is_born = true;
        let own = work.steps.len() as u64 + work.unborn;
        let parent = work.parent?;
        let before = self.left(parent, parent_position(parent));
        let work = self.tasks.get_mut(&parent)?;
        work.unborn = work.unborn.saturating_sub(own);
        Some(Born {
            parent,
            before,
            own,
        })
    }

    /// Returns how much a task that has come to a position has left.
    pub(super) fn left(&self, task: EntityId, position: usize) -> u64 {
        self.tasks.get(&task).map_or(0, |work| {
            let done = work
                .steps
                .partition_point(|step| (*step as usize) < position);
            (work.steps.len() - done) as u64 + work.unborn
        })
    }

    /// Goes through the tasks that are there.
    pub(super) fn born(&self) -> impl Iterator<Item = EntityId> {
        let born = self.tasks.iter().filter(|(_, work)| work.is_born);
        born.map(|(task, _)| *task)
    }
}

/// A task that is there for the first time.
pub(super) struct Born {
    pub(super) parent: EntityId,
    /// What the parent had left before, with all that it was to spawn.
    pub(super) before: u64,
    /// How much of that is the task's.
    pub(super) own: u64,
}
