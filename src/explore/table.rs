//! A run as a table: a column for each task, a line for each event that matters.
//!
//! What the failure does not depend on is left out, but for the critical pair. Of the rest, what
//! matters is what the program logs, what several tasks touch, cancellations, bad ends, and what
//! each task waits for at last; the others are counted. If that is still too much, the lines
//! nearest to the critical pair and to the end stay.

use std::collections::{BTreeMap, BTreeSet};

use super::past::is_bad_end;
use super::why::{Why, is_turn};
use super::words;
use crate::trace::{Event, EventKind};

const MAX_WIDTH: usize = 100;
const MAX_COLUMNS: usize = 5;
/// The width of the column of times, if none is longer.
const MIN_CLOCK: usize = 7;
/// What fits on a screen, with the message above and the replay line below.
const MAX_LINES: usize = 30;
/// The mark before the time.
const MARK: usize = 2;
const GAP: usize = 2;
/// The mark of the event from which on the failure is inevitable.
const INEVITABLE: char = '>';

/// Writes the run as a table.
pub(super) fn table(why: &Why) -> String {
    let events = why.trace.events();
    // What the loop did to the tasks when it was taken down is no part of the story.
    let taken_down = events.iter().rev().take_while(|event| event.task == "loop");
    let events = &events[..events.len() - taken_down.count()];
    let marks = marks(events, why);
    let mut shown = relevant(events);
    shown.retain(|index| why.past.has(*index));
    shown.extend(marks.keys());
    let last = events.len().saturating_sub(1);
    let anchors: Vec<usize> = marks.keys().copied().chain([last]).collect();
    let distance = |index: usize| anchors.iter().map(|anchor| index.abs_diff(*anchor)).min();
    let columns = columns(events, &shown, &marks);
    let mut nearest: Vec<usize> = shown.into_iter().collect();
    nearest.retain(|index| columns.contains(&events[*index].task.as_str()));
    nearest.sort_by_key(|index| (distance(*index), *index));
    nearest.truncate(MAX_LINES);
    let shown: BTreeSet<usize> = nearest.into_iter().collect();
    if columns.is_empty() {
        return String::new();
    }
    let times = shown
        .iter()
        .map(|index| events[*index].at.to_string().len());
    let clock = times.chain([MIN_CLOCK]).max().unwrap_or(MIN_CLOCK);
    let room = (MAX_WIDTH - MARK - clock) / columns.len() - GAP;
    let longest = |task: &str| {
        let own = shown.iter().filter(|index| events[**index].task == task);
        let texts = own.map(|index| text(&events[*index]).chars().count());
        texts
            .chain([task.chars().count()])
            .max()
            .unwrap_or(0)
            .min(room)
    };
    let widths: Vec<usize> = columns.iter().map(|task| longest(task)).collect();
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let line = |mark, time: &str, cells: &[&str]| line(mark, time, clock, cells, &widths);
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let mut lines = vec![
        line(' ', "time", &columns),
        line(' ', &"-".repeat(clock), &rules),
    ];
    let (mut hidden, mut left_out, mut time) = (0, 0, String::new());
    for (index, event) in events.iter().enumerate() {
        if !shown.contains(&index) {
            let count = u64::from(!is_turn(event) || is_bare(events, index));
            match why.past.has(index) {
                true => hidden += count,
                false => left_out += count,
            }
            continue;
        }
        push_hidden(&mut lines, &mut hidden);
        let column = columns.iter().position(|task| *task == event.task);
        let column = column.expect("only events of the columns are shown");
        let now = event.at.to_string();
        for (number, part) in wrap(&text(event), widths[column]).into_iter().enumerate() {
            let mut cells = vec![""; columns.len()];
            cells[column] = &part;
            let mark = marks
                .get(&index)
                .copied()
                .filter(|_| number == 0)
                .unwrap_or(' ');
            let at = if number > 0 || now == time { "" } else { &now };
            lines.push(line(mark, at, &cells));
        }
        time = now;
    }
    push_hidden(&mut lines, &mut hidden);
    if left_out > 0 {
        let count = words::count(left_out, "event");
        let verb = if left_out == 1 { "is" } else { "are" };
        lines.push(format!(
            "  {count} {verb} left out: no wake, message or resource leads on to the failure"
        ));
    }
    lines.join("\n")
}

fn push_hidden(lines: &mut Vec<String>, hidden: &mut u64) {
    if *hidden > 0 {
        let count = words::count(*hidden, "event");
        lines.push(format!("    ...  {count} not shown"));
    }
    *hidden = 0;
}

