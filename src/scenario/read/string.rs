//! Strings: their escapes and the values that stand in braces within them.

use super::codes;
use super::expr::constant;
use super::lex::{Kind, Token};
use super::parser::{Parser, poison};
use crate::scenario::tree::{Const, Expr, ExprKind, Piece};

impl Parser<'_> {
    /// Reads what a string holds.
    pub(super) fn string(&mut self, token: Token) -> Expr {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let (mut at, end) = (token.start + 1, token.end - 1);
        let text = self.text;
        while let Some(c) = text
            .content
            .get(at..end)
            .and_then(|rest| rest.chars().next())
        {
            let rest = &text.content[at..end];
            match c {
                '\\' => at += self.escape(at, rest, &mut plain),
                '{' | '}' if rest[1..].starts_with(c) => {
                    plain.push(c);
                    at += 2;
                }
                '{' if self.problems.is_full() => return poison(token.span),
                '{' => {
                    let Some(length) = rest.find('}') else {
                        let span = text.span(at..at + 1);
                        let message = "`{` is not closed within its string";
                        let problem = self.problems.error(codes::STRING, span, message);
                        problem.label("a value begins here").note("`{{` is a brace");
                        return poison(token.span);
                    };
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
                    }
                    pieces.push(Piece::Value(self.value_within(at, at + length + 1)));
                    at += length + 1;
                }
                _ => {
                    plain.push(c);
                    at += c.len_utf8();
                }
            }
        }
        let span = token.span;
        if pieces.is_empty() {
            return constant(span, Const::Text(plain.into()));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        let kind = ExprKind::Text(pieces);
        Expr { span, kind }
    }

    /// Reads an escape and returns how long it is.
    fn escape(&mut self, at: usize, rest: &str, plain: &mut String) -> usize {
        let kind = rest[1..].chars().next().unwrap_or(' ');
        plain.push(match kind {
            'n' => '\n',
            't' => '\t',
            '"' | '\\' => kind,
            _ => {
                let length = 1 + kind.len_utf8();
                let span = self.text.span(at..at + length);
                let message = format!("`\\{}` is no escape", kind.escape_debug());
                let problem = self.problems.error(codes::STRING, span, message);
                problem.label("unknown escape");
                problem.note("escapes are `\\n`, `\\t`, `\\\"` and `\\\\`");
                kind
            }
        });
        1 + kind.len_utf8()
    }

    /// Reads `{…}`, whose braces stand at those places.
    fn value_within(&mut self, open: usize, end: usize) -> Expr {
        let whole = self.text.span(open..end);
        if self.text.content[open + 1..end - 1].trim().is_empty() {
            let message = "`{}` holds no value";
            let problem = self.problems.error(codes::STRING, whole, message);
            problem
                .label("a value is missing")
                .note("`{{` and `}}` are braces");
            return poison(whole);
        }
        self.part(open + 1..end - 1, |parser| {
            let value = parser.expr();
            let rest = parser.peek();
            match value {
                Ok(value) if rest.kind == Kind::End => value,
                Ok(_) => {
                    parser.unexpected("`}`");
                    poison(whole)
                }
                Err(_) => poison(whole),
            }
        })
    }
}
