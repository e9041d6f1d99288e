//! Listeners, ports and addresses.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use super::account::{Account, any_port};
use super::network::{Listener, Network, Stream};

/// Takes note of whether a listener was made.
fn note_bound<N: Network>(account: &mut Account<N>, act: &str, made: io::Result<N::Listener>) {
    account.note(act, made.map(drop));
}

pub(crate) async fn nobody_listens_and_the_client_is_refused<N: Network>(account: &mut Account<N>) {
    let address = N::listen(any_port()).await.unwrap().local();
    account.note("client connects", N::connect(address).await.map(drop));
    let listener = N::listen(address).await.unwrap();
    account.note("client connects", N::connect(address).await.map(drop));
    drop(listener);
    account.note("client connects", N::connect(address).await.map(drop));
}

pub(crate) async fn a_listener_goes_and_its_connections_stay<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "hello").await;
    account.read("server", &mut server).await;
    let address = client.remote();
    account.note("another connects", N::connect(address).await.map(drop));
    account.write("server", &mut server, "hello").await;
    account.read("client", &mut client).await;
}

pub(crate) async fn a_connection_that_nobody_accepted_is_reset<N: Network>(
    account: &mut Account<N>,
) {
    let listener = N::listen(any_port()).await.unwrap();
    let mut client = N::connect(listener.local()).await.unwrap();
    N::settle().await;
    drop(listener);
    N::settle().await;
    account.read("client", &mut client).await;
    account.read("client", &mut client).await;
    account.write("client", &mut client, "late").await;
}

pub(crate) async fn a_client_that_does_not_wait_is_accepted<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let mut client = N::connect(listener.local()).await.unwrap();
    account.write("client", &mut client, "gone").await;
    drop(client);
    N::settle().await;
    let (mut server, _) = listener.accept().await.unwrap();
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn a_client_that_aborts_is_accepted_and_reset<N: Network>(
    account: &mut Account<N>,
) {
    let listener = N::listen(any_port()).await.unwrap();
    let client = N::connect(listener.local()).await.unwrap();
    client.abort();
    N::settle().await;
    let (mut server, _) = listener.accept().await.unwrap();
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn nobody_comes<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let accepted = N::at_once(listener.accept()).await;
    account.note("accepts", accepted.map(|(_, from)| from.ip()));
    let client = N::connect(listener.local()).await.unwrap();
    let accepted = N::at_once(listener.accept()).await;
    account.note("accepts", accepted.map(|(_, from)| from == client.local()));
}

pub(crate) async fn connections_are_accepted_in_the_order_in_which_they_came<N: Network>(
    account: &mut Account<N>,
) {
    let listener = N::listen(any_port()).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(N::connect(listener.local()).await.unwrap());
    }
    for client in clients {
        let (server, from) = listener.accept().await.unwrap();
        let same = (from, server.remote()) == (client.local(), client.local());
        account.see("the next one", same);
    }
}

pub(crate) async fn one_listener_serves_two_clients_apart<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let (mut one, mut with_one) = account.connect_to(&listener).await;
    let (mut two, mut with_two) = account.connect_to(&listener).await;
    account.write("one", &mut one, "first").await;
    account.write("two", &mut two, "second").await;
    account.read("server", &mut with_two).await;
    account.read("server", &mut with_one).await;
    drop(one);
    N::settle().await;
    account.read("server", &mut with_one).await;
    account.read("server", &mut with_two).await;
}

pub(crate) async fn both_ends_agree_on_their_addresses<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let (client, server) = account.connect_to(&listener).await;
    account.see("the client's", client.remote() == listener.local());
    account.see("the server's", server.local() == listener.local());
    account.see("the other's", server.remote() == client.local());
    account.see("from", client.local().ip());
    account.see(
        "another port",
        client.local().port() != server.local().port(),
    );
}

pub(crate) async fn an_address_can_be_listened_at_once<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let address = listener.local();
    note_bound(account, "the same", N::listen(address).await);
    let any = SocketAddr::from(([0, 0, 0, 0], address.port()));
    note_bound(account, "any address", N::listen(any).await);
    let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
    note_bound(account, "another address", N::listen(other).await);
    drop(listener);
    note_bound(account, "the same", N::listen(address).await);
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    note_bound(account, "not the machine's", N::listen(elsewhere).await);
}

pub(crate) async fn a_port_with_connections_can_be_listened_at_again<N: Network>(
    account: &mut Account<N>,
) {
    let listener = N::listen(any_port()).await.unwrap();
    let address = listener.local();
    let (mut client, server) = account.connect_to(&listener).await;
    drop(listener);
    note_bound(account, "while it is used", N::listen(address).await);
    drop(server);
    N::settle().await;
    account.read("client", &mut client).await;
    drop(client);
    note_bound(account, "after the server closed", N::listen(address).await);
}

pub(crate) async fn any_port_is_a_port_of_its_own<N: Network>(account: &mut Account<N>) {
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(N::listen(any_port()).await.unwrap());
    }
    let ports: BTreeSet<u16> = listeners.iter().map(|one| one.local().port()).collect();
    account.see("ports", ports.len());
    account.see("none is 0", !ports.contains(&0));
}

pub(crate) async fn any_address_is_every_address<N: Network>(account: &mut Account<N>) {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let listener = N::listen(any).await.unwrap();
    account.see("listens at", listener.local().ip());
    for address in [[127, 0, 0, 1], [127, 0, 0, 2], [0, 0, 0, 0]] {
        let to = SocketAddr::from((address, listener.local().port()));
        let client = N::connect(to).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        account.see("from", client.local().ip());
        account.see("to", client.remote().ip());
        account.see("at", server.local().ip());
    }
}

pub(crate) async fn another_address_of_the_machine_is_not_listened_at<N: Network>(
    account: &mut Account<N>,
) {
    let listener = N::listen(any_port()).await.unwrap();
    let other = SocketAddr::from(([127, 0, 0, 2], listener.local().port()));
    account.note("client connects", N::connect(other).await.map(drop));
}

pub(crate) async fn both_protocols_have_ports_of_their_own<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(any_port()).await.unwrap();
    let socket = N::bind(listener.local()).await;
    account.note("the same port", socket.map(drop));
}
