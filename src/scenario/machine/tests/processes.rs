//! Steps about processes, outside and inside.

use super::{passes, play};
use crate::scenario::record::Verdict;

#[test]
fn a_process_reads_and_writes() {
    passes(
        r#"
[task]
main = '''
p = start upper("> ")
log p
send p "one"
write p "two\n"
x = recv p
log x
x = recv p
log x
close p
x = read_all p
log x
x = wait p
log "status" x
try {
  terminate p
} on exit as e {
  log e
}
'''

[program]
"upper(prefix)" = '''
loop {
  line = recv stdin
  send stdout prefix + line
} on closed { }
write stdout "done"
exit 3
'''

[check]
"it is over" = "at end open(p) == 0 and count(returned p) == 1"
"#,
        &[
            "p",
            "> one",
            "> two",
            "done",
            "status 3",
            "exit: the process has ended",
        ],
    );
}

#[test]
fn communicate_feeds_and_collects() {
    passes(
        r#"
[task]
main = '''
p = start sort()
x = communicate p "b\na\n"
log x
x = wait p
log x
q = start broken()
x = communicate q ""
log x
x = wait q
log x
'''

[program]
sort = '''
x = read_all stdin
send stderr "sorting"
write stdout "a b" + x
'''
broken = '''
raise boom "no"
'''
"#,
        &[
            "[\"a bb\\na\\n\", \"sorting\\n\"]",
            "0",
            "[\"\", \"boom: no\\n\"]",
            "1",
        ],
    );
}

#[test]
fn signals_end_a_process_or_are_handled() {
    passes(
        r#"
[task]
main = '''
p = start sleeper()
terminate p
x = wait p
log x
q = start careful("q")
x = recv q
signal q "usr1"
x = recv q
log x now
terminate q
x = wait q
log x
r = start careful("r")
recv r
kill r
x = wait r
log x
try {
  signal r "nonsense"
} on invalid {
  log "invalid"
}
'''

[program]
sleeper = '''
sleep 1h
'''
"careful(name)" = '''
n = 0
on_signal "usr1" {
  n = n + 1
  send stdout "{name} {n}"
}
on_signal "term" {
  exit 7
}
send stdout "ready"
sleep 1h
'''
"#,
        &["-15", "q 1 0ns", "7", "-9", "invalid"],
    );
}

#[test]
fn pipes_join_processes() {
    passes(
        r#"
[task]
main = '''
p = start numbers()
q = start counts()
pipe p q
x = recv q
log x
gather reap(p) reap(q)
'''
"reap(p)" = '''
wait p
'''

[program]
numbers = '''
repeat 3 as i {
  send stdout i
}
'''
counts = '''
n = 0
loop {
  recv stdin
  n = n + 1
} on closed { }
send stdout n
'''
"#,
        &["3"],
    );
}

#[test]
fn what_nobody_reads_breaks_the_pipe() {
    let record = play(
        r#"
[task]
main = '''
start writer()
sleep 1s
'''

[program]
writer = '''
loop {
  send stdout "x"
} on reset {
  log "reset"
}
'''
"#,
    );
    assert!(matches!(record.verdict, Verdict::Passed), "{record:#?}");
    assert_eq!(super::lines(&record), ["reset"]);
}

#[test]
fn what_a_process_is_doing_can_be_given_up() {
    passes(
        r#"
[shared]
big = "0123456789"

[task]
main = '''
repeat 15 {
  big = big + big
}
p = start slow()
try {
  within 1s {
    communicate p big
  }
} on timeout {
  log "given up"
}
kill p
x = wait p
log x
write p "late"
try {
  drain p
} on reset {
  log "reset"
}
close p
close p
try {
  send p "x"
} on misuse {
  log "closed"
}
q = start early()
kill q
x = wait q
log x
r = start ends()
x = read_all r
log x
x = wait r
log x
'''

[program]
slow = '''
sleep 1h
'''
early = '''
sleep 1h
'''
ends = '''
write stdout "before"
close stdout
raise boom
'''

[check]
"all ended" = "at end open(p) == 0 and open(q) == 0 and pending == 0"
"#,
        &["given up", "-9", "reset", "closed", "-9", "before", "1"],
    );
}

#[test]
fn a_process_is_given_what_is_its_own_although_another_is_waited_for_late() {
    passes(
        r#"
[shared]
p = "none"
[program]
quick = 'sleep 1ms'
other = 'sleep 5ms'
[task]
main = '''
p = start quick()
gather first() second()
'''
first = '''
wait p
q = start other()
status = wait q
log "{status} {now}"
'''
second = 'wait p'
"#,
        &["0 6ms"],
    );
}
