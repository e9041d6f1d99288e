//! How connections end: closed, aborted, reset, or by a protocol that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::net::{TcpListener, Transport, create_connection, create_server};
use simrun::{event_loop, host, task};

use crate::diary::{Diary, Log, PLENTY, Pair, diaries, reports, settle};

/// 15.3
#[test]
fn a_protocol_is_told_of_a_connection_from_its_beginning_to_its_end() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        pair.client.write(b"one");
        settle().await;
        pair.client.write(b"two");
        pair.client.close();
        log.note("closed");
        settle().await;
        let expected = [
            "client: made",
            "server: made",
            "server: data one",
            "closed",
            "client: lost well",
            "server: data two",
            "server: eof",
            "server: lost well",
        ];
        assert_eq!(log.take(), expected);
        pair.listening.close();
    });
}

/// 15.3
#[test]
fn connection_lost_is_not_called_within_close_or_abort() {
    for abort in [false, true] {
        simrun::run(async move {
            let log = Log::default();
            let (client, server) = diaries(&log);
            let pair = Pair::new(client, server).await;
            log.take();
            let close = if abort {
                Transport::abort
            } else {
                Transport::close
            };
            close(&pair.client);
            let soon = log.clone();
            event_loop::call_soon(move || soon.note("queued after it"));
            log.note("closed");
            task::yield_now().await;
            assert_eq!(
                log.take(),
                ["closed", "client: lost well", "queued after it"]
            );
        });
    }
}

/// 15.3
#[test]
fn connection_lost_is_called_at_once_when_a_deferred_close_has_flushed() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let soon = log.clone();
        let client = client.on("resume", move |_| {
            let soon = soon.clone();
            event_loop::call_soon(move || soon.note("queued before it"));
        });
        let pair = Pair::new(client, server.on("data", |_| ())).await;
        pair.server.pause_reading();
        pair.client.set_write_buffer_limits(0, None);
        pair.client.write(&[0; PLENTY]);
        pair.client.close();
        log.take();
        pair.server.resume_reading();
        settle().await;
        let of_client = |line: &String| !line.starts_with("server");
        let lines: Vec<_> = log.take().into_iter().filter(of_client).collect();
        let expected = ["client: resume", "client: lost well", "queued before it"];
        assert_eq!(lines, expected);
    });
}

/// 15.6
#[test]
fn close_sends_what_is_buffered_and_what_is_written_meanwhile() {
    simrun::run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let log = Log::default();
        let diary = || Diary::new(&log, "client");
        let (client, _) = create_connection(diary, "127.0.0.1:80").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write(&[0; PLENTY]);
        client.close();
        assert!(client.is_closing() && !client.is_reading());
        client.write(b"and nineteen bytes!");
        settle().await;
        assert_eq!(log.take(), ["client: made", "client: pause"]);
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), PLENTY + 19);
        assert_eq!(log.take(), ["client: resume", "client: lost well"]);
    });
}

/// 15.6
#[test]
fn writes_to_a_closed_transport_are_dropped_and_warned_of_from_the_fifth_on() {
    let warnings = Warnings::default();
    let counted = warnings.0.clone();
    tracing::subscriber::with_default(warnings, || {
        simrun::run(async move {
            let log = Log::default();
            let (client, server) = diaries(&log);
            let pair = Pair::new(client, server).await;
            pair.client.close();
            for _ in 0..4 {
                pair.client.write(b"lost");
            }
            assert_eq!(counted.load(Ordering::Relaxed), 0);
            pair.client.write(b"lost");
            settle().await;
            pair.client.writelines([b"lost"]);
            assert_eq!(counted.load(Ordering::Relaxed), 2);
            assert!(!log.take().iter().any(|line| line.contains("data")));
        });
    });
}

