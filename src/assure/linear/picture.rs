//! A picture of operations: a lane for each client, from left to right.
//!
//! A column is not a length of time but a call or a return, for what matters is only which of them
//! came first.

use std::fmt::Write;

/// How many columns lie between one call or return and the next: room for two digits and a bar.
const STEP: usize = 3;

/// How much of a client's name is shown.
const LONGEST_NAME: usize = 12;

/// An operation in the picture.
pub(super) struct Bar<'a> {
    pub(super) client: &'a str,
    pub(super) number: usize,
    pub(super) called: u64,
    pub(super) returned: Option<u64>,
}

/// Draws the operations, which must be in the order of their calls.
pub(super) fn draw(bars: &[Bar<'_>]) -> String {
    let calls = bars.iter().map(|bar| bar.called);
    let returns = bars.iter().filter_map(|bar| bar.returned);
    let mut moments: Vec<u64> = calls.chain(returns).collect();
    moments.sort_unstable();
    let column = |moment| STEP * moments.partition_point(|earlier| *earlier < moment);
    let width = STEP * moments.len();
    let mut lanes: Vec<(&str, String)> = Vec::new();
    for bar in bars {
        let start = column(bar.called);
        let own = lanes.iter_mut().filter(|(client, _)| *client == bar.client);
        let free = own.map(|(_, lane)| lane).find(|lane| lane.len() <= start);
        let lane = match free {
            Some(lane) => lane,
            None => {
                let last = lanes.iter().rposition(|(client, _)| *client == bar.client);
                let place = last.map_or(lanes.len(), |last| last + 1);
                lanes.insert(place, (bar.client, String::new()));
                &mut lanes[place].1
            }
        };
        let end = bar.returned.map_or(width, column);
        let inner = end - start - 1;
        let cap = if bar.returned.is_some() { '|' } else { '>' };
        let gap = start - lane.len();
        let _ = write!(lane, "{:gap$}|{:-^inner$}{cap}", "", bar.number);
    }
    let names = bars.iter().map(|bar| short(bar.client, LONGEST_NAME).len());
    let names = names.max().unwrap_or(0);
    let mut picture = String::new();
    let mut before = None;
    for (client, lane) in &lanes {
        let name = match before == Some(client) {
            true => String::new(),
            false => short(client, LONGEST_NAME),
        };
        let _ = writeln!(picture, "  {name:<names$}  {lane}");
        before = Some(client);
    }
    picture
}

/// Returns the beginning of a text that is too long.
pub(super) fn short(text: &str, longest: usize) -> String {
    match text.chars().count() > longest {
        true => text.chars().take(longest - 2).chain("..".chars()).collect(),
        false => text.to_owned(),
    }
}
