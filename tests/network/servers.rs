//! Servers: how they begin, go on and end; and how connections to them are made.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;

use futures::AsyncReadExt;
use simrun::net::{
    self, ConnectOptions, Server, ServerOptions, StreamReader, StreamWriter, TcpListener,
    TcpStream, create_connection, create_connection_with, create_server, create_server_with,
    open_connection, open_connection_with, start_server, start_server_with,
};
use simrun::time::{micros, millis, now, secs, sleep, timeout};
use simrun::{Sim, event_loop, host, spawn, task};

use crate::diary::{Diary, Log, Pair, reports, settle};

async fn quiet_server(log: &Log) -> Server {
    let log = log.clone();
    let factory = move || Diary::new(&log, "server");
    create_server(factory, "127.0.0.1:80").await.unwrap()
}

/// 16.1
#[test]
fn a_server_listens_at_once_and_yields_one_iteration() {
    simrun::run(async {
        let log = Log::default();
        let server = create_server(
            {
                let log = log.clone();
                move || Diary::new(&log, "server")
            },
            "127.0.0.1:0",
        );
        let soon = log.clone();
        event_loop::call_soon(move || soon.note("one iteration"));
        let server = server.await.unwrap();
        assert_eq!(log.take(), ["one iteration"]);
        assert!(server.is_serving());
        assert_ne!(server.addresses()[0].port(), 0);
        server.start_serving().await.unwrap();
        let _client = TcpStream::connect(server.addresses()[0]).await.unwrap();
        settle().await;
        assert_eq!(log.take(), ["server: made"]);
    });
}

/// 16.1
#[test]
fn closing_a_server_ends_the_listening_and_leaves_its_connections() {
    simrun::run(async {
        let log = Log::default();
        let pair = Pair::new(Diary::new(&log, "client"), Diary::new(&log, "server")).await;
        pair.listening.close();
        pair.listening.close();
        assert!(!pair.listening.is_serving());
        assert!(pair.listening.addresses().is_empty());
        assert!(pair.listening.start_serving().await.is_err());
        let refused = TcpStream::connect("127.0.0.1:80").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        log.take();
        pair.client.write(b"still here");
        settle().await;
        assert_eq!(log.take(), ["server: data still here"]);
        // The address is free.
        quiet_server(&log).await;
    });
}

/// 16.1: with `start_serving=False`, asyncio binds the address and does not yield.
#[test]
fn a_server_that_serves_later_refuses_connections_until_it_is_told_to_serve() {
    simrun::run(async {
        let log = Log::default();
        let diaries = log.clone();
        let soon = log.clone();
        event_loop::call_soon(move || soon.note("one iteration"));
        let options = ServerOptions::new().serving_later();
        let factory = move || Diary::new(&diaries, "server");
        let server = create_server_with(options, factory, "127.0.0.1:80").await;
        let server = server.unwrap();
        assert!(log.take().is_empty(), "it has not yielded");
        assert!(!server.is_serving());
        assert_eq!(server.addresses(), ["127.0.0.1:80".parse().unwrap()]);
        let refused = TcpStream::connect("127.0.0.1:80").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = TcpListener::bind("0.0.0.0:80").await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let soon = log.clone();
        log.take();
        event_loop::call_soon(move || soon.note("one iteration"));
        server.start_serving().await.unwrap();
        assert_eq!(log.take(), ["one iteration"]);
        server.start_serving().await.unwrap();
        assert!(server.is_serving());
        let _client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        settle().await;
        assert_eq!(log.take(), ["server: made"]);
        server.close();
        assert!(!server.is_serving());
        let closed = server.start_serving().await.unwrap_err();
        assert_eq!(closed.to_string(), "the server is closed");
    });
}

/// 16.1
#[test]
fn a_server_that_never_served_is_closed_like_any_other() {
    simrun::run(async {
        let options = ServerOptions::new().serving_later();
        let server = start_server_with(options, |_, _| async {}, "127.0.0.1:80").await;
        let server = server.unwrap();
        let waits = spawn({
            let server = server.clone();
            async move { server.wait_closed().await }
        });
        settle().await;
        assert!(!waits.is_done());
        server.close();
        waits.await.unwrap();
        assert!(server.addresses().is_empty());
        TcpListener::bind("127.0.0.1:80").await.unwrap();
    });
}

/// 16.1: for streams, and a server that is to serve for ever begins with that.
#[test]
fn serving_for_ever_begins_to_serve() {
    simrun::run(async {
        let greet = |_: StreamReader, writer: StreamWriter| async move {
            writer.write(b"hello");
            writer.close();
        };
        let options = ServerOptions::new().serving_later().limit(5);
        let server = start_server_with(options, greet, "127.0.0.1:80").await;
        let server = server.unwrap();
        assert!(open_connection("127.0.0.1:80").await.is_err());
        let serves = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        task::yield_now().await;
        assert!(server.is_serving());
        let (mut reader, _writer) = open_connection("127.0.0.1:80").await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"hello");
        serves.cancel();
        assert!(serves.await.unwrap_err().is_cancelled());
        assert!(!server.is_serving());
    });
}

