//! Who goes next: the strategies, one file each.
//!
//! Whenever more than one step could be made, the strategy of the run decides. A seed gives it its
//! random words, so a strategy and a seed name one run. No strategy finds everything:
//!
//! - [`fifo`](Strategy::fifo) is asyncio's own order: one run, the same for every seed. It is where
//!   plans and profiles begin, and shows what happens in production on an idle machine.
//! - [`random`](Strategy::random) takes anyone, each equally likely. Every schedule has a chance,
//!   with *n* tasks and *k* choices one of *n*^-*k* at least. It needs to know nothing, costs
//!   least, and finds what a few arbitrary switches show; never what needs a task to be far behind.
//! - [`pct`](Strategy::pct) gives tasks priorities and changes a few of them at random moments. A
//!   bug of depth *d* is found with probability 1/(*n*·*k*^(*d*-1)) at least: few switches, far
//!   apart.
//! - [`pos`](Strategy::pos) gives steps priorities, and draws those anew that race with what was
//!   done. It finds races among much that does not matter to them, as every partial order has a
//!   chance.
//! - [`urw`](Strategy::urw) weighs tasks by what they have left to do. All interleavings are
//!   equally likely, if nothing blocks: races between tasks of very unequal lengths.
//! - [`surw`](Strategy::surw) does so for the steps that touch one resource, drawn for each run. It
//!   does not mind how long the program is beside that, and finds most bugs soonest.
//! - [`starve`](Strategy::starve) lets time pass while one task is held: leases, timeouts and
//!   heartbeats that a slow task misses. Nothing else finds those.
//! - [`cancel_sweep`](Strategy::cancel_sweep) cancels each task at each of its awaits, one a seed:
//!   what a cancellation leaves half done.
//! - [`portfolio`](Strategy::portfolio) is all of them but the last: each seed names one.
//!
//! *Depth* is how many constraints on the order of steps a bug needs: most need one or two.
//!
//! The portfolio is the one to take if nothing is known of the program. Its seed 0 is asyncio's own
//! order, which is also where a [`Profile`] comes from: `pct`, `pos`, `urw`, `surw` and `starve`
//! plan ahead, and do that better if they are told what a few runs of the program have shown.
//! Without one they work with what they learn in the run itself: `pos` expects a task to touch what
//! it has touched last, `surw` does as `pos`, `urw` as `random`, and `pct` and `starve` guess the
//! length of the run.
//!
//! ```
//! use simrun::sync::Tracked;
//! use simrun::{Sim, Strategy, spawn, task};
//! use std::sync::Arc;
//!
//! /// Two deposits, one of which may be lost.
//! async fn deposits() {
//!     let balance = Arc::new(Tracked::new(0));
//!     let deposit = |sum| {
//!         let balance = balance.clone();
//!         spawn(async move {
//!             let before = balance.read(|balance| *balance);
//!             task::yield_now().await;
//!             balance.write(|balance| *balance = before + sum);
//!         })
//!     };
//!     let (one, other) = (deposit(1), deposit(2));
//!     one.await.unwrap();
//!     other.await.unwrap();
//!     assert_eq!(balance.read(|balance| *balance), 3);
//! }
//!
//! let first = Sim::new().profile(true).run(deposits);
//! let strategy = Strategy::portfolio().with_profile(first.profile().unwrap().clone());
//! let sim = Sim::new().strategy(strategy);
//! let found = (1..20).find(|seed| sim.clone().seed(*seed).run(deposits).failure().is_some());
//! assert!(found.is_some());
//! ```
//!
//! # A strategy of one's own
//!
//! [`Choose`] is the trait of all of them, and [`Strategy::custom`] takes whatever implements it. A
//! strategy draws only from the [stream](Turn::stream) that it is given.

mod forecast;
mod pct;
mod portfolio;
mod pos;
mod random;
mod replay;
mod starve;
mod surw;
mod text;
mod urw;
mod weights;

use std::fmt;
use std::sync::Arc;

use crate::chance::{Choice, Freedom, Plan, TaskPath};
pub use crate::event_loop::{Access, Candidate, Choose, EntityId, Profile, Touch, Turn};
pub use text::ParseStrategyError;

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
    profile: Option<Arc<Profile>>,
}

#[derive(Clone)]
enum Kind {
    Fifo,
    Random,
    Pct(Option<u32>),
    Pos,
    Urw,
    Surw,
    Starve,
    Portfolio,
    CancelSweep,
    Cancel(TaskPath, u32),
    Replay(Arc<Plan>, Freedom),
    Custom(&'static str, Arc<Make>),
}

/// Makes a chooser for the run of a seed.
type Make = dyn Fn(u64) -> Box<dyn Choose> + Send + Sync;

impl Strategy {
    /// First in, first out: asyncio's own order.
    pub fn fifo() -> Self {
        Kind::Fifo.into()
    }

