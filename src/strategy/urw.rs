//! Uniform random walk: a task is chosen in proportion to the steps that it has left, so that all
//! interleavings are about equally likely.
//!
//! Zhao, Wolff, Mathur and Roychoudhury, ASPLOS 2025. A task that has much to do is not overtaken
//! by everyone merely because it goes as often as they do.

use std::sync::Arc;

use super::forecast::Forecast;
use super::weights::Weights;
use crate::event_loop::{Candidate, Choose, EntityId, Profile, Touch, Turn};

pub(super) struct Urw {
    forecast: Forecast,
    weights: Weights,
    shares: Vec<u64>,
}

impl Urw {
    pub(super) fn new(profile: Option<Arc<Profile>>) -> Self {
        let weights = profile.as_ref().map(|all| Weights::new(all, |_| true));
        Self {
            forecast: Forecast::new(profile),
            weights: weights.unwrap_or_default(),
            shares: Vec::new(),
        }
    }

    /// Returns how much a candidate and what it leads to have left.
    fn share(&mut self, candidate: Candidate) -> u64 {
        let task = candidate.task();
        self.weights
            .bear(task, |parent| self.forecast.position(parent));
        let left = self.weights.left(task, self.forecast.position(task));
        // A timer comes before the step that it leads to.
        let itself = u64::from(!candidate.is_step());
        (left + itself).max(1)
    }
}

impl Choose for Urw {
    fn choose(&mut self, turn: &mut Turn<'_>) -> usize {
        let mut shares = std::mem::take(&mut self.shares);
        shares.clear();
        shares.extend(turn.iter().map(|candidate| self.share(candidate)));
        let mut drawn = turn.stream().below(shares.iter().sum());
        let chosen = shares
            .iter()
            .position(|share| match drawn.checked_sub(*share) {
                Some(rest) => {
                    drawn = rest;
                    false
                }
                None => true,
            });
        self.shares = shares;
        chosen.expect("what is drawn is less than all shares")
    }

    fn keeps_order(&self) -> bool {
        false
    }

    fn wants_footprints(&self) -> bool {
        true
    }

    fn observe(&mut self, entity: EntityId, touches: &[Touch]) {
        self.forecast.observe(entity, touches);
    }
}
