//! How far a long run or a campaign has come, on one line of a terminal.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::explore;
use crate::scenario::record::Progress;

/// The line is written at every so many calls, which come every few thousand steps: a short run
/// shows nothing, a long one a few lines a second.
const EVERY: u64 = 64;

/// Clears the line that the cursor is on.
const CLEAR: &str = "\r\u{1b}[K";

/// A line that says how far a campaign has come. It goes when this is dropped.
#[derive(Default)]
pub(super) struct CampaignLine {
    has_written: Arc<AtomicBool>,
}

impl CampaignLine {
    /// Returns what the campaign is to call.
    pub(super) fn listener(&self) -> impl Fn(&explore::Progress) + Send + Sync + use<> {
        let has_written = self.has_written.clone();
        move |progress| {
            has_written.store(true, Ordering::Relaxed);
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "{CLEAR}{}", text(progress));
            let _ = stderr.flush();
        }
    }
}

impl Drop for CampaignLine {
    fn drop(&mut self) {
        if self.has_written.load(Ordering::Relaxed) {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}

fn text(progress: &explore::Progress) -> String {
    let (runs, failed) = (progress.runs(), progress.failed());
    let of = progress
        .planned()
        .map(|planned| format!(" of {planned}"))
        .unwrap_or_default();
    let left = progress
        .time_left()
        .map(|left| format!(", {} s left at most", left.as_secs() + 1))
        .unwrap_or_default();
    let (speed, traces) = (progress.runs_per_second(), progress.distinct());
    format!("{runs}{of} runs, {speed:.0}/s, {failed} failed, {traces} traces{left}")
}

/// A line that says how far a run has come. It goes when this is dropped.
#[derive(Default)]
pub(super) struct Line {
    calls: Arc<AtomicU64>,
}

impl Line {
    /// Returns what the run is to call.
    pub(super) fn progress(&self) -> Progress {
        let calls = self.calls.clone();
        Progress(Arc::new(move |now, steps| {
            let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
            if call.is_multiple_of(EVERY) {
                let mut stderr = std::io::stderr();
                let _ = write!(stderr, "{CLEAR}{now} of virtual time, {steps} steps");
                let _ = stderr.flush();
            }
        }))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.calls.load(Ordering::Relaxed) >= EVERY {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}
