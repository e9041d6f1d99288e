//! The works of the benchmark `network` as madsim does them. Every line that comes in names a work
//! and a count of operations, and is answered when they are done.

#[cfg(not(madsim))]
compile_error!("madsim simulates only with `RUSTFLAGS=\"--cfg madsim\"`");

use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use madsim::net::{TcpListener, TcpStream, UdpSocket};
use madsim::runtime::{Handle, NodeHandle, Runtime};
use madsim::{Config, task};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BYTES: usize = 64;
const CLIENTS: u64 = 100;
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (work, operations) = line.split_once(' ').expect("a work and a count");
        let operations = operations.parse().expect("a count of operations");
        match work {
            "tcp" => clients(1, operations),
            "clients" => clients(CLIENTS, operations),
            "udp" => udp(operations),
            "run" => runs(operations),
            "idle-hour" => idle_hours(operations),
            _ => panic!("there is no work `{work}`"),
        }
        println!("done");
        std::io::stdout().flush().expect("someone listens");
    }
}

fn run<F: Future>(main: impl FnOnce(Handle) -> F) {
    let runtime = Runtime::with_seed_and_config(1, Config::default());
    let handle = runtime.handle().clone();
    runtime.block_on(main(handle));
}

fn node(handle: &Handle, number: u64) -> NodeHandle {
    let ip = IpAddr::V4(Ipv4Addr::from_bits(SERVER.to_bits() + number as u32));
    handle.create_node().ip(ip).build()
}

async fn tcp_server() {
    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        task::spawn(async move {
            let mut bytes = [0; BYTES];
            while stream.read_exact(&mut bytes).await.is_ok() {
                stream.write_all(&bytes).await.unwrap();
                // It sends nothing before it is told to.
                stream.flush().await.unwrap();
            }
        });
    }
}

async fn tcp_client(trips: u64) {
    let mut stream = TcpStream::connect((SERVER, 80)).await.unwrap();
    let mut bytes = [7; BYTES];
    for _ in 0..trips {
        stream.write_all(&bytes).await.unwrap();
        stream.flush().await.unwrap();
        stream.read_exact(&mut bytes).await.unwrap();
    }
}

fn clients(clients: u64, trips: u64) {
    run(|handle| async move {
        node(&handle, 0).spawn(tcp_server());
        // It has no connections that wait: whoever comes before it listens is refused.
        madsim::time::sleep(Duration::from_millis(1)).await;
        let client = |number| node(&handle, 1 + number).spawn(tcp_client(trips / clients));
        let clients: Vec<_> = (0..clients).map(client).collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

fn udp(trips: u64) {
    run(|handle| async move {
        node(&handle, 0).spawn(async {
            let socket = UdpSocket::bind("0.0.0.0:53").await.unwrap();
            let mut bytes = [0; BYTES];
            loop {
                let (_, from) = socket.recv_from(&mut bytes).await.unwrap();
                socket.send_to(from, &bytes).await.unwrap();
            }
        });
        madsim::time::sleep(Duration::from_millis(1)).await;
        let client = node(&handle, 1).spawn(async move {
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            socket.connect((SERVER, 53)).await.unwrap();
            let mut bytes = [7; BYTES];
            for _ in 0..trips {
                socket.send(&bytes).await.unwrap();
                socket.recv(&mut bytes).await.unwrap();
            }
        });
        client.await.unwrap();
    });
}

fn runs(runs: u64) {
    for _ in 0..runs {
        run(|handle| async move {
            let hosts = [0, 1].map(|number| node(&handle, number).spawn(async {}));
            for host in hosts {
                host.await.unwrap();
            }
        });
    }
}

fn idle_hours(hours: u64) {
    run(|handle| async move {
        node(&handle, 0).spawn(tcp_server());
        madsim::time::sleep(Duration::from_millis(1)).await;
        for number in 0..CLIENTS {
            node(&handle, 1 + number).spawn(async {
                let mut stream = TcpStream::connect((SERVER, 80)).await.unwrap();
                let _ = stream.read(&mut [0]).await;
            });
        }
        for _ in 0..hours {
            madsim::time::sleep(Duration::from_secs(3_600)).await;
        }
    });
}
