//! Transports and their protocols: asyncio's order of calls, flow control, and ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::AsyncWriteExt;
use simrun::net::{
    self, Buffered, BufferedProtocol, Latency, Link, TcpStream, UdpSocket, create_connection,
    create_server,
};
use simrun::time::{micros, millis, now, sleep};
use simrun::{event_loop, host, spawn, task};

use crate::diary::{Diary, Log, PLENTY, Pair, diaries, reports, settle};

/// Starts a host to which packets take no time: they arrive in the iteration after the one in which
/// they are sent.
async fn near(main: impl AsyncFnOnce() + 'static) {
    let main = RefCell::new(Some(main));
    let near = host::start("near", move || {
        let main = main.borrow_mut().take().expect("it is started once");
        async move { main().await }
    });
    let link = Link::new().latency(Latency::Constant(Duration::ZERO));
    net::set_link("local", &near, link);
    net::set_link(&near, "local", link);
    near.join().await.unwrap();
}

/// 2: the loop selects, and then looks at its timers.
#[test]
fn what_arrives_is_handled_before_timers_that_are_due_at_the_same_moment() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        log.take();
        // As long as what is sent from here to here takes.
        let latency = micros(10);
        let (timer, sleeper) = (log.clone(), log.clone());
        event_loop::call_later(latency, move || timer.note("timer"));
        let sleeps = spawn(async move {
            sleep(latency).await;
            sleeper.note("sleeper");
        });
        task::yield_now().await;
        let before = now();
        pair.client.write(b"hello");
        sleeps.await.unwrap();
        assert_eq!(now() - before, latency);
        assert_eq!(log.take(), ["server: data hello", "timer", "sleeper"]);
    });
    // Those who wait for a socket are woken before sleepers.
    simrun::run(async {
        let log = Log::default();
        let socket = UdpSocket::bind("127.0.0.1:1").await.unwrap();
        let (sleeper, receiver) = (log.clone(), log.clone());
        let sleeps = spawn(async move {
            sleep(micros(10)).await;
            sleeper.note("sleeper");
        });
        let receives = spawn(async move {
            socket.recv(&mut [0]).await.unwrap();
            receiver.note("receiver");
        });
        task::yield_now().await;
        let other = UdpSocket::bind("127.0.0.1:2").await.unwrap();
        other.send_to(b"x", "127.0.0.1:1").await.unwrap();
        sleeps.await.unwrap();
        receives.await.unwrap();
        assert_eq!(log.take(), ["receiver", "sleeper"]);
    });
}

/// 15.1
#[test]
fn connection_made_comes_before_data_and_before_create_connection_returns() {
    simrun::run(async {
        let log = Log::default();
        let greet = |log: &Log| Diary::new(log, "server").on("made", |to| to.write(b"hello"));
        let server = log.clone();
        let _server = create_server(move || greet(&server), "127.0.0.1:80")
            .await
            .unwrap();
        let client = || Diary::new(&log, "client");
        let _client = create_connection(client, "127.0.0.1:80").await.unwrap();
        log.note("connected");
        settle().await;
        let mine = log.take();
        let mine: Vec<_> = mine.iter().filter(|line| *line != "server: made").collect();
        assert_eq!(mine, ["client: made", "connected", "client: data hello"]);
    });
}

/// 15.1
#[test]
fn data_that_were_there_before_the_transport_come_after_its_creator_has_gone_on() {
    simrun::run(async {
        let log = Log::default();
        let server = log.clone();
        near(async move || {
            let greet = move || Diary::new(&server, "server").on("made", |to| to.write(b"early"));
            create_server(greet, "0.0.0.0:80").await.unwrap();
        })
        .await;
        let made = log.clone();
        let diary = || {
            Diary::new(&log, "client").on("made", move |transport| {
                // They are there, but not read before reading begins.
                transport.pause_reading();
                transport.resume_reading();
                let soon = made.clone();
                event_loop::call_soon(move || soon.note("next iteration"));
            })
        };
        let _client = create_connection(diary, "near:80").await.unwrap();
        log.note("connected");
        settle().await;
        let mine = log.take();
        let mine: Vec<_> = mine.iter().filter(|line| *line != "server: made").collect();
        let expected = [
            "client: made",
            "next iteration",
            "connected",
            "client: data early",
        ];
        assert_eq!(mine, expected);
    });
}

