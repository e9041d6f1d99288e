//! Sockets within a host.

use std::io::ErrorKind;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::host;
use simrun::net::local::{self, LocalDatagram, LocalListener, LocalStream};

#[test]
fn a_path_belongs_to_one_host_and_stays_in_the_way_until_it_is_removed() {
    simrun::run(async {
        let listener = LocalListener::bind("/run/a").unwrap();
        let taken = LocalListener::bind("/run/a").unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let elsewhere = host::start("elsewhere", || async {
            let unknown = LocalStream::connect("/run/a").await.unwrap_err();
            assert_eq!(unknown.kind(), ErrorKind::NotFound);
            LocalListener::bind("/run/a").unwrap();
        });
        elsewhere.join().await.unwrap();
        drop(listener);
        let refused = LocalStream::connect("/run/a").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(LocalListener::bind("/run/a").is_err());
        local::remove("/run/a").unwrap();
        assert!(local::remove("/run/a").is_err());
        LocalListener::bind("/run/a").unwrap();
    });
}

#[test]
fn the_two_of_a_pair_talk_to_each_other() {
    simrun::run(async {
        let (mut one, mut other) = LocalStream::pair().await.unwrap();
        one.write_all(b"ping").await.unwrap();
        one.shutdown(std::net::Shutdown::Write).unwrap();
        let mut word = String::new();
        other.read_to_string(&mut word).await.unwrap();
        other.write_all(b"pong").await.unwrap();
        drop(other);
        one.read_to_string(&mut word).await.unwrap();
        assert_eq!(word, "pingpong");
    });
}

#[test]
fn datagrams_say_from_which_path_they_come() {
    simrun::run(async {
        let (a, b) = (
            LocalDatagram::bind("a").unwrap(),
            LocalDatagram::bind("b").unwrap(),
        );
        a.send_to(b"one", "b").await.unwrap();
        let mut word = [0; 3];
        let (length, from) = b.recv_from(&mut word).await.unwrap();
        assert_eq!((length, from.as_deref()), (3, Some("a")));
        assert_eq!(
            a.send_to(b"two", "c").await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    });
}
