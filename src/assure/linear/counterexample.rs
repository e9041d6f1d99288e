//! What cannot be explained, so that one can see why.

use std::fmt::{self, Write};

use super::Part;
use super::picture::{Bar, draw, short};
use super::search::Stuck;

/// How many operations are shown: as many as fit in a picture of a hundred columns.
const MOST_SHOWN: usize = 13;

/// How many of them may be such as cannot be placed.
const MOST_PENDING: usize = 8;

/// How much is shown of an operation and of a state.
const LONGEST: usize = 60;

/// The shortest beginning of a history that no order explains, and the longest order of operations
/// in it.
///
/// Its text shows when the last of them were under way, and what could not be placed.
///
/// ```
/// use simrun::assure::{History, KeyValue, KeyValueOp::*, KeyValueRet::*};
///
/// let history = History::new();
/// history.invoke("a", Put("x", 1)).returns(Done);
/// history.invoke("a", Put("y", 2)).returns(Done);
/// history.invoke("b", Get("y")).returns(Value(None));
/// let found = history.check(&KeyValue::new());
/// let counterexample = found.counterexample().unwrap();
/// assert_eq!(counterexample.key(), Some("\"y\""));
/// assert_eq!((counterexample.order(), counterexample.culprit()), (&[1][..], 2));
/// ```
#[derive(Clone, Debug)]
pub struct Counterexample {
    key: Option<String>,
    order: Vec<usize>,
    pending: Vec<usize>,
    culprit: usize,
    steps: u64,
    text: String,
}

impl Counterexample {
    pub(super) fn new<Op: fmt::Debug, Ret: fmt::Debug>(
        key: Option<String>,
        part: &Part<'_, Op, Ret>,
        stuck: Stuck,
        steps: u64,
    ) -> Self {
        let text = Telling::new(part, &stuck).text(key.as_deref());
        let number = |index: &usize| part[*index].0;
        Self {
            key,
            order: stuck.order.iter().map(number).collect(),
            pending: stuck.pending.iter().map(number).collect(),
            culprit: number(&stuck.culprit),
            steps,
            text,
        }
    }

    /// Returns what the operations are about, if not all of the history is.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the number of the operation up to whose return nothing explains what was returned.
    /// What returned before it can be explained.
    pub fn culprit(&self) -> usize {
        self.culprit
    }

    /// Returns the numbers of operations in the longest order that explains what they returned.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns the numbers of the operations that were under way then, returned at some time, and
    /// cannot come next in that order: the culprit, and others.
    pub fn pending(&self) -> &[usize] {
        &self.pending
    }

    /// Returns how many steps the search has made.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the text is made of. Operations are called by their places in the part.
struct Telling<'a, Op, Ret> {
    part: &'a Part<'a, Op, Ret>,
    stuck: &'a Stuck,
    /// Those that are shown, in the order of their calls, which numbers them.
    shown: Vec<usize>,
    /// The last of the order that are shown.
    placed: Vec<usize>,
    pending: Vec<usize>,
}

impl<'a, Op: fmt::Debug, Ret: fmt::Debug> Telling<'a, Op, Ret> {
    fn new(part: &'a Part<'a, Op, Ret>, stuck: &'a Stuck) -> Self {
        let others = stuck
            .pending
            .iter()
            .filter(|index| **index != stuck.culprit);
        let mut pending: Vec<usize> = others.copied().take(MOST_PENDING - 1).collect();
        pending.push(stuck.culprit);
        pending.sort_unstable();
        let room = MOST_SHOWN - pending.len();
        let first = stuck.order.len().saturating_sub(room);
        let placed = stuck.order[first..].to_vec();
        let mut shown = [&placed[..], &pending].concat();
        shown.sort_unstable();
        Self {
            part,
            stuck,
            shown,
            placed,
            pending,
        }
    }

    fn text(&self, key: Option<&str>) -> String {
        let culprit = self.part[self.stuck.culprit].1;
        let mut text = "not linearizable".to_owned();
        if let Some(key) = key {
            let _ = write!(text, ": key {key}");
        }
        let _ = writeln!(
            text,
            "\nno order explains all that had returned by {}, when {} got {}",
            culprit.ended_at().unwrap_or_default(),
            culprit.client(),
            short(&culprit.words(), LONGEST),
        );
        let bars: Vec<Bar<'_>> = self.shown.iter().map(|index| self.bar(*index)).collect();
        let state = short(&self.stuck.state, LONGEST);
        let _ = writeln!(text, "\n{}", draw(&bars));
        if !self.placed.is_empty() {
            let _ = match self.stuck.order.len() - self.placed.len() {
                0 => writeln!(text, "the longest order is"),
                left_out => writeln!(text, "the longest order is, after {left_out} others,"),
            };
            self.list(&mut text, &self.placed);
        }
        let _ = match self.pending.len() {
            1 => writeln!(text, "in the state {state} this cannot come next:"),
            _ => writeln!(text, "in the state {state} none of these can come next:"),
        };
        self.list(&mut text, &self.pending);
        if self.pending.len() < self.stuck.pending.len() {
            let left_out = self.stuck.pending.len() - self.pending.len();
            let _ = writeln!(text, "      and {left_out} others");
        }
        text
    }

    fn bar(&self, index: usize) -> Bar<'a> {
        let operation = self.part[index].1;
        Bar {
            client: operation.client(),
            number: self.number(index),
            called: operation.called(),
            returned: operation.returned(),
        }
    }

    fn number(&self, index: usize) -> usize {
        self.shown.partition_point(|shown| *shown < index) + 1
    }

    fn list(&self, text: &mut String, operations: &[usize]) {
        let all = self.shown.iter().map(|index| self.part[*index].1);
        let client = all.clone().map(|operation| operation.client().len());
        let client = client.max().unwrap_or(0);
        let words = all.map(|operation| short(&operation.words(), LONGEST).chars().count());
        let words = words.max().unwrap_or(0);
        for index in operations {
            let operation = self.part[*index].1;
            let ended = match operation.ended_at() {
                Some(ended) => format!("to {ended}"),
                None => "and never returned".to_owned(),
            };
            let _ = writeln!(
                text,
                "  {:>2}  {:<client$}  {:<words$}  {} {ended}",
                self.number(*index),
                operation.client(),
                short(&operation.words(), LONGEST),
                operation.called_at(),
            );
        }
    }
}
