//! Hosts: when the run is over, and what fails it.

use super::{fails, passes, problem};

#[test]
fn the_run_is_over_when_every_host_is_that_is_no_daemon() {
    let record = passes(
        r#"
[host]
server = { start = "serve_all", daemon = true }
client = { start = "client(2)", count = 2 }

[link]
default = { latency = "10ms" }
"client1 <-> server" = { latency = "1ms" }

[task]
serve_all = '''
s = serve 7 hello
sleep 1h
'''
"hello(c)" = '''
send c "hello"
'''
"client(n)" = '''
c = connect "server" 7
x = recv c
log x n now
'''
"#,
        &["hello 2 4ms", "hello 2 40ms"],
    );
    assert_eq!(record.now.since_start().as_millis(), 40);
}

#[test]
fn an_error_of_a_host_fails_the_run() {
    let record = fails(
        r#"
[host]
server = { start = "broken", daemon = true }
client = { start = "waits" }

[task]
broken = '''
sleep 1s
raise boom "at last"
'''
waits = '''
sleep 1h
'''
"#,
        "error",
        "`broken` failed: boom: at last",
    );
    let problem = problem(&record);
    assert_eq!(problem.host.as_deref(), Some("server"));
    assert_eq!(problem.task.as_deref(), Some("broken"));
    assert!(problem.span.is_some());
    assert_eq!(record.now.since_start().as_secs(), 1);
}

#[test]
fn a_host_that_is_restarted_is_not_over_before_it_is_done() {
    passes(
        r#"
[host]
a = { start = "work" }
b = { start = "once" }

[shared]
starts = 0

[timeline]
"1s" = "crash a"
"2s" = "restart a after 1s"
"3s" = "crash b"

[task]
work = '''
starts = starts + 1
log "start" starts now
if starts == 1 {
  sleep 1h
}
sleep 5s
log "done" now
'''
once = '''
sleep 1h
'''

[check]
"a is down for a while" = "sometimes not up(a)"
"it is up in the end" = "at end up(a) and not up(b)"
"three faults" = "at end count(fault crash) == 2 and count(fault restart) == 1"
"cancelled" = "at end count(cancelled work) == 1 and count(cancelled once) == 1"
"#,
        &["start 1 0ns", "start 2 3s", "done 8s"],
    );
}

#[test]
fn clocks_differ() {
    passes(
        r#"
[host]
a = { start = "look", skew = "1s" }
b = { start = "look", skew = "-250ms", drift = "1000ppm" }

[task]
look = '''
sleep 1s
log clock > 999ms clock <= 2250ms now
'''

[check]
"a is ahead" = "always clock(a) >= clock(b)"
"#,
        &["true true 999.000999ms", "true true 1s"],
    );
}

#[test]
fn a_task_of_a_host_knows_itself() {
    passes(
        r#"
[host]
a = { start = "work" }
b = { start = "other" }

[shared]
first = "none"

[task]
work = '''
first = self
sleep 1h
'''
other = '''
sleep 1s
cancel first
try {
  await first
} on cancelled {
  log state(first)
}
'''
"#,
        &["cancelled"],
    );
}

#[test]
fn a_panic_of_a_program_in_rust_fails_the_run() {
    async fn broken(parameters: crate::scenario::Parameters) {
        assert!(parameters.int("port") != Some(7), "no such port");
    }
    let text = "format = 1\nname = \"A test.\"\n[host]\na = { start = \"broken(port = 7)\" }\n\
                b = { start = \"main\" }\n[task]\nmain = '''\nsleep 1h\n'''\n";
    let programs = crate::scenario::Programs::new().with("broken", broken);
    let source = crate::scenario::source::Source::new("test.toml", text);
    let (model, problems) = crate::scenario::read::read(source, &programs);
    let model = std::sync::Arc::new(model.unwrap_or_else(|| panic!("{problems:?}")));
    let record = super::super::run(&model, &programs, &super::RunOptions::default());
    let problem = problem(&record);
    assert_eq!(
        (problem.kind, problem.host.as_deref()),
        ("panic", Some("a"))
    );
    assert!(
        problem.message.contains("no such port"),
        "{}",
        problem.message
    );
}
