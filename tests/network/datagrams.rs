//! Datagrams: lost, doubled, overtaken, too long, and for many at once.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::Ipv4Addr;

use futures::{SinkExt, StreamExt};
use simrun::host;
use simrun::net::{self, Link, UdpSocket};
use simrun::time::{millis, sleep, timeout};
use simrun::{Sim, Strategy};

/// Sends numbered datagrams over a link and returns what arrives, in order.
async fn pass(link: Link, count: u8) -> Vec<u8> {
    host::start("far", || async {});
    net::set_link("local", "local", Link::new());
    net::set_default_link(link);
    let receiver = host::start("receiver", || async { std::future::pending::<()>().await });
    drop(receiver);
    let inbox = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = inbox.clone();
    host::start("sink", move || {
        let seen = seen.clone();
        async move {
            let socket = UdpSocket::bind("0.0.0.0:7").await.unwrap();
            let mut byte = [0];
            loop {
                socket.recv(&mut byte).await.unwrap();
                seen.lock().unwrap().push(byte[0]);
            }
        }
    });
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    for number in 0..count {
        socket.send_to(&[number], "sink:7").await.unwrap();
        sleep(millis(1)).await;
    }
    sleep(millis(100)).await;
    let seen = inbox.lock().unwrap();
    seen.clone()
}

#[test]
fn a_link_without_faults_delivers_each_once_and_in_order() {
    let arrived = simrun::run(pass(Link::new(), 50));
    assert!(arrived.iter().copied().eq(0..50));
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken_as_the_link_says_and_the_plan_repeats_it() {
    let link = Link::new()
        .loss(0.1)
        .duplication(0.1)
        .reordering(0.2)
        .jitter(millis(2));
    let run = Sim::new().seed(3).write_plan(true).run(|| pass(link, 100));
    let replay = Sim::new().strategy(Strategy::replay(run.plan().clone()));
    let replayed = replay.run(|| pass(link, 100));
    assert_eq!(run.fingerprint(), replayed.fingerprint());
    let arrived = run.unwrap();
    assert_eq!(replayed.unwrap(), arrived);
    let distinct: BTreeSet<u8> = arrived.iter().copied().collect();
    assert!(distinct.len() < 100 && distinct.len() > 70);
    assert!(arrived.len() > distinct.len());
    assert!(!arrived.is_sorted());
    // Without any decision nothing special happens.
    let plain = Sim::new().strategy(Strategy::replay(simrun::chance::Plan::new()));
    assert!(
        plain
            .run(|| pass(link, 100))
            .unwrap()
            .into_iter()
            .eq(0..100)
    );
}

#[test]
fn a_connected_socket_hears_that_nobody_is_there() {
    simrun::run(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect("127.0.0.1:9").await.unwrap();
        socket.send(b"anyone?").await.unwrap();
        let refused = socket.recv(&mut [0]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        other.send_to(b"anyone?", "127.0.0.1:9").await.unwrap();
        assert!(timeout(millis(10), other.recv(&mut [0])).await.is_err());
    });
}

#[test]
fn a_datagram_that_is_too_long_is_refused_and_one_that_does_not_fit_is_cut() {
    simrun::run(async {
        let one = UdpSocket::bind("127.0.0.1:1").await.unwrap();
        let too_long = one.send_to(&[0; 65_508], "127.0.0.1:1").await.unwrap_err();
        assert_eq!(too_long.kind(), ErrorKind::InvalidInput);
        one.send_to(b"long", "127.0.0.1:1").await.unwrap();
        let mut short = [0; 2];
        assert_eq!(one.peek_from(&mut short).await.unwrap().0, 2);
        assert_eq!(one.recv(&mut short).await.unwrap(), 2);
        assert_eq!(&short, b"lo");
        let nothing = one.try_recv_from(&mut short).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_group_hears_what_is_sent_to_it_and_everyone_what_is_broadcast() {
    simrun::run(async {
        let group = Ipv4Addr::new(239, 0, 0, 1);
        for number in 0..3 {
            host::start(format!("member-{number}"), move || async move {
                let socket = UdpSocket::bind("0.0.0.0:5").await.unwrap();
                if number > 0 {
                    socket
                        .join_multicast_v4(group, Ipv4Addr::UNSPECIFIED)
                        .unwrap();
                }
                let mut word = [0; 3];
                loop {
                    let (_, from) = socket.recv_from(&mut word).await.unwrap();
                    socket.send_to(&[number], from).await.unwrap();
                }
            });
        }
        sleep(millis(1)).await;
        let mut socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let you = (b"you".to_vec(), (group, 5).into());
        SinkExt::send(&mut socket, you).await.unwrap();
        let mut answers = BTreeSet::new();
        for _ in 0..2 {
            answers.insert(socket.next().await.unwrap().unwrap().0);
        }
        assert_eq!(answers, BTreeSet::from([vec![1], vec![2]]));
        socket.set_broadcast(true).unwrap();
        let everyone = (Ipv4Addr::BROADCAST, 5).into();
        socket.try_send_to(b"all", everyone).unwrap();
        for _ in 0..3 {
            answers.insert(socket.next().await.unwrap().unwrap().0);
        }
        assert_eq!(answers.len(), 3);
    });
}
