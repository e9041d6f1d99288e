//! What happened because of what: for each event of a recorded run, those that it depends on.
//!
//! An event depends on the one before it in its task; the first of a step also on whoever has woken
//! or spawned the task; and on what else the step has met until then: the last writes to what it
//! touches, the ends of the futures that it awaits. Virtual time is no dependency: that two things
//! happen one after the other says nothing.

use std::collections::{BTreeMap, BTreeSet};

/// Who depends on whom, while a run is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Causes {
    /// For each event, those that it depends on directly.
    of: Vec<Vec<u32>>,
    /// What whatever happens now depends on.
    here: BTreeSet<u32>,
    /// The last event of each task.
    last: BTreeMap<u64, u32>,
    /// What those have seen who have woken a task since its last step.
    woken: BTreeMap<u64, BTreeSet<u32>>,
    /// What those have seen who have completed a future, or whatever else is found later.
    left: BTreeMap<Left, BTreeSet<u32>>,
    resources: BTreeMap<u64, Seen>,
    /// What a failure depends on that was told.
    failure: Option<BTreeSet<u32>>,
}

/// Something that is left for later, with what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Left {
    /// A future is done: its number.
    Done(u64),
    /// A callback is queued or set: its generation.
    Callback(u32),
    /// An alarm is set: its token.
    Alarm(u32),
}

/// Who has touched something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    write: BTreeSet<u32>,
    /// Since then.
    reads: BTreeSet<u32>,
}

impl Causes {
    /// Takes note of the next event: of a task, or of nobody.
    pub(super) fn happen(&mut self, task: Option<u64>) {
        let event = self.of.len() as u32;
        let mut causes = std::mem::take(&mut self.here);
        causes.extend(task.and_then(|task| self.last.insert(task, event)));
        self.of.push(causes.into_iter().collect());
        self.here.insert(event);
    }

    /// Forgets the events after the first so many: all are of the task that runs, as is the one
    /// before them.
    #[cfg(feature = "tracing")]
    pub(super) fn truncate(&mut self, events: u32) {
        self.of.truncate(events as usize);
        let left = self.left.values_mut().chain(self.woken.values_mut());
        let seen = self.resources.values_mut();
        let seen = seen.flat_map(|seen| [&mut seen.write, &mut seen.reads]);
        for events_of in left.chain(seen).chain([&mut self.here]) {
            events_of.retain(|event| *event < events);
        }
        for last in self.last.values_mut() {
            *last = (*last).min(events.saturating_sub(1));
        }
    }

    /// Begins the step of a task.
    pub(crate) fn begin_step(&mut self, task: u64) {
        self.here = self.woken.remove(&task).unwrap_or_default();
    }

    /// Begins the turn of a timer for which a task has waited.
    pub(crate) fn begin_timer(&mut self, sleeper: Option<u64>) {
        let last = sleeper.and_then(|task| self.last.get(&task));
        self.here = last.copied().into_iter().collect();
    }

    /// Begins a turn that someone has left to be made.
    pub(crate) fn begin_left(&mut self, left: Left) {
        self.here = self.left.remove(&left).unwrap_or_default();
    }

    /// Takes note that a task was made or woken.
    pub(crate) fn wake(&mut self, task: u64) {
        let woken = self.woken.entry(task).or_default();
        woken.extend(&self.here);
    }

    /// Leaves something for later.
    pub(crate) fn leave(&mut self, left: Left) {
        self.left.insert(left, self.here.clone());
    }

    /// Finds what was left.
    pub(crate) fn find(&mut self, left: Left) {
        if let Some(found) = self.left.get(&left) {
            self.here.extend(found);
        }
    }

    /// Meets a resource: what was written there, and if it is written again, who has read that.
    pub(crate) fn meet(&mut self, resource: u64, writes: bool) {
        if let Some(seen) = self.resources.get(&resource) {
            self.here.extend(&seen.write);
            if writes {
                self.here.extend(&seen.reads);
            }
        }
    }

    /// Leaves a resource that it has met.
    pub(crate) fn part(&mut self, resource: u64, writes: bool) {
        let seen = self.resources.entry(resource).or_default();
        if writes {
            seen.write.clone_from(&self.here);
            seen.reads.clear();
        } else {
            seen.reads.extend(&self.here);
        }
    }

    /// Takes note that the run has failed, for the first time.
    #[cfg(feature = "cli")]
    pub(crate) fn fail(&mut self) {
        self.failure.get_or_insert_with(|| self.here.clone());
    }

    /// Returns the events that the failure depends on directly, if it was told.
    pub(super) fn failure(&self) -> Option<Vec<usize>> {
        let failure = self.failure.as_ref()?;
        Some(failure.iter().map(|event| *event as usize).collect())
    }

    /// Forgets what only the rest of the run would have needed.
    pub(super) fn seal(&mut self) {
        let (of, failure) = (std::mem::take(&mut self.of), self.failure.take());
        *self = Self {
            of,
            failure,
            ..Self::default()
        };
    }

    /// Returns these events and all that they depend on.
    pub(super) fn past(&self, events: &[usize]) -> BTreeSet<usize> {
        let mut past = BTreeSet::new();
        let mut found: Vec<usize> = events.to_vec();
        while let Some(event) = found.pop() {
            if event < self.of.len() && past.insert(event) {
                found.extend(self.of[event].iter().map(|cause| *cause as usize));
            }
        }
        past
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_depends_on_the_write_and_not_on_other_reads() {
        let mut causes = Causes::default();
        for (task, writes) in [(1, true), (2, false), (3, false), (4, true)] {
            causes.begin_step(task);
            causes.meet(9, writes);
            causes.happen(Some(task));
            causes.part(9, writes);
        }
        assert_eq!(causes.past(&[2]), BTreeSet::from([0, 2]));
        assert_eq!(causes.past(&[3]), BTreeSet::from([0, 1, 2, 3]));
    }

    #[test]
    fn who_is_woken_depends_on_who_wakes() {
        let mut causes = Causes::default();
        causes.begin_step(1);
        causes.happen(Some(1));
        causes.wake(2);
        causes.begin_step(3);
        causes.happen(Some(3));
        causes.begin_step(2);
        causes.happen(Some(2));
        assert_eq!(causes.past(&[2]), BTreeSet::from([0, 2]));
    }
}
