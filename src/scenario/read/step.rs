//! Steps and the blocks that they stand in.

use super::codes;
use super::lex::{Kind, Sign, Token};
use super::parser::{Beginning, How, Parser, Whose};
use super::problems::{Skip, closest, shown};
use super::verbs::{self, Form};
use crate::scenario::source::Span;
use crate::scenario::tree::{Act, Block, Const, Expr, ExprKind, Handler, Piece, Place, Step};

/// What a step does, as far as it is read.
pub(super) struct Done {
    pub(super) act: Act,
    /// The last place before the block, of a step that has one.
    pub(super) head: Option<Span>,
    pub(super) handlers: Vec<Handler>,
}

impl From<Act> for Done {
    fn from(act: Act) -> Self {
        let (head, handlers) = (None, Vec::new());
        Self {
            act,
            head,
            handlers,
        }
    }
}

impl Parser<'_> {
    /// Reads all steps of a body.
    pub(super) fn body(&mut self) -> Block {
        let steps = self.steps(false);
        let outermost = self.scope.braces.first().map(|(open, _)| *open);
        if let Some(open) = outermost {
            let open = self.scope.suspect.unwrap_or(open);
            let problem = self
                .problems
                .error(codes::BRACE, open, "a block is not closed");
            problem.label("this `{` has no `}`");
        }
        steps.into()
    }

    /// Reads steps up to a closing brace, or to the end.
    fn steps(&mut self, within: bool) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        loop {
            self.skip_lines();
            let token = self.peek();
            match token.kind {
                Kind::End => break,
                _ if self.problems.is_full() => self.give_up(),
                Kind::Sign(Sign::CloseBrace) if within => break,
                Kind::Sign(Sign::CloseBrace) => self.stray(),
                _ => {
                    self.begin();
                    match self.step() {
                        Ok(step) => {
                            self.check_reached(steps.last(), &step);
                            steps.push(step);
                        }
                        Err(Skip) => self.recover(),
                    }
                }
            }
        }
        steps
    }

    /// Reports a closing brace that closes nothing, and takes what belongs to it.
    fn stray(&mut self) {
        let brace = self.next();
        let message = "a `}` closes nothing";
        let problem = self.problems.error(codes::BRACE, brace.span, message);
        problem.label("no block is open here");
        self.recover();
    }

    fn check_reached(&mut self, before: Option<&Step>, step: &Step) {
        let Some(before) = before else {
            return;
        };
        if let Act::Return(_) | Act::Raise(_) | Act::Break | Act::Continue | Act::Exit(_) =
            before.act
        {
            let message = "this step is never reached";
            let problem = self.problems.warning(codes::UNREACHED, step.span, message);
            let reason = format!("`{}` ends what comes before", before.act.verb());
            problem.label("never reached").related(before.span, reason);
        }
    }

    /// Goes to the end of a step that could not be read. Blocks that belong to it are read for
    /// the sake of what is wrong within them.
    fn recover(&mut self) {
        loop {
            match self.peek().kind {
                Kind::Newline | Kind::End | Kind::Sign(Sign::CloseBrace) => return,
                Kind::Sign(Sign::OpenBrace) => {
                    self.scope.loops += 1;
                    self.scope.handlers += 1;
                    let block = self.block();
                    self.scope.loops -= 1;
                    self.scope.handlers -= 1;
                    if block.is_err() {
                        return;
                    }
                }
                Kind::Word if self.is_word("as") || self.is_word("for") => {
                    // The block may use the name.
                    self.next();
                    let (token, word) = (self.peek(), self.peek_word());
                    if let Some(word) = word.filter(|word| !self.is_variable(word)) {
                        self.declare(word.into(), token.span);
                    }
                }
                _ => {
                    self.next();
                }
            }
        }
    }

    /// Reads a block with its braces.
    pub(super) fn block(&mut self) -> Result<Block, Skip> {
        let open = self.expect(Sign::OpenBrace, "`{`")?;
        let indent = self.indent(open);
        self.scope.braces.push((open.span, indent));
        let steps = self.deeper(|parser| Ok(parser.steps(true)))?;
        if !self.is(Sign::CloseBrace) {
            return Err(Skip);
        }
        let close = self.next();
        if self.scope.braces.pop().is_some() && self.indent(close) < indent {
            self.scope.suspect.get_or_insert(open.span);
        }
        Ok(steps.into())
    }

    /// Returns how far the line of a token is indented; 0 in a very long one.
    fn indent(&self, token: Token) -> usize {
        let before = &self.text.content.as_bytes()[..token.start];
        let near = &before[before.len().saturating_sub(LONGEST_LINE)..];
        let Some(line) = near.rsplit(|byte| *byte == b'\n').next() else {
            return 0;
        };
        let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
        blanks.count()
    }

    /// Reads a step with its handlers.
    fn step(&mut self) -> Result<Step, Skip> {
        let start = self.peek();
        let Some(word) = self.word_of(start) else {
            return Err(self.no_step(start));
        };
        let assigns = self.peek_at(1).kind == Kind::Sign(Sign::Assign);
        let (keep, mut done) = match assigns {
            true => self.assignment(word)?,
            false => (None, self.act(word)?),
        };
        let span = start.span.to(done.head.unwrap_or(self.previous().span));
        if done.head.is_some() {
            self.handlers(&mut done)?;
        }
        let Done { act, handlers, .. } = done;
        let step = Step {
            span,
            keep,
            act,
            handlers,
        };
        self.note(&step);
        match self.peek().kind {
            Kind::Newline | Kind::End | Kind::Sign(Sign::CloseBrace) => Ok(step),
            _ => Err(self.left_over(&step)),
        }
    }

    /// Reports what a step does not take.
    fn left_over(&mut self, step: &Step) -> Skip {
        let token = self.peek();
        if self.is_bad() {
            return Skip;
        }
        let verb = step.act.verb();
        let text = shown(&self.text.content[token.start..token.end]);
        if let Act::Inline(_) = step.act {
            let message = "a call stands alone";
            let problem = self.problems.error(codes::SYNTAX, token.span, message);
            problem
                .label("more follows")
                .note("keep what it gives first: `x = f()`");
            return Skip;
        }
        if let (Act::Value(_), Kind::Sign(Sign::Minus)) = (&step.act, token.kind) {
            let message = "there is no subtraction";
            let problem = self.problems.error(codes::SYNTAX, token.span, message);
            problem
                .label("cannot subtract")
                .note("add a negative number: `n + -1`");
            return Skip;
        }
        if let Act::Value(_) = step.act {
            return self.unexpected("the end of the step");
        }
        let usage = verbs::find(verb).map(|verb| verb.usage);
        let message = format!("`{verb}` does not take `{text}` as well");
        let problem = self.problems.error(codes::USAGE, token.span, message);
        problem.label("one too many");
        if let Some(usage) = usage {
            problem.note(format!("usage: `{usage}`"));
        }
        Skip
    }

    /// Reports a line that begins with no word.
    fn no_step(&mut self, start: Token) -> Skip {
        if start.kind == Kind::Sign(Sign::OpenBrace) {
            let message = "a block stands alone";
            let problem = self.problems.error(codes::SYNTAX, start.span, message);
            problem.label("what is it for?");
            problem.note("a block follows a word: `try {`, `loop {`, `within 1s {`");
            return Skip;
        }
        self.unexpected("a step")
    }

    /// Reads `name = …`: where it goes, and what it does.
    fn assignment(&mut self, name: &str) -> Result<(Option<Place>, Done), Skip> {
        let name_at = self.next().span;
        let equals = self.next();
        let done = match self.is_over() {
            true => {
                let message = format!("nothing is assigned to `{name}`");
                let problem = self.problems.error(codes::SYNTAX, equals.span, message);
                problem.label("a value is missing");
                Err(Skip)
            }
            false => self.right_side(),
        };
        // After the right side, which does not know the name yet, but even if that is wrong.
        let keep = self.assign(name, name_at);
        let done = done?;
        if matches!(
            done.act,
            Act::Spawn { .. } | Act::SpawnThread(_) | Act::Start(_)
        ) {
            self.facts.tasks.insert(name.into());
        }
        Ok((Some(keep), done))
    }

    /// Reads what is assigned: a value, or what a step gives.
    fn right_side(&mut self) -> Result<Done, Skip> {
        let token = self.peek();
        let Some(word) = self.word_of(token) else {
            return Ok(Act::Value(self.expr()?).into());
        };
        if self.is_call() {
            if verbs::function(word).is_some() {
                return Ok(Act::Value(self.expr()?).into());
            }
            return self.act(word);
        }
        let after = self.peek_at(1);
        let ends = match after.kind {
            Kind::Newline | Kind::End => true,
            Kind::Sign(Sign::OpenBracket) => !after.spaced,
            Kind::Sign(Sign::OpenBrace | Sign::Open | Sign::Minus) => false,
            Kind::Sign(_) => true,
            Kind::Word => matches!(self.word_of(after), Some("and" | "or")),
            _ => false,
        };
        if ends && self.is_variable(word) {
            return Ok(Act::Value(self.expr()?).into());
        }
        if verbs::find(word).is_none() {
            let takes = matches!(
                after.kind,
                Kind::Int(_) | Kind::Float | Kind::Duration(_) | Kind::Text | Kind::Word
            );
            let is_value = RESERVED_VALUES.contains(&word) || self.is_variable(word);
            if takes && !ends && !is_value {
                self.next();
                return Err(self.unknown_step(word, token));
            }
            return Ok(Act::Value(self.expr()?).into());
        }
        if GIVES_NOTHING.contains(&word) {
            let message = format!("`{word}` gives nothing that could be kept");
            let problem = self.problems.error(codes::USAGE, token.span, message);
            problem.label("gives nothing");
            return Err(Skip);
        }
        self.act(word)
    }

    /// Reads what a step does, which begins with that word.
    fn act(&mut self, word: &str) -> Result<Done, Skip> {
        let is_body = self.names.body(word).is_some();
        if self.is_call() && (is_body || verbs::find(word).is_none()) {
            if verbs::function(word).is_some() {
                let token = self.peek();
                let message = format!("`{word}(…)` is a value, not a step");
                self.problems.error(codes::STEP, token.span, message);
                return Err(Skip);
            }
            return Ok(Act::Inline(self.call(How::Within)?).into());
        }
        let token = self.next();
        let Some(verb) = verbs::find(word) else {
            return Err(self.unknown_step(word, token));
        };
        if matches!(word, "exit" | "on_signal") && self.scope.whose != Whose::Program {
            let message = format!("only programs have `{word}`");
            let problem = self.problems.error(codes::PLACE, token.span, message);
            problem
                .label("this is no program")
                .note("programs are declared in `[program]`");
            return Err(Skip);
        }
        let is_clear_fault = word == "clear" && self.is_between();
        let open = self.peek();
        match &verb.form {
            _ if is_clear_fault => Ok(Act::Fault(self.fault(token, word)?).into()),
            Form::Plain(slots, act) => {
                if open.kind == Kind::Sign(Sign::Open) && !open.spaced {
                    return Err(self.called_verb(verb, token));
                }
                let mut taken = self.take(verb, slots, token)?;
                Ok(act(&mut taken).into())
            }
            Form::Special => self.flow(verb, token),
            Form::Fault => Ok(Act::Fault(self.fault(token, word)?).into()),
        }
    }

    /// Reports `put(jobs, 1)`.
    fn called_verb(&mut self, verb: &verbs::Verb, token: Token) -> Skip {
        let message = format!(
            "`{}` is a verb: what it takes follows without parentheses",
            verb.name
        );
        let problem = self.problems.error(codes::USAGE, self.peek().span, message);
        problem.related(token.span, "a verb");
        problem.note(format!("usage: `{}`", verb.usage));
        Skip
    }

    fn unknown_step(&mut self, word: &str, token: Token) -> Skip {
        let at = token.span;
        if let "on" | "else" | "finally" = word {
            let message = format!("`{word}` follows no block");
            let problem = self.problems.error(codes::SYNTAX, at, message);
            problem.label(format!(
                "write `}} {word}` on the line where the block is closed"
            ));
            return Skip;
        }
        if self.is_bad() {
            return Skip;
        }
        let message = format!("no step is called `{word}`");
        let is_body = self.names.body(word).is_some() || self.names.function(word).is_some();
        let is_variable = self.is_variable(word);
        let near = closest(word, verbs::all().map(|verb| verb.name));
        let problem = self.problems.error(codes::STEP, at, message);
        problem.label("unknown step");
        if is_body {
            problem.suggest("call it", at, format!("{word}()"));
        } else if is_variable {
            problem.note("a line begins with a verb, or with a name and `=`");
        } else if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
        Skip
    }

    /// Reads `on … { }` behind a block.
    fn handlers(&mut self, done: &mut Done) -> Result<(), Skip> {
        while self.is_word("on") {
            let handler = self.handler()?;
            if let Act::OnSignal { .. } = done.act {
                let message = "the block runs later, when nothing is left to handle its errors";
                self.problems.error(codes::FLOW, handler.span, message);
            }
            done.handlers.push(handler);
        }
        if let Some(word @ ("else" | "finally")) = self.peek_word() {
            let at = self.peek().span;
            let message = format!("only `try` has `{word}`");
            let problem = self.problems.error(codes::SYNTAX, at, message);
            problem
                .label("belongs to no `try`")
                .note("put the block into `try { }`");
            return Err(Skip);
        }
        Ok(())
    }

    /// Reads one handler.
    pub(super) fn handler(&mut self) -> Result<Handler, Skip> {
        let on = self.next();
        let mut kinds = Vec::new();
        loop {
            kinds.push(self.handled_error()?);
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        let keep = match self.eat_word("as") {
            true => Some(self.target()?),
            false => None,
        };
        let span = on.span.to(self.previous().span);
        self.scope.handlers += 1;
        let block = self.block();
        self.scope.handlers -= 1;
        Ok(Handler {
            kinds,
            keep,
            block: block?,
            span,
        })
    }

    /// Keeps what is looked at when all bodies are read.
    fn note(&mut self, step: &Step) {
        let act = &step.act;
        self.facts.verbs.insert(act.verb());
        let how_inline = matches!(act, Act::Inline(_));
        if act.may_wait() && !how_inline && !act.is_frame() {
            self.facts.waits.entry(self.scope.body).or_insert(step.span);
        }
        if let Act::Log(values) = act {
            let begins = beginning(values);
            if self.facts.logged.len() < MOST_LOGGED {
                self.facts.logged.push(begins);
            }
        }
    }
}

