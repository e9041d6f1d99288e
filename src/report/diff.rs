//! The difference between two texts, line by line: Myers' shortest one.

use super::{ADDED, DIM, Paint, REMOVED};

/// So many equal lines stand around what differs.
const CONTEXT: usize = 3;
/// Texts that differ in more lines than this are shown one after the other: the search takes the
/// square of it in time and space.
const MAX_EDITS: usize = 1_000;

/// A line of one text, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// Returns what differs, with `-` before what is in `old` alone and `+` before what is in `new`
/// alone; what is far from any difference is left out and counted.
pub(crate) fn diff(old: &str, new: &str, paint: Paint) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let lines = compare(&old, &new);
    let is_near = |index: usize| {
        let near = &lines[index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len())];
        near.iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let mut text = String::new();
    let mut skipped = 0;
    for (index, line) in lines.iter().enumerate() {
        if !is_near(index) {
            skipped += 1;
            continue;
        }
        note_skipped(&mut text, std::mem::take(&mut skipped), paint);
        text.push_str(&match line {
            Line::Same(line) => format!("  {line}").trim_end().to_owned(),
            Line::Removed(line) => paint.on(REMOVED, format!("- {line}").trim_end()),
            Line::Added(line) => paint.on(ADDED, format!("+ {line}").trim_end()),
        });
        text.push('\n');
    }
    note_skipped(&mut text, skipped, paint);
    text
}

fn note_skipped(text: &mut String, count: usize, paint: Paint) {
    if count > 0 {
        let lines = if count == 1 { "line" } else { "lines" };
        let note = format_args!("  ... {count} equal {lines}");
        text.push_str(&paint.on(DIM, note));
        text.push('\n');
    }
}

