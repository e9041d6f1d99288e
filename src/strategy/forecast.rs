//! What the tasks of a run will do next, as far as the profile and the run itself tell.
//!
//! A task is followed through its steps in the profile by what it touches: a step that is not
//! there, such as one in which a task joins a queue for a lock that was free in the profiled run,
//! is passed over, and steps that were not needed are skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event_loop::{Access, EntityId, Profile, Touch};

/// How far ahead a step is looked for in the profile, in steps: far enough for a branch not taken,
/// not so far that a step is taken for a later one like it.
const AHEAD: usize = 8;

#[derive(Default)]
pub(super) struct Forecast {
    profile: Option<Arc<Profile>>,
    tasks: BTreeMap<EntityId, Progress>,
}

/// How far a task has come.
#[derive(Default)]
struct Progress {
    /// Its next step in the profile.
    position: usize,
    /// What its last step has touched.
    last: Vec<Touch>,
}

impl Forecast {
    pub(super) fn new(profile: Option<Arc<Profile>>) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }

    /// Takes note of a step.
    pub(super) fn observe(&mut self, task: EntityId, touches: &[Touch]) {
        let progress = self.tasks.entry(task).or_default();
        progress.last.clear();
        progress.last.extend_from_slice(touches);
        let known = self.profile.as_ref().and_then(|all| all.task(task));
        let Some(known) = known else { return };
        let next = progress.position;
        let until = (next + AHEAD).min(known.len());
        let found = (next..until).find(|step| known.footprint(*step) == touches);
        match found {
            Some(step) => progress.position = step + 1,
            // A step that only waits is none of the profile's; any other stands for one of them.
            None if touches.is_empty() || is_part(touches, known.footprint(next)) => {}
            None => progress.position = until.min(next + 1),
        }
    }

    /// Returns what the next step of a task may touch: what it has touched last, if the profile
    /// does not know the task or the task has made more steps than there.
    pub(super) fn next(&self, task: EntityId) -> &[Touch] {
        let progress = self.tasks.get(&task);
        let position = progress.map_or(0, |progress| progress.position);
        let known = self.profile.as_ref().and_then(|all| all.task(task));
        match known.filter(|known| position < known.len()) {
            Some(known) => known.footprint(position),
            None => progress.map_or(&[], |progress| &progress.last),
        }
    }

    /// Returns how many of a task's steps in the profile are behind it.
    pub(super) fn position(&self, task: EntityId) -> usize {
        self.tasks
            .get(&task)
            .map_or(0, |progress| progress.position)
    }
}

/// Says whether a step has touched no more than a part of what another one touches.
fn is_part(touches: &[Touch], of: &[Touch]) -> bool {
    let is_in = |touch: &Touch| of.iter().any(|other| other.resource == touch.resource);
    touches.len() < of.len() && touches.iter().all(is_in)
}

/// Says whether it matters which of two steps is made first.
pub(super) fn race(one: &[Touch], other: &[Touch]) -> bool {
    one.iter().any(|touch| {
        let same = other
            .iter()
            .filter(|other| other.resource == touch.resource);
        let mut both = same.map(|other| (touch.access, other.access));
        both.any(|both| both != (Access::Read, Access::Read))
    })
}