/// 15.2: the confirmation that makes a listener readable arrives one iteration after the answer
/// that connects the client, whose task goes on in that same iteration.
#[test]
fn an_accepted_connection_is_made_two_iterations_and_handled_three_after_it_was_seen() {
    simrun::run(async {
        let tick = Rc::new(Cell::new(0_i32));
        let log = Log::default();
        let note = {
            let (log, tick) = (log.clone(), tick.clone());
            move |what: &str| log.note(format!("{what} {}", tick.get()))
        };
        near(async move || {
            let noted = note.clone();
            let factory = move || {
                noted("built");
                let noted = noted.clone();
                Diary::new(&Log::default(), "server").on("made", move |_| noted("made"))
            };
            create_server(factory, "0.0.0.0:80").await.unwrap();
            let handler = move |_, _| {
                let noted = note.clone();
                async move { noted("handled") }
            };
            net::start_server(handler, "0.0.0.0:81").await.unwrap();
        })
        .await;
        let ticks = tick.clone();
        let ticker = spawn(async move {
            loop {
                ticks.set(ticks.get() + 1);
                task::yield_now().await;
            }
        });
        task::yield_now().await;
        for (port, expected) in [
            (80, [("built", 1), ("made", 2)].as_slice()),
            (81, &[("handled", 3)]),
        ] {
            let _client = TcpStream::connect(("near", port)).await.unwrap();
            // The listener is readable now.
            let seen = tick.get();
            for _ in 0..10 {
                task::yield_now().await;
            }
            let expected = expected
                .iter()
                .map(|(what, later)| format!("{what} {}", seen + later));
            assert_eq!(log.take(), expected.collect::<Vec<_>>());
        }
        ticker.cancel();
    });
}

/// 15.4
#[test]
fn a_write_is_sent_at_once_and_what_has_no_room_is_buffered() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        pair.client.write(b"small");
        assert_eq!(pair.client.write_buffer_size(), 0);
        pair.client.write(&[0; PLENTY]);
        let left = pair.client.write_buffer_size();
        assert!(left > 0 && left < PLENTY, "{left}");
        pair.client.write(b"more");
        assert_eq!(pair.client.write_buffer_size(), left + 4);
        pair.client.write(b"");
        assert_eq!(pair.client.write_buffer_size(), left + 4);
        settle().await;
        assert_eq!(pair.client.write_buffer_size(), 0);
    });
}

/// 15.4
#[test]
#[should_panic(expected = "nothing can be written after write_eof")]
fn nothing_can_be_written_after_write_eof() {
    simrun::run(async {
        let (client, server) = diaries(&Log::default());
        let pair = Pair::new(client, server).await;
        assert!(pair.client.can_write_eof());
        pair.client.write_eof();
        pair.client.write_eof();
        pair.client.write(b"too late");
    });
}

/// 15.5
#[test]
fn a_protocol_is_paused_above_the_high_mark_and_resumed_at_the_low_one() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        pair.server.pause_reading();
        assert_eq!(pair.client.write_buffer_limits(), (16 << 10, 64 << 10));
        // Nothing more has room below.
        while pair.client.write_buffer_size() == 0 {
            pair.client.write(&[0; 1 << 10]);
        }
        settle().await;
        while pair.client.write_buffer_size() == 0 {
            pair.client.write(&[0; 1 << 10]);
        }
        log.take();
        let left = (64 << 10) - pair.client.write_buffer_size();
        pair.client.write(&vec![0; left]);
        assert_eq!(pair.client.write_buffer_size(), 64 << 10);
        assert!(log.take().is_empty(), "equal is not above");
        pair.client.write(b"!");
        log.note("written");
        pair.client.write(b"!");
        assert_eq!(log.take(), ["client: pause", "written"]);
        pair.server.resume_reading();
        settle().await;
        let of_client = |line: &String| line.starts_with("client");
        let lines: Vec<_> = log.take().into_iter().filter(of_client).collect();
        assert_eq!(lines, ["client: resume"]);
    });
}

