//! What verbs and calls take.

use std::sync::Arc;

use super::codes;
use super::kinds;
use super::lex::{Kind, Sign, Token};
use super::parser::{CallFact, How, Parser};
use super::problems::{Skip, closest, shown};
use super::verbs::{self, Slot, Taken, Verb};
use crate::scenario::source::Span;
use crate::scenario::tree::{Awaitable, Call, Callee, Const, Expr, ExprKind};

impl Parser<'_> {
    /// Reads what a verb takes.
    pub(super) fn take(
        &mut self,
        verb: &'static Verb,
        slots: &[Slot],
        token: Token,
    ) -> Result<Taken, Skip> {
        let mut taken = Taken::default();
        for (at, slot) in slots.iter().enumerate() {
            let rest = &slots[at + 1..];
            self.take_one(verb, *slot, rest, at, &mut taken)?;
        }
        self.check_taken(verb, token, &taken);
        Ok(taken)
    }

    fn take_one(
        &mut self,
        verb: &'static Verb,
        slot: Slot,
        rest: &[Slot],
        at: usize,
        taken: &mut Taken,
    ) -> Result<(), Skip> {
        let must = matches!(
            slot,
            Slot::One(_) | Slot::Call(_) | Slot::Awaitable(_) | Slot::Error | Slot::Handler
        );
        if must && self.is_over() {
            self.lacks(verb.name, &placeholder(verb.usage, at), verb.usage);
            return Err(Skip);
        }
        match slot {
            Slot::One(takes) => {
                let value = self.expr_of(takes, verb.usage)?;
                taken.values.push_back(Some(value));
            }
            Slot::Maybe(takes) => {
                let value = match self.is_over() || self.is_clause(rest) {
                    true => None,
                    false => Some(self.expr_of(takes, verb.usage)?),
                };
                taken.values.push_back(value);
            }
            Slot::Several(takes) => {
                while !self.is_over() {
                    taken.several.push(self.expr_of(takes, verb.usage)?);
                }
            }
            Slot::Clause(word, takes) => {
                let value = match self.eat_word(word) {
                    true => Some(self.expr_of(takes, verb.usage)?),
                    false => None,
                };
                taken.values.push_back(value);
            }
            Slot::Flag(word) => taken.flag = self.eat_word(word),
            Slot::Call(how) => taken.call = Some(self.call(how)?),
            Slot::Awaitable(how) => {
                let takes = kinds::TASK | kinds::FUTURE;
                let one = self.awaitable(how, takes, verb.usage)?;
                taken.awaitables.push_back(one);
            }
            Slot::Awaitables => {
                let token = self.previous();
                taken.awaitables = self.awaitables(verb, token)?.into();
            }
            Slot::Error => taken.error = Some(self.raised_error()?),
            Slot::Handler => taken.handler = Some(self.connection_handler(verb)?),
        }
        Ok(())
    }

    /// Says whether a word comes that begins a later part of the step.
    fn is_clause(&self, rest: &[Slot]) -> bool {
        rest.iter().any(|slot| match slot {
            Slot::Clause(word, _) | Slot::Flag(word) => self.is_word(word),
            _ => false,
        })
    }

    /// Reports that a step is over too soon.
    pub(super) fn lacks(&mut self, verb: &str, what: &str, usage: &str) {
        let end = self.previous().span.end;
        let at = Span { start: end, end };
        let message = format!("`{verb}` lacks its {what}");
        let problem = self.problems.error(codes::USAGE, at, message);
        problem
            .label(format!("{what} is missing"))
            .note(format!("usage: `{usage}`"));
    }

    /// Looks at what a verb has taken as a whole.
    fn check_taken(&mut self, verb: &Verb, token: Token, taken: &Taken) {
        let value = |at: usize| taken.values.get(at).and_then(Option::as_ref);
        match verb.name {
            "set" => {
                let kind = value(0).and_then(|what| kinds::of(what, self.objects()));
                if let (Some(kinds::EVENT), Some(second)) = (kind, value(1)) {
                    let message = "an event is set without a value";
                    let problem = self.problems.error(codes::USAGE, second.span, message);
                    problem.label("one too many").note("usage: `set EVENT`");
                }
            }
            "connect" => {
                let address = value(0);
                let is_path = address
                    .and_then(constant_text)
                    .map(|text| text.starts_with('/'));
                match (is_path, value(1)) {
                    (Some(true), Some(port)) => {
                        let message = "a path has no port";
                        self.problems.error(codes::USAGE, port.span, message);
                    }
                    (Some(false), None) => {
                        let at = address.map_or(token.span, |address| address.span);
                        let message = "`connect` lacks its PORT";
                        let problem = self.problems.error(codes::USAGE, at, message);
                        problem.label("PORT is missing");
                        problem.note(format!("usage: `{}`", verb.usage));
                    }
                    _ => {}
                }
                if let Some(address) = address {
                    self.check_address(address);
                }
            }
            "send_to" => {
                if let Some(host) = value(1) {
                    self.check_address(host);
                }
            }
            _ => {}
        }
        let port = match verb.name {
            "connect" => value(1),
            "listen" | "bind" | "serve" => value(0),
            "send_to" => value(2),
            _ => None,
        };
        if let Some(port) = port
            && let ExprKind::Const(Const::Int(number)) = port.kind
            && u16::try_from(number).is_err()
        {
            let message = format!("`{number}` is no port: they go from 0 to 65535");
            self.problems.error(codes::BOUNDS, port.span, message);
        }
    }

    /// Reports a constant address at which no host can be.
    fn check_address(&mut self, address: &Expr) {
        let Some(name) = constant_text(address) else {
            return;
        };
        let is_ip = name.parse::<std::net::IpAddr>().is_ok();
        let is_known = self.names.hosts.iter().any(|(host, _)| **host == *name);
        if *name == *"localhost" || is_ip || name.starts_with('/') || is_known {
            return;
        }
        let at = address.span;
        let message = format!("no host is called `{}`", shown(&name));
        let group = self
            .names
            .groups
            .get(&*name)
            .and_then(|group| group.first());
        let first = group.and_then(|first| self.names.hosts.get(usize::from(*first)));
        let hosts = self.names.hosts.iter().map(|(host, _)| &**host);
        let near = closest(&name, hosts.chain(["localhost"]));
        let no_hosts = self.names.hosts.is_empty();
        let problem = self.problems.error(codes::HOST, at, message);
        problem.label("unknown host");
        if let Some((first, _)) = first {
            problem.note(format!(
                "`{name}` is counted: its hosts are `{first}` and so on"
            ));
        } else if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, format!("\"{near}\""));
        } else if no_hosts {
            problem.note("without `[host]` there is one machine, `localhost`");
        }
    }

    /// Reads the name of a task that a server spawns for each connection.
    fn connection_handler(&mut self, verb: &Verb) -> Result<Callee, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a task's name"));
        };
        if self.is_call() {
            let at = self.peek_at(1).span;
            let message = "the handler is named, not called";
            let problem = self.problems.error(codes::USAGE, at, message);
            problem.note(format!("usage: `{}`", verb.usage));
            return Err(Skip);
        }
        self.next();
        let Some(callee) = self.callee(word, token.span, How::Task)? else {
            return Err(Skip);
        };
        let Callee::Body(body) = callee else {
            let message = "a handler is a task of this file";
            self.problems.error(codes::CALLEE, token.span, message);
            return Err(Skip);
        };
        let signature = &self.names.bodies[usize::from(body)];
        let (count, declared) = (signature.parameters.len(), signature.span);
        if count != 1 {
            let message = format!("a handler takes the connection, and `{word}` takes {count}");
            let problem = self.problems.error(codes::COUNT, token.span, message);
            problem
                .label("gets 1 argument")
                .related(declared, "declared here");
        }
        Ok(callee)
    }

    /// Reads tasks, futures, lists and calls, at least one.
    pub(super) fn awaitables(&mut self, verb: &Verb, token: Token) -> Result<Vec<Awaitable>, Skip> {
        const AFTER: [&str; 3] = ["keep_errors", "within", "as"];
        let takes = kinds::TASK | kinds::FUTURE | kinds::LIST;
        let mut awaitables = Vec::new();
        while !self.is_over() && !self.peek_word().is_some_and(|word| AFTER.contains(&word)) {
            awaitables.push(self.awaitable(How::Task, takes, verb.usage)?);
        }
        // asyncio's `gather()` gives an empty list, but nobody writes that on purpose.
        if awaitables.is_empty() {
            let message = format!("`{}` lacks its TASK", verb.name);
            let problem = self.problems.error(codes::USAGE, token.span, message);
            problem
                .label("TASK is missing")
                .note(format!("usage: `{}`", verb.usage));
            return Err(Skip);
        }
        Ok(awaitables)
    }

    fn awaitable(&mut self, how: How, takes: kinds::Kinds, usage: &str) -> Result<Awaitable, Skip> {
        let is_function = self
            .peek_word()
            .is_some_and(|word| verbs::function(word).is_some());
        if self.is_call() && !is_function {
            return Ok(Awaitable::Call(self.call(how)?));
        }
        Ok(Awaitable::Value(self.expr_of(takes, usage)?))
    }

    /// Reads `f(1, 2)`.
    pub(super) fn call(&mut self, how: How) -> Result<Call, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a call such as `f()`"));
        };
        let after = self.peek_at(1);
        let callee = self.callee(word, token.span, how)?;
        if !self.is_call() {
            let blank = after.kind == Kind::Sign(Sign::Open);
            let message = match blank {
                true => "no blank stands between a task and its arguments".to_owned(),
                false => format!("`{word}` is called with parentheses"),
            };
            let problem = self.problems.error(codes::SYNTAX, token.span, message);
            if !blank {
                problem.suggest("add them", token.span, format!("{word}()"));
            }
            self.next();
            return Err(Skip);
        }
        self.next();
        let open = self.next();
        let (arguments, close) = self.arguments(open)?;
        let Some(callee) = callee else {
            return Err(Skip);
        };
        let span = token.span.to(close.span);
        self.check_arguments(callee, &arguments, span);
        let names = arguments
            .iter()
            .filter_map(|argument| argument.name.as_ref());
        let names = names.map(|(name, _)| name.clone()).collect();
        let arguments = arguments
            .into_iter()
            .map(|argument| argument.value)
            .collect();
        Ok(Call {
            span,
            callee,
            arguments,
            names,
        })
    }

    /// Reads arguments up to the closing parenthesis.
    fn arguments(&mut self, open: Token) -> Result<(Vec<Argument>, Token), Skip> {
        let mut arguments = Vec::new();
        loop {
            self.next_line(open)?;
            if self.is(Sign::Close) {
                break;
            }
            let mut name = None;
            if self.peek_at(1).kind == Kind::Sign(Sign::Assign)
                && let Some(word) = self.peek_word()
            {
                name = Some((Arc::from(word), self.next().span));
                self.next();
            }
            if self.is_over() {
                break;
            }
            let value = self.expr()?;
            arguments.push(Argument { name, value });
            self.next_line(open)?;
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        let close = self.close(open, Sign::Close)?;
        Ok((arguments, close))
    }

    /// Returns what a name in a call stands for; `None` if that is nothing.
    pub(super) fn callee(
        &mut self,
        word: &str,
        at: Span,
        how: How,
    ) -> Result<Option<Callee>, Skip> {
        if let Some((index, signature)) = self.names.body(word) {
            let (is_program, declared) = (signature.is_program, signature.span);
            let process = how == How::Process;
            if is_program != process {
                let message = match process {
                    true => format!("`{word}` is a task, and processes run programs"),
                    false => format!("`{word}` is a program, which runs as a process"),
                };
                let problem = self.problems.error(codes::CALLEE, at, message);
                problem.related(declared, "declared here");
                problem.note(match process {
                    true => format!("declare it in `[program]`, or `spawn {word}(…)`"),
                    false => format!("start it: `p = start {word}(…)`"),
                });
            }
            let from = self.scope.body;
            self.facts.calls.push(CallFact {
                from,
                to: index,
                how,
                at,
            });
            return Ok(Some(Callee::Body(index)));
        }
        if let Some(index) = self.names.function(word) {
            self.facts.calls_rust = true;
            if how == How::Callback {
                let message = format!("`{word}` is a function in Rust, which is no callback");
                let problem = self.problems.error(codes::CALLEE, at, message);
                problem.label("would have to wait");
            }
            return Ok(Some(Callee::Rust(index)));
        }
        if self.names.incomplete {
            return Err(Skip);
        }
        let bodies = self.names.bodies.iter().map(|body| &*body.name);
        let functions = self.names.functions.iter().copied();
        let near = closest(word, bodies.chain(functions));
        let message = match how {
            How::Process => format!("no program is called `{word}`"),
            _ => format!("no task is called `{word}`"),
        };
        let is_verb = verbs::find(word);
        let problem = self.problems.error(codes::CALLEE, at, message);
        problem.label("unknown");
        if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        } else if let Some(verb) = is_verb {
            problem.note(format!("`{word}` is a verb: `{}`", verb.usage));
        }
        Ok(None)
    }

    pub(super) fn check_arguments(&mut self, callee: Callee, arguments: &[Argument], call: Span) {
        let given = arguments.len();
        let Callee::Body(index) = callee else {
            return self.check_names(arguments);
        };
        let signature = &self.names.bodies[usize::from(index)];
        let (name, takes, declared) = (&signature.name, signature.parameters.len(), signature.span);
        if let Some((_, at)) = arguments.iter().find_map(|argument| argument.name.as_ref()) {
            let message = "only functions in Rust take named arguments";
            let problem = self.problems.error(codes::COUNT, *at, message);
            problem.label("a name").related(declared, "declared here");
            return;
        }
        if given != takes {
            let plural = |count| if count == 1 { "" } else { "s" };
            let were = if given == 1 { "was" } else { "were" };
            let message = format!(
                "`{name}` takes {takes} argument{}, but {given} {were} given",
                plural(takes)
            );
            let problem = self.problems.error(codes::COUNT, call, message);
            problem
                .label(format!("{given} given"))
                .related(declared, "declared here");
        }
    }

    /// Looks at the arguments of a function in Rust, which all have names.
    fn check_names(&mut self, arguments: &[Argument]) {
        for (at, argument) in arguments.iter().enumerate() {
            let Some((name, span)) = &argument.name else {
                let message = "arguments of functions in Rust have names";
                let problem = self
                    .problems
                    .error(codes::COUNT, argument.value.span, message);
                problem.label("no name").note("write `kv_server(port = 7)`");
                continue;
            };
            let mut before = arguments[..at]
                .iter()
                .filter_map(|other| other.name.as_ref());
            if let Some((_, first)) = before.find(|(other, _)| other == name) {
                let message = format!("`{name}` is given twice");
                let problem = self.problems.error(codes::DUPLICATE, *span, message);
                problem.related(*first, "first given here");
            }
        }
    }
}

/// What stands between two commas of a call.
pub(super) struct Argument {
    name: Option<(Arc<str>, Span)>,
    value: Expr,
}

/// Returns the word in a verb's usage that stands for what comes at a place.
fn placeholder(usage: &str, at: usize) -> String {
    let words = usage.split_whitespace().skip(1);
    let mut words = words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    let word = words.nth(at).unwrap_or("argument");
    word.trim_end_matches(['…', '(', ')']).to_owned()
}

/// Returns the text of a constant string.
fn constant_text(expr: &Expr) -> Option<Arc<str>> {
    match &expr.kind {
        ExprKind::Const(Const::Text(text)) => Some(text.clone()),
        _ => None,
    }
}
