//! Faults: what the timeline says, and steps that go wrong on purpose.

use super::codes;
use super::kinds;
use super::lex::{Kind, Sign, Token};
use super::names::Names;
use super::parser::Parser;
use super::problems::{Problems, Skip, closest, shown};
use super::verb_table;
use super::verbs::{self, Form};
use crate::scenario::source::Span;
use crate::scenario::tree::{Between, Fault, FaultKind, HostIndex};

/// Faults that are taken back when their time is over.
const LASTING: [&str; 6] = ["cut", "hold", "slow", "drop", "duplicate", "pause"];

impl Parser<'_> {
    /// Reads an entry of the timeline: one fault.
    pub(super) fn timeline_fault(&mut self) -> Result<Fault, Skip> {
        self.skip_lines();
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a fault"));
        };
        self.next();
        let is_fault = |form: &Form| matches!(form, Form::Fault);
        let known = verbs::find(word).is_some_and(|verb| is_fault(&verb.form));
        if !known && word != "clear" {
            let faults = verb_table::FAULTS.iter().map(|verb| verb.name);
            let near = closest(word, faults.chain(["clear"]));
            let message = format!("no fault is called `{word}`");
            let problem = self.problems.error(codes::STEP, token.span, message);
            problem.label("unknown fault");
            match near.or((word == "kill").then_some("crash")) {
                Some(near) => problem.suggest(format!("did you mean `{near}`?"), token.span, near),
                None => problem.note(format!("faults are {}", fault_words())),
            };
            return Err(Skip);
        }
        let fault = self.fault(token, word)?;
        self.skip_lines();
        match self.peek().kind {
            Kind::End => Ok(fault),
            _ => {
                let token = self.peek();
                if self.is_bad() {
                    return Err(Skip);
                }
                let text = shown(&self.text.content[token.start..token.end]);
                let message = format!("`{word}` does not take `{text}` as well");
                let problem = self.problems.error(codes::USAGE, token.span, message);
                problem
                    .label("one too many")
                    .note(format!("usage: `{}`", usage(word)));
                Err(Skip)
            }
        }
    }

    /// Says whether hosts and a sign between them come.
    pub(super) fn is_between(&self) -> bool {
        let signs = [Sign::Arrow, Sign::BothArrow, Sign::Bar, Sign::Comma].map(Kind::Sign);
        self.peek().kind == Kind::Word && signs.contains(&self.peek_at(1).kind)
    }

    /// Reads what follows a fault's word.
    pub(super) fn fault(&mut self, token: Token, word: &str) -> Result<Fault, Skip> {
        let usage = usage(word);
        let kind = match word {
            "cut" => FaultKind::Cut(self.between(word, usage)?),
            "hold" => FaultKind::Hold(self.between(word, usage)?),
            "clear" => FaultKind::Clear(self.between(word, usage)?),
            "heal" if self.is_over() => FaultKind::Heal(None),
            "heal" => FaultKind::Heal(Some(self.between(word, usage)?)),
            "slow" => {
                let between = self.between(word, usage)?;
                self.needs(word, "DURATION", usage)?;
                FaultKind::Slow(between, self.expr_of(kinds::DURATION, usage)?)
            }
            "drop" => FaultKind::Drop(self.between(word, usage)?, self.percent(word, usage)?),
            "duplicate" => {
                FaultKind::Duplicate(self.between(word, usage)?, self.percent(word, usage)?)
            }
            "crash" => FaultKind::Crash(self.hosts(word, usage)?),
            "stop" => FaultKind::Stop(self.hosts(word, usage)?),
            "restart" => {
                let hosts = self.hosts(word, usage)?;
                let after = match self.eat_word("after") {
                    true => Some(self.expr_of(kinds::DURATION, usage)?),
                    false => None,
                };
                FaultKind::Restart { hosts, after }
            }
            "pause" => FaultKind::Pause(self.hosts(word, usage)?),
            "resume" => FaultKind::Resume(self.hosts(word, usage)?),
            _ => {
                let hosts = self.hosts(word, usage)?;
                self.needs(word, "DURATION", usage)?;
                let behind = self.eat(Sign::Minus);
                let by = self.expr_of(kinds::DURATION, usage)?;
                FaultKind::Skew { hosts, by, behind }
            }
        };
        let lasting = self.lasting(word, usage)?;
        let span = token.span.to(self.previous().span);
        Ok(Fault {
            span,
            kind,
            lasting,
        })
    }

    fn lasting(
        &mut self,
        word: &str,
        usage: &str,
    ) -> Result<Option<crate::scenario::tree::Expr>, Skip> {
        let token = self.peek();
        if !self.eat_word("for") {
            return Ok(None);
        }
        if !LASTING.contains(&word) {
            let message = format!("`{word}` is not taken back by itself");
            let problem = self.problems.error(codes::USAGE, token.span, message);
            problem
                .label("cannot last")
                .note(format!("usage: `{usage}`"));
            if matches!(word, "crash" | "stop") {
                problem.note("`restart a after 3s` crashes a host and starts it again");
            }
            return Err(Skip);
        }
        Ok(Some(self.expr_of(kinds::DURATION, usage)?))
    }

    fn needs(&mut self, word: &str, what: &str, usage: &str) -> Result<(), Skip> {
        if self.is_over() || self.is_word("for") {
            self.lacks(word, what, usage);
            return Err(Skip);
        }
        Ok(())
    }

    fn percent(&mut self, word: &str, usage: &str) -> Result<f64, Skip> {
        self.needs(word, "PERCENT", usage)?;
        let token = self.next();
        match token.kind {
            Kind::Percent(probability) => Ok(probability),
            Kind::Bad | Kind::Foreign => Err(Skip),
            _ => {
                let text = shown(&self.text.content[token.start..token.end]);
                let message = format!("`{word}` takes a percent, and `{text}` is none");
                let problem = self.problems.error(codes::NUMBER, token.span, message);
                problem.label("not a percent").note("write `10%`");
                Err(Skip)
            }
        }
    }

    /// Reads `a, b | c` or `a -> b`.
    fn between(&mut self, word: &str, usage: &str) -> Result<Between, Skip> {
        let start = self.peek().span;
        let some = self.hosts(word, usage)?;
        let sign = self.peek();
        let both_ways = match sign.kind {
            Kind::Sign(Sign::Bar) => true,
            Kind::Sign(Sign::Arrow) => false,
            Kind::Sign(Sign::BothArrow) => {
                let message = "faults of both ways are written with `|`";
                let problem = self.problems.error(codes::SYNTAX, sign.span, message);
                problem.suggest("write `|`", sign.span, "|");
                true
            }
            _ => {
                return Err(self.unexpected("`|` or `->` and the other hosts"));
            }
        };
        self.next();
        let others = self.hosts(word, usage)?;
        let at = start.to(self.previous().span);
        let between = Between {
            some,
            others,
            both_ways,
        };
        let twice = between
            .some
            .iter()
            .find(|host| between.others.contains(host));
        if let Some(host) = twice
            && let Some((name, _)) = self.names.hosts.get(usize::from(*host))
        {
            let message = format!("`{name}` stands on both sides");
            let problem = self.problems.error(codes::HOST, at, message);
            problem.label("a link is between two hosts");
        }
        Ok(between)
    }

    /// Reads hosts with commas between them.
    pub(super) fn hosts(&mut self, word: &str, usage: &str) -> Result<Vec<HostIndex>, Skip> {
        let mut hosts = Vec::new();
        loop {
            let token = self.peek();
            let Some(name) = self.word_of(token) else {
                if self.is_over() {
                    self.lacks(word, "HOSTS", usage);
                    return Err(Skip);
                }
                return Err(self.unexpected("a host's name"));
            };
            self.next();
            // A host that is unknown is reported, and the rest of the line is read.
            hosts.extend(find_hosts(self.names, name, token.span, self.problems));
            if !self.eat(Sign::Comma) {
                return Ok(hosts);
            }
        }
    }
}

/// Returns the hosts that a name stands for; one that nobody knows is reported.
pub(super) fn find_hosts(
    names: &Names<'_>,
    name: &str,
    at: Span,
    problems: &mut Problems,
) -> Vec<HostIndex> {
    if let Some(hosts) = names.groups.get(name) {
        return hosts.clone();
    }
    let near = closest(name, names.groups.keys().map(|name| &**name));
    let message = format!("no host is called `{}`", shown(name));
    let problem = problems.error(codes::HOST, at, message);
    problem.label("unknown host");
    if names.groups.is_empty() {
        problem.note("hosts are declared in `[host]`");
    } else if let Some(near) = near {
        problem.suggest(format!("did you mean `{near}`?"), at, near);
    }
    Vec::new()
}

fn usage(word: &str) -> &'static str {
    let found = verb_table::FAULTS.iter().find(|verb| verb.name == word);
    found.map_or(verb_table::CLEAR, |verb| verb.usage)
}

fn fault_words() -> String {
    let words = verb_table::FAULTS.iter().map(|verb| verb.name);
    let words: Vec<_> = words
        .chain(["clear"])
        .map(|word| format!("`{word}`"))
        .collect();
    words.join(", ")
}
