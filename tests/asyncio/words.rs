//! What a scenario's run says, in the words of CPython's traces.

use super::run::{Event, Run};
use super::translate::{BODY, CALLBACK, HANDLE, JOB, OBJECT, Translation};

/// The statements that may wait: their traces say when they begin and when they end.
const WAITING: [&str; 21] = [
    "await",
    "sleep",
    "gather",
    "wait",
    "wait_for",
    "shield",
    "as_completed",
    "timeout",
    "tg",
    "exec",
    "with",
    "acquire",
    "ev_wait",
    "cwait",
    "cwait_for",
    "put",
    "get",
    "qjoin",
    "bwait",
    "breset",
    "babort",
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
        // In the order in which the statements gave them, which eager tasks are not begun in.
        for event in run.events.iter().filter(|event| self.has_spawned(event)) {
            let task = run
                .tasks
                .iter()
                .find(|task| Some(&task.name) == event.value.as_ref());
            if let Some(task) = task {
                let label = task.name.trim_start_matches(HANDLE);
                let state = ending(&task.state, task.result.as_deref().unwrap_or_default());
                lines.push(format!("t={now} task={NOBODY} event=final:{label}={state}"));
            }
        }
        lines.push(format!(
            "t={now} task={NOBODY} event=end:{}",
            end(&run.events)
        ));
        lines
    }

    /// Returns whose event it is and what happened, if CPython's traces have such events.
    fn event<'a>(&'a self, event: &'a Event) -> Option<(&'a str, String)> {
        let value = said(event.value.as_deref().unwrap_or_default());
        let error = said(event.error.as_deref().unwrap_or_default());
        let text = event.text.as_deref().unwrap_or_default();
        match event.kind.as_str() {
            "stuck" => return Some((NOBODY, self.deadlock(event))),
            "interrupted" => return Some((NOBODY, "cancel_main".to_owned())),
            "finishes" => return Some((NOBODY, format!("main_done:{value}"))),
            "dies" => return Some((NOBODY, format!("main_done:!{error}"))),
            "reports" => {
                let kind = match text {
                    "shutdown" => "shutdown",
                    "orphan" => "tg_orphan",
                    "callback" => "callback",
                    _ => return None,
                };
                return Some((NOBODY, format!("exc_handler:{kind}:{error}")));
            }
            _ => {}
        }
        let body = event.body.as_deref()?;
        if body.starts_with(CALLBACK) || body.starts_with(JOB) {
            let task = match body.starts_with(JOB) {
                true => self.label(body),
                false => "cb",
            };
            return (event.kind == "logs").then(|| (task, text.to_owned()));
        }
        let what = match event.kind.as_str() {
            "begins" => "start".to_owned(),
            "ends" => format!("exit={value}"),
            "breaks" => format!("exit=!{error}"),
            _ => self.step(event)?,
        };
        Some((self.label(body), what))
    }

    /// Says whether a statement that spawns a task is done.
    fn has_spawned(&self, event: &Event) -> bool {
        let site = event.line.and_then(|line| self.sites.get(&line));
        let op = site.and_then(|site| site.split('#').next());
        event.kind == "gives" && matches!(op, Some("spawn" | "tg_spawn"))
    }

    fn deadlock(&self, event: &Event) -> String {
        let blocked = event.bodies.iter().map(|body| {
            let site = body.line.and_then(|line| self.sites.get(&line));
            let site = site.map_or("?", String::as_str);
            format!("{}@{site}", self.label(&body.name))
        });
        let blocked: Vec<String> = blocked.collect();
        format!("deadlock:[{}]", blocked.join(","))
    }

    /// Returns what a step did.
    fn step(&self, event: &Event) -> Option<String> {
        let site = self.sites.get(&event.line?)?;
        let (op, id) = site.split_once('#')?;
        let waits = WAITING.contains(&op);
        let value = event.value.as_deref().unwrap_or_default();
        let error = said(event.error.as_deref().unwrap_or_default());
        Some(match event.kind.as_str() {
            "logs" => format!("={site}:{}", event.text.as_deref().unwrap_or_default()),
            "starts" => format!("+{site}"),
            "gives" if waits => format!("-{site}={}", given(op, value)),
            "gives" => format!("={site}:{}", given(op, value)),
            "raises" if matches!(op, "raise" | "reraise") => format!("={site}:{error}"),
            "raises" => format!("!{site}={error}"),
            "catches" => format!("catch#{id}:{error}"),
            "finally" => format!("finally#{id}"),
            "round" => format!("iter#{id}:{}", event.round?),
            "item" => format!("item#{id}:{}", said(value)),
            "holds" => format!("enter#{id}"),
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
                    format!(
                        "done={} pending={}",
                        said(&list(done)),
                        said(&list(pending))
                    )
                }
                None => said(text),
            }
        }
        "state" => {
            let inner = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            let (state, result) = inner
                .and_then(|inner| inner.split_once(", "))
                .unwrap_or_default();
            match result {
                "nobody" => "nohandle".to_owned(),
                result => ending(state.trim_matches('"'), result),
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
        .find(|event| matches!(event.kind.as_str(), "finishes" | "dies"));
    let Some(main) = main else {
        return "stuck".to_owned();
    };
    let end = match &main.error {
        None => "ok",
        Some(error) if error.starts_with("cancelled") => "cancelled",
        Some(_) => "exc",
    };
    let gave_up = events.iter().any(|event| event.kind == "given-up");
    format!("{end}{}", if gave_up { "+stuck" } else { "" })
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
