//! What a campaign is made of: a scenario, and the strategies by which it is run.

use std::sync::Arc;

use crate::explore::Explorer;
use crate::scenario::Programs;
use crate::scenario::machine;
use crate::scenario::model::Model;
use crate::{Run, Sim, Strategy};

/// So many runs shrink a failure at most, where real time must make no difference.
const REPLAYS: u64 = 5_000;

/// A scenario, and how it is explored.
pub(super) struct Work {
    pub(super) model: Arc<Model>,
    pub(super) programs: Programs,
    /// Seeds take turns with them.
    pub(super) strategies: Vec<Strategy>,
    /// Real time makes no difference to what is told, not even to how short a failure becomes.
    pub(super) is_steady: bool,
}

impl Work {
    /// Makes a run.
    pub(super) fn run(&self, sim: &Sim) -> Run<()> {
        machine::run_under(sim, &self.model, &self.programs)
    }

    /// Makes a campaign with nothing set but what follows from the scenario.
    pub(super) fn explorer(&self) -> Explorer {
        let strategies = self.strategies.clone();
        let explorer = Explorer::new()
            .sim(machine::sim_of(&self.model))
            .without_regressions()
            .strategies(move |seed| {
                let place = seed % strategies.len() as u64;
                strategies[place as usize].clone()
            });
        match self.is_steady {
            true => explorer.replays(REPLAYS),
            false => explorer,
        }
    }

    /// Says whether there may be code in it that nothing here can end.
    pub(super) fn has_foreign_code(&self) -> bool {
        let text = &self.model.source.text;
        self.programs.names().any(|name| text.contains(name))
    }
}
