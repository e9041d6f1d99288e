//! Checks: when they are to hold, and what only they can ask.

use std::sync::Arc;

use super::codes;
use super::expr::constant;
use super::kinds;
use super::lex::{Kind, Sign, Token};
use super::parser::{Beginning, Parser};
use super::problems::{Skip, closest, shown};
use super::verb_table;
use super::verbs::{self, Form};
use crate::scenario::model::{Check, When};
use crate::scenario::source::Span;
use crate::scenario::tree::{Const, Counter, Expr, ExprKind, Function, HostIndex, Probe};

/// What a check may begin with.
const WHEN: &str = "`always`, `never`, `at end`, `eventually`, `sometimes`";

impl Parser<'_> {
    /// Reads a check of that name.
    pub(super) fn check(&mut self, name: Arc<str>) -> Result<Check, Skip> {
        self.skip_lines();
        let token = self.peek();
        let when = match self.peek_word() {
            Some("always") => When::Always,
            Some("never") => When::Never,
            Some("sometimes") => When::Sometimes,
            Some("eventually") => When::EventuallyBy(std::time::Duration::MAX),
            Some("at") if self.word_of(self.peek_at(1)) == Some("end") => {
                self.next();
                When::AtEnd
            }
            Some(word) => return Err(self.unknown_when(word, token)),
            None if self.is_bad() => return Err(Skip),
            None => return Err(self.unknown_when("", token)),
        };
        self.next();
        self.skip_lines();
        let holds = self.expr_of(kinds::BOOL, "a check")?;
        self.skip_lines();
        let when = match when {
            When::EventuallyBy(_) => When::EventuallyBy(self.deadline()?),
            when => when,
        };
        self.skip_lines();
        self.expect_end()?;
        let span = self.text.inner();
        Ok(Check {
            name,
            when,
            holds,
            span,
        })
    }

    fn unknown_when(&mut self, word: &str, token: Token) -> Skip {
        let near = closest(word, ["always", "never", "eventually", "sometimes"]);
        let at = match word {
            "" => self.text.inner(),
            _ => token.span,
        };
        let problem = self
            .problems
            .error(codes::CHECK, at, "a check begins with when it holds");
        problem
            .label("when?")
            .note(format!("a check begins with {WHEN}"));
        if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
        Skip
    }

    /// Reads `by 10s`.
    fn deadline(&mut self) -> Result<std::time::Duration, Skip> {
        let end = self.previous().span.end;
        if !self.eat_word("by") {
            if self.peek().kind != Kind::End {
                return Err(self.unexpected("`by` and a time"));
            }
            let message = "`eventually` says by when";
            let at = Span { start: end, end };
            let problem = self.problems.error(codes::CHECK, at, message);
            problem
                .label("by when?")
                .suggest("add a time", at, " by 10s");
            return Err(Skip);
        }
        let token = self.peek();
        match token.kind {
            Kind::Duration(limit) => {
                self.next();
                Ok(limit)
            }
            Kind::Int(number) => {
                self.next();
                let value = constant(token.span, Const::Int(number));
                self.report_bare_number(&value, kinds::DURATION);
                Err(Skip)
            }
            _ => Err(self.unexpected("a time such as `10s`")),
        }
    }

    /// Reads what only checks can ask, after its word.
    pub(super) fn probe(&mut self, token: Token, word: &str) -> Result<Expr, Skip> {
        let open = self.next();
        let kind = match word {
            "count" => ExprKind::Probe(Probe::Count(self.counter(open)?)),
            "open" => ExprKind::Probe(Probe::Open(self.open_name()?)),
            "up" => ExprKind::Probe(Probe::Up(self.host()?)),
            "clock" => ExprKind::Clock(Some(self.host()?)),
            _ => self.state()?,
        };
        let close = self.close(open, Sign::Close)?;
        let span = token.span.to(close.span);
        Ok(Expr { span, kind })
    }

    fn open_name(&mut self) -> Result<Arc<str>, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a variable's name"));
        };
        self.next();
        if !self.facts.assigned.contains(word) && self.names.function(word).is_none() {
            let near = closest(word, self.facts.assigned.iter().map(|name| &**name));
            let message = format!("no step assigns anything to `{word}`");
            let problem = self.problems.error(codes::NOTHING, token.span, message);
            problem.label("never assigned");
            if let Some(near) = near {
                problem.suggest(format!("did you mean `{near}`?"), token.span, near);
            }
        }
        Ok(word.into())
    }

    /// Takes the name of one host.
    fn host(&mut self) -> Result<HostIndex, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a host's name"));
        };
        self.next();
        let hosts = super::fault::find_hosts(self.names, word, token.span, self.problems);
        if let [first, _, ..] = *hosts
            && let Some((first, _)) = self.names.hosts.get(usize::from(first))
        {
            let message = format!("`{word}` is {} hosts", hosts.len());
            let problem = self.problems.error(codes::HOST, token.span, message);
            problem
                .label("which one?")
                .note(format!("they are `{first}` and so on"));
        }
        Ok(hosts.first().copied().unwrap_or_default())
    }

    /// Reads what `state(…)` asks: for a task by its name, or for what a shared variable holds.
    fn state(&mut self) -> Result<ExprKind, Skip> {
        let token = self.peek();
        if let Some(word) = self.peek_word()
            && self.peek_at(1).kind == Kind::Sign(Sign::Close)
            && self.names.global(word).is_none()
        {
            self.next();
            self.check_task(word, token.span);
            return Ok(ExprKind::Probe(Probe::TaskState(word.into())));
        }
        let value = self.expr()?;
        let takes = kinds::TASK | kinds::FUTURE | kinds::NONE;
        self.check_kind(&value, takes, "state(TASK)");
        Ok(ExprKind::Call(Function::State, Box::new(value)))
    }

    /// Reads what `count(…)` counts and returns its number.
    fn counter(&mut self, open: Token) -> Result<u16, Skip> {
        let first = self.peek();
        let second = self.word_of(self.peek_at(1));
        let counter = match first.kind {
            Kind::Text => {
                self.next();
                let text = self.string(first);
                let ExprKind::Const(Const::Text(text)) = text.kind else {
                    let message = "what is counted is the same all the time";
                    self.problems.error(codes::CHECK, first.span, message);
                    return Err(Skip);
                };
                self.check_logged(&text, first.span);
                Counter::Logged(text)
            }
            Kind::Word => {
                let word = self.word_of(first).unwrap_or_default();
                self.next();
                match (word, second) {
                    ("spawned" | "returned" | "failed" | "cancelled", Some(task)) => {
                        let at = self.next().span;
                        self.check_task(task, at);
                        let task = Arc::from(task);
                        match word {
                            "spawned" => Counter::Spawned(task),
                            "returned" => Counter::Returned(task),
                            "failed" => Counter::Failed(task),
                            _ => Counter::Cancelled(task),
                        }
                    }
                    ("fault", Some(fault)) => {
                        let at = self.next().span;
                        self.check_fault(fault, at);
                        Counter::Fault(fault.into())
                    }
                    (_, Some(object)) => self.counted_steps(word, first, object)?,
                    (_, None) => self.counted_word(word, first.span),
                }
            }
            _ if self.is(Sign::Close) => {
                let at = open.span.to(first.span);
                let problem = self
                    .problems
                    .error(codes::CHECK, at, "`count` counts something");
                problem.note("`count(put jobs)`, `count(handled)`, `count(returned main)`");
                return Err(Skip);
            }
            _ => return Err(self.unexpected("what is counted")),
        };
        let known = self
            .facts
            .counters
            .iter()
            .position(|known| *known == counter);
        let at = known.unwrap_or(self.facts.counters.len());
        let Ok(index) = u16::try_from(at) else {
            let message = "checks count too many things";
            self.problems.error(codes::LIMIT, first.span, message);
            return Err(Skip);
        };
        if known.is_none() {
            self.facts.counters.push(counter);
        }
        Ok(index)
    }

    /// Reads `put jobs`.
    fn counted_steps(&mut self, word: &str, first: Token, object: &str) -> Result<Counter, Skip> {
        let at = self.next().span;
        let Some(verb) = verbs::find(word) else {
            let near = closest(word, verbs::all().map(|verb| verb.name));
            let message = format!("no step is called `{word}`");
            let problem = self.problems.error(codes::NOTHING, first.span, message);
            problem
                .label("not a verb")
                .note("a text of several words stands in quotes");
            if let Some(near) = near {
                problem.suggest(format!("did you mean `{near}`?"), first.span, near);
            }
            return Err(Skip);
        };
        let Some(super::names::Global::Object(index)) = self.names.global(object) else {
            let objects = self.names.objects.iter().map(|object| &*object.name);
            let near = closest(object, objects);
            let message = format!("no object is called `{object}`");
            let problem = self.problems.error(codes::NOTHING, at, message);
            problem.label("unknown object");
            if let Some(near) = near {
                problem.suggest(format!("did you mean `{near}`?"), at, near);
            }
            return Err(Skip);
        };
        if let Form::Plain(slots, _) = verb.form {
            let kind = kinds::of_object(self.names.objects[usize::from(index)].kind);
            if let Some(verbs::Slot::One(takes)) = slots.first()
                && !takes.has(kind)
            {
                let (takes, kinds) = (takes.list(), kind.list());
                let message = format!("`{word}` takes {takes}, and `{object}` is {kinds}");
                let problem = self.problems.error(codes::NOTHING, at, message);
                problem.label(kinds);
                return Err(Skip);
            }
        }
        self.check_verb(verb.name, first.span);
        Ok(Counter::Step {
            verb: verb.name,
            object: Some(index),
        })
    }

    /// Returns what a single word counts: lines that begin with it, or steps.
    fn counted_word(&mut self, word: &str, at: Span) -> Counter {
        let verb = verbs::find(word);
        let is_logged = self.is_logged(word);
        let is_used = verb.is_some_and(|verb| self.facts.verbs.contains(verb.name));
        match verb {
            Some(verb) if is_used && self.says(word) => {
                let message = format!("`{word}` is both a verb and what lines begin with");
                let problem = self.problems.error(codes::NOTHING, at, message);
                problem.label("which of them?");
                problem.note(format!("lines are counted by `count(\"{word}\")`"));
                problem.note(format!(
                    "steps are counted by object: `count({} jobs)`",
                    verb.name
                ));
                Counter::Logged(word.into())
            }
            Some(verb) if is_used || !is_logged => {
                if matches!(verb.form, Form::Fault) {
                    let message = format!("faults are counted by `count(fault {word})`");
                    let problem = self.problems.error(codes::NOTHING, at, message);
                    problem.suggest("write", at, format!("fault {word}"));
                } else {
                    self.check_verb(verb.name, at);
                }
                Counter::Step {
                    verb: verb.name,
                    object: None,
                }
            }
            _ => {
                self.check_logged(word, at);
                Counter::Logged(word.into())
            }
        }
    }

    fn check_verb(&mut self, verb: &'static str, at: Span) {
        if !self.facts.verbs.contains(verb) {
            let message = format!("no step of this file is `{verb}`");
            let problem = self.problems.error(codes::NOTHING, at, message);
            problem.label("always 0");
        }
    }

    fn check_task(&mut self, word: &str, at: Span) {
        let is_body = self.names.body(word).is_some() || self.names.function(word).is_some();
        if is_body || self.facts.tasks.contains(word) {
            return;
        }
        let bodies = self.names.bodies.iter().map(|body| &*body.name);
        let tasks = self.facts.tasks.iter().map(|name| &**name);
        let near = closest(word, bodies.chain(tasks));
        let message = format!("no task is called `{word}`");
        let problem = self.problems.error(codes::NOTHING, at, message);
        problem.label("unknown task");
        if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
    }

    fn check_fault(&mut self, word: &str, at: Span) {
        let faults = || {
            verb_table::FAULTS
                .iter()
                .map(|verb| verb.name)
                .chain(["clear"])
        };
        if faults().any(|fault| fault == word) {
            return;
        }
        let near = closest(word, faults());
        let message = format!("no fault is called `{word}`");
        let problem = self.problems.error(codes::NOTHING, at, message);
        problem.label("unknown fault");
        if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
    }

    /// Says whether a line is known to begin with a text.
    fn says(&self, text: &str) -> bool {
        self.facts
            .logged
            .iter()
            .flatten()
            .any(|line| begins(line, text))
    }

    /// Says whether a line may begin with a text.
    fn is_logged(&self, text: &str) -> bool {
        let anything = self.facts.logged.iter().any(Option::is_none);
        anything || self.facts.calls_rust || self.says(text)
    }

    fn check_logged(&mut self, text: &str, at: Span) {
        if self.is_logged(text) {
            return;
        }
        let lines = self.facts.logged.iter().flatten();
        let words = lines.filter_map(|line| line.text.split_whitespace().next());
        let tasks = self.names.bodies.iter().map(|body| &*body.name);
        let is_task = tasks.clone().any(|task| task == text);
        let near = closest(text, words.chain(verbs::all().map(|verb| verb.name)));
        let message = format!("no line that is logged begins with `{}`", shown(text));
        let problem = self.problems.error(codes::NOTHING, at, message);
        problem.label("always 0");
        if is_task {
            problem.suggest("count its tasks", at, format!("returned {text}"));
        } else if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
    }
}

/// Says whether a line may begin with a text.
fn begins(line: &Beginning, text: &str) -> bool {
    match line.text.strip_prefix(text) {
        Some(rest) => rest.is_empty() || rest.starts_with(' '),
        None => line.goes_on && text.starts_with(&line.text),
    }
}
