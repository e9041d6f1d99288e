//! Task groups by hand. When an inner and an outer group abort at once, the broken version lets the
//! outer body run on after the inner group's errors were handled.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use simrun::sync::Event;
use simrun::task::{self, TaskRef, cancellable};
use simrun::time::{millis, secs, sleep};
use simrun::{Promise, TaskError};

use super::{Version, bug};

struct HandMadeGroup {
    version: Version,
    parent: TaskRef,
    tasks: RefCell<Vec<TaskRef>>,
    errors: RefCell<Vec<TaskError>>,
    aborting: Cell<bool>,
    empty: RefCell<Option<Promise<()>>>,
}

impl HandMadeGroup {
    fn new(version: Version) -> Rc<Self> {
        Rc::new(Self {
            version,
            parent: task::current(),
            tasks: RefCell::default(),
            errors: RefCell::default(),
            aborting: Cell::new(false),
            empty: RefCell::default(),
        })
    }

    fn spawn(self: &Rc<Self>, future: impl Future<Output = Result<(), String>> + 'static) {
        let task = Rc::new(task::try_spawn(future));
        self.tasks.borrow_mut().push(**task);
        let (group, kept) = (self.clone(), task.clone());
        task.on_done(move |done| {
            group.tasks.borrow_mut().retain(|other| *other != done);
            let error = kept
                .settle()
                .and_then(Result::err)
                .filter(|error| !error.is_cancelled());
            if let Some(error) = error {
                group.errors.borrow_mut().push(error);
                if !group.aborting.replace(true) {
                    group.abort();
                    group.parent.cancel();
                }
            }
            if let (true, Some(empty)) = (group.tasks.borrow().is_empty(), &*group.empty.borrow()) {
                let _ = empty.set(());
            }
        });
    }

    fn abort(&self) {
        let tasks = self.tasks.borrow().clone();
        for task in tasks {
            task.cancel_with("aborted");
        }
    }

    /// Runs the body, waits for the tasks, and says whether any has failed.
    async fn scope(self: Rc<Self>, body: impl Future<Output = ()>) -> bool {
        let mut cancelled = cancellable(body).await.err();
        if cancelled.is_some() {
            self.abort();
        }
        while !self.tasks.borrow().is_empty() {
            let empty = Promise::new();
            self.empty.replace(Some(empty.clone()));
            if let Err(again) = cancellable(async { drop((&empty).await) }).await {
                cancelled = Some(again);
                self.abort();
            }
        }
        if self.aborting.get() && self.parent.uncancel() == 0 {
            cancelled = None;
        }
        let failed = !self.errors.borrow().is_empty();
        match cancelled {
            Some(cancelled) if !failed => cancelled.raise().await,
            _ => {}
        }
        if self.version == Version::Mended && failed && self.parent.cancelling() > 0 {
            self.parent.uncancel();
            self.parent.cancel();
        }
        failed
    }
}

async fn two_groups_abort_at_once(version: Version) {
    let after_inner = Rc::new(Cell::new(false));
    let outer_fails = Rc::new(Event::new());
    let outer = HandMadeGroup::new(version);
    outer.spawn({
        let outer_fails = outer_fails.clone();
        async move {
            sleep(millis(1)).await;
            outer_fails.set();
            Err("outer".to_owned())
        }
    });
    let body = {
        let after_inner = after_inner.clone();
        async move {
            let inner = HandMadeGroup::new(version);
            inner.spawn(async {
                sleep(millis(1)).await;
                Err("inner".to_owned())
            });
            let failed = inner.clone().scope(sleep(secs(1))).await;
            assert!(failed);
            outer_fails.wait().await;
            // The group hears of it now.
            task::yield_now().await;
            after_inner.set(true);
        }
    };
    outer.scope(body).await;
    assert!(
        !after_inner.get(),
        "the outer body ran on after its group had aborted"
    );
}

bug!(
    a_nested_group_loses_the_abort_of_the_outer_one,
    two_groups_abort_at_once,
    "the outer body ran on"
);