    /// Any of those who may go next, each equally likely.
    pub fn random() -> Self {
        Kind::Random.into()
    }

    /// Probabilistic concurrency testing: random priorities, and up to four moments at which the
    /// first becomes the last. How many is drawn for each run.
    pub fn pct() -> Self {
        Kind::Pct(None).into()
    }

    /// The same for bugs of this depth: with one moment less than that.
    ///
    /// # Panics
    ///
    /// If the depth is 0: even a bug that shows in every run has depth 1.
    #[track_caller]
    pub fn pct_with_depth(depth: u32) -> Self {
        assert!(depth > 0, "no bug has depth 0: say 1 or more");
        Kind::Pct(Some(depth)).into()
    }

    /// Partial order sampling: random priorities of steps, drawn anew for those that race with the
    /// step that was made.
    pub fn pos() -> Self {
        Kind::Pos.into()
    }

    /// Uniform random walk: each in proportion to the steps that it and those it will spawn have
    /// left. It needs a [profile](Self::with_profile).
    pub fn urw() -> Self {
        Kind::Urw.into()
    }

    /// Selectively uniform random walk: the orders of what touches one resource, which is drawn for
    /// each run, are equally likely. It needs a [profile](Self::with_profile).
    pub fn surw() -> Self {
        Kind::Surw.into()
    }

    /// Timed starvation: one task is held for a while of virtual time, from a millisecond to two
    /// minutes, so that timeouts fire against it.
    ///
    /// ```
    /// use simrun::time::{millis, secs, sleep, timeout};
    /// use simrun::{Sim, Strategy, task};
    ///
    /// /// Work that takes no time: under any other strategy it is never late.
    /// async fn work() -> bool {
    ///     let work = async {
    ///         for _ in 0..3 {
    ///             task::yield_now().await;
    ///         }
    ///     };
    ///     timeout(secs(1), simrun::spawn(work)).await.is_err()
    /// }
    ///
    /// let late = |strategy: Strategy| {
    ///     let sim = Sim::new().strategy(strategy);
    ///     (0..100).filter(|seed| sim.clone().seed(*seed).run(work).unwrap()).count()
    /// };
    /// assert_eq!(late(Strategy::random()), 0);
    /// assert!(late(Strategy::starve()) > 5);
    /// ```
    pub fn starve() -> Self {
        Kind::Starve.into()
    }

    /// Each seed names one of the others: first in, first out is seed 0, and of the rest `surw` has
    /// 40 %, `pos` 20 %, `pct` and `starve` 15 % each, and `random` 10 %.
    pub fn portfolio() -> Self {
        Kind::Portfolio.into()
    }

    /// Cancels one task at one of its awaits, and leaves all else in asyncio's order: the seed says
    /// which of the [awaits](Profile::awaits) in the profile it is. It needs a
    /// [profile](Self::with_profile): without one, nothing is cancelled.
    ///
    /// ```
    /// use simrun::sync::Tracked;
    /// use simrun::{Sim, Strategy, spawn, task};
    /// use std::sync::Arc;
    ///
    /// /// Says whether money that was taken from one account has come to the other.
    /// async fn transfer() -> bool {
    ///     let accounts = Arc::new(Tracked::new((100, 0)));
    ///     let shared = accounts.clone();
    ///     let transfer = spawn(async move {
    ///         task::yield_now().await;
    ///         shared.write(|(from, _)| *from -= 10);
    ///         task::yield_now().await;
    ///         shared.write(|(_, to)| *to += 10);
    ///     });
    ///     let _ = transfer.await;
    ///     accounts.read(|(from, to)| from + to == 100)
    /// }
    ///
    /// let first = Sim::new().profile(true).run(transfer);
    /// let profile = first.profile().unwrap();
    /// let sim = Sim::new().strategy(Strategy::cancel_sweep().with_profile(profile.clone()));
    /// let kept = |seed| sim.clone().seed(seed).run(transfer).unwrap();
    /// let awaits = profile.awaits().count() as u64;
    /// assert_eq!((0..awaits).map(kept).collect::<Vec<_>>(), [true, false]);
    /// ```
    pub fn cancel_sweep() -> Self {
        Kind::CancelSweep.into()
    }

    /// Cancels a task when its `step`-th step, counted from 1, has suspended it.
    pub fn cancel_at(task: TaskPath, step: u32) -> Self {
        Kind::Cancel(task, step).into()
    }

    /// The decisions of a plan; where it says nothing, first in, first out.
    pub fn replay(plan: Plan) -> Self {
        Kind::Replay(Arc::new(plan), Freedom::None).into()
    }

