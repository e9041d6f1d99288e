//! Bytes on their way from one end to the other.

use futures::join;

use super::account::Account;
use super::network::{Network, Stream};

pub(crate) async fn an_echo_comes_back<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "hello").await;
    account.read("server", &mut server).await;
    account.write("server", &mut server, "hello").await;
    account.read("client", &mut client).await;
    account.read("client", &mut client).await;
}

pub(crate) async fn many_small_writes_are_one_run_of_bytes<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    for number in 0..10 {
        client.write(format!("{number},").as_bytes()).await.unwrap();
    }
    N::settle().await;
    account.read("server", &mut server).await;
    account.read("server", &mut server).await;
}

pub(crate) async fn a_long_text_is_read_in_pieces<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account
        .write("client", &mut client, &"0123456789".repeat(15))
        .await;
    for _ in 0..4 {
        account.read("server", &mut server).await;
    }
}

pub(crate) async fn nothing_is_written_and_nothing_read<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.write("client", &mut client, "").await;
    account.read("server", &mut server).await;
    account.write("client", &mut client, "text").await;
    let nothing = N::at_once(server.read(&mut [])).await;
    account.note("server reads nothing", nothing);
    account.read("server", &mut server).await;
    let nothing = N::at_once(server.read(&mut [])).await;
    account.note("server reads nothing of nothing", nothing);
    account.shut_down("client", &mut client).await;
    let nothing = N::at_once(server.read(&mut [])).await;
    account.note("server reads nothing at the end", nothing);
}

pub(crate) async fn a_reader_that_does_not_read_stops_the_writer<N: Network>(
    account: &mut Account<N>,
) {
    let (mut client, mut server) = account.pair().await;
    let written = account.fill("client", &mut client).await;
    account.see("more than a chunk is written", written > 64 << 10);
    client.shut_down().await.unwrap();
    let read = account.drain("server", &mut server).await;
    account.see("lost", written - read);
}

pub(crate) async fn a_writer_goes_on_when_there_is_room<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    let first = account.fill("client", &mut client).await;
    let mut left = first;
    while left > 0 {
        let mut chunk = vec![0; 64 << 10];
        left -= server.read(&mut chunk).await.unwrap() as u64;
    }
    account.read("server", &mut server).await;
    account.write("client", &mut client, "more").await;
    account.read("server", &mut server).await;
}

pub(crate) async fn much_more_than_both_ends_hold_arrives<N: Network>(account: &mut Account<N>) {
    const MUCH: u64 = 20_000_000;
    let (mut client, mut server) = account.pair().await;
    let writes = async {
        let mut written = 0;
        while written < MUCH {
            let chunk = vec![7; (MUCH - written).min(100_000) as usize];
            written += client.write(&chunk).await.unwrap() as u64;
        }
        client.shut_down().await.unwrap();
    };
    let (_, read) = join!(writes, account.drain("server", &mut server));
    account.see("bytes", read);
}

pub(crate) async fn both_ends_write_much_at_once<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    let filled = [
        account.fill("client", &mut client).await,
        account.fill("server", &mut server).await,
    ];
    client.shut_down().await.unwrap();
    server.shut_down().await.unwrap();
    let read = [
        account.drain("server", &mut server).await,
        account.drain("client", &mut client).await,
    ];
    account.see("all arrives", filled == read);
}

pub(crate) async fn a_read_that_is_given_up_loses_nothing<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    account.read("server", &mut server).await;
    account.write("client", &mut client, "late").await;
    account.read("server", &mut server).await;
}

pub(crate) async fn a_reader_that_waits_is_woken<N: Network>(account: &mut Account<N>) {
    let (mut client, mut server) = account.pair().await;
    let writes = async {
        N::settle().await;
        client.write(b"now").await
    };
    let (written, ()) = join!(writes, account.read("server", &mut server));
    account.note("client writes", written);
}
