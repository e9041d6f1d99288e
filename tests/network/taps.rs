//! Taps: what they see, and what they do to packets.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::assure::FailureKind;
use simrun::net::{self, Link, PacketKind, TcpListener, TcpStream, UdpSocket, Verdict};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Sim, Strategy, event_loop, host, spawn};

use crate::diary::{reports, settle};

/// Starts a host that reads to the end of each connection, and says how long it was.
fn counting() -> host::Host {
    host::start("counting", || async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            if stream.read_to_end(&mut all).await.is_ok() {
                let _ = stream.write_all(&(all.len() as u32).to_be_bytes()).await;
            }
        }
    })
}

/// Sends so many bytes to be counted; returns how many were.
async fn count(bytes: usize) -> u32 {
    let mut stream = TcpStream::connect("counting:80").await.unwrap();
    stream.write_all(&vec![7; bytes]).await.unwrap();
    stream.close().await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    u32::from_be_bytes(answer)
}

/// Binds two sockets of this host.
async fn two_sockets() -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind("127.0.0.1:1").await.unwrap();
    let two = UdpSocket::bind("127.0.0.1:2").await.unwrap();
    one.connect("127.0.0.1:2").await.unwrap();
    (one, two)
}

/// Receives so many datagrams of one byte.
async fn receive(socket: &UdpSocket, many: usize) -> Vec<u8> {
    let mut received = Vec::new();
    for _ in 0..many {
        let mut byte = [0];
        socket.recv(&mut byte).await.unwrap();
        received.push(byte[0]);
    }
    received
}

#[test]
fn a_tap_sees_a_connection_from_its_first_packet_to_its_last() {
    simrun::run(async {
        let _host = counting();
        sleep(millis(1)).await;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let notes = seen.clone();
        let tap = net::tap(move |packet| {
            assert!(packet.is_tcp() && !packet.is_udp());
            assert_eq!(packet.sent_at(), now());
            let port = packet.from_addr().port().min(packet.to_addr().port());
            assert_eq!(port, 80);
            let (from, kind) = (packet.from_host().to_owned(), packet.kind());
            notes
                .borrow_mut()
                .push((from, packet.nth(), kind, packet.payload().len()));
            Verdict::Pass
        });
        assert_eq!(count(5_000).await, 5_000);
        drop(tap);
        assert_eq!(count(10).await, 10);
        let seen = seen.take();
        let from = |host: &str| {
            let own = seen.iter().filter(|(from, ..)| from == host);
            own.map(|(_, nth, kind, length)| (*nth, *kind, *length))
                .collect::<Vec<_>>()
        };
        use PacketKind::{Ack, Data, Fin, Syn, SynAck};
        let expected = [
            (0, Syn, 0),
            (1, Ack, 0),
            (2, Data, 1_460),
            (3, Data, 1_460),
            (4, Data, 1_460),
            (5, Data, 620),
            (6, Fin, 0),
        ];
        assert_eq!(from("local")[..7], expected);
        let expected = [(0, SynAck, 0), (1, Data, 4), (2, Fin, 0)];
        assert_eq!(from("counting"), expected);
    });
}

#[test]
fn the_third_data_packet_is_dropped_and_sent_again() {
    simrun::run(async {
        let _host = counting();
        sleep(millis(1)).await;
        let (data, seen) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let notes = seen.clone();
        let _tap = net::tap(move |packet| {
            if packet.kind() != PacketKind::Data || packet.to_host() != "counting" {
                return Verdict::Pass;
            }
            data.set(data.get() + 1);
            notes
                .borrow_mut()
                .push((packet.sent_at(), packet.payload().len()));
            if data.get() == 3 {
                Verdict::Drop
            } else {
                Verdict::Pass
            }
        });
        let before = now();
        assert_eq!(count(5_000).await, 5_000);
        let seen = seen.take();
        let lengths: Vec<usize> = seen.iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths, [1_460, 1_460, 1_460, 620, 1_460]);
        let again = seen[4].0 - seen[2].0;
        assert_eq!(again, millis(200), "Linux's first time-out");
        assert!(now() - before < millis(210));
    });
}

