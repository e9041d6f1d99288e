//! Who goes next: the strategies, one file each.

mod random;
mod replay;

use std::fmt;
use std::sync::Arc;

use crate::chance::Plan;
pub use crate::event_loop::{Access, Choose, EntityId, Touch, Turn};

/// A way to decide who goes next.
///
/// ```
/// use simrun::{Sim, Strategy};
///
/// let run = Sim::new().seed(7).strategy(Strategy::random()).run(|| async { 1 });
/// assert_eq!(run.strategy().to_string(), "random");
/// ```
#[derive(Clone)]
pub struct Strategy {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Fifo,
    Random,
    Replay(Arc<Plan>),
    Custom(&'static str, Arc<Make>),
}

/// Makes a chooser for the run of a seed.
type Make = dyn Fn(u64) -> Box<dyn Choose> + Send + Sync;

impl Strategy {
    /// First in, first out: asyncio's own order.
    pub fn fifo() -> Self {
        Self { kind: Kind::Fifo }
    }

    /// Any of those who may go next, each equally likely.
    pub fn random() -> Self {
        Self { kind: Kind::Random }
    }

    /// The decisions of a plan; where it says nothing, first in, first out.
    pub fn replay(plan: Plan) -> Self {
        Self {
            kind: Kind::Replay(Arc::new(plan)),
        }
    }

    /// A strategy of one's own: `make` is given the seed and makes one for each run.
    pub fn custom(
        name: &'static str,
        make: impl Fn(u64) -> Box<dyn Choose> + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind: Kind::Custom(name, Arc::new(make)),
        }
    }

    /// Returns the plan that is replayed, if it is that strategy.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match &self.kind {
            Kind::Replay(plan) => Some(plan),
            _ => None,
        }
    }

    /// Makes the chooser for one run; first in, first out needs none.
    pub(crate) fn chooser(&self, seed: u64) -> Option<Box<dyn Choose>> {
        match &self.kind {
            Kind::Fifo => None,
            Kind::Random => Some(Box::new(random::Random)),
            Kind::Replay(_) => Some(Box::new(replay::Replay)),
            Kind::Custom(_, make) => Some(make(seed)),
        }
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self::fifo()
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Fifo => "fifo",
            Kind::Random => "random",
            Kind::Replay(_) => "replay",
            Kind::Custom(name, _) => name,
        })
    }
}

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strategy({self})")
    }
}
