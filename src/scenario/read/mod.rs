//! Reading a scenario: from the text of a file to what it says, or to all that is wrong with it.
//!
//! TOML is read first, with all of its mistakes; then the declarations, so that order never
//! matters; then the texts that name them; at last what they say together is looked at.

mod arguments;
mod check;
mod codes;
mod declare;
mod document;
mod entry;
mod errors;
mod expr;
mod fault;
mod flow;
mod kinds;
mod lex;
mod names;
mod network;
mod number;
mod parser;
mod problems;
mod resolve;
mod review;
mod step;
mod string;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod verb_table;
pub(crate) mod verbs;

use std::time::Duration;

use toml::de::{DeTable, DeValue};

use self::entry::Entry;
use self::names::Names;
pub(crate) use self::number::seeds;
use self::parser::{Facts, Parser, Scope, Whose};
use self::problems::Problems;
use super::diagnostic::{Diagnostic, Severity};
use super::model::{Body, Check, Model};
use super::programs::Programs;
use super::source::{Source, Span};

/// The format that this version reads.
const FORMAT: i128 = 1;

/// Larger files are no scenarios.
const LARGEST: usize = 16 << 20;

const TABLES: [&str; 23] = [
    "format",
    "name",
    "run",
    "host",
    "link",
    "queue",
    "lock",
    "event",
    "condition",
    "future",
    "semaphore",
    "barrier",
    "pool",
    "shared",
    "context",
    "file",
    "task",
    "program",
    "timeline",
    "faults",
    "check",
    "explore",
    "snapshot",
];

/// Reads a scenario. There is a model unless something is an error; warnings are left to whoever
/// asks.
pub(crate) fn read(source: Source, programs: &Programs) -> (Option<Model>, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    if source.text.len() > LARGEST {
        let message = format!("the file has more than {} MiB", LARGEST >> 20);
        problems.error(codes::LIMIT, Span::default(), message);
        return (None, problems.into_list());
    }
    let (parts, problems) = Reader::read(&source, programs);
    let is_wrong = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let model = parts.filter(|_| !is_wrong).map(|mut model| {
        model.source = source;
        model
    });
    (model, problems)
}

/// What reading has come to.
struct Reader<'a> {
    names: Names<'a>,
    facts: Facts,
    problems: Problems,
    /// When the run ends, and where that is said.
    until: Option<(Duration, Span)>,
    has_hosts: bool,
}

impl<'a> Reader<'a> {
    fn read(source: &'a Source, programs: &Programs) -> (Option<Model>, Vec<Diagnostic>) {
        let file = &*source.text;
        let (document, mistakes) = DeTable::parse_recoverable(file);
        let tables = entry::entries(document.get_ref(), file);
        let has_hosts = entry::find(&tables, "host").is_some();
        let mut reader = Reader {
            names: Names::default(),
            facts: Facts::default(),
            problems: Problems::default(),
            until: None,
            has_hosts,
        };
        reader.names.functions = programs.names().collect();
        let model = reader.model(&tables);
        let mut list = reader.problems.into_list();
        if !mistakes.is_empty() {
            list = document::with_mistakes(source, &mistakes, &tables, list);
        }
        (model, list)
    }

