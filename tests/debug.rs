//! Debug mode warns, through `tracing`, of what is slow and of what was never awaited.

use std::sync::{Arc, Mutex};

use simrun::time::{millis, secs, sleep, timeout};
use simrun::{Sim, task};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// Keeps the messages of the warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "simrun::debug"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message(&self.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message<'a>(&'a Mutex<Vec<String>>);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

fn warnings_of(debug: bool) -> (u64, Vec<String>) {
    let warnings = Warnings::default();
    let fingerprint = tracing::subscriber::with_default(warnings.clone(), || {
        let run = Sim::new().debug(debug).run(|| async {
            drop(sleep(secs(1)));
            drop(timeout(secs(1), async {}));
            drop(task::group(|_| async {}));
            let busy = task::spawn(async {
                #[expect(clippy::disallowed_methods, reason = "this task is slow in real time")]
                std::thread::sleep(millis(120));
            });
            busy.name("busy").await.unwrap();
            sleep(secs(1)).await;
        });
        assert!(run.outcome().is_passed());
        run.fingerprint()
    });
    let warnings = warnings.0.lock().unwrap().clone();
    (fingerprint, warnings)
}

#[test]
fn slow_steps_and_futures_that_were_never_awaited_are_named_in_debug_mode_only() {
    let (with, warnings) = warnings_of(true);
    let (without, none) = warnings_of(false);
    assert_eq!(with, without, "debug mode does not change the run");
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    for (warning, what) in warnings
        .iter()
        .zip(["a sleep", "a timeout", "a task group"])
    {
        assert!(
            warning.starts_with(&format!("{what} made at tests/debug.rs:")),
            "{warning}"
        );
        assert!(warning.ends_with("was never awaited"), "{warning}");
    }
    assert!(
        warnings[3].starts_with("a step of task busy took 1"),
        "{}",
        warnings[3]
    );
}
