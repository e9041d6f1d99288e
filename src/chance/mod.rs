//! The only source of randomness. Everything that could go one way or another in a run is a
//! *decision*: taken at a [`Site`], from a set of alternatives of which one is the default,
//! meaning that nothing special happens. A seed draws decisions, a [`Plan`] repeats them.
//!
//! A program that needs a random number takes it from here, under a label that says what it is for:
//! [`below`], [`chance()`], [`duration_between`], [`shuffle`]. Then it is the same in every run of
//! the seed, and a plan can name it:
//!
//! ```
//! use simrun::chance::{self, Plan};
//! use simrun::{Sim, Strategy};
//!
//! async fn program() -> (u64, bool) {
//!     (chance::below("replica", 3), chance::chance("retry", 0.5))
//! }
//!
//! let sim = Sim::new().write_plan(true);
//! let drawn = sim.clone().seed(7).run(program);
//! assert_eq!(drawn.value(), sim.seed(7).run(program).value());
//!
//! let again = Sim::new().seed(8).strategy(Strategy::replay(drawn.plan().clone()));
//! assert_eq!(drawn.value(), again.run(program).value(), "whatever the seed");
//!
//! let edited: Plan = "simrun plan 1\nuser main#0 replica -> 2\n".parse().unwrap();
//! let run = Sim::new().strategy(Strategy::replay(edited)).run(program);
//! assert_eq!(run.unwrap(), (2, false), "what a plan does not mention takes its default");
//! ```
//!
//! # Sites
//!
//! A site is named by what is near it, never by a count of the whole run: the [path](TaskPath) of
//! the task, a label, and how often that task has come by. So a decision that is left out leaves
//! the others where they are, which is what makes plans short and keeps them readable.
//!
//! | site | decides | default |
//! |---|---|---|
//! | `schedule` | who goes next | asyncio's order |
//! | `user` | what the program draws | 0, `false`, the shortest, the order there is |
//! | `fault` | whether something goes wrong | no |
//! | `cancel` | whether a task is cancelled at an await | no |
//! | `packet` | what happens to a packet | it arrives, in the least time |
//!
//! # What goes wrong
//!
//! - **Other generators**, such as `rand::rng()`, and the order of a `HashMap` differ from run to
//!   run; [`Sim::check_determinism`](crate::Sim::check_determinism) shows where. A generator of
//!   `rand`'s may be used if its seed is drawn here.
//! - **Who draws first** gets the seed's next number, so in another schedule two tasks may change
//!   roles. In a plan they do not: each has a count of its own for each label.

mod decision;
mod draw;
mod path;
mod plan;
mod stream;

pub(crate) use decision::{Alternatives, Decision, Freedom};
pub use draw::{below, chance, duration_between, shuffle};
pub(crate) use draw::{decide, decide_fault, decide_fault_with, decide_packet};
pub use path::{ParsePathError, TaskPath};
pub(crate) use path::{ROOT_HASH, child_hash};
pub(crate) use plan::SiteKey;
pub use plan::{Choice, ParsePlanError, Plan, Site};
pub use stream::{Domain, Stream};

use std::collections::BTreeMap;

/// Mixes one word into a hash: two instructions of latency, good enough to tell runs apart.
#[inline]
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The chance of one run: its streams, the plan it follows and the plan it writes down.
pub(crate) struct Chance {
    seed: u64,
    /// Opened when they are first drawn from.
    streams: [Option<Box<Stream>>; Domain::COUNT],
    follows: Option<Follow>,
    written: Option<Plan>,
    /// What is known of the decisions that were written down, if the run is recorded.
    decisions: Vec<Decision>,
    /// How many events were recorded, if they are.
    moment: Option<usize>,
    freedom: Freedom,
    /// The one await at which a strategy cancels a task.
    cancels: Option<SiteKey>,
}