/// 15.5
#[test]
fn one_mark_follows_from_the_other_and_changing_them_pauses_at_once_but_never_resumes() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let Pair { client, server, .. } = Pair::new(client, server).await;
        client.set_write_buffer_limits(1_000, None);
        assert_eq!(client.write_buffer_limits(), (250, 1_000));
        client.set_write_buffer_limits(None, 1_000);
        assert_eq!(client.write_buffer_limits(), (1_000, 4_000));
        client.set_write_buffer_limits(0, None);
        assert_eq!(client.write_buffer_limits(), (0, 0));
        client.set_write_buffer_limits(None, None);
        assert_eq!(client.write_buffer_limits(), (16 << 10, 64 << 10));
        client.set_write_buffer_limits(10 * PLENTY, None);
        server.pause_reading();
        client.write(&[0; PLENTY]);
        log.take();
        client.set_write_buffer_limits(1_000, None);
        assert_eq!(log.take(), ["client: pause"]);
        client.set_write_buffer_limits(10 * PLENTY, None);
        assert!(log.take().is_empty());
    });
}

/// 15.5
#[test]
#[should_panic(expected = "the high mark (1) must not be below the low one (2)")]
fn the_high_mark_is_not_below_the_low_one() {
    simrun::run(async {
        let (client, server) = diaries(&Log::default());
        let pair = Pair::new(client, server).await;
        pair.client.set_write_buffer_limits(1, 2);
    });
}

/// 15.5, where Rust cannot call a protocol that is being called.
#[test]
fn a_protocol_that_writes_too_much_hears_of_it_when_its_method_returns() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let note = log.clone();
        let client = client.on("data", move |transport| {
            transport.write(&[0; PLENTY]);
            note.note("written");
        });
        let pair = Pair::new(client, server).await;
        pair.server.pause_reading();
        log.take();
        pair.server.write(b"go");
        settle().await;
        assert_eq!(log.take(), ["client: data go", "written", "client: pause"]);
    });
}

/// 15.4: that only bytes can be written, Rust's types say.
#[test]
fn a_write_of_nothing_does_nothing() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        pair.client.set_write_buffer_limits(0, None);
        log.take();
        pair.client.write(b"");
        pair.client.writelines(["", ""]);
        settle().await;
        pair.client.write(b"something");
        settle().await;
        assert_eq!(log.take(), ["server: data something"]);
    });
}

/// 15.10. That no more than 256 KiB are read at a time is never seen: the network holds less.
#[test]
fn reading_can_be_paused_and_what_arrives_meanwhile_comes_as_one() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        log.take();
        pair.server.pause_reading();
        pair.server.pause_reading();
        assert!(!pair.server.is_reading());
        pair.client.write(b"1");
        settle().await;
        pair.client.write(b"2");
        settle().await;
        assert!(log.take().is_empty());
        pair.server.resume_reading();
        pair.server.resume_reading();
        assert!(pair.server.is_reading());
        settle().await;
        assert_eq!(log.take(), ["server: data 12"]);
        pair.server.close();
        assert!(!pair.server.is_reading());
        pair.server.resume_reading();
        assert!(!pair.server.is_reading());
    });
}

/// A protocol with a buffer of three bytes.
struct Small {
    log: Log,
    buffer: [u8; 3],
    broken: &'static str,
}

impl BufferedProtocol for Small {
    fn get_buffer(&mut self, hint: Option<usize>) -> &mut [u8] {
        assert_eq!(hint, None);
        assert!(self.broken != "get_buffer", "no buffer");
        let length = if self.broken == "empty" { 0 } else { 3 };
        self.log.note("get_buffer");
        &mut self.buffer[..length]
    }

