//! Words, numbers, strings and signs of steps and expressions.

use std::ops::Range;
use std::time::Duration;

use super::codes;
use super::number::{self, Decimal, Fault};
use super::problems::{Problems, shown};
use super::text::Text;
use crate::scenario::source::Span;

/// A part of a text that means something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Where it stands in its text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// There is a blank before it.
    pub(super) spaced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Word,
    Int(i64),
    /// A number with a point and without a unit.
    Float,
    Duration(Duration),
    /// From 0 to 1.
    Percent(f64),
    /// A string, with its quotes.
    Text,
    Sign(Sign),
    /// The end of a line.
    Newline,
    /// The end of the text.
    End,
    /// A value that is wrong, which has been reported.
    Bad,
    /// A sign that means nothing, which has been reported.
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Comma,
    Assign,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Bar,
    Arrow,
    BothArrow,
    Range,
}

/// Signs, the longer ones first.
const SIGNS: [(&str, Sign); 20] = [
    ("<->", Sign::BothArrow),
    ("->", Sign::Arrow),
    ("==", Sign::Equal),
    ("!=", Sign::NotEqual),
    ("<=", Sign::LessEqual),
    (">=", Sign::GreaterEqual),
    ("..", Sign::Range),
    ("(", Sign::Open),
    (")", Sign::Close),
    ("[", Sign::OpenBracket),
    ("]", Sign::CloseBracket),
    ("{", Sign::OpenBrace),
    ("}", Sign::CloseBrace),
    (",", Sign::Comma),
    ("=", Sign::Assign),
    ("<", Sign::Less),
    (">", Sign::Greater),
    ("+", Sign::Plus),
    ("-", Sign::Minus),
    ("|", Sign::Bar),
];

/// What people bring along from other languages, and what it is called here.
const FOREIGN: [(&str, &str); 12] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("+=", "write `x = x + 1`"),
    ("-=", "write `x = x + -1`"),
    ("!", "write `not`"),
    (";", "every step has a line of its own"),
    (":", "a block begins with `{`"),
    ("'", "strings stand in double quotes"),
    ("`", "strings stand in double quotes"),
    ("*", "there is only `+`; more is a task for Rust"),
    ("/", "there is only `+`; comments begin with `#`"),
    ("$", "names stand alone, and within strings in `{}`"),
];

/// Longer words are no names, and would not fit into a message.
pub(super) const LONGEST_WORD: usize = 200;

/// Splits a part of a text into tokens, the last of which is the end.
pub(super) fn tokens(text: &Text<'_>, part: Range<usize>, problems: &mut Problems) -> Vec<Token> {
    let end = part.end;
    let mut lexer = Lexer {
        text,
        at: part.start,
        end,
        problems,
        tokens: Vec::new(),
    };
    while let Some(next) = lexer.rest().chars().next() {
        lexer.token(next);
    }
    lexer.push(Kind::End, 0, true);
    lexer.tokens
}

