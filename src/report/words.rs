//! What events are called. A word is the same for people, for machines and for `--only`.

use super::paint::printable;
use super::{place, who};
use crate::scenario::record::{Event, Standing, What};
use crate::scenario::source::{Source, Span};

/// The text of a step is cut off here, so that a line stays a line.
const STEP_LENGTH: usize = 48;

/// Returns the word that names the kind of an event.
pub(crate) fn word(what: &What) -> &'static str {
    match what {
        What::Logged(_) => "logs",
        What::Fault(_) => "fault",
        What::Spawned(_) => "spawns",
        What::Returned(_) => "returns",
        What::Failed(_) => "fails",
        What::Cancelled => "cancelled",
        What::CancelRequested(_) => "cancels",
        What::Reported(..) => "reports",
        What::Packet(_) => "packet",
        What::BodyBegan => "begins",
        What::BodyReturned(_) => "ends",
        What::BodyFailed(_) => "breaks",
        What::Began => "starts",
        What::Gave(_) => "gives",
        What::Raised(_) => "raises",
        What::Caught(_) => "catches",
        What::Finally => "finally",
        What::Round(_) => "round",
        What::Item(_) => "item",
        What::Entered => "holds",
        What::Stuck(_) => "stuck",
        What::Interrupted => "interrupted",
        What::GivenUp => "given-up",
        What::MainReturned(_) => "finishes",
        What::MainFailed(_) => "dies",
    }
}

/// Returns an event as one line, with room for names of `width` characters. A text of several
/// lines goes on below its own beginning.
pub(crate) fn line(event: &Event, source: &Source, width: usize) -> String {
    let who = who(event.host.as_deref(), &event.task);
    let head = format!("{:>13}  {who:<width$} ", event.at.to_string());
    let text = format!("{} {}", word(&event.what), detail(event, source));
    let indent = format!("\n{:1$}", "", head.chars().count());
    let text = printable(text.trim_end()).replace('\n', &indent);
    format!("{head}{text}")
}

fn detail(event: &Event, source: &Source) -> String {
    let detail = match &event.what {
        What::Logged(text)
        | What::Fault(text)
        | What::Returned(text)
        | What::Failed(text)
        | What::Packet(text)
        | What::BodyReturned(text)
        | What::BodyFailed(text)
        | What::Gave(text)
        | What::Raised(text)
        | What::Caught(text)
        | What::Item(text)
        | What::MainReturned(text)
        | What::MainFailed(text) => text.clone(),
        What::Spawned(name) | What::CancelRequested(name) => name.to_string(),
        What::Reported(kind, None) => kind.clone(),
        What::Reported(kind, Some(error)) => format!("{kind}: {error}"),
        What::Round(round) => round.to_string(),
        What::Stuck(bodies) => {
            let stands = |standing: &Standing| {
                let step = standing
                    .span
                    .map(|span| format!(" {}", at_step(source, span)));
                let beside = standing
                    .beside
                    .as_ref()
                    .map(|what| format!(" beside {what}"));
                let (step, beside) = (step.unwrap_or_default(), beside.unwrap_or_default());
                format!("{}{step}{beside}", standing.body)
            };
            bodies.iter().map(stands).collect::<Vec<_>>().join(", ")
        }
        What::BodyBegan => event.body.as_deref().unwrap_or_default().to_owned(),
        What::Cancelled
        | What::Began
        | What::Finally
        | What::Entered
        | What::Interrupted
        | What::GivenUp => String::new(),
    };
    match (event.what.class(), &event.what, event.span) {
        (Some("steps"), What::BodyBegan, _) | (_, _, None) => detail,
        (Some("steps"), _, Some(span)) => {
            let step = at_step(source, span);
            format!("{detail} {step}").trim_start().to_owned()
        }
        _ => detail,
    }
}

fn at_step(source: &Source, span: Span) -> String {
    format!("({}: {})", place(source, span).0, step(source, span))
}

/// Returns the text of a step on one line.
pub(super) fn step(source: &Source, span: Span) -> String {
    let mut lines = source.slice(span).lines();
    let first = lines.next().unwrap_or_default().trim_end();
    let mut step: String = first.chars().take(STEP_LENGTH).collect();
    if step.len() < first.len() || lines.next().is_some() {
        step.push_str(" ...");
    }
    step
}