    fn buffer_updated(&mut self, count: usize) {
        assert!(self.broken != "buffer_updated", "no update");
        let data = String::from_utf8_lossy(&self.buffer[..count]).into_owned();
        self.log.note(data);
    }

    fn eof_received(&mut self) -> bool {
        self.log.note("eof");
        false
    }

    fn connection_lost(&mut self, error: Option<&std::io::Error>) {
        self.log.note(crate::diary::kind(error));
    }
}

/// 15.11
#[test]
fn a_buffered_protocol_says_where_data_are_put() {
    let run = |broken: &'static str| {
        simrun::run(async move {
            let (log, reports) = (Log::default(), reports());
            let small = {
                let log = log.clone();
                move || {
                    let (log, buffer) = (log.clone(), [0; 3]);
                    Buffered(Small {
                        log,
                        buffer,
                        broken,
                    })
                }
            };
            let _server = create_server(small, "127.0.0.1:80").await.unwrap();
            let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
            client.write_all(b"12345").await.unwrap();
            settle().await;
            let _ = client.close().await;
            settle().await;
            (log.take().join(" "), reports.take().join(" "))
        })
    };
    let all = "get_buffer 123 get_buffer 45 get_buffer eof well";
    assert_eq!(run(""), (all.to_owned(), String::new()));
    let fatal = |method| format!("fatal error: protocol.{method}() call failed: ");
    let (calls, report) = run("empty");
    assert_eq!(calls, "get_buffer Other");
    assert_eq!(
        report,
        fatal("get_buffer") + "get_buffer() returned an empty buffer"
    );
    assert_eq!(
        run("get_buffer"),
        ("Other".into(), fatal("get_buffer") + "no buffer")
    );
    let (calls, report) = run("buffer_updated");
    assert_eq!(calls, "get_buffer Other");
    assert_eq!(report, fatal("buffer_updated") + "no update");
}

/// 15.12
#[test]
fn lines_are_written_as_one_and_an_abort_after_the_end_does_nothing() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        log.take();
        pair.client.writelines(["one", "", "two"]);
        pair.client.close();
        settle().await;
        pair.client.abort();
        let expected = [
            "client: lost well",
            "server: data onetwo",
            "server: eof",
            "server: lost well",
        ];
        settle().await;
        assert_eq!(log.take(), expected);
    });
}

#[test]
fn a_lock_that_is_held_while_writing_puts_the_pause_off() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let server = log.clone();
        let _server = create_server(move || Diary::new(&server, "server"), "127.0.0.1:80")
            .await
            .unwrap();
        let diary = || Diary::new(&log, "client");
        let (transport, client) = create_connection(diary, "127.0.0.1:80").await.unwrap();
        {
            let _held = client.lock().unwrap();
            transport.write(&[0; PLENTY]);
        }
        log.note("let go");
        task::yield_now().await;
        let lines = log.take();
        assert_eq!(lines[lines.len() - 2..], ["let go", "client: pause"]);
        assert!(reports.take().is_empty());
    });
}

#[test]
fn nothing_is_told_to_a_host_that_is_paused() {
    simrun::run(async {
        let log = Log::default();
        let server = log.clone();
        let machine = host::start("server", move || {
            let log = server.clone();
            async move {
                let factory = move || Diary::new(&log, "server");
                let server = create_server(factory, "0.0.0.0:80").await.unwrap();
                let _ = server.serve_forever().await;
            }
        });
        settle().await;
        let diary = || Diary::new(&log, "client");
        let (transport, _) = create_connection(diary, "server:80").await.unwrap();
        settle().await;
        log.take();
        machine.pause();
        transport.write(b"hello");
        sleep(millis(500)).await;
        assert!(log.take().is_empty());
        machine.resume();
        settle().await;
        assert_eq!(log.take(), ["server: data hello"]);
        machine.crash();
    });
}
