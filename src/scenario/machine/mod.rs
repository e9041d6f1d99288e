//! Running a scenario.

use std::sync::Arc;

use super::model::Model;
use super::programs::Programs;
use super::record::{Record, RunOptions};

/// What has a state of its own: a task, a connection, a queue.
#[derive(Clone, Debug)]
pub(crate) enum Thing {}

/// Runs a scenario once.
pub(crate) fn run(_model: &Arc<Model>, _programs: &Programs, _options: &RunOptions) -> Record {
    unimplemented!("comes with the machine")
}
