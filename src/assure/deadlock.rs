//! Deadlocks: who waits for what, held by whom.

use std::fmt;

use crate::time::Instant;

/// One task that can never go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The task's name.
    pub task: String,
    /// What it waits for, such as ``for lock `accounts` ``.
    pub waits: String,
    /// The names of the tasks that hold it, if it is something that can be held.
    pub held_by: Vec<String>,
    /// The names of the tasks it awaits.
    pub awaits: Vec<String>,
    /// Since when it has been waiting.
    pub since: Instant,
    /// Where it was spawned, as `file:line:column`.
    pub spawned_at: String,
    /// Where it waits, as `file:line:column`; unknown for futures from other crates.
    pub waits_at: Option<String>,
}

/// A moment at which nothing can ever happen again, and tasks are still waiting.
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
        let holder = |task: &str| {
            let blocked = self.blocked.iter().find(|blocked| blocked.task == task)?;
            blocked
                .held_by
                .iter()
                .chain(&blocked.awaits)
                .next()
                .map(String::as_str)
        };
        for start in &self.blocked {
            let mut ring = vec![start.task.as_str()];
            while let Some(next) = ring.last().and_then(|last| holder(last)) {
                if let Some(first) = ring.iter().position(|task| *task == next) {
                    return Some(ring.split_off(first));
                }
                ring.push(next);
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
            writeln!(f, ", since {}", blocked.since)?;
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
