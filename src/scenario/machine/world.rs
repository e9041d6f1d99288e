//! What lies outside of tasks: hosts, links, faults.

use std::rc::Rc;
use std::sync::Arc;

use futures::future::LocalBoxFuture;

use super::Machine;
use super::frame::Frame;
use super::thing::TaskInfo;
use crate::scenario::model::Model;
use crate::scenario::tree::{HostIndex, Step};
use crate::scenario::value::{Error, Value};

/// The machines and the wire of a run.
pub(super) struct World {}

impl World {
    pub(super) fn new(_model: &Arc<Model>) -> Self {
        Self {}
    }
}

impl Machine {
    /// Makes the future that waits for the hosts.
    pub(super) fn hosts(
        self: &Rc<Self>,
        _info: &Rc<TaskInfo>,
    ) -> LocalBoxFuture<'static, Result<Value, Error>> {
        Box::pin(async { Ok(Value::None) })
    }

    /// Makes what the scenario says there is: links, hosts, files, the timeline.
    pub(super) fn build(self: &Rc<Self>) {}

    pub(super) fn clock(&self, _host: Option<HostIndex>) -> Result<Value, Error> {
        Ok(Value::None)
    }

    pub(super) fn open(&self, _name: &str) -> usize {
        0
    }

    pub(super) fn is_up(&self, _host: HostIndex) -> bool {
        true
    }
}

impl Frame {
    pub(super) fn world_at_once(&self, _step: &Step) -> Result<Value, Error> {
        Err(Error::invalid("not yet"))
    }

    pub(super) async fn world_waiting(&self, _step: &Step) -> Result<Value, Error> {
        Err(Error::invalid("not yet"))
    }
}
