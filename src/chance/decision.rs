//! What is known of a decision beside its choice, and how much of a plan is left to chance.

use super::{Site, SiteKey};

/// How many alternatives a decision has, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alternatives {
    pub(crate) count: u64,
    /// If they are lengths of time: the shortest, in nanoseconds, to which the number is added.
    pub(crate) shortest: Option<u64>,
}

impl Alternatives {
    /// Lengths of time.
    pub(crate) fn lengths(shortest: u64, count: u64) -> Self {
        let shortest = Some(shortest);
        Self { count, shortest }
    }
}

impl From<u64> for Alternatives {
    fn from(count: u64) -> Self {
        let shortest = None;
        Self { count, shortest }
    }
}

/// A decision of a recorded run that differs from its default.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) site: Site,
    /// How many events came before it.
    pub(crate) moment: usize,
    pub(crate) alternatives: Alternatives,
}

/// How much of a plan is left to the seed when it is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Freedom {
    /// Nothing.
    #[default]
    None,
    /// What is decided at one site: any alternative between these, both included.
    At(SiteKey, u64, u64),
    /// Everything after so many steps of tasks.
    After(u64),
}
