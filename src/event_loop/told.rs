//! What a program tells `tracing` while its run is recorded.
//!
//! The recorder is the thread's subscriber while its loop is the thread's loop. It writes what it
//! is told into the trace, and passes everything on to whoever was the subscriber before. Spans are
//! kept by task: one that a task has entered is not around what another task tells, even if the
//! first has suspended inside it. Nothing here may reach the run: what is told is no part of the
//! fingerprint, and what the program reads while its values are written down is not counted.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::dispatcher::{self, Dispatch};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use super::core::{self, Core};
use crate::sim::Sim;
use crate::trace::EventKind;

/// How much of what a program tells is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail(LevelFilter);

impl Default for Detail {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl Sim {
    /// Sets how much of what the program tells `tracing` a [recorded](Self::record) run keeps: the
    /// events and spans up to the level `INFO`, unless it is set. See [`trace`](crate::trace).
    ///
    /// ```
    /// use simrun::Sim;
    /// use tracing::level_filters::LevelFilter;
    ///
    /// let sim = Sim::new().record(true).tracing(LevelFilter::DEBUG);
    /// let run = sim.run(|| async { tracing::debug!(attempt = 3, "connecting") });
    /// let text = run.trace().only(["traces"]).to_string();
    /// assert_eq!(text, "0ns           main         traces DEBUG connecting attempt=3\n");
    /// ```
    pub fn tracing(mut self, level: impl Into<LevelFilter>) -> Self {
        self.watch.detail = Detail(level.into());
        self
    }
}

/// The subscriber of a recorded run.
struct Recorder {
    serial: u32,
    detail: Detail,
    /// Whoever was told before.
    outer: Dispatch,
    spans: Mutex<Spans>,
}

/// Makes the subscriber of the recorded run whose loop has this serial.
pub(super) fn recorder(serial: u32, detail: Detail) -> Dispatch {
    let outer = dispatcher::get_default(Dispatch::clone);
    let spans = Mutex::default();
    Dispatch::new(Recorder {
        serial,
        detail,
        outer,
        spans,
    })
}

/// The spans that are known, and which of them each task is in.
#[derive(Default)]
struct Spans {
    made: u64,
    known: BTreeMap<u64, Span>,
    /// By the number of the task, or none where no task is running: the innermost last.
    entered: BTreeMap<Option<u64>, Vec<u64>>,
    /// What the outer subscriber has said of the metadata that was asked for last.
    asked: Option<(tracing::callsite::Identifier, bool)>,
}

struct Span {
    metadata: &'static Metadata<'static>,
    fields: String,
    parent: Option<u64>,
    /// How many handles there are, and how many spans within it.
    holds: usize,
    /// It is told of in the trace.
    is_kept: bool,
    /// The outer subscriber has it too, under the same number.
    is_outer: bool,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metadata.name())?;
        match &*self.fields {
            "" => Ok(()),
            fields => write!(f, "{{{fields}}}"),
        }
    }
}

impl Spans {
    /// Writes the spans from the outermost to this one.
    fn path(&self, innermost: Option<u64>) -> String {
        let known = |id: Option<u64>| id.and_then(|id| self.known.get(&id));
        let spans = std::iter::successors(known(innermost), |span| known(span.parent));
        let spans = spans.filter(|span| span.is_kept).map(Span::to_string);
        let mut spans: Vec<String> = spans.collect();
        spans.reverse();
        spans.join(":")
    }

    /// Returns the number of the nearest span around this one, itself included, that the outer
    /// subscriber knows.
    fn nearest_outer(&self, mut id: u64) -> Option<u64> {
        while let Some(span) = self.known.get(&id).filter(|span| !span.is_outer) {
            id = span.parent?;
        }
        Some(id)
    }

    /// Lets go of a span, and of those around it that only it has kept; tells which are closed.
    fn release(&mut self, id: u64) -> Vec<Span> {
        let (mut closed, mut next) = (Vec::new(), Some(id));
        while let Some(id) = next.take() {
            let Some(span) = self.known.get_mut(&id) else {
                break;
            };
            span.holds -= 1;
            if span.holds == 0
                && let Some(span) = self.known.remove(&id)
            {
                next = span.parent;
                closed.push(span);
            }
        }
        closed
    }

    fn leave(&mut self, task: Option<u64>, id: u64) {
        // Mostly it is the task itself; a guard that is dropped with a task may be left elsewhere.
        let mut tasks: Vec<Option<u64>> = vec![task];
        tasks.extend(self.entered.keys());
        for task in tasks {
            let Some(entered) = self.entered.get_mut(&task) else {
                continue;
            };
            if let Some(place) = entered.iter().rposition(|entered| *entered == id) {
                entered.remove(place);
                if entered.is_empty() {
                    self.entered.remove(&task);
                }
                return;
            }
        }
    }
}

impl Recorder {
    fn spans(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether the trace keeps it. What this crate tells is there in other words.
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let is_own = target == "simrun" || target.starts_with("simrun::");
        *metadata.level() <= self.detail.0 && !is_own
    }

    /// Asks the outer subscriber.
    fn ask_outer(&self, metadata: &Metadata<'_>) -> bool {
        let enabled = self.outer.enabled(metadata);
        self.spans().asked = Some((metadata.callsite(), enabled));
        enabled
    }

    /// Says whether the outer subscriber is to be told: it may count how often it is asked, so it
    /// is asked once.
    fn tells_outer(&self, metadata: &Metadata<'_>) -> bool {
        let asked = self.spans().asked.take();
        let asked = asked.filter(|(callsite, _)| *callsite == metadata.callsite());
        match asked {
            Some((_, enabled)) => enabled,
            None => self.outer.enabled(metadata),
        }
    }

