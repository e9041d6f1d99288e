//! A part of a trace, as someone wants to see it.
//!
//! A view borrows a trace and changes nothing in it: it says which events are shown, and how.

use std::fmt;

use super::event::{Event, line};
use crate::assure::Outcome;
use crate::time::Instant;

/// A part of a trace, for a snapshot or for people: what [`Trace::only`](super::Trace::only) and
/// its like return, and [`Run::view`](crate::Run::view). Its text is that of a trace.
///
/// ```
/// use simrun::{Sim, spawn, time};
///
/// let run = Sim::new().record(true).run(|| async {
///     simrun::log!("the key is {}", 0xC0FFEE);
///     spawn(async { time::sleep(time::secs(2)).await }).name("sleeper").await.unwrap();
///     simrun::log!("done");
/// });
/// let story = run.trace().only(["logs", "sleeper"]).without(["steps"]).relative();
/// let story = story.redact("12648430", "[key]");
/// assert_eq!(
///     story.to_string(),
///     "\
/// 0ns           main         logs the key is [key]
/// +0ns          sleeper      waits for a timer
/// +2s           sleeper      ends with a value
/// +0ns          main         logs done
/// ",
/// );
/// ```
pub struct View<'a> {
    events: &'a [Event],
    /// A name of each list must fit.
    only: Vec<Vec<String>>,
    without: Vec<String>,
    is_relative: bool,
    redactions: Vec<Redaction<'a>>,
    outcome: Option<&'a Outcome>,
}

type Redaction<'a> = Box<dyn Fn(&str) -> String + 'a>;

impl<'a> View<'a> {
    pub(crate) fn of(events: &'a [Event]) -> Self {
        Self {
            events,
            only: Vec::new(),
            without: Vec::new(),
            is_relative: false,
            redactions: Vec::new(),
            outcome: None,
        }
    }

    /// Shows how the run ended below its events.
    pub(crate) fn ending(self, outcome: &'a Outcome) -> Self {
        let outcome = Some(outcome);
        Self { outcome, ..self }
    }

    /// Shows only the events that one of the names fits. A name is that of a task, of a host, of a
    /// task on any host, or the [word](super::EventKind::word) for what happened; with `*` at its
    /// end, whatever begins like that. Asked for twice, both lists must have a name that fits.
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only.push(names.into_iter().map(Into::into).collect());
        self
    }

    /// Shows only the events that none of the names fits, which are those that
    /// [`only`](Self::only) knows.
    pub fn without<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.without.extend(names.into_iter().map(Into::into));
        self
    }

    /// Shows how long after the event above it each event came, instead of when: a delay that
    /// changes is one line of a difference then, and not all that follow.
    pub fn relative(mut self) -> Self {
        self.is_relative = true;
        self
    }

    /// Shows one text as another, wherever it is said: in names of tasks, in what happened and in
    /// how the run ended.
    ///
    /// # Panics
    ///
    /// If the text is empty.
    #[track_caller]
    pub fn redact(self, text: impl Into<String>, shown: impl Into<String>) -> Self {
        let (text, shown) = (text.into(), shown.into());
        assert!(
            !text.is_empty(),
            "an empty text is everywhere: say what is to be redacted"
        );
        self.redact_with(move |said| said.replace(&text, &shown))
    }

    /// Shows what a function makes of every text: of each task's name, of what is said of each
    /// event, and of how the run ended.
    ///
    /// ```
    /// use simrun::Sim;
    ///
    /// let run = Sim::new().record(true).run(|| async { simrun::log!("42 is the answer") });
    /// let without_digits = |text: &str| text.replace(|letter: char| letter.is_numeric(), "_");
    /// let view = run.trace().only(["logs"]).redact_with(without_digits);
    /// assert!(view.to_string().ends_with("logs __ is the answer\n"));
    /// ```
    pub fn redact_with(mut self, shown: impl Fn(&str) -> String + 'a) -> Self {
        self.redactions.push(Box::new(shown));
        self
    }

    /// Goes through the events that are shown. What is redacted is redacted in the text alone.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(|event| self.shows(event))
    }

    fn shows(&self, event: &Event) -> bool {
        let any = |names: &[String]| names.iter().any(|name| fits(name, event));
        self.only.iter().all(|names| any(names)) && !any(&self.without)
    }

    fn redacted(&self, text: &str) -> String {
        let redactions = self.redactions.iter();
        redactions.fold(text.to_owned(), |text, redact| redact(&text))
    }
}

/// Says whether a name fits an event.
fn fits(name: &str, event: &Event) -> bool {
    let is = |other: &str| match name.strip_suffix('*') {
        Some(start) => other.starts_with(start),
        None => other == name,
    };
    let host = event.host.as_deref();
    let on_host = host.and_then(|host| event.task.strip_prefix(host));
    let on_host = on_host.and_then(|task| task.strip_prefix([':', '/']));
    let names = [Some(&*event.task), host, on_host, Some(event.kind.word())];
    names.into_iter().flatten().any(is)
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<Instant> = None;
        for event in self.events() {
            let time = match before.replace(event.at) {
                Some(before) if self.is_relative => format!("+{:?}", event.at - before),
                _ => event.at.to_string(),
            };
            let (task, detail) = (
                self.redacted(&event.task),
                self.redacted(event.kind.detail()),
            );
            writeln!(f, "{}", line(&time, &task, event.kind.word(), &detail))?;
        }
        match self.outcome {
            Some(outcome) => writeln!(f, "{}", self.redacted(outcome.to_string().trim_end())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}
