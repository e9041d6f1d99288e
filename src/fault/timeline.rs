//! Faults at times that are known before.

use std::time::Duration;

use crate::event_loop::core;

/// What goes wrong when: each act at its time after the timeline was started.
///
/// ```
/// use simrun::fault::Timeline;
/// use simrun::{host, net};
/// use simrun::time::secs;
///
/// # simrun::run(async {
/// let a = host::start("a", || async {});
/// host::start("b", || async {});
/// Timeline::new()
///     .at(secs(2), || net::partition("a", "b"))
///     .at(secs(5), || net::heal("a", "b"))
///     .at(secs(6), move || a.crash())
///     .start();
/// # });
/// ```
#[derive(Default)]
#[must_use = "a timeline does nothing before it is started"]
pub struct Timeline {
    acts: Vec<(Duration, Box<dyn FnOnce()>)>,
}

impl Timeline {
    /// Makes a timeline on which nothing happens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an act.
    pub fn at(mut self, time: Duration, act: impl FnOnce() + 'static) -> Self {
        self.acts.push((time, Box::new(act)));
        self
    }

    /// Adds an act, and one that takes it back after a while.
    pub fn during(
        self,
        time: Duration,
        lasts: Duration,
        act: impl FnOnce() + 'static,
        back: impl FnOnce() + 'static,
    ) -> Self {
        self.at(time, act).at(time + lasts, back)
    }

    /// Lets the time run. What is on the timeline happens even if the host that starts it crashes.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn start(self) {
        let core = core::current();
        let now = core.now();
        core.as_loop(|| {
            for (time, act) in self.acts {
                core.call_at((now + time).as_nanos(), act);
            }
        });
    }
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let times: Vec<Duration> = self.acts.iter().map(|(time, _)| *time).collect();
        f.debug_struct("Timeline")
            .field("at", &times)
            .finish_non_exhaustive()
    }
}
