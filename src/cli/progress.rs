//! How far a long run has come, on one line of a terminal.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::scenario::record::Progress;

/// The line is written at every so many calls, which come every few thousand steps: a short run
/// shows nothing, a long one a few lines a second.
const EVERY: u64 = 64;

/// Clears the line that the cursor is on.
const CLEAR: &str = "\r\u{1b}[K";

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
