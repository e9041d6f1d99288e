//! What can be said only when all bodies are read.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use super::codes;
use super::errors;
use super::parser::{CallFact, How};
use super::problems::closest;
use crate::scenario::source::Span;

impl Reader<'_> {
    /// Looks at what all bodies say together.
    pub(super) fn review(&mut self) {
        self.check_errors();
        self.check_callbacks();
        self.check_cycles();
        self.check_unused();
    }

    /// Reports handlers of errors that nobody raises.
    fn check_errors(&mut self) {
        for (name, at) in &self.facts.handled {
            if self.facts.raised.contains(name) {
                continue;
            }
            let raised = self.facts.raised.iter().map(|name| &**name);
            let near = closest(name, errors::names().chain(raised));
            let message = format!("no step raises `{name}`");
            let problem = self.problems.error(codes::ERROR, *at, message);
            problem.label("unknown error");
            if let Some(near) = near {
                problem.suggest(format!("did you mean `{near}`?"), *at, near);
            }
        }
    }

    /// Reports callbacks that would have to wait, also by what they call.
    fn check_callbacks(&mut self) {
        let callbacks = self
            .facts
            .calls
            .iter()
            .filter(|call| call.how == How::Callback);
        for callback in callbacks {
            let Some(wait) = self.first_wait(callback.to) else {
                continue;
            };
            let name = &self.names.bodies[usize::from(callback.to)].name;
            let message = format!("`{name}` waits, and a callback must not");
            let problem = self.problems.error(codes::CALLBACK, callback.at, message);
            problem
                .label("runs as a callback")
                .related(wait, "waits here");
            problem.note(format!("spawn a task instead: `spawn {name}(…)`"));
        }
    }

    /// Returns where a body waits, or one that it calls.
    fn first_wait(&self, body: u16) -> Option<Span> {
        let mut seen = BTreeSet::from([body]);
        let mut open = vec![body];
        while let Some(body) = open.pop() {
            if let Some(wait) = self.facts.waits.get(&body) {
                return Some(*wait);
            }
            let within = self
                .facts
                .calls
                .iter()
                .filter(|call| call.how == How::Within);
            for call in within.filter(|call| call.from == body) {
                if seen.insert(call.to) {
                    open.push(call.to);
                }
            }
        }
        None
    }

    /// Reports bodies that call each other within one task, each ring once.
    fn check_cycles(&mut self) {
        let mut calls: BTreeMap<u16, Vec<CallFact>> = BTreeMap::new();
        for call in self
            .facts
            .calls
            .iter()
            .filter(|call| call.how == How::Within)
        {
            calls.entry(call.from).or_default().push(*call);
        }
        let mut done = BTreeSet::new();
        for start in calls.keys().copied() {
            // The way from the start: each body and the call by which it is left.
            let mut way: Vec<(u16, usize)> = vec![(start, 0)];
            while let Some((body, next)) = way.last_mut() {
                let call = calls.get(body).and_then(|calls| calls.get(*next)).copied();
                *next += 1;
                let Some(call) = call.filter(|_| !done.contains(body)) else {
                    done.insert(*body);
                    way.pop();
                    continue;
                };
                let ring = way.iter().position(|(body, _)| *body == call.to);
                match ring {
                    Some(from) => {
                        let names = way[from..].iter().map(|(body, _)| *body);
                        let names: Vec<_> = names.chain([call.to]).collect();
                        self.report_cycle(&names, call);
                        done.extend(names);
                    }
                    None if done.contains(&call.to) => {}
                    None => way.push((call.to, 0)),
                }
            }
        }
    }

    fn report_cycle(&mut self, ring: &[u16], call: CallFact) {
        let name = |body: &u16| format!("`{}`", self.names.bodies[usize::from(*body)].name);
        let names: Vec<_> = ring.iter().map(name).collect();
        let message = format!("{}, without end", names.join(" calls "));
        let message = match names.len() {
            2 => format!("{} calls itself without end", names[0]),
            _ => message,
        };
        let problem = self.problems.error(codes::CYCLE, call.at, message);
        problem.label("calls within the same task");
        problem.note("a task of its own would not: `spawn f()`");
    }

    /// Warns of tasks and programs that nobody starts.
    fn check_unused(&mut self) {
        let calls = &self.facts.calls;
        if !self.has_hosts && self.names.body("main").is_none() {
            return;
        }
        let called: BTreeSet<u16> = calls
            .iter()
            .filter(|call| call.from != call.to)
            .map(|call| call.to)
            .collect();
        let has_hosts = self.has_hosts;
        for (index, body) in (0..).zip(&self.names.bodies) {
            let is_main = &*body.name == "main" && !has_hosts;
            if is_main || called.contains(&index) || self.facts.started.contains(&index) {
                continue;
            }
            let what = if body.is_program { "program" } else { "task" };
            let message = format!("nothing starts the {what} `{}`", body.name);
            let problem = self.problems.warning(codes::UNUSED, body.span, message);
            problem.label("never started");
            if &*body.name == "main" {
                problem.note("with `[host]`, only what hosts start is run");
            }
        }
    }
}