/// Counts the warnings about connections.
#[derive(Default)]
struct Warnings(Arc<AtomicU32>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "simrun::net"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// 15.7
#[test]
fn abort_forgets_what_is_buffered() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        pair.server.pause_reading();
        pair.client.set_write_buffer_limits(10 * PLENTY, None);
        pair.client.write(&[0; PLENTY]);
        log.take();
        pair.client.close();
        pair.client.abort();
        pair.client.abort();
        assert_eq!(pair.client.write_buffer_size(), 0);
        settle().await;
        assert_eq!(log.take(), ["client: lost well"]);
        pair.client.close();
        pair.client.abort();
        settle().await;
        assert!(log.take().is_empty());
    });
}

/// 15.8
#[test]
fn the_end_of_the_data_closes_a_transport_unless_its_protocol_keeps_it_open() {
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server).await;
        log.take();
        pair.client.write_eof();
        settle().await;
        let expected = [
            "server: eof",
            "server: lost well",
            "client: eof",
            "client: lost well",
        ];
        assert_eq!(log.take(), expected);
    });
    simrun::run(async {
        let log = Log::default();
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server.keeping_open()).await;
        log.take();
        pair.client.write_eof();
        settle().await;
        pair.server.write(b"still here");
        pair.server.pause_reading();
        pair.server.resume_reading();
        settle().await;
        pair.server.close();
        settle().await;
        let expected = [
            "server: eof",
            "client: data still here",
            "server: lost well",
            "client: eof",
            "client: lost well",
        ];
        assert_eq!(log.take(), expected);
    });
}

/// 15.8
#[test]
fn write_eof_sends_what_is_buffered_first() {
    simrun::run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let log = Log::default();
        let diary = || {
            let diary = Diary::new(&log, "client").keeping_open();
            diary.on("made", |transport| {
                transport.set_write_buffer_limits(10 * PLENTY, None)
            })
        };
        let (client, _) = create_connection(diary, "127.0.0.1:80").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write(&[0; PLENTY]);
        client.write_eof();
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), PLENTY);
        server.write_all(b"thanks").await.unwrap();
        settle().await;
        assert_eq!(log.take(), ["client: made", "client: data thanks"]);
    });
}

/// 15.9
#[test]
fn a_reset_is_told_to_the_protocol_and_to_nobody_else() {
    simrun::run(async {
        let reports = reports();
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let log = Log::default();
        let diary = || Diary::new(&log, "client");
        let _client = create_connection(diary, "127.0.0.1:80").await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.abort();
        settle().await;
        assert_eq!(log.take(), ["client: made", "client: lost ConnectionReset"]);
        assert!(reports.take().is_empty());
    });
}

/// 15.9
#[test]
fn a_protocol_that_panics_over_data_or_their_end_loses_its_connection() {
    for (call, method) in [("data", "data_received"), ("eof", "eof_received")] {
        simrun::run(async move {
            let (log, reports) = (Log::default(), reports());
            let (client, server) = diaries(&log);
            let pair = Pair::new(client, server.on(call, |_| panic!("oops"))).await;
            log.take();
            pair.client
                .write(if call == "data" { b"hello" } else { b"" });
            pair.client.write_eof();
            settle().await;
            let lines = log.take();
            assert!(
                lines[0].starts_with(&format!("server: {call}")),
                "{lines:?}"
            );
            assert_eq!(lines[1], "server: lost Other");
            let expected = format!("fatal error: protocol.{method}() call failed: oops");
            assert_eq!(reports.take(), [expected]);
        });
    }
}

/// 15.9
#[test]
fn a_protocol_that_panics_at_the_beginning_keeps_its_connection() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let (client, server) = diaries(&log);
        let pair = Pair::new(client, server.on("made", |_| panic!("oops"))).await;
        pair.client.write(b"hello");
        settle().await;
        assert_eq!(
            log.take(),
            ["client: made", "server: made", "server: data hello"]
        );
        assert_eq!(reports.take(), ["a callback panicked: oops"]);
    });
}

