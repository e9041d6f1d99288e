//! Statements with a body of their own: it is run inside a lock, a timeout or a task group.

use simrun::task::{self, TaskGroup};
use simrun::time::Timeout;

use super::blocking::received;
use super::body::{Body, Flow, raising};
use super::program::{Block, Statement};
use super::value::Exc;

impl Body {
    /// Runs a scope, or returns `None` if the statement is not one. An exception that a handler
    /// around it has caught is not known inside.
    pub(super) async fn scope(&self, statement: &Statement) -> Option<Result<Flow, Exc>> {
        Some(match statement {
            Statement::With { id, o, body } => self.with(*id, o, body).await,
            Statement::Timeout { tid, ns, body, .. } => {
                let timeout = Timeout::after(ns.map(|limit| limit.0));
                let timeouts = &self.machine.timeouts;
                timeouts.borrow_mut().insert(tid.clone(), timeout.clone());
                let body = raising(self.block(body, None));
                received(timeout.enforce(body))
                    .await
                    .and_then(|result| result?)
            }
            Statement::Group { gid, body, .. } => {
                let body = |group: TaskGroup| {
                    let groups = &self.machine.groups;
                    groups.borrow_mut().insert(gid.clone(), group);
                    raising(self.block(body, None))
                };
                received(task::try_group(body))
                    .await
                    .and_then(|result| Ok(result?))
            }
            _ => return None,
        })
    }

    async fn with(&self, id: u32, object: &str, body: &Block) -> Result<Flow, Exc> {
        let lockable = self.machine.lockable(object);
        received(lockable.acquire()).await?;
        self.log(&format!("enter#{id}"));
        let result = self.block(body, None).await;
        lockable.release()?;
        result
    }
}