#[test]
fn requests_that_are_dropped_are_repeated_and_counted() {
    simrun::run(async {
        let _host = counting();
        sleep(millis(1)).await;
        let requests = Rc::new(Cell::new(0));
        let counter = requests.clone();
        let _tap = net::tap(move |packet| match packet.kind() {
            PacketKind::Syn => {
                counter.set(counter.get() + 1);
                if counter.get() <= 2 {
                    Verdict::Drop
                } else {
                    Verdict::Pass
                }
            }
            _ => Verdict::Pass,
        });
        let before = now();
        assert_eq!(count(1).await, 1);
        assert_eq!(requests.get(), 3);
        // After one second, and after two more.
        assert_eq!((now() - before).as_secs(), 3);
    });
}

#[test]
fn a_datagram_that_is_delayed_is_overtaken() {
    simrun::run(async {
        let (one, two) = two_sockets().await;
        let _tap = net::tap(|packet| match packet.payload() {
            [1] => Verdict::Delay(millis(5)),
            _ => Verdict::Pass,
        });
        for byte in 0..4 {
            one.send(&[byte]).await.unwrap();
        }
        assert_eq!(receive(&two, 4).await, [0, 2, 3, 1]);
        assert_eq!(now().since_start(), millis(5) + simrun::time::micros(10));
    });
}

#[test]
fn what_comes_after_a_delayed_packet_of_a_connection_waits_for_it() {
    simrun::run(async {
        let _host = counting();
        sleep(millis(1)).await;
        let _tap = net::tap(|packet| match packet.payload() {
            [7, ..] if packet.payload().len() == 1_460 => Verdict::Delay(secs(1)),
            _ => Verdict::Pass,
        });
        let before = now();
        assert_eq!(count(1_500).await, 1_500);
        assert_eq!((now() - before).as_secs(), 1);
    });
}

#[test]
fn a_datagram_is_doubled_and_a_connection_does_not_notice() {
    simrun::run(async {
        let _host = counting();
        let (one, two) = two_sockets().await;
        let _tap = net::tap(|_| Verdict::Duplicate(millis(1)));
        one.send(&[1]).await.unwrap();
        one.send(&[2]).await.unwrap();
        assert_eq!(receive(&two, 4).await, [1, 2, 1, 2]);
        assert_eq!(count(5_000).await, 5_000);
    });
}

#[test]
fn several_taps_see_a_packet_in_the_order_in_which_they_were_made() {
    simrun::run(async {
        let (one, two) = two_sockets().await;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let tap = |name: char, verdict: fn(u8) -> Verdict| {
            let seen = seen.clone();
            net::tap(move |packet| {
                let byte = packet.payload()[0];
                seen.borrow_mut().push((name, byte));
                verdict(byte)
            })
        };
        let by = |byte: u8| Verdict::Delay(millis(u64::from(byte)));
        let (a, b, c) = (
            tap('a', by),
            tap('b', |byte| {
                if byte == 2 {
                    Verdict::Drop
                } else {
                    Verdict::Pass
                }
            }),
            tap('c', by),
        );
        for byte in 1..=3 {
            one.send(&[byte]).await.unwrap();
        }
        let expected = [
            ('a', 1),
            ('b', 1),
            ('c', 1),
            ('a', 2),
            ('b', 2),
            ('a', 3),
            ('b', 3),
            ('c', 3),
        ];
        assert_eq!(seen.take(), expected);
        assert_eq!(receive(&two, 2).await, [1, 3]);
        assert_eq!((now().since_start()).as_millis(), 6, "delays add up");
        drop(b);
        one.send(&[2]).await.unwrap();
        assert_eq!(seen.take(), [('a', 2), ('c', 2)]);
        a.detach();
        drop(c);
        one.send(&[4]).await.unwrap();
        assert_eq!(seen.take(), [('a', 4)]);
    });
}

#[test]
fn a_tap_sees_packets_on_a_link_that_is_cut_and_the_answers_to_datagrams_for_nobody() {
    simrun::run(async {
        let host = counting();
        let (seen, kinds) = (Rc::new(RefCell::new(Vec::new())), Rc::default());
        let (notes, kind): (_, Rc<Cell<Option<bool>>>) = (seen.clone(), kinds);
        let noted = kind.clone();
        let _tap = net::tap(move |packet| {
            notes.borrow_mut().push(packet.kind());
            noted.set(Some(packet.is_udp()));
            Verdict::Pass
        });
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let nobody = SocketAddr::new(host.addresses()[0], 9);
        socket.send_to(b"one", nobody).await.unwrap();
        settle().await;
        assert_eq!(seen.take(), [PacketKind::Datagram, PacketKind::Unreachable]);
        assert_eq!(kind.get(), Some(true));
        net::cut("local", "counting");
        socket.send_to(b"two", nobody).await.unwrap();
        settle().await;
        assert_eq!(seen.take(), [PacketKind::Datagram]);
    });
}

