//! What can be done to a host: crash, stop, restart, pause.

use std::panic::Location;
use std::rc::Rc;

use super::{Host, Running, Skew, disk};
use crate::chance::{TaskPath, decide_fault};
use crate::event_loop::core::Core;
use crate::event_loop::ended;
use crate::net::Net;

impl Host {
    /// Crashes the host: everything on it is gone at once, and nobody is asked. Does nothing if it
    /// is down.
    ///
    /// Whether the others hear of it is a decision of the plan: its connections are silent, which
    /// is the default, or they are reset.
    ///
    /// Called on the host itself, it takes effect when the step is over.
    ///
    /// ```
    /// use simrun::host;
    /// use simrun::sync::Tracked;
    /// use simrun::time::{secs, sleep};
    /// use std::sync::Arc;
    ///
    /// # simrun::run(async {
    /// let beats = Arc::new(Tracked::new(0));
    /// let shared = beats.clone();
    /// let heart = host::start("heart", move || {
    ///     let beats = shared.clone();
    ///     async move {
    ///         loop {
    ///             beats.write(|beats| *beats += 1);
    ///             sleep(secs(1)).await;
    ///         }
    ///     }
    /// });
    /// sleep(secs(5)).await;
    /// heart.crash();
    /// sleep(secs(60)).await;
    /// assert_eq!(beats.read(|beats| *beats), 5);
    /// # });
    /// ```
    #[track_caller]
    pub fn crash(&self) {
        let core = self.core();
        let resets = decide_fault(
            &core,
            TaskPath::default(),
            &format!("the crash of {} resets its connections", self.name),
            1,
            0.5,
        );
        self.take_down(&core, resets == 1);
    }

    /// Crashes the host as a machine that loses its power: its connections are silent.
    #[track_caller]
    pub fn crash_silently(&self) {
        self.take_down(&self.core(), false);
    }

    /// Crashes the host's program only: the system that runs on resets its connections.
    #[track_caller]
    pub fn crash_with_resets(&self) {
        self.take_down(&self.core(), true);
    }

    fn take_down(&self, core: &Rc<Core>, resets: bool) {
        let Some(running) = self.with(core, |host| host.running) else {
            return;
        };
        let host = self.clone();
        if core.host() == Some(running.family) {
            // Nobody can be dropped in the middle of a step of their own.
            core.as_loop(|| {
                core.call_soon(Box::new(move || {
                    let core = host.core();
                    host.bring_down(&core, running, resets);
                }));
            });
        } else {
            self.bring_down(core, running, resets);
        }
    }

    fn bring_down(&self, core: &Rc<Core>, down: Running, resets: bool) {
        let still = self.with(core, |host| {
            let running = host.running.filter(|running| running.head == down.head);
            if running.is_some() {
                host.running = None;
            }
            running
        });
        let Some(running) = still else { return };
        let id = self.with(core, |host| host.id);
        let net = Net::of(core);
        // Before anything is dropped: what is dropped has no network any more.
        net.kernel(core, |kernel, now, fate| {
            kernel.take_down(id, resets, now, fate)
        });
        core.kill_host(running.family);
        if !resets {
            disk::lose_power(core, &self.name);
        }
        core.forget_family(running.family);
        core.let_go_of(running.head);
    }

    /// Stops the host in an orderly way: its tasks are cancelled, as a run's are in the end, and
    /// waited for; what is left then is dropped. Does nothing if it is down.
    ///
    /// # Panics
    ///
    /// On the host itself: it would wait for itself.
    ///
    /// ```
    /// use simrun::task::cancellable;
    /// use simrun::time::{secs, sleep};
    /// use simrun::{host, log};
    ///
    /// # simrun::run(async {
    /// let server = host::start("server", || async {
    ///     let _ = cancellable(sleep(secs(3_600))).await;
    ///     sleep(secs(2)).await;
    ///     log!("all is saved");
    /// });
    /// sleep(secs(1)).await;
    /// server.stop().await;
    /// assert_eq!(simrun::time::now().since_start(), secs(3));
    /// # });
    /// ```
    pub async fn stop(&self) {
        let core = self.core();
        let Some(running) = self.with(&core, |host| host.running) else {
            return;
        };
        assert!(
            core.host() != Some(running.family),
            "a host cannot wait for its own stop: return from its main future instead"
        );
        let tasks = core.tasks_of_host(running.family);
        let mut gather = core.gather(true);
        for task in &tasks {
            core.hold_task(*task);
            core.cancel(*task, None);
            gather.add(*task);
        }
        let all = gather.finish(Location::caller());
        ended(all, Location::caller()).await;
        core.let_go_of(all);
        for task in tasks {
            core.let_go_of(task);
        }
        self.bring_down(&core, running, true);
    }

    /// Starts the host again: its main future is made anew. If it is up, it crashes first.
    ///
    /// ```
    /// use simrun::time::{now, secs, sleep};
    /// use simrun::host;
    ///
    /// # simrun::run(async {
    /// let worker = host::start("worker", || sleep(secs(10)));
    /// sleep(secs(5)).await;
    /// worker.restart();
    /// worker.join().await.unwrap();
    /// assert_eq!(now().since_start(), secs(15), "it has begun anew");
    /// # });
    /// ```
    #[track_caller]
    pub fn restart(&self) {
        let core = self.core();
        if self.with(&core, |host| host.running).is_some() {
            self.crash();
        }
        let id = self.with(&core, |host| host.id);
        Net::of(&core).kernel.borrow_mut().bring_up(id);
        self.begin(&core);
    }

    /// Lets the host stand still: none of its tasks makes a step and none of its timers fires,
    /// until it is [resumed](Self::resume). Packets still reach it.
    ///
    /// ```
    /// use simrun::host;
    /// use simrun::time::{now, secs, sleep};
    ///
    /// # simrun::run(async {
    /// let slow = host::start("slow", || sleep(secs(1)));
    /// simrun::task::yield_now().await;
    /// slow.pause();
    /// sleep(secs(30)).await;
    /// slow.resume();
    /// slow.join().await.unwrap();
    /// assert_eq!(now().since_start(), secs(30));
    /// # });
    /// ```
    #[track_caller]
    pub fn pause(&self) {
        let core = self.core();
        if let Some(running) = self.with(&core, |host| host.running) {
            core.pause_host(running.family);
        }
    }

    /// Lets the host go on: what was due in the meantime happens now.
    #[track_caller]
    pub fn resume(&self) {
        let core = self.core();
        if let Some(running) = self.with(&core, |host| host.running) {
            core.resume_host(running.family);
        }
    }

    /// Sets how the host's clock differs from the time of the run.
    #[track_caller]
    pub fn set_skew(&self, skew: Skew) {
        let core = self.core();
        let running = self.with(&core, |host| {
            host.clock = skew.0;
            host.running
        });
        if let Some(running) = running {
            core.set_host_clock(running.family, skew.0);
        }
    }
}
