//! Datagrams.

use std::net::SocketAddr;

use super::account::{Account, any_port};
use super::network::{Datagrams, Network};

/// Makes two sockets that know each other's addresses.
async fn two<N: Network>() -> (N::Datagrams, N::Datagrams) {
    let (one, two) = (N::bind(any_port()).await, N::bind(any_port()).await);
    (one.unwrap(), two.unwrap())
}

/// Returns an address of the machine that nobody is at.
async fn nobody<N: Network>() -> SocketAddr {
    N::bind(any_port()).await.unwrap().local()
}

pub(crate) async fn a_datagram_is_answered<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    account.send_to("one", &one, "question", two.local()).await;
    let mut text = [0; 64];
    let (count, from) = two.receive(&mut text).await.unwrap();
    account.see("bytes", count);
    account.see("from", from == one.local());
    account.send_to("two", &two, "answer", from).await;
    account.receive("one", &one, 64).await;
    account.receive("one", &one, 64).await;
}

pub(crate) async fn a_connected_socket_hears_that_nobody_is_there<N: Network>(
    account: &mut Account<N>,
) {
    let socket = N::bind(any_port()).await.unwrap();
    account.note("connects", socket.connect(nobody::<N>().await).await);
    account.send("it", &socket, "anyone?").await;
    account.receive("it", &socket, 64).await;
    account.receive("it", &socket, 64).await;
    account.send("it", &socket, "anyone?").await;
    account.send("it", &socket, "anyone?").await;
    account.send("it", &socket, "anyone?").await;
    let mut text = [0; 64];
    let peeked = N::at_once(socket.peek(&mut text)).await;
    account.note("it peeks", peeked.map(|(count, _)| count));
    account.receive("it", &socket, 64).await;
}

pub(crate) async fn a_socket_that_is_not_connected_hears_nothing<N: Network>(
    account: &mut Account<N>,
) {
    let socket = N::bind(any_port()).await.unwrap();
    let nobody = nobody::<N>().await;
    for _ in 0..3 {
        account.send_to("it", &socket, "anyone?", nobody).await;
        account.receive("it", &socket, 64).await;
    }
}

pub(crate) async fn what_does_not_fit_is_lost<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    account
        .send_to("one", &one, "a long one", two.local())
        .await;
    account.send_to("one", &one, "short", two.local()).await;
    account.receive("two", &two, 4).await;
    account.receive("two", &two, 0).await;
    account.receive("two", &two, 64).await;
}

pub(crate) async fn a_datagram_may_be_empty<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    account.send_to("one", &one, "", two.local()).await;
    account.send_to("one", &one, "not empty", two.local()).await;
    account.receive("two", &two, 64).await;
    account.receive("two", &two, 64).await;
}

pub(crate) async fn a_peek_leaves_it_where_it_is<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    account.send_to("one", &one, "peeked at", two.local()).await;
    for room in [4, 64] {
        let mut text = vec![0; room];
        let peeked = N::at_once(two.peek(&mut text)).await;
        let same = |(count, from): (usize, SocketAddr)| (count, from == one.local());
        account.note("two peeks", peeked.map(same));
    }
    account.receive("two", &two, 64).await;
    let peeked = N::at_once(two.peek(&mut [0; 64])).await;
    account.note("two peeks", peeked.map(|(count, _)| count));
}

pub(crate) async fn a_connected_socket_receives_from_one_only<N: Network>(
    account: &mut Account<N>,
) {
    let (one, two) = two::<N>().await;
    let stranger = N::bind(any_port()).await.unwrap();
    two.connect(one.local()).await.unwrap();
    account
        .send_to("stranger", &stranger, "hello", two.local())
        .await;
    account.receive("two", &two, 64).await;
    account.send_to("one", &one, "hello", two.local()).await;
    account.receive("two", &two, 64).await;
    account
        .send_to("two", &two, "all the same", stranger.local())
        .await;
    account.receive("stranger", &stranger, 64).await;
    account.note("two's other", two.remote().map(|it| it == one.local()));
    account.note("one's other", one.remote());
}

pub(crate) async fn what_came_before_a_connect_is_kept<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    let stranger = N::bind(any_port()).await.unwrap();
    account
        .send_to("stranger", &stranger, "early", two.local())
        .await;
    two.connect(one.local()).await.unwrap();
    account.receive("two", &two, 64).await;
    two.connect(stranger.local()).await.unwrap();
    account.send("two", &two, "hello").await;
    account.receive("stranger", &stranger, 64).await;
}

pub(crate) async fn an_address_can_be_bound_once<N: Network>(account: &mut Account<N>) {
    let socket = N::bind(any_port()).await.unwrap();
    let port = socket.local().port();
    for address in [[127, 0, 0, 1], [0, 0, 0, 0], [127, 0, 0, 2], [192, 0, 2, 1]] {
        let bound = N::bind(SocketAddr::from((address, port))).await;
        account.note(&format!("{address:?}"), bound.map(drop));
    }
    let address = socket.local();
    drop(socket);
    account.note("the same", N::bind(address).await.map(drop));
}

pub(crate) async fn a_socket_at_any_address_says_which_once_it_is_connected<N: Network>(
    account: &mut Account<N>,
) {
    let socket = N::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await.unwrap();
    account.see("at", socket.local().ip());
    let other = N::bind(any_port()).await.unwrap();
    account.send_to("it", &socket, "hello", other.local()).await;
    let (_, from) = other.receive(&mut [0; 64]).await.unwrap();
    account.see("from", from.ip());
    socket.connect(other.local()).await.unwrap();
    account.see("at", socket.local().ip());
}

pub(crate) async fn datagrams_come_in_order_and_apart<N: Network>(account: &mut Account<N>) {
    let (one, two) = two::<N>().await;
    for number in 0..20 {
        one.send_to(format!("{number}").as_bytes(), two.local())
            .await
            .unwrap();
    }
    N::settle().await;
    for _ in 0..21 {
        account.receive("two", &two, 64).await;
    }
}

pub(crate) async fn the_longest_datagram_arrives_and_none_is_longer<N: Network>(
    account: &mut Account<N>,
) {
    let (one, two) = two::<N>().await;
    let longest = "x".repeat(65_507);
    let sent = one.send_to(longest.as_bytes(), two.local()).await;
    account.note("the longest", sent);
    let received = two.receive(&mut vec![0; 70_000]).await;
    account.note("two receives", received.map(|(count, _)| count));
    let sent = one.send_to(&[0; 65_508], two.local()).await;
    account.see("a longer one is sent", sent.is_ok());
}