/// Says whether a name may hold the character, other than at its beginning.
pub(super) fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Lexer<'a> {
    text: &'a Text<'a>,
    at: usize,
    end: usize,
    problems: &'a mut Problems,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.content.get(self.at..self.end).unwrap_or_default()
    }

    /// Takes what comes next, which begins with that character.
    fn token(&mut self, next: char) {
        let spaced = self.at == 0 || self.text.content[..self.at].ends_with(char::is_whitespace);
        let rest = self.rest();
        match next {
            '\n' => self.push(Kind::Newline, 1, spaced),
            c if c.is_whitespace() => self.at += c.len_utf8(),
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '"' => self.string(spaced),
            '0'..='9' => self.number(spaced),
            c if c.is_alphabetic() || c == '_' => self.word(spaced),
            c => self.sign(c, spaced),
        }
    }

    fn push(&mut self, kind: Kind, length: usize, spaced: bool) {
        let (start, end) = (self.at, self.at + length);
        let span = self.text.span(start..end);
        self.at = end;
        self.tokens.push(Token {
            kind,
            span,
            start,
            end,
            spaced,
        });
    }

    /// Takes a name; a host's may have dashes inside.
    fn word(&mut self, spaced: bool) {
        let rest = self.rest();
        let mut end = 0;
        for (at, c) in rest.char_indices() {
            let dash = c == '-' && rest[at + 1..].starts_with(char::is_alphanumeric);
            if !is_inner(c) && !dash {
                break;
            }
            end = at + c.len_utf8();
        }
        if end > LONGEST_WORD {
            let span = self.text.span(self.at..self.at + end);
            self.problems
                .error(codes::LIMIT, span, "a word is too long");
            return self.push(Kind::Bad, end, spaced);
        }
        self.push(Kind::Word, end, spaced);
    }

    fn number(&mut self, spaced: bool) {
        let rest = self.rest();
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '_');
            end.unwrap_or(text.len())
        };
        let mut length = digits(rest);
        let fraction = rest[length..].strip_prefix('.').map_or(0, digits);
        if fraction > 0 {
            length += 1 + fraction;
        }
        let after = &rest[length..];
        let unit = after.find(|c: char| !is_inner(c)).unwrap_or(after.len());
        let unit = match &after[..unit] {
            "" if after.starts_with('%') => "%",
            unit => unit,
        };
        let whole = length + unit.len();
        let kind = match (Decimal::read(&rest[..length]), unit) {
            (Err(fault), _) => Err(fault),
            (Ok(_), "") if fraction > 0 => Ok(Kind::Float),
            (Ok(_), "") => match rest[..length].replace('_', "").parse() {
                Ok(number) => Ok(Kind::Int(number)),
                Err(_) => Err(Fault::TooLarge),
            },
            (Ok(number), "%") => number::percent(number).map(Kind::Percent),
            (Ok(number), unit) => number::duration(number, unit).map(Kind::Duration),
        };
        let kind = kind.unwrap_or_else(|fault| {
            let span = self.text.span(self.at..self.at + whole);
            let unit_at = self.text.span(self.at + length..self.at + whole);
            report(self.problems, &fault, &rest[..whole], span, unit_at);
            Kind::Bad
        });
        self.push(kind, whole, spaced);
    }

    /// Takes a string up to its closing quotes; what is inside is looked at later.
    fn string(&mut self, spaced: bool) {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return self.push(Kind::Text, at + 1, spaced),
                _ => {}
            }
        }
        let line = rest.find('\n').unwrap_or(rest.len());
        let length = rest[..line].trim_end().len();
        let span = self.text.span(self.at..self.at + length);
        let problem = self
            .problems
            .error(codes::STRING, span, "a string is not closed");
        problem.label("the line ends within it");
        self.push(Kind::Bad, length, spaced);
    }

    fn sign(&mut self, first: char, spaced: bool) {
        let rest = self.rest();
        let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
        if let Some((text, sign)) = SIGNS.iter().find(|(text, _)| rest.starts_with(text))
            && foreign.is_none_or(|(foreign, _)| foreign.len() <= text.len())
        {
            return self.push(Kind::Sign(*sign), text.len(), spaced);
        }
        let length = foreign.map_or(first.len_utf8(), |(sign, _)| sign.len());
        let span = self.text.span(self.at..self.at + length);
        let sign = &rest[..length];
        let message = format!("`{}` means nothing here", shown(sign));
        let problem = self.problems.error(codes::SYNTAX, span, message);
        match foreign {
            Some((_, instead)) => problem.label(*instead),
            None => problem.label("not a sign of the language"),
        };
        if sign != "'" {
            return self.push(Kind::Foreign, length, spaced);
        }
        // One report for a text in quotes.
        let close = rest[1..].find(['\'', '\n']).map_or(rest.len(), |at| 1 + at);
        let quote = usize::from(rest[close..].starts_with('\''));
        self.push(Kind::Bad, close + quote, spaced);
    }
}

/// Reports what is wrong with a number, and where its unit stands.
pub(super) fn report(
    problems: &mut Problems,
    fault: &Fault,
    number: &str,
    at: Span,
    unit_at: Span,
) {
    let number = shown(number);
    match fault {
        Fault::Malformed => {
            let message = format!("`{number}` is not a number");
            problems.error(codes::NUMBER, at, message)
        }
        Fault::NoUnit => {
            let message = format!("`{number}` needs a unit");
            let problem = problems.error(codes::NUMBER, at, message);
            problem.label("a bare number");
            problem.note(format!("units of time are {}", number::TIME_UNITS))
        }
        Fault::Unit(unit, meant) => {
            let message = format!("`{}` is not a unit", shown(unit.trim()));
            let problem = problems.error(codes::NUMBER, unit_at, message);
            problem.label("unknown unit");
            match meant {
                Some(meant) => problem.suggest(format!("write `{meant}`"), unit_at, *meant),
                None => problem.note(format!("units of time are {}", number::TIME_UNITS)),
            }
        }
        Fault::TooLarge => {
            let message = format!("`{number}` is too large");
            problems.error(codes::BOUNDS, at, message)
        }
        Fault::TooFine => {
            let message = format!("`{number}` is finer than a nanosecond");
            problems.error(codes::NUMBER, at, message)
        }
    };
}