    /// The decisions of a plan, but for a part that is left to the seed.
    pub(crate) fn replay_freely(plan: Plan, freedom: Freedom) -> Self {
        Kind::Replay(Arc::new(plan), freedom).into()
    }

    /// A strategy of one's own: `make` is given the seed and makes one for each run.
    ///
    /// [`Choose`] has examples.
    pub fn custom(
        name: &'static str,
        make: impl Fn(u64) -> Box<dyn Choose> + Send + Sync + 'static,
    ) -> Self {
        Kind::Custom(name, Arc::new(make)).into()
    }

    /// Tells the strategy what a run of the program has shown.
    ///
    /// A run is then named by its seed, the strategy and the profile; and the profile by the
    /// program, for it comes from a run of it.
    pub fn with_profile(mut self, profile: Arc<Profile>) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Says whether the strategy plans ahead, and has not been told yet what it could know.
    ///
    /// ```
    /// use simrun::Strategy;
    ///
    /// assert!(Strategy::portfolio().wants_profile());
    /// assert!(!Strategy::random().wants_profile());
    /// assert!(!Strategy::surw().with_profile(Default::default()).wants_profile());
    /// ```
    pub fn wants_profile(&self) -> bool {
        let plans = match self.kind {
            Kind::Pct(_)
            | Kind::Pos
            | Kind::Urw
            | Kind::Surw
            | Kind::Starve
            | Kind::Portfolio
            | Kind::CancelSweep => true,
            Kind::Fifo | Kind::Random | Kind::Cancel(..) | Kind::Replay(..) | Kind::Custom(..) => {
                false
            }
        };
        plans && self.profile.is_none()
    }

    /// Returns the strategy by which a seed is run: the same, unless this is the portfolio.
    ///
    /// ```
    /// use simrun::Strategy;
    ///
    /// assert_eq!(Strategy::portfolio().of_seed(0).to_string(), "fifo");
    /// assert_eq!(Strategy::pos().of_seed(0).to_string(), "pos");
    /// ```
    pub fn of_seed(&self, seed: u64) -> Self {
        let kind = match &self.kind {
            Kind::Portfolio => portfolio::of_seed(seed),
            kind => kind.clone(),
        };
        Self {
            kind,
            profile: self.profile.clone(),
        }
    }

    /// Returns the plan that is replayed, if it is that strategy.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match &self.kind {
            Kind::Replay(plan, _) => Some(plan),
            _ => None,
        }
    }

    /// Returns how much of the plan is left to the seed.
    pub(crate) fn freedom(&self) -> Freedom {
        match self.kind {
            Kind::Replay(_, freedom) => freedom,
            _ => Freedom::None,
        }
    }

    /// Returns the task that is cancelled in the run of a seed, and after which of its steps.
    pub(crate) fn cancels(&self, seed: u64) -> Option<(TaskPath, u32)> {
        match &self.kind {
            Kind::Cancel(task, step) => Some((task.clone(), *step)),
            Kind::CancelSweep => {
                let profile = self.profile.as_ref()?;
                let awaits = profile.awaits().count() as u64;
                let nth = seed.checked_rem(awaits)?;
                let (task, step) = profile.awaits().nth(nth as usize)?;
                Some((task.clone(), step))
            }
            _ => None,
        }
    }

    /// Makes the chooser for one run; first in, first out needs none.
    pub(crate) fn chooser(&self, seed: u64) -> Option<Box<dyn Choose>> {
        let profile = || self.profile.clone();
        match &self.kind {
            Kind::Fifo | Kind::CancelSweep | Kind::Cancel(..) => None,
            Kind::Random => Some(Box::new(random::Random)),
            Kind::Pct(depth) => Some(Box::new(pct::Pct::new(*depth, self.profile.as_ref()))),
            Kind::Pos => Some(Box::new(pos::Pos::new(profile()))),
            Kind::Urw => Some(Box::new(urw::Urw::new(profile()))),
            Kind::Surw => Some(Box::new(surw::Surw::new(profile()))),
            Kind::Starve => Some(Box::new(starve::Starve::new(profile()))),
            Kind::Portfolio => self.of_seed(seed).chooser(seed),
            Kind::Replay(plan, _) => {
                let waits = plan.iter().any(|(_, choice)| *choice == Choice::Time);
                Some(Box::new(replay::Replay { waits }))
            }
            Kind::Custom(_, make) => Some(make(seed)),
        }
    }
}

impl From<Kind> for Strategy {
    fn from(kind: Kind) -> Self {
        let profile = None;
        Self { kind, profile }
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self::fifo()
    }
}

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strategy({self})")
    }
}
