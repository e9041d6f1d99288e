//! The works on the machine's own loopback, through tokio, with both ends on one thread: see
//! [`on_simrun`](super::on_simrun).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Builder;

use super::works::BYTES;

fn run<F: Future>(main: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_io().build();
    runtime.expect("a runtime").block_on(main)
}

pub(crate) fn tcp(trips: u64) {
    run(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut bytes = [0; BYTES];
            while stream.read_exact(&mut bytes).await.is_ok() {
                stream.write_all(&bytes).await.unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut bytes = [7; BYTES];
        for _ in 0..trips {
            stream.write_all(&bytes).await.unwrap();
            stream.read_exact(&mut bytes).await.unwrap();
        }
    });
}

pub(crate) fn udp(trips: u64) {
    run(async move {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(server.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; BYTES];
            loop {
                let (_, from) = server.recv_from(&mut bytes).await.unwrap();
                server.send_to(&bytes, from).await.unwrap();
            }
        });
        let mut bytes = [7; BYTES];
        for _ in 0..trips {
            client.send(&bytes).await.unwrap();
            client.recv(&mut bytes).await.unwrap();
        }
    });
}
