//! Deadlocks: who waits for what, held by whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::time::Instant;

/// One task that can never go on.
///
/// ```
/// use simrun::sync::Event;
/// use simrun::{Sim, spawn};
///
/// let run = Sim::new().run(|| async {
///     let bell = Event::new().named("bell");
///     spawn(async move { bell.wait().await }).name("guest").await.unwrap();
/// });
/// let deadlock = run.failure().unwrap().deadlock().unwrap();
/// let [main, guest] = deadlock.blocked() else { panic!("two tasks wait") };
/// assert_eq!((&*guest.task, &*guest.waits), ("guest", "for event `bell`"));
/// assert_eq!((&*main.task, &*main.awaits), ("main", &["guest".to_owned()][..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The task's name.
    pub task: String,
    /// What it waits for, such as ``for lock `accounts` ``.
    pub waits: String,
    /// The names of the tasks that hold it, if it is something that can be held.
    pub held_by: Vec<String>,
    /// Where somebody waits who has been given it and has not been polled since, such as a future
    /// in a collection that nobody looks at, as `file:line:column`.
    pub given_to: Vec<String>,
    /// The names of the tasks it awaits.
    pub awaits: Vec<String>,
    /// Since when it has been waiting, if it waits for something that the loop knows.
    pub since: Option<Instant>,
    /// Where it was spawned, as `file:line:column`.
    pub spawned_at: String,
    /// Where it waits, as `file:line:column`; unknown for futures from other crates.
    pub waits_at: Option<String>,
}

impl Blocked {
    /// Goes through the names of the tasks that could let it go on.
    fn waits_for(&self) -> impl Iterator<Item = &str> {
        let tasks = self.held_by.iter().chain(&self.awaits);
        tasks.map(String::as_str)
    }
}

/// A moment at which nothing can ever happen again, and tasks are still waiting.
///
/// ```
/// use simrun::sync::Lock;
/// use simrun::{Sim, gather, spawn, task};
/// use std::sync::Arc;
///
/// let run = Sim::new().run(|| async {
///     let locks = [(); 2].map(|()| Arc::new(Lock::new(())));
///     let both = |first: usize, second: usize| {
///         let (first, second) = (locks[first].clone(), locks[second].clone());
///         spawn(async move {
///             let _first = first.acquire().await;
///             task::yield_now().await;
///             let _second = second.acquire().await;
///         })
///     };
///     gather([both(0, 1).name("ada"), both(1, 0).name("bob")]).await.unwrap();
/// });
/// let deadlock = run.failure().unwrap().deadlock().unwrap();
/// assert_eq!(deadlock.ring().unwrap(), ["ada", "bob"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deadlock {
    pub(crate) blocked: Vec<Blocked>,
}

impl Deadlock {
    /// Returns the blocked tasks, in the order in which they were spawned.
    pub fn blocked(&self) -> &[Blocked] {
        &self.blocked
    }

    /// Returns a ring of tasks each of which waits for the next, if there is one.
    pub fn ring(&self) -> Option<Vec<&str>> {
        // The first of those that share a name stands for it.
        let by_name: BTreeMap<&str, &Blocked> = self
            .blocked
            .iter()
            .rev()
            .map(|blocked| (blocked.task.as_str(), blocked))
            .collect();
        let mut seen = BTreeSet::new();
        for start in &self.blocked {
            let mut path = Vec::new();
            if seen.insert(start.task.as_str()) {
                path.push((start.task.as_str(), start.waits_for()));
            }
            while let Some((_, others)) = path.last_mut() {
                let Some(other) = others.next() else {
                    path.pop();
                    continue;
                };
                if !seen.insert(other) {
                    if let Some(first) = path.iter().position(|(task, _)| *task == other) {
                        return Some(path[first..].iter().map(|(task, _)| *task).collect());
                    }
                } else if let Some(blocked) = by_name.get(other) {
                    path.push((other, blocked.waits_for()));
                }
            }
        }
        None
    }

    /// Returns what makes two deadlocks the same: what is waited for, and where.
    pub(crate) fn signature(&self) -> String {
        let place = |blocked: &Blocked| match &blocked.waits_at {
            Some(at) => at.clone(),
            None => blocked.waits.clone(),
        };
        let mut places: Vec<String> = self.blocked.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        places.join(" + ")
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for blocked in &self.blocked {
            write!(f, "  {} waits {}", blocked.task, blocked.waits)?;
            if !blocked.held_by.is_empty() {
                write!(f, ", held by {}", blocked.held_by.join(" and "))?;
            }
            if let Some(since) = blocked.since {
                write!(f, ", since {since}")?;
            }
            writeln!(f)?;
            for wait in &blocked.given_to {
                writeln!(f, "      given to   the wait at {wait}, which nobody polls")?;
            }
            if let Some(at) = &blocked.waits_at {
                writeln!(f, "      waits at   {at}")?;
            }
            writeln!(f, "      spawned at {}", blocked.spawned_at)?;
        }
        if let Some(ring) = self.ring() {
            let first = ring.first().copied().unwrap_or_default();
            writeln!(f, "  they wait in a ring: {} -> {first}", ring.join(" -> "))?;
        }
        Ok(())
    }
}