#[test]
fn a_backlog_that_is_full_turns_connections_away_until_there_is_room() {
    simrun::run(async {
        let options = ServerOptions::new().backlog(2);
        let server = start_server_with(options, |_, _| async {}, "127.0.0.1:80").await;
        let before = now();
        let connects = |_| spawn(async { TcpStream::connect("127.0.0.1:80").await.unwrap() });
        let streams = simrun::gather((0..5).map(connects)).await.unwrap();
        assert_eq!(streams.len(), 5);
        assert!(now() - before >= secs(1), "some had to try again");
        server.unwrap().close();
    });
}

/// 16.2
#[test]
fn wait_closed_waits_for_the_end_of_the_listening_and_of_every_connection() {
    simrun::run(async {
        let log = Log::default();
        let pair = Pair::new(Diary::new(&log, "client"), Diary::new(&log, "server")).await;
        let server = pair.listening.clone();
        let waits = spawn(async move { server.wait_closed().await });
        settle().await;
        assert!(!waits.is_done(), "it is open");
        pair.listening.close();
        settle().await;
        assert!(!waits.is_done(), "it has a connection");
        pair.client.close();
        waits.await.unwrap();
        assert_eq!(log.take().last().unwrap(), "server: lost well");
        pair.listening.wait_closed().await;
    });
}

/// 16.2
#[test]
fn a_deadlock_names_the_server_whose_end_is_waited_for() {
    let run = Sim::new().run(|| async {
        quiet_server(&Log::default()).await.wait_closed().await;
    });
    let text = run.failure().unwrap().to_string();
    assert!(text.contains("for end of server `127.0.0.1:80`"), "{text}");
}

/// 16.3
#[test]
fn a_server_closes_or_aborts_its_connections() {
    for abort in [false, true] {
        simrun::run(async move {
            let log = Log::default();
            let server = Diary::new(&log, "server");
            let server = server.on("made", |to| to.set_write_buffer_limits(1_000_000, None));
            let pair = Pair::new(Diary::new(&log, "client"), server).await;
            pair.client.pause_reading();
            pair.server.write(&[0; 300_000]);
            log.take();
            match abort {
                true => pair.listening.abort_clients(),
                false => pair.listening.close_clients(),
            }
            assert!(pair.server.is_closing());
            settle().await;
            let lost: &[&str] = if abort { &["server: lost well"] } else { &[] };
            assert_eq!(log.take(), lost);
            assert!(pair.listening.is_serving());
            pair.client.resume_reading();
            settle().await;
            assert_eq!(log.take().last().unwrap(), "client: lost well");
        });
    }
}

/// 16.4
#[test]
fn a_server_that_serves_for_ever_is_closed_with_its_connections_when_that_is_cancelled() {
    simrun::run(async {
        let log = Log::default();
        let pair = Pair::new(Diary::new(&log, "client"), Diary::new(&log, "server")).await;
        let server = pair.listening.clone();
        let serves = spawn(async move { server.serve_forever().await });
        task::yield_now().await;
        let twice = pair.listening.serve_forever().await.unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::ResourceBusy);
        log.take();
        serves.cancel();
        assert!(serves.await.unwrap_err().is_cancelled());
        assert_eq!(log.take()[0], "server: lost well");
        assert!(!pair.listening.is_serving());
        let closed = pair.listening.serve_forever().await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::NotConnected);
    });
}

/// 16.4
#[test]
fn a_server_that_is_closed_ends_who_serves_it_for_ever_and_so_does_dropping_that() {
    simrun::run(async {
        let log = Log::default();
        let server = quiet_server(&log).await;
        let serves = spawn({
            let server = server.clone();
            async move { server.serve_forever().await }
        });
        task::yield_now().await;
        server.close();
        let closed = serves.await.unwrap().unwrap_err();
        assert_eq!(closed.to_string(), "the server is closed");
        let server = quiet_server(&log).await;
        assert!(timeout(secs(1), server.serve_forever()).await.is_err());
        assert!(!server.is_serving());
    });
}

/// 16.5: asyncio fails an assertion there, of which nobody hears.
#[test]
fn a_connection_is_dropped_whose_server_is_closed_before_its_transport_is_built() {
    simrun::run(async {
        let log = Log::default();
        let server = Rc::new(Cell::new(None::<Server>));
        let (closes, made) = (server.clone(), log.clone());
        let factory = move || {
            closes.take().expect("one connection").close();
            Diary::new(&made, "server")
        };
        server.set(Some(create_server(factory, "127.0.0.1:80").await.unwrap()));
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(log.take().is_empty());
    });
}