/// Indentation is looked for within this many bytes.
const LONGEST_LINE: usize = 1_000;

/// Lines beyond this many are not told apart: a check may count any word.
const MOST_LOGGED: usize = 10_000;

/// Words that are values.
const RESERVED_VALUES: [&str; 8] = [
    "none", "true", "false", "now", "clock", "self", "main", "not",
];

/// Verbs that give nothing.
const GIVES_NOTHING: [&str; 18] = [
    "log",
    "return",
    "raise",
    "expect",
    "fail",
    "if",
    "loop",
    "while",
    "repeat",
    "for",
    "break",
    "continue",
    "try",
    "retry",
    "within",
    "group",
    "with",
    "on_signal",
];

/// Returns how a line of values begins, if that is known.
fn beginning(values: &[Expr]) -> Option<Beginning> {
    let (first, rest) = values.split_first()?;
    match &first.kind {
        ExprKind::Const(Const::Text(text)) => {
            let goes_on = !rest.is_empty();
            let blank = if goes_on { " " } else { "" };
            Some(Beginning {
                text: format!("{text}{blank}"),
                goes_on,
            })
        }
        ExprKind::Text(pieces) => match pieces.first() {
            Some(Piece::Text(text)) => Some(Beginning {
                text: text.to_string(),
                goes_on: true,
            }),
            _ => None,
        },
        _ => None,
    }
}

impl Act {
    /// Says whether the step is a frame around others and waits only as they do.
    fn is_frame(&self) -> bool {
        matches!(
            self,
            Self::If { .. }
                | Self::Loop(_)
                | Self::While(..)
                | Self::Repeat { .. }
                | Self::For { .. }
                | Self::Try { .. }
                | Self::Within { .. }
                | Self::Retry { every: None, .. }
        )
    }
}
