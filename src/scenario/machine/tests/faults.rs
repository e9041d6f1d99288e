//! Faults on the timeline, in steps, and drawn.

use std::sync::Arc;

use super::{faults, lines, passes, play_seed};
use crate::scenario::Programs;
use crate::scenario::read::read;
use crate::scenario::record::Verdict;
use crate::scenario::source::Source;

const PING: &str = r#"
[host]
server = { start = "server", daemon = true }
client = { start = "client" }

[link]
default = { latency = "1ms" }

[task]
server = '''
u = bind 1
loop {
  d = recv_from u
  send_to u d[1] d[2] "pong"
}
'''
client = '''
u = bind 2
repeat 6 as i {
  send_to u "server" 1 "ping"
  within 500ms {
    recv_from u
    log i "pong"
  } on timeout {
    log i "lost"
  }
  sleep 500ms
}
'''
"#;

#[test]
fn a_cut_heals_by_itself() {
    let text = format!("{PING}\n[timeline]\n\"900ms\" = \"cut client | server for 1s\"\n");
    let record = play_seed(&text, 0);
    assert_eq!(
        faults(&record),
        [
            "900ms cut client | server for 1s",
            "1.9s heal client | server"
        ],
        "{record:#?}"
    );
    assert!(lines(&record).contains(&"1 lost") || lines(&record).contains(&"2 lost"));
    assert_eq!(lines(&record)[0], "0 pong");
    assert_eq!(lines(&record)[5], "5 pong");
}

#[test]
fn links_are_changed_and_cleared() {
    passes(
        r#"
[host]
a = { start = "sender" }
b = { start = "receiver" }

[link]
default = { latency = "1ms" }

[task]
sender = '''
u = bind 1
slow a -> b 100ms
send_to u "b" 2 "slow"
sleep 1s
clear a -> b
send_to u "b" 2 "fast"
sleep 1s
drop a -> b 100% for 1s
send_to u "b" 2 "lost"
sleep 2s
duplicate a -> b 100%
send_to u "b" 2 "twice"
sleep 1s
clear a -> b
hold a -> b
send_to u "b" 2 "held"
sleep 1s
heal
sleep 1s
cut a -> b
heal a -> b
slow a -> b 5ms..6ms for 1s
send_to u "b" 2 "last"
'''
receiver = '''
u = bind 2
loop {
  d = recv_from u
  if d[0] == "last" {
    break
  }
  log d[0]
}
'''
"#,
        &["slow", "fast", "twice", "twice", "held"],
    );
}

#[test]
fn hosts_pause_stop_and_change_their_clocks() {
    let record = passes(
        r#"
[host]
a = { start = "ticks" }
boss = { start = "boss" }

[task]
ticks = '''
loop {
  sleep 1s
  log "tick" now
} on cancelled {
  log "stopped" now
  raise
}
'''
boss = '''
sleep 1500ms
pause a for 2s
sleep 2500ms
skew a 5s
x = clock
log "boss" x
stop a
restart a
sleep 100ms
stop a
'''

[check]
"its clock was ahead" = "sometimes clock(a) == now + 5s"
"#,
        &[
            "tick 1s",
            "tick 3.5s",
            "boss 4s",
            "stopped 4s",
            "stopped 4.1s",
        ],
    );
    assert_eq!(
        faults(&record),
        [
            "1.5s pause a for 2s",
            "3.5s resume a",
            "4s skew a 5s",
            "4s stop a",
            "4s restart a",
            "4.1s stop a",
        ]
    );
}

#[test]
fn a_host_can_crash_itself() {
    passes(
        r#"
[host]
a = { start = "suicide" }

[shared]
starts = 0

[task]
suicide = '''
starts = starts + 1
log "start" starts
if starts == 1 {
  restart a
  log "never"
}
if starts == 2 {
  restart a after 1s
  log "never"
}
if starts == 3 {
  pause a for 1s
  log "paused" now
  stop a
  log "never"
}
'''
"#,
        &["start 1", "start 2", "start 3", "paused 2s"],
    );
}

