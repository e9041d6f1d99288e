//! What names stand for, and whether a verb takes what they stand for.

use std::sync::Arc;

use super::codes;
use super::kinds::{self, Kinds};
use super::names::{Declares, Global, check_name};
use super::parser::{Parser, Whose, poison};
use super::problems::{Skip, closest};
use super::verbs;
use crate::scenario::source::Span;
use crate::scenario::tree::{Const, Expr, ExprKind, Place};

impl Parser<'_> {
    fn local(&self, word: &str) -> Option<u16> {
        self.scope.places.get(word).copied()
    }

    /// Says whether a word is a variable or an object.
    pub(super) fn is_variable(&self, word: &str) -> bool {
        self.local(word).is_some() || self.names.global(word).is_some()
    }

    /// Returns the value of a name; one that nobody knows is reported.
    pub(super) fn variable(&mut self, word: &str, span: Span) -> Expr {
        let kind = if let Some(local) = self.local(word) {
            ExprKind::Variable(Place::Local(local))
        } else {
            match self.names.global(word) {
                Some(Global::Object(index)) => ExprKind::Object(index),
                Some(Global::Shared(index)) => ExprKind::Variable(Place::Shared(index)),
                Some(Global::Context(index)) if self.scope.whose != Whose::Check => {
                    ExprKind::Variable(Place::Context(index))
                }
                Some(Global::Context(_)) => {
                    let message = format!("`{word}` is each task's own, and a check is no task's");
                    self.problems.error(codes::PLACE, span, message);
                    return poison(span);
                }
                None => {
                    self.unknown(word, span);
                    return poison(span);
                }
            }
        };
        Expr { span, kind }
    }

    fn unknown(&mut self, word: &str, span: Span) {
        if self.names.incomplete {
            return;
        }
        let locals = self.scope.locals.iter().map(|local| &**local);
        let words = ["none", "true", "false", "now", "self", "main"];
        let near = closest(word, locals.chain(self.names.globals()).chain(words));
        let in_check = self.scope.whose == Whose::Check;
        let assigned = in_check && self.facts.assigned.contains(word);
        let is_body = self.names.body(word).is_some();
        let is_host = self.names.groups.contains_key(word);
        let verb = verbs::find(word).filter(|_| !in_check);
        let mut near = near;
        let problem = if is_body {
            near = None;
            let message = format!("`{word}` is a task, not a value");
            let problem = self.problems.error(codes::NAME, span, message);
            problem.note(format!(
                "`{word}(…)` calls it; `x = spawn {word}(…)` names what runs"
            ))
        } else if let Some(verb) = verb {
            near = None;
            let message = format!("`{word}` is a step of its own");
            let problem = self.problems.error(codes::NAME, span, message);
            problem.label("a verb, not a value");
            problem.note(format!("keep what it gives first: `x = {}`", verb.usage))
        } else if is_host {
            near = None;
            let message = format!("`{word}` is a host, not a value");
            let problem = self.problems.error(codes::NAME, span, message);
            problem.note(format!("steps name a host by a string: `\"{word}\"`"))
        } else {
            let message = match in_check {
                true => format!("checks know nothing called `{word}`"),
                false => format!("nothing is called `{word}`"),
            };
            self.problems
                .error(codes::NAME, span, message)
                .label("unknown name")
        };
        if assigned {
            problem.note(format!("a task's own `{word}` is seen by that task alone"));
            problem.note("what checks look at is declared in `[shared]`");
        } else if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), span, near);
        } else if word.contains('-') {
            problem.note("there is no subtraction: add a negative number, as in `n + -1`");
        }
    }

    /// Takes the name that something is assigned to.
    pub(super) fn target(&mut self) -> Result<Place, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Err(self.unexpected("a name"));
        };
        self.next();
        Ok(self.assign(word, token.span))
    }

    /// Returns where a name is assigned to: a global variable's place, or the body's own.
    pub(super) fn assign(&mut self, word: &str, span: Span) -> Place {
        let nowhere = Place::Local(u16::MAX);
        match self.names.global(word) {
            Some(Global::Shared(index)) => {
                self.facts.assigned.insert(word.into());
                return Place::Shared(index);
            }
            Some(Global::Context(index)) => return Place::Context(index),
            Some(global @ Global::Object(_)) => {
                let what = self.names.what(global);
                let message = format!("nothing can be assigned to `{word}`: it is {what}");
                let declared = self.names.declared_at(word);
                let problem = self.problems.error(codes::KIND, span, message);
                problem.label(what);
                if let Some(declared) = declared {
                    problem.related(declared, "declared here");
                }
                return nowhere;
            }
            None => {}
        }
        if let Some(local) = self.local(word) {
            return Place::Local(local);
        }
        if !check_name(word, span, Declares::Other, self.problems) {
            return nowhere;
        }
        self.declare(word.into(), span)
    }

    pub(super) fn declare(&mut self, word: Arc<str>, span: Span) -> Place {
        let Ok(index) = u16::try_from(self.scope.locals.len()) else {
            return Place::Local(u16::MAX);
        };
        if index == u16::MAX {
            let message = "a body has too many variables";
            self.problems.error(codes::LIMIT, span, message);
            return Place::Local(index);
        }
        self.facts.assigned.insert(word.clone());
        self.scope.places.insert(word.clone(), index);
        self.scope.locals.push(word);
        Place::Local(index)
    }

    /// Reports a value of a kind that is not taken, where that can be known.
    pub(super) fn check_kind(&mut self, expr: &Expr, takes: Kinds, whose: &str) {
        let Some(kind) = kinds::of(expr, self.objects()) else {
            return;
        };
        if kind.has(takes) || self.report_bare_number(expr, takes) {
            return;
        }
        let taker = whose.split_whitespace().next().unwrap_or_default();
        let taker = taker.split('(').next().unwrap_or_default();
        let of_verb = verbs::find(taker).is_some() || verbs::function(taker).is_some();
        let given = match &expr.kind {
            ExprKind::Object(index) => {
                let object = &self.names.objects[usize::from(*index)];
                format!("`{}` is {}", object.name, kind.list())
            }
            _ => format!("this is {}", kind.list()),
        };
        let message = match of_verb {
            true => format!("`{taker}` takes {}, and {given}", takes.list()),
            false => format!("{whose} takes {}, and {given}", takes.list()),
        };
        let declared = match &expr.kind {
            ExprKind::Object(index) => Some(self.names.objects[usize::from(*index)].span),
            _ => None,
        };
        let problem = self.problems.error(codes::KIND, expr.span, message);
        problem.label(kind.list());
        if let Some(declared) = declared {
            problem.related(declared, "declared here");
        }
        if of_verb {
            problem.note(format!("usage: `{whose}`"));
        }
    }

    /// Reports a bare number in the place of a duration.
    pub(super) fn report_bare_number(&mut self, expr: &Expr, takes: Kinds) -> bool {
        let number = match &expr.kind {
            ExprKind::Const(Const::Int(number)) => *number,
            _ => return false,
        };
        if !takes.has(kinds::DURATION) || takes.has(kinds::INT) {
            return false;
        }
        let message = format!("the duration `{number}` needs a unit");
        let problem = self.problems.error(codes::NUMBER, expr.span, message);
        problem.label("a bare number");
        problem.note(format!("units are {}", super::number::TIME_UNITS));
        true
    }
}