#[test]
fn a_factory_that_panics_is_reported_and_its_connection_closed() {
    simrun::run(async {
        let reports = reports();
        let factory = || -> Diary { panic!("no protocol") };
        let server = create_server(factory, "127.0.0.1:80").await.unwrap();
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let expected = "error on transport creation for incoming connection: no protocol";
        assert_eq!(reports.take(), [expected]);
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn more_connections_than_are_accepted_at_a_time_are_all_served() {
    simrun::run(async {
        let greet = |_: StreamReader, writer: StreamWriter| async move {
            writer.write(b"hello");
            writer.close();
        };
        let server = start_server(greet, "127.0.0.1:80").await.unwrap();
        let client = |_| {
            spawn(async {
                let (mut reader, _writer) = open_connection("127.0.0.1:80").await.unwrap();
                reader.read_to_end().await.unwrap()
            })
        };
        let all = simrun::gather((0..300).map(client)).await.unwrap();
        assert!(all.iter().all(|word| word == b"hello"));
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_connection_fails_with_what_every_address_said() {
    simrun::run(async {
        let diary = || -> Diary { unreachable!("there is no connection") };
        let refused = create_connection(diary, "localhost:80")
            .await
            .err()
            .unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(refused.to_string(), "the connection was refused");
        net::set_name(
            "odd",
            ["127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap()],
        );
        let both = open_connection("odd:80").await.unwrap_err();
        let expected = "the connection was refused; no host has the address";
        assert_eq!(both.to_string(), expected);
    });
}

#[test]
fn a_connection_can_be_made_from_an_address() {
    simrun::run(async {
        let log = Log::default();
        let _server = quiet_server(&log).await;
        let options = ConnectOptions::new().local_addr("127.0.0.1:4000".parse().unwrap());
        let diary = || Diary::new(&log, "client");
        let made = create_connection_with(options, diary, "127.0.0.1:80").await;
        let (transport, _) = made.unwrap();
        assert_eq!(transport.local_addr(), "127.0.0.1:4000".parse().unwrap());
        assert_eq!(transport.peer_addr(), "127.0.0.1:80".parse().unwrap());
        let other = open_connection_with(options, "[::1]:80").await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn happy_eyeballs_try_the_next_address_when_one_is_slow_or_fails() {
    simrun::run(async {
        let hosts: Vec<_> = ["slow", "fast"]
            .map(|name| {
                host::start(name, || async {
                    let server = start_server(|_, _| async {}, "0.0.0.0:80").await.unwrap();
                    let _ = server.serve_forever().await;
                })
            })
            .into();
        sleep(millis(1)).await;
        net::cut("local", "slow");
        let slow = net::lookup_host("slow:80").await.unwrap()[0].ip();
        let fast = net::lookup_host("fast:80").await.unwrap()[0].ip();
        net::set_name("both", [slow, fast]);
        let begin = now();
        let options = ConnectOptions::new().happy_eyeballs(millis(250));
        let (_, writer) = open_connection_with(options, "both:80").await.unwrap();
        assert_eq!(writer.peer_addr().ip(), fast);
        let took = now() - begin;
        assert!(took >= millis(250) && took < millis(260), "{took:?}");
        // A failure is no reason to wait.
        net::set_name("both", ["127.0.0.1".parse().unwrap(), fast]);
        let begin = now();
        let (_, writer) = open_connection_with(options, "both:80").await.unwrap();
        assert_eq!(writer.peer_addr().ip(), fast);
        assert!(now() - begin < millis(10));
        // One after the other, that takes as long as a request is repeated.
        net::set_name("both", [slow, fast]);
        let patient = timeout(secs(60), open_connection("both:80")).await;
        assert!(patient.is_err());
        for host in hosts {
            host.crash();
        }
    });
}

#[test]
fn a_connection_that_is_given_up_is_closed() {
    simrun::run(async {
        let log = Log::default();
        let server = quiet_server(&log).await;
        for steps in 0..8 {
            let connects = spawn({
                let log = log.clone();
                let diary = move || Diary::new(&log, "client");
                create_connection(diary, "127.0.0.1:80")
            });
            // Before it is connected, and in each of the iterations after that.
            if steps >= 4 {
                sleep(micros(20)).await;
            }
            for _ in 0..steps % 4 {
                task::yield_now().await;
            }
            if !connects.is_done() {
                connects.cancel();
                let _ = connects.await;
            }
            settle().await;
            server.close_clients();
            settle().await;
        }
        server.close();
        server.wait_closed().await;
        let lines = log.take();
        for end in ["client", "server"] {
            let count = |what| lines.iter().filter(|line| line.starts_with(what)).count();
            let (made, lost) = (format!("{end}: made"), format!("{end}: lost"));
            assert_eq!(count(made.as_str()), count(lost.as_str()), "{lines:?}");
        }
    });
}
