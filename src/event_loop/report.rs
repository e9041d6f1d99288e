//! What goes wrong where nobody awaits it: reports, and the handler that gets them.

use std::fmt;
use std::rc::Rc;

use super::core::{self, Core};
use super::moves::REPORTS;
use super::resources::Access;
use crate::error::TaskError;
use crate::time::Instant;

/// What a [`Report`] is about. More kinds will come, so a match needs a wildcard arm.
///
/// ```
/// use simrun::event_loop::ReportKind;
/// use simrun::{Sim, task};
///
/// let run = Sim::new().run(|| async {
///     task::try_spawn(async { Err::<(), _>("disk full") }).detach();
///     task::yield_now().await;
/// });
/// assert_eq!(run.reports()[0].kind(), ReportKind::NeverRetrieved);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ReportKind {
    /// A callback panicked.
    Callback,
    /// A future panicked while it was dropped.
    Drop,
    /// Nobody ever looked at the error of a task or promise.
    NeverRetrieved,
    /// A task failed while the loop was shutting down.
    Shutdown,
    /// A child of a task group failed after the group's own task had ended.
    Orphan,
    /// A task did not end when the loop was shutting down.
    Unfinished,
    /// The protocol or the handler of a connection failed.
    Connection,
    /// A process was still running when the loop was closed, or had ended and nobody had waited
    /// for it. That is a warning, which fails no run.
    Process,
}

/// Something that went wrong where nobody awaits it.
///
/// ```
/// use simrun::{Sim, event_loop, task};
///
/// let run = Sim::new().run(|| async {
///     event_loop::call_soon(|| panic!("oops"));
///     task::yield_now().await;
/// });
/// let report = &run.reports()[0];
/// assert_eq!(report.error().unwrap().to_string(), "oops");
/// assert!(run.failure().is_some(), "nobody has handled it");
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    kind: ReportKind,
    message: String,
    error: Option<TaskError>,
    task: Option<String>,
    at: Instant,
}

impl Report {
    pub(crate) fn new(
        kind: ReportKind,
        message: impl Into<String>,
        error: Option<TaskError>,
        task: Option<String>,
        at: Instant,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            error,
            task,
            at,
        }
    }

    /// Says whether it is only a warning, which does not fail the run.
    pub fn is_warning(&self) -> bool {
        self.kind == ReportKind::Process
    }

    /// Returns what it is about.
    pub fn kind(&self) -> ReportKind {
        self.kind
    }

    /// Returns what happened, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the error, if there is one.
    pub fn error(&self) -> Option<&TaskError> {
        self.error.as_ref()
    }

    /// Returns the name of the task, if it is about one.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// Returns when it happened, in virtual time.
    pub fn at(&self) -> Instant {
        self.at
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(task) = &self.task {
            write!(f, " (task {task})")?;
        }
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

/// The program's own receiver of reports.
pub(crate) type Handler = Rc<dyn Fn(&Report)>;

impl Core {
    /// Hands a report to the program's handler; without one, it will fail the run, unless it is
    /// a warning.
    pub(crate) fn report(&self, report: Report) {
        if report.is_warning() {
            tracing::warn!(target: "simrun::report", at = %report.at, "{report}");
        } else {
            tracing::error!(target: "simrun::report", at = %report.at, "{report}");
        }
        let handler = {
            let state = &mut *self.state.borrow_mut();
            state.link(|_| REPORTS, Access::Write);
            state.handler.clone()
        };
        let Some(handler) = handler else {
            self.state.borrow_mut().reports.push(report);
            return;
        };
        let call = std::panic::AssertUnwindSafe(|| handler(&report));
        if let Err(payload) = std::panic::catch_unwind(call) {
            let error = TaskError::panicked(payload, crate::panics::take_location());
            let message = format!("the exception handler panicked while it was told: {report}");
            let kind = ReportKind::Callback;
            let report = Report::new(kind, message, Some(error), None, self.now());
            self.state.borrow_mut().reports.push(report);
        }
    }
}

/// Sets who is told of errors that nobody awaits: panics of callbacks, errors of tasks that were
/// never retrieved. Without a handler, the first of them that is not a
/// [warning](Report::is_warning) fails the run.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::event_loop;
///
/// # simrun::run(async {
/// event_loop::set_exception_handler(|report| {
///     assert_eq!(report.error().unwrap().to_string(), "oops");
/// });
/// event_loop::call_soon(|| panic!("oops"));
/// simrun::task::yield_now().await;
/// # });
/// ```
#[track_caller]
pub fn set_exception_handler(handler: impl Fn(&Report) + 'static) {
    let _old = core::current()
        .state
        .borrow_mut()
        .handler
        .replace(Rc::new(handler));
}
