//! A text's tokens, one after another, and what is known where they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::codes;
use super::lex::{self, Kind, Sign, Token};
use super::names::Names;
use super::problems::{Problems, Skip, shown};
use super::text::Text;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::source::Span;
use crate::scenario::tree::{Counter, Expr, ExprKind, Place};

/// How deep blocks and parentheses may stand in each other: more would overflow the stack of
/// whoever reads or runs them, and nobody can read it.
pub(super) const DEEPEST: usize = 100;

/// How many operators a step or a check may have. Each is a level of the tree, as a parenthesis is.
const MOST_OPERATORS: usize = 1_000;

/// Reads one text: the steps of a body, a check, a fault.
pub(super) struct Parser<'a> {
    pub(super) text: &'a Text<'a>,
    pub(super) names: &'a Names<'a>,
    pub(super) facts: &'a mut Facts,
    pub(super) problems: &'a mut Problems,
    pub(super) scope: Scope,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    operators: usize,
}

/// What a text may name besides what everything may.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) whose: Whose,
    /// Which body's steps these are.
    pub(super) body: u16,
    pub(super) locals: Vec<Arc<str>>,
    /// Where each local stands.
    pub(super) places: BTreeMap<Arc<str>, u16>,
    /// How many loops stand around the place.
    pub(super) loops: usize,
    /// How many handlers stand around the place.
    pub(super) handlers: usize,
    /// Opening braces that are not closed yet, and how far their lines are indented.
    pub(super) braces: Vec<(Span, usize)>,
    /// The first block whose closing brace stands further left than its beginning.
    pub(super) suspect: Option<Span>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Whose {
    Task,
    Program,
    Check,
    /// A host's arguments, or the timeline's faults: nobody's.
    #[default]
    File,
}

/// What the texts of a file say together, which is looked at when all are read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Calls of bodies: from which, to which, how and where.
    pub(super) calls: Vec<CallFact>,
    /// Steps that may wait: the first of each body.
    pub(super) waits: BTreeMap<u16, Span>,
    /// Verbs of all steps.
    pub(super) verbs: BTreeSet<&'static str>,
    /// Bodies that hosts start.
    pub(super) started: BTreeSet<u16>,
    /// How the lines begin that are logged; `None` if a value comes first.
    pub(super) logged: Vec<Option<Beginning>>,
    /// Errors of the scenario's own.
    pub(super) raised: BTreeSet<Arc<str>>,
    pub(super) handled: Vec<(Arc<str>, Span)>,
    /// Variables that something is assigned to.
    pub(super) assigned: BTreeSet<Arc<str>>,
    /// Variables that a task is assigned to.
    pub(super) tasks: BTreeSet<Arc<str>>,
    /// A function in Rust is called, which may log anything.
    pub(super) calls_rust: bool,
    pub(super) counters: Vec<Counter>,
}

/// How a line begins that is logged.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) text: String,
    /// A value follows, so nobody knows how the line goes on.
    pub(super) goes_on: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CallFact {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) how: How,
    pub(super) at: Span,
}

