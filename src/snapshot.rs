//! Runs as snapshots: the text of a run, kept beside a test and compared the next time.
//!
//! A [recorded](crate::Sim::record) run is the same text everywhere, one event a line, so a
//! snapshot of it shows in a review what a change does to the order of things. The text of a
//! [`Run`] is the whole of it; [`Run::view`] is what most snapshots are better made of: it can be
//! narrowed to what the test is about, and says nothing of the seed, the number of steps and the
//! fingerprint.
//!
//! ```
//! use simrun::{Sim, spawn};
//!
//! let run = Sim::new().record(true).run(|| async {
//!     spawn(async { simrun::log!("working") }).name("worker").await.unwrap();
//! });
//! assert_eq!(
//!     run.view().only(["logs", "ends"]).to_string(),
//!     "\
//! 0ns           worker       logs working
//! 0ns           worker       ends with a value
//! 0ns           main         ends with a value
//! passed
//! ",
//! );
//! ```
//!
//! # With insta
//!
//! The feature `insta` has [`assert_snapshot!`](crate::assert_snapshot!), which is insta's macro of
//! that name in the settings for a run: its seed is in the file's name, and the seed, the strategy
//! and the [format](crate::trace::FORMAT) are in the file's head, where insta shows them above a
//! difference. `snapshot::settings` gives the settings alone.
//!
//! ```
//! # #[cfg(feature = "insta")] {
//! use simrun::{Sim, time};
//!
//! let run = Sim::new().seed(42).record(true).run(|| async {
//!     time::sleep(time::secs(3)).await;
//!     simrun::log!("up");
//! });
//! // The whole view, or the part of it that is named; in a file, or in the code.
//! simrun::assert_snapshot!(run, run.view().only(["logs"]), @"
//! 3s            main         logs up
//! passed
//! ");
//! # }
//! ```
//!
//! A snapshot that is new, or that has changed, fails its test and is put beside the old one:
//! `cargo insta test --review` runs the tests and shows each difference, to accept or reject;
//! `cargo insta review` shows those of the last `cargo test`. In CI, insta writes nothing.
//!
//! # What a snapshot may be relied on
//!
//! The text is that of the [trace format](crate::trace::FORMAT), which has a number. A version of
//! this crate that changes the runs of a seed or the events they have says so in its changelog,
//! under *Reproducibility*. Where a name is too particular for a snapshot,
//! [redact](crate::trace::View::redact) it: filters of insta's are not needed. Resources without a
//! name are called by the place where they were made, which moves with the code; a name stays.

use crate::sim::Run;
use crate::trace::View;

impl<T> Run<T> {
    /// Returns a view of the run: its events, if they were [recorded](crate::Sim::record), and how
    /// it ended. See [`snapshot`](crate::snapshot).
    ///
    /// ```
    /// use simrun::Sim;
    ///
    /// let run = Sim::new().record(true).run(|| async { panic!("no such user: ann@example.org") });
    /// let view = run.view().only(["logs"]).redact("ann@example.org", "[user]");
    /// assert!(view.to_string().contains("no such user: [user]"));
    /// ```
    pub fn view(&self) -> View<'_> {
        self.trace().view().ending(self.outcome())
    }
}

/// Returns insta's settings for a snapshot of a run: `seed_42` as the suffix of its file's name;
/// the seed, the strategy and the format of traces as its information.
///
/// ```
/// use simrun::{Sim, snapshot};
///
/// let run = Sim::new().seed(42).record(true).run(|| async { simrun::log!("hello") });
/// snapshot::settings(&run).bind(|| {
///     let logs = run.trace().only(["logs"]);
///     insta::assert_snapshot!(logs, @"0ns           main         logs hello");
/// });
/// ```
#[cfg(feature = "insta")]
pub fn settings<T>(run: &Run<T>) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    let information = std::collections::BTreeMap::from([
        ("seed", run.seed().to_string()),
        ("strategy", run.strategy().to_string()),
        ("trace format", crate::trace::FORMAT.to_string()),
    ]);
    settings.set_snapshot_suffix(format!("seed_{}", run.seed()));
    settings.set_info(&information);
    settings.set_omit_expression(true);
    settings
}

/// Compares a run with its snapshot: `insta::assert_snapshot!` in the
/// [settings](crate::snapshot::settings) for the run.
///
/// The snapshot is of the run's [view](crate::Run::view), or of what is named after the run; it is
/// in a file, or in the code after an `@`.
///
/// ```
/// use simrun::Sim;
///
/// let run = Sim::new().record(true).run(|| async {});
/// simrun::assert_snapshot!(run, run.view().only(["ends"]), @r"
/// 0ns           main         ends with a value
/// passed
/// ");
/// ```
#[cfg(feature = "insta")]
#[macro_export]
macro_rules! assert_snapshot {
    ($run:expr $(, @$snapshot:literal)? $(,)?) => {{
        let run = &$run;
        $crate::assert_snapshot!(*run, run.view() $(, @$snapshot)?)
    }};
    ($run:expr, $shown:expr $(, @$snapshot:literal)? $(,)?) => {
        $crate::snapshot::settings(&$run)
            .bind(|| $crate::private::insta::assert_snapshot!($shown $(, @$snapshot)?))
    };
}
