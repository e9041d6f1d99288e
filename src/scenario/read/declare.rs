//! What exists: hosts, objects, variables, and the heads of tasks and programs.

use std::sync::Arc;

use toml::de::DeValue;

use super::Reader;
use super::codes;
use super::entry::{self, Entry};
use super::lex::{self, Kind, Sign};
use super::names::{Declares, Global, MOST_NAMES, Signature, check_name};
use super::number;
use super::problems::{Problems, shown};
use crate::scenario::model::{ObjectEntry, ObjectKind, QueueOrder};
use crate::scenario::source::Span;
use crate::scenario::tree::Const;

/// The most capacity, permits, parties or threads that an object may have: more is a slip.
const MOST: i128 = 1_000_000;

/// The most hosts that one entry may be counted up to.
const MOST_HOSTS: i128 = 1_000;

/// How deep lists of variables may stand in each other.
const DEEPEST_LIST: usize = 20;

impl<'a> Reader<'a> {
    /// Reads all declarations of the file's tables.
    pub(super) fn declare(&mut self, tables: &[Entry<'a>]) {
        for table in tables {
            let key = &*table.key.content;
            match key {
                "queue" | "lock" | "event" | "condition" | "future" | "semaphore" | "barrier"
                | "pool" => self.objects(table, key),
                "shared" | "context" => self.variables(table, key),
                "host" => self.host_names(table),
                "task" | "program" => self.signatures(table, key == "program"),
                _ => {}
            }
        }
        let too_many = [
            self.names.objects.len(),
            self.names.shared.len(),
            self.names.context.len(),
            self.names.bodies.len(),
        ];
        if too_many.iter().any(|count| *count >= MOST_NAMES) {
            let message = "the file declares too many things of one kind";
            self.problems.error(codes::LIMIT, Span::default(), message);
        }
    }

    fn entries(&mut self, table: &Entry<'a>) -> Vec<Entry<'a>> {
        let entries = table.table(&mut self.problems);
        self.names.incomplete |= entries.is_none();
        let mut entries = entries.unwrap_or_default();
        entries.truncate(MOST_NAMES);
        entries
    }

    fn objects(&mut self, table: &Entry<'a>, kind: &str) {
        for entry in self.entries(table) {
            let (name, at) = (&*entry.key.content, entry.key.whole);
            let known = self.object_kind(&entry, kind);
            let is_name = check_name(name, at, Declares::Other, &mut self.problems);
            if !is_name {
                continue;
            }
            let Ok(index) = u16::try_from(self.names.objects.len()) else {
                return;
            };
            let name: Arc<str> = name.into();
            // What is wrong within the entry has been reported; the name exists all the same.
            let kind = known.unwrap_or(placeholder(kind));
            let global = Global::Object(index);
            if self.names.add_global(&name, global, at, &mut self.problems) {
                self.names.objects.push(ObjectEntry {
                    name,
                    kind,
                    span: at,
                });
            }
        }
    }

    fn object_kind(&mut self, entry: &Entry<'a>, kind: &str) -> Option<ObjectKind> {
        let keys = entry.table(&mut self.problems)?;
        let problems = &mut self.problems;
        let known: &[&str] = match kind {
            "queue" => &["capacity", "order"],
            "semaphore" => &["permits", "bounded"],
            "barrier" => &["parties"],
            "pool" => &["threads"],
            _ => &[],
        };
        if known.is_empty() {
            if let Some(first) = keys.first() {
                let message = format!("a {kind} has no keys");
                problems
                    .error(codes::KEY, first.key.whole, message)
                    .label("unknown key");
            }
        } else {
            entry::check_keys(&keys, kind, known, problems);
        }
        let number = |key: &str, least: i128, problems: &mut _| {
            let entry = entry::find(&keys, key)?;
            Some(entry.integer(least..=MOST, problems).map(as_usize))
        };
        Some(match kind {
            "queue" => {
                let capacity = number("capacity", 0, problems).flatten();
                let order = entry::find(&keys, "order");
                let order =
                    order.and_then(|order| order.choice(&["fifo", "lifo", "priority"], problems));
                let order = match order {
                    Some("lifo") => QueueOrder::Lifo,
                    Some("priority") => QueueOrder::Priority,
                    _ => QueueOrder::Fifo,
                };
                ObjectKind::Queue(capacity.filter(|capacity| *capacity > 0), order)
            }
            "semaphore" => {
                let permits = number("permits", 0, problems).flatten().unwrap_or(1);
                let bounded = entry::find(&keys, "bounded");
                let bounded = bounded.and_then(|bounded| bounded.boolean(problems));
                ObjectKind::Semaphore {
                    permits,
                    bounded: bounded.unwrap_or(false),
                }
            }
            "barrier" | "pool" => {
                let key = if kind == "pool" { "threads" } else { "parties" };
                let Some(count) = number(key, 1, problems) else {
                    let message = format!("a {kind} says how many {key} it has");
                    let problem = problems.error(codes::MISSING, entry.span(), message);
                    problem.label(format!("`{key}` is missing"));
                    return None;
                };
                let count = count?;
                match kind {
                    "pool" => ObjectKind::Pool(u32::try_from(count).ok()?),
                    _ => ObjectKind::Barrier(count),
                }
            }
            _ => placeholder(kind),
        })
    }

    fn variables(&mut self, table: &Entry<'a>, key: &str) {
        for entry in self.entries(table) {
            let (name, at) = (&*entry.key.content, entry.key.whole);
            let value = self.constant(&entry, DEEPEST_LIST);
            if !check_name(name, at, Declares::Other, &mut self.problems) {
                continue;
            }
            let list = match key {
                "shared" => &self.names.shared,
                _ => &self.names.context,
            };
            let Ok(index) = u16::try_from(list.len()) else {
                return;
            };
            let global = match key {
                "shared" => Global::Shared(index),
                _ => Global::Context(index),
            };
            let name: Arc<str> = name.into();
            if self.names.add_global(&name, global, at, &mut self.problems) {
                let list = match key {
                    "shared" => &mut self.names.shared,
                    _ => &mut self.names.context,
                };
                list.push((name, value.unwrap_or(Const::None)));
            }
        }
    }

    /// Reads what a variable is at the start.
    fn constant(&mut self, entry: &Entry<'a>, depth: usize) -> Option<Const> {
        Some(match entry.value {
            DeValue::Boolean(value) => Const::Bool(*value),
            DeValue::Integer(_) => {
                let allowed = i128::from(i64::MIN)..=i128::from(i64::MAX);
                let value = entry.integer(allowed, &mut self.problems)?;
                Const::Int(i64::try_from(value).ok()?)
            }
            DeValue::String(text) if text == "none" => Const::None,
            DeValue::String(text) => match number::read_duration(text) {
                Ok(duration) => Const::Duration(duration),
                Err(_) => Const::Text(Arc::from(&**text)),
            },
            DeValue::Array(items) if depth > 0 => {
                let items = items
                    .iter()
                    .map(|item| self.constant(&entry.item(item), depth - 1));
                Const::List(items.collect::<Option<_>>()?)
            }
            _ => {
                let wanted = "an integer, a boolean, a string or a list";
                entry.mistyped(wanted, &mut self.problems);
                return None;
            }
        })
    }

    fn host_names(&mut self, table: &Entry<'a>) {
        for entry in self.entries(table) {
            let (name, at) = (&*entry.key.content, entry.key.whole);
            let is_name = check_name(name, at, Declares::Host, &mut self.problems);
            if !is_name {
                continue;
            }
            // What is wrong with the count is reported where the rest of the entry is read.
            let mut silent = Problems::default();
            let keys = entry.table(&mut silent).unwrap_or_default();
            let count = entry::find(&keys, "count");
            let count = count.and_then(|count| count.integer(1..=MOST_HOSTS, &mut silent));
            let names: Vec<Arc<str>> = match count {
                Some(count) => (1..=count).map(|n| format!("{name}{n}").into()).collect(),
                None => vec![name.into()],
            };
            let mut group = Vec::new();
            for host in names {
                let Ok(index) = u16::try_from(self.names.hosts.len()) else {
                    let message = "there are too many hosts";
                    self.problems.error(codes::LIMIT, at, message);
                    return;
                };
                let before = self.names.groups.get(&host).and_then(|group| group.first());
                let before = before.and_then(|first| self.names.hosts.get(usize::from(*first)));
                if let Some((_, before)) = before.cloned() {
                    let message = format!("there are two hosts called `{host}`");
                    let problem = self.problems.error(codes::DUPLICATE, at, message);
                    problem.label("again").related(before, "declared here");
                }
                group.push(index);
                self.names.groups.insert(host.clone(), vec![index]);
                self.names.hosts.push((host, at));
            }
            self.names.groups.insert(name.into(), group);
        }
    }

    fn signatures(&mut self, table: &Entry<'a>, is_program: bool) {
        for entry in self.entries(table) {
            let text = entry.text("a string of steps", &mut self.problems);
            let text = text.and_then(|text| self.body_text(text));
            let Some((name, name_at, parameters)) = self.signature(&entry) else {
                self.names.incomplete = true;
                continue;
            };
            let span = entry.key.whole;
            self.check_task_name(&name, name_at, is_program, &parameters);
            if let Some((_, before)) = self.names.body(&name) {
                let before = before.span;
                let message = format!("`{name}` is declared twice");
                let problem = self.problems.error(codes::DUPLICATE, span, message);
                problem
                    .label("declared again")
                    .related(before, "declared here");
                continue;
            }
            let Ok(index) = u16::try_from(self.names.bodies.len()) else {
                return;
            };
            self.names.places.insert(name.clone(), index);
            self.names.bodies.push(Signature {
                name,
                span,
                is_program,
                parameters,
                text,
            });
        }
    }

    /// Reports steps in a string in which places could not be pointed at.
    fn body_text(&mut self, text: super::text::Text<'a>) -> Option<super::text::Text<'a>> {
        if !text.has_escapes() {
            return Some(text);
        }
        let problem = self.problems.error(
            codes::BODY,
            text.whole,
            "steps stand in `'''`, not in a string with escapes",
        );
        problem.label("use `'''` here");
        problem.note("backslashes would be read twice, and mistakes could not be pointed at");
        None
    }

    fn check_task_name(
        &mut self,
        name: &str,
        at: Span,
        is_program: bool,
        parameters: &[(Arc<str>, Span)],
    ) {
        if !check_name(name, at, Declares::Task, &mut self.problems) {
            return;
        }
        if name == "main" && is_program {
            let message = "`main` is a task, not a program";
            self.problems.error(codes::RESERVED, at, message);
        }
        if name == "main" && !self.has_hosts && !parameters.is_empty() {
            let message = "`main` takes no arguments: nobody calls it";
            let problem = self.problems.error(codes::COUNT, parameters[0].1, message);
            problem.label("cannot be given");
        }
        if self.names.functions.contains(&name) {
            let message = format!("`{name}` is a function in Rust already");
            self.problems.error(codes::DUPLICATE, at, message);
        }
    }

    /// Reports tasks and parameters that are called as an object is, when all are known.
    pub(super) fn check_across(&mut self) {
        for body in &self.names.bodies {
            let mut report = |name: &str, at: Span, what: &str| {
                let Some(global) = self.names.global(name) else {
                    return;
                };
                let is_object = matches!(global, Global::Object(_));
                if what == "task" && !is_object {
                    return;
                }
                let other = self.names.what(global);
                let message = format!("the {what} `{name}` is called as {other} is");
                let problem = self.problems.error(codes::DUPLICATE, at, message);
                problem.label("declared again");
                if let Some(before) = self.names.declared_at(name) {
                    problem.related(before, format!("{other} already"));
                }
            };
            report(&body.name, body.span, "task");
            for (name, at) in &body.parameters {
                report(name, *at, "parameter");
            }
        }
    }

    /// Reads `name` or `name(a, b)`.
    #[expect(
        clippy::type_complexity,
        reason = "the parts of a head, taken apart at once"
    )]
    fn signature(&mut self, entry: &Entry<'a>) -> Option<(Arc<str>, Span, Vec<(Arc<str>, Span)>)> {
        let key = &entry.key;
        let whole = 0..key.content.len();
        let mut silent = Problems::default();
        let tokens = lex::tokens(key, whole, &mut silent);
        let word = |at: usize| {
            let token = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
            Some((
                Arc::<str>::from(&key.content[token.start..token.end]),
                token.span,
            ))
        };
        let sign = |at: usize, sign| {
            tokens
                .get(at)
                .is_some_and(|token| token.kind == Kind::Sign(sign))
        };
        let ends = |at: usize| tokens.get(at).is_some_and(|token| token.kind == Kind::End);
        let head = word(0);
        let mut parameters: Vec<(Arc<str>, Span)> = Vec::new();
        let well_formed = head.is_some()
            && (ends(1) || {
                let mut at = 2;
                while let Some(parameter) = word(at) {
                    parameters.push(parameter);
                    at += 1;
                    if !sign(at, Sign::Comma) {
                        break;
                    }
                    at += 1;
                }
                sign(1, Sign::Open) && sign(at, Sign::Close) && ends(at + 1)
            });
        if !well_formed {
            let message = format!("`{}` is not the head of a task", shown(&key.content));
            let problem = self.problems.error(codes::RESERVED, key.whole, message);
            problem.label("neither `name` nor `\"name(a, b)\"`");
            return None;
        }
        for (at, (name, span)) in parameters.iter().enumerate() {
            check_name(name, *span, Declares::Other, &mut self.problems);
            if let Some((_, first)) = parameters[..at].iter().find(|(other, _)| other == name) {
                let message = format!("two parameters are called `{name}`");
                let problem = self.problems.error(codes::DUPLICATE, *span, message);
                problem.related(*first, "the first");
            }
        }
        let (name, at) = head?;
        Some((name, at, parameters))
    }
}

/// Stands for an object whose keys are wrong.
fn placeholder(kind: &str) -> ObjectKind {
    match kind {
        "queue" => ObjectKind::Queue(None, QueueOrder::Fifo),
        "lock" => ObjectKind::Lock,
        "event" => ObjectKind::Event,
        "condition" => ObjectKind::Condition,
        "future" => ObjectKind::Future,
        "semaphore" => ObjectKind::Semaphore {
            permits: 1,
            bounded: false,
        },
        "barrier" => ObjectKind::Barrier(1),
        _ => ObjectKind::Pool(1),
    }
}

fn as_usize(number: i128) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
