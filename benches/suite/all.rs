//! All instances: 37 that need nothing but an order of steps, and 6 with time and the network.

use super::instance::Instance;
use super::{lists, locks, orders, races, timed};

/// Returns all of them, those with time last.
pub(crate) fn instances() -> Vec<Instance> {
    let mut all = races::instances();
    all.extend(locks::instances());
    all.extend(orders::instances());
    all.extend(lists::instances());
    all.sort_by(|one, other| one.name[..3].cmp(&other.name[..3]));
    all.extend(timed::instances());
    all
}

/// How many of them need time.
pub(crate) const TIMED: usize = 6;