/// 15.9
#[test]
fn a_protocol_that_panics_at_the_end_or_when_it_is_paused_is_reported() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let (client, server) = diaries(&log);
        let client = client
            .on("pause", |_| panic!("one"))
            .on("resume", |_| panic!("two"))
            .on("lost", |_| panic!("three"));
        let pair = Pair::new(client, server).await;
        pair.client.write(&[0; PLENTY]);
        settle().await;
        pair.client.close();
        settle().await;
        let expected = [
            "protocol.pause_writing() failed: one",
            "protocol.resume_writing() failed: two",
            "a callback panicked: three",
        ];
        assert_eq!(reports.take(), expected);
        assert_eq!(log.take().last().unwrap(), "server: lost well");
        pair.listening.close();
        pair.listening.wait_closed().await;
    });
}

#[test]
fn a_protocol_that_always_panics_neither_hangs_nor_leaks() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let calls = ["made", "data", "eof", "pause", "resume", "lost"];
        let angry = |diary: Diary| {
            calls
                .iter()
                .fold(diary, |diary, call| diary.on(call, |_| panic!("angry")))
        };
        let kept = Rc::new(());
        let holds = kept.clone();
        let (client, server) = diaries(&log);
        let client = angry(client).on("never", move |_| drop(holds.clone()));
        let pair = Pair::new(
            client,
            angry(server.on("made", |to| to.write(&[0; PLENTY]))),
        )
        .await;
        settle().await;
        assert!(reports.take().len() >= 4);
        pair.listening.close();
        pair.listening.wait_closed().await;
        assert_eq!(Rc::strong_count(&kept), 1, "the protocol is gone");
    });
}

#[test]
#[expect(clippy::await_holding_lock, reason = "that is the mistake it is about")]
fn a_lock_that_is_held_while_the_protocol_is_called_ends_the_connection_with_a_word_why() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let server = log.clone();
        let greet = move || Diary::new(&server, "server").on("made", |to| to.write(b"hello"));
        let _server = create_server(greet, "127.0.0.1:80").await.unwrap();
        let diary = || Diary::new(&log, "client");
        let (transport, client) = create_connection(diary, "127.0.0.1:80").await.unwrap();
        let held = client.lock().unwrap();
        settle().await;
        drop(held);
        let report = reports.take().remove(0);
        assert!(
            report.contains("let go of the lock before awaiting"),
            "{report}"
        );
        assert!(transport.is_closing());
    });
}

#[test]
fn a_transport_of_another_run_is_refused() {
    let (sender, receiver) = std::sync::mpsc::channel();
    simrun::run(async move {
        let (client, server) = diaries(&Log::default());
        let pair = Pair::new(client, server).await;
        sender.send(pair.client).unwrap();
    });
    simrun::run(async move {
        let transport = receiver.recv().unwrap();
        let refused = catch_unwind(AssertUnwindSafe(|| transport.write(b"hello")));
        assert!(refused.is_err());
    });
}

#[test]
fn what_a_crashed_host_had_is_gone_without_a_word() {
    simrun::run(async {
        let (log, kept) = (Log::default(), Rc::new(()));
        let (server, holds) = (log.clone(), kept.clone());
        let machine = host::start("server", move || {
            let (log, holds) = (server.clone(), holds.clone());
            async move {
                let factory = move || {
                    let holds = holds.clone();
                    Diary::new(&log, "server").on("never", move |_| drop(holds.clone()))
                };
                let server = create_server(factory, "0.0.0.0:80").await.unwrap();
                let _ = server.serve_forever().await;
            }
        });
        settle().await;
        let diary = || Diary::new(&log, "client");
        let (transport, _) = create_connection(diary, "server:80").await.unwrap();
        settle().await;
        log.take();
        machine.crash_with_resets();
        settle().await;
        assert_eq!(log.take(), ["client: lost ConnectionReset"]);
        assert!(transport.is_closing());
        assert_eq!(Rc::strong_count(&kept), 2, "the host's own, and this one");
    });
}
