//! Steps about connections and datagrams.

use super::{fails, passes, play, problem};
use crate::scenario::record::Verdict;

#[test]
fn a_server_spawns_a_task_for_each_connection() {
    passes(
        r#"
[task]
main = '''
s = serve 7 greet
c = connect "localhost" 7
send c "you"
x = recv c
log x
try {
  recv c
} on closed as e {
  log e
}
close c
wait c
close s
wait s
log "over"
'''
"greet(conn)" = '''
name = recv conn
send conn "hello {name}"
'''

[check]
"all is closed" = "at end open(c) == 0 and open(s) == 0 and open(conn) == 0"
"there was a server" = "sometimes open(s) == 1 and open(conn) == 1"
"#,
        &["hello you", "closed: there is no line any more", "over"],
    );
}

#[test]
fn connections_are_accepted_one_by_one() {
    passes(
        r#"
[task]
main = '''
l = listen 7 backlog 2
t = spawn client()
c = accept l
x = read c 3
log x
x = read_until c ";"
log x
x = read c
log x
x = read_all c
log "rest" x
x = read c
log "end" len(x)
write c "bye"
drain c
write_eof c
close l
try {
  accept l
} on closed as e {
  log e
}
await t
'''
client = '''
c = connect "127.0.0.1" 7
write c "abcd;e"
sleep 1ms
write c "fg"
write_eof c
x = read_all c
log x
'''
"#,
        &[
            "abc",
            "d;",
            "e",
            "rest fg",
            "end 0",
            "closed: the listener is closed",
            "bye",
        ],
    );
}

#[test]
fn errors_of_the_network_have_names() {
    passes(
        r#"
[task]
main = '''
try {
  connect "localhost" 9
} on refused {
  log "refused"
}
try {
  name = "nowhere"
  connect name 9
} on address as e {
  log e
}
l = listen 7
try {
  listen 7
} on network {
  log "in use"
}
t = spawn client()
c = accept l
abort c
await t
try {
  write c "x"
  drain c
} on reset {
  log "reset here"
}
'''
client = '''
c = connect "localhost" 7
try {
  recv c
} on closed {
  log "closed there"
}
repeat 2 {
  write c "too late"
  sleep 1ms
}
try {
  recv c
} on reset {
  log "reset there"
}
'''
"#,
        &[
            "refused",
            "address: no host is called `nowhere`",
            "in use",
            "closed there",
            "reset there",
            "reset here",
        ],
    );
}

#[test]
fn lines_have_limits() {
    passes(
        r#"
[task]
main = '''
s = serve 7 talk
c = connect "localhost" 7 limit 10
try {
  recv c
} on full as e {
  log e
}
'''
"talk(c)" = '''
send c "twelve bytes"
sleep 1s
'''
"#,
        &["full: the separator comes after 12 bytes: raise the limit"],
    );
}

#[test]
fn a_writer_waits_until_there_is_room() {
    let text = r#"
[shared]
big = "0123456789"

[task]
main = '''
s = serve 7 slow
c = connect "localhost" 7
limits c 100 10
repeat 15 {
  big = big + big
}
write c big
log size(c) > 100
drain c
log size(c) <= 10 now
try {
  limits c 1 2
} on invalid {
  log "wrong"
}
'''
"slow(c)" = '''
pause_reading c
sleep 1s
resume_reading c
x = read_all c
'''
"#;
    let record = play(text);
    let lines = super::lines(&record);
    assert_eq!(lines[0], "true", "{record:#?}");
    assert!(lines[1].starts_with("true 1."), "{lines:?}");
    assert_eq!(lines[2], "wrong");
}

#[test]
fn nothing_is_written_after_the_end() {
    passes(
        r#"
[task]
main = '''
s = serve 7 quiet
c = connect "localhost" 7
write_eof c
try {
  send c "x"
} on misuse {
  log "misuse"
}
try {
  read_until c ""
} on invalid {
  log "invalid"
}
t = spawn reads(c)
sleep 1ms
try {
  recv c
} on misuse as e {
  log e
}
'''
"quiet(c)" = '''
sleep 1s
'''
"reads(c)" = '''
recv c
'''
"#,
        &[
            "misuse",
            "invalid",
            "misuse: another task is reading already",
        ],
    );
}

#[test]
fn sockets_of_one_machine_have_paths() {
    passes(
        r#"
[task]
main = '''
try {
  connect "/run/x"
} on address {
  log "nobody"
}
l = listen "/run/x"
t = spawn client()
c = accept l
x = recv c
log x
close l
l = listen "/run/x"
await t
'''
client = '''
c = connect "/run/x"
send c "hello"
'''
"#,
        &["nobody", "hello"],
    );
}

