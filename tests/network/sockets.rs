//! Listeners, streams and datagram sockets, as Rust programs use them.

use std::io::ErrorKind;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use simrun::net::{TcpListener, TcpStream, lookup_host};
use simrun::time::{millis, now};
use simrun::{Sim, Strategy, spawn, task};

/// Makes a connection within the host.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = spawn(TcpStream::connect(address));
    let (server, _) = listener.accept().await.unwrap();
    (client.await.unwrap().unwrap(), server)
}

#[test]
fn an_echo_comes_back_and_ends_when_the_client_does() {
    simrun::run(async {
        let (mut client, server) = pair().await;
        let echo = spawn(async move {
            let (reader, mut writer) = server.into_split();
            futures::io::copy(reader, &mut writer).await.unwrap();
        });
        client.write_all(b"hello").await.unwrap();
        client.close().await.unwrap();
        let mut back = String::new();
        client.read_to_string(&mut back).await.unwrap();
        assert_eq!(back, "hello");
        echo.await.unwrap();
    });
}

#[test]
fn a_closed_port_refuses_and_an_unknown_name_is_not_found() {
    simrun::run(async {
        let refused = TcpStream::connect("127.0.0.1:9").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let unknown = TcpStream::connect("nowhere:9").await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        let far = TcpStream::connect("192.0.2.1:9").await.unwrap_err();
        assert_eq!(far.kind(), ErrorKind::HostUnreachable);
        assert!(lookup_host("no port").await.is_err());
    });
}

#[test]
fn an_address_can_be_bound_once() {
    simrun::run(async {
        let first = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let second = TcpListener::bind("0.0.0.0:80").await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AddrInUse);
        drop(first);
        TcpListener::bind("0.0.0.0:80").await.unwrap();
        let strange = TcpListener::bind("192.0.2.1:80").await.unwrap_err();
        assert_eq!(strange.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_writer_waits_for_a_reader_that_does_not_read() {
    simrun::run(async {
        let (mut client, mut server) = pair().await;
        let writer = spawn(async move { client.write_all(&[1; 500_000]).await });
        simrun::time::sleep(millis(100)).await;
        assert!(!writer.is_done());
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 500_000);
        writer.await.unwrap().unwrap();
    });
}

#[test]
fn an_abort_is_a_reset_for_the_other_end() {
    simrun::run(async {
        let (client, mut server) = pair().await;
        client.abort();
        let reset = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_read_that_is_cancelled_loses_nothing() {
    simrun::run(async {
        let (mut client, mut server) = pair().await;
        let reader = spawn(async move {
            let mut byte = [0];
            let cancelled = task::cancellable(server.read(&mut byte)).await;
            assert!(cancelled.is_err());
            server.read_exact(&mut byte).await.unwrap();
            byte[0]
        });
        simrun::time::sleep(millis(1)).await;
        reader.cancel();
        client.write_all(&[7]).await.unwrap();
        assert_eq!(reader.await.unwrap(), 7);
    });
}

#[test]
fn a_deadlock_names_the_sockets_that_are_waited_for() {
    let run = Sim::new().run(|| async {
        let (mut client, mut server) = pair().await;
        let waits = spawn(async move { server.read(&mut [0; 8]).await });
        client.read_exact(&mut [0; 8]).await.unwrap();
        waits.await.unwrap().unwrap();
    });
    let text = run.failure().unwrap().to_string();
    assert!(
        text.contains("for stream `127.0.0.1:32769 - 127.0.0.1:32768`"),
        "{text}"
    );
}

#[test]
fn many_clients_are_served_in_any_order_and_each_run_is_repeated_exactly() {
    let program = || async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let server = spawn(async move {
            let mut incoming = listener.incoming().take(20);
            while let Some(stream) = incoming.next().await {
                let (reader, mut writer) = stream.unwrap().into_split();
                spawn(async move { futures::io::copy(reader, &mut writer).await }).detach();
            }
        });
        let client = |number: u8| {
            spawn(async move {
                let mut stream = TcpStream::connect("127.0.0.1:80").await.unwrap();
                stream.write_all(&[number; 10]).await.unwrap();
                let mut back = [0; 10];
                stream.read_exact(&mut back).await.unwrap();
                assert_eq!(back, [number; 10]);
            })
        };
        simrun::gather((0..20).map(client)).await.unwrap();
        server.await.unwrap();
        now()
    };
    for seed in 0..50 {
        let sim = Sim::new()
            .seed(seed)
            .strategy(Strategy::random())
            .write_plan(true);
        let run = sim.run(program);
        let again = sim.run(program);
        assert_eq!(run.fingerprint(), again.fingerprint(), "seed {seed}");
        let replay = Sim::new()
            .strategy(Strategy::replay(run.plan().clone()))
            .run(program);
        assert_eq!(run.fingerprint(), replay.fingerprint(), "seed {seed}");
        run.unwrap();
    }
}
