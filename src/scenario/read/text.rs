//! A string of the TOML file as the readers of steps, checks and times see it.
//!
//! They read what the string holds and point at where it stands in the file. The two differ only
//! in strings with escapes, for which there is a table of places.

use std::borrow::Cow;
use std::ops::Range;

use crate::scenario::source::Span;

/// What a string or a key holds, and where each byte of it stands.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    pub(super) content: Cow<'a, str>,
    file: &'a str,
    places: Places,
    /// The string with its quotes.
    pub(super) whole: Span,
}

#[derive(Clone, Debug)]
enum Places {
    /// The content is a part of the file that begins here.
    From(usize),
    /// There are escapes: where each byte stands, and where the content ends.
    Each(Vec<usize>),
}

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// A key without quotes.
    Bare,
    /// `'…'` or `'''…'''`, in which every character stands for itself.
    Literal,
    /// `"…"` or `"""…"""`
    Basic,
}

impl<'a> Text<'a> {
    /// Reads the string or key at a place of the file. A string that is not closed is `None`.
    pub(super) fn read(file: &'a str, at: Range<usize>) -> Option<Self> {
        let raw = file.get(at.clone())?;
        let (quotes, mark) = quotes(raw);
        let inside = inside(raw, mark)?;
        let start = at.start + inside.start;
        let content = &raw[inside];
        let whole = Span::new(at.start, at.end);
        if quotes == Quotes::Basic && content.contains('\\') {
            let (content, places) = unescape(content, start);
            let (content, places) = (Cow::Owned(content), Places::Each(places));
            return Some(Self {
                content,
                file,
                places,
                whole,
            });
        }
        let (content, places) = (Cow::Borrowed(content), Places::From(start));
        Some(Self {
            content,
            file,
            places,
            whole,
        })
    }

    /// Says whether the content and the file differ.
    pub(super) fn has_escapes(&self) -> bool {
        matches!(self.places, Places::Each(_))
    }

    /// Returns where a part of the content stands in the file.
    pub(super) fn span(&self, part: Range<usize>) -> Span {
        Span::new(self.place(part.start), self.place(part.end))
    }

    /// Returns where all of the content stands.
    pub(super) fn inner(&self) -> Span {
        self.span(0..self.content.len())
    }

    /// Returns what the file says at a place.
    pub(super) fn file_at(&self, span: Span) -> &'a str {
        self.file.get(span.range()).unwrap_or_default()
    }

    fn place(&self, offset: usize) -> usize {
        match &self.places {
            Places::From(start) => start + offset,
            Places::Each(places) => places.get(offset).or(places.last()).copied().unwrap_or(0),
        }
    }
}

/// Returns how a string begins.
pub(super) fn quotes(raw: &str) -> (Quotes, &'static str) {
    for (mark, quotes) in [
        ("'''", Quotes::Literal),
        ("\"\"\"", Quotes::Basic),
        ("'", Quotes::Literal),
        ("\"", Quotes::Basic),
    ] {
        // `''` is an empty string, not the beginning of a long one.
        if raw.starts_with(mark) {
            return (quotes, mark);
        }
    }
    (Quotes::Bare, "")
}

/// Returns what stands between the quotes; TOML ignores a line break after the first three.
fn inside(raw: &str, mark: &str) -> Option<Range<usize>> {
    let content = raw.strip_prefix(mark)?;
    let content = content.strip_suffix(mark)?;
    let mut start = mark.len();
    if mark.len() == 3 {
        start += match content {
            content if content.starts_with("\r\n") => 2,
            content if content.starts_with('\n') => 1,
            _ => 0,
        };
    }
    Some(start..raw.len() - mark.len())
}

/// Replaces TOML's escapes, and says where in the file each byte comes from.
fn unescape(content: &str, start: usize) -> (String, Vec<usize>) {
    let mut plain = String::new();
    let mut places = Vec::new();
    let mut rest = content;
    while let Some(first) = rest.chars().next() {
        let at = start + content.len() - rest.len();
        let (meant, length) = match first {
            '\\' => escape(rest),
            _ => (Some(first), first.len_utf8()),
        };
        if let Some(meant) = meant {
            plain.push(meant);
            places.resize(plain.len(), at);
        }
        rest = &rest[length..];
    }
    places.push(start + content.len());
    (plain, places)
}

/// Reads an escape: the character that it stands for, if any, and how long it is.
fn escape(rest: &str) -> (Option<char>, usize) {
    let Some(kind) = rest[1..].chars().next() else {
        return (None, 1);
    };
    let digits = match kind {
        'b' => return (Some('\u{8}'), 2),
        't' => return (Some('\t'), 2),
        'n' => return (Some('\n'), 2),
        'f' => return (Some('\u{c}'), 2),
        'r' => return (Some('\r'), 2),
        'e' => return (Some('\u{1b}'), 2),
        '"' | '\\' => return (Some(kind), 2),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => {
            // At the end of a line: goes on at the next character.
            let after = &rest[1..];
            let blank = after.len() - after.trim_start().len();
            let length = if blank > 0 { blank } else { kind.len_utf8() };
            return (None, 1 + length);
        }
    };
    let code = rest.get(2..2 + digits).unwrap_or_default();
    let meant = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
    (meant, 2 + code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Text<'_> {
        Text::read(file, 0..file.len()).unwrap()
    }

    #[test]
    fn literal_strings_are_where_they_stand() {
        let text = read("'''\nab'''");
        assert_eq!(text.content, "ab");
        assert_eq!(text.span(0..2), Span::new(4, 6));
        assert_eq!(read("'''\r\nab'''").span(1..2), Span::new(6, 7));
        assert_eq!(read("'ab'").span(0..2), Span::new(1, 3));
        assert_eq!(read("ab").span(0..2), Span::new(0, 2));
        assert_eq!(read("''").content, "");
    }

    #[test]
    fn escapes_point_at_their_backslash() {
        let text = read(r#""a\tb\u00e9cd\"""#);
        assert_eq!(text.content, "a\tbécd\"");
        assert_eq!(text.span(0..1), Span::new(1, 2));
        assert_eq!(text.span(1..2), Span::new(2, 4));
        assert_eq!(text.span(3..5), Span::new(5, 11));
        assert_eq!(text.span(7..8), Span::new(13, 15));
    }

    #[test]
    fn a_string_that_is_not_closed_is_none() {
        assert!(Text::read("'abc", 0..4).is_none());
        assert!(Text::read("'''", 0..3).is_none());
        assert!(Text::read("'", 0..1).is_none());
    }
}