    /// Says whether the outer subscriber knows a span: also if it was made before the run.
    fn is_outer(&self, id: &Id) -> bool {
        let spans = self.spans();
        let span = spans.known.get(&id.into_u64());
        span.is_none_or(|span| span.is_outer)
    }

    fn core(&self) -> Option<std::rc::Rc<Core>> {
        core::try_own(self.serial)
    }

    /// Returns the number of the task that is running.
    fn task(&self) -> Option<u64> {
        let core = self.core()?;
        let state = core.state.try_borrow().ok()?;
        state.current.map(|slot| state.slots[slot as usize].id)
    }

    fn write(&self, kind: EventKind) {
        if let Some(core) = self.core()
            && let Ok(mut state) = core.state.try_borrow_mut()
        {
            state.record(core.now(), || kind);
        }
    }

    /// Writes values down. That may run code of the program's, which the run must not notice.
    fn written(&self, write: impl FnOnce(&mut Values)) -> Values {
        let mut values = Values::default();
        match self.core() {
            Some(core) => core.unheard(|| write(&mut values)),
            None => write(&mut values),
        }
        values
    }
}

impl Subscriber for Recorder {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // It depends on the outer subscriber, which may change its mind.
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.outer.is::<NoSubscriber>().then_some(self.detail.0)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.ask_outer(metadata) || self.keeps(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let metadata = span.metadata();
        let (is_outer, is_kept) = (self.tells_outer(metadata), self.keeps(metadata));
        let written = self.written(|values| span.record(values));
        let task = self.task();
        let parent = match span.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if span.is_contextual() => self.current(task),
            None => None,
        };
        let id = if is_outer {
            let around = span.parent().map(Id::into_u64);
            match around.map(|parent| self.spans().nearest_outer(parent)) {
                None => self.outer.new_span(span),
                Some(Some(parent)) => {
                    let parent = Id::from_u64(parent);
                    let span = Attributes::child_of(parent, metadata, span.values());
                    self.outer.new_span(&span)
                }
                Some(None) => {
                    let span = Attributes::new_root(metadata, span.values());
                    self.outer.new_span(&span)
                }
            }
        } else {
            let mut spans = self.spans();
            spans.made += 1;
            // Others count from the other end.
            Id::from_u64(u64::MAX - spans.made)
        };
        let span = Span {
            metadata,
            fields: written.fields,
            parent,
            holds: 1,
            is_kept,
            is_outer,
        };
        let text = span.to_string();
        {
            let mut spans = self.spans();
            if let Some(parent) = parent.and_then(|parent| spans.known.get_mut(&parent)) {
                parent.holds += 1;
            }
            spans.known.insert(id.into_u64(), span);
        }
        if is_kept {
            self.write(EventKind::Opened(text));
        }
        id
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        if self.is_outer(id) {
            self.outer.record(id, values);
        }
        let written = self.written(|written| values.record(written)).fields;
        if let Some(span) = self.spans().known.get_mut(&id.into_u64()) {
            if !span.fields.is_empty() && !written.is_empty() {
                span.fields.push(' ');
            }
            span.fields.push_str(&written);
        }
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        if self.is_outer(id) && self.is_outer(follows) {
            self.outer.record_follows_from(id, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if self.tells_outer(metadata) {
            self.outer.event(event);
        }
        if !self.keeps(metadata) {
            return;
        }
        let written = self.written(|values| event.record(values));
        let innermost = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_contextual() => self.current(self.task()),
            None => None,
        };
        let mut text = metadata.level().to_string();
        match &*self.spans().path(innermost) {
            "" => {}
            path => text.extend([" ", path, ":"]),
        }
        let parts = [&written.message, &written.fields].into_iter();
        for part in parts.filter(|part| !part.is_empty()) {
            text.extend([" ", part]);
        }
        self.write(EventKind::Traced(text));
    }

    fn enter(&self, id: &Id) {
        let task = self.task();
        self.spans()
            .entered
            .entry(task)
            .or_default()
            .push(id.into_u64());
        if self.is_outer(id) {
            self.outer.enter(id);
        }
    }

    fn exit(&self, id: &Id) {
        let task = self.task();
        self.spans().leave(task, id.into_u64());
        if self.is_outer(id) {
            self.outer.exit(id);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        if self.is_outer(id) {
            let _same = self.outer.clone_span(id);
        }
        if let Some(span) = self.spans().known.get_mut(&id.into_u64()) {
            span.holds += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let number = id.into_u64();
        let is_outer = self.is_outer(&id);
        let closed = self.spans().release(number);
        let is_closed = !closed.is_empty();
        for span in closed.into_iter().filter(|span| span.is_kept) {
            self.write(EventKind::Closed(span.to_string()));
        }
        if is_outer {
            return self.outer.try_close(id);
        }
        is_closed
    }

    fn current_span(&self) -> Current {
        let innermost = self.current(self.task());
        let metadata = |id| self.spans().known.get(&id).map(|span| span.metadata);
        match innermost.and_then(|id| Some((id, metadata(id)?))) {
            Some((id, metadata)) => Current::new(Id::from_u64(id), metadata),
            None => self.outer.current_span(),
        }
    }
}

impl Recorder {
    /// Returns the span that a task is in.
    fn current(&self, task: Option<u64>) -> Option<u64> {
        let spans = self.spans();
        spans.entered.get(&task)?.last().copied()
    }
}

/// The values of an event or a span, as text.
#[derive(Default)]
struct Values {
    message: String,
    fields: String,
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
            return;
        }
        if !self.fields.is_empty() {
            self.fields.push(' ');
        }
        let name = field.name().trim_start_matches("r#");
        let _ = write!(self.fields, "{name}={value:?}");
    }
}
