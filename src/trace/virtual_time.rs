//! The run's time, where subscribers of `tracing` write the time.

use std::fmt;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::event_loop::core;

/// Writes the run's virtual time where `tracing_subscriber::fmt` writes the time; outside a run, a
/// dash.
///
/// ```
/// use simrun::time;
/// use simrun::trace::VirtualTime;
///
/// let subscriber = tracing_subscriber::fmt().with_timer(VirtualTime::new().with_task());
/// # let subscriber = subscriber.with_writer(std::io::sink);
/// tracing::subscriber::with_default(subscriber.finish(), || {
///     simrun::run(async {
///         time::sleep(time::secs(3)).await;
///         // 3s            main          INFO my_crate: three seconds later
///         tracing::info!("three seconds later");
///     })
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualTime<Outside = NoTime> {
    outside: Outside,
    has_task: bool,
}

/// What [`VirtualTime`] writes outside a run, unless it is told otherwise: a dash.
///
/// ```
/// use simrun::trace::NoTime;
/// use tracing_subscriber::fmt::format::Writer;
/// use tracing_subscriber::fmt::time::FormatTime;
///
/// let mut text = String::new();
/// NoTime.format_time(&mut Writer::new(&mut text)).unwrap();
/// assert_eq!(text, "-");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTime;

impl VirtualTime {
    /// Makes what writes the time alone.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<Outside> VirtualTime<Outside> {
    /// Writes the name of the task after the time, in the columns of a
    /// [trace](crate::trace::FORMAT).
    pub fn with_task(self) -> Self {
        let has_task = true;
        Self { has_task, ..self }
    }

    /// Writes another time outside a run.
    ///
    /// ```
    /// use simrun::trace::VirtualTime;
    /// use tracing_subscriber::fmt::time::SystemTime;
    ///
    /// let timer = VirtualTime::new().or(SystemTime);
    /// # let _ = tracing_subscriber::fmt().with_timer(timer);
    /// ```
    pub fn or<Other: FormatTime>(self, outside: Other) -> VirtualTime<Other> {
        let has_task = self.has_task;
        VirtualTime { outside, has_task }
    }
}

impl FormatTime for NoTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_char('-')
    }
}

impl<Outside: FormatTime> FormatTime for VirtualTime<Outside> {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let Some(core) = core::try_current() else {
            return self.outside.format_time(writer);
        };
        let now = core.now();
        if self.has_task {
            write!(writer, "{:<12}  {:<12}", now.to_string(), core.who())
        } else {
            write!(writer, "{now}")
        }
    }
}
