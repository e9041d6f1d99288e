//! What is wrong is said clearly, costs no memory, and loses nothing silently.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::net::{
    self, DatagramProtocol, DatagramTransport, Protocol, TcpListener, TcpStream, Transport,
    UdpSocket, create_connection, create_datagram_endpoint, create_server, lookup_host,
    open_connection, start_server,
};
use simrun::time::{secs, timeout};
use simrun::{Sim, host, spawn};

use crate::diary::{Diary, Log, PLENTY, Pair, diaries, reports, settle};

fn text<T>(result: io::Result<T>) -> String {
    result.err().expect("it fails").to_string()
}

#[test]
fn an_address_that_is_none_is_an_error_that_says_what_is_wrong_with_it() {
    simrun::run(async {
        let cases = [
            (
                "server:99999",
                "`99999` in `server:99999` is not a port: say a number up to 65535",
            ),
            (
                "10.0.0.1:65536",
                "`65536` in `10.0.0.1:65536` is not a port: say a number up to 65535",
            ),
            (
                "server:-1",
                "`-1` in `server:-1` is not a port: say a number up to 65535",
            ),
            (
                "server:",
                "`` in `server:` is not a port: say a number up to 65535",
            ),
            (
                "server",
                "`server` is not an address: say `name:port` or `address:port`",
            ),
            (
                ":80",
                "`:80` is not an address: say `name:port` or `address:port`",
            ),
            (
                "",
                "`` is not an address: say `name:port` or `address:port`",
            ),
            ("nobody:80", "no host is called `nobody`"),
        ];
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let diary = || -> Diary { unreachable!("nobody connects") };
        for (address, expected) in cases {
            assert_eq!(text(lookup_host(address).await), expected);
            assert_eq!(text(TcpListener::bind(address).await), expected);
            assert_eq!(text(TcpStream::connect(address).await), expected);
            assert_eq!(text(UdpSocket::bind(address).await), expected);
            assert_eq!(text(udp.send_to(b"hello", address).await), expected);
            assert_eq!(text(create_connection(diary, address).await), expected);
            assert_eq!(text(create_server(diary, address).await), expected);
            assert_eq!(text(open_connection(address).await), expected);
            assert_eq!(text(start_server(|_, _| async {}, address).await), expected);
        }
    });
}

#[test]
fn addresses_that_overlap_cannot_be_bound_and_others_can() {
    simrun::run(async {
        let host = host::start("two", || async {
            let own = lookup_host("two:80").await.unwrap();
            let own = own.iter().find(|address| address.is_ipv4()).unwrap();
            let all: SocketAddr = "0.0.0.0:80".parse().unwrap();
            let loopback: SocketAddr = "127.0.0.1:80".parse().unwrap();
            let six: SocketAddr = "[::]:80".parse().unwrap();
            let taken = "the address is in use";
            for (first, second) in [(all, *own), (*own, all), (all, loopback), (*own, *own)] {
                let listener = TcpListener::bind(first).await.unwrap();
                assert_eq!(text(TcpListener::bind(second).await), taken);
                let socket = UdpSocket::bind(first).await.unwrap();
                assert_eq!(text(UdpSocket::bind(second).await), taken);
                // Other kinds of addresses are other addresses.
                TcpListener::bind(six).await.unwrap();
                UdpSocket::bind(six).await.unwrap();
                drop((listener, socket));
                TcpListener::bind(second).await.unwrap();
                UdpSocket::bind(second).await.unwrap();
            }
            let both = (
                TcpListener::bind(*own).await,
                TcpListener::bind(loopback).await,
            );
            assert!(both.0.is_ok() && both.1.is_ok());
        });
        host.join().await.unwrap();
        // Where a listener was, another one can be while connections of the first go on.
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        drop(listener);
        let _again = TcpListener::bind("127.0.0.1:80").await.unwrap();
        client.write_all(b"still here").await.unwrap();
        accepted.read_exact(&mut [0; 10]).await.unwrap();
    });
}

