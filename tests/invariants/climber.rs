//! Doing what a tree says, and checking what comes out of each scope.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use simrun::Cancelled;
use simrun::task::{self, Task, cancellable};
use simrun::time::{self, Timeout, millis, now, sleep};

use super::census::{Census, Ended, Living, World};
use super::tree::{Ending, Node};

/// A task at work on a tree or a part of it.
pub(super) struct Climber {
    world: Rc<World>,
    /// How many cancellations have been heard of in the whole tree.
    heard: Rc<Cell<u32>>,
    /// The group that the task belongs to and those in whose bodies it is, the innermost last.
    groups: RefCell<Vec<Rc<Census>>>,
}

impl Climber {
    pub(super) fn new(world: &Rc<World>, heard: &Rc<Cell<u32>>) -> Rc<Self> {
        Rc::new(Self {
            world: world.clone(),
            heard: heard.clone(),
            groups: RefCell::default(),
        })
    }

    /// Makes the climber for another task.
    fn helper(&self) -> Rc<Self> {
        Self::new(&self.world, &self.heard)
    }

    /// Does what a node says.
    pub(super) fn climb(self: Rc<Self>, node: Node) -> LocalBoxFuture<'static, Ended> {
        Box::pin(async move {
            match node {
                Node::Sleep(pause) => {
                    sleep(millis(pause)).await;
                    self.check_groups();
                    Ok(())
                }
                Node::Fail => self.world.fail(),
                Node::Careful(first, second, ending) => self.careful(first, second, ending).await,
                Node::Then(nodes) => {
                    for node in nodes {
                        self.clone().climb(node).await?;
                    }
                    Ok(())
                }
                Node::Try(node) => {
                    let _ = self.clone().climb(*node).await;
                    Ok(())
                }
                Node::Within(limit, node) => self.within(limit, *node).await,
                Node::WaitFor(limit, node) => self.wait_for(limit, *node).await,
                Node::Shield(node) => self.shield(*node).await,
                Node::Gather(nodes) => self.gather(nodes).await,
                Node::GatherKeepingErrors(nodes) => {
                    let tasks = nodes.into_iter().map(|node| self.spawn(node)).collect();
                    self.gather_keeping_errors(tasks).await
                }
                Node::Group(tasks, body) => self.group(tasks, *body).await,
            }
        })
    }

    /// Fails because an awaited task has. As in asyncio, the error hides a cancellation that was
    /// passed on to the task, or to those gathered with it, at the same time.
    fn fail_of_another(&self) -> Ended {
        self.heard.set(self.heard.get() + 1);
        self.world.fail()
    }

    /// Awaits something and takes note of a cancellation.
    async fn hearing<T>(&self, future: impl Future<Output = T>) -> Result<T, Cancelled> {
        let result = cancellable(future).await;
        if result.is_err() {
            self.heard.set(self.heard.get() + 1);
        }
        result
    }

    /// Checks, where a task could have been cancelled and was not, that no group around it has been
    /// aborting for longer than the moment, unless the cancellation may have been swallowed.
    fn check_groups(&self) {
        let groups = self.groups.borrow();
        if groups
            .iter()
            .any(|census| census.is_unheard(self.heard.get()))
        {
            self.world.problem("an aborted group goes on");
        }
    }

    fn spawn(&self, node: Node) -> Task<()> {
        task::try_spawn(self.helper().climb(node))
    }

    async fn careful(&self, first: u64, second: u64, ending: Ending) -> Ended {
        let Err(cancelled) = self.hearing(sleep(millis(first))).await else {
            self.check_groups();
            return Ok(());
        };
        sleep(millis(second)).await;
        match ending {
            Ending::Cancelled => cancelled.raise().await,
            Ending::Failed => self.world.fail(),
            Ending::Swallowed => Ok(()),
        }
    }

    async fn within(self: Rc<Self>, limit: u64, node: Node) -> Ended {
        let (deadline, before) = (now() + millis(limit), self.heard.get());
        let scope = Timeout::after(millis(limit));
        match scope.enforce(self.clone().climb(node)).await {
            Ok(Ok(())) if scope.is_expired() && self.heard.get() == before => {
                self.world.problem("a timeout has expired unnoticed");
                Ok(())
            }
            Ok(ended) => ended,
            Err(_) => {
                self.world.saw("an expired timeout");
                if !scope.is_expired() || now() < deadline {
                    self.world.problem("a timeout was up before its time");
                }
                self.world.fail()
            }
        }
    }

    async fn wait_for(&self, limit: u64, node: Node) -> Ended {
        let task = self.spawn(node);
        let waited = self.hearing(time::wait_for(millis(limit), &task)).await;
        // With no time at all, as in asyncio, who is cancelled does not wait for the task.
        let in_time = limit > 0 || waited.is_ok();
        if in_time && !task.is_done() {
            self.world
                .problem("a task is left behind that was waited for");
        }
        match waited {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(_))) => self.fail_of_another(),
            Ok(Err(_)) => {
                self.world.saw("a task that was out of time");
                self.world.fail()
            }
            Err(cancelled) => cancelled.raise().await,
        }
    }

    async fn shield(&self, node: Node) -> Ended {
        let task = self.spawn(node);
        match self.hearing(task::shield(&task)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => self.world.fail(),
            Err(cancelled) => {
                self.world.saw("a shield");
                self.world.shielded.borrow_mut().push(task);
                cancelled.raise().await
            }
        }
    }

    async fn gather(&self, nodes: Vec<Node>) -> Ended {
        let tasks: Vec<_> = nodes.into_iter().map(|node| self.spawn(node)).collect();
        let gathered = self.hearing(task::gather(&tasks)).await;
        let done = tasks.iter().filter(|task| task.is_done()).count();
        match gathered {
            Ok(Ok(_)) => {
                if done < tasks.len() {
                    self.world.problem("a gather was over before its tasks");
                }
                Ok(())
            }
            Ok(Err(_)) => {
                if done == 0 {
                    self.world
                        .problem("a gather has failed and none of its tasks");
                }
                let _ = self.gather_keeping_errors(tasks).await;
                self.fail_of_another()
            }
            Err(cancelled) => cancelled.raise().await,
        }
    }

    async fn gather_keeping_errors(&self, tasks: Vec<Task<()>>) -> Ended {
        let gathered = self.hearing(task::gather_keeping_errors(&tasks)).await;
        if !tasks.iter().all(|task| task.is_done()) {
            self.world.problem("a gather was over before its tasks");
        }
        match gathered {
            Ok(results) if results.iter().all(Result::is_ok) => Ok(()),
            Ok(_) => self.world.fail(),
            Err(cancelled) => cancelled.raise().await,
        }
    }

    /// Does what a task or the body of a group has to do.
    async fn of_group(self: Rc<Self>, living: Living, node: Node) -> Ended {
        let _within = Within::enter(&self, &living.census);
        let ended = self.clone().climb(node).await;
        living.ends(ended);
        ended
    }

    async fn group(self: Rc<Self>, nodes: Vec<Node>, body: Node) -> Ended {
        let census = Census::new(self.heard.get());
        let scope = task::try_group(|group| {
            let (climber, living) = (self.clone(), Living::new(&census));
            async move {
                for node in nodes {
                    let child = climber.helper().of_group(Living::new(&living.census), node);
                    group.try_spawn(child).detach();
                }
                climber.of_group(living, body).await
            }
        });
        let result = self.hearing(scope).await;
        if !census.is_over() {
            self.world.problem("a group was over before its tasks");
        }
        match result {
            Ok(result) => {
                if !census.agrees(&result) {
                    self.world
                        .problem("a group gives errors that are not its tasks'");
                }
                if result.is_err() {
                    self.world.saw("an aborted group");
                    return self.world.fail();
                }
                Ok(())
            }
            Err(cancelled) => {
                if !census.is_good() {
                    self.world
                        .problem("a cancelled group hides the errors of its tasks");
                }
                self.world.saw("a cancelled group");
                cancelled.raise().await
            }
        }
    }
}

/// The task is in the body of a group, or belongs to it.
struct Within<'a>(&'a Climber);

impl<'a> Within<'a> {
    fn enter(climber: &'a Climber, census: &Rc<Census>) -> Self {
        climber.groups.borrow_mut().push(census.clone());
        Self(climber)
    }
}

impl Drop for Within<'_> {
    fn drop(&mut self) {
        self.0.groups.borrow_mut().pop();
    }
}
