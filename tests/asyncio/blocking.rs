//! Statements that may suspend.

use std::collections::BTreeSet;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::Either;
use simrun::task::{self, Task, Until};
use simrun::thread;
use simrun::time::{self, Timeout};

use super::body::{Body, coroutine, raising};
use super::immediate::NO_HANDLE;
use super::machine::{Handle, Waitable};
use super::program::{Awaitable, Block, Mode, Nanos, Statement};
use super::value::{Exc, Value};

/// Awaits something; a cancellation is received as an exception.
pub(super) async fn received<T>(future: impl Future<Output = T>) -> Result<T, Exc> {
    task::cancellable(future).await.map_err(Exc::Cancelled)
}

/// What a name stands for, or a coroutine.
type Found<'a> = Result<Handle, (&'a str, &'a Block)>;

impl Body {
    /// Runs a blocking statement.
    pub(super) async fn blocking(&self, statement: &Statement) -> Result<Value, Exc> {
        let machine = &self.machine;
        match statement {
            Statement::Await { h, .. } => match machine.handle(h) {
                Some(handle) => Ok(received(handle.join()).await??),
                None => Ok(NO_HANDLE.into()),
            },
            Statement::Sleep { ns, .. } => received(time::sleep(ns.0)).await.map(Value::from),
            Statement::Gather { aws, rexc, .. } => self.gather(aws, *rexc).await,
            Statement::Wait {
                hs, mode, timeout, ..
            } => self.wait(hs, *mode, *timeout).await,
            Statement::WaitFor { aw, timeout, .. } => self.wait_for(aw, *timeout).await,
            Statement::Shield { aw, .. } => match self.handle(aw) {
                Some(handle) => Ok(received(task::shield(handle.waitable())).await??),
                None => Ok(NO_HANDLE.into()),
            },
            Statement::AsCompleted {
                id, aws, timeout, ..
            } => self.as_completed(*id, aws, *timeout).await,
            Statement::Acquire { o, .. } => {
                received(machine.lockable(o).acquire()).await?;
                Ok(true.into())
            }
            Statement::EventWait { o, .. } => {
                received(machine.event(o).wait()).await?;
                Ok(true.into())
            }
            Statement::ConditionWait { o, .. } => {
                let waited = received(machine.condition(o).wait()).await?;
                waited.map(|()| true.into()).map_err(|_| Exc::Runtime)
            }
            Statement::ConditionWaitFor { o, var, ge, .. } => {
                let enough = || machine.variable(var) >= *ge;
                let waited = received(machine.condition(o).wait_for(enough)).await?;
                waited.map(|()| true.into()).map_err(|_| Exc::Runtime)
            }
            Statement::Put { o, val, .. } => {
                received(machine.queue(o).put(*val)).await?.map(Value::from)
            }
            Statement::Get { o, .. } => received(machine.queue(o).get()).await?.map(Value::from),
            Statement::JoinQueue { o, .. } => {
                received(machine.queue(o).join()).await.map(Value::from)
            }
            Statement::BarrierWait { o, .. } => {
                let arrived = received(machine.barrier(o).wait()).await?;
                arrived.map(Value::from).map_err(|_| Exc::BrokenBarrier)
            }
            Statement::BarrierReset { o, .. } => {
                received(machine.barrier(o).reset()).await.map(Value::from)
            }
            Statement::BarrierAbort { o, .. } => {
                received(machine.barrier(o).abort()).await.map(Value::from)
            }
            Statement::Exec { id, ns, val, exc } => {
                let result = match exc {
                    Some(name) => Err(Exc::User(name.clone())),
                    None => Ok(val.map_or(Value::None, Value::from)),
                };
                Ok(received(self.job(*id, *ns, result)).await??)
            }
            _ => panic!("{} cannot be run", statement.site()),
        }
    }

    /// Has a thread take some time, and then write a line.
    fn job(&self, id: u32, ns: Nanos, result: Result<Value, Exc>) -> Task<Value> {
        self.machine.need_executor();
        let (journal, label) = (self.machine.journal(), self.label.clone());
        thread::try_run_in_executor(None, move || {
            if !ns.0.is_zero() {
                thread::sleep(ns.0);
            }
            journal.log(time::now(), &label, &format!("thread#{id}"));
            result
        })
    }