#[test]
fn what_is_sent_after_the_end_is_refused_with_a_word_why() {
    simrun::run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let late = text(client.write_all(b"late").await);
        assert_eq!(late, "the connection takes no more bytes from here");
        server.abort();
        settle().await;
        assert_eq!(
            client.read(&mut [0]).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        let broken = client.write(b"late").await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(
            text(socket.send(b"to whom?").await),
            "the socket is not connected"
        );
        let long = text(socket.send_to(&[0; 65_508], "127.0.0.1:9").await);
        assert_eq!(long, "the datagram is too long");
    });
}

#[test]
fn a_writer_that_is_closed_drops_what_is_written_and_says_so_when_it_drains() {
    simrun::run(async {
        let _server = start_server(|_, _| async {}, "127.0.0.1:80").await.unwrap();
        let (_reader, writer) = open_connection("127.0.0.1:80").await.unwrap();
        writer.close();
        writer.write(b"late");
        assert_eq!(writer.transport().write_buffer_size(), 0);
        assert_eq!(text(writer.drain().await), "the connection is lost");
    });
}

/// Panics in one of its callbacks.
struct Angry {
    call: &'static str,
    log: Log,
}

impl Angry {
    fn called(&self, call: &'static str) {
        self.log.note(call);
        assert!(self.call != call, "angry at {call}");
    }
}

impl DatagramProtocol for Angry {
    fn connection_made(&mut self, _: &DatagramTransport) {
        self.called("made");
    }

    fn datagram_received(&mut self, _: &[u8], _: SocketAddr) {
        self.called("received");
    }

    fn error_received(&mut self, _: io::Error) {
        self.called("error");
    }

    fn connection_lost(&mut self, _: Option<&io::Error>) {
        self.called("lost");
    }
}

#[test]
fn a_datagram_protocol_that_panics_is_reported_and_called_on() {
    for call in ["made", "received", "error", "lost"] {
        simrun::run(async move {
            let (log, reports) = (Log::default(), reports());
            let protocol = || Angry {
                call,
                log: log.clone(),
            };
            let seven: SocketAddr = "127.0.0.1:7".parse().unwrap();
            let nine: SocketAddr = "127.0.0.1:9".parse().unwrap();
            let made = create_datagram_endpoint(protocol, seven, nine).await;
            let (transport, _) = made.unwrap();
            transport.sendto(b"nobody is there", None);
            settle().await;
            let friend = UdpSocket::bind(nine).await.unwrap();
            friend.send_to(b"hello", seven).await.unwrap();
            settle().await;
            transport.close();
            settle().await;
            assert_eq!(log.take(), ["made", "error", "received", "lost"]);
            let told = reports.take();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].ends_with(&format!("angry at {call}")), "{told:?}");
            // The address is free again.
            UdpSocket::bind(seven).await.unwrap();
        });
    }
}

#[test]
fn a_protocol_that_panics_in_any_callback_is_reported_and_hears_of_its_end_once() {
    let cases = [
        ("made", "a callback panicked: oops"),
        (
            "data",
            "fatal error: protocol.data_received() call failed: oops",
        ),
        (
            "eof",
            "fatal error: protocol.eof_received() call failed: oops",
        ),
        ("pause", "protocol.pause_writing() failed: oops"),
        ("resume", "protocol.resume_writing() failed: oops"),
        ("lost", "a callback panicked: oops"),
    ];
    for (call, expected) in cases {
        simrun::run(async move {
            let (log, reports) = (Log::default(), reports());
            let (client, server) = diaries(&log);
            let server = server.on("made", |to| to.write(&[0; 10]));
            let pair = Pair::new(client.on(call, |_| panic!("oops")), server).await;
            pair.client.write(&[0; PLENTY]);
            settle().await;
            pair.server.write_eof();
            settle().await;
            pair.client.close();
            settle().await;
            assert_eq!(reports.take(), [expected]);
            let lines = log.take();
            let ends = lines.iter().filter(|line| line.starts_with("client: lost"));
            assert_eq!(ends.count(), 1, "{lines:?}");
            pair.listening.close();
            timeout(secs(1), pair.listening.wait_closed())
                .await
                .unwrap();
        });
    }
}

