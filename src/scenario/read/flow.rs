//! Steps with a grammar of their own: branches, loops, handlers, and `wait`.

use super::codes;
use super::errors;
use super::kinds::{self, Kinds};
use super::lex::{Kind, Sign, Token};
use super::parser::Parser;
use super::problems::Skip;
use super::step::Done;
use super::verbs::Verb;
use crate::scenario::tree::{Act, Block, Expr, ExprKind, Until};

/// Times are limits, and `none` is no limit.
const LIMIT: Kinds = kinds::DURATION.or(kinds::NONE);

impl Parser<'_> {
    /// Reads a step whose verb, which has been taken, has a grammar of its own.
    pub(super) fn flow(&mut self, verb: &Verb, token: Token) -> Result<Done, Skip> {
        let usage = verb.usage;
        let act = match verb.name {
            "return" => Act::Return(self.unless_over(|parser| parser.expr())?),
            "raise" => self.raise(token)?,
            "expect" => self.expectation()?,
            "break" | "continue" => self.leave(verb.name, token)?,
            "wait" => self.wait(usage)?,
            "if" => return self.branches(usage),
            "try" => return self.trial(token),
            "loop" => {
                let block = self.looped()?;
                return Ok(framed(Act::Loop(block), token));
            }
            _ => return self.framed_step(verb, token),
        };
        Ok(act.into())
    }

    /// Reads steps that have one block behind their values.
    fn framed_step(&mut self, verb: &Verb, token: Token) -> Result<Done, Skip> {
        let usage = verb.usage;
        let head;
        let act = match verb.name {
            "while" => {
                let condition = self.expr_of(kinds::BOOL, usage)?;
                head = self.previous();
                Act::While(condition, self.looped()?)
            }
            "repeat" => {
                let times = self.expr_of(kinds::INT, usage)?;
                let count = match self.eat_word("as") {
                    true => Some(self.target()?),
                    false => None,
                };
                head = self.previous();
                let block = self.looped()?;
                Act::Repeat {
                    times,
                    count,
                    block,
                }
            }
            "for" => {
                let item = self.target()?;
                if !self.eat_word("in") {
                    return Err(self.unexpected("`in`"));
                }
                let list = self.expr_of(kinds::LIST, usage)?;
                head = self.previous();
                let block = self.looped()?;
                Act::For { item, list, block }
            }
            "retry" => {
                let times = self.expr_of(kinds::INT, usage)?;
                let every = match self.eat_word("every") {
                    true => Some(self.expr_of(kinds::DURATION, usage)?),
                    false => None,
                };
                head = self.previous();
                let block = self.block()?;
                Act::Retry {
                    times,
                    every,
                    block,
                }
            }
            "within" => {
                let limit = self.expr_of(LIMIT, usage)?;
                let name = match self.eat_word("as") {
                    true => Some(self.target()?),
                    false => None,
                };
                head = self.previous();
                let block = self.block()?;
                Act::Within { limit, name, block }
            }
            "group" => {
                if !self.eat_word("as") {
                    return Err(self.unexpected("`as` and a name"));
                }
                let name = self.target()?;
                head = self.previous();
                let block = self.block()?;
                Act::Group { name, block }
            }
            "with" => {
                let takes = kinds::LOCK | kinds::CONDITION | kinds::SEMAPHORE;
                let object = self.expr_of(takes, usage)?;
                head = self.previous();
                let block = self.block()?;
                Act::With { object, block }
            }
            "completed" => {
                let awaitables = self.awaitables(verb, token)?;
                let within = match self.eat_word("within") {
                    true => Some(self.expr_of(LIMIT, usage)?),
                    false => None,
                };
                if !self.eat_word("as") {
                    return Err(self.unexpected("`as` and a name"));
                }
                let item = self.target()?;
                head = self.previous();
                let block = self.looped()?;
                Act::Completed {
                    awaitables,
                    within,
                    item,
                    block,
                }
            }
            _ => {
                let signal = self.expr_of(kinds::TEXT, usage)?;
                head = self.previous();
                let loops = std::mem::take(&mut self.scope.loops);
                let handlers = std::mem::take(&mut self.scope.handlers);
                let block = self.block();
                (self.scope.loops, self.scope.handlers) = (loops, handlers);
                Act::OnSignal {
                    signal,
                    block: block?,
                }
            }
        };
        Ok(framed(act, head))
    }

    /// Reads a value, if the step goes on.
    fn unless_over<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, Skip>,
    ) -> Result<Option<R>, Skip> {
        match self.is_over() {
            true => Ok(None),
            false => read(self).map(Some),
        }
    }

    /// Reads a block in which `break` means something.
    fn looped(&mut self) -> Result<Block, Skip> {
        self.scope.loops += 1;
        let block = self.block();
        self.scope.loops -= 1;
        block
    }

    fn leave(&mut self, word: &str, token: Token) -> Result<Act, Skip> {
        if self.scope.loops == 0 {
            let message = format!("`{word}` stands outside of any loop");
            let problem = self.problems.error(codes::FLOW, token.span, message);
            problem.label("no loop around it");
            return Err(Skip);
        }
        Ok(match word {
            "break" => Act::Break,
            _ => Act::Continue,
        })
    }

    fn raise(&mut self, token: Token) -> Result<Act, Skip> {
        if self.is_over() {
            if self.scope.handlers == 0 {
                let message = "`raise` alone raises again what a handler handles";
                let problem = self.problems.error(codes::FLOW, token.span, message);
                problem.label("no handler around it");
                problem.note("outside of handlers an error has a name: `raise out_of_stock`");
                return Err(Skip);
            }
            return Ok(Act::Raise(None));
        }
        let error = self.raised_error()?;
        let text = self.unless_over(|parser| parser.expr_of(kinds::TEXT, "raise ERROR TEXT"))?;
        Ok(Act::Raise(Some((error, text))))
    }

    fn expectation(&mut self) -> Result<Act, Skip> {
        let holds = self.expr_of(kinds::BOOL, "expect CONDITION[, TEXT]")?;
        let text = self.peek();
        if text.kind == Kind::Text {
            let end = self.previous().span.end;
            let at = crate::scenario::source::Span { start: end, end };
            let message = "a comma stands before the text";
            let problem = self.problems.error(codes::SYNTAX, text.span, message);
            problem.suggest("add it", at, ",");
            return Err(Skip);
        }
        let text = match self.eat(Sign::Comma) {
            true => Some(self.expr_of(kinds::TEXT, "expect CONDITION[, TEXT]")?),
            false => None,
        };
        Ok(Act::Expect { holds, text })
    }

    fn branches(&mut self, usage: &'static str) -> Result<Done, Skip> {
        let mut branches = Vec::new();
        let mut head = None;
        let mut otherwise = None;
        loop {
            let condition = self.expr_of(kinds::BOOL, usage)?;
            head.get_or_insert(self.previous());
            branches.push((condition, self.block()?));
            if !self.eat_word("else") {
                break;
            }
            if self.eat_word("if") {
                // A long ladder is as deep as what it stands for, but is kept flat.
                continue;
            }
            otherwise = Some(self.block()?);
            break;
        }
        let act = Act::If {
            branches,
            otherwise,
        };
        Ok(framed(act, head.unwrap_or(self.previous())))
    }

    fn trial(&mut self, token: Token) -> Result<Done, Skip> {
        let block = self.block()?;
        let mut handlers = Vec::new();
        while self.is_word("on") {
            handlers.push(self.handler()?);
        }
        let otherwise = match self.eat_word("else") {
            true => Some(self.block()?),
            false => None,
        };
        let finally = match self.eat_word("finally") {
            true => Some(self.block()?),
            false => None,
        };
        if handlers.is_empty() && finally.is_none() && !self.has_strayed() {
            let message = "`try` handles nothing";
            let problem = self.problems.error(codes::FLOW, token.span, message);
            problem.label("no `on` and no `finally` follow");
        }
        if self.is_word("on") {
            let at = self.peek().span;
            let message = "handlers stand before `else` and `finally`";
            self.problems
                .error(codes::SYNTAX, at, message)
                .label("too late");
            return Err(Skip);
        }
        let act = Act::Try {
            block,
            otherwise,
            finally,
        };
        Ok(Done {
            act,
            head: Some(token.span),
            handlers,
        })
    }

    /// Says whether handlers stand on the line after the block, which is reported there.
    fn has_strayed(&self) -> bool {
        let lines = (0..).take_while(|ahead| self.peek_at(*ahead).kind == Kind::Newline);
        let after = self.peek_at(lines.count());
        matches!(self.word_of(after), Some("on" | "else" | "finally"))
    }

    /// Reads `wait`: for a tool, for a thing that ends, or for a set of tasks.
    fn wait(&mut self, usage: &'static str) -> Result<Act, Skip> {
        let takes = kinds::TASK
            | kinds::FUTURE
            | kinds::LIST
            | kinds::EVENT
            | kinds::CONDITION
            | kinds::BARRIER
            | kinds::PROCESS
            | kinds::CONNECTION
            | kinds::SERVER;
        let mut what = Vec::new();
        while !self.is_over() && !self.is_word("until") && !self.is_word("within") {
            what.push(self.expr_of(takes, usage)?);
        }
        if what.is_empty() {
            self.lacks("wait", "WHAT", usage);
            return Err(Skip);
        }
        let several = what.len() > 1;
        let mut until = None;
        if self.eat_word("until") {
            let mode = match self.peek_word() {
                Some("all") => Some(Until::All),
                Some("first") => Some(Until::First),
                Some("failed") => Some(Until::Failed),
                _ => None,
            };
            let is_condition = self.is_condition(&what[0]);
            match mode {
                Some(mode) if several || !is_condition => {
                    self.next();
                    until = Some(mode);
                }
                _ if !several && is_condition != self.is_object(&what[0]) => {
                    return Err(self.unexpected("`first`, `all` or `failed`"));
                }
                _ if several => return Err(self.unexpected("`first`, `all` or `failed`")),
                _ => {
                    let holds = self.expr_of(kinds::BOOL, usage)?;
                    let condition = what.remove(0);
                    return Ok(Act::WaitUntil { condition, holds });
                }
            }
        }
        let within = match self.eat_word("within") {
            true => Some(self.expr_of(LIMIT, usage)?),
            false => None,
        };
        if several || until.is_some() || within.is_some() {
            for one in &what {
                self.check_kind(one, kinds::TASK | kinds::FUTURE | kinds::LIST, usage);
            }
        }
        Ok(Act::Wait {
            what,
            until,
            within,
        })
    }

    fn is_object(&self, expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Object(_))
    }

    fn is_condition(&self, expr: &Expr) -> bool {
        self.is_object(expr) && kinds::of(expr, self.objects()) == Some(kinds::CONDITION)
    }

    /// Takes an error that a handler names.
    pub(super) fn handled_error(&mut self) -> Result<crate::scenario::tree::ErrorName, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("an error's name"));
        };
        self.next();
        let error = errors::named(word);
        if let crate::scenario::tree::ErrorName::Own(name) = &error {
            self.facts.handled.push((name.clone(), token.span));
        }
        Ok(error)
    }

    /// Takes an error that a step raises.
    pub(super) fn raised_error(&mut self) -> Result<crate::scenario::tree::ErrorName, Skip> {
        use crate::scenario::tree::ErrorName;
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("an error's name"));
        };
        self.next();
        let error = errors::named(word);
        match &error {
            ErrorName::Error | ErrorName::Any => {
                let message = format!("`{word}` stands for many errors, so it cannot be raised");
                self.problems
                    .error(codes::ERROR, token.span, message)
                    .label("not one error");
                return Err(Skip);
            }
            ErrorName::Own(name) => {
                self.facts.raised.insert(name.clone());
            }
            _ => {}
        }
        Ok(error)
    }
}

/// A step whose block comes after that token.
fn framed(act: Act, head: Token) -> Done {
    let (head, handlers) = (Some(head.span), Vec::new());
    Done {
        act,
        head,
        handlers,
    }
}
