//! Steps that run bodies in threads.

use super::{lines, passes, play_seed};
use crate::scenario::record::Verdict;

#[test]
fn a_thread_blocks_and_the_loop_goes_on() {
    passes(
        r#"
[run]
threads = 2

[context]
request = 0

[task]
main = '''
request = 7
other = spawn beside()
x = to_thread work(2)
log "work gave" x now
await other
'''
"work(n)" = '''
log "in a thread" request
sleep 10ms
return n + n
'''
beside = '''
sleep 5ms
log "beside" now
'''
"#,
        &["in a thread 7", "beside 5ms", "work gave 4 10ms"],
    );
}

#[test]
fn errors_of_a_thread_come_to_whoever_waits() {
    passes(
        r#"
[pool]
small = { threads = 1 }

[task]
main = '''
try {
  to_thread broken() on small
} on out_of_stock as e {
  log e
}
t = spawn_thread broken()
try {
  await t
} on out_of_stock {
  log "again" state(t)
}
try {
  within 5ms {
    to_thread slow()
  }
} on timeout {
  log "given up" now
}
'''
broken = '''
raise out_of_stock "no more"
'''
slow = '''
sleep 20ms
log "slow is done" now
'''
"#,
        &[
            "out_of_stock: no more",
            "again failed",
            "given up 5ms",
            "slow is done 20ms",
        ],
    );
}

#[test]
fn a_pool_runs_so_many_at_once() {
    passes(
        r#"
[pool]
small = { threads = 2 }

[task]
main = '''
gather job(1) job(2) job(3)
log "all" now
'''
"job(n)" = '''
to_thread blocks(n) on small
'''
"blocks(n)" = '''
sleep 10ms
log n now
'''
"#,
        &["1 10ms", "2 10ms", "3 20ms", "all 20ms"],
    );
}

#[test]
fn threads_use_the_tools_of_the_run() {
    passes(
        r#"
[queue]
jobs = {}

[task]
main = '''
t = spawn_thread consumer()
put jobs 1
sleep 1ms
put jobs 2
x = await t
log x
'''
consumer = '''
a = get jobs
b = get jobs
return a + b
'''
"#,
        &["3"],
    );
}

#[test]
fn a_thread_cannot_be_interrupted() {
    passes(
        r#"
[task]
main = '''
try {
  to_thread hasty()
} on misuse as e {
  log e
}
'''
hasty = '''
within 1s {
  sleep 1ms
}
'''
"#,
        &["misuse: a thread cannot be interrupted: let the task that waits for it have the limit"],
    );
}

#[test]
fn threads_race_for_what_they_share() {
    let text = r#"
[shared]
balance = 0

[task]
main = '''
a = spawn_thread deposit()
b = spawn_thread deposit()
gather a b
log balance
'''
deposit = '''
x = balance
balance = x + 1
'''
"#;
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let record = play_seed(text, seed);
        assert!(matches!(record.verdict, Verdict::Passed), "{record:#?}");
        ends.extend(lines(&record).into_iter().map(ToOwned::to_owned));
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn whatever_a_task_can_do_a_thread_can_do_or_is_told_why_not() {
    passes(
        r#"
[queue]
jobs = {}

[lock]
mutex = {}

[task]
main = '''
s = serve 7 echo
t = spawn_thread everything()
x = await t
log x
'''
"echo(c)" = '''
x = recv c
send c x
'''
everything = '''
yield
a = spawn quick(1)
b = spawn quick(2)
x = gather a b quick(3)
log x
x = wait a b until first
log x[1]
x = shield quick(4)
log x
completed quick(5) quick(6) as r {
  log r
}
try {
  wait_for quick(7) 1s
} on misuse {
  log "no wait_for"
}
try {
  group as g {
    spawn quick(8) in g
  }
} on misuse {
  log "no group"
}
x = uncancel
log cancelling x
with mutex {
  x = to_thread quick(9)
  log x
}
c = connect "localhost" 7
send c "hello"
x = recv c
log x
p = start cat()
x = communicate p "meow"
log x
call_soon later()
sleep 1ms
try {
  raise cancelled
} on cancelled {
  log "caught"
}
write_file "a" "b"
x = read_file "a"
x = spawn_thread quick(10)
x = await x
return x
'''
"quick(n)" = '''
sleep 1ms
return n
'''
later = '''
log "later"
'''

[program]
cat = '''
x = read_all stdin
write stdout x
'''
"#,
        &[
            "[1, 2, 3]",
            "[]",
            "4",
            "5",
            "6",
            "no wait_for",
            "no group",
            "0 0",
            "9",
            "hello",
            "[\"meow\", \"\"]",
            "later",
            "caught",
            "10",
        ],
    );
}

#[test]
fn a_host_that_crashes_takes_its_threads_and_processes_along() {
    passes(
        r#"
[host]
a = { start = "work" }
boss = { start = "boss" }

[task]
work = '''
t = spawn_thread blocks()
p = start sleeper()
log "begun"
await t
'''
blocks = '''
sleep 1h
log "never"
'''
boss = '''
sleep 1s
log "before" now
crash a
'''

[program]
sleeper = '''
on_signal "term" {
  log "never"
}
sleep 1h
log "never"
'''

[check]
"all are gone" = "at end count(cancelled t) == 1 and count(cancelled p) == 1 and pending == 0"
"#,
        &["begun", "before 1s"],
    );
}
