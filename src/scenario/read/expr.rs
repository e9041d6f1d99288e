//! Expressions: values, operators, functions.

use super::codes;
use super::kinds::{self, Kinds};
use super::lex::{Kind, Sign, Token};
use super::parser::{Parser, Whose, poison};
use super::problems::Skip;
use super::verbs;
use crate::scenario::source::Span;
use crate::scenario::tree::{Const, Expr, ExprKind, Function, Operator};

impl Parser<'_> {
    /// Reads an expression.
    pub(super) fn expr(&mut self) -> Result<Expr, Skip> {
        self.deeper(|parser| parser.either())
    }

    /// Reads an expression of certain kinds, for what is named by `whose`.
    pub(super) fn expr_of(&mut self, kinds: Kinds, whose: &str) -> Result<Expr, Skip> {
        let expr = self.expr()?;
        self.check_kind(&expr, kinds, whose);
        Ok(expr)
    }

    fn either(&mut self) -> Result<Expr, Skip> {
        let mut left = self.both()?;
        while self.eat_word("or") {
            self.longer()?;
            let right = self.both()?;
            left = binary(Operator::Or, left, right);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr, Skip> {
        let mut left = self.negated()?;
        while self.eat_word("and") {
            self.longer()?;
            let right = self.negated()?;
            left = binary(Operator::And, left, right);
        }
        Ok(left)
    }

    fn negated(&mut self) -> Result<Expr, Skip> {
        let start = self.peek().span;
        if self.eat_word("not") {
            let inner = self.deeper(|parser| parser.negated())?;
            let span = start.to(inner.span);
            return Ok(Expr {
                span,
                kind: ExprKind::Not(Box::new(inner)),
            });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, Skip> {
        let left = self.range()?;
        let Some(operator) = self.compares() else {
            return Ok(left);
        };
        self.next();
        let right = self.range()?;
        if self.compares().is_some() {
            let at = self.peek().span;
            let message = "comparisons do not come in chains";
            let problem = self.problems.error(codes::SYNTAX, at, message);
            problem
                .label("a second comparison")
                .note("write `a < b and b < c`");
            return Err(Skip);
        }
        self.check_comparison(operator, &left, &right);
        Ok(binary(operator, left, right))
    }

    fn compares(&mut self) -> Option<Operator> {
        let Kind::Sign(sign) = self.peek().kind else {
            return None;
        };
        Some(match sign {
            Sign::Equal => Operator::Equal,
            Sign::NotEqual => Operator::NotEqual,
            Sign::Less => Operator::Less,
            Sign::LessEqual => Operator::LessEqual,
            Sign::Greater => Operator::Greater,
            Sign::GreaterEqual => Operator::GreaterEqual,
            _ => return None,
        })
    }

    fn check_comparison(&mut self, operator: Operator, left: &Expr, right: &Expr) {
        let of = |expr| kinds::of(expr, self.objects());
        let (Some(first), Some(second)) = (of(left), of(right)) else {
            return;
        };
        let at = left.span.to(right.span);
        if !first.has(second) {
            if self.report_bare_number(left, second) || self.report_bare_number(right, first) {
                return;
            }
            let (first, second) = (first.list(), second.list());
            let message = format!("{first} and {second} are never equal");
            let problem = self.problems.error(codes::KIND, at, message);
            problem.label("compares two kinds");
            return;
        }
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let ordered = kinds::INT | kinds::DURATION | kinds::TEXT | kinds::LIST;
        if !equality && !first.has(ordered) {
            let message = format!("{} is neither less nor more than another", first.list());
            self.problems.error(codes::KIND, at, message);
        }
    }

    /// Reads `a` or `a..b`.
    pub(super) fn range(&mut self) -> Result<Expr, Skip> {
        let least = self.sum()?;
        if !self.eat(Sign::Range) {
            return Ok(least);
        }
        let most = self.sum()?;
        let span = least.span.to(most.span);
        if !self.check_range(&least, &most) {
            return Ok(poison(span));
        }
        let kind = ExprKind::Drawn(Box::new(least), Box::new(most));
        Ok(Expr { span, kind })
    }

    /// Says whether two values can be the ends of a range, and reports if they cannot.
    fn check_range(&mut self, least: &Expr, most: &Expr) -> bool {
        let of = |expr| kinds::of(expr, self.objects());
        let at = least.span.to(most.span);
        let measures = kinds::INT | kinds::DURATION;
        for (end, other) in [(least, most), (most, least)] {
            let (end_kind, other_kind) = (of(end), of(other));
            if let Some(kind) = end_kind.filter(|kind| !kind.has(measures)) {
                let message = format!("{} is no end of a range", kind.list());
                let problem = self.problems.error(codes::RANGE, end.span, message);
                problem.label("neither an integer nor a duration");
                return false;
            }
            if let (Some(kinds::INT), Some(kinds::DURATION)) = (end_kind, other_kind) {
                let message = "the ends of a range are a duration and a bare number";
                let problem = self.problems.error(codes::RANGE, at, message);
                problem.label("both ends need a unit: `5ms..20ms`");
                return false;
            }
        }
        let upside_down = match (&least.kind, &most.kind) {
            (ExprKind::Const(Const::Int(least)), ExprKind::Const(Const::Int(most))) => least > most,
            (ExprKind::Const(Const::Duration(least)), ExprKind::Const(Const::Duration(most))) => {
                least > most
            }
            _ => false,
        };
        if upside_down {
            let text = |span: Span| self.text.file_at(span);
            let right = format!("{}..{}", text(most.span), text(least.span));
            let problem = self
                .problems
                .error(codes::RANGE, at, "a range ends before it begins");
            problem.label("the first end is the larger one");
            problem.suggest("turn it round", at, right);
        }
        true
    }

    fn sum(&mut self) -> Result<Expr, Skip> {
        let mut left = self.signed()?;
        loop {
            if self.eat(Sign::Plus) {
                self.longer()?;
                let right = self.signed()?;
                self.check_sum(&left, &right);
                left = binary(Operator::Add, left, right);
                continue;
            }
            let (minus, after) = (self.peek(), self.peek_at(1));
            if self.is(Sign::Minus) && (after.spaced || after.kind == Kind::Word) {
                let message = "there is no subtraction";
                let problem = self.problems.error(codes::SYNTAX, minus.span, message);
                problem
                    .label("cannot subtract")
                    .note("add a negative number: `n + -1`");
                return Err(Skip);
            }
            return Ok(left);
        }
    }

    fn check_sum(&mut self, left: &Expr, right: &Expr) {
        let of = |expr| kinds::of(expr, self.objects());
        let (Some(first), Some(second)) = (of(left), of(right)) else {
            return;
        };
        let summands = kinds::INT | kinds::DURATION | kinds::TEXT | kinds::LIST;
        if first.has(second) && first.has(summands) {
            return;
        }
        if self.report_bare_number(left, second) || self.report_bare_number(right, first) {
            return;
        }
        let at = left.span.to(right.span);
        let message = format!("`+` cannot add {} and {}", first.list(), second.list());
        let problem = self.problems.error(codes::KIND, at, message);
        problem.note("`+` adds integers, durations, strings or lists");
    }

    /// Reads `-5`, or what is no number.
    fn signed(&mut self) -> Result<Expr, Skip> {
        let minus = self.peek();
        if !self.eat(Sign::Minus) {
            return self.postfix();
        }
        let number = self.peek();
        match number.kind {
            Kind::Int(value) if !number.spaced => {
                self.next();
                let span = minus.span.to(number.span);
                // What is not negative has a negative.
                Ok(constant(span, Const::Int(-value)))
            }
            Kind::Bad => {
                self.next();
                Ok(poison(number.span))
            }
            Kind::Duration(_) => {
                let span = minus.span.to(number.span);
                let message = "a duration is never negative";
                self.problems
                    .error(codes::BOUNDS, span, message)
                    .label("less than nothing");
                self.next();
                Ok(poison(span))
            }
            _ => {
                let message = "`-` stands only before a number";
                let problem = self.problems.error(codes::SYNTAX, minus.span, message);
                problem.label("no number follows");
                Err(Skip)
            }
        }
    }

    /// Reads a value and `[0]` behind it.
    fn postfix(&mut self) -> Result<Expr, Skip> {
        let mut value = self.primary()?;
        while self.is(Sign::OpenBracket) && !self.peek().spaced {
            let open = self.next();
            self.longer()?;
            let index = self.expr()?;
            self.check_kind(&index, kinds::INT, "an index");
            let end = self.close(open, Sign::CloseBracket)?;
            self.check_kind(&value, kinds::LIST.or(kinds::TEXT), "`[…]`");
            let span = value.span.to(end.span);
            let kind = ExprKind::Item(Box::new(value), Box::new(index));
            value = Expr { span, kind };
        }
        Ok(value)
    }

    /// Takes the partner of an opening bracket.
    pub(super) fn close(&mut self, open: Token, sign: Sign) -> Result<Token, Skip> {
        let place = self.place();
        self.skip_lines();
        if self.is(sign) {
            return Ok(self.next());
        }
        if self.is_bad() {
            return Err(Skip);
        }
        if self.place() > place || self.is_over() {
            self.back_to(place);
            return Err(self.unclosed(open));
        }
        let wanted = match sign {
            Sign::Close => "`,` or `)`",
            _ => "`,` or `]`",
        };
        Err(self.unexpected(wanted))
    }

    /// Takes blank lines within brackets; a step on the next line says that they are not closed.
    pub(super) fn next_line(&mut self, open: Token) -> Result<(), Skip> {
        let place = self.place();
        self.skip_lines();
        let is_verb = self.peek_word().is_some_and(|word| {
            verbs::find(word).is_some() && !self.is_variable(word) && !self.is_call()
        });
        let assigns = self.peek_at(1).kind == Kind::Sign(Sign::Assign) && open.kind != OPEN;
        let is_step = is_verb || (self.peek().kind == Kind::Word && assigns);
        if self.peek().kind == Kind::End || (self.place() > place && is_step) {
            self.back_to(place);
            return Err(self.unclosed(open));
        }
        Ok(())
    }

    fn unclosed(&mut self, open: Token) -> Skip {
        let sign = &self.text.content[open.start..open.end];
        let message = format!("`{sign}` is not closed");
        self.problems
            .error(codes::BRACE, open.span, message)
            .label("opened here");
        Skip
    }

    fn primary(&mut self) -> Result<Expr, Skip> {
        let token = self.peek();
        match token.kind {
            Kind::Word => self.named(),
            Kind::Int(value) => {
                self.next();
                if self.has_unit_behind(token) {
                    return Ok(poison(token.span));
                }
                Ok(constant(token.span, Const::Int(value)))
            }
            Kind::Duration(value) => {
                self.next();
                Ok(constant(token.span, Const::Duration(value)))
            }
            Kind::Text => {
                self.next();
                Ok(self.string(token))
            }
            Kind::Float => {
                let message = "numbers with a point need a unit of time";
                let problem = self.problems.error(codes::NUMBER, token.span, message);
                problem.label("neither an integer nor a duration");
                self.next();
                Ok(poison(token.span))
            }
            Kind::Percent(_) => {
                let message = "a percent stands only in faults, as in `drop a -> b 10%`";
                self.problems.error(codes::NUMBER, token.span, message);
                self.next();
                Ok(poison(token.span))
            }
            Kind::Bad => {
                self.next();
                Ok(poison(token.span))
            }
            Kind::Sign(Sign::Open) => {
                self.next();
                self.skip_lines();
                let inner = self.expr()?;
                let end = self.close(token, Sign::Close)?;
                let span = token.span.to(end.span);
                Ok(Expr { span, ..inner })
            }
            Kind::Sign(Sign::OpenBracket) => {
                self.next();
                let (items, end) = self.items(token, Sign::CloseBracket)?;
                let span = token.span.to(end.span);
                Ok(Expr {
                    span,
                    kind: ExprKind::List(items),
                })
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads values with commas between them, up to a closing bracket.
    pub(super) fn items(&mut self, open: Token, close: Sign) -> Result<(Vec<Expr>, Token), Skip> {
        let mut items = Vec::new();
        loop {
            self.next_line(open)?;
            if self.is(close) {
                return Ok((items, self.next()));
            }
            items.push(self.expr()?);
            self.next_line(open)?;
            if !self.eat(Sign::Comma) {
                return Ok((items, self.close(open, close)?));
            }
        }
    }

    /// Reports `5 ms`.
    fn has_unit_behind(&mut self, number: Token) -> bool {
        let unit = self.peek();
        let is_unit = matches!(self.peek_word(), Some("ns" | "us" | "ms" | "s" | "m" | "h"));
        let is_name = self
            .peek_word()
            .is_some_and(|word| self.is_variable(word) || self.names.body(word).is_some());
        let found = unit.kind == Kind::Word && is_unit && !is_name;
        if found {
            self.next();
            let at = number.span.to(unit.span);
            let content = &self.text.content;
            let right = format!(
                "{}{}",
                &content[number.start..number.end],
                &content[unit.start..unit.end]
            );
            let message = "a unit follows its number without a blank";
            let problem = self.problems.error(codes::NUMBER, at, message);
            problem.suggest(format!("write `{right}`"), at, right);
        }
        found
    }

    /// Reads a name, or a function of a value.
    fn named(&mut self) -> Result<Expr, Skip> {
        let token = self.peek();
        let word = self.word_of(token).unwrap_or_default();
        if self.is_call() {
            return self.function();
        }
        self.next();
        let span = token.span;
        let program = self.scope.whose == Whose::Program;
        let kind = match word {
            "none" => ExprKind::Const(Const::None),
            "true" => ExprKind::Const(Const::Bool(true)),
            "false" => ExprKind::Const(Const::Bool(false)),
            "now" => ExprKind::Now,
            "pending" if self.scope.whose == Whose::Check => {
                ExprKind::Probe(crate::scenario::tree::Probe::Pending)
            }
            "clock" | "self" | "main" | "cancelling" if !self.runs() => {
                let message = format!("`{word}` is a task's, and no task runs here");
                self.problems.error(codes::PLACE, span, message);
                return Ok(poison(span));
            }
            "clock" => ExprKind::Clock(None),
            "self" => ExprKind::CurrentTask,
            "main" => ExprKind::MainTask,
            "cancelling" => ExprKind::Cancelling,
            "stdin" | "stdout" | "stderr" if !program => {
                let message = format!("`{word}` belongs to a program, and this is none");
                let problem = self.problems.error(codes::PLACE, span, message);
                problem.note("programs are declared in `[program]`");
                return Ok(poison(span));
            }
            "stdin" => ExprKind::Stdin,
            "stdout" => ExprKind::Stdout,
            "stderr" => ExprKind::Stderr,
            "pending" => {
                self.only_in_checks(word, span);
                return Ok(poison(span));
            }
            _ => return Ok(self.variable(word, span)),
        };
        Ok(Expr { span, kind })
    }

    /// Says whether a task runs what is read.
    fn runs(&self) -> bool {
        matches!(self.scope.whose, Whose::Task | Whose::Program)
    }

    pub(super) fn only_in_checks(&mut self, word: &str, span: Span) {
        let message = format!("only checks can ask for `{word}`");
        self.problems
            .error(codes::PLACE, span, message)
            .label("this is no check");
    }

    /// Reads `len(x)`, or what only checks can ask.
    fn function(&mut self) -> Result<Expr, Skip> {
        let token = self.next();
        let word = self.word_of(token).unwrap_or_default();
        let Some(usage) = verbs::function(word) else {
            return self.no_function(token, word);
        };
        if verbs::is_probe(word) || (self.scope.whose == Whose::Check && word == "state") {
            if self.scope.whose == Whose::Check {
                return self.probe(token, word);
            }
            self.only_in_checks(word, token.span);
            return Err(Skip);
        }
        let (function, takes) = match word {
            "len" => (Function::Len, kinds::LIST | kinds::TEXT | kinds::QUEUE),
            "state" => (Function::State, kinds::TASK | kinds::FUTURE | kinds::NONE),
            "result" => (Function::Result, kinds::TASK | kinds::FUTURE),
            "locked" => (
                Function::Locked,
                kinds::LOCK | kinds::SEMAPHORE | kinds::CONDITION,
            ),
            "size" => (Function::Size, kinds::CONNECTION),
            "permits" => (Function::Permits, kinds::SEMAPHORE),
            "waiting" => (
                Function::Waiting,
                kinds::QUEUE
                    | kinds::LOCK
                    | kinds::EVENT
                    | kinds::CONDITION
                    | kinds::SEMAPHORE
                    | kinds::BARRIER
                    | kinds::FUTURE,
            ),
            "expired" => (Function::Expired, kinds::TIMEOUT),
            _ => (Function::IsSet, kinds::EVENT),
        };
        let open = self.next();
        let value = self.expr()?;
        let end = self.close(open, Sign::Close)?;
        self.check_kind(&value, takes, usage);
        let span = token.span.to(end.span);
        let kind = ExprKind::Call(function, Box::new(value));
        Ok(Expr { span, kind })
    }

    fn no_function(&mut self, token: Token, word: &str) -> Result<Expr, Skip> {
        if self.names.body(word).is_some() || self.names.function(word).is_some() {
            let message = format!("the call of `{word}` is part of something larger");
            let problem = self.problems.error(codes::SYNTAX, token.span, message);
            problem.label("a call stands alone");
            problem.note(format!("give it a line of its own: `x = {word}(…)`"));
        } else {
            let message = format!("no function is called `{word}`");
            let near = super::problems::closest(word, verbs::functions());
            let problem = self.problems.error(codes::CALLEE, token.span, message);
            problem.label("unknown function");
            if let Some(near) = near {
                problem.suggest(format!("did you mean `{near}`?"), token.span, near);
            }
        }
        Err(Skip)
    }
}

/// In a call, `=` gives an argument its name.
const OPEN: Kind = Kind::Sign(Sign::Open);

pub(super) fn constant(span: Span, value: Const) -> Expr {
    let kind = ExprKind::Const(value);
    Expr { span, kind }
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    let kind = ExprKind::Binary(operator, Box::new(left), Box::new(right));
    Expr { span, kind }
}