    /// Returns what there is to await: a task or future that has a name, or else a coroutine.
    fn find<'a>(&self, awaitable: &'a Awaitable) -> Option<Found<'a>> {
        match awaitable {
            Awaitable::Handle(name) => self.machine.handle(name).map(Ok),
            Awaitable::Coroutine(label, block) => Some(Err((label, block))),
        }
    }

    fn spawn(&self, label: &str, block: &Block) -> Task<Value> {
        task::try_spawn(coroutine(&self.machine, label, block))
    }

    /// Makes it what the crate takes: a coroutine becomes a task.
    fn waitable<'a>(&self, found: &'a Found<'_>) -> Either<Waitable<'a>, Task<Value>> {
        match found {
            Ok(handle) => Either::Left(handle.waitable()),
            Err((label, block)) => Either::Right(self.spawn(label, block)),
        }
    }

    /// Returns what there is to await, as a task if it is a coroutine.
    fn handle(&self, awaitable: &Awaitable) -> Option<Handle> {
        Some(self.find(awaitable)?.unwrap_or_else(|(label, block)| {
            let task = self.spawn(label, block);
            Handle::Task(Rc::new(task))
        }))
    }

    async fn gather(&self, awaitables: &[Awaitable], keep_errors: bool) -> Result<Value, Exc> {
        let present: Vec<_> = awaitables.iter().filter_map(|one| self.find(one)).collect();
        // Coroutines become tasks when the gather comes to them.
        let waitables = present.iter().map(|one| self.waitable(one));
        if keep_errors {
            let results = received(task::gather_keeping_errors(waitables)).await?;
            let values = results
                .into_iter()
                .map(|result| result.map_err(Exc::from).into());
            return Ok(Value::List(values.collect()));
        }
        Ok(Value::List(received(task::gather(waitables)).await??))
    }

    async fn wait(&self, names: &[String], mode: Mode, limit: Option<Nanos>) -> Result<Value, Exc> {
        let mut seen = BTreeSet::new();
        let distinct = names.iter().filter(|name| seen.insert(*name));
        let named: Vec<(&String, Handle)> = distinct
            .filter_map(|name| Some((name, self.machine.handle(name)?)))
            .collect();
        if named.is_empty() {
            return Err(Exc::Value);
        }
        let until = match mode {
            Mode::All => Until::AllCompleted,
            Mode::First => Until::FirstCompleted,
            Mode::Exc => Until::FirstFailed,
        };
        let waitables = named.iter().map(|(_, handle)| handle.waitable());
        let wait = task::wait(waitables, until).timeout(limit.map(|limit| limit.0));
        let counts = received(wait)
            .await
            .map(|(done, pending)| (done.len(), pending.len()))?;
        let (done, pending): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(_, handle)| handle.is_done());
        assert_eq!(counts, (done.len(), pending.len()));
        let list = |named: Vec<(&String, Handle)>| {
            Value::List(
                named
                    .into_iter()
                    .map(|(name, _)| name.as_str().into())
                    .collect(),
            )
        };
        Ok(Value::Text(format!(
            "done={} pending={}",
            list(done),
            list(pending)
        )))
    }

    async fn wait_for(&self, awaitable: &Awaitable, limit: Option<Nanos>) -> Result<Value, Exc> {
        let limit = limit.map(|limit| limit.0);
        match awaitable {
            // With time left, asyncio runs a coroutine within the task that waits for it.
            Awaitable::Coroutine(label, block) if limit != Some(Duration::ZERO) => {
                let body = Body::run(self.machine.clone(), label.clone(), block);
                received(Timeout::after(limit).enforce(raising(body))).await??
            }
            _ => match self.handle(awaitable) {
                Some(handle) => Ok(received(time::wait_for(limit, handle.waitable())).await???),
                None => Ok(NO_HANDLE.into()),
            },
        }
    }

    async fn as_completed(
        &self,
        id: u32,
        awaitables: &[Awaitable],
        limit: Option<Nanos>,
    ) -> Result<Value, Exc> {
        let present: Vec<_> = awaitables.iter().filter_map(|one| self.find(one)).collect();
        let waitables = present.iter().map(|one| self.waitable(one));
        let mut results = task::as_completed(waitables).timeout(limit.map(|limit| limit.0));
        let mut count = 0_usize;
        let result = loop {
            match received(results.next()).await {
                Ok(None) => break Ok(count.into()),
                Ok(Some(Ok(value))) => self.log(&format!("item#{id}:{value}")),
                Ok(Some(Err(error))) => break Err(error.into()),
                Err(cancelled) => break Err(cancelled),
            }
            count += 1;
        };
        // In asyncio the timer of an iteration that was left stays set.
        std::mem::forget(results);
        result
    }
}