#[test]
fn what_a_link_holds_is_seen_once() {
    simrun::run(async {
        let _host = counting();
        sleep(millis(1)).await;
        let seen = Rc::new(Cell::new(0));
        let counter = seen.clone();
        let _tap = net::tap(move |packet| {
            let is_ours = packet.payload().first() == Some(&7);
            counter.set(counter.get() + u32::from(is_ours));
            Verdict::Pass
        });
        let mut stream = TcpStream::connect("counting:80").await.unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        net::hold("local", "counting");
        stream.write_all(&[7; 10]).await.unwrap();
        socket.send_to(&[7], "counting:9").await.unwrap();
        sleep(secs(1)).await;
        net::heal_all();
        sleep(secs(1)).await;
        assert_eq!(seen.get(), 2);
    });
}

#[test]
fn a_tap_that_panics_fails_the_run_and_says_over_which_packet() {
    let run = Sim::new().run(|| async {
        let (one, two) = two_sockets().await;
        net::tap(|packet| panic!("{} bytes", packet.payload().len())).detach();
        one.send(&[1]).await.unwrap();
        one.send(&[2]).await.unwrap();
        // What it was shown goes on.
        assert_eq!(receive(&two, 2).await, [1, 2]);
    });
    let failure = run.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Unhandled);
    let text = failure.to_string();
    let expected = "a tap panicked over Datagram 127.0.0.1:1 > 127.0.0.1:2, 1 bytes, \
                    number 0 from local to local: 1 bytes";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_tap_that_uses_the_network_is_told_to_spawn_that() {
    simrun::run(async {
        let reports = reports();
        let (one, two) = two_sockets().await;
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:3").await.unwrap());
        let sends = socket.clone();
        net::tap(move |_| {
            sends
                .try_send_to(b"x", "127.0.0.1:2".parse().unwrap())
                .unwrap();
            Verdict::Pass
        })
        .detach();
        one.send(&[1]).await.unwrap();
        let report = reports.take().remove(0);
        assert!(
            report.contains("spawns what else is to be done"),
            "{report}"
        );
        let has_spawned = Cell::new(false);
        let tap = net::tap(move |_| {
            if !has_spawned.replace(true) {
                let socket = socket.clone();
                spawn(async move { socket.send_to(&[2], "127.0.0.1:2").await.unwrap() }).detach();
            }
            Verdict::Drop
        });
        one.send(&[1]).await.unwrap();
        drop(tap);
        assert_eq!(receive(&two, 2).await, [1, 2]);
        assert!(reports.take().is_empty());
    });
}

#[test]
fn a_tap_can_end_itself_and_what_it_holds_is_let_go() {
    simrun::run(async {
        let (one, two) = two_sockets().await;
        let (own, kept) = (Rc::new(RefCell::new(None)), Rc::new(()));
        let (itself, holds) = (own.clone(), kept.clone());
        own.replace(Some(net::tap(move |_| {
            let _holds = &holds;
            itself.take();
            Verdict::Drop
        })));
        one.send(&[1]).await.unwrap();
        one.send(&[2]).await.unwrap();
        assert_eq!(receive(&two, 1).await, [2]);
        drop(net::tap(|_| Verdict::Drop));
        assert_eq!(Rc::strong_count(&kept), 1);
    });
}

#[test]
fn a_tap_that_lets_everything_pass_changes_nothing() {
    let run = |taps: bool| {
        Sim::new()
            .seed(5)
            .strategy(Strategy::random())
            .run(move || async move {
                let _host = counting();
                net::set_default_link(Link::new().loss(0.1).jitter(millis(1)));
                event_loop::call_later(millis(300), || ());
                let tap = taps.then(|| net::tap(|_| Verdict::Pass));
                sleep(millis(1)).await;
                assert_eq!(count(20_000).await, 20_000);
                drop(tap);
            })
    };
    let (without, with) = (run(false), run(true));
    assert!(without.outcome().is_passed(), "{}", without.outcome());
    assert_eq!(without.fingerprint(), with.fingerprint());
}