/// Reads nothing.
struct Deaf;

impl Protocol for Deaf {
    fn connection_made(&mut self, transport: &Transport) {
        transport.pause_reading();
    }

    fn data_received(&mut self, _: &[u8]) {
        unreachable!("it does not read");
    }
}

#[test]
fn a_peer_that_never_reads_stops_the_writer_which_buffers_no_more_than_its_mark() {
    let most = Rc::new(Cell::new(0));
    let seen = most.clone();
    let run = Sim::new().run(move || async move {
        let _server = create_server(|| Deaf, "127.0.0.1:80").await.unwrap();
        let (_reader, writer) = open_connection("127.0.0.1:80").await.unwrap();
        for _ in 0..1_000_000 {
            writer.write(&[0; 1_000]);
            seen.set(writer.transport().write_buffer_size().max(seen.get()));
            writer.drain().await.unwrap();
        }
    });
    let high = 64 << 10;
    assert!(
        (high..=high + 1_000).contains(&most.get()),
        "{}",
        most.get()
    );
    let failure = run.failure().unwrap();
    assert!(failure.deadlock().is_some(), "{failure}");
    let expected = "main waits for room in stream writer `127.0.0.1:32768 - 127.0.0.1:80`";
    assert!(failure.to_string().contains(expected), "{failure}");
}

#[test]
fn a_socket_that_never_reads_stops_the_writer_too() {
    let run = Sim::new().run(|| async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        let _server = listener.accept().await.unwrap();
        client.write_all(&vec![0; 1 << 20]).await.unwrap();
    });
    let failure = run.failure().unwrap();
    assert!(failure.deadlock().is_some(), "{failure}");
    assert!(failure.to_string().contains("main waits for"), "{failure}");
}

#[test]
fn datagrams_that_nobody_receives_are_kept_up_to_a_bound_and_the_rest_is_lost() {
    simrun::run(async {
        let deaf = UdpSocket::bind("127.0.0.1:1").await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for _ in 0..1_000 {
            socket.send_to(&[0; 1_000], "127.0.0.1:1").await.unwrap();
        }
        settle().await;
        let kept = std::iter::from_fn(|| deaf.try_recv_from(&mut [0; 1_000]).ok()).count();
        assert_eq!(kept, (208 << 10) / 1_000);
    });
}

/// As many as in a long conversation, byte by byte.
const TINY: usize = 1_000_000;

#[test]
fn a_million_tiny_writes_arrive_completely_and_are_never_many_at_a_time() {
    simrun::run(async {
        let sum = Rc::new(RefCell::new((0_usize, 0_u64)));
        let sums = sum.clone();
        let count = move |mut reader: net::StreamReader, _writer: net::StreamWriter| {
            let sums = sums.clone();
            async move {
                loop {
                    let bytes = reader.read(1 << 16).await.unwrap();
                    if bytes.is_empty() {
                        return;
                    }
                    let (length, sum) = &mut *sums.borrow_mut();
                    for byte in bytes {
                        *sum += (*length as u64 % 1_000 + 1) * u64::from(byte);
                        *length += 1;
                    }
                }
            }
        };
        let _server = start_server(count, "127.0.0.1:80").await.unwrap();
        let (_reader, writer) = open_connection("127.0.0.1:80").await.unwrap();
        let mut expected = 0;
        let writes = spawn(async move {
            let mut most = 0;
            for place in 0..TINY {
                let byte = (place % 251) as u8;
                expected += (place as u64 % 1_000 + 1) * u64::from(byte);
                writer.write(&[byte]);
                most = most.max(writer.transport().write_buffer_size());
                writer.drain().await.unwrap();
            }
            writer.close();
            writer.wait_closed().await.unwrap();
            (most, expected)
        });
        let (most, expected) = writes.await.unwrap();
        settle().await;
        assert_eq!(most, (64 << 10) + 1, "the mark is reached, and no more");
        assert_eq!(*sum.borrow(), (TINY, expected));
    });
}
