//! The works as simrun does them. Each is a whole run, from its start to its end, and has twins in
//! the other modules that differ in little but the names.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::net::{TcpListener, TcpStream, UdpSocket};
use simrun::time::secs;
use simrun::{Sim, host, task, time};

use super::works::{BYTES, CLIENTS};

/// How many connections wait to be accepted: enough for the largest crowd. Whoever comes when there
/// is no room would try again a second later.
const BACKLOG: usize = 10_000;

/// Sends back what comes, on every connection.
pub(crate) async fn tcp_server() -> io::Result<()> {
    let listener = TcpListener::bind_with_backlog("0.0.0.0:80", BACKLOG).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        task::spawn(async move {
            let mut bytes = [0; BYTES];
            while stream.read_exact(&mut bytes).await.is_ok() {
                stream.write_all(&bytes).await.unwrap();
            }
        })
        .detach();
    }
}

/// Sends bytes to the server and waits for them, again and again.
pub(crate) async fn tcp_client(trips: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect("server:80").await?;
    let mut bytes = [7; BYTES];
    for _ in 0..trips {
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
    }
    Ok(())
}

pub(crate) fn tcp(trips: u64) {
    let sim = Sim::new().host("server", tcp_server);
    let sim = sim.client("client", move || tcp_client(trips));
    sim.run_clients().unwrap();
}

pub(crate) fn clients(trips: u64) {
    hosts(CLIENTS, trips);
}

async fn udp_server() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:53").await?;
    let mut bytes = [0; BYTES];
    loop {
        let (_, from) = socket.recv_from(&mut bytes).await?;
        socket.send_to(&bytes, from).await?;
    }
}

async fn udp_client(trips: u64) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect("server:53").await?;
    let mut bytes = [7; BYTES];
    for _ in 0..trips {
        socket.send(&bytes).await?;
        socket.recv(&mut bytes).await?;
    }
    Ok(())
}

pub(crate) fn udp(trips: u64) {
    let sim = Sim::new().host("server", udp_server);
    let sim = sim.client("client", move || udp_client(trips));
    sim.run_clients().unwrap();
}

/// Builds and drops a simulation of two hosts on which nothing happens.
pub(crate) fn runs(runs: u64) {
    for _ in 0..runs {
        let sim = Sim::new().client("one", || async {});
        sim.client("two", || async {}).run_clients().unwrap();
    }
}

/// Lets hours pass while hosts are connected to a server and say nothing.
pub(crate) fn idle_hours(hours: u64) {
    let main = move || async move {
        host::start("server", tcp_server);
        for number in 0..CLIENTS {
            host::start(format!("client-{number}"), || async {
                let mut stream = TcpStream::connect("server:80").await?;
                stream.read(&mut [0]).await.map(drop)
            });
        }
        for _ in 0..hours {
            time::sleep(secs(3_600)).await;
        }
    };
    Sim::new().run(main).unwrap();
}

/// Makes round trips on as many connections between two hosts at once.
pub(crate) fn connections(connections: u64, trips: u64) {
    let client = move || async move {
        let connection = |_| task::try_spawn(tcp_client(trips / connections));
        let all: Vec<_> = (0..connections).map(connection).collect();
        for one in all {
            one.await?;
        }
        Ok::<(), simrun::TaskError>(())
    };
    let sim = Sim::new().host("server", tcp_server);
    sim.client("client", client).run_clients().unwrap();
}

/// Makes round trips between as many hosts and a server.
pub(crate) fn hosts(hosts: u64, trips: u64) {
    let mut sim = Sim::new().host("server", tcp_server);
    for client in 0..hosts {
        let main = move || tcp_client(trips / hosts);
        sim = sim.client(format!("client-{client}"), main);
    }
    sim.run_clients().unwrap();
}
