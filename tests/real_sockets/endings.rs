//! How connections end: half, in order, at once, and with something left unread.

use futures::join;

use super::account::Account;
use super::network::{Network, Stream};

pub(crate) async fn the_client_ends_first_and_still_reads<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "question").await;
    account.shut_down("client", &mut client).await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
    for text in ["one", "two"] {
        account.write("server", &mut server, text).await;
        account.read("client", &mut client).await;
    }
    account.read("client", &mut client).await;
    account.shut_down("server", &mut server).await;
    account.read("client", &mut client).await;
}

pub(crate) async fn the_server_ends_first_and_still_reads<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.shut_down("server", &mut server).await;
    account.read("client", &mut client).await;
    account.write("client", &mut client, "still here").await;
    account.read("server", &mut server).await;
    drop(client);
    N::settle().await;
    account.read("server", &mut server).await;
}

pub(crate) async fn the_end_is_read_again_and_again<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.shut_down("client", &mut client).await;
    for _ in 0..3 {
        account.read("server", &mut server).await;
    }
}

pub(crate) async fn an_end_can_be_shut_down_twice<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.shut_down("client", &mut client).await;
    account.shut_down("client", &mut client).await;
    account.read("server", &mut server).await;
    account.shut_down("server", &mut server).await;
    account.read("client", &mut client).await;
    account.shut_down("client", &mut client).await;
    account.shut_down("server", &mut server).await;
}

pub(crate) async fn nothing_can_be_written_after_a_shut_down<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.shut_down("client", &mut client).await;
    account.write("client", &mut client, "late").await;
    account.write("client", &mut client, "").await;
    account.write("client", &mut client, "later").await;
    account.read("server", &mut server).await;
}

pub(crate) async fn the_half_that_writes_is_dropped<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    let mut half = client.drop_writer();
    N::settle().await;
    account.read("server", &mut server).await;
    account.write("server", &mut server, "back").await;
    account.read_half("client", &mut half).await;
    drop(server);
    N::settle().await;
    account.read_half("client", &mut half).await;
}

pub(crate) async fn what_was_written_before_a_close_arrives<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    client.write(b"farewell").await.unwrap();
    drop(client);
    N::settle().await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn whoever_writes_to_an_end_that_was_closed_hears_of_it<N: Network>(
    account: &mut Account<N>,
) {
    let (client, mut server) = account.pair().await;
    drop(client);
    N::settle().await;
    account.read("server", &mut server).await;
    for text in ["one", "two", "three"] {
        account.write("server", &mut server, text).await;
    }
    account.read("server", &mut server).await;
}

pub(crate) async fn a_read_does_not_hear_what_a_write_has_done<N: Network>(
    account: &mut Account<N>,
) {
    let (client, mut server) = account.pair().await;
    drop(client);
    N::settle().await;
    account.write("server", &mut server, "one").await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
    account.write("server", &mut server, "two").await;
    account.write("server", &mut server, "three").await;
}

pub(crate) async fn unread_bytes_make_a_close_a_reset<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "unread").await;
    account.write("server", &mut server, "answer").await;
    drop(server);
    N::settle().await;
    account.read("client", &mut client).await;
    account.read("client", &mut client).await;
    account.read("client", &mut client).await;
}

pub(crate) async fn bytes_after_half_a_close_make_a_reset<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.shut_down("server", &mut server).await;
    account.write("client", &mut client, "unread").await;
    drop(server);
    N::settle().await;
    account.read("client", &mut client).await;
    account.write("client", &mut client, "more").await;
    account.write("client", &mut client, "still more").await;
}

pub(crate) async fn a_reset_is_read_once<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    client.abort();
    N::settle().await;
    for _ in 0..3 {
        account.read("server", &mut server).await;
    }
    account.write("server", &mut server, "late").await;
}

pub(crate) async fn a_reset_is_written_to_once<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    client.abort();
    N::settle().await;
    for text in ["one", "two", "three"] {
        account.write("server", &mut server, text).await;
    }
    account.read("server", &mut server).await;
}

pub(crate) async fn a_write_of_nothing_hears_of_a_reset<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    client.abort();
    N::settle().await;
    account.write("server", &mut server, "").await;
    account.write("server", &mut server, "").await;
}

pub(crate) async fn what_arrived_before_a_reset_is_read<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "last words").await;
    client.abort();
    N::settle().await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn a_write_fails_though_there_is_something_to_read<N: Network>(
    account: &mut Account<N>,
) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "last words").await;
    client.abort();
    N::settle().await;
    account.write("server", &mut server, "answer").await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn a_reset_after_the_end_is_a_broken_pipe<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "last words").await;
    account.shut_down("client", &mut client).await;
    client.abort();
    N::settle().await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
    account.write("server", &mut server, "one").await;
    account.write("server", &mut server, "two").await;
}

pub(crate) async fn both_are_shut_down_after_a_reset<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    client.abort();
    N::settle().await;
    account.shut_down("server", &mut server).await;
    account.read("server", &mut server).await;
    account.write("server", &mut server, "late").await;
}

pub(crate) async fn a_reader_that_waits_hears_of_a_reset<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    let aborts = async {
        N::settle().await;
        client.abort();
    };
    join!(aborts, account.read("server", &mut server));
}

pub(crate) async fn a_writer_that_waits_hears_of_a_reset<N: Network>(account: &mut Account<N>) {
    let (client, mut server) = account.pair().await;
    account.fill("server", &mut server).await;
    let aborts = async {
        N::settle().await;
        client.abort();
    };
    let ((), written) = join!(aborts, N::at_once(server.write(b"more")));
    account.note("server writes", written);
    account.write("server", &mut server, "still more").await;
}

pub(crate) async fn a_writer_that_waits_hears_that_the_reader_closed<N: Network>(
    account: &mut Account<N>,
) {
    let (client, mut server) = account.pair().await;
    account.fill("server", &mut server).await;
    let closes = async {
        N::settle().await;
        drop(client);
    };
    let ((), written) = join!(closes, N::at_once(server.write(b"more")));
    account.note("server writes", written);
    account.read("server", &mut server).await;
}

pub(crate) async fn both_end_at_the_same_time<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    client.write(b"from client").await.unwrap();
    server.write(b"from server").await.unwrap();
    client.shut_down().await.unwrap();
    server.shut_down().await.unwrap();
    N::settle().await;
    for _ in 0..2 {
        account.read("client", &mut client).await;
        account.read("server", &mut server).await;
    }
    account.write("client", &mut client, "late").await;
}

pub(crate) async fn both_abort_at_the_same_time<N: Network>(account: &mut Account<N>) {
    let listener = N::listen(super::account::any_port()).await.unwrap();
    let (client, server) = account.connect_to(&listener).await;
    client.abort();
    server.abort();
    N::settle().await;
    let (mut client, mut server) = account.connect_to(&listener).await;
    account.write("client", &mut client, "anew").await;
    account.read("server", &mut server).await;
}