#[test]
fn datagrams_say_where_they_come_from() {
    passes(
        r#"
[host]
server = { start = "server", daemon = true, address = "10.1.0.7" }
client = { start = "client" }

[task]
server = '''
u = bind 53
loop {
  d = recv_from u
  log d[0] d[1]
  send_to u d[1] d[2] "pong"
}
'''
client = '''
u = bind 0
send_to u "server" 53 "ping"
d = recv_from u
log d[0] d[1] d[2]
x = resolve "server"
log x
t = spawn closes(u)
try {
  recv_from u
} on closed {
  log "closed"
}
'''
"closes(u)" = '''
close u
'''
"#,
        &["ping client", "pong server 53", "[\"10.1.0.7\"]", "closed"],
    );
}

#[test]
fn a_handler_that_fails_is_reported() {
    let record = fails(
        r#"
[task]
main = '''
s = serve 7 broken
c = connect "localhost" 7
sleep 1ms
'''
"broken(c)" = '''
raise boom
'''
"#,
        "unhandled error",
        "boom",
    );
    assert!(problem(&record).message.contains("client_connected_cb"));
}

#[test]
fn packets_are_written_down() {
    let record = passes(
        r#"
[host]
server = { start = "listens", daemon = true }
client = { start = "client" }

[task]
listens = '''
s = serve 7 hello
u = bind 7
recv_from u
'''
"hello(c)" = '''
send c "four"
'''
client = '''
u = bind 0
send_to u "server" 7 "x"
c = connect "server" 7
x = read_all c
log len(x)
'''
"#,
        &["5"],
    );
    let events = record.events.iter();
    let packets: Vec<&str> = events
        .filter_map(|event| match &event.what {
            crate::scenario::record::What::Packet(line) => Some(line.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        packets,
        [
            "client -> server  datagram 1 byte",
            "client -> server  SYN",
            "server -> client  SYN ACK",
            "client -> server  ACK",
            "server -> client  5 bytes",
            "server -> client  FIN",
            "client -> server  FIN",
        ]
    );
}

#[test]
fn to_look_at_packets_changes_nothing() {
    let text = r#"
[host]
server = { start = "listens", daemon = true }
client = { start = "client" }

[link]
default = { latency = "1ms..5ms", loss = "5%", duplicate = "2%", bandwidth = "1MB/s" }

[shared]
big = "0123456789"

[task]
listens = '''
s = serve 7 echo
sleep 1h
'''
"echo(c)" = '''
x = read_all c
write c x
'''
client = '''
repeat 12 {
  big = big + big
}
c = connect "server" 7
write c big
write_eof c
x = read_all c
expect x == big
'''
"#;
    for seed in 1..8 {
        let record = super::play_seed(text, seed);
        assert!(
            matches!(record.verdict, Verdict::Passed),
            "{:?}",
            record.verdict
        );
    }
}

#[test]
fn what_is_not_fit_for_a_step_is_told() {
    // Each step is given a list, which none of them takes, in a variable.
    let steps = [
        "send x 1",
        "recv x",
        "write x 1",
        "drain x",
        "read x",
        "read x 2",
        r#"read_until x ";""#,
        "read_all x",
        "write_eof x",
        "close x",
        "wait x",
        "abort x",
        "pause_reading x",
        "resume_reading x",
        "limits x 1 1",
        "accept x",
        r#"send_to x "localhost" 1 "t""#,
        "recv_from x",
        r#"communicate x """#,
        r#"signal x "term""#,
        "kill x",
        "terminate x",
        "pipe x x",
        "to_thread h() on x",
        "listen x",
        "serve x served",
        "bind x",
        "connect x",
        r#"connect "localhost" x"#,
    ];
    let mut text =
        "[task]\n\"served(c)\" = '''\nyield\n'''\nh = '''\nyield\n'''\nmain = '''\nx = [1]\n"
            .to_owned();
    for step in steps {
        text += &format!("try {{\n  {step}\n  log \"{{x}}\"\n}} on invalid {{ }}\n");
    }
    text += "'''\n";
    passes(&text, &[]);
}

#[test]
fn numbers_are_looked_at_before_they_are_used() {
    passes(
        r#"
[shared]
big = "0123456789"

[task]
main = '''
port = 70000
try {
  listen port
} on invalid as e {
  log e
}
zero = 0
try {
  connect "localhost" 7 limit zero
} on invalid as e {
  log e
}
u = bind 9
try {
  bind 9
} on address {
  log "in use"
}
repeat 14 {
  big = big + big
}
try {
  send_to u "localhost" 9 big
} on network {
  log "too large"
}
l = listen 7 backlog zero
c = connect "localhost" 7
d = accept l
close l
close l
close c
close c
write c "ignored"
try {
  drain c
} on reset {
  log "reset"
}
write_eof c
wait c
abort c
pause_reading c
resume_reading c
limits c 0 0
close u
close u
try {
  send_to u "localhost" 9 "x"
} on closed {
  log "closed"
}
'''
"#,
        &[
            "invalid: a port is a number from 0 to 65535",
            "invalid: a limit of 0 bytes lets nothing pass",
            "in use",
            "too large",
            "reset",
            "closed",
        ],
    );
}