/// Returns the events that are marked: the critical pair, the one from which on the failure is
/// inevitable, and the bad end.
pub(super) fn marks(events: &[Event], why: &Why) -> BTreeMap<usize, char> {
    let mut marks = BTreeMap::new();
    if let Some(step) = why.inevitable_from() {
        marks.insert(shown_of_turn(events, step), INEVITABLE);
    }
    let end = why.past.end.filter(|end| is_bad_end(&events[*end]));
    if let Some(index) = end.or_else(|| events.iter().rposition(is_bad_end)) {
        marks.insert(index, '!');
    }
    if let Some(pair) = &why.pair {
        marks.insert(shown_of_turn(events, pair.first), 'A');
        marks.insert(shown_of_turn(events, pair.second), 'B');
    }
    marks
}

/// Returns the event that stands for the turn that begins at `turn`.
pub(super) fn shown_of_turn(events: &[Event], turn: usize) -> usize {
    if is_bare(events, turn) {
        turn
    } else {
        turn + 1
    }
}

/// Says whether nothing else happened in the turn that begins at `index`.
fn is_bare(events: &[Event], index: usize) -> bool {
    is_turn(&events[index]) && events.get(index + 1).is_none_or(is_turn)
}

/// Returns the events that matter by themselves.
fn relevant(events: &[Event]) -> BTreeSet<usize> {
    let mut touching: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        last.insert(&event.task, index);
        if let EventKind::Touched(name) = &event.kind {
            touching.entry(name).or_default().insert(&event.task);
        }
    }
    let matters = |index: usize, event: &Event| match &event.kind {
        EventKind::Logged(_)
        | EventKind::Cancelled(_)
        | EventKind::Process(_)
        | EventKind::Traced(_) => true,
        EventKind::Touched(name) => {
            let before = index.checked_sub(1).map(|before| &events[before]);
            touching[name.as_str()].len() > 1 && before != Some(event)
        }
        EventKind::Waits(_) => last[event.task.as_str()] == index,
        EventKind::Ended(_) => is_bad_end(event),
        EventKind::Spawned(_)
        | EventKind::Stepped
        | EventKind::Called
        | EventKind::Fired
        | EventKind::Opened(_)
        | EventKind::Closed(_) => false,
    };
    let events = events.iter().enumerate();
    let events = events.filter(|(index, event)| matters(*index, event));
    events.map(|(index, _)| index).collect()
}

/// Returns the tasks that have a column: those with marks first, then those with most to show; in
/// the order in which they came up.
fn columns<'a>(
    events: &'a [Event],
    shown: &BTreeSet<usize>,
    marks: &BTreeMap<usize, char>,
) -> Vec<&'a str> {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for index in shown {
        let weight = if marks.contains_key(index) {
            MAX_LINES
        } else {
            1
        };
        *weights.entry(&events[*index].task).or_default() += weight;
    }
    let mut heaviest: Vec<&str> = weights.keys().copied().collect();
    heaviest.sort_by_key(|task| std::cmp::Reverse(weights[task]));
    heaviest.truncate(MAX_COLUMNS);
    let mut columns = Vec::new();
    for event in events {
        let task = event.task.as_str();
        if heaviest.contains(&task) && !columns.contains(&task) {
            columns.push(task);
        }
    }
    columns
}

/// Writes what happened, in the column of whom it happened to.
pub(super) fn text(event: &Event) -> String {
    let text = match &event.kind {
        EventKind::Logged(text) | EventKind::Traced(text) => text.clone(),
        EventKind::Stepped => "goes on".to_owned(),
        EventKind::Called => "callback".to_owned(),
        EventKind::Fired => "timer fires".to_owned(),
        EventKind::Spawned(text)
        | EventKind::Waits(text)
        | EventKind::Ended(text)
        | EventKind::Cancelled(text)
        | EventKind::Touched(text)
        | EventKind::Process(text)
        | EventKind::Opened(text)
        | EventKind::Closed(text) => format!("{} {text}", event.kind.word()),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

fn line(mark: char, time: &str, clock: usize, cells: &[&str], widths: &[usize]) -> String {
    let mut line = format!("{mark} {time:>clock$}");
    for (cell, width) in cells.iter().zip(widths) {
        let cell: String = cell.chars().take(*width).collect();
        line.push_str(&format!("  {cell:<width$}"));
    }
    line.trim_end().to_owned()
}

/// Breaks a text into lines that are no wider than that.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(width.max(1)) {
            let used = lines.last().map_or(0, |line| line.chars().count());
            if used > 0 && used + 1 + part.len() > width {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(part);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_kept_whole_if_they_fit() {
        assert_eq!(super::wrap("waits for a lock", 9), ["waits for", "a lock"]);
        assert_eq!(super::wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(super::wrap("", 3), [""]);
    }
}