    /// Reads everything, in an order in which what is named is known.
    fn model(&mut self, tables: &[Entry<'a>]) -> Option<Model> {
        if !self.check_format(tables) {
            return None;
        }
        entry::check_keys(tables, "", &TABLES, &mut self.problems);
        let name = self.title(tables);
        let find = |key: &str| entry::find(tables, key);
        let run = find("run").map(|table| self.run_table(table));
        self.declare(tables);
        self.check_across();
        self.check_main(tables);
        let bodies = self.bodies();
        let hosts = find("host").map(|table| self.hosts(table));
        let links = find("link").map(|table| self.links(table));
        let files = find("file").map(|table| self.files(table));
        let timeline = find("timeline").map(|table| self.timeline(table));
        let faults = find("faults").map(|table| self.faults_table(table));
        let checks = find("check").map(|table| self.checks(table));
        let explore = find("explore").map(|table| self.explore_table(table));
        let snapshot = find("snapshot").map(|table| self.snapshot_table(table));
        self.review();
        Some(Model {
            source: Source::new("", ""),
            name: name?,
            run: run.unwrap_or_default(),
            hosts: hosts.unwrap_or_default(),
            links: links.unwrap_or_default(),
            objects: std::mem::take(&mut self.names.objects),
            shared: std::mem::take(&mut self.names.shared),
            context: std::mem::take(&mut self.names.context),
            files: files.unwrap_or_default(),
            bodies,
            timeline: timeline.unwrap_or_default(),
            faults,
            checks: checks.unwrap_or_default(),
            counters: std::mem::take(&mut self.facts.counters),
            explore: explore.unwrap_or_default(),
            snapshot,
        })
    }

    /// Says whether the file has a format that can be read. Of another, nothing else is said.
    fn check_format(&mut self, tables: &[Entry<'a>]) -> bool {
        let Some(format) = entry::find(tables, "format") else {
            let message = "the file does not say which format it has";
            let problem = self
                .problems
                .error(codes::MISSING, Span::default(), message);
            problem.suggest("add it", Span::default(), "format = 1\n");
            return true;
        };
        let DeValue::Integer(integer) = format.value else {
            format.mistyped("an integer", &mut self.problems);
            return true;
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix());
        if number == Ok(FORMAT) {
            return true;
        }
        let message =
            format!("the file has format {integer}, and this version reads format {FORMAT}");
        let problem = self.problems.error(codes::FORMAT, format.span(), message);
        problem.label("unknown format");
        if number.is_ok_and(|number| number > FORMAT) {
            problem.note("a newer version of simrun may read it");
        }
        false
    }

    /// Returns the sentence that the scenario is called.
    fn title(&mut self, tables: &[Entry<'a>]) -> Option<String> {
        let Some(name) = entry::find(tables, "name") else {
            let message = "the file does not say what it is called";
            let at = entry::find(tables, "format").map(Entry::span);
            let end = at.map_or(0, |at| at.end);
            let at = Span { start: end, end };
            let problem = self.problems.error(codes::MISSING, at, message);
            problem.label("`name` is missing");
            problem.note("`name` is one sentence: `name = \"A consumer that is cancelled\"`");
            return None;
        };
        let text = name.text("a string", &mut self.problems)?;
        if text.content.trim().is_empty() {
            let message = "`name` is one sentence, and this is none";
            self.problems.error(codes::MISSING, name.span(), message);
        }
        Some(text.content.into_owned())
    }

    /// Reports that there is nothing to run.
    fn check_main(&mut self, tables: &[Entry<'a>]) {
        let (host, task) = (entry::find(tables, "host"), entry::find(tables, "task"));
        if let Some(host) = host {
            if self.names.hosts.is_empty() && !self.names.incomplete {
                let message = "`[host]` declares no host";
                self.problems.error(codes::MISSING, host.key.whole, message);
            }
            return;
        }
        let (at, message) = match task {
            Some(_) if self.names.body("main").is_some() || self.names.incomplete => return,
            Some(task) => (task.key.whole, "there is no task `main`"),
            None => (Span::default(), "there is no `[task]`"),
        };
        let bodies = self.names.bodies.iter();
        let near = problems::closest("main", bodies.clone().map(|body| &*body.name));
        let near = near.and_then(|near| bodies.clone().find(|body| *body.name == *near));
        let problem = self.problems.error(codes::MISSING, at, message);
        if let Some(body) = near {
            problem.suggest("did you mean this one?", body.span, "main");
        }
        problem.note("without `[host]`, the program is the task `main`");
    }

    /// Reads the steps of all tasks and programs.
    fn bodies(&mut self) -> Vec<Body> {
        let mut bodies = Vec::new();
        for (index, signature) in (0..).zip(&self.names.bodies) {
            let mut scope = Scope {
                whose: match signature.is_program {
                    true => Whose::Program,
                    false => Whose::Task,
                },
                body: index,
                ..Scope::default()
            };
            for (name, _) in &signature.parameters {
                let place = u16::try_from(scope.locals.len()).unwrap_or(u16::MAX);
                scope.places.insert(name.clone(), place);
                scope.locals.push(name.clone());
                self.facts.assigned.insert(name.clone());
            }
            let mut body = Body {
                name: signature.name.clone(),
                span: signature.span,
                is_program: signature.is_program,
                parameters: signature.parameters.len(),
                locals: Vec::new(),
                block: Vec::new().into(),
            };
            if let Some(text) = &signature.text {
                let (facts, problems) = (&mut self.facts, &mut self.problems);
                let mut parser = Parser::new(text, &self.names, facts, problems, scope);
                body.block = parser.body();
                body.locals = parser.scope.locals;
            }
            bodies.push(body);
        }
        bodies
    }

    fn checks(&mut self, table: &Entry<'a>) -> Vec<Check> {
        let mut checks = Vec::new();
        for entry in table.table(&mut self.problems).unwrap_or_default() {
            let Some(text) = entry.text("a sentence such as \"always …\"", &mut self.problems)
            else {
                continue;
            };
            let scope = Scope {
                whose: Whose::Check,
                ..Scope::default()
            };
            let (facts, problems) = (&mut self.facts, &mut self.problems);
            let mut parser = Parser::new(&text, &self.names, facts, problems, scope);
            let name = entry.key.content.as_ref().into();
            checks.extend(parser.check(name).ok());
        }
        checks
    }
}
