//! Colours, if there are to be any.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::{AnsiColor, Color, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = colour(AnsiColor::Green).bold();
pub(crate) const BAD: Style = colour(AnsiColor::Red).bold();
pub(crate) const WARN: Style = colour(AnsiColor::Yellow).bold();
pub(crate) const ADDED: Style = colour(AnsiColor::Green);
pub(crate) const REMOVED: Style = colour(AnsiColor::Red);

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Colours,
}

impl Paint {
    /// Returns the text in a style, or as it is.
    pub(crate) fn on(self, style: Style, text: impl Display) -> String {
        match self {
            Self::Plain => text.to_string(),
            Self::Colours => format!("{style}{text}{style:#}"),
        }
    }

    pub(crate) fn is_coloured(self) -> bool {
        self == Self::Colours
    }
}

/// Returns a text fit for a terminal: what a scenario says does not move the cursor about.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let moves = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if moves(c) {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    Cow::Owned(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(printable("\u{1b}[2Jx\r"), "\\u{1b}[2Jx\\r");
    }

    #[test]
    fn plain_text_has_no_codes() {
        assert_eq!(Paint::Plain.on(BAD, "x"), "x");
        assert_eq!(Paint::Colours.on(BOLD, "x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
