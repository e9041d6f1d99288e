//! A bell that rings once for one sleeper. A sleeper that is dropped after it was chosen takes the
//! ring with it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use simrun::time::{millis, secs, sleep, timeout};
use simrun::{gather, spawn};

use super::{Version, bug};

struct Notify {
    version: Version,
    permit: Cell<bool>,
    sleepers: RefCell<VecDeque<Rc<Sleeper>>>,
}

struct Sleeper {
    is_chosen: Cell<bool>,
    waker: RefCell<Waker>,
}

impl Notify {
    fn new(version: Version) -> Rc<Self> {
        Rc::new(Self {
            version,
            permit: Cell::new(false),
            sleepers: RefCell::default(),
        })
    }

    fn notify_one(&self) {
        match self.sleepers.borrow_mut().pop_front() {
            Some(sleeper) => {
                sleeper.is_chosen.set(true);
                sleeper.waker.borrow().wake_by_ref();
            }
            None => self.permit.set(true),
        }
    }

    fn notified(&self) -> Notified<'_> {
        let (notify, sleeper) = (self, None);
        Notified { notify, sleeper }
    }
}

struct Notified<'a> {
    notify: &'a Notify,
    sleeper: Option<Rc<Sleeper>>,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &self.sleeper {
            None if self.notify.permit.take() => Poll::Ready(()),
            None => {
                let sleeper = Rc::new(Sleeper {
                    is_chosen: Cell::new(false),
                    waker: RefCell::new(context.waker().clone()),
                });
                self.notify.sleepers.borrow_mut().push_back(sleeper.clone());
                self.sleeper = Some(sleeper);
                Poll::Pending
            }
            Some(sleeper) if sleeper.is_chosen.get() => {
                self.sleeper = None;
                Poll::Ready(())
            }
            Some(sleeper) => {
                sleeper.waker.borrow_mut().clone_from(context.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Some(sleeper) = self.sleeper.take() else {
            return;
        };
        if sleeper.is_chosen.get() {
            if self.notify.version == Version::Mended {
                self.notify.notify_one();
            }
        } else {
            let mut sleepers = self.notify.sleepers.borrow_mut();
            sleepers.retain(|other| !Rc::ptr_eq(other, &sleeper));
        }
    }
}

async fn a_sleeper_gives_up_when_the_bell_rings(version: Version) {
    let bell = Notify::new(version);
    let jobs = Rc::new(Cell::new(0));
    let impatient = spawn({
        let (bell, jobs) = (bell.clone(), jobs.clone());
        async move {
            let rang = simrun::select! {
                () = bell.notified() => true,
                () = sleep(millis(5)) => false,
            };
            if rang {
                jobs.set(jobs.get() - 1);
            }
        }
    });
    let patient = spawn({
        let (bell, jobs) = (bell.clone(), jobs.clone());
        async move {
            if timeout(secs(1), bell.notified()).await.is_ok() {
                jobs.set(jobs.get() - 1);
            }
        }
    });
    let employer = spawn({
        let (bell, jobs) = (bell.clone(), jobs.clone());
        async move {
            sleep(millis(5)).await;
            jobs.set(1);
            bell.notify_one();
        }
    });
    gather([impatient, patient, employer]).await.unwrap();
    let is_heard = jobs.get() == 0 || bell.permit.get();
    assert!(is_heard, "nobody has heard the bell");
}

bug!(
    a_ring_is_lost_with_the_sleeper_it_was_for,
    a_sleeper_gives_up_when_the_bell_rings,
    "nobody has heard the bell"
);