/// A plan being followed: those of its decisions that were not taken yet.
struct Follow {
    choices: BTreeMap<SiteKey, (Site, Choice)>,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            streams: [const { None }; Domain::COUNT],
            follows: None,
            written: None,
            decisions: Vec::new(),
            moment: None,
            freedom: Freedom::None,
            cancels: None,
        }
    }

    /// Takes every decision from `plan`, the default where it says nothing.
    pub(crate) fn follow(&mut self, plan: &Plan) {
        let entry = |(site, choice): (&Site, &Choice)| (site.key(), (site.clone(), choice.clone()));
        self.follows = Some(Follow {
            choices: plan.iter().map(entry).collect(),
        });
    }

    /// Leaves part of what the plan says to the seed.
    pub(crate) fn set_free(&mut self, freedom: Freedom) {
        self.freedom = freedom;
        self.end_step_if(0);
    }

    /// Counts a step that has ended: the plan may be over with it.
    pub(crate) fn end_step(&mut self) {
        self.end_step_if(1);
    }

    fn end_step_if(&mut self, ended: u64) {
        if let Freedom::After(left) = &mut self.freedom {
            *left = left.saturating_sub(ended);
            if *left == 0 {
                self.follows = None;
            }
        }
    }

    /// Draws among so many alternatives at a site that is left to the seed.
    pub(crate) fn draw_freely(&mut self, site: SiteKey, alternatives: u64) -> Option<u64> {
        let (least, most) = match self.freedom {
            Freedom::At(free, least, most) if free == site => (least, most),
            Freedom::After(0) => (0, u64::MAX),
            _ => return None,
        };
        let end = alternatives.min(most.saturating_add(1));
        let rest = end.checked_sub(least).filter(|rest| *rest > 0)?;
        let drawn = least + self.stream(Domain::Schedule).below(rest);
        self.meet(site);
        Some(drawn)
    }

    /// Says that so many events were recorded.
    pub(crate) fn tell_moment(&mut self, events: usize) {
        self.moment = Some(events);
    }

    /// Cancels the task at this path when this step of its own has suspended it.
    pub(crate) fn cancel_at(&mut self, task: &TaskPath, step: u32) {
        self.cancels = Some(SiteKey::cancel(task.hash(), step));
    }

    /// Says whether a suspended task may have to be cancelled.
    pub(crate) fn may_cancel(&self) -> bool {
        let plans = |follow: &Follow| {
            let mut sites = follow.choices.values();
            sites.any(|(site, _)| matches!(site, Site::Cancel { .. }))
        };
        self.cancels.is_some() || self.follows.as_ref().is_some_and(plans)
    }

    /// Decides whether a task is cancelled at the await that it has come to.
    pub(crate) fn decide_cancel(
        &mut self,
        task: u64,
        step: u32,
        path: impl FnOnce() -> TaskPath,
    ) -> bool {
        let site = SiteKey::cancel(task, step);
        let cancels = match self.planned(site) {
            Some(Choice::Number(1)) => {
                self.meet(site);
                true
            }
            Some(_) => false,
            None => self.cancels == Some(site),
        };
        if cancels {
            let site = || Site::Cancel { task: path(), step };
            self.note(2.into(), || (site(), Choice::Number(1)));
        }
        cancels
    }

    /// Writes down the decisions that differ from their defaults.
    pub(crate) fn write_plan(&mut self) {
        self.written = Some(Plan::new());
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.written.is_some()
    }

    pub(crate) fn is_following(&self) -> bool {
        self.follows.is_some()
    }

    #[inline]
    pub(crate) fn stream(&mut self, domain: Domain) -> &mut Stream {
        let seed = self.seed;
        self.streams[domain as usize].get_or_insert_with(|| Box::new(Stream::new(seed, domain)))
    }

    /// Looks up what the followed plan decides here.
    pub(crate) fn planned(&self, site: SiteKey) -> Option<&Choice> {
        let (_, choice) = self.follows.as_ref()?.choices.get(&site)?;
        Some(choice)
    }

    /// Marks a decision of the followed plan as met: it was taken.
    pub(crate) fn meet(&mut self, site: SiteKey) {
        if let Some(follow) = &mut self.follows {
            follow.choices.remove(&site);
        }
    }

    /// Writes a decision down, if anyone asked for the plan.
    pub(crate) fn note(
        &mut self,
        alternatives: Alternatives,
        decision: impl FnOnce() -> (Site, Choice),
    ) {
        if let Some(plan) = &mut self.written {
            let (site, choice) = decision();
            if let Some(moment) = self.moment {
                self.decisions.push(Decision {
                    site: site.clone(),
                    moment,
                    alternatives,
                });
            }
            plan.insert(site, choice);
        }
    }

    /// Returns the decisions of the followed plan whose site never came up, or whose choice was
    /// not possible there: the sites at which the program has left the plan.
    pub(crate) fn unmet(&self) -> Vec<Site> {
        let choices = self
            .follows
            .iter()
            .flat_map(|follow| follow.choices.values());
        choices.map(|(site, _)| site.clone()).collect()
    }

    pub(crate) fn take_plan(&mut self) -> Option<Plan> {
        self.written.take()
    }

    /// Takes what is known of the decisions of a recorded run, in the order in which they came up.
    pub(crate) fn take_decisions(&mut self) -> Vec<Decision> {
        std::mem::take(&mut self.decisions)
    }
}