/// In what a called body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// In the task of the caller.
    Within,
    /// In a task of its own.
    Task,
    Thread,
    Process,
    Callback,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        text: &'a Text<'a>,
        names: &'a Names<'a>,
        facts: &'a mut Facts,
        problems: &'a mut Problems,
        scope: Scope,
    ) -> Self {
        let tokens = lex::tokens(text, 0..text.content.len(), problems);
        let (at, depth, operators) = (0, 0, 0);
        Self {
            text,
            names,
            facts,
            problems,
            scope,
            tokens,
            at,
            depth,
            operators,
        }
    }

    /// Reads a part of the text with other tokens, then goes on.
    pub(super) fn part<R>(
        &mut self,
        part: std::ops::Range<usize>,
        read: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let tokens = lex::tokens(self.text, part, self.problems);
        let outer = std::mem::replace(&mut self.tokens, tokens);
        let at = std::mem::replace(&mut self.at, 0);
        let result = read(self);
        (self.tokens, self.at) = (outer, at);
        result
    }

    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    /// Takes the next token. The end stays.
    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// Returns the token before the next one.
    pub(super) fn previous(&self) -> Token {
        self.tokens[self.at.saturating_sub(1)]
    }

    /// Takes everything.
    pub(super) fn give_up(&mut self) {
        self.at = self.tokens.len() - 1;
    }

    pub(super) fn is(&self, sign: Sign) -> bool {
        self.peek().kind == Kind::Sign(sign)
    }

    pub(super) fn eat(&mut self, sign: Sign) -> bool {
        let found = self.is(sign);
        if found {
            self.next();
        }
        found
    }

    /// Returns the word of a token, if it is one.
    pub(super) fn word_of(&self, token: Token) -> Option<&'a str> {
        let text = self.text;
        (token.kind == Kind::Word).then(|| &text.content[token.start..token.end])
    }

    pub(super) fn peek_word(&self) -> Option<&'a str> {
        self.word_of(self.peek())
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.peek_word() == Some(word)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    /// Says whether a word comes and directly behind it `(`.
    pub(super) fn is_call(&self) -> bool {
        let open = self.peek_at(1);
        self.peek().kind == Kind::Word && open.kind == Kind::Sign(Sign::Open) && !open.spaced
    }

    /// Says whether a step or text is over here.
    pub(super) fn is_over(&self) -> bool {
        let over = [Sign::OpenBrace, Sign::CloseBrace].map(Kind::Sign);
        let kind = self.peek().kind;
        matches!(kind, Kind::Newline | Kind::End) || over.contains(&kind)
    }

    /// Takes blank lines, within brackets.
    pub(super) fn skip_lines(&mut self) {
        while self.peek().kind == Kind::Newline {
            self.next();
        }
    }

    /// Reports that something else should come next, unless that is known already.
    pub(super) fn unexpected(&mut self, wanted: &str) -> Skip {
        let token = self.peek();
        if !self.is_bad() {
            self.unexpected_at(token, wanted);
        }
        Skip
    }

    fn unexpected_at(&mut self, token: Token, wanted: &str) -> &mut Diagnostic {
        let found = match token.kind {
            Kind::Newline | Kind::End => "the end of the line".to_owned(),
            _ => format!("`{}`", shown(&self.text.content[token.start..token.end])),
        };
        // An end is shown behind what comes before it.
        let at = match token.kind {
            Kind::Newline | Kind::End if self.at > 0 => {
                let end = self.previous().span.end;
                Span { start: end, end }
            }
            _ => token.span,
        };
        let message = format!("expected {wanted}, found {found}");
        let problem = self.problems.error(codes::SYNTAX, at, message);
        problem.label(format!("expected {wanted}"))
    }

    /// Says whether what comes has been reported.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.peek().kind, Kind::Bad | Kind::Foreign)
    }

    /// Returns to a place, to read on from there.
    pub(super) fn back_to(&mut self, place: usize) {
        self.at = place;
    }

    /// Returns the place of the next token.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Takes a sign that must come.
    pub(super) fn expect(&mut self, sign: Sign, wanted: &str) -> Result<Token, Skip> {
        if self.is(sign) {
            return Ok(self.next());
        }
        Err(self.unexpected(wanted))
    }

    /// Reports that a text goes on where it should be over.
    pub(super) fn expect_end(&mut self) -> Result<(), Skip> {
        match self.peek().kind {
            Kind::End => Ok(()),
            _ => Err(self.unexpected("the end")),
        }
    }

    /// Goes one level deeper, or reports that it is too deep.
    pub(super) fn deeper<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, Skip>,
    ) -> Result<R, Skip> {
        if self.depth >= DEEPEST {
            let at = self.peek().span;
            let message = format!("more than {DEEPEST} blocks or parentheses stand in each other");
            self.problems
                .error(codes::LIMIT, at, message)
                .label("too deep");
            self.give_up();
            self.scope.braces.clear();
            return Err(Skip);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Begins a step, which may be as long as any other.
    pub(super) fn begin(&mut self) {
        self.operators = 0;
    }

    /// Counts an operator, or reports that there are too many.
    pub(super) fn longer(&mut self) -> Result<(), Skip> {
        self.operators += 1;
        if self.operators == MOST_OPERATORS {
            let message = format!("more than {MOST_OPERATORS} operators stand in one step");
            self.problems
                .error(codes::LIMIT, self.previous().span, message);
        }
        if self.operators < MOST_OPERATORS {
            Ok(())
        } else {
            Err(Skip)
        }
    }

    pub(super) fn objects(&self) -> &'a [crate::scenario::model::ObjectEntry] {
        &self.names.objects
    }
}

/// Stands for a value that could not be read; nothing is known of it.
pub(super) fn poison(span: Span) -> Expr {
    let kind = ExprKind::Variable(Place::Local(u16::MAX));
    Expr { span, kind }
}
