//! Which of two plans is the simpler: the one with fewer of what is stranger.
//!
//! Faults weigh most, for a failure that needs none is the program's own. Then cancellations, then
//! switches between tasks, then what the program drew; after that smaller numbers, less virtual
//! time, and at last the shorter text, so that no two plans are equal.

use crate::chance::{Choice, Plan, Site};
use crate::time::Instant;

/// What kind of thing a decision makes happen, the strangest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Fault,
    Packet,
    Cancel,
    Switch,
    Draw,
}

impl Class {
    pub(super) const ALL: [Self; 5] = [
        Self::Fault,
        Self::Packet,
        Self::Cancel,
        Self::Switch,
        Self::Draw,
    ];

    pub(super) fn of(site: &Site) -> Self {
        match site {
            Site::Fault { .. } => Self::Fault,
            Site::Packet { .. } => Self::Packet,
            Site::Cancel { .. } => Self::Cancel,
            Site::Schedule { .. } => Self::Switch,
            Site::User { .. } => Self::Draw,
        }
    }
}

/// The cost of a plan and its run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    of_class: [usize; Class::ALL.len()],
    numbers: u128,
    time: Instant,
    length: usize,
    text: String,
}

impl Cost {
    pub(super) fn of(plan: &Plan, time: Instant) -> Self {
        let count = |class| {
            plan.iter()
                .filter(|(site, _)| Class::of(site) == class)
                .count()
        };
        let number = |choice: &Choice| match choice {
            Choice::Number(number) => u128::from(*number),
            _ => 0,
        };
        let text = plan.to_string();
        Self {
            of_class: Class::ALL.map(count),
            numbers: plan.iter().map(|(_, choice)| number(choice)).sum(),
            time,
            length: text.len(),
            text,
        }
    }

    /// Says whether a plan asks for no more than another, wherever its decisions stand.
    pub(super) fn is_no_worse_than(&self, other: &Self) -> bool {
        (self.of_class, self.numbers, self.time) <= (other.of_class, other.numbers, other.time)
    }
}

/// Counts the faults, what happens to packets, and the cancellations.
#[cfg(feature = "proptest")]
pub(super) fn strange(plan: &Plan) -> [usize; 3] {
    [Class::Fault, Class::Packet, Class::Cancel].map(|class| {
        let sites = plan.iter().map(|(site, _)| site);
        sites.filter(|site| Class::of(site) == class).count()
    })
}

/// Returns the decisions of a plan about in the order in which they come up: by how far their
/// tasks have come. Those that are neighbours in it are dropped together.
pub(super) fn in_order(plan: &Plan) -> Vec<(Site, Choice)> {
    let mut decisions: Vec<(Site, Choice)> = plan
        .iter()
        .map(|(site, choice)| (site.clone(), choice.clone()))
        .collect();
    decisions.sort_by_key(|(site, _)| match site {
        Site::Schedule { step, since, .. } => (u64::from(*step), *since),
        Site::Cancel { step, .. } => (u64::from(*step), 0),
        Site::User { nth, .. } | Site::Fault { nth, .. } => (u64::from(*nth), 0),
        Site::Packet { nth, .. } => (*nth, 0),
    });
    decisions
}

/// Makes a plan of decisions.
pub(super) fn plan_of<'a>(decisions: impl IntoIterator<Item = &'a (Site, Choice)>) -> Plan {
    let mut plan = Plan::new();
    for (site, choice) in decisions {
        plan.insert(site.clone(), choice.clone());
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_weighs_more_than_many_switches() {
        let cost = |decisions: &str| {
            let plan = format!("simrun plan 1\n{decisions}").parse().unwrap();
            Cost::of(&plan, Instant::default())
        };
        let fault = cost("fault main#0 crash -> 1\n");
        let switches = cost("schedule main#1 -> task main/1\nschedule main#2 -> task main/1\n");
        assert!(switches < fault);
        assert!(cost("") < switches);
        assert!(cost("user main#0 x -> 1\n") < cost("user main#0 x -> 2\n"));
    }
}
