//! What a program draws for itself: decisions of the plan like any other, so that they replay
//! and shrink with it.

use std::time::Duration;

use super::{Alternatives, Chance, Choice, Domain, Site, SiteKey, Stream, TaskPath, mix};
use crate::event_loop::core::{self, Core};

/// Draws a number from `0..bound`. The default, when a plan says nothing, is 0.
///
/// # Panics
///
/// If `bound` is 0, or outside a run.
///
/// ```
/// # simrun::run(async {
/// let lucky = simrun::chance::below("lucky number", 10);
/// assert!(lucky < 10);
/// # });
/// ```
#[track_caller]
pub fn below(label: &str, bound: u64) -> u64 {
    assert!(bound > 0, "there is no number below 0 to draw");
    decide(label, bound, |stream| stream.below(bound))
}

/// Draws `true` with the given probability. The default, when a plan says nothing, is `false`.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// assert!(!simrun::chance::chance("pigs fly", 0.0));
/// # });
/// ```
#[track_caller]
pub fn chance(label: &str, probability: f64) -> bool {
    decide(label, 2, |stream| u64::from(stream.chance(probability))) == 1
}

/// Draws a duration from `low..=high`. The default, when a plan says nothing, is `low`.
///
/// # Panics
///
/// If `low` is longer than `high`, or outside a run.
///
/// ```
/// # use simrun::time::{millis, sleep};
/// # simrun::run(async {
/// sleep(simrun::chance::duration_between("service time", millis(5), millis(20))).await;
/// # });
/// ```
#[track_caller]
pub fn duration_between(label: &str, low: Duration, high: Duration) -> Duration {
    assert!(low <= high, "no duration lies between {low:?} and {high:?}");
    let span = u64::try_from((high - low).as_nanos()).expect("a span of at most 584 years");
    let shortest = u64::try_from(low.as_nanos()).unwrap_or(u64::MAX);
    let lengths = Alternatives::lengths(shortest, span.saturating_add(1));
    let extra = decide(label, lengths, |stream| {
        (stream.duration_between(low, high) - low).as_nanos() as u64
    });
    low + Duration::from_nanos(extra)
}

/// Puts the items into a random order. The default, when a plan says nothing, is the order they
/// are in.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// # simrun::run(async {
/// let mut replicas = ["a", "b", "c"];
/// simrun::chance::shuffle("replica order", &mut replicas);
/// # });
/// ```
#[track_caller]
pub fn shuffle<T>(label: &str, items: &mut [T]) {
    for first in 0..items.len().saturating_sub(1) {
        let rest = (items.len() - first) as u64;
        let other = decide(label, rest, |stream| stream.below(rest));
        items.swap(first, first + other as usize);
    }
}

/// Takes a decision of the program's own among `alternatives` numbers, of which 0 is the default.
#[track_caller]
pub(crate) fn decide(
    label: &str,
    alternatives: impl Into<Alternatives>,
    draw: impl FnOnce(&mut Stream) -> u64,
) -> u64 {
    let core = core::current();
    let (path, nth) = core.count_draw(label);
    let task = path.hash();
    let key = SiteKey::user(task, label, nth);
    let site = || Site::User {
        task: path,
        label: label.to_owned(),
        nth,
    };
    let number = core.with_chance(|chance| {
        let draw = |chance: &mut Chance| draw(chance.stream(Domain::User));
        take(chance, key, alternatives.into(), site, draw)
    });
    core.state.borrow_mut().take_note_of_draw(mix(task, number));
    number
}

/// Decides whether something goes wrong with the task at a path, and which of so many kinds of it,
/// from 1. The default is 0, that nothing does; without a plan, this needs a probability.
pub(crate) fn decide_fault(
    core: &Core,
    task: TaskPath,
    fault: &str,
    kinds: u64,
    probability: f64,
) -> u64 {
    decide_fault_with(core, task, fault, kinds + 1, |stream| {
        let happens = probability > 0.0 && stream.chance(probability);
        match kinds {
            _ if !happens => 0,
            1 => 1,
            _ => 1 + stream.below(kinds),
        }
    })
}

/// Decides a number of a fault: one of so many alternatives, of which 0 is the default.
pub(crate) fn decide_fault_with(
    core: &Core,
    task: TaskPath,
    fault: &str,
    alternatives: impl Into<Alternatives>,
    draw: impl FnOnce(&mut Stream) -> u64,
) -> u64 {
    let hash = task.hash();
    let nth = core.count_opportunity(SiteKey::fault(hash, fault, 0));
    let key = SiteKey::fault(hash, fault, nth);
    let site = || Site::Fault {
        task,
        fault: fault.to_owned(),
        nth,
    };
    let draw = |chance: &mut Chance| draw(chance.stream(Domain::Fault));
    take_unusual(core, hash, key, alternatives.into(), site, draw)
}

/// Decides what happens to a packet: one of so many alternatives, of which 0 is the default.
pub(crate) fn decide_packet(
    core: &Core,
    link: &str,
    nth: u64,
    what: &str,
    alternatives: impl Into<Alternatives>,
    draw: impl FnOnce(&mut Stream) -> u64,
) -> u64 {
    let key = SiteKey::packet(link, nth, what);
    let site = || Site::Packet {
        link: link.to_owned(),
        nth,
        what: what.to_owned(),
    };
    let draw = |chance: &mut Chance| draw(chance.stream(Domain::Net));
    take_unusual(core, nth, key, alternatives.into(), site, draw)
}

/// Takes a decision about something that is rare: the fingerprint is told of it only if it happens,
/// under a number that names it.
fn take_unusual(
    core: &Core,
    name: u64,
    key: SiteKey,
    alternatives: Alternatives,
    site: impl FnOnce() -> Site,
    draw: impl FnOnce(&mut Chance) -> u64,
) -> u64 {
    let number = core.with_chance(|chance| take(chance, key, alternatives, site, draw));
    if number != 0 {
        let state = &mut *core.state.borrow_mut();
        state.take_note_of_draw(mix(name, number));
    }
    number
}

/// Takes the decision at a site: from the plan that is followed, or else from a draw.
fn take(
    chance: &mut Chance,
    key: SiteKey,
    alternatives: Alternatives,
    site: impl FnOnce() -> Site,
    draw: impl FnOnce(&mut Chance) -> u64,
) -> u64 {
    let number = if chance.is_following() {
        let free = chance.draw_freely(key, alternatives.count);
        free.unwrap_or_else(|| match chance.planned(key) {
            Some(&Choice::Number(number)) if number < alternatives.count => {
                chance.meet(key);
                number
            }
            _ => 0,
        })
    } else {
        draw(chance)
    };
    if number != 0 {
        chance.note(alternatives, || (site(), Choice::Number(number)));
    }
    number
}
