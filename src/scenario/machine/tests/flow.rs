//! Steps around steps, tasks that wait, and when checks are decided.

use super::{fails, passes, play, problem};
use crate::scenario::record::Verdict;

#[test]
fn whoever_holds_a_lock_does_not_wait_for_it() {
    passes(
        r#"
[lock]
l = {}
[task]
main = '''
with l {
  t = spawn other()
  sleep 1ms
  log "{waiting(l)}"
}
await t
'''
other = '''
with l { log "{waiting(l)}" }
'''
[check]
"one waits" = "always waiting(l) <= 1"
"#,
        &["1", "0"],
    );
}

#[test]
fn a_retry_that_never_waits_is_a_livelock() {
    let text = "[task]\nmain = '''\nretry 1000000000 { raise oops }\n'''\n";
    fails(text, "livelock", "never waited for anything");
}

#[test]
fn a_task_that_awaits_itself_is_told() {
    passes(
        r#"
[task]
main = '''
try { await self } on misuse as e { log e }
try { wait_for self 1s } on misuse as e { log e }
'''
"#,
        &[
            "misuse: a task cannot await itself",
            "misuse: a task cannot await itself",
        ],
    );
}

#[test]
fn what_comes_too_late_is_known_where_a_limit_ends_the_run() {
    let text = |until: &str, by: &str| {
        format!(
            r#"
[run]
until = "{until}"
[shared]
x = 0
[task]
main = '''
sleep 2h
x = 1
'''
[check]
"it comes" = "eventually x == 1 by {by}"
"#
        )
    };
    fails(&text("1m", "10s"), "check", "it comes");
    let record = play(&text("1m", "1h"));
    assert!(
        matches!(record.verdict, Verdict::Undecided(_)),
        "{record:#?}"
    );
    assert_eq!(record.checks[0].held, None);
}

#[test]
fn a_deadlock_says_in_which_steps_a_host_stands() {
    let text = r#"
[host]
a = { start = "main_of_a" }
[lock]
l = {}
[task]
main_of_a = '''
acquire l
t = spawn other()
await t
'''
other = 'acquire l'
"#;
    let record = play(text);
    let message = &problem(&record).message;
    assert!(message.contains("in `await t`, line 12"), "{message}");
    assert!(message.contains("in `acquire l`, line 14"), "{message}");
}

#[test]
fn a_deadlock_says_in_which_step_a_thread_stands() {
    let text = r#"
[event]
e = {}
[task]
main = '''
t = spawn_thread worker()
await t
'''
worker = 'wait e'
"#;
    let record = play(text);
    let message = &problem(&record).message;
    assert!(
        message.contains("waits for event `e`, in `wait e`, line 11"),
        "{message}"
    );
}
