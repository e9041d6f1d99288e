//! Queues, locks, semaphores, conditions, events and barriers, and workers who are called away.

use super::holds_in_every_order;
use super::quiescence::run;
use super::step::{Theme, workloads};

/// How many programs are drawn about each theme.
const CASES: u32 = 700;

/// What programs see whose tasks call each other away.
const CALLED_AWAY: [&str; 4] = [
    "a sleeper",
    "a cancellation",
    "a swallowed cancellation",
    "an expired timeout",
];

#[track_caller]
fn holds(theme: Theme, shall_see: &[&'static str]) {
    holds_in_every_order(CASES, workloads(theme), run, shall_see);
}

#[track_caller]
fn holds_when_called_away(theme: Theme, shall_see: &[&'static str]) {
    holds(theme, &[&CALLED_AWAY, shall_see].concat());
}

#[test]
fn queues_lose_nothing_and_give_it_to_whoever_waits() {
    holds_when_called_away(Theme::Queue, &["an item"]);
}

#[test]
fn locks_have_one_holder_and_are_not_slept_beside() {
    holds_when_called_away(Theme::Lock, &[]);
}

#[test]
fn semaphores_keep_their_permits() {
    holds_when_called_away(Theme::Permits, &[]);
}

#[test]
fn conditions_lose_no_notification_and_give_the_lock_back() {
    holds_when_called_away(Theme::Jobs, &["a job", "a cancelled wait for a job"]);
}

#[test]
fn events_release_everyone_who_waits() {
    holds_when_called_away(Theme::Events, &[]);
}

#[test]
fn barriers_let_all_pass_or_nobody() {
    holds(Theme::CalmMeetings, &["a meeting", "a sleeper"]);
    holds_when_called_away(Theme::Meetings, &[]);
}

#[test]
fn primitives_do_not_disturb_each_other() {
    holds_when_called_away(Theme::Everything, &[]);
}