/// Returns two texts in columns that are so wide together. Lines that are too long are cut, and
/// where they differ there is a bar between them.
pub(crate) fn side_by_side(left: &[String], right: &[String], width: usize) -> String {
    const BAR: usize = 3;
    let room = (width - BAR) / 2;
    let cut = |line: &str| -> String {
        match line.chars().count() > room {
            true => line.chars().take(room - 1).chain(['…']).collect(),
            false => line.to_owned(),
        }
    };
    let mut text = String::new();
    for index in 0..left.len().max(right.len()) {
        let line = |side: &[String]| side.get(index).map_or(String::new(), |line| cut(line));
        let (one, other) = (line(left), line(right));
        let bar = if one == other { ' ' } else { '|' };
        let line = format!("{one:<room$} {bar} {other}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b);
    let start = same.count();
    let (start_lines, old, new) = (&old[..start], &old[start..], &new[start..]);
    let same = old.iter().rev().zip(new.iter().rev());
    let end = same.take_while(|(a, b)| a == b).count();
    let (old, end_lines) = old.split_at(old.len() - end);
    let new = &new[..new.len() - end];
    let middle = shortest(old, new).unwrap_or_else(|| {
        let removed = old.iter().map(|line| Line::Removed(line));
        removed
            .chain(new.iter().map(|line| Line::Added(line)))
            .collect()
    });
    let start = start_lines.iter().map(|line| Line::Same(line));
    let end = end_lines.iter().map(|line| Line::Same(line));
    start.chain(middle).chain(end).collect()
}

/// Returns the shortest way from one text to the other, unless it is too long.
///
/// A diagonal `k` holds the places with `k` more lines of `old` than of `new` behind them. With
/// each edit, every diagonal in reach is followed as far as it goes.
fn shortest<'a>(old: &[&'a str], new: &[&'a str]) -> Option<Vec<Line<'a>>> {
    let most = (old.len() + new.len()).min(MAX_EDITS);
    // The middle one is diagonal 0, and there is one to spare on either side.
    let middle = most + 1;
    let mut furthest = vec![0_usize; 2 * most + 3];
    let mut trail = Vec::new();
    for edits in 0..=most {
        trail.push(furthest.clone());
        for diagonal in (middle - edits..=middle + edits).step_by(2) {
            let mut x = step_from(&furthest, diagonal, middle, edits);
            let mut y = x + middle - diagonal;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(walk_back(old, new, &trail, middle));
            }
        }
    }
    None
}

/// Returns where a diagonal begins, given how far its neighbours came with one edit less.
fn step_from(furthest: &[usize], diagonal: usize, middle: usize, edits: usize) -> usize {
    if takes_new(furthest, diagonal, middle, edits) {
        furthest[diagonal + 1]
    } else {
        furthest[diagonal - 1] + 1
    }
}

fn takes_new(furthest: &[usize], diagonal: usize, middle: usize, edits: usize) -> bool {
    let is_lowest = diagonal + edits == middle;
    let is_highest = diagonal == middle + edits;
    is_lowest || (!is_highest && furthest[diagonal - 1] < furthest[diagonal + 1])
}

fn walk_back<'a>(
    old: &[&'a str],
    new: &[&'a str],
    trail: &[Vec<usize>],
    middle: usize,
) -> Vec<Line<'a>> {
    let (mut x, mut y) = (old.len(), new.len());
    let mut lines = Vec::new();
    for (edits, furthest) in trail.iter().enumerate().rev() {
        let diagonal = x + middle - y;
        let start = if edits == 0 {
            0
        } else {
            step_from(furthest, diagonal, middle, edits)
        };
        while x > start {
            (x, y) = (x - 1, y - 1);
            lines.push(Line::Same(old[x]));
        }
        if edits == 0 {
            break;
        }
        if takes_new(furthest, diagonal, middle, edits) {
            y -= 1;
            lines.push(Line::Added(new[y]));
        } else {
            x -= 1;
            lines.push(Line::Removed(old[x]));
        }
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(old: &str, new: &str) -> String {
        diff(old, new, Paint::Plain)
    }

    #[test]
    fn what_differs_stands_with_its_surroundings() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        let new = "1\n2\n3\n4\nfive\n6\n6.5\n7\n8\n9";
        let expected =
            "  ... 1 equal line\n  2\n  3\n  4\n- 5\n+ five\n  6\n+ 6.5\n  7\n  8\n  9\n";
        assert_eq!(plain(old, new), expected);
        assert_eq!(plain("a\nb", "a\nb"), "  ... 2 equal lines\n");
        assert_eq!(plain("", "a"), "+ a\n");
        assert_eq!(plain("a", ""), "- a\n");
        assert_eq!(plain("", ""), "");
    }

    #[test]
    fn two_sides_have_half_the_width_each() {
        let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
        let (left, right) = (lines("same\nlonger than that\nx"), lines("same\nb"));
        let expected = "same        same\nlonger t… | b\nx         |\n";
        assert_eq!(side_by_side(&left, &right, 21), expected);
    }

    #[test]
    fn a_difference_leads_from_one_text_to_the_other() {
        // Words of two letters, which have much in common.
        let text = |mut number: u32, length: u32| -> Vec<&'static str> {
            let mut next = || {
                number = number.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                if number >> 16 & 1 == 0 { "a" } else { "b" }
            };
            (0..length).map(|_| next()).collect()
        };
        for number in 0..200 {
            let (old, new) = (text(number, number % 13), text(number + 7, number % 11));
            let lines = compare(&old, &new);
            let side = |side: fn(&Line<'static>) -> Option<&'static str>| -> Vec<&'static str> {
                lines.iter().filter_map(side).collect()
            };
            let is_old = |line: &Line<'static>| match line {
                Line::Same(line) | Line::Removed(line) => Some(*line),
                Line::Added(_) => None,
            };
            let is_new = |line: &Line<'static>| match line {
                Line::Same(line) | Line::Added(line) => Some(*line),
                Line::Removed(_) => None,
            };
            assert_eq!(side(is_old), old);
            assert_eq!(side(is_new), new);
        }
    }

    #[test]
    fn texts_that_have_nothing_in_common_stand_one_after_the_other() {
        let old: Vec<String> = (0..2_000).map(|line| format!("old {line}")).collect();
        let new: Vec<String> = (0..2_000).map(|line| format!("new {line}")).collect();
        let text = plain(&old.join("\n"), &new.join("\n"));
        assert_eq!(text.lines().count(), 4_000);
        assert!(text.starts_with("- old 0\n- old 1\n"));
    }
}
