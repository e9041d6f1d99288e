//! What a scenario's run says, in the words of CPython's traces.

use super::run::{Event, Run};
use super::translate::{BODY, CALLBACK, HANDLE, JOB, OBJECT, Translation};

/// The statements that may wait: their traces say when they begin and when they end.
const WAITING: [&str; 23] = [
    "await", "sleep", "gather", "wait", "wait_for", "shield", "as_completed", "timeout", "tg",
    "exec", "with", "acquire", "ev_wait", "cwait", "cwait_for", "put", "get", "qjoin", "bwait",
    "breset", "babort", "fork", "join",
];

/// The events of the harness are nobody's.
const NOBODY: &str = "-";

impl Translation {
    /// Writes a run as the trace that CPython leaves.
    pub(super) fn trace(&self, run: &Run) -> Vec<String> {
        let mut lines: Vec<String> = run
            .events
            .iter()
            .filter_map(|event| {
                let (task, text) = self.event(event)?;
                Some(format!("t={} task={task} event={text}", event.at_ns))
            })
            .collect();
        let now = run.virtual_ns;
        for task in &run.tasks {
            if let Some(label) = task.name.strip_prefix(HANDLE) {
                let state = ending(&task.state, task.result.as_deref().unwrap_or_default());
                lines.push(format!("t={now} task={NOBODY} event=final:{label}={state}"));
            }
        }
        lines.push(format!("t={now} task={NOBODY} event=end:{}", end(&run.events)));
        lines
    }

    /// Returns whose event it is and what happened, if CPython's traces have such events.
    fn event(&self, event: &Event) -> Option<(&str, String)> {
        let text = event.text.as_deref().unwrap_or_default();
        match event.kind.as_str() {
            "stuck" => {
                let blocked = event.blocked.iter().map(|blocked| {
                    let site = blocked.line.and_then(|line| self.sites.get(&line));
                    let site = site.map_or("?", String::as_str);
                    format!("{}@{site}", self.label(&blocked.body))
                });
                let blocked: Vec<String> = blocked.collect();
                return Some((NOBODY, format!("deadlock:[{}]", blocked.join(","))));
            }
            "interrupted" => return Some((NOBODY, "cancel_main".to_owned())),
            "main_returned" => return Some((NOBODY, format!("main_done:{}", said(text)))),
            "main_failed" => return Some((NOBODY, format!("main_done:!{}", said(text)))),
            "reported" => {
                let kind = match event.report.as_deref()? {
                    "shutdown" => "shutdown",
                    "orphan" => "tg_orphan",
                    "callback" => "callback",
                    _ => return None,
                };
                return Some((NOBODY, format!("exc_handler:{kind}:{}", said(text))));
            }
            _ => {}
        }
        let body = event.body.as_deref()?;
        if body.starts_with(CALLBACK) || body.starts_with(JOB) {
            let task = if body.starts_with(JOB) {
                self.label(body)
            } else {
                "cb"
            };
            return (event.kind == "log").then(|| (task, text.to_owned()));
        }
        let said_here = match event.kind.as_str() {
            "body_began" => "start".to_owned(),
            "body_returned" => format!("exit={}", said(text)),
            "body_failed" => format!("exit=!{}", said(text)),
            _ => self.step(event, text)?,
        };
        Some((self.label(body), said_here))
    }

    /// Returns what a step did.
    fn step(&self, event: &Event, text: &str) -> Option<String> {
        let site = self.sites.get(&event.location.as_ref()?.line)?;
        let (op, id) = site.split_once('#')?;
        let waits = WAITING.contains(&op);
        Some(match event.kind.as_str() {
            "log" => format!("={site}:{text}"),
            "began" => format!("+{site}"),
            "gave" if waits => format!("-{site}={}", given(op, text)),
            "gave" => format!("={site}:{}", given(op, text)),
            "raised" if matches!(op, "raise" | "reraise") => format!("={site}:{}", said(text)),
            "raised" => format!("!{site}={}", said(text)),
            "caught" => format!("catch#{id}:{}", said(text)),
            "finally" => format!("finally#{id}"),
            "round" => format!("iter#{id}:{text}"),
            "item" => format!("item#{id}:{}", said(text)),
            "entered" => format!("enter#{id}"),
            _ => return None,
        })
    }

    /// Returns the label of a body.
    fn label<'a>(&'a self, body: &'a str) -> &'a str {
        match self.jobs.get(body) {
            Some(label) => label,
            None => body.strip_prefix(BODY).unwrap_or(body),
        }
    }
}

/// Writes what a statement gives.
fn given(op: &str, text: &str) -> String {
    match op {
        "call_soon" | "call_later" | "ctx_set" => "none".to_owned(),
        "wait" => {
            let lists = text.trim_start_matches('[').trim_end_matches(']');
            match lists.split_once("], [") {
                Some((done, pending)) => {
                    format!("done={} pending={}", said(&list(done)), said(&list(pending)))
                }
                None => said(text),
            }
        }
        "state" => {
            let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            let (state, result) = inner.and_then(|inner| inner.split_once(", ")).unwrap_or_default();
            match state.trim_matches('"') {
                "none" => "nohandle".to_owned(),
                state => ending(state, result),
            }
        }
        _ => said(text),
    }
}

fn list(items: &str) -> String {
    format!("[{items}]")
}

/// Writes how a task ended.
fn ending(state: &str, result: &str) -> String {
    match state {
        "returned" => format!("ok:{}", said(result)),
        "failed" => format!("exc:{}", said(result)),
        other => other.to_owned(),
    }
}

/// Writes how the run ended.
fn end(events: &[Event]) -> String {
    let main = events
        .iter()
        .find(|event| event.kind.starts_with("main_"));
    let text = main.and_then(|main| main.text.as_deref()).unwrap_or_default();
    let mut end = match main.map(|main| main.kind.as_str()) {
        None => return "stuck".to_owned(),
        Some("main_returned") => "ok",
        Some(_) if text.starts_with("cancelled") => "cancelled",
        Some(_) => "exc",
    }
    .to_owned();
    if events.iter().any(|event| event.kind == "given_up") {
        end.push_str("+stuck");
    }
    end
}

/// Writes a value or an error.
fn said(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some(end) = rest.find(['[', ']', ',']) {
        said.push_str(&word(&rest[..end]));
        said.push_str(&rest[end..=end]);
        rest = rest[end + 1..].trim_start();
    }
    said.push_str(&word(rest));
    said
}

fn word(word: &str) -> String {
    let word = word.trim();
    let (name, detail) = word.split_once(": ").unwrap_or((word, ""));
    let name = match name {
        "nobody" => "nohandle",
        "timeout" => "Timeout",
        "invalid_state" => "InvalidState",
        "broken" => "BrokenBarrier",
        "empty" => "QueueEmpty",
        "full" => "QueueFull",
        "shut_down" => "QueueShutDown",
        "misuse" => "Runtime",
        "invalid" => "Value",
        "group" => "Group",
        "cancelled" if detail.is_empty() => "Cancelled",
        "cancelled" => return format!("Cancelled:{detail}"),
        name => {
            let name = name.strip_prefix(HANDLE).unwrap_or(name);
            return name.strip_prefix(OBJECT).unwrap_or(name).to_owned();
        }
    };
    name.to_owned()
}