#[test]
fn times_of_the_timeline_are_drawn() {
    let text = format!("{PING}\n[timeline]\n\"1s..2s\" = [\"crash server\", \"restart server\"]\n");
    let times: Vec<String> = (1..4)
        .map(|seed| faults(&play_seed(&text, seed))[0].clone())
        .collect();
    assert_ne!(times[0], times[1]);
}

#[test]
fn faults_are_drawn_and_hosts_come_back() {
    let text = r#"
[host]
a = { start = "work" }
b = { start = "work" }

[faults]
hosts = ["a", "b"]
every = "100ms"
crash = "5%"
pause = "5%"
partition = "5%"
one_way = "5%"
clog = "5%"
lasting = "10ms..1s"
until = "5s"

[task]
work = '''
sleep 2s
'''

[check]
"crashes" = "sometimes count(fault crash) > 0"
"#;
    let mut words = std::collections::BTreeSet::new();
    for seed in 1..20 {
        let record = play_seed(text, seed);
        assert!(matches!(record.verdict, Verdict::Passed), "{record:#?}");
        for fault in faults(&record) {
            words.extend(fault.split(' ').nth(1).map(ToOwned::to_owned));
        }
    }
    let words: Vec<String> = words.into_iter().collect();
    assert_eq!(
        words,
        ["crash", "cut", "heal", "hold", "pause", "restart", "resume"]
    );
}

#[test]
fn faults_of_one_link_end_by_themselves_each_for_its_own_sake() {
    let text = r#"
[host]
a = { start = "sender" }
b = { start = "receiver", daemon = true }
[link]
default = { latency = "1ms" }
[task]
sender = '''
u = bind 1
repeat 3 {
  send_to u "b" 1 now
  sleep 1s
}
'''
receiver = '''
u = bind 1
loop {
  d = recv_from u
  log d[0] "at" now
}
'''
[timeline]
"500ms" = "slow a -> b 100ms for 1s"
"900ms" = "drop a -> b 0%"
"#;
    let record = passes(text, &["0ns at 1ms", "1s at 1.1s", "2s at 2.001s"]);
    assert_eq!(faults(&record).last().unwrap(), "1.5s end of slow a -> b");
}

#[test]
fn a_cut_that_a_later_one_outlasts_is_not_said_to_heal() {
    let text = format!(
        "{PING}\n[timeline]\n\"900ms\" = \"cut client | server for 1s\"\n\
         \"1s\" = \"cut client | server\"\n"
    );
    let record = play_seed(&text, 0);
    let faults = faults(&record);
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_host_may_stop_itself() {
    passes(
        r#"
[host]
a = { start = "first" }
b = { start = "second" }
[task]
first = '''
t = spawn slow()
try {
  sleep 1s
  stop a
} finally { log "finally" }
'''
slow = '''
try { sleep 1h } finally {
  sleep 1s
  log "slow" now
}
'''
second = 'sleep 3s'
"#,
        &["finally", "slow 2s"],
    );
    passes(
        r#"
[host]
a = { start = "first" }
b = { start = "second" }
[task]
first = '''
sleep 1s
stop a
'''
second = 'sleep 1ms'
"#,
        &[],
    );
}

#[test]
fn what_must_hold_sometimes_is_a_property_of_the_run() {
    let text = r#"
format = 1
name = "A test."

[task]
main = '''
sleep 2s
log "done"
'''

[check]
"a long time passes" = "sometimes now > 1s"
"a longer time passes" = "sometimes now > 1h"
"time is short" = "always now < 1h"
"#;
    let programs = Programs::new();
    let (model, problems) = read(Source::new("test.toml", text), &programs);
    assert!(problems.is_empty(), "{problems:?}");
    let model = Arc::new(model.unwrap());
    let run = crate::scenario::machine::run_under(&crate::Sim::new(), &model, &programs);
    let texts: Vec<String> = run.properties().iter().map(ToString::to_string).collect();
    let expected = [
        "sometimes  1 of 1  a long time passes",
        "sometimes  0 of 3  a longer time passes",
    ];
    assert_eq!(texts, expected);
    assert_eq!(run.properties()[0].location(), "test.toml:12:25");
}
